/* threshold-auto — a threshold that meets a mean number k of coordinates a message. It starts at 1/(2√k)
 * (Sahu et al., NeurIPS 2021) and follows what was sent: up where that was more than k, down where it was
 * less, so that messages may differ in length but on average do not. Both ends see how many symbols a message
 * had, and so keep the same memory; only the sender has use for it. */
#include "compress/stage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Thresholds in units of 2^-10 octaves; no message is longer than BURST·k. */
enum { OCTAVE = 1024, GAIN = OCTAVE / 8, SLOWER = 32, BURST = 4, STEP_MAX = 4 * OCTAVE, FAR = 160 * OCTAVE };

extern const struct sl_select sl_select_topk;

struct threshold_auto {
	double keep; /* ≤ 1: fraction; above: count */
	uint32_t k, burst;
	_Alignas(8) unsigned char topk[64]; /* options of topk:burst */
};

struct memory {
	int32_t level;  /* of the threshold, from where it started */
	int32_t trend;  /* sum of the steps since the threshold was last far off */
	int32_t streak; /* messages that were all empty (negative) or all of the greatest length */
};

#define AT(field) offsetof(struct threshold_auto, field)
static const struct sl_option threshold_auto_options[] = {
	{ "keep", "mean share of the coordinates (0.05), or how many (200)", SL_OPTION_REAL, AT(keep), 1e-9,
	  268435456, NULL, NULL, true },
	{ 0 },
};

static enum sl_status prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	struct threshold_auto *o = options;
	if (o->keep > 1 && o->keep != floor(o->keep))
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "threshold-auto: keep = %g: must be a fraction above 0 and at most 1, or a "
		               "whole number of coordinates",
		               o->keep);
	double d = layout->dimension, k = o->keep > 1 ? o->keep : floor(o->keep * d + 0.5);
	o->k = (uint32_t)fmax(1, fmin(k, d));
	o->burst = (uint32_t)fmin((double)BURST * o->k, d);
	char burst[16];
	snprintf(burst, sizeof burst, "%u", o->burst); /* 1 only where d is 1: all of it, too */
	memset(o->topk, 0, sizeof o->topk);
	enum sl_status status = sl_spec_arguments(sl_select_topk.options, o->topk, "topk", burst, error);
	return status == SL_OK ? sl_select_topk.prepare(o->topk, layout, error) : status;
}

static uint32_t most(const void *options, uint32_t dimension)
{
	const struct threshold_auto *o = options;
	return o->burst < dimension ? o->burst : dimension;
}

static size_t scratch_size(const void *options, uint32_t dimension)
{
	return sl_select_topk.scratch(((const struct threshold_auto *)options)->topk, dimension);
}

static size_t memory_size(const void *options)
{
	(void)options;
	return sizeof(struct memory);
}

static uint32_t select_large(const void *options, const struct sl_message *m, const float *v, uint32_t *index,
                             void *scratch)
{
	const struct threshold_auto *o = options;
	struct memory memory;
	memcpy(&memory, m->memory, sizeof memory);
	double threshold = 0.5 / sqrt(o->k) * exp2((double)memory.level / OCTAVE);
	uint32_t count = 0, d = m->layout->dimension;
	for (uint32_t k = 0; k < d; k++) {
		bool taken = fabs((double)v[k]) >= threshold && v[k] != 0;
		if (taken && count == o->burst)
			return sl_select_topk.select(o->topk, m, v, index, scratch);
		if (taken)
			index[count++] = k;
	}
	return count;
}

static int64_t within(int64_t x, int64_t bound)
{
	return x > bound ? bound : x < -bound ? -bound : x;
}

/* A proportional step of (count − k)/k times an eighth of an octave, and an integral one for vectors that
 * grow or shrink steadily: the mean is k. In ever larger steps, up to four octaves, while messages are empty
 * or as long as they may be: then the threshold is far off. */
static void commit(const void *options, const struct sl_message *m, uint32_t count)
{
	const struct threshold_auto *o = options;
	struct memory memory;
	memcpy(&memory, m->memory, sizeof memory);
	int32_t far = count == 0 ? -1 : count == o->burst && o->burst > o->k ? 1 : 0;
	int64_t step = ((int64_t)count - o->k) * GAIN / o->k;
	if (far == 0 || (memory.streak < 0) != (far < 0))
		memory.streak = 0;
	int32_t before = memory.streak < 0 ? -memory.streak : memory.streak;
	if (far != 0)
		memory.streak = far * (before < 8 ? before + 1 : before);
	if (before > 0) {
		memory.trend = 0;
		step *= INT64_C(1) << before;
	} else {
		memory.trend = (int32_t)within(memory.trend + step, OCTAVE / 4 * SLOWER);
		step += memory.trend / SLOWER;
	}
	memory.level = (int32_t)within(memory.level + within(step, STEP_MAX), FAR);
	memcpy(m->memory, &memory, sizeof memory);
}

static struct sl_promise promise(const void *options, uint32_t dimension)
{
	(void)options, (void)dimension;
	return sl_promise_other(SL_CLASS_NONE);
}

const struct sl_select sl_select_threshold_auto = {
	.name = "threshold-auto",
	.doc = "the coordinates above a threshold that is steered to a mean number of them",
	.formula = "keep |v_i| >= t, t from 1/(2√k) on by how many were sent; never more than 4k",
	.examples = "threshold-auto:0.1 threshold-auto:1",
	.options = threshold_auto_options,
	.prepare = prepare,
	.most = most,
	.scratch = scratch_size,
	.memory = memory_size,
	.select = select_large,
	.commit = commit,
	.promise = promise,
};
