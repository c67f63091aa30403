/* copies.c — frames for the other architecture, and the digests of the copies that they make.
 *
 *   copies write FILE      every pipeline of the registries, on vectors that compressors stumble over: a peer's
 *                          model moves, the difference to its public copy is encoded, and the copy takes in what is
 *                          left of it, as in gossip (what is lost is in the next difference). FILE gets the bodies
 *                          and, after each, the digests of the copy and of the stream's memory.
 *   copies follow FILE     the other end: the same copies from these bodies alone; exit code 1 where one differs.
 *   copies compare A B     whether two senders wrote the same bodies and digests. */
#include "tests/support/compress.h"

#include "base/bytes.h"
#include "learn/portable.h"
#include "linalg/sparse.h"
#include "linalg/vector.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 6, KINDS = 10, LENGTH_MAX = 2500, NOT_SENT = -1 };

/* ---- models that move: of +, −, ×, √ and powers of two alone, so that they are the same everywhere ---- */

static const struct kind {
	const char *name;
	uint32_t dimension;
} kinds[KINDS] = {
	{ "zeros", 37 },    { "one spike", 101 },
	{ "ties", 64 },     { "denormals", 133 },
	{ "huge", 50 },     { "wide", 77 },
	{ "sparse", 400 },  { "one", 1 },
	{ "normal", 1009 }, { "shrinking", LENGTH_MAX },
};

static float move_of(unsigned kind, struct sl_random *g, uint32_t i, uint32_t number)
{
	float normal = (float)sl_portable_normal(g), unit = sl_random_unit(g);
	switch (kind) {
	case 0:
		return unit < 0.5F ? 0.0F : -0.0F;
	case 1:
		return i == kinds[kind].dimension / 3 + number ? -3.5F : 0;
	case 2:
		return unit < 0.3F ? 0 : unit < 0.7F ? 1.25F : -1.25F;
	case 3:
		return normal * 0x1p-133F;
	case 4: /* FLT_MAX included; a difference of more than that is not sent */
		return i == number ? FLT_MAX : normal * 0x1p123F;
	case 5:
		return ldexpf(normal, (int)(100 * unit) - 50);
	case 6:
		return unit < 0.05F ? normal : 0;
	case 9:
		return ldexpf(normal, -(int)number);
	default:
		return normal;
	}
}

struct stream {
	struct rig rig;
	struct sl_layout layout;
	struct sl_random random;
	unsigned kind;
	uint32_t number; /* of the message, from 1 */
	uint64_t digest; /* of the copy */
	float model[LENGTH_MAX], copy[LENGTH_MAX], sum[LENGTH_MAX];
};

static bool open_stream(struct stream *s, const char *text, unsigned kind)
{
	struct sl_error error;
	memset(s, 0, sizeof *s);
	s->kind = kind;
	layout_fill(&s->layout, kinds[kind].dimension, 7);
	s->random = sl_random_stream(1, kind, "move", 0);
	return rig_make(&s->rig, text, &s->layout, &error);
}

static void move_model(struct stream *s)
{
	for (uint32_t i = 0; i < s->layout.dimension; i++) {
		float moved = s->model[i] + move_of(s->kind, &s->random, i, s->number);
		s->model[i] = isfinite(moved) ? moved : -0.5F * s->model[i];
	}
}

static struct sl_message_context message_of(struct stream *s)
{
	return (struct sl_message_context){ .seed = 7,
		                            .peer = s->kind,
		                            .version = s->number,
		                            .layout = &s->layout,
		                            .copy = s->copy,
		                            .memory = s->rig.memory[0] };
}

/* As a copy takes it in: by a factor that is no power of two, now and then. A copy that would not be finite
 * stays as it was. */
static void take_in(struct stream *s, const struct sl_update *u)
{
	float factor = s->number % 3 ? 1 : 0.9F;
	uint64_t digest = s->digest;
	if (!sl_sparse_sum(u->count, u->index, factor, u->value, s->copy, 0, s->sum, &digest))
		return;
	sl_sparse_put(u->count, u->index, s->sum, s->copy);
	s->digest = digest;
}

static uint64_t memory_digest(const struct stream *s)
{
	uint64_t digest = 0;
	for (size_t i = 0; i < s->rig.remembered; i++)
		digest = sl_mix64(digest ^ s->rig.memory[0][i]);
	return digest;
}

/* ---- the file: for every stream a line "= KIND PIPELINE", for every message "LENGTH DIGEST MEMORY" and the body ---- */

static void write_message(FILE *f, struct stream *s)
{
	struct sl_message_context m = message_of(s);
	struct sl_writer w = sl_writer(s->rig.body, s->rig.bound);
	struct sl_update u;
	move_model(s);
	bool sent =
	    sl_pipeline_encode_difference(&s->rig.pipeline, &m, s->model, s->sum, &w, &u, s->rig.send);
	int length = sent ? (int)sl_writer_length(&w) : NOT_SENT;
	if (sent)
		take_in(s, &u);
	fprintf(f, "%d %016llx %016llx\n", length, (unsigned long long)s->digest,
	        (unsigned long long)memory_digest(s));
	fwrite(s->rig.body, 1, sent ? (size_t)length : 0, f);
}

static void write_pipeline(const char *text, void *file)
{
	static struct stream s;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		if (open_stream(&s, text, kind)) {
			fprintf(file, "= %u %s\n", kind, text);
			while (s.number++ < ROUNDS)
				write_message(file, &s);
		}
		rig_free(&s.rig);
	}
}

struct message {
	int length;
	unsigned long long digest, memory;
	uint8_t *body;
};

/* The next line is a stream's: its pipeline and kind. */
static bool read_stream(FILE *f, unsigned *kind, char text[static 256])
{
	return fscanf(f, "= %u %255[^\n]", kind, text) == 2 && fgetc(f) == '\n' && *kind < KINDS;
}

static bool read_message(FILE *f, struct message *m, size_t room)
{
	if (fscanf(f, "%d %llx %llx", &m->length, &m->digest, &m->memory) != 3 || fgetc(f) != '\n')
		return false;
	return m->length < 0 ||
	       ((size_t)m->length <= room && fread(m->body, 1, (size_t)m->length, f) == (size_t)m->length);
}

/* 1 where this end's copy is another than the sender's. */
static int follow_message(struct stream *s, const struct message *got)
{
	struct sl_message_context m = message_of(s);
	struct sl_update u;
	if (got->length >= 0) {
		if (!sl_pipeline_decode(&s->rig.pipeline, &m, sl_reader(got->body, (size_t)got->length), &u,
		                        s->rig.receive))
			return 1;
		take_in(s, &u);
	}
	return s->digest != got->digest || memory_digest(s) != got->memory;
}

static int follow_stream(FILE *f, unsigned kind, const char *text)
{
	static struct stream s;
	int wrong = !open_stream(&s, text, kind);
	struct message m = { .body = s.rig.body };
	while (!wrong && s.number++ < ROUNDS) {
		if (!read_message(f, &m, s.rig.bound)) {
			printf("the file is cut or of another version: %s\n", text);
			exit(1);
		}
		wrong = follow_message(&s, &m);
	}
	if (wrong)
		printf("%s, %s: the copy differs after message %u\n", text, kinds[kind].name, s.number);
	while (s.number++ < ROUNDS)
		wrong = !read_message(f, &m, s.rig.bound) || wrong;
	rig_free(&s.rig);
	return wrong;
}

static int follow(FILE *f)
{
	char text[256];
	unsigned kind, streams = 0, wrong = 0;
	for (; read_stream(f, &kind, text); streams++)
		wrong += follow_stream(f, kind, text) != 0;
	printf("%u streams of %d messages, %u with another copy\n", streams, ROUNDS, wrong);
	return streams == 0 || wrong > 0 || !feof(f);
}

/* ---- two files ---- */

static int compare_streams(FILE *a, FILE *b, const char *text, unsigned kind)
{
	static uint8_t body[2][1 << 20];
	struct message m = { .body = body[0] }, n = { .body = body[1] };
	int first = 0;
	for (int number = 1; number <= ROUNDS; number++) {
		if (!read_message(a, &m, sizeof body[0]) || !read_message(b, &n, sizeof body[1]))
			exit(1);
		if (first == 0 && (m.length != n.length || m.digest != n.digest || m.memory != n.memory ||
		                   (m.length > 0 && memcmp(m.body, n.body, (size_t)m.length) != 0)))
			first = number;
	}
	if (first)
		printf("%s, %s: the senders differ from message %d on\n", text, kinds[kind].name, first);
	return first != 0;
}

static int compare(FILE *a, FILE *b)
{
	char text[2][256];
	unsigned kind[2], streams = 0, wrong = 0;
	while (read_stream(a, &kind[0], text[0])) {
		if (!read_stream(b, &kind[1], text[1]) || strcmp(text[0], text[1]) != 0 || kind[0] != kind[1])
			return 1;
		streams++;
		wrong += compare_streams(a, b, text[0], kind[0]) != 0;
	}
	printf("%u streams, %u differ\n", streams, wrong);
	return streams == 0 || wrong > 0 || !feof(a) || fgetc(b) != EOF;
}

static FILE *open_file(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);
	if (!f) {
		perror(path);
		exit(2);
	}
	return f;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "write") == 0) {
		FILE *f = open_file(argv[2], "wb");
		for_each_pipeline(write_pipeline, f);
		return fclose(f) != 0;
	}
	if (argc == 3 && strcmp(argv[1], "follow") == 0)
		return follow(open_file(argv[2], "rb"));
	if (argc == 4 && strcmp(argv[1], "compare") == 0)
		return compare(open_file(argv[2], "rb"), open_file(argv[3], "rb"));
	fprintf(stderr, "copies write FILE | follow FILE | compare A B\n");
	return 2;
}
