/* window.c — events one by one, or by the window: the events of all peers between now and the least time that a message
 * takes, served by threads part by part, and then looked at together. */
#include "sim/sim_state.h"

enum { NO_LATENCY_US = 1000 }; /* a window where messages take no time */

bool sl_sim_step(struct sl_sim *s)
{
	struct sl_sim_event e;
	if (!sl_sim_pop(s, &e))
		return false;
	s->now = e.at;
	sl_sim_process(s, &e, &s->scratch[0], true);
	sl_sim_rows_write(s);
	return true;
}

bool sl_sim_run(struct sl_sim *s, uint64_t events_most)
{
	struct sl_sim_totals totals;
	sl_sim_totals(s, &totals);
	uint64_t last = totals.events + events_most;
	while (totals.halted < s->setup.topology->peers && !sl_sim_trouble(s)) {
		if (totals.events >= last)
			sl_sim_broken(s, 0, "the run did not end within %llu events",
			              (unsigned long long)events_most);
		else if (!sl_sim_step(s))
			sl_sim_broken(s, 0, "nothing is left to happen, yet peers have not finished");
		sl_sim_totals(s, &totals);
	}
	return !sl_sim_trouble(s);
}

/* ---- windows ---- */

/* Peers that share more than messages are served in the order of their events. */
static bool is_separable(const struct sl_sim *s)
{
	const struct sl_sim_network *n = &s->setup.network;
	const struct sl_sim_watch *w = &s->watch;
	return !n->bottleneck && n->latency_us > 0 && s->poisoners == 0 && !s->setup.capture && !w->sent &&
	       !w->before && !w->after;
}

/* Parts with something to do. */
struct shared {
	struct sl_sim *sim;
	struct sl_sim_part *part[SL_SIM_PARTS_MAX];
	uint32_t parts;
	bool all; /* peers are looked at, and all of each */
};

static void serve(void *of, uint32_t index, uint32_t thread)
{
	struct shared *w = of;
	struct sl_sim *s = w->sim;
	struct sl_sim_part *p = w->part[index];
	struct sl_sim_event e;
	sl_sim_unpack(s, p);
	while (!p->trouble.text[0] && sl_sim_pop_part(s, p, &e)) {
		p->now = e.at;
		sl_sim_process(s, &e, &s->scratch[thread], false);
	}
}

static void serve_parts(struct sl_sim *s)
{
	struct shared w = { .sim = s };
	uint64_t posted = sl_sim_turn(s);
	for (uint32_t k = 0; k < s->parts; k++) {
		struct sl_sim_part *p = &s->part[k];
		bool due = p->heap.length > 0 && sl_time_before(p->heap.event[0].at, s->until);
		if (due || posted >> k & 1)
			w.part[w.parts++] = p;
	}
	s->parallel = true;
	sl_parallel_run(&s->setup.threads, w.parts, serve, &w);
	s->parallel = false;
	for (uint32_t k = 0; k < s->parts; k++)
		if (sl_time_before(s->now, s->part[k].now))
			s->now = s->part[k].now;
}

static void serve_serially(struct sl_sim *s)
{
	struct sl_sim_event e;
	while (!s->trouble.text[0] && sl_time_before(sl_sim_next(s), s->until) && sl_sim_pop(s, &e)) {
		s->now = e.at;
		sl_sim_process(s, &e, &s->scratch[0], false);
	}
}

static void look(void *of, uint32_t index, uint32_t thread)
{
	const struct shared *w = of;
	struct sl_sim_part *p = w->part[index];
	uint32_t count = w->all ? p->end - p->first : p->touches;
	(void)thread;
	sl_sim_check_resent(w->sim, p);
	for (uint32_t i = 0; i < count && !p->trouble.text[0]; i++)
		sl_sim_check_node(w->sim, w->all ? p->first + i : p->touched[i], !w->all);
	for (uint32_t i = 0; i < p->touches; i++)
		w->sim->node[p->touched[i]].touched = false;
	p->touches = 0;
}

/* Threads read what they like now, and write what is their own parts'. */
static void look_at_parts(struct sl_sim *s)
{
	struct shared w = { .sim = s };
	struct sl_sim_totals totals;
	sl_sim_totals(s, &totals);
	w.all = totals.halted == s->setup.topology->peers;
	for (uint32_t k = 0; k < s->parts; k++) {
		s->part[k].now = s->now;
		if (w.all || s->part[k].touches > 0 || s->part[k].resents > 0)
			w.part[w.parts++] = &s->part[k];
	}
	s->parallel = true;
	sl_parallel_run(&s->setup.threads, w.parts, look, &w);
	s->parallel = false;
}

bool sl_sim_window(struct sl_sim *s, struct sl_time until)
{
	struct sl_time first = sl_sim_next(s);
	bool separable = is_separable(s);
	if (!sl_time_before(first, until))
		return false;
	const struct sl_sim_network *n = &s->setup.network;
	int64_t span_us = n->latency_us > 0 ? n->latency_us : NO_LATENCY_US;
	s->until = sl_time_earlier(sl_time_after(first, span_us), until);
	s->windowed = true;
	if (separable)
		serve_parts(s);
	else
		serve_serially(s);
	s->windowed = false;
	sl_sim_links_follow(s);
	sl_sim_gather_trouble(s);
	if (s->setup.check != SL_SIM_CHECK_NONE && !s->trouble.text[0])
		look_at_parts(s);
	sl_sim_gather_trouble(s);
	sl_sim_rows_write(s);
	return true;
}
