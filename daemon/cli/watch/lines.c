/* lines.c — starling watch without a terminal: lines for people, and JSON. */
#include "daemon/cli/watch/watch.h"

#include "daemon/cli/common/command_line.h"

#include <inttypes.h>
#include <math.h>
#include <sys/time.h>

void sl_watch_line(const struct sl_watch *w, FILE *out)
{
	char loss[32], accuracy[32], worst[32], rate[32], sent[32], sending[32];
	if (!w->answering) {
		fputs("no peer answers\n", out);
		return;
	}
	sl_status_real(w->loss, 4, loss, sizeof loss);
	sl_status_real(w->accuracy, 4, accuracy, sizeof accuracy);
	sl_status_real(w->worst, 4, worst, sizeof worst);
	sl_status_real(w->rate, w->rate < 10 ? 1 : 0, rate, sizeof rate);
	sl_bytes_text(w->sent, sent, sizeof sent);
	sl_bytes_text((int64_t)w->sent_rate, sending, sizeof sending);
	fprintf(
	    out,
	    "round %.0f of %lld: loss %s, accuracy %s (worst %s), %s rounds/s, %s/s, %s sent; %u of %u peers, "
	    "%u of %u edges up",
	    w->round, (long long)w->rounds, loss, accuracy, worst, rate, sending, sent,
	    (unsigned)w->answering, (unsigned)w->members,
	    (unsigned)(w->count[SL_WATCH_UP] + w->count[SL_WATCH_AWAITED]),
	    (unsigned)w->roster.topology.edges);
	if (w->slowest >= 0)
		fprintf(out, "; slowest: peer %lld", (long long)w->slowest);
	putc('\n', out);
}

void sl_watch_changes(const struct sl_watch *w, FILE *out)
{
	for (uint32_t e = 0; w->samples > 1 && e < w->roster.topology.edges; e++) {
		/* Who waits for whom changes all the time. */
		uint8_t now = w->state[e] == SL_WATCH_AWAITED ? SL_WATCH_UP : w->state[e];
		uint8_t before = w->before[e] == SL_WATCH_AWAITED ? SL_WATCH_UP : w->before[e];
		if (now != before)
			fprintf(out, "edge %u-%u: %s\n", (unsigned)w->roster.topology.edge[e].a,
			        (unsigned)w->roster.topology.edge[e].b,
			        sl_watch_state_name((enum sl_watch_state)now));
	}
}

static void real(FILE *out, const char *name, double value)
{
	fprintf(out, ", \"%s\": ", name);
	sl_json_real(out, value);
}

static void count(FILE *out, const char *name, int64_t value)
{
	if (value < 0)
		fprintf(out, ", \"%s\": null", name);
	else
		fprintf(out, ", \"%s\": %" PRId64, name, value);
}

static void json_peer(const struct sl_watch_peer *p, uint32_t k, FILE *out)
{
	const struct sl_status_view *v = &p->view;
	fprintf(out, "%s{\"peer\": %" PRIu32 ", \"answers\": %s", k ? ", " : "", k,
	        p->answers ? "true" : "false");
	if (p->answers) {
		fputs(", \"phase\": ", out);
		sl_json_text(out, v->phase);
		count(out, "round", v->round);
		real(out, "train_loss", v->train_loss);
		real(out, "test_accuracy", v->test_accuracy);
		real(out, "sent_bytes_per_second", p->rate);
		count(out, "edges_up", v->edges_up);
		count(out, "edges", v->edges);
		fprintf(out, ", \"diverging\": %s", v->diverging ? "true" : "false");
	}
	putc('}', out);
}

void sl_watch_json(const struct sl_watch *w, FILE *out)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	fprintf(out, "{\"at_us\": %" PRId64 ", \"run\": ", (int64_t)t.tv_sec * 1000000 + t.tv_usec);
	sl_json_text(out, w->config.settings.host.name);
	count(out, "members", w->members);
	count(out, "answering", w->answering);
	count(out, "rounds", w->rounds);
	real(out, "round", w->round);
	count(out, "least_round", w->least_round);
	real(out, "rounds_per_second", w->rate);
	real(out, "seconds_left", w->left);
	real(out, "train_loss", w->loss);
	real(out, "test_accuracy", w->accuracy);
	real(out, "worst_accuracy", w->worst);
	count(out, "sent_bytes", w->sent);
	real(out, "sent_bytes_per_second", w->sent_rate);
	count(out, "slowest", w->slowest);
	fputs(", \"peers\": [", out);
	for (uint32_t k = 0; k < w->roster.topology.peers; k++)
		json_peer(&w->peer[k], k, out);
	fputs("], \"edges\": [", out);
	for (uint32_t e = 0; e < w->roster.topology.edges; e++)
		fprintf(out, "%s{\"a\": %" PRIu32 ", \"b\": %" PRIu32 ", \"state\": \"%s\"}", e ? ", " : "",
		        w->roster.topology.edge[e].a, w->roster.topology.edge[e].b,
		        sl_watch_state_name((enum sl_watch_state)w->state[e]));
	fputs("]}\n", out);
}
