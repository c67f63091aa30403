/* read_parts.c — what a report shows of one run beside its curves: peers, links, graph, events. */
#include "daemon/cli/report/report.h"

#include "history/cursor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls `take` for each row until it returns false. */
static enum sl_status each_row(struct sl_history *h, const char *sql, struct sl_report_run *run,
                               bool (*take)(struct sl_report_run *, const struct sl_history_cursor *),
                               struct sl_error *error)
{
	struct sl_history_cursor *c = sl_history_ask(h, sql, run->summary.run_id, error);
	if (!c)
		return error->status;
	bool more = true;
	enum sl_status status = SL_OK;
	while ((status = sl_history_next(c, &more, error)) == SL_OK && more && take(run, c))
		;
	sl_history_done(c);
	return status;
}

/* A number of a peer, or −1 where the file holds something else. */
static int64_t peer_of(const struct sl_history_cursor *c, int at)
{
	int64_t peer = sl_history_integer_of(c, at);
	return peer < SL_PEERS_MAX ? peer : -1;
}

static bool take_peer(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	if (run->peers == SL_REPORT_PEERS)
		return false;
	if (peer_of(c, 0) < 0)
		return true;
	run->peer[run->peers++] = (struct sl_report_peer){
		.peer = (uint32_t)peer_of(c, 0),
		.rounds = sl_history_integer_of(c, 1),
		.seconds = sl_history_real_of(c, 2),
		.compute = sl_history_real_of(c, 3),
		.compress = sl_history_real_of(c, 4),
		.wait = sl_history_real_of(c, 5),
		.stopped = sl_history_kind_of(c, 6) != SL_HISTORY_NULL,
		.exit = sl_history_integer_of(c, 7),
		.last_round = sl_history_integer_of(c, 8),
		.held = (double)NAN,
		.held_rounds = (double)NAN,
		.epsilon = (double)NAN,
	};
	return true;
}

static int by_peer(const void *a, const void *b)
{
	const struct sl_report_peer *x = a, *y = b;
	return (x->peer > y->peer) - (x->peer < y->peer);
}

static bool take_held(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	struct sl_report_peer key = { .peer = (uint32_t)peer_of(c, 0) };
	struct sl_report_peer *p = bsearch(&key, run->peer, run->peers, sizeof key, by_peer);
	if (!p)
		return true;
	p->held = sl_history_real_of(c, 1);
	p->held_rounds = sl_history_real_of(c, 2);
	return true;
}

/* Turns sums into shares. */
static void share_held(struct sl_report_run *run)
{
	double rounds = 0;
	run->waited = 0;
	for (uint32_t i = 0; i < run->peers; i++) {
		struct sl_report_peer *p = &run->peer[i];
		p->held = isfinite(p->held) ? p->held : 0;
		p->held_rounds = isfinite(p->held_rounds) ? p->held_rounds : 0;
		run->waited += p->held;
		rounds += p->held_rounds;
	}
	for (uint32_t i = 0; i < run->peers; i++) {
		run->peer[i].held = run->waited > 0 ? run->peer[i].held / run->waited : (double)NAN;
		run->peer[i].held_rounds = rounds > 0 ? run->peer[i].held_rounds / rounds : (double)NAN;
	}
}

/* A round's waiting is held against the peer that waited least in it. Not of rounds with an evaluation, whose times are
 * those of the evaluation. */
static enum sl_status read_held(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	enum sl_status status = each_row(
	    h,
	    "SELECT peer, sum(waited) / 1e6, count(*) FROM (SELECT round, peer, min(wait_us), sum(wait_us) AS waited FROM "
	    "peer_curve WHERE run_id = ?1 AND test_accuracy IS NULL AND wait_us IS NOT NULL "
	    "GROUP BY round HAVING count(*) > 1) GROUP BY peer",
	    run, take_held, error);
	share_held(run);
	return status;
}

static bool take_epsilon(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	struct sl_report_peer key = { .peer = (uint32_t)peer_of(c, 0) };
	struct sl_report_peer *p = bsearch(&key, run->peer, run->peers, sizeof key, by_peer);
	double epsilon = sl_history_real_of(c, 1);
	if (p)
		p->epsilon = epsilon;
	run->epsilon = run->epsilon >= epsilon ? run->epsilon : epsilon;
	return true;
}

static bool take_delta(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	run->delta = sl_history_real_of(c, 0);
	run->spent = (uint32_t)sl_history_integer_of(c, 1);
	return false;
}

/* What each peer has spent at its last evaluation; a peer has one δ in a run. */
static enum sl_status read_privacy(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	run->epsilon = run->delta = (double)NAN;
	enum sl_status status =
	    each_row(h,
	             "SELECT peer, value, max(round) FROM metric WHERE run_id = ?1 AND name = 'epsilon' "
	             "GROUP BY peer",
	             run, take_epsilon, error);
	if (status == SL_OK)
		status = each_row(
		    h,
		    "SELECT max(value), (SELECT count(DISTINCT peer) FROM event WHERE run_id = ?1 AND kind = "
		    "'privacy-budget-spent') FROM metric WHERE run_id = ?1 AND name = 'delta'",
		    run, take_delta, error);
	return status;
}

static bool take_budget(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	run->budget = (struct sl_report_budget){
		(uint32_t)sl_history_integer_of(c, 0),
		sl_history_real_of(c, 1),
		sl_history_real_of(c, 2),
		sl_history_real_of(c, 3),
		sl_history_real_of(c, 4),
	};
	return false;
}

/* Counters begin again with each process: only differences between two rows of one count. */
static enum sl_status read_budget(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	return each_row(
	    h,
	    "WITH span AS (SELECT budget.peer, rate, tx - lag(tx) OVER step AS bytes, waited_us - lag(waited_us) OVER step AS "
	    "waited, at_us - lag(at_us) OVER step AS us, round - lag(round) OVER step AS rounds FROM budget JOIN "
	    "round USING (run_id, peer, round) WHERE run_id = ?1 WINDOW step AS (PARTITION BY budget.peer ORDER BY round)) "
	    "SELECT count(DISTINCT peer), avg(rate), 8e6 * sum(bytes) / sum(1.0 * rate * us), 1.0 * sum(waited) / sum(us), "
	    "864e8 * sum(rounds) / sum(us) FROM span WHERE bytes >= 0 AND us > 0",
	    run, take_budget, error);
}

static bool take_link(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	if (run->links == SL_REPORT_LINKS)
		return false;
	if (peer_of(c, 0) < 0 || peer_of(c, 1) < 0 || peer_of(c, 0) == peer_of(c, 1))
		return true;
	if ((run->links & (run->links - 1)) == 0) {
		size_t room = run->links ? 2 * (size_t)run->links : 64;
		struct sl_report_link *more = realloc(run->link, room * sizeof *more);
		if (!more)
			return false;
		run->link = more;
	}
	run->link[run->links++] = (struct sl_report_link){
		(uint32_t)peer_of(c, 0),  (uint32_t)peer_of(c, 1),  sl_history_real_of(c, 2),
		sl_history_real_of(c, 3), sl_history_real_of(c, 4),
	};
	return true;
}

static int by_pair(const void *a, const void *b)
{
	const struct sl_edge_pair *x = a, *y = b;
	return x->a != y->a ? (x->a > y->a) - (x->a < y->a) : (x->b > y->b) - (x->b < y->b);
}

/* The undirected edges of the links, sorted, each once; the caller frees them. */
static struct sl_edge_pair *edges_of(const struct sl_report_run *run, uint32_t *count)
{
	struct sl_edge_pair *edge = calloc((size_t)run->links + 1, sizeof *edge);
	uint32_t kept = 0;
	*count = 0;
	if (!edge)
		return NULL;
	for (uint32_t i = 0; i < run->links; i++) {
		uint32_t from = run->link[i].from, to = run->link[i].to;
		edge[i] = (struct sl_edge_pair){ from < to ? from : to, from < to ? to : from };
	}
	qsort(edge, run->links, sizeof *edge, by_pair);
	for (uint32_t i = 0; i < run->links; i++)
		if (kept == 0 || by_pair(&edge[kept - 1], &edge[i]) != 0)
			edge[kept++] = edge[i];
	*count = kept;
	return edge;
}

/* Whether a spec asks for a small graph: its text comes from the file. */
static bool is_small(const char *spec)
{
	double product = 1;
	const char *p = spec + strcspn(spec, ":");
	while (*(p += strcspn(p, "0123456789"))) {
		double number = strtod(p, NULL);
		p += strspn(p, "0123456789.e");
		product *= number >= 1 ? number : 1;
	}
	return product <= 16 * SL_REPORT_DRAWN;
}

/* The run's topology where it has the edges that the links show; else a graph of those with Metropolis weights. */
static void make_graph(struct sl_report_run *run)
{
	uint32_t edges, peers = 0;
	struct sl_edge_pair *edge = edges_of(run, &edges);
	uint64_t seed = strtoull(run->summary.seed, NULL, 10);
	if (!edge || edges == 0) {
		free(edge);
		return;
	}
	for (uint32_t i = 0; i < edges; i++)
		peers = edge[i].b >= peers ? edge[i].b + 1 : peers;
	if (peers > SL_REPORT_DRAWN) {
		free(edge);
		return;
	}
	if (is_small(run->summary.topology) &&
	    sl_topology_make(&run->graph, run->summary.topology, seed, NULL) == SL_OK) {
		run->drawn = run->own_weights =
		    run->graph.edges == edges && memcmp(run->graph.edge, edge, edges * sizeof *edge) == 0;
		if (!run->drawn)
			sl_topology_free(&run->graph);
	}
	if (!run->drawn)
		run->drawn =
		    sl_topology_from_members(&run->graph, "links", peers, edge, NULL, edges, NULL) == SL_OK;
	free(edge);
}

static bool take_event(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	if (run->events == SL_REPORT_EVENTS)
		return false;
	struct sl_report_event *e = &run->event[run->events++];
	*e = (struct sl_report_event){ .seconds = sl_history_real_of(c, 0),
		                       .peer = peer_of(c, 1),
		                       .round = sl_history_integer_of(c, 2) };
	snprintf(e->level, sizeof e->level, "%s", sl_history_text_of(c, 3));
	snprintf(e->kind, sizeof e->kind, "%s", sl_history_text_of(c, 4));
	snprintf(e->detail, sizeof e->detail, "%s", sl_history_text_of(c, 5));
	return true;
}

static bool take_kind(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	if (run->kinds == SL_REPORT_KINDS)
		return false;
	struct sl_report_kind *k = &run->kind[run->kinds++];
	snprintf(k->kind, sizeof k->kind, "%s", sl_history_text_of(c, 0));
	snprintf(k->level, sizeof k->level, "%s", sl_history_text_of(c, 1));
	k->count = sl_history_integer_of(c, 2);
	k->peers = sl_history_integer_of(c, 3);
	return true;
}

static bool take_late(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	run->late = (struct sl_report_blame){ peer_of(c, 0), sl_history_integer_of(c, 1),
		                              sl_history_integer_of(c, 2), sl_history_integer_of(c, 3) };
	return false;
}

static bool take_quarantined(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	take_late(run, c);
	run->quarantined = run->late;
	return false;
}

/* Whom late edges and quarantines are about. */
static enum sl_status read_blame(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
#define BLAME(kind)                                                                                                               \
	"SELECT CAST(substr(detail, 6, 6) AS INTEGER), count(*), (SELECT count(*) FROM event WHERE run_id = ?1 AND kind = '" kind \
	"'), count(DISTINCT peer) FROM event WHERE run_id = ?1 AND kind = '" kind                                                 \
	"' AND detail GLOB 'peer [0-9]*' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
	enum sl_status status = each_row(h, BLAME("quarantine"), run, take_quarantined, error);
	run->late = (struct sl_report_blame){ .peer = -1 };
	return status == SL_OK ? each_row(h, BLAME("edge-late"), run, take_late, error) : status;
}

static bool take_absence(struct sl_report_run *run, const struct sl_history_cursor *c)
{
	double from = sl_history_real_of(c, 1), to = sl_history_real_of(c, 2);
	if (run->absences == SL_REPORT_ABSENCES)
		return false;
	if (peer_of(c, 0) >= 0 && isfinite(from) && to > from)
		run->absence[run->absences++] =
		    (struct sl_report_absence){ (uint32_t)peer_of(c, 0), from, to };
	return true;
}

/* From a peer's last row before it was started again to that start. */
static enum sl_status read_absences(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	return each_row(
	    h,
	    "WITH start AS MATERIALIZED (SELECT min(started_at) AS at FROM peer WHERE run_id = ?1) "
	    "SELECT e.peer, ((SELECT max(c.at_us) FROM peer_curve AS c WHERE c.run_id = ?1 AND c.peer = e.peer "
	    "AND c.at_us < e.at_us) - (SELECT at FROM start)) / 1e6, (e.at_us - (SELECT at FROM start)) / 1e6 "
	    "FROM event AS e WHERE e.run_id = ?1 AND e.kind IN ('resumed-from-checkpoint', "
	    "'recovered-from-neighbours') ORDER BY e.at_us LIMIT 64",
	    run, take_absence, error);
}

static enum sl_status read_events(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	enum sl_status status = each_row(
	    h,
	    "SELECT kind, CASE min(CASE level WHEN 'error' THEN 0 WHEN 'warning' THEN 1 WHEN 'notice' THEN 2 "
	    "ELSE 3 END) WHEN 0 THEN 'error' WHEN 1 THEN 'warning' WHEN 2 THEN 'notice' ELSE 'info' END, "
	    "count(*), count(DISTINCT peer) FROM event WHERE run_id = ?1 GROUP BY kind ORDER BY 2, 3 DESC, 1",
	    run, take_kind, error);
	if (status != SL_OK)
		return status;
	/* The more serious first, if not all have room. */
	return each_row(
	    h,
	    "SELECT (at_us - (SELECT min(started_at) FROM peer WHERE run_id = ?1)) / 1e6, peer, round, level, "
	    "kind, detail FROM event WHERE run_id = ?1 AND kind <> 'gamma' AND NOT (kind = 'fresh-start' AND "
	    "level = 'info') ORDER BY CASE level WHEN 'error' THEN 0 WHEN 'warning' THEN 1 WHEN 'notice' THEN 2 "
	    "ELSE 3 END, at_us, peer LIMIT 4000",
	    run, take_event, error);
}

static int by_time(const void *a, const void *b)
{
	const struct sl_report_event *x = a, *y = b;
	return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

enum sl_status sl_report_read_parts(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	run->peer = calloc(SL_REPORT_PEERS, sizeof *run->peer);
	run->event = calloc(SL_REPORT_EVENTS, sizeof *run->event);
	if (!run->peer || !run->event)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", run->database);
	enum sl_status status = each_row(
	    h,
	    "SELECT t.peer, t.rounds, t.seconds, compute_seconds, compress_seconds, wait_seconds, p.stopped_at, "
	    "p.exit, (SELECT max(round) FROM peer_curve AS c WHERE c.run_id = ?1 AND c.peer = t.peer) "
	    "FROM peer_time AS t JOIN peer AS p ON p.run_id = ?1 AND p.peer = t.peer "
	    "WHERE t.run_id = ?1 ORDER BY t.peer",
	    run, take_peer, error);
	if (status == SL_OK)
		status = read_held(run, h, error);
	if (status == SL_OK)
		status = read_privacy(run, h, error);
	if (status == SL_OK)
		status = read_budget(run, h, error);
	if (status == SL_OK)
		status = each_row(
		    h,
		    "SELECT peer, neighbour, payload_bytes, frames, resent, max(round) FROM link_curve "
		    "WHERE run_id = ?1 GROUP BY peer, neighbour",
		    run, take_link, error);
	if (status == SL_OK)
		status = read_events(run, h, error);
	if (status == SL_OK)
		status = read_absences(run, h, error);
	if (status == SL_OK)
		status = read_blame(run, h, error);
	if (status != SL_OK)
		return status;
	/* Give back what is not used: there may be many runs. */
	void *fits = realloc(run->event, (run->events + 1) * sizeof *run->event);
	if (fits)
		run->event = fits;
	fits = realloc(run->peer, (run->peers + 1) * sizeof *run->peer);
	if (fits)
		run->peer = fits;
	qsort(run->event, run->events, sizeof *run->event, by_time);
	make_graph(run);
	return SL_OK;
}
