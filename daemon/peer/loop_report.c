#include "daemon/peer/loop_report.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

enum { LINE_FIXED = 1024, LINE_EDGE = 160 + 280 + 400 + SL_NET_TROUBLE + 64 };

/* Appends; what does not fit is our own mistake. */
__attribute__((format(printf, 4, 5))) static void add(char *line, size_t size, size_t *used,
                                                      const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(line + *used, size - *used, format, arguments);
	va_end(arguments);
	SL_CHECK(n >= 0 && (size_t)n < size - *used);
	*used += (size_t)n;
}

static void add_real(char *line, size_t size, size_t *used, const char *name, double v)
{
	if (isfinite(v))
		add(line, size, used, "\"%s\":%.9g,", name, v);
	else
		add(line, size, used, "\"%s\":null,", name);
}

static void add_count(char *line, size_t size, size_t *used, const char *name, int64_t v)
{
	if (v >= 0)
		add(line, size, used, "\"%s\":%" PRId64 ",", name, v);
	else
		add(line, size, used, "\"%s\":null,", name);
}

/* A status line has no escapes: what would need one becomes a blank, and what is no UTF-8 a question mark. */
static void add_text(char *line, size_t size, size_t *used, const char *name, const char *text)
{
	add(line, size, used, "\"%s\":\"", name);
	for (size_t n; *text; text += n ? n : 1) {
		n = sl_utf8_length(text);
		if (n == 0)
			add(line, size, used, "?");
		else if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ' || *text == 127)
			add(line, size, used, " ");
		else
			add(line, size, used, "%.*s", (int)n, text);
	}
	add(line, size, used, "\",");
}

static void add_history(char *line, size_t size, size_t *used, struct sl_store *store)
{
	struct sl_store_trouble trouble;
	if (!sl_store_failing(store, &trouble)) {
		add(line, size, used, "\"history_error\":null,");
		return;
	}
	add_text(line, size, used, "history_error", trouble.reason);
	add_count(line, size, used, "history_since_us", trouble.since_us);
	add_count(line, size, used, "rows_lost", (int64_t)trouble.lost);
}

static int64_t wall_us(void)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static const char *truth(bool v)
{
	return v ? "true" : "false";
}

/* Since when the open tag waits for its answer; −1: none does. */
static int64_t open_ms(const struct sl_peer_edge_status *e, struct sl_time now)
{
	return e->opened_at.us > 0 ? (now.us - e->opened_at.us) / 1000 : -1;
}

/* A link is up where messages come, and can go. */
static bool link_up(const struct sl_loop *l, uint32_t edge, const struct sl_peer_edge_status *e)
{
	return e->up && edge < l->net->degree && l->net->link[edge].up;
}

static uint32_t links_up(struct sl_loop *l, uint32_t degree)
{
	struct sl_peer_edge_status e;
	uint32_t up = 0;
	for (uint32_t i = 0; i < degree; i++) {
		sl_view_edge(&l->view, l->peer, i, &e);
		up += link_up(l, i, &e);
	}
	return up;
}

/* What is wrong with it, and since when. */
static void add_trouble(struct sl_loop *l, uint32_t edge, const struct sl_peer_edge_status *e,
                        struct sl_time now, char *line, size_t size, size_t *used)
{
	char text[SL_NET_TROUBLE];
	int64_t since_us;
	if (e->quarantined || edge >= l->net->degree)
		return;
	if (!sl_net_trouble(l->net, edge, text, &since_us)) {
		if (e->up || !l->net->link[edge].up || !l->net->link[edge].heard)
			return;
		snprintf(text, sizeof text, "it has not connected to us");
		since_us = wall_us() - (now.us - l->net->link[edge].heard_at.us);
	}
	add(line, size, used, ",");
	add_text(line, size, used, "trouble", text);
	add(line, size, used, "\"trouble_since_us\":%" PRId64, since_us);
}

/* What the link carries, and why frames were sent again. */
static void add_measures(struct sl_loop *l, uint32_t edge, struct sl_link_row *row, char *line, size_t size,
                         size_t *used)
{
	row->wire_tx = row->wire_resent = row->throughput = row->queue_us = row->srtt_us = -1;
	sl_net_measure(l->net, edge, row);
	const struct {
		const char *name;
		int64_t value;
	} all[] = { { "wire_tx", row->wire_tx },
		    { "wire_resent", row->wire_resent },
		    { "throughput", row->throughput },
		    { "queue_us", row->queue_us },
		    { "srtt_us", row->srtt_us },
		    { "again_connection", row->again[SL_AGAIN_CONNECTION] },
		    { "again_drop", row->again[SL_AGAIN_DROP] },
		    { "again_refusal", row->again[SL_AGAIN_REFUSAL] },
		    { "again_digest", row->again[SL_AGAIN_DIGEST] } };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].value >= 0)
			add(line, size, used, ",\"%s\":%" PRId64, all[i].name, all[i].value);
		else
			add(line, size, used, ",\"%s\":null", all[i].name);
}

static void add_link(struct sl_loop *l, uint32_t edge, struct sl_time now, char *line, size_t size,
                     size_t *used)
{
	struct sl_peer_edge_status e;
	sl_view_edge(&l->view, l->peer, edge, &e);
	int64_t heard_us = now.us - e.heard_at.us;
	bool up = link_up(l, edge, &e), reached = edge < l->net->degree && l->net->link[edge].up;
	add(line, size, used,
	    "%s{\"neighbour\":%" PRIu32 ",\"up\":%s,\"heard\":%s,\"reached\":%s,\"late\":%s,\"waited_for\":%s"
	    ",\"behind\":%" PRIu32 ",\"their_round\":%" PRIu32 ",\"heard_ms\":%" PRId64
	    ",\"refused\":%" PRId64,
	    edge ? "," : "", e.neighbour, truth(up), truth(e.up), truth(reached), truth(e.late),
	    truth(e.waited_for), e.behind, e.their_round, heard_us < 0 ? 0 : heard_us / 1000,
	    e.totals.refused);
	add(line, size, used,
	    ",\"step\":%" PRIu32 ",\"roster\":%" PRIu32 ",\"resent\":%" PRId64 ",\"snapshots\":%" PRId64
	    ",\"why\":\"%s\"",
	    e.step, e.their_roster, e.totals.resent, e.totals.snapshots,
	    e.behind || e.late || !e.up || e.saves ? e.why : "");
	add_measures(l, edge, &e.totals, line, size, used);
	if (open_ms(&e, now) >= 0)
		add(line, size, used, ",\"open_ms\":%" PRId64, open_ms(&e, now));
	if (e.anomaly > 0)
		add(line, size, used, ",\"anomaly\":%.1f", e.anomaly < 1e6 ? e.anomaly : 1e6);
	if (e.quarantined)
		add(line, size, used, ",\"quarantine_ms\":%" PRId64 ",\"cause\":\"%s\"",
		    (e.quarantined_until.us - now.us) / 1000, e.cause);
	add_trouble(l, edge, &e, now, line, size, used);
	add(line, size, used, "}");
}

/* The budget, its use in the last ten seconds, the part of the time in which messages waited for it, and what a day has at
 * the present pace. */
static void add_budget(struct sl_loop *l, const struct sl_peer_status *s, struct sl_time now, char *line,
                       size_t size, size_t *used)
{
	struct sl_pacer *p = &l->pacer;
	double us = (double)(now.us - l->was.at.us), rounds = (double)s->round - l->was.round;
	if (!p->on || us <= 0)
		return;
	add_count(line, size, used, "budget_rate", (int64_t)p->rate);
	add_count(line, size, used, "budget_used", sl_outbox_used(&p->outbox, now));
	add_count(line, size, used, "budget_tx", sl_outbox_total(&p->outbox));
	add_count(line, size, used, "budget_waited_us", sl_outbox_waited_us(&p->outbox, now));
	add_count(line, size, used, "budget_waiting", p->outbox.count);
	add_real(line, size, used, "rounds_a_day", rounds / us * 86400e6);
	add_real(line, size, used, "bytes_a_round",
	         ((double)sl_outbox_total(&p->outbox) - (double)l->was.bytes) / rounds);
}

static void add_privacy(const struct sl_peer_status *s, char *line, size_t size, size_t *used)
{
	if (isnan(s->epsilon))
		return;
	add_real(line, size, used, "epsilon", s->epsilon);
	add_real(line, size, used, "delta", s->delta);
	add_real(line, size, used, "epsilon_budget", s->budget > 0 ? s->budget : (double)NAN);
	add(line, size, used, "\"epsilon_spent\":%s,", truth(s->spent));
}

/* What its trainer does. */
static void add_trainer(struct sl_loop *l, char *line, size_t size, size_t *used)
{
	struct sl_door_status s;
	if (!l->door)
		return;
	sl_door_status(l->door, &s);
	add(line, size, used, "\"trainer\":\"%s\",",
	    s.busy       ? "working"
	    : s.ready    ? "ready"
	    : s.attached ? "attaching"
	                 : "absent");
	add_count(line, size, used, "trainer_pid", s.attached ? s.pid : -1);
	add_count(line, size, used, "trainer_us", s.median_us);
	add_count(line, size, used, "trainer_since_us", s.busy || !s.ready ? s.since_us : -1);
	add_count(line, size, used, "trainer_attempt", s.attempts);
}

/* "pausing": the next round waits for [run] period or [limits] cpu. */
static const char *phase_of(const struct sl_loop *l, const char *phase)
{
	return l->job && sl_time_before(sl_clock(), l->job_at) ? "pausing" : phase;
}

const char *sl_loop_status(struct sl_loop *l)
{
	static char line[LINE_FIXED + SL_DEGREE_MAX * LINE_EDGE];
	size_t used = 0, size = sizeof line;
	struct sl_peer_status s;
	struct sl_time now = sl_clock();
	struct sl_traffic_sum sum = sl_traffic_total(&l->net->traffic);
	sl_view_status(&l->view, l->peer, &s);
	sl_store_add_earlier(l->store, &sum.tx, &sum.rx);
	add(line, size, &used,
	    "{\"peer\":%" PRIu32 ",\"pid\":%ld,\"serial\":%" PRIu32 ",\"phase\":\"%s\",\"round\":%" PRIu32
	    ",\"rounds\":%" PRIu32 ",",
	    l->number, (long)getpid(), sl_view_serial(&l->view, l->peer), phase_of(l, s.phase), s.round,
	    s.rounds);
	add_real(line, size, &used, "train_loss", s.train_loss);
	add_real(line, size, &used, "test_accuracy", s.test_accuracy);
	add_real(line, size, &used, "gamma", s.gamma);
	add_count(line, size, &used, "nonzero", s.nonzero);
	add_count(line, size, &used, "payload_tx", s.payload_tx);
	add_count(line, size, &used, "payload_rx", s.payload_rx);
	add_count(line, size, &used, "wire_tx", sum.tx);
	add_count(line, size, &used, "wire_rx", sum.rx);
	add_count(line, size, &used, "wire_resent", sum.resent);
	add_budget(l, &s, now, line, size, &used);
	if (s.save_failed)
		add(line, size, &used, "\"checkpoint_failed\":true,");
	if (s.diverging)
		add(line, size, &used, "\"diverging\":true,");
	add_privacy(&s, line, size, &used);
	add_history(line, size, &used, l->store);
	add_trainer(l, line, size, &used);
	add(line, size, &used, "\"edges_up\":%" PRIu32 ",\"edges\":%" PRIu32 ",\"links\":[",
	    links_up(l, s.degree), s.degree);
	for (uint32_t i = 0; i < s.degree; i++)
		add_link(l, i, now, line, size, &used);
	add(line, size, &used, "]}");
	return line;
}

/* The edge that is furthest behind: "; 3 is 14 rounds behind for 3.1 s (not heard)" */
static int worst_edge(struct sl_loop *l, uint32_t degree, char *text, size_t size)
{
	struct sl_peer_edge_status e, worst = { 0 };
	for (uint32_t i = 0; i < degree; i++) {
		sl_view_edge(&l->view, l->peer, i, &e);
		if (e.behind > worst.behind)
			worst = e;
	}
	if (!worst.behind)
		return 0;
	return snprintf(text, size, "; %" PRIu32 " is %" PRIu32 " rounds behind for %.1f s (%s)",
	                worst.neighbour, worst.behind, (double)open_ms(&worst, sl_clock()) / 1000, worst.why);
}

static int trainer_text(struct sl_loop *l, char *text, size_t size)
{
	struct sl_door_status s;
	if (!l->door)
		return 0;
	sl_door_status(l->door, &s);
	if (!s.ready)
		return snprintf(text, size, "; no trainer for %.0f s", (double)s.since_us / 1e6);
	return s.busy ? snprintf(text, size, "; the trainer has worked for %.1f s, attempt %u",
	                         (double)s.since_us / 1e6, s.attempts)
	              : 0;
}

void sl_loop_summary(struct sl_loop *l, char *line, size_t size)
{
	struct sl_peer_status s;
	struct sl_peer_edge_status e;
	struct sl_store_trouble trouble;
	int used;
	sl_view_status(&l->view, l->peer, &s);
	used = snprintf(line, size, "round %" PRIu32 " of %" PRIu32 ", %s", s.round, s.rounds,
	                phase_of(l, s.phase));
	for (uint32_t i = 0, named = 0; i < s.degree && used >= 0 && (size_t)used < size; i++) {
		sl_view_edge(&l->view, l->peer, i, &e);
		if (e.waited_for && named++ < 8)
			used += snprintf(line + used, size - (size_t)used, "%s %" PRIu32 "%s",
			                 named == 1 ? " for" : ",", e.neighbour,
			                 e.saves ? " (it must write a checkpoint first)" : "");
	}
	if (used >= 0 && (size_t)used < size)
		used += trainer_text(l, line + used, size - (size_t)used);
	if (used >= 0 && (size_t)used < size && s.diverging)
		used += snprintf(line + used, size - (size_t)used, "; diverging");
	if (used >= 0 && (size_t)used < size && s.save_failed)
		used += snprintf(line + used, size - (size_t)used, "; checkpoints fail");
	if (used >= 0 && (size_t)used < size && sl_store_failing(l->store, &trouble))
		used += snprintf(line + used, size - (size_t)used, "; the history cannot be written");
	if (used >= 0 && (size_t)used < size)
		used += worst_edge(l, s.degree, line + used, size - (size_t)used);
	if (used >= 0 && (size_t)used < size)
		snprintf(line + used, size - (size_t)used,
		         "; %" PRIu32 " of %" PRIu32
		         " links up; loss %.4g, accuracy %.4g; worst turn %.1f ms",
		         links_up(l, s.degree), s.degree, s.train_loss, s.test_accuracy,
		         (double)l->worst_turn_us / 1000);
	l->worst_turn_us = 0;
}
