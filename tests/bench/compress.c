/* What the coders make of a recorded run: bits a nonzero, against the order-0 entropy of each message's
 * symbols and against zstd -19 on them, and time, beside one copy of the vector in the same run.
 *
 * compress                                the heading
 * compress RECORDING LABEL mlp|other DENSITY   a recording with vectors, of one peer; early is its first
 *                                         third, late its last */
#include "tests/support/compress.h"

#include "compress/capture.h"
#include "daemon/run/files.h"

#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CODES_MAX = 16, PARTS = 2, SAMPLES = 6 /* of zstd, a part */, ALLOWED = 128 /* bits a message */ };

/* Of one code over one part; times are the least of all messages: what the machine can do when left alone. */
struct row {
	double bits, sampled, encode_us, decode_us;
};

struct part {
	double entropy, nonzeros, messages, zstd;
	struct row row[CODES_MAX];
};

struct bench {
	struct sl_capture file;
	struct sl_capture_room room;
	float *copy;
	struct rig rig[CODES_MAX];
	uint32_t codes, run; /* run: which of them the run used */
	struct part part[PARTS];
	char folder[64];
	double copy_us;
};

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return x < y ? -1 : x > y;
}

/* d·H of a message's symbols. */
static double entropy_bits(uint32_t dimension, uint32_t count, const int32_t *symbol)
{
	int32_t *v = malloc((count + 1) * sizeof *v);
	memcpy(v, symbol, count * sizeof *v);
	qsort(v, count, sizeof *v, by_value);
	double zeros = dimension - count, bits = zeros > 0 ? -zeros * log2(zeros / dimension) : 0;
	for (uint32_t i = 0, j; i < count; i = j) {
		for (j = i; j < count && v[j] == v[i]; j++)
			;
		bits -= (j - i) * log2((double)(j - i) / dimension);
	}
	free(v);
	return bits;
}

static double memcpy_us(uint32_t dimension)
{
	float *a = calloc(dimension, sizeof *a), *b = calloc(dimension, sizeof *b);
	double least = (double)INFINITY;
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

/* What zstd -19 makes of all symbols of a message, a byte each (two where they are large), in bits; 0: no
 * zstd here. */
static double zstd_bits(struct bench *b, const struct sl_captured *m)
{
	uint32_t d = b->file.layout.dimension;
	char zstd[] = "zstd", level[] = "-19", quiet[] = "-q", force[] = "-f", in[128], out[136];
	char *argv[] = { zstd, level, quiet, force, in, NULL };
	int16_t *wide = calloc(d, sizeof *wide);
	int8_t *narrow = (int8_t *)wide;
	bool fits = b->file.pipeline.quantise->symbol_max(b->file.pipeline.quantise_options) < 128;
	for (uint32_t i = 0; i < m->count; i++)
		if (fits)
			narrow[m->position[i]] = (int8_t)m->symbol[i];
		else
			wide[m->position[i]] = (int16_t)m->symbol[i];
	snprintf(in, sizeof in, "%s/symbols", b->folder);
	snprintf(out, sizeof out, "%s.zst", in);
	FILE *f = fopen(in, "wb");
	pid_t child;
	struct stat about;
	int ended = 1;
	bool good = f && fwrite(wide, fits ? 1 : 2, d, f) == d;
	if (f)
		good = fclose(f) == 0 && good;
	good = good && posix_spawnp(&child, *argv, NULL, NULL, argv, environ) == 0 &&
	       waitpid(child, &ended, 0) == child && ended == 0 && stat(out, &about) == 0;
	double bits = good ? 8.0 * (double)about.st_size : 0;
	unlink(in);
	unlink(out);
	free(wide);
	return bits;
}

/* One message through one code, from the vector to the update at the receiver. */
static void once(struct bench *b, uint32_t code, const struct sl_captured *recorded, struct row *row,
                 bool sampled)
{
	struct rig *r = &b->rig[code];
	struct sl_message_context m = { b->file.seed,    recorded->peer, recorded->version, recorded->channel,
		                        &b->file.layout, b->copy,        r->memory[0] };
	struct sl_writer w = sl_writer(r->body, r->bound);
	struct sl_update u, received;
	double start = now_us();
	sl_pipeline_encode(&r->pipeline, &m, recorded->vector, &w, &u, r->send);
	double middle = now_us();
	size_t length = sl_writer_length(&w);
	m.memory = r->memory[1];
	bool good = sl_pipeline_decode(&r->pipeline, &m, sl_reader(r->body, length), &received, r->receive);
	double end = now_us();
	if (!good || u.count != received.count ||
	    memcmp(u.value, received.value, u.count * sizeof *u.value) != 0 ||
	    (code == b->run && (length != recorded->body_length ||
	                        sl_capture_digest(0, r->body, length) != recorded->body_digest))) {
		fprintf(stderr, "the ends differ: %s, message %u\n", r->pipeline.code->name, m.version);
		exit(1);
	}
	row->bits += 8.0 * (double)length;
	row->sampled += sampled ? 8.0 * (double)length : 0;
	row->encode_us = fmin(row->encode_us, middle - start);
	row->decode_us = fmin(row->decode_us, end - middle);
	if (code == b->run)
		sl_capture_absorb(recorded->factor, &u, b->copy);
}

/* What is asked of a code's ratio to the entropy; 0: nothing. */
static double bar_of(const char *code, bool mlp, double density)
{
	if (strcmp(code, "rans") == 0)
		return 1.015;
	if (strcmp(code, "golomb") == 0)
		return 1.03;
	if (strcmp(code, "context") != 0)
		return 0;
	return !mlp ? 1.01 : density >= 0.05 ? 0.85 : density >= 0.02 ? 0.93 : density >= 0.01 ? 0.96 : 1.01;
}

static void print_rows(const struct bench *b, const char *label, bool mlp, double density)
{
	double megabytes = 4e-6 * b->file.layout.dimension;
	for (int i = 0; i < PARTS; i++)
		for (uint32_t c = 0; c < b->codes; c++) {
			const struct part *p = &b->part[i];
			const struct row *r = &p->row[c];
			const char *code = b->rig[c].pipeline.code->name;
			double bar = bar_of(code, mlp, density);
			double ratio = (r->bits - ALLOWED * p->messages) / p->entropy;
			char met[32] = "", zstd[16] = "-";
			if (bar > 0)
				snprintf(met, sizeof met, "%s %.3f", ratio <= bar ? "met" : "missed", bar);
			if (p->zstd > 0)
				snprintf(zstd, sizeof zstd, "%.3f", r->sampled / p->zstd);
			printf("%-24s %-5s %-8s %7.3f %7.4f %-12s %6s %7.0f %7.0f %7.1f %7.1f\n", label,
			       i ? "late" : "early", code, r->bits / p->nonzeros, ratio, met, zstd,
			       megabytes / (1e-6 * r->encode_us), megabytes / (1e-6 * r->decode_us),
			       r->encode_us / b->copy_us, r->decode_us / b->copy_us);
		}
}

static uint32_t count_messages(const struct bench *b)
{
	struct sl_capture f = b->file;
	struct sl_captured m;
	uint32_t count = 0;
	for (enum sl_capture_kind kind; (kind = sl_capture_next(&f, &b->room, &m)) != SL_CAPTURE_END;)
		count += kind == SL_CAPTURE_MESSAGE;
	return count;
}

static void all_messages(struct bench *b)
{
	uint32_t d = b->file.layout.dimension, messages = count_messages(b), third = messages / 3, at = 0;
	struct sl_captured m;
	for (enum sl_capture_kind kind; (kind = sl_capture_next(&b->file, &b->room, &m)) != SL_CAPTURE_END;) {
		if (kind == SL_CAPTURE_COPY) {
			memcpy(b->copy, b->room.floats, d * sizeof *b->copy);
			continue;
		}
		struct row ignored = { 0, 0, (double)INFINITY, (double)INFINITY };
		struct part *p = at < third ? &b->part[0] : at >= messages - third ? &b->part[1] : NULL;
		bool sampled = p && at % (third / SAMPLES + 1) == 0;
		double zstd = sampled ? zstd_bits(b, &m) : 0;
		for (uint32_t c = 0; c < b->codes; c++)
			once(b, c, &m, p ? &p->row[c] : &ignored, zstd > 0);
		at++;
		if (!p)
			continue;
		p->zstd += zstd;
		p->entropy += entropy_bits(d, m.count, m.symbol);
		p->nonzeros += m.count;
		p->messages++;
	}
}

static bool make_rigs(struct bench *b, struct sl_error *error)
{
	const char *code = strrchr(b->file.text, '|');
	uint32_t d = b->file.layout.dimension;
	for (; sl_codes[b->codes] && b->codes < CODES_MAX; b->codes++) {
		char text[SL_TEXT_MAX * 2 + 32];
		bool runs = b->file.pipeline.code == sl_codes[b->codes];
		snprintf(text, sizeof text, "%.*s| %s", (int)(code - b->file.text), b->file.text,
		         sl_codes[b->codes]->name);
		if (!rig_make(&b->rig[b->codes], runs ? b->file.text : text, &b->file.layout, error))
			return false;
		b->run = runs ? b->codes : b->run;
		for (int i = 0; i < PARTS; i++)
			b->part[i].row[b->codes] = (struct row){ 0, 0, (double)INFINITY, (double)INFINITY };
	}
	b->room = (struct sl_capture_room){ malloc(d * sizeof(uint32_t)), malloc(d * sizeof(int32_t)),
		                            malloc(d * sizeof(float)) };
	b->copy = calloc(d, sizeof *b->copy);
	return true;
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct sl_mapping file;
	struct sl_error error;
	if (argc < 5) {
		printf("%-24s %-5s %-8s %7s %7s %-12s %6s %7s %7s %7s %7s\n", "stream", "", "code", "bits/nz",
		       "/H", "bar", "/zstd", "enc MB/s", "dec MB/s", "/copy", "/copy");
		return 0;
	}
	snprintf(b.folder, sizeof b.folder, "/tmp/starling-bench-XXXXXX");
	if (sl_file_map(&file, argv[1], &error) != SL_OK ||
	    sl_capture_open(&b.file, file.bytes, file.length, NULL, 0, &error) != SL_OK ||
	    !make_rigs(&b, &error)) {
		fprintf(stderr, "%s: %s\n", argv[1], error.text);
		return 1;
	}
	if (!mkdtemp(b.folder)) {
		perror(b.folder);
		return 1;
	}
	all_messages(&b);
	rmdir(b.folder);
	b.copy_us = memcpy_us(b.file.layout.dimension);
	print_rows(&b, argv[2], strcmp(argv[3], "mlp") == 0, atof(argv[4]));
	return 0;
}
