/* What the coders make of the messages of real training: bits a nonzero, against the order-0 entropy of each
 * message's symbols, and time, beside one copy of the vector in the same run. Arguments: rounds (400). */
#include "tests/support/compress.h"
#include "tests/support/gossip_stream.h"

#include "linalg/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CODES_MAX = 16 };

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Of one code over one stream; times are the least of all messages: what the machine can do when left alone.
 */
struct row {
	double bits, encode_us, decode_us;
};

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? -1 : x > y;
}

/* d·H of a message's symbols; values stand for symbols one to one. */
static double entropy_bits(uint32_t dimension, const struct rig *r)
{
	float *v = malloc((r->count + 1) * sizeof *v);
	memcpy(v, r->value, r->count * sizeof *v);
	qsort(v, r->count, sizeof *v, by_value);
	double zeros = dimension - r->count, bits = zeros > 0 ? -zeros * log2(zeros / dimension) : 0;
	for (uint32_t i = 0, j; i < r->count; i = j) {
		for (j = i; j < r->count && v[j] == v[i]; j++)
			;
		bits -= (j - i) * log2((double)(j - i) / dimension);
	}
	free(v);
	return bits;
}

static double memcpy_us(uint32_t dimension)
{
	float *a = calloc(dimension, sizeof *a), *b = calloc(dimension, sizeof *b);
	double least = INFINITY;
	for (int i = 0; i < 200; i++) {
		double start = now_us();
		memcpy(b, a, dimension * sizeof *a);
		__asm__ volatile("" : : "r"(b) : "memory");
		least = fmin(least, now_us() - start);
	}
	free(a);
	free(b);
	return least;
}

static void once(struct rig *r, const struct sl_message *from, const float *v, struct row *row)
{
	struct sl_message m = *from;
	struct sl_writer w = sl_writer(r->body, r->bound);
	struct sl_update u, received;
	m.memory = r->memory[0];
	double start = now_us();
	sl_pipeline_encode(&r->pipeline, &m, v, &w, &u, r->send);
	double middle = now_us();
	m.memory = r->memory[1];
	bool good = sl_pipeline_decode(&r->pipeline, &m, sl_reader(r->body, sl_writer_length(&w)), &received,
	                               r->receive);
	double end = now_us();
	if (!good || u.count != received.count ||
	    memcmp(u.value, received.value, u.count * sizeof *u.value) != 0) {
		fprintf(stderr, "the ends differ: %s, message %u\n", r->pipeline.code->name, m.number);
		exit(1);
	}
	row->bits += 8.0 * (double)sl_writer_length(&w);
	row->encode_us = fmin(row->encode_us, middle - start);
	row->decode_us = fmin(row->decode_us, end - middle);
	r->count = u.count;
	memcpy(r->value, u.value, u.count * sizeof *u.value);
}

static void print_rows(const char *what, const struct rig *rig, const struct row *row, uint32_t codes,
                       double entropy, double nonzeros, double copy_us, uint32_t dimension)
{
	for (uint32_t c = 0; c < codes; c++)
		printf("%-26s %-8s %7.3f %7.4f %8.1f %7.1f %8.1f %7.1f %8.0f\n", what,
		       rig[c].pipeline.code->name, row[c].bits / nonzeros, row[c].bits / entropy,
		       row[c].encode_us, row[c].encode_us / copy_us, row[c].decode_us,
		       row[c].decode_us / copy_us, 4.0 * dimension / row[c].encode_us);
}

/* One stream through all codes; early are its first third, late its last. */
static int run(const char *model, const char *stages, double gamma, uint32_t rounds)
{
	char text[128];
	snprintf(text, sizeof text, "%s | golomb", stages);
	struct gossip_setup setup = { .model = model,
		                      .pipeline = text,
		                      .gamma = gamma,
		                      .eta = 0.1,
		                      .eta_end = 0.005,
		                      .lambda = 1e-5,
		                      .rounds = rounds,
		                      .local_steps = 2,
		                      .batch = 32,
		                      .seed = 1 };
	struct sl_error error;
	bool real;
	struct gossip_stream *s = gossip_stream_open(&setup, &real, &error);
	if (!s) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	struct rig rig[CODES_MAX];
	struct row row[2][CODES_MAX];
	double entropy[2] = { 0 }, nonzeros[2] = { 0 };
	uint32_t codes = 0, dimension = gossip_stream_layout(s)->dimension;
	for (; sl_codes[codes] && codes < CODES_MAX; codes++) {
		snprintf(text, sizeof text, "%s | %s", stages, sl_codes[codes]->name);
		if (!rig_make(&rig[codes], text, gossip_stream_layout(s), &error))
			return 1;
		row[0][codes] = row[1][codes] = (struct row){ 0, INFINITY, INFINITY };
	}
	for (uint32_t round = 0; round < rounds; round++) {
		struct sl_message m;
		const float *v = gossip_stream_next(s, &m);
		struct row ignored = { 0, INFINITY, INFINITY };
		int part = round < rounds / 3 ? 0 : round >= rounds - rounds / 3 ? 1 : -1;
		for (uint32_t c = 0; c < codes; c++)
			once(&rig[c], &m, v, part < 0 ? &ignored : &row[part][c]);
		if (part >= 0) {
			entropy[part] += entropy_bits(dimension, &rig[0]);
			nonzeros[part] += rig[0].count;
		}
	}
	double copy_us = memcpy_us(dimension);
	for (int part = 0; part < 2; part++) {
		char what[64];
		snprintf(what, sizeof what, "%s %.12s %s", model, stages, part ? "late" : "early");
		print_rows(what, rig, row[part], codes, entropy[part], nonzeros[part], copy_us, dimension);
	}
	printf("%-26s copy of %u floats: %.1f us; %s\n", "", dimension, copy_us,
	       real ? "Fashion-MNIST" : "synthetic data");
	for (uint32_t c = 0; c < codes; c++)
		rig_free(&rig[c]);
	gossip_stream_close(s);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 400;
	sl_blas_start();
	printf("%-26s %-8s %7s %7s %8s %7s %8s %7s %8s\n", "stream", "code", "bits/nz", "/H", "enc us",
	       "/copy", "dec us", "/copy", "enc MB/s");
	return run("mlp:128", "topk:0.10 | dither:16", 0.3, rounds) ||
	       run("mlp:128", "topk:0.05 | dither:16", 0.2, rounds) ||
	       run("mlp:128", "topk:0.02 | dither:16", 0.1, rounds) ||
	       run("mlp:128", "topk:0.01 | dither:16", 0.07, rounds) ||
	       run("softmax", "topk:0.05 | dither:16", 0.2, rounds);
}
