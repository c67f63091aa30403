/* passes.c — what a round costs a peer with a large model, part by part, with one thread and with several:
 *
 *      passes DIMENSION [THREADS [ROUNDS [PIPELINE]]]
 *
 * Two peers in one process, whose trainer pulls every coordinate towards another number. Odd rounds share passes among THREADS
 * (2) threads, even ones do not: the least of each, in nanoseconds per coordinate, beside a memcpy of a vector; and the longest
 * step of the peer, in milliseconds: nothing that comes meanwhile is looked at. */
#include "daemon/run/clock.h"
#include "daemon/run/memory.h"
#include "daemon/run/threads.h"
#include "gossip/peer.h"
#include "linalg/blocks.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 2, MESSAGES = 64, ROWS = 1000 };

enum part { ENCODE, DECODE, MIX, PARTS };
static const char *const part_name[PARTS] = { "difference, selection, quantising, coding",
	                                      "decoding, and adding to the copy",
	                                      "mixing, proximal step, counts" };

struct message {
	uint32_t to;
	uint8_t *bytes;
	size_t length;
};

struct one {
	uint32_t number;
	struct sl_peer *peer;
	bool job;
	struct sl_time mark[4], row; /* of the step at hand; µs 0: not reached */
};

static struct {
	struct sl_plan plan;
	struct sl_run_settings settings;
	struct sl_scratch scratch;
	struct sl_parallel parallel;
	struct one one[PEERS];
	struct message queue[MESSAGES];
	unsigned first, count;
	double least[2][PARTS]; /* µs; first index: whether threads share */
	int64_t longest[2];     /* step, µs */
	uint64_t bytes;         /* of the largest message */
} b;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "passes: %s\n", what);
	exit(1);
}

/* ---- the trainer ---- */

static void pull(void *of, uint32_t index, uint32_t thread)
{
	float *x = of;
	(void)thread;
	for (uint32_t k = index * SL_BLOCK, n = 0; n < SL_BLOCK && k < b.plan.dimension; k++, n++) {
		uint32_t h = k * 2654435761U;
		h ^= h >> 15;
		h *= 2246822519U;
		x[k] -= 0.2F * (x[k] - ((float)(h >> 8) / 16777216.0F - 0.5F));
	}
}

static bool train(void *context, struct sl_guest_task *task, const float *in, float *out)
{
	(void)context;
	if (in != out)
		memcpy(out, in, b.plan.dimension * sizeof *out);
	sl_parallel_run(&b.parallel, b.plan.dimension / SL_BLOCK + 1, pull, out);
	task->loss = 1;
	task->accuracy = (double)NAN;
	return true;
}

/* ---- the driver ---- */

static void act(void *driver, const struct sl_action *a)
{
	struct one *o = driver;
	if (a->kind == SL_ACTION_MARK)
		o->mark[a->mark] = sl_clock();
	if (a->kind == SL_ACTION_ROUND_ROW)
		o->row = sl_clock();
	if (a->kind == SL_ACTION_JOB)
		o->job = true;
	if (a->kind != SL_ACTION_SEND)
		return;
	if (b.count == MESSAGES)
		die("too many messages");
	struct message *m = &b.queue[(b.first + b.count++) % MESSAGES];
	*m = (struct message){ 1 - o->number, malloc(a->header_length + a->body_length),
		               a->header_length + a->body_length };
	if (!m->bytes)
		die("out of memory");
	memcpy(m->bytes, a->header, a->header_length);
	if (a->body_length)
		memcpy(m->bytes + a->header_length, a->body, a->body_length);
	b.bytes = m->length > b.bytes ? m->length : b.bytes;
}

static void note(enum part part, bool shared, int64_t us)
{
	double *least = &b.least[shared][part];
	if (*least == 0 || (double)us < *least)
		*least = (double)us;
}

/* Of the first peer only, after its first rounds, in which memory is touched for the first time. */
static void step(struct one *o, struct sl_event event)
{
	bool shared = sl_peer_round(o->peer) % 2;
	b.scratch.parallel = shared ? &b.parallel : NULL;
	memset(o->mark, 0, sizeof o->mark);
	o->row.us = 0;
	event.now = sl_clock();
	bool counts = o->number == 0 && sl_peer_round(o->peer) >= 2;
	sl_peer_step(o->peer, &event, &b.scratch, act, o);
	int64_t end = sl_clock().us, begin = event.now.us;
	if (!counts)
		return;
	b.longest[shared] = end - begin > b.longest[shared] ? end - begin : b.longest[shared];
	if (o->mark[1].us)
		note(ENCODE, shared, o->mark[1].us - o->mark[0].us);
	if (o->mark[3].us && o->row.us)
		note(MIX, shared, o->row.us - o->mark[3].us);
	if (event.kind == SL_EVENT_RECEIVE && event.length > 1000)
		note(DECODE, shared, (o->mark[3].us ? o->mark[3].us : end) - begin);
}

static void run(uint32_t rounds)
{
	for (uint32_t i = 0; i < PEERS; i++)
		step(&b.one[i], (struct sl_event){ .kind = SL_EVENT_START });
	while (sl_peer_round(b.one[0].peer) < rounds) {
		if (b.count > 0) {
			struct message m = b.queue[b.first];
			b.first = (b.first + 1) % MESSAGES;
			b.count--;
			step(&b.one[m.to], (struct sl_event){ .kind = SL_EVENT_RECEIVE,
			                                      .bytes = m.bytes,
			                                      .length = m.length });
			free(m.bytes);
			continue;
		}
		bool any = false;
		for (uint32_t i = 0; i < PEERS; i++)
			if (b.one[i].job) {
				any = true;
				b.one[i].job = false;
				sl_peer_run_job(b.one[i].peer, &b.scratch);
				step(&b.one[i], (struct sl_event){ .kind = SL_EVENT_JOB_DONE });
			}
		if (!any)
			die("the run stands still");
	}
}

/* ---- before and after ---- */

static void set(const char *section, const char *key, const char *value)
{
	struct sl_error error;
	if (sl_run_settings_set(&b.settings, section, key, value, &error) != SL_OK)
		die(error.text);
}

static void open(uint32_t dimension, const char *pipeline)
{
	static struct sl_topology topology;
	static struct sl_dataset data;
	static const struct sl_guest guest = { .call = train };
	static struct sl_peer_neighbour neighbours[PEERS][SL_DEGREE_MAX];
	struct sl_error error = { 0 };
	struct sl_spectrum spectrum;
	char note_text[SL_TEXT_MAX];
	sl_run_settings_standard(&b.settings);
	set("model", "name", "trainer:steps");
	set("compress", "pipeline", pipeline);
	set("run", "round_timeout", "never");
	set("run", "rounds", "1000000");
	set("history", "evaluate", "0");
	if (sl_run_settings_check(&b.settings, &error) != SL_OK ||
	    sl_topology_make(&topology, "path:2", 1, &error) != SL_OK)
		die(error.text);
	sl_topology_spectrum(&topology, &spectrum);
	struct sl_plan_graph graph = sl_plan_graph_of(&topology, &spectrum);
	struct sl_outside outside = { .start = calloc(dimension, sizeof(float)), .guest = &guest };
	if (!sl_layout_add(&outside.layout, "w", dimension / ROWS, ROWS, false))
		die("too many coordinates");
	if (!outside.start ||
	    sl_plan_make_outside(&b.plan, &b.settings, &graph, &outside, note_text, &error) != SL_OK ||
	    sl_memory_scratch(&b.scratch, &b.plan, &error) != SL_OK)
		die(error.text);
	for (uint32_t i = 0; i < PEERS; i++) {
		struct sl_peer_setup setup = { .plan = &b.plan,
			                       .peer = i,
			                       .neighbours = neighbours[i],
			                       .degree = sl_peer_neighbours(&topology, i, neighbours[i]),
			                       .data = &data };
		struct sl_arena arena = { .capacity = sl_peer_size(&setup) };
		arena.base = sl_memory_take(arena.capacity, sl_peer_busy(&setup));
		if (!arena.base)
			die("out of memory");
		b.one[i] = (struct one){ .number = i, .peer = sl_peer_make(&setup, &arena) };
	}
}

/* By one thread and by all of them. */
static void copy(uint32_t dimension, double out[2])
{
	float *from = calloc(dimension, sizeof *from), *to = calloc(dimension, sizeof *to);
	if (!from || !to)
		die("out of memory");
	out[0] = out[1] = INFINITY;
	memset(from, 1, dimension * sizeof *from);
	memset(to, 2, dimension * sizeof *to);
	for (int i = 0; i < 10; i++) {
		int64_t begin = sl_clock().us;
		sl_blocks_copy(i % 2 ? &b.parallel : NULL, dimension, from, to);
		out[i % 2] = fmin(out[i % 2], (double)(sl_clock().us - begin));
	}
	free(from);
	free(to);
}

/* What a checkpoint adds to a step. */
static void save(uint32_t dimension)
{
	double least = INFINITY;
	size_t length = sl_peer_save(b.one[0].peer, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		int64_t begin = sl_clock().us;
		uint8_t *bytes = sl_memory_buffer(length);
		if (!bytes || sl_peer_save(b.one[0].peer, bytes, NULL) == 0)
			die("the state cannot be saved");
		least = fmin(least, (double)(sl_clock().us - begin));
		free(bytes);
	}
	printf("%-42s %6.2f\n", "copy for a checkpoint, checked", 1e3 * least / dimension);
}

int main(int argc, char **argv)
{
	struct sl_error error;
	double copies[2];
	uint32_t dimension = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) / ROWS * ROWS : 0,
	         threads = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2,
	         rounds = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 22;
	if (dimension == 0)
		die("usage: passes DIMENSION [THREADS [ROUNDS [PIPELINE]]]");
	struct sl_threads *pool = sl_threads_start(threads, &error);
	if (!pool)
		die(error.text);
	b.parallel = sl_threads_of(pool);
	open(dimension, argc > 4 ? argv[4] : "topk:0.01 | dither:16 | golomb");
	run(rounds);
	copy(dimension, copies);
	printf("d = %" PRIu32 ", ns per coordinate (1 thread, %" PRIu32
	       " threads), frames of %.3f bytes per coordinate\n",
	       dimension, threads, (double)b.bytes / dimension);
	for (int p = 0; p < PARTS; p++)
		printf("%-42s %6.2f %6.2f\n", part_name[p], 1e3 * b.least[0][p] / dimension,
		       1e3 * b.least[1][p] / dimension);
	printf("%-42s %6.2f %6.2f\n", "memcpy of a vector", 1e3 * copies[0] / dimension,
	       1e3 * copies[1] / dimension);
	save(dimension);
	printf("longest step, for which a message waits, in ms %9.1f %6.1f\n", 1e-3 * (double)b.longest[0],
	       1e-3 * (double)b.longest[1]);
	sl_threads_stop(pool);
	return 0;
}
