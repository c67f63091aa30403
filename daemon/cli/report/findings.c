/* findings.c — what a report says in sentences. Each is a fact that the tables or figures below it show. */
#include "daemon/cli/report/html.h"
#include "daemon/cli/report/page.h"

#include "daemon/cli/common/command_line.h"

#include <math.h>
#include <string.h>

static void name_of(FILE *out, const struct sl_report *r, uint32_t g)
{
	fputs("<b>", out);
	sl_html_text(out, r->group[g].label);
	fputs("</b>", out);
}

/* ---- all runs ---- */

static void find_winners(FILE *out, const struct sl_report *r)
{
	for (uint32_t t = r->targets; t-- > 0;) {
		uint32_t bytes = sl_report_winner(r, t, SL_AXIS_PAYLOAD),
		         time = sl_report_winner(r, t, SL_AXIS_SECONDS), all = 0;
		double most = 0;
		for (uint32_t g = 0; g < r->groups; g++) {
			all += r->group[g].reach[t].runs == r->group[g].runs;
			if (r->group[g].reach[t].runs == r->group[g].runs)
				most = fmax(most, r->group[g].reach[t].payload);
		}
		if (bytes == UINT32_MAX)
			continue;
		const struct sl_report_reach *least = &r->group[bytes].reach[t];
		if (all == 1)
			fputs("<li>With all its runs only ", out), name_of(out, r, bytes),
			    fputs(" reaches an accuracy of ", out);
		else
			fputs("<li>To an accuracy of ", out);
		sl_html_number(out, "win-target", r->target[t], "%.4g", r->target[t]);
		if (all == 1)
			fputs(" (", out);
		else
			fputs(", ", out), name_of(out, r, bytes), fputs(" sends the fewest bytes (", out);
		sl_html_bytes(out, "win-payload", least->payload);
		if (all > 1 && most > 1.005 * least->payload)
			fprintf(out, ", %.3g times less than the most", most / least->payload);
		if (all > 1 && time != UINT32_MAX)
			fputs(") and ", out), name_of(out, r, time), fputs(" takes the least time (", out);
		else
			fputs(", ", out);
		sl_html_seconds(out, "win-seconds",
		                time != UINT32_MAX ? r->group[time].reach[t].seconds : (double)NAN);
		if (all > 1)
			fprintf(out, "); %u of %u kinds reach it with all their runs.</li>\n", all,
			        r->groups);
		else
			fputs(").</li>\n", out);
	}
}

static void find_best(FILE *out, const struct sl_report *r)
{
	double best = -1, accuracy;
	uint32_t who = UINT32_MAX;
	for (uint32_t g = 0; g < r->groups; g++) {
		accuracy = 0;
		for (uint32_t i = 0; i < r->runs; i++)
			if (r->run[i].group == g)
				accuracy += r->run[i].summary.test_accuracy / r->group[g].runs;
		if (accuracy > best) {
			best = accuracy;
			who = g;
		}
	}
	if (who == UINT32_MAX)
		return;
	fputs("<li>Most accurate at the end: ", out);
	name_of(out, r, who);
	fputs(" (", out);
	sl_html_number(out, "best-accuracy", best, "%.4f", best);
	fputs(").</li>\n", out);
}

void sl_findings_of_all(FILE *out, const struct sl_report *r)
{
	uint32_t diverging = 0;
	find_best(out, r);
	find_winners(out, r);
	for (uint32_t i = 0; i < r->runs; i++)
		diverging += r->run[i].summary.diverging > 0;
	if (diverging) {
		fputs("<li class=\"bad\">", out);
		sl_html_number(out, "diverging-runs", diverging, "%u", diverging);
		fprintf(out, " of %u runs diverge in the eyes of some of their peers.</li>\n", r->runs);
	}
}

/* ---- one run ---- */

/* Of a run without accuracies. */
static void find_loss(FILE *out, const struct sl_report_run *run)
{
	double last = (double)NAN;
	for (uint32_t i = 0; i < run->curve->count; i++) {
		double value = run->curve->point[i].mean[SL_MEASURE_TEST_LOSS];
		last = isfinite(value) ? value : last;
	}
	if (!isfinite(last))
		return;
	fputs("<li>The mean test loss of the peers' models is ", out);
	sl_html_number(out, "last-loss", last, "%.4g", last);
	fputs(" at the end.</li>\n", out);
}

static void find_result(FILE *out, const struct sl_report_run *run)
{
	const struct sl_history_summary *s = &run->summary;
	if (isfinite(s->test_accuracy)) {
		fputs("<li>The peers' models reach a mean test accuracy of ", out);
		sl_html_number(out, "accuracy", s->test_accuracy, "%.4f", s->test_accuracy);
		fputs("; the worst has ", out);
		sl_html_number(out, "worst", s->worst_accuracy, "%.4f", s->worst_accuracy);
		fputs(".</li>\n", out);
	}
	if (!isfinite(s->test_accuracy))
		find_loss(out, run);
	if (s->payload_bytes >= 0) {
		fputs("<li>They sent ", out);
		sl_html_bytes(out, "payload", (double)s->payload_bytes);
		if (isfinite(s->saved)) {
			fputs(", ", out);
			sl_html_number(out, "saved", s->saved, "%.2f %%", 100 * fabs(s->saved));
			fprintf(out, " %s than float32 models in as many rounds",
			        s->saved >= 0 ? "less" : "more");
		}
		fputs(".</li>\n", out);
	}
}

/* The peer with the largest ε says what holds for the samples of all. */
static void find_privacy(FILE *out, const struct sl_report_run *run)
{
	uint32_t known = 0;
	for (uint32_t i = 0; i < run->peers; i++)
		known += isfinite(run->peer[i].epsilon);
	if (!isfinite(run->epsilon))
		return;
	fputs(
	    "<li>What the peers sent is differentially private for each of their samples, with an epsilon of at most ",
	    out);
	sl_html_number(out, "epsilon", run->epsilon, "%.3g", run->epsilon);
	fputs(" at a delta of ", out);
	sl_html_number(out, "delta", run->delta, "%.3g", run->delta);
	if (known < run->peers)
		fprintf(out, "; of %u peers this is not known here", run->peers - known);
	if (run->spent) {
		fputs(". ", out);
		sl_html_number(out, "spent", run->spent, run->spent == 1 ? "%u peer" : "%u peers",
		               run->spent);
		fputs(" spent the budget, and only mixed from then on", out);
	}
	fputs(".</li>\n", out);
}

static void find_budget(FILE *out, const struct sl_report_run *run)
{
	const struct sl_report_budget *b = &run->budget;
	if (!b->peers || !(b->rate > 0) || !isfinite(b->used) || !isfinite(b->waited))
		return;
	fputs("<li>", out);
	sl_html_number(out, "budget-peers", b->peers, b->peers == 1 ? "%u peer has" : "%u peers have",
	               b->peers);
	fputs(" a byte budget, of ", out);
	sl_html_number(out, "budget-rate", b->rate, "%.0f bits per second", b->rate);
	fputs(" on average. Of it ", out);
	sl_html_number(out, "budget-used", b->used, "%.0f %%", 100 * b->used);
	fputs(" was used; messages waited for it in ", out);
	sl_html_number(out, "budget-waited", b->waited, "%.0f %%", 100 * b->waited);
	fputs(" of the time. At this pace a day has ", out);
	sl_html_number(out, "budget-rounds", b->rounds_a_day, "%.0f rounds", b->rounds_a_day);
	fputs("; what that means for accuracy is in the table of targets.</li>\n", out);
}

/* The largest consensus error, the least one after it, and the last; `end`: the last round that has one, `evaluated`: the
 * last one with an evaluation. */
struct agreement {
	double most, least, last, least_round, end, evaluated;
};

static struct agreement agreement_of(const struct sl_report_curve *curve)
{
	struct agreement a = { .most = (double)NAN };
	for (uint32_t i = 0; i < curve->count; i++) {
		const struct sl_report_point *p = &curve->point[i];
		double value = p->mean[SL_MEASURE_CONSENSUS];
		if (isfinite(p->mean[SL_MEASURE_TEST_LOSS]))
			a.evaluated = p->x[SL_AXIS_ROUND];
		if (!isfinite(value))
			continue;
		bool most = !(a.most >= value);
		a.most = most ? value : a.most;
		if (most || value < a.least) {
			a.least = value;
			a.least_round = p->x[SL_AXIS_ROUND];
		}
		a.last = value;
		a.end = p->x[SL_AXIS_ROUND];
	}
	return a;
}

static void find_agreement(FILE *out, const struct sl_report_run *run)
{
	const struct agreement a = agreement_of(run->curve);
	if (!(a.most > 0))
		return;
	bool falls = a.last<0.9 * a.most, rises = a.last> 2 * a.least;
	fputs(falls && !rises ? "<li>The peers agree more and more: the consensus error fell from "
	      : falls         ? "<li>The consensus error fell from "
	                      : "<li>The peers do not agree more and more: the largest consensus error is ",
	      out);
	sl_html_number(out, "consensus-most", a.most, "%.3g", a.most);
	if (falls && rises) {
		fputs(" to ", out);
		sl_html_number(out, "consensus-least", a.least, "%.3g", a.least);
		fputs(" in round ", out);
		sl_html_number(out, "consensus-least-round", a.least_round, "%.0f", a.least_round);
		fputs(", and rose again", out);
	}
	fputs(falls ? " to " : ", and the last one ", out);
	sl_html_number(out, "consensus-last", a.last, "%.3g", a.last);
	if (a.end < a.evaluated) {
		fputs(" in round ", out);
		sl_html_number(out, "consensus-end", a.end, "%.0f", a.end);
		fputs(", the last one that all peers evaluated", out);
	}
	fputs(".</li>\n", out);
}

static void find_time(FILE *out, const struct sl_report_run *run)
{
	double compute = 0, compress = 0, wait = 0;
	const struct sl_report_peer *held = NULL;
	for (uint32_t i = 0; i < run->peers; i++) {
		const struct sl_report_peer *p = &run->peer[i];
		compute += isfinite(p->compute) ? p->compute : 0;
		compress += isfinite(p->compress) ? p->compress : 0;
		wait += isfinite(p->wait) ? p->wait : 0;
		if (isfinite(p->held) && (!held || p->held > held->held))
			held = p;
	}
	double all = compute + compress + wait;
	if (!(all > 0))
		return;
	/* Of n equal peers each waits least in 1/n of the rounds; a few long waits, as for a peer that is down, tell nothing. */
	if (held && run->peers > 1 && fmin(held->held, held->held_rounds) > fmax(0.3, 2.0 / run->peers)) {
		fprintf(
		    out,
		    "<li class=\"bad\">Peer <data class=\"held-peer\" value=\"%u\">%u</data> held up the others: ",
		    held->peer, held->peer);
		sl_html_number(out, "held", held->held, "%.0f %%", 100 * held->held);
		fputs(" of all waiting was in rounds in which it waited least, ", out);
		sl_html_number(out, "held-rounds", held->held_rounds, "%.0f %%", 100 * held->held_rounds);
		fputs(" of the rounds.</li>\n", out);
	}
	fputs("<li>Of the time of all peers in their rounds, ", out);
	sl_html_number(out, "share-compute", compute / all, "%.0f %%", 100 * compute / all);
	fputs(" went into gradients, ", out);
	sl_html_number(out, "share-compress", compress / all, "%.0f %%", 100 * compress / all);
	fputs(" into compression, and ", out);
	sl_html_number(out, "share-wait", wait / all, "%.0f %%", 100 * wait / all);
	fputs(" into waiting.</li>\n", out);
}

static void find_missing(FILE *out, const struct sl_report_run *run)
{
	const struct sl_history_summary *s = &run->summary;
	uint32_t early = 0, failed = 0, which = 0;
	for (uint32_t i = 0; i < run->peers; i++) {
		const struct sl_report_peer *p = &run->peer[i];
		bool is_early = p->last_round + 1 < (int64_t)s->rounds;
		early += is_early;
		which = is_early ? p->peer : which;
		failed += p->stopped && p->exit > 0;
	}
	if (s->present < s->peers) {
		fputs("<li>Only ", out);
		sl_html_number(out, "present", s->present, "%u", s->present);
		fprintf(out, " of %u peers have rows here; all numbers are about these.</li>\n", s->peers);
	}
	if (early == 1)
		fprintf(out,
		        "<li class=\"bad\">Peer %u ended before round %u, the last of the others.</li>\n",
		        which, s->rounds - 1);
	else if (early > 1) {
		fputs("<li class=\"bad\">", out);
		sl_html_number(out, "early", early, "%u", early);
		fprintf(out, " peers ended before round %u, the last of the others.</li>\n", s->rounds - 1);
	}
	if (failed)
		fprintf(out, "<li class=\"bad\">%u peers ended with an error.</li>\n", failed);
	if (s->diverging)
		fprintf(
		    out,
		    "<li class=\"bad\"><data class=\"diverging\" value=\"%u\">%u</data> of %u peers found at last that the run "
		    "diverges: gamma, eta or a step of the algorithm is too large.</li>\n",
		    s->diverging, s->diverging, s->present);
}

static void find_absences(FILE *out, const struct sl_report_run *run)
{
	for (uint32_t i = 0; i < run->absences && i < 4; i++) {
		const struct sl_report_absence *a = &run->absence[i];
		fprintf(out, "<li>Peer %u was started again ", a->peer);
		sl_html_seconds(out, "absence-from", a->to);
		fputs(" after the start of the run; its row before that is ", out);
		sl_html_seconds(out, "absence", a->to - a->from);
		fputs(" older.</li>\n", out);
	}
	if (run->absences > 4)
		fprintf(out, "<li>%u peers or times more were started again.</li>\n", run->absences - 4);
}

static void find_blame(FILE *out, const struct sl_report_run *run)
{
	const struct sl_report_blame *late = &run->late, *quarantined = &run->quarantined;
	if (late->peer >= 0 && late->events > 1) {
		fprintf(
		    out,
		    "<li>Neighbours were late %lld times, most often peer <data class=\"late-peer\" value=\"%lld\">%lld</data>: ",
		    (long long)late->all, (long long)late->peer, (long long)late->peer);
		sl_html_number(out, "late", (double)late->events, "%lld times", (long long)late->events);
		fputs(".</li>\n", out);
	}
	if (quarantined->all > 0 && quarantined->peer >= 0) {
		fprintf(
		    out,
		    "<li class=\"bad\">Neighbours put peer <data class=\"quarantine-peer\" value=\"%lld\">%lld</data> into quarantine: ",
		    (long long)quarantined->peer, (long long)quarantined->peer);
		sl_html_number(out, "quarantine-by", (double)quarantined->by,
		               quarantined->by == 1 ? "%lld peer" : "%lld peers", (long long)quarantined->by);
		fprintf(out, ", of %lld quarantine%s in all.</li>\n", (long long)quarantined->all,
		        quarantined->all == 1 ? "" : "s");
	}
}

static void find_events(FILE *out, const struct sl_report_run *run)
{
	int64_t all = 0, shown = 0;
	for (uint32_t i = 0; i < run->kinds; i++)
		if (strcmp(run->kind[i].level, "error") == 0 || strcmp(run->kind[i].level, "warning") == 0)
			all += run->kind[i].count;
	if (all == 0) {
		fputs("<li>No event says that anything went wrong.</li>\n", out);
		return;
	}
	fputs("<li>Kinds of events with warnings or errors: ", out);
	for (uint32_t i = 0; i < run->kinds && shown < 5; i++) {
		const struct sl_report_kind *k = &run->kind[i];
		if (strcmp(k->level, "error") != 0 && strcmp(k->level, "warning") != 0)
			continue;
		fputs(shown++ ? ", " : "", out);
		sl_html_text(out, k->kind);
		fputs(" (", out);
		sl_html_number(out, "events", (double)k->count, "%lld", (long long)k->count);
		fprintf(out, k->peers == 1 ? ", one peer)" : ", %lld peers)", (long long)k->peers);
	}
	fputs(".</li>\n", out);
}

void sl_findings_of_run(FILE *out, const struct sl_report *r, const struct sl_report_run *run)
{
	(void)r;
	find_result(out, run);
	find_privacy(out, run);
	find_budget(out, run);
	find_agreement(out, run);
	find_missing(out, run);
	find_absences(out, run);
	find_blame(out, run);
	find_time(out, run);
	find_events(out, run);
}
