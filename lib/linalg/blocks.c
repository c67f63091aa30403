#include "linalg/blocks.h"

#include "base/bytes.h"
#include "linalg/mask.h"

#include <string.h>

/* What one block gives. */
struct part {
	double square[SL_MIX_TERMS];
	struct sl_dense dense;
	uint64_t number;
	bool good;
};

/* One pass: what a block needs, and what each of a stretch of blocks gives. */
enum { STRETCH = 256 };
struct pass {
	void (*block)(const struct pass *, size_t at, size_t n, struct part *out);
	void (*add)(const struct pass *, uint32_t index,
	            struct part *sum); /* in their order; NULL: nothing */
	size_t n, begin;               /* begin: of the stretch */
	const float *a, *b;
	float *x;
	float c;
	uint64_t offset;
	uint32_t threshold;
	uint32_t *position, *bits;
	const uint8_t *read;
	uint8_t *write;
	unsigned terms;
	const struct sl_mix_term *term;
	struct part *part; /* of the stretch */
};

static void run_block(void *of, uint32_t index, uint32_t thread)
{
	struct pass *p = of;
	(void)thread;
	size_t at = p->begin + (size_t)index * SL_BLOCK, left = p->n - at;
	p->block(p, at, left < SL_BLOCK ? left : SL_BLOCK, &p->part[index]);
}

/* Runs the pass over all blocks, and adds up what they give in their order. */
static void run(const struct sl_parallel *parallel, struct pass *p, struct part *sum)
{
	struct part part[STRETCH];
	memset(sum, 0, sizeof *sum);
	sum->good = sum->dense.finite = true;
	p->part = part;
	for (p->begin = 0; p->begin < p->n; p->begin += (size_t)STRETCH * SL_BLOCK) {
		size_t blocks = (p->n - p->begin + SL_BLOCK - 1) / SL_BLOCK;
		uint32_t here = blocks < STRETCH ? (uint32_t)blocks : STRETCH;
		memset(part, 0, here * sizeof *part);
		sl_parallel_run(p->n < SL_BLOCKS_SHARED ? NULL : parallel, here, run_block, p);
		for (uint32_t i = 0; p->add && i < here; i++)
			p->add(p, i, sum);
	}
	p->part = NULL;
}

/* ---- element by element ---- */

static void copy_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	(void)out;
	memcpy(p->x + at, p->a + at, n * sizeof *p->x);
}

void sl_blocks_copy(const struct sl_parallel *parallel, size_t n, const float *from, float *to)
{
	struct pass p = { .block = copy_block, .n = n, .a = from, .x = to };
	struct part sum;
	run(parallel, &p, &sum);
}

static void threshold_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	(void)out;
	sl_vector_soft_threshold(n, p->c, p->x + at);
}

void sl_blocks_soft_threshold(const struct sl_parallel *parallel, size_t n, float t, float *x)
{
	struct pass p = { .block = threshold_block, .n = n, .c = t, .x = x };
	struct part sum;
	run(parallel, &p, &sum);
}

/* ---- whether all are good ---- */

static void add_good(const struct pass *p, uint32_t index, struct part *sum)
{
	sum->good = sum->good && p->part[index].good;
}

static void difference_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	out->good = sl_vector_difference(n, p->a + at, p->b + at, p->x + at);
}

bool sl_blocks_difference(const struct sl_parallel *parallel, size_t n, const float *a, const float *b,
                          float *out)
{
	struct pass p = { .block = difference_block, .add = add_good, .n = n, .a = a, .b = b, .x = out };
	struct part sum;
	run(parallel, &p, &sum);
	return sum.good;
}

static void finite_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	out->good = sl_vector_finite(n, p->a + at);
}

bool sl_blocks_finite(const struct sl_parallel *parallel, size_t n, const float *x)
{
	struct pass p = { .block = finite_block, .add = add_good, .n = n, .a = x };
	struct part sum;
	run(parallel, &p, &sum);
	return sum.good;
}

/* ---- sums ---- */

static void add_number(const struct pass *p, uint32_t index, struct part *sum)
{
	sum->number += p->part[index].number;
}

static void add_squares(const struct pass *p, uint32_t index, struct part *sum)
{
	for (unsigned t = 0; t < p->terms; t++)
		sum->square[t] += p->part[index].square[t];
}

static void largest_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	out->dense.largest = sl_vector_largest(n, p->a + at);
}

static void add_largest(const struct pass *p, uint32_t index, struct part *sum)
{
	float here = p->part[index].dense.largest;
	sum->dense.largest = here > sum->dense.largest ? here : sum->dense.largest;
}

float sl_blocks_largest(const struct sl_parallel *parallel, size_t n, const float *x)
{
	struct pass p = { .block = largest_block, .add = add_largest, .n = n, .a = x };
	struct part sum;
	run(parallel, &p, &sum);
	return sum.dense.largest;
}

static void nonzero_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	out->number = sl_vector_nonzero(n, p->a + at);
}

size_t sl_blocks_nonzero(const struct sl_parallel *parallel, size_t n, const float *x)
{
	struct pass p = { .block = nonzero_block, .add = add_number, .n = n, .a = x };
	struct part sum;
	run(parallel, &p, &sum);
	return (size_t)sum.number;
}

static void digest_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	out->number = sl_vector_digest(n, p->offset + at, p->a + at);
}

uint64_t sl_blocks_digest(const struct sl_parallel *parallel, size_t n, uint64_t offset, const float *x)
{
	struct pass p = { .block = digest_block, .add = add_number, .n = n, .offset = offset, .a = x };
	struct part sum;
	run(parallel, &p, &sum);
	return sum.number;
}

static void square_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	out->square[0] = sl_vector_square(n, p->a + at);
}

double sl_blocks_square(const struct sl_parallel *parallel, size_t n, const float *x)
{
	struct pass p = { .block = square_block, .add = add_squares, .n = n, .terms = 1, .a = x };
	struct part sum;
	run(parallel, &p, &sum);
	return sum.square[0];
}

static void absolute_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	out->square[0] = sl_vector_absolute(n, p->a + at);
}

double sl_blocks_absolute(const struct sl_parallel *parallel, size_t n, const float *x)
{
	struct pass p = { .block = absolute_block, .add = add_squares, .n = n, .terms = 1, .a = x };
	struct part sum;
	run(parallel, &p, &sum);
	return sum.square[0];
}

/* ---- mixing ---- */

static void mix_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	struct sl_mix_term here[SL_MIX_TERMS];
	for (unsigned t = 0; t < p->terms; t++)
		here[t] = (struct sl_mix_term){ p->term[t].c, p->term[t].a + at, p->term[t].b + at };
	sl_vector_mix_all(n, p->terms, here, p->x + at, out->square);
}

void sl_blocks_mix_all(const struct sl_parallel *parallel, size_t n, unsigned terms,
                       const struct sl_mix_term *term, float *x, double *square)
{
	SL_CHECK(terms <= SL_MIX_TERMS);
	struct pass p = {
		.block = mix_block, .add = add_squares, .n = n, .terms = terms, .term = term, .x = x
	};
	struct part sum;
	run(parallel, &p, &sum);
	memcpy(square, sum.square, terms * sizeof *square);
}

double sl_blocks_mix(const struct sl_parallel *parallel, size_t n, float c, const float *a, const float *b,
                     float *x)
{
	double square;
	sl_blocks_mix_all(parallel, n, 1, &(struct sl_mix_term){ c, a, b }, x, &square);
	return square;
}

/* ---- collecting ---- */

/* A block has the stretch of the lists that has its own coordinates: it finds no more than that, and blocks are a multiple of
 * what the kernel writes at once. */
static void collect_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	out->number = sl_mask_collect(n, p->a + at, p->b ? p->b + at : NULL, p->threshold, p->position + at,
	                              p->bits + at, &out->good);
}

static void add_list(const struct pass *p, uint32_t index, struct part *sum)
{
	size_t at = p->begin + (size_t)index * SL_BLOCK, found = p->part[index].number;
	uint32_t *position = p->position + sum->number;
	for (size_t k = 0; k < found; k++)
		position[k] = (uint32_t)at + p->position[at + k];
	memmove(p->bits + sum->number, p->bits + at, found * sizeof *p->bits);
	sum->number += found;
	add_good(p, index, sum);
}

uint32_t sl_blocks_collect(const struct sl_parallel *parallel, size_t n, const float *x, const float *y,
                           uint32_t threshold, uint32_t *position, uint32_t *bits, bool *finite)
{
	struct pass p = { .block = collect_block,
		          .add = add_list,
		          .n = n,
		          .a = x,
		          .b = y,
		          .threshold = threshold,
		          .position = position,
		          .bits = bits };
	struct part sum;
	if (!parallel || parallel->count < 2 || n < SL_BLOCKS_SHARED)
		return sl_mask_collect(n, x, y, threshold, position, bits, finite);
	run(parallel, &p, &sum);
	*finite = sum.good;
	return (uint32_t)sum.number;
}

/* ---- whole vectors ---- */

static void dense_block(const struct pass *p, size_t at, size_t n, struct part *out)
{
	if (p->write)
		out->good = sl_dense_encode(n, p->a + at, p->b + at, p->c, p->offset + at, p->write + 4 * at,
		                            p->x + at, &out->dense);
	else
		out->good = sl_dense_decode(n, p->read + 4 * at, p->b + at, p->c, p->offset + at, p->x + at,
		                            &out->dense);
}

static void add_dense(const struct pass *p, uint32_t index, struct part *sum)
{
	const struct sl_dense *one = &p->part[index].dense;
	add_good(p, index, sum);
	add_largest(p, index, sum);
	sum->dense.changed += one->changed;
	sum->dense.finite = sum->dense.finite && one->finite;
	sum->dense.digest += one->digest;
}

bool sl_blocks_dense_encode(const struct sl_parallel *parallel, size_t n, const float *x, const float *copy,
                            float factor, uint64_t offset, uint8_t *patterns, float *sum,
                            struct sl_dense *out)
{
	struct pass p = { .block = dense_block,
		          .add = add_dense,
		          .n = n,
		          .a = x,
		          .b = copy,
		          .c = factor,
		          .offset = offset,
		          .write = patterns,
		          .x = sum };
	struct part all;
	run(parallel, &p, &all);
	*out = all.dense;
	return all.good;
}

bool sl_blocks_dense_decode(const struct sl_parallel *parallel, size_t n, const uint8_t *patterns,
                            const float *copy, float factor, uint64_t offset, float *sum,
                            struct sl_dense *out)
{
	struct pass p = { .block = dense_block,
		          .add = add_dense,
		          .n = n,
		          .b = copy,
		          .c = factor,
		          .offset = offset,
		          .read = patterns,
		          .x = sum };
	struct part all;
	run(parallel, &p, &all);
	*out = all.dense;
	return all.good;
}
