/* rows.c — the rows of a window, and the consensus error of rounds that all peers have completed. */
#include "sim/sim_state.h"

#include "linalg/vector.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* In the buffer of a part; the row follows, then the next one, 8-byte aligned. */
struct record {
	int64_t at_us;
	uint64_t number; /* of the peer's rows */
	uint32_t peer;
	enum sl_sim_row_kind kind;
	size_t size;
};

static size_t occupies(size_t size)
{
	return (sizeof(struct record) + size + 7) / 8 * 8;
}

static int in_order(const void *a, const void *b)
{
	const struct record *x = *(const struct record *const *)a, *y = *(const struct record *const *)b;
	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	if (x->peer != y->peer)
		return x->peer < y->peer ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void write_row(const struct sl_sim_rows *to, enum sl_sim_row_kind kind, const void *row)
{
	if (kind == SL_SIM_ROUND_ROW)
		to->round(to->context, row);
	else if (kind == SL_SIM_LINK_ROW)
		to->link(to->context, row);
	else if (kind == SL_SIM_SKETCH_ROW)
		to->sketch(to->context, row);
	else if (kind == SL_SIM_EVENT_ROW)
		to->event(to->context, row);
	else
		to->metric(to->context, row);
}

void sl_sim_row(struct sl_sim *s, uint32_t peer, enum sl_sim_row_kind kind, const void *row, size_t size)
{
	struct sl_sim_part *p = &s->part[s->node[peer].part];
	if (!s->windowed) {
		write_row(&s->setup.rows, kind, row);
		return;
	}
	size_t needs = p->rows_length + occupies(size);
	if (needs > p->rows_capacity) {
		p->rows_capacity = 2 * needs;
		p->rows = realloc(p->rows, p->rows_capacity);
		SL_CHECK(p->rows);
	}
	struct record *r = (struct record *)(void *)(p->rows + p->rows_length);
	*r = (struct record){ sl_sim_now_of(s, peer).us, s->node[peer].rows++, peer, kind, size };
	memcpy(r + 1, row, size);
	p->rows_length = needs;
	p->rows_count++;
}

static size_t list_rows(const struct sl_sim_part *p, const struct record **list)
{
	size_t n = 0;
	for (size_t at = 0; at < p->rows_length; n++) {
		list[n] = (const struct record *)(const void *)(p->rows + at);
		at += occupies(list[n]->size);
	}
	return n;
}

/* ---- sums ----
 *
 * (1/n) Σ‖x_i − x̄‖² in double. Each part adds its own peers in the order in which they complete the round, as differences from the
 * first of them, or nothing but rounding would be left where models agree. The parts are added in ascending order, each with its
 * mean m_p: Σ_p (Σ_{i∈p} ‖x_i − m_p‖² + n_p ‖m_p − x̄‖²). So the rounding does not depend on threads. */

static struct sl_sim_sum *find_sum(struct sl_sim_part *p, uint32_t round)
{
	for (size_t i = 0; i < p->sums_length; i++)
		if (p->sums[i].round == round)
			return &p->sums[i];
	return NULL;
}

void sl_sim_sum(struct sl_sim *s, uint32_t peer, uint32_t round)
{
	struct sl_sim_part *p = &s->part[s->node[peer].part];
	const float *x = sl_peer_model(s->node[peer].peer);
	uint32_t d = s->setup.plan->dimension;
	struct sl_sim_sum *m = find_sum(p, round);
	if (!m) {
		p->sums = realloc(p->sums, ++p->sums_length * sizeof *p->sums);
		SL_CHECK(p->sums);
		m = &p->sums[p->sums_length - 1];
		*m = (struct sl_sim_sum){ .round = round,
			                  .sum = calloc(d, sizeof(double)),
			                  .origin = malloc(d * sizeof(float)) };
		SL_CHECK(m->sum && m->origin);
		memcpy(m->origin, x, d * sizeof *x);
	}
	for (uint32_t k = 0; k < d; k++)
		m->sum[k] += (double)x[k] - (double)m->origin[k];
	m->square += sl_vector_distance(d, x, m->origin);
	m->peers++;
	p->summed = true;
}

static uint32_t count_honest(const struct sl_sim *s)
{
	return s->setup.topology->peers - s->poisoners;
}

/* Adds n_p m_p to `mean` of a part's sum. */
static void add_mean(const struct sl_sim_sum *m, uint32_t d, double *mean, double weight)
{
	for (uint32_t i = 0; i < d; i++)
		mean[i] += weight * (m->sum[i] + m->peers * (double)m->origin[i]);
}

/* Σ ‖x_i − mean‖² of a part. */
static double spread(const struct sl_sim_sum *m, uint32_t d, const double *mean)
{
	double inside = m->square, outside = 0;
	for (uint32_t i = 0; i < d; i++) {
		double own = m->sum[i] / m->peers, off = (double)m->origin[i] + own - mean[i];
		inside -= own * m->sum[i];
		outside += off * off;
	}
	return fmax(inside, 0) + m->peers * outside;
}

/* False: none of the part's peers has done that round. */
static bool take_sum(struct sl_sim_part *p, uint32_t round, struct sl_sim_sum *out)
{
	struct sl_sim_sum *m = find_sum(p, round);
	if (!m)
		return false;
	*out = *m;
	memmove(m, m + 1, (size_t)(p->sums + p->sums_length - (m + 1)) * sizeof *m);
	p->sums_length--;
	return true;
}

static void write_exact(struct sl_sim *s, uint32_t round)
{
	uint32_t d = s->setup.plan->dimension, peers = count_honest(s);
	double *mean = calloc(d, sizeof *mean), sum = 0;
	SL_CHECK(mean);
	for (uint32_t k = 0; k < s->parts; k++) {
		const struct sl_sim_sum *m = find_sum(&s->part[k], round);
		if (m)
			add_mean(m, d, mean, 1.0 / peers);
	}
	for (uint32_t k = 0; k < s->parts; k++) {
		struct sl_sim_sum m;
		if (!take_sum(&s->part[k], round, &m))
			continue;
		sum += spread(&m, d, mean);
		free(m.origin);
		free(m.sum);
	}
	s->setup.rows.exact(s->setup.rows.context, round, sum / peers);
	free(mean);
}

static uint32_t count_peers(struct sl_sim *s, uint32_t round)
{
	uint32_t peers = 0;
	for (uint32_t k = 0; k < s->parts; k++) {
		const struct sl_sim_sum *m = find_sum(&s->part[k], round);
		peers += m ? m->peers : 0;
	}
	return peers;
}

/* A round that is complete now was added to by some part in this window. */
static void write_sums(struct sl_sim *s)
{
	for (uint32_t k = 0; k < s->parts; k++) {
		struct sl_sim_part *p = &s->part[k];
		for (size_t i = 0; p->summed && i < p->sums_length;) {
			if (count_peers(s, p->sums[i].round) < count_honest(s))
				i++;
			else
				write_exact(s, p->sums[i].round); /* it is gone from the list now */
		}
		p->summed = false;
	}
}

void sl_sim_rows_write(struct sl_sim *s)
{
	size_t count = 0;
	for (uint32_t k = 0; k < s->parts; k++)
		count += s->part[k].rows_count;
	if (count > 0) {
		const struct record **list = malloc(count * sizeof(const struct record *));
		SL_CHECK(list);
		size_t n = 0;
		for (uint32_t k = 0; k < s->parts; k++)
			n += list_rows(&s->part[k], list + n);
		qsort(list, n, sizeof *list, in_order);
		for (size_t i = 0; i < n; i++)
			write_row(&s->setup.rows, list[i]->kind, list[i] + 1);
		free(list);
	}
	for (uint32_t k = 0; k < s->parts; k++)
		s->part[k].rows_length = s->part[k].rows_count = 0;
	write_sums(s);
}
