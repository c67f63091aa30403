#include "gossip/detect.h"

#include "gossip/peer/state.h"
#include "linalg/vector.h"

#include <math.h>
#include <string.h>

enum { WARM_UP = 16, QUIET = 32 };

/* What the first channel of the copy is about to change by. False: nothing. */
static bool change_of(const struct sl_peer *p, const struct sl_edge *e, const struct sl_absorption *a,
                      float *out)
{
	uint32_t d = p->plan->dimension;
	const struct sl_update *u = &a->update[0];
	const float *copy = (const float *)(const void *)e->theirs;
	switch (a->rule[0].kind) {
	case SL_ABSORB_ADD:
		memset(out, 0, d * sizeof *out);
		for (uint32_t i = 0; i < u->count; i++)
			out[u->index[i]] = u->value[i];
		return u->count > 0;
	case SL_ABSORB_REPLACE:
	case SL_ABSORB_REFRESH:
		sl_vector_subtract(d, p->scratch->vector, copy, out);
		return sl_vector_nonzero(d, out) > 0;
	case SL_ABSORB_SILENT:
	case SL_ABSORB_SUM:
		break;
	}
	return false;
}

/* By how many deviations x is off; then the habit moves towards it, by no more than three. */
static double off(struct sl_running_stats *h, uint32_t seen, double x)
{
	const double least = 0.02; /* of a binary logarithm: one and a half per cent */
	double by = x - h->mean, deviation = h->deviation > least ? h->deviation : least,
	       most = 3 * deviation;
	double rate = seen < WARM_UP ? 1.0 / (seen + 1) : 1.0 / WARM_UP;
	double score = seen < WARM_UP ? 0 : fabs(by) / deviation;
	if (seen >= WARM_UP)
		by = by > most ? most : by < -most ? -most : by;
	h->mean += rate * by;
	h->deviation += rate * (fabs(by) - h->deviation);
	return score;
}

static void report(struct sl_peer *p, struct sl_edge *e, const char *what)
{
	struct sl_detector *t = &e->detector;
	if (t->seen < t->quiet_until) {
		t->held_back++;
		return;
	}
	if (t->held_back)
		sl_peer_note(
		    p, SL_LEVEL_WARNING, "anomaly",
		    "peer %u: the %s of its update is %.1f deviations from its running mean (and %u more)",
		    e->neighbour, what, t->score, t->held_back);
	else
		sl_peer_note(p, SL_LEVEL_WARNING, "anomaly",
		             "peer %u: the %s of its update is %.1f deviations from its running mean",
		             e->neighbour, what, t->score);
	t->held_back = 0;
	t->quiet_until = t->seen + QUIET;
}

void sl_detect(struct sl_peer *p, struct sl_edge *e, uint32_t version, const struct sl_absorption *a)
{
	const struct sl_plan *plan = p->plan;
	const struct sl_detect_scratch *s = &p->scratch->detect;
	struct sl_detector *t = &e->detector;
	struct sl_update coded;
	if (!plan->settings.detect_every || version % plan->settings.detect_every != 0 ||
	    !change_of(p, e, a, s->change))
		return;
	struct sl_message_context m = { .seed = plan->settings.seed,
		                        .peer = e->neighbour,
		                        .version = version,
		                        .layout = &plan->model.layout,
		                        .copy = (const float *)(const void *)e->theirs,
		                        .memory = t->memory };
	struct sl_writer w = sl_writer(s->bytes, sl_pipeline_bound(&plan->detector_pipeline));
	sl_pipeline_encode(&plan->detector_pipeline, &m, s->change, &w, &coded, s->workspace);
	if (coded.count == 0)
		return;
	double length = log2(8.0 * (double)sl_writer_length(&w) / coded.count),
	       size = 0.5 * log2(sl_vector_square(plan->dimension, s->change)),
	       by_length = off(&t->length, t->seen, length), by_size = off(&t->size, t->seen, size);
	t->seen++;
	t->score = by_length > by_size ? by_length : by_size;
	if (t->score > plan->settings.anomaly)
		report(p, e, by_length > by_size ? "code" : "size");
}
