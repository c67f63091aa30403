/* floor.c — what a round cannot do without, measured alone: the gradients of a run's peers, a bare lockstep
 * exchange of frames over ZeroMQ (tcp, CURVE), or both, by as many processes as the run has peers.
 *
 *      floor RUN gradient|exchange|both|vectors|sums ROUNDS BYTES
 *
 * `vectors` is both, and what starlingd does to memory in a round, without its arithmetic: each message changes some
 * coordinates of a copy, at random places, and one pass over the copies and the model mixes them. Nothing is selected,
 * quantised, coded or checked. `sums` is the least of another design, which starlingd does not have: each message changes the
 * sum of the weighted differences of copies, copies of neighbours are not touched at all, and the pass adds the sum.
 *
 * Printed are microseconds a round, then for each peer and round: microseconds of CPU in user and in system mode,
 * voluntary and involuntary context switches. The first rounds are not counted. */
#include "base/random.h"
#include "daemon/run/blas.h"
#include "daemon/run/memory.h"
#include "daemon/run/run.h"
#include "gossip/algorithm.h"
#include "learn/model.h"
#include "linalg/vector.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { PEERS_MOST = 64, KEY = 41, WARM_UP = 50, MESSAGE_MOST = 1 << 20, DRAWS = 16 };

/* Between the processes. */
struct shared {
	atomic_uint arrived[4];
	char endpoint[PEERS_MOST][64], public_key[PEERS_MOST][KEY], secret_key[PEERS_MOST][KEY];
	struct rusage warm[PEERS_MOST], end[PEERS_MOST];
	int64_t warm_us[PEERS_MOST], end_us[PEERS_MOST];
};

struct floor {
	struct sl_run run;
	struct shared *shared;
	bool gradient, exchange, vectors, sums;
	uint32_t peers, peer, rounds, degree;
	struct sl_peer_neighbour neighbour[SL_DEGREE_MAX];
	size_t bytes;
	void *router, *dealer[SL_DEGREE_MAX];
	uint32_t heard[PEERS_MOST]; /* frames so far of each peer */
	struct sl_learner learner;
	struct sl_scratch scratch;
	float *copy[1 + SL_DEGREE_MAX], *value; /* the own copy is the last */
	uint32_t *place[DRAWS], places;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void meet(struct floor *f, unsigned place)
{
	atomic_fetch_add(&f->shared->arrived[place], 1);
	while (atomic_load(&f->shared->arrived[place]) < f->peers)
		usleep(200);
}

static int64_t clock_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void open_learner(struct floor *f)
{
	static struct sl_mapping file;
	static struct sl_dataset data;
	struct sl_error error;
	const struct sl_plan *plan = &f->run.plan;
	must(sl_run_shard(&f->run, f->peer, &file, &data, &error) == SL_OK &&
	         sl_memory_scratch(&f->scratch, plan, &error) == SL_OK,
	     "shard");
	size_t size = (1 + plan->algorithm->vectors) * plan->dimension * sizeof(float);
	float *x = (float *)(void *)sl_memory_take(size, 0);
	must(x != NULL, "memory");
	f->learner = (struct sl_learner){ .plan = plan,
		                          .share = 1,
		                          .data = &data,
		                          .scratch = &f->scratch,
		                          .peer = f->peer,
		                          .dimension = plan->dimension,
		                          .x = x };
	for (unsigned v = 0; v < plan->algorithm->vectors; v++)
		f->learner.vector[v] = x + (v + 1) * (size_t)plan->dimension;
	plan->model.model->init(&plan->model, plan->settings.seed, x);
}

/* About as many coordinates in a message as bytes. */
static void open_copies(struct floor *f)
{
	size_t d = f->run.plan.dimension;
	struct sl_random g = sl_random_stream(1, f->peer, "places", 0);
	float *copies = (float *)(void *)sl_memory_take((f->degree + 1) * d * sizeof(float),
	                                                (f->degree + 1) * d * sizeof(float));
	must(copies != NULL, "memory");
	for (uint32_t i = 0; i <= f->degree; i++)
		f->copy[i] = copies + i * d;
	f->places = f->bytes < d ? (uint32_t)f->bytes : (uint32_t)d;
	f->value = calloc(f->places, sizeof *f->value);
	must(f->value != NULL, "memory");
	for (unsigned t = 0; t < DRAWS; t++) {
		f->place[t] = malloc(f->places * sizeof **f->place);
		must(f->place[t] != NULL, "memory");
		for (uint32_t k = 0; k < f->places; k++) /* rising, one in each stretch of d / places */
			f->place[t][k] = (uint32_t)((k + sl_random_unit_double(&g)) * (double)d / f->places);
	}
}

static void touch_copy(const struct floor *f, float *copy, const uint32_t *place)
{
	for (uint32_t k = 0; k < f->places; k++)
		copy[place[k]] += f->value[k];
}

/* The first copy stands for the sum. */
static void touch_sums(struct floor *f, uint32_t round)
{
	touch_copy(f, f->copy[f->degree], f->place[round % DRAWS]);
	for (uint32_t i = 0; i <= f->degree; i++)
		touch_copy(f, f->copy[0], f->place[(round + 5 * i) % DRAWS]);
	sl_vector_axpy(f->run.plan.dimension, 0.5f, f->copy[0], f->learner.x);
}

static void touch_vectors(struct floor *f, uint32_t round)
{
	if (f->sums) {
		touch_sums(f, round);
		return;
	}
	struct sl_mix_term term[SL_DEGREE_MAX];
	double square[SL_DEGREE_MAX];
	for (uint32_t i = 0; i <= f->degree; i++)
		touch_copy(f, f->copy[i], f->place[(round + 5 * i) % DRAWS]);
	for (uint32_t i = 0; i < f->degree; i++)
		term[i] = (struct sl_mix_term){ 0, f->copy[f->degree], f->copy[i] };
	sl_vector_mix_all(f->run.plan.dimension, f->degree, term, f->learner.x, square);
}

static void open_sockets(struct floor *f)
{
	struct shared *s = f->shared;
	void *context = zmq_ctx_new();
	int yes = 1, wait = 0;
	size_t size = sizeof s->endpoint[0];
	f->router = zmq_socket(context, ZMQ_ROUTER);
	must(f->router && zmq_setsockopt(f->router, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
	         zmq_setsockopt(f->router, ZMQ_CURVE_SECRETKEY, s->secret_key[f->peer], KEY) == 0 &&
	         zmq_bind(f->router, "tcp://127.0.0.1:*") == 0 &&
	         zmq_getsockopt(f->router, ZMQ_LAST_ENDPOINT, s->endpoint[f->peer], &size) == 0,
	     "router");
	meet(f, 0);
	for (uint32_t i = 0; i < f->degree; i++) {
		uint32_t to = f->neighbour[i].peer;
		void *d = f->dealer[i] = zmq_socket(context, ZMQ_DEALER);
		must(d && zmq_setsockopt(d, ZMQ_LINGER, &wait, sizeof wait) == 0 &&
		         zmq_setsockopt(d, ZMQ_CURVE_PUBLICKEY, s->public_key[f->peer], KEY) == 0 &&
		         zmq_setsockopt(d, ZMQ_CURVE_SECRETKEY, s->secret_key[f->peer], KEY) == 0 &&
		         zmq_setsockopt(d, ZMQ_CURVE_SERVERKEY, s->public_key[to], KEY) == 0 &&
		         zmq_connect(d, s->endpoint[to]) == 0,
		     "dealer");
	}
}

/* A frame to each neighbour, and one from each; a neighbour may be a round ahead. */
static void exchange(struct floor *f, uint32_t round)
{
	static uint8_t body[MESSAGE_MOST];
	memcpy(body, &f->peer, sizeof f->peer);
	for (uint32_t i = 0; i < f->degree; i++)
		must(zmq_send(f->dealer[i], body, f->bytes, 0) >= 0, "send");
	for (uint32_t i = 0; i < f->degree; i++)
		while (f->heard[f->neighbour[i].peer] <= round) {
			zmq_msg_t id, frame;
			uint32_t from;
			zmq_msg_init(&id);
			zmq_msg_init(&frame);
			must(zmq_msg_recv(&id, f->router, 0) >= 0 && zmq_msg_recv(&frame, f->router, 0) >= 0,
			     "receive");
			memcpy(&from, zmq_msg_data(&frame), sizeof from);
			must(from < f->peers, "a frame of a peer");
			f->heard[from]++;
			zmq_msg_close(&id);
			zmq_msg_close(&frame);
		}
}

static void note(struct rusage *usage, int64_t *at_us)
{
	getrusage(RUSAGE_SELF, usage);
	*at_us = clock_us();
}

static void be_peer(struct floor *f)
{
	struct shared *s = f->shared;
	f->degree = sl_run_neighbours(&f->run, f->peer, f->neighbour);
	if (f->gradient)
		open_learner(f);
	if (f->vectors)
		open_copies(f);
	if (f->exchange)
		open_sockets(f);
	meet(f, 1);
	for (uint32_t round = 0; round < WARM_UP + f->rounds; round++) {
		if (round == WARM_UP) {
			meet(f, 2);
			note(&s->warm[f->peer], &s->warm_us[f->peer]);
		}
		f->learner.round = round;
		if (f->gradient)
			f->run.plan.algorithm->local(&f->learner);
		if (f->exchange)
			exchange(f, round);
		if (f->vectors)
			touch_vectors(f, round);
	}
	note(&s->end[f->peer], &s->end_us[f->peer]);
	meet(f, 3);
	_exit(0); /* nothing is worth a tidy end */
}

static double seconds(struct timeval end, struct timeval begin)
{
	return (double)(end.tv_sec - begin.tv_sec) + 1e-6 * (double)(end.tv_usec - begin.tv_usec);
}

static void report(const struct floor *f)
{
	const struct shared *s = f->shared;
	double user = 0, system = 0, voluntary = 0, involuntary = 0, each = (double)f->peers * f->rounds;
	int64_t begin = INT64_MAX, end = 0;
	for (uint32_t k = 0; k < f->peers; k++) {
		begin = s->warm_us[k] < begin ? s->warm_us[k] : begin;
		end = s->end_us[k] > end ? s->end_us[k] : end;
		user += 1e6 * seconds(s->end[k].ru_utime, s->warm[k].ru_utime);
		system += 1e6 * seconds(s->end[k].ru_stime, s->warm[k].ru_stime);
		voluntary += (double)(s->end[k].ru_nvcsw - s->warm[k].ru_nvcsw);
		involuntary += (double)(s->end[k].ru_nivcsw - s->warm[k].ru_nivcsw);
	}
	printf("%.1f %.1f %.1f %.2f %.2f\n", (double)(end - begin) / f->rounds, user / each, system / each,
	       voluntary / each, involuntary / each);
}

int main(int argc, char **argv)
{
	static struct floor f;
	struct sl_error error;
	char conf[4096];
	if (argc != 5) {
		fputs("usage: floor RUN gradient|exchange|both|vectors|sums ROUNDS BYTES\n", stderr);
		return 2;
	}
	if (sl_blas_settle(argv, &error) != SL_OK) {
		fprintf(stderr, "floor: %s\n", error.text);
		return 1;
	}
	char step[] = "algorithm.local_steps=1", *one_step[] = { step, NULL };
	snprintf(conf, sizeof conf, "%s/run.conf", argv[1]);
	if (sl_run_open(&f.run, conf, one_step, false, &error) != SL_OK) {
		fprintf(stderr, "floor: %s\n", error.text);
		return 1;
	}
	f.gradient = strcmp(argv[2], "exchange") != 0;
	f.exchange = strcmp(argv[2], "gradient") != 0;
	f.sums = strcmp(argv[2], "sums") == 0;
	f.vectors = f.sums || strcmp(argv[2], "vectors") == 0;
	f.rounds = (uint32_t)strtoul(argv[3], NULL, 10);
	f.bytes = strtoul(argv[4], NULL, 10);
	f.peers = f.run.roster.topology.peers;
	must(f.peers <= PEERS_MOST && f.rounds > 0 && f.bytes >= sizeof f.peer && f.bytes <= MESSAGE_MOST,
	     argv[0]);
	f.shared = mmap(NULL, sizeof *f.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(f.shared != MAP_FAILED, "mmap");
	for (uint32_t k = 0; k < f.peers; k++)
		must(zmq_curve_keypair(f.shared->public_key[k], f.shared->secret_key[k]) == 0, "keys");
	for (f.peer = 0; f.peer < f.peers; f.peer++) {
		pid_t child = fork();
		must(child >= 0, "fork");
		if (child > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_peer(&f);
	}
	bool good = true;
	for (int status; wait(&status) > 0;)
		good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (good)
		report(&f);
	return !good;
}
