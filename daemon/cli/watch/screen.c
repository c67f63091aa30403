/* screen.c — one frame of starling watch for a terminal. */
#include "daemon/cli/watch/watch.h"

#include "base/utf8.h"
#include "daemon/cli/common/command_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 5, FOOT = 2, GAP = 2, WIDE_ENOUGH = 80, SPARK_MOST = 48, LINE = 1200 };

struct frame {
	const struct sl_watch *watch;
	const struct sl_watch_look *look;
	FILE *out;
	unsigned lines;
	bool graph;
	unsigned graph_width, graph_height;
	char drawing[SL_WATCH_GRAPH_HEIGHT][SL_WATCH_GRAPH_LINE];
};

/* One line of ASCII, cut to the columns that are left. */
__attribute__((format(printf, 3, 4))) static void put(struct frame *f, unsigned columns, const char *format,
                                                      ...)
{
	char text[LINE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (const char *p = text; *p && columns > 0; columns--) {
		size_t n = sl_utf8_length(p);
		n = n ? n : 1;
		fwrite(p, 1, n, f->out);
		p += n;
	}
}

/* The end of a line. Two line feeds never follow the last one. */
static void end_line(struct frame *f)
{
	fputs("\033[K", f->out);
	if (++f->lines < f->look->rows)
		putc('\n', f->out);
}

static bool room(const struct frame *f)
{
	return f->lines < f->look->rows;
}

static void rate_text(double rate, char *text, size_t size)
{
	char bytes[32];
	if (!isfinite(rate)) {
		snprintf(text, size, "-");
		return;
	}
	sl_bytes_text((int64_t)rate, bytes, sizeof bytes);
	snprintf(text, size, "%s/s", bytes);
}

/* ---- the head ---- */

static void put_title(struct frame *f)
{
	char name[SL_TEXT_MAX * 4], topology[SL_TEXT_MAX];
	const struct sl_run_settings *s = &f->watch->config.settings;
	sl_utf8_shown(s->host.name, name, sizeof name);
	sl_utf8_shown(f->watch->roster.topology.spec, topology, sizeof topology);
	if (f->look->colour)
		fputs("\033[1m", f->out);
	put(f, f->look->columns, "%.40s: %s on %.40s, %s", name, s->method.algorithm, topology,
	    s->method.model);
	if (f->look->colour)
		fputs("\033[0m", f->out);
	end_line(f);
}

static void put_rounds(struct frame *f)
{
	const struct sl_watch *w = f->watch;
	char rate[32], left[32], loss[32];
	if (!w->answering) {
		put(f, f->look->columns, "no peer answers");
		end_line(f);
		return;
	}
	sl_status_real(w->rate, w->rate < 10 ? 1 : 0, rate, sizeof rate);
	sl_status_real(w->loss, 4, loss, sizeof loss);
	sl_time_left_text(w->left, left, sizeof left);
	put(f, f->look->columns, "round %.0f of %lld (%u of %u peers answer), %s rounds/s, %s left, loss %s",
	    w->round, (long long)w->rounds, (unsigned)w->answering, (unsigned)w->members, rate, left, loss);
	end_line(f);
}

/* The last mean accuracies, between the least and the largest of them. */
static void put_spark(struct frame *f)
{
	static const char *const bars[] = { "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
		                            "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88" };
	static const char *const plain[] = { "_", "_", ".", ".", "-", "-", "=", "#" };
	const struct sl_watch *w = f->watch;
	char mean[32], worst[32];
	unsigned columns = f->look->columns, most = columns > 46 ? columns - 46 : 0;
	most = most > SPARK_MOST ? SPARK_MOST : most;
	unsigned count = w->sparks < most ? w->sparks : most;
	double least = (double)INFINITY, largest = -(double)INFINITY;
	for (unsigned i = w->sparks - count; i < w->sparks; i++) {
		least = fmin(least, w->spark[i % SL_WATCH_SPARKS]);
		largest = fmax(largest, w->spark[i % SL_WATCH_SPARKS]);
	}
	sl_status_real(w->accuracy, 4, mean, sizeof mean);
	sl_status_real(w->worst, 4, worst, sizeof worst);
	put(f, columns, "accuracy %s (worst %s)  ", mean, worst);
	for (unsigned i = w->sparks - count; i < w->sparks; i++) {
		double at =
		    largest > least ? (w->spark[i % SL_WATCH_SPARKS] - least) / (largest - least) : 0.5;
		fputs((f->look->utf8 ? bars : plain)[(int)(at * 7.999)], f->out);
	}
	if (count > 1)
		put(f, 18, " %.3f-%.3f", least, largest);
	end_line(f);
}

static void put_traffic(struct frame *f)
{
	const struct sl_watch *w = f->watch;
	char rate[40], sent[32];
	rate_text(w->sent_rate, rate, sizeof rate);
	sl_bytes_text(w->sent, sent, sizeof sent);
	if (w->slowest >= 0)
		put(f, f->look->columns,
		    "sending %s, %s so far; slowest: peer %lld, awaited %.0f %% of the time", rate, sent,
		    (long long)w->slowest, 100 * w->peer[w->slowest].awaited_share);
	else
		put(f, f->look->columns, "sending %s, %s so far; no peer holds up the others", rate, sent);
	end_line(f);
}

/* ---- peers ---- */

static void put_peer(struct frame *f, unsigned columns, uint32_t k)
{
	const struct sl_watch_peer *p = &f->watch->peer[k];
	const struct sl_status_view *v = &p->view;
	char accuracy[32], rate[40], links[48], doing[900];
	if (!p->answers) {
		put(f, columns, "%4u %6s %6s %9s %5s %s", (unsigned)k, "-", "-", "-", "-",
		    p->gone ? "gone" : "no answer");
		return;
	}
	sl_status_real(v->test_accuracy, 4, accuracy, sizeof accuracy);
	rate_text(p->rate, rate, sizeof rate);
	snprintf(links, sizeof links, "%lld/%lld", (long long)v->edges_up, (long long)v->edges);
	sl_status_view_doing(v, doing, sizeof doing);
	put(f, columns, "%4u %6lld %6s %9s %5s %s", (unsigned)k, (long long)v->round, accuracy, rate, links,
	    doing);
}

/* Whether something is to be said of a peer. */
static bool notable(const struct sl_watch_peer *p)
{
	const struct sl_status_view *v = &p->view;
	return !p->gone && (!p->answers || v->edges_up < v->edges || v->diverging || v->checkpoint_failed ||
	                    v->quarantined || v->history[0]);
}

/* The i-th line beside the graph: a peer, of those that have something to be said first where not all fit. */
static bool next_peer(const struct frame *f, uint32_t *k, bool *second, bool all)
{
	uint32_t peers = f->watch->roster.topology.peers;
	for (;; (*k)++) {
		if (*k == peers && !*second && !all) {
			*second = true;
			*k = 0;
		}
		if (*k >= peers)
			return false;
		if (all || notable(&f->watch->peer[*k]) != *second)
			return true;
	}
}

static void put_body(struct frame *f)
{
	uint32_t k = 0, shown = 0, peers = f->watch->roster.topology.peers;
	bool second = false;
	unsigned left = f->graph ? f->graph_width + GAP : 0, columns = f->look->columns - left;
	unsigned most = f->look->rows - FOOT - 1;
	bool all = f->lines + 1 + peers <= most;
	for (unsigned i = 0; f->lines < most; i++) {
		bool graph = f->graph && i < f->graph_height;
		bool more = i == 0 || next_peer(f, &k, &second, all);
		if (!graph && !more)
			return;
		if (f->graph)
			fprintf(f->out, graph ? "%s%*s" : "%.0s%*s", graph ? f->drawing[i] : "",
			        (int)(graph ? GAP : left), "");
		if (i == 0)
			put(f, columns, "%4s %6s %6s %9s %5s %s", "peer", "round", "accur.", "sent", "links",
			    "doing");
		else if (more && !all && f->lines + 1 == most && shown < peers)
			put(f, columns, " ... and %u more", (unsigned)(peers - shown));
		else if (more)
			put_peer(f, columns, k++);
		shown += i > 0 && more;
		end_line(f);
	}
}

/* ---- edges ---- */

static void put_edges(struct frame *f)
{
	const struct sl_watch *w = f->watch;
	const struct sl_topology *t = &w->roster.topology;
	char text[LINE];
	int used = snprintf(text, sizeof text, "edges: %u up",
	                    (unsigned)(w->count[SL_WATCH_UP] + w->count[SL_WATCH_AWAITED]));
	for (unsigned s = SL_WATCH_STATES; s-- > 0;) {
		if (s == SL_WATCH_UP || s == SL_WATCH_AWAITED || !w->count[s])
			continue;
		used += snprintf(text + used, sizeof text - (size_t)used, ", %u %s (", (unsigned)w->count[s],
		                 sl_watch_state_name((enum sl_watch_state)s));
		unsigned named = 0;
		for (uint32_t e = 0; e < t->edges && named < 6; e++)
			if (w->state[e] == s)
				used += snprintf(text + used, sizeof text - (size_t)used, "%s%u-%u",
				                 named++ ? " " : "", (unsigned)t->edge[e].a,
				                 (unsigned)t->edge[e].b);
		used += snprintf(text + used, sizeof text - (size_t)used, "%s)",
		                 named < w->count[s] ? " ..." : "");
	}
	bool wrong = w->count[SL_WATCH_LATE] + w->count[SL_WATCH_DOWN] + w->count[SL_WATCH_QUARANTINED] > 0;
	if (wrong)
		fputs(sl_watch_colour(f->look, SL_WATCH_LATE), f->out);
	put(f, f->look->columns, "%s", text);
	if (wrong && f->look->colour)
		fputs("\033[0m", f->out);
	end_line(f);
}

void sl_watch_draw(const struct sl_watch *w, const struct sl_watch_look *look, FILE *out)
{
	static struct frame f;
	uint32_t peers = w->roster.topology.peers;
	f = (struct frame){ .watch = w, .look = look, .out = out };
	unsigned body = look->rows > HEAD + FOOT ? look->rows - HEAD - FOOT : 0;
	f.graph = look->columns >= WIDE_ENOUGH && body >= 5 && peers <= SL_WATCH_GRAPH_PEERS;
	f.graph_width = SL_WATCH_GRAPH_WIDTH;
	f.graph_height = body < peers + 3 && body < 13 ? body : peers + 3 < 13 ? 13 : peers + 3;
	f.graph_height = f.graph_height > body ? body : f.graph_height;
	if (f.graph_height > SL_WATCH_GRAPH_HEIGHT)
		f.graph_height = SL_WATCH_GRAPH_HEIGHT;
	if (f.graph)
		sl_watch_graph(w, look, f.graph_width, f.graph_height, f.drawing);
	void (*const part[])(struct frame *) = { put_title, put_rounds, put_spark, put_traffic };
	for (size_t i = 0; i < sizeof part / sizeof *part && room(&f); i++)
		part[i](&f);
	if (room(&f) && look->rows > HEAD + FOOT) {
		end_line(&f);
		put_body(&f);
	}
	if (room(&f))
		put_edges(&f);
	if (room(&f))
		put(&f, look->columns, "q ends (the run goes on)");
	fputs("\033[K\033[J", out);
}
