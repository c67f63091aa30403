/* sample.c — asks the peers, and adds up what they say. */
#include "daemon/cli/watch/watch.h"

#include "daemon/run/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 200 };

const char *sl_watch_state_name(enum sl_watch_state state)
{
	static const char *const names[SL_WATCH_STATES] = { "unknown", "up",   "awaited",
		                                            "late",    "down", "quarantined" };
	return names[state];
}

enum sl_status sl_watch_open(struct sl_watch *w, const char *folder, struct sl_error *error)
{
	char path[4096];
	memset(w, 0, sizeof *w);
	snprintf(path, sizeof path, "%.4000s/run.conf", folder);
	enum sl_status status = sl_local_open(&w->config, &w->roster, path, error);
	if (status != SL_OK)
		return status;
	w->peer = calloc(w->roster.topology.peers, sizeof *w->peer);
	w->state = calloc(w->roster.topology.edges + 1, 1);
	w->before = calloc(w->roster.topology.edges + 1, 1);
	if (!w->peer || !w->state || !w->before)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u peers",
		               (unsigned)w->roster.topology.peers);
	for (uint32_t k = 0; k < w->roster.topology.peers; k++) {
		w->peer[k].gone = w->roster.peer[k].gone;
		w->members += !w->peer[k].gone;
	}
	return SL_OK;
}

void sl_watch_close(struct sl_watch *w)
{
	if (w->roster.peer)
		sl_roster_free(&w->roster);
	free(w->peer);
	free(w->state);
	free(w->before);
}

/* ---- edges ---- */

struct end {
	struct sl_watch *watch;
	uint32_t peer;
};

static enum sl_watch_state state_of(const struct sl_status_link *l)
{
	if (l->quarantine_ms >= 0)
		return SL_WATCH_QUARANTINED;
	if (l->up == 0)
		return SL_WATCH_DOWN;
	if (l->late == 1)
		return SL_WATCH_LATE;
	return l->waited_for == 1 ? SL_WATCH_AWAITED : SL_WATCH_UP;
}

static void see_link(void *context, const struct sl_status_link *l)
{
	const struct end *end = context;
	struct sl_watch *w = end->watch;
	const struct sl_topology *t = &w->roster.topology;
	enum sl_watch_state state = state_of(l);
	if (l->waited_for == 1 && l->neighbour >= 0 && l->neighbour < t->peers)
		w->peer[l->neighbour].awaited = true;
	for (uint32_t i = t->first[end->peer]; i < t->first[end->peer + 1]; i++)
		if (t->neighbour[i] == l->neighbour && state > w->state[t->edge_of[i]])
			w->state[t->edge_of[i]] = (uint8_t)state;
}

/* ---- peers ---- */

static void note_rate(struct sl_watch_peer *p, int64_t now_us)
{
	const double weight = 0.4;
	if (p->sent_us && p->view.wire_tx >= p->sent && now_us > p->sent_us) {
		double rate = (double)(p->view.wire_tx - p->sent) * 1e6 / (double)(now_us - p->sent_us);
		p->rate = isfinite(p->rate) ? p->rate + weight * (rate - p->rate) : rate;
	} else {
		p->rate = (double)NAN;
	}
	p->sent = p->view.wire_tx;
	p->sent_us = now_us;
}

static void ask(struct sl_watch *w, uint32_t k)
{
	static char line[SL_STATUS_LINE];
	struct sl_watch_peer *p = &w->peer[k];
	struct end end = { w, k };
	int64_t pid;
	p->answers =
	    !p->gone &&
	    sl_local_ask(&w->config, k, PATIENCE_MS, line, sizeof line, &pid) == SL_STATUS_ANSWERED &&
	    sl_status_view_parse(&p->view, line);
	if (!p->answers) {
		p->sent_us = 0;
		p->rate = (double)NAN;
		return;
	}
	sl_status_view_links(line, see_link, &end);
	note_rate(p, sl_clock().us);
}

/* ---- what they add up to ---- */

static void note_pace(struct sl_watch *w, int64_t now_us)
{
	unsigned kept = w->moments < SL_WATCH_MOMENTS ? w->moments : SL_WATCH_MOMENTS;
	unsigned oldest = w->moments < SL_WATCH_MOMENTS ? 0 : w->moments % SL_WATCH_MOMENTS;
	w->rate = w->left = (double)NAN;
	if (!isfinite(w->round)) {
		w->moments = 0;
		return;
	}
	if (kept > 0 && now_us > w->moment[oldest].us)
		w->rate =
		    (w->round - w->moment[oldest].round) * 1e6 / (double)(now_us - w->moment[oldest].us);
	if (w->rate > 0)
		w->left = ((double)w->rounds - w->round) / w->rate;
	w->moment[w->moments % SL_WATCH_MOMENTS].us = now_us;
	w->moment[w->moments % SL_WATCH_MOMENTS].round = w->round;
	w->moments++;
}

static void note_spark(struct sl_watch *w)
{
	bool new = w->sparks == 0 || w->spark[(w->sparks - 1) % SL_WATCH_SPARKS] != w->accuracy;
	if (isfinite(w->accuracy) && new)
		w->spark[w->sparks++ % SL_WATCH_SPARKS] = w->accuracy;
}

/* Whom others wait for most, if that is much, and much more than for the others. */
static void note_slowest(struct sl_watch *w)
{
	double most = 0, sum = 0;
	w->slowest = -1;
	for (uint32_t k = 0; k < w->roster.topology.peers; k++) {
		struct sl_watch_peer *p = &w->peer[k];
		double weight = w->samples < 20 ? 1.0 / (w->samples + 1) : 0.05;
		p->awaited_share += weight * (p->awaited - p->awaited_share);
		sum += p->awaited_share;
		if (p->awaited_share > most) {
			most = p->awaited_share;
			w->slowest = k;
		}
	}
	if (w->samples < 4 || most < 0.2 || most * w->members < 1.5 * sum)
		w->slowest = -1;
}

static double mean(double sum, uint32_t count)
{
	return count ? sum / count : (double)NAN;
}

static void add_up(struct sl_watch *w)
{
	double round = 0, loss = 0, accuracy = 0;
	uint32_t lost = 0, rated = 0;
	w->answering = 0;
	w->sent = 0;
	w->rounds = w->least_round = -1;
	w->worst = (double)NAN;
	w->sent_rate = 0;
	for (uint32_t k = 0; k < w->roster.topology.peers; k++) {
		const struct sl_watch_peer *p = &w->peer[k];
		const struct sl_status_view *v = &p->view;
		if (!p->answers)
			continue;
		w->answering++;
		round += (double)v->round;
		w->rounds = v->rounds > w->rounds ? v->rounds : w->rounds;
		w->least_round = w->least_round < 0 || v->round < w->least_round ? v->round : w->least_round;
		w->sent += v->wire_tx > 0 ? v->wire_tx : 0;
		w->sent_rate += isfinite(p->rate) ? p->rate : 0;
		loss += isfinite(v->train_loss) ? v->train_loss : 0;
		lost += isfinite(v->train_loss);
		if (!isfinite(v->test_accuracy))
			continue;
		accuracy += v->test_accuracy;
		w->worst = rated++ == 0 || v->test_accuracy < w->worst ? v->test_accuracy : w->worst;
	}
	w->round = mean(round, w->answering);
	w->loss = mean(loss, lost);
	w->accuracy = mean(accuracy, rated);
}

void sl_watch_sample(struct sl_watch *w)
{
	const struct sl_topology *t = &w->roster.topology;
	memcpy(w->before, w->state, t->edges);
	memset(w->state, SL_WATCH_UNKNOWN, t->edges);
	for (uint32_t k = 0; k < t->peers; k++)
		w->peer[k].awaited = false;
	for (uint32_t k = 0; k < t->peers; k++)
		ask(w, k);
	memset(w->count, 0, sizeof w->count);
	for (uint32_t e = 0; e < t->edges; e++)
		w->count[w->state[e]]++;
	add_up(w);
	note_pace(w, sl_clock().us);
	note_spark(w);
	note_slowest(w);
	w->samples++;
}
