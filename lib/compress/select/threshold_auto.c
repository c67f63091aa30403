/* threshold-auto — a threshold controlled so that messages have k coordinates on average. It starts at 1/(2√k) (Sahu
 * et al., NeurIPS 2021), rises after a message of more than k symbols and falls after one of fewer. Both ends know
 * the number of symbols, so they keep the same memory; only the sender needs it. */
#include "compress/stage.h"

#include "compress/keep.h"
#include "compress/largest.h"

#include <math.h>
#include <string.h>

/* Thresholds are in units of 2^-10 octaves; a message has at most BURST·k coordinates. */
enum { OCTAVE = 1024, GAIN = OCTAVE / 8, SLOWER = 32, BURST = 4, STEP_MAX = 4 * OCTAVE, FAR = 160 * OCTAVE };

struct threshold_auto {
	struct sl_keep keep;
	uint32_t burst;
};

struct memory {
	int32_t level;  /* the threshold, relative to its start */
	int32_t trend;  /* sum of the steps since the threshold was last far off */
	int32_t streak; /* consecutive messages that were empty (negative) or of the greatest length */
};

static const struct sl_option threshold_auto_options[] = {
	SL_KEEP_OPTION(struct threshold_auto, keep,
	               "mean share of the coordinates (0.05) or their number (200)"),
	{ 0 },
};

static enum sl_status prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	struct threshold_auto *o = options;
	enum sl_status status = sl_keep_prepare(&o->keep, "threshold-auto", layout->dimension, error);
	if (status == SL_OK)
		o->burst = (uint32_t)fmin((double)BURST * o->keep.k, layout->dimension);
	return status;
}

static uint32_t count_max(const void *options, uint32_t dimension)
{
	const struct threshold_auto *o = options;
	return o->burst < dimension ? o->burst : dimension;
}

static size_t scratch_size(const void *options, uint32_t dimension)
{
	(void)options;
	return sl_largest_scratch(dimension);
}

static size_t memory_size(const void *options)
{
	(void)options;
	return sizeof(struct memory);
}

static uint32_t select_large(const void *options, const struct sl_message_context *m, const float *v,
                             uint32_t *index, void *scratch)
{
	const struct threshold_auto *o = options;
	struct memory memory;
	memcpy(&memory, m->memory, sizeof memory);
	double threshold = 0.5 / sqrt(o->keep.k) * exp2((double)memory.level / OCTAVE);
	uint32_t count = 0, d = m->layout->dimension;
	for (uint32_t k = 0; k < d; k++) {
		bool taken = fabs((double)v[k]) >= threshold && v[k] != 0;
		if (taken && count == o->burst) { /* too many: keep the largest */
			SL_CHECK(sl_largest(m->parallel, o->burst, d, v, NULL, index, NULL, &count, scratch));
			return count;
		}
		if (taken)
			index[count++] = k;
	}
	return count;
}

static int64_t within(int64_t x, int64_t bound)
{
	return x > bound ? bound : x < -bound ? -bound : x;
}

/* A PI controller: a proportional step of (count − k)/k times an eighth of an octave, and an integral one for vectors
 * that grow or shrink steadily, so that the mean is k. While messages are empty or of the greatest length the
 * threshold is far off: steps then double, up to four octaves. */
static void commit(const void *options, const struct sl_message_context *m, uint32_t count)
{
	const struct threshold_auto *o = options;
	struct memory memory;
	memcpy(&memory, m->memory, sizeof memory);
	int32_t far = count == 0 ? -1 : count == o->burst && o->burst > o->keep.k ? 1 : 0;
	int64_t step = ((int64_t)count - o->keep.k) * GAIN / o->keep.k;
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

static struct sl_guarantee guarantee(const void *options, uint32_t dimension)
{
	(void)options, (void)dimension;
	return sl_guarantee_other(SL_CLASS_NONE);
}

const struct sl_select sl_select_threshold_auto = {
	.name = "threshold-auto",
	.doc = "the coordinates above a threshold, which adapts to keep a given mean number of them",
	.formula = "keep |v_i| >= t, t starts at 1/(2√k) and adapts to the number sent; at most 4k",
	.examples = "threshold-auto:0.1 threshold-auto:1",
	.options = threshold_auto_options,
	.prepare = prepare,
	.count_max = count_max,
	.scratch = scratch_size,
	.memory = memory_size,
	.select = select_large,
	.commit = commit,
	.guarantee = guarantee,
};
