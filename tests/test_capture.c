/* Recordings: what a run sent can be coded again from the file, byte for byte; no damaged file is read. */
#include "support/compress.h"
#include "support/scratch.h"
#include "support/trial.h"

#include "daemon/run/files.h"
#include "daemon/cli/sim/record.h"
#include "linalg/vector.h"
#include "sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PEERS = 4,
	SAMPLES = 8,
	FEATURES = 30,
	ROUNDS = 12,
	MESSAGES_MAX = 2 * PEERS * (ROUNDS + 1),
	CHANNELS = 2
};

static void make_problem(struct trial *t, const char *algorithm, const char *topology, const char *pipeline)
{
	trial_standard(t, algorithm, topology, "ridge:0.1", pipeline);
	t->features = FEATURES;
	t->settings.eta = 0.01;
	t->settings.gamma = 0.3;
	t->settings.rounds = ROUNDS;
	struct sl_random g = sl_random_stream(3, 0, "problem", 0);
	for (uint32_t i = 0; i < PEERS; i++) {
		float *rows = trial_shard(t, i, SAMPLES), *target = (float *)(uintptr_t)t->shard[i].target;
		for (uint32_t k = 0; k < SAMPLES * FEATURES; k++)
			rows[k] = (float)sl_random_normal(&g);
		for (uint32_t k = 0; k < SAMPLES; k++)
			target[k] = (float)sl_random_normal(&g);
	}
}

/* Notes the copies, and hands everything on. */
struct witness {
	struct sl_sim_capture record;
	uint64_t copy[MESSAGES_MAX];
	uint32_t messages;
};

static void on_encoded(void *context, const struct sl_message_context *m, uint32_t round, float factor,
                       const float *vector, const struct sl_workspace *w, const struct sl_update *update,
                       const uint8_t *body, size_t length)
{
	struct witness *x = context;
	const struct sl_capture_hook *r = &x->record.hook;
	assert_true(x->messages < MESSAGES_MAX);
	x->copy[x->messages++] = sl_vector_digest(m->layout->dimension, 0, m->copy);
	r->encoded(r->context, m, round, factor, vector, w, update, body, length);
}

static void record(struct trial *t, const char *path, bool vectors, struct witness *x)
{
	struct sl_error error = { 0 };
	*x = (struct witness){ .record = { .path = path, .vectors = vectors } };
	struct sl_capture_hook recorder = { x, on_encoded };
	assert_int_equal(sl_sim_capture_open(&x->record, &t->plan, PEERS, &error), SL_OK);
	struct sl_sim_setup setup = { .plan = &t->plan,
		                      .topology = &t->topology,
		                      .shards = t->shard,
		                      .network = { .latency_us = 100, .compute_us = 100 },
		                      .capture = &recorder };
	struct sl_sim *sim = sl_sim_open(&setup, &error);
	assert_non_null(sim);
	assert_true(sl_sim_run(sim, 1000000));
	sl_sim_close(sim);
	assert_int_equal(sl_sim_capture_close(&x->record, &error), SL_OK);
	sl_sim_capture_free(&x->record);
}

/* What a reader has of one stream. */
struct stream {
	struct rig rig, whole; /* coding from symbols, and from vectors */
	float *copy;
};

static struct stream *stream_of(struct stream *all, const struct sl_capture *f, const struct sl_captured *m)
{
	assert_true(m->peer < PEERS && m->channel < CHANNELS);
	struct stream *s = &all[m->peer * CHANNELS + m->channel];
	struct sl_error error;
	if (!s->copy) {
		s->copy = malloc(f->layout.dimension * sizeof *s->copy);
		assert_true(rig_make(&s->rig, f->text, &f->layout, &error));
		assert_true(rig_make(&s->whole, f->text, &f->layout, &error));
	}
	return s;
}

static void same_body(const struct rig *r, const struct sl_writer *w, const struct sl_captured *m)
{
	assert_int_equal(sl_writer_length(w), m->body_length);
	assert_int_equal(sl_capture_digest(0, r->body, m->body_length), m->body_digest);
}

static void code_again(const struct sl_capture *f, const struct sl_captured *m, struct stream *s,
                       bool vectors)
{
	struct sl_message_context address = { f->seed,    m->peer, m->version,      m->channel,
		                              &f->layout, s->copy, s->rig.memory[0] };
	struct sl_writer w = sl_writer(s->rig.body, s->rig.bound);
	struct sl_update u;
	assert_int_equal(m->vector != NULL, vectors);
	if (vectors) {
		struct rig *r = &s->whole;
		struct sl_writer again = sl_writer(r->body, r->bound);
		address.memory = r->memory[0];
		sl_pipeline_encode(&r->pipeline, &address, m->vector, &again, &u, r->send);
		same_body(r, &again, m);
		address.memory = s->rig.memory[0];
	}
	assert_true(sl_pipeline_encode_symbols(&s->rig.pipeline, &address, m->count, m->position, m->symbol,
	                                       m->side, &w, &u, s->rig.send));
	same_body(&s->rig, &w, m);
	sl_capture_absorb(m->factor, &u, s->copy);
}

/* `copies`: how many of them the file needs; 0: as it comes. */
static void read_back(const char *path, const struct witness *x, bool vectors, uint32_t copies)
{
	struct sl_mapping file;
	struct sl_error error;
	struct sl_capture f;
	struct stream stream[PEERS * CHANNELS] = { 0 };
	assert_int_equal(sl_file_map(&file, path, &error), SL_OK);
	if (sl_capture_open(&f, file.bytes, file.length, NULL, 0, &error) != SL_OK)
		fail_msg("%s", error.text);
	uint32_t d = f.layout.dimension, messages = 0, found = 0;
	struct sl_capture_room room = { malloc(d * sizeof(uint32_t)), malloc(d * sizeof(int32_t)),
		                        malloc(d * sizeof(float)) };
	struct sl_captured m;
	for (enum sl_capture_kind kind; (kind = sl_capture_next(&f, &room, &m)) != SL_CAPTURE_END;) {
		struct stream *s = stream_of(stream, &f, &m);
		if (kind == SL_CAPTURE_COPY) {
			memcpy(s->copy, room.floats, d * sizeof *s->copy);
			found++;
			continue;
		}
		assert_int_equal(sl_vector_digest(d, 0, s->copy), x->copy[messages++]);
		assert_int_equal(m.round + 1, m.version);
		code_again(&f, &m, s, vectors);
	}
	assert_int_equal(messages, x->messages);
	assert_true(messages >= PEERS * ROUNDS);
	assert_true(copies == 0 || copies == found);
	for (unsigned i = 0; i < PEERS * CHANNELS; i++) {
		free(stream[i].copy);
		rig_free(&stream[i].rig);
		rig_free(&stream[i].whole);
	}
	free(room.position);
	free(room.symbol);
	free(room.floats);
	sl_file_unmap(&file);
}

static void one_run(const char *algorithm, const char *topology, const char *pipeline, bool vectors,
                    uint32_t copies)
{
	struct trial *t = calloc(1, sizeof *t);
	struct witness *x = calloc(1, sizeof *x);
	make_problem(t, algorithm, topology, pipeline);
	trial_open(t);
	record(t, test_path("run.rec"), vectors, x);
	read_back(test_path("run.rec"), x, vectors, copies);
	trial_close(t);
	free(x);
	free(t);
}

static void test_codes_again(void **state)
{
	(void)state;
	one_run("choco", "ring:4", "topk:0.2 | dither:4 | context", false, PEERS);
	one_run("malcom", "ring:4", "topk:5 | qsgd:3 | golomb", true, PEERS);
	one_run("choco", "ring:4", "threshold-auto:0.2 | sign | rans", true, PEERS);
	one_run("choco", "ring:4", "randk:6,one | rounding:4 | context", true, PEERS);
	one_run("choco", "ring:4", "topk:3 | float32 | raw", true, PEERS);
	one_run("beer", "ring:4", "topk:0.2 | dither:4 | context", true, 2 * PEERS); /* two channels */
	one_run("diana", "complete:4", "all | dither:16 | rans", true, PEERS);   /* a shift: factor below 1 */
	one_run("rand-diana", "complete:4", "randk:5 | float32 | raw", true, 0); /* refreshes */
	one_run("ef14", "complete:4", "topk:4 | dither:9 | elias", true, 0); /* copies that are replaced */
}

/* A small file in memory. */
static size_t small_file(uint8_t **bytes)
{
	struct trial *t = calloc(1, sizeof *t);
	struct witness *x = calloc(1, sizeof *x);
	struct sl_error error;
	make_problem(t, "choco", "ring:4", "topk:0.2 | dither:4 | context");
	t->settings.rounds = 2;
	trial_open(t);
	record(t, test_path("small.rec"), true, x);
	size_t length;
	assert_int_equal(sl_file_read(test_path("small.rec"), 1 << 20, bytes, &length, &error), SL_OK);
	trial_close(t);
	free(x);
	free(t);
	return length;
}

static struct sl_error refusal;

static enum sl_status open_copy(const uint8_t *bytes, size_t length)
{
	struct sl_capture f;
	uint8_t *exact = malloc(length + !length);
	memcpy(exact, bytes, length);
	enum sl_status status = sl_capture_open(&f, exact, length, NULL, 0, &refusal);
	free(exact);
	return status;
}

static void test_damage(void **state)
{
	(void)state;
	uint8_t *bytes;
	size_t length = small_file(&bytes);
	assert_int_equal(open_copy(bytes, length), SL_OK);
	for (size_t n = 0; n < length; n++) {
		assert_int_not_equal(open_copy(bytes, n), SL_OK);
		assert_null(
		    strstr(refusal.text, "of version")); /* what is cut off has no version of its own */
	}
	for (size_t at = 0; at < length; at++) {
		bytes[at] ^= (uint8_t)(1u << at % 8);
		assert_int_not_equal(open_copy(bytes, length), SL_OK);
		bytes[at] ^= (uint8_t)(1u << at % 8);
	}
	uint8_t *longer = malloc(length + 1);
	memcpy(longer, bytes, length);
	longer[length] = 0;
	assert_int_not_equal(open_copy(longer, length + 1), SL_OK);
	free(longer);
	free(bytes);
}

/* Whoever computes the digest anew still gets no record past the checks. */
static void test_forged(void **state)
{
	(void)state;
	struct sl_layout layout;
	struct sl_pipeline p;
	struct sl_error error;
	layout_fill(&layout, 40, 7);
	assert_int_equal(sl_pipeline_parse(&p, "topk:4 | dither:4 | golomb", &layout, &error), SL_OK);
	static const struct {
		uint32_t position[3];
		int32_t symbol[3];
		uint32_t domain, count;
		bool good;
	} forged[] = {
		{ { 1, 5, 39 }, { 4, -4, 1 }, 40, 3, true },  { { 1, 5, 40 }, { 4, -4, 1 }, 40, 3, false },
		{ { 1, 5, 39 }, { 4, 0, 1 }, 40, 3, false },  { { 1, 5, 39 }, { 5, -4, 1 }, 40, 3, false },
		{ { 1, 5, 39 }, { 4, -4, 1 }, 41, 3, false }, { { 5, 1, 39 }, { 4, -4, 1 }, 40, 3, false },
	};
	uint8_t *bytes = malloc(3 * sl_capture_bound(&p, &layout)), side[2] = { 0 };
	for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
		struct sl_writer w = sl_writer(bytes, 3 * sl_capture_bound(&p, &layout));
		struct sl_captured m = { .domain = forged[i].domain,
			                 .count = forged[i].count,
			                 .position = forged[i].position,
			                 .symbol = forged[i].symbol,
			                 .side = side };
		uint64_t digest;
		sl_capture_begin(&w, &p, &layout, 1, &digest);
		sl_capture_message(&w, &p, &m, &digest);
		sl_capture_end(&w, 1, digest);
		assert_int_equal(open_copy(bytes, sl_writer_length(&w)) == SL_OK, forged[i].good);
	}
	free(bytes);
}

static void test_nothing_half_done(void **state)
{
	(void)state;
	struct trial *t = calloc(1, sizeof *t);
	struct sl_error error = { 0 };
	make_problem(t, "choco", "ring:4", "topk:0.2 | dither:4 | golomb");
	trial_open(t);
	struct sl_sim_capture r = { .path = test_path("no/such/folder.rec") };
	assert_int_equal(sl_sim_capture_open(&r, &t->plan, PEERS, &error), SL_IO);
	sl_sim_capture_free(&r);
	r = (struct sl_sim_capture){ .path = test_path("left.rec"), .one = true, .peer = PEERS };
	assert_int_equal(sl_sim_capture_open(&r, &t->plan, PEERS, &error), SL_OUT_OF_RANGE);
	r.peer = 0;
	assert_int_equal(sl_sim_capture_open(&r, &t->plan, PEERS, &error), SL_OK);
	sl_sim_capture_free(&r); /* interrupted */
	assert_int_not_equal(access(test_path("left.rec"), F_OK), 0);
	assert_int_not_equal(access(test_path("left.rec.tmp"), F_OK), 0);
	trial_close(t);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes_again),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_nothing_half_done),
	};
	return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
