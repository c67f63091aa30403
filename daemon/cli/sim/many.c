#include "daemon/cli/sim/many.h"

#include <math.h>
#include <stdlib.h>

/* Means are sums until the round is complete. */
static struct sl_round_all_row *find(struct sl_many *m, uint32_t round)
{
	const double nan = (double)NAN;
	for (uint32_t i = 0; i < m->length; i++)
		if (m->open[i].round == round)
			return &m->open[i];
	if (m->length == m->capacity) {
		m->capacity = m->capacity ? 2 * m->capacity : 8;
		m->open = realloc(m->open, m->capacity * sizeof *m->open);
		SL_CHECK(m->open);
	}
	struct sl_round_all_row *r = &m->open[m->length++];
	*r = (struct sl_round_all_row){ .round = round, .nonzero_min = INT64_MAX, .nonzero_max = -1 };
	r->test_accuracy = r->test_loss = r->train_loss = (struct sl_round_range){ 0, nan, nan };
	return r;
}

/* fmin and fmax pass over what is not a number. */
static void widen(struct sl_round_range *r, double value)
{
	r->mean += value;
	r->least = fmin(r->least, value);
	r->most = fmax(r->most, value);
}

static struct sl_round_all_row finish(const struct sl_round_all_row *sums)
{
	struct sl_round_all_row r = *sums;
	r.test_accuracy.mean /= r.tested;
	r.test_loss.mean /= r.tested;
	r.train_loss.mean /= r.peers;
	r.nonzero /= r.peers;
	r.objective /= r.peers;
	r.disagreement /= r.peers;
	return r;
}

static void drop(struct sl_many *m, struct sl_round_all_row *r)
{
	*r = m->open[--m->length];
}

bool sl_many_add(struct sl_many *m, const struct sl_round_row *row, uint32_t peers,
                 struct sl_round_all_row *out)
{
	struct sl_round_all_row *r = find(m, row->round);
	r->peers++;
	r->at_us = row->at_us > r->at_us ? row->at_us : r->at_us;
	r->payload_tx += row->payload_tx;
	r->wire_tx += row->wire_tx;
	if (!isnan(row->test_accuracy) || !isnan(row->test_loss)) {
		r->tested++;
		widen(&r->test_accuracy, row->test_accuracy);
		widen(&r->test_loss, row->test_loss);
	}
	widen(&r->train_loss, row->train_loss);
	r->nonzero += (double)row->nonzero;
	r->nonzero_min = row->nonzero < r->nonzero_min ? row->nonzero : r->nonzero_min;
	r->nonzero_max = row->nonzero > r->nonzero_max ? row->nonzero : r->nonzero_max;
	r->objective += row->train_loss + row->penalty;
	r->disagreement += row->disagreement;
	if (r->peers < peers)
		return false;
	*out = finish(r);
	drop(m, r);
	return true;
}

bool sl_many_take(struct sl_many *m, struct sl_round_all_row *out)
{
	if (m->length == 0)
		return false;
	*out = finish(&m->open[m->length - 1]);
	m->length--;
	return true;
}

void sl_many_free(struct sl_many *m)
{
	free(m->open);
	*m = (struct sl_many){ 0 };
}
