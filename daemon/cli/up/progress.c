/* progress.c — the live table, and the plain lines. */
#include "daemon/cli/up/progress.h"
#include "daemon/cli/common/command_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { MOMENTS = 24, TABLE_MS = 250, LINE_MS = 1000, LINE_EVERY_US = 5000000 };

struct sl_progress {
	FILE *out;
	bool table;
	uint32_t peers, rounds, dimension;
	unsigned lines; /* of the table that stands on the screen */
	int64_t line_at_us;
	/* The last moments, for the rate: a ring. */
	struct {
		int64_t us;
		double round; /* mean over the peers */
	} moment[MOMENTS];
	unsigned moments;
};

/* What the peers add up to. */
struct totals {
	double round, loss, accuracy, worst, rate, left; /* NaN where unknown; left in seconds */
	int64_t least_round, sent, nonzero;
	uint32_t present, answered, learning, waiting, rated;
};

struct sl_progress *sl_progress_start(FILE *out, bool table, uint32_t peers, uint32_t rounds,
                                      uint32_t dimension)
{
	struct sl_progress *p = calloc(1, sizeof *p);
	if (p)
		*p = (struct sl_progress){
			.out = out, .table = table, .peers = peers, .rounds = rounds, .dimension = dimension
		};
	return p;
}

void sl_progress_peers(struct sl_progress *p, uint32_t peers)
{
	p->peers = peers;
}

int sl_progress_interval_ms(const struct sl_progress *p)
{
	return p->table ? TABLE_MS : LINE_MS;
}

static void add(struct totals *t, const struct sl_status_view *v)
{
	t->answered++;
	t->round += (double)v->round;
	t->least_round = t->least_round < 0 || v->round < t->least_round ? v->round : t->least_round;
	t->sent += v->payload_tx > 0 ? v->payload_tx : 0;
	t->nonzero += v->nonzero > 0 ? v->nonzero : 0;
	t->waiting += v->waits > 0;
	if (isfinite(v->train_loss)) {
		t->loss += v->train_loss;
		t->learning++;
	}
	if (!isfinite(v->test_accuracy))
		return;
	t->accuracy += v->test_accuracy;
	t->worst = t->rated == 0 || v->test_accuracy < t->worst ? v->test_accuracy : t->worst;
	t->rated++;
}

/* Rounds per second over the last moments. */
static double rate(struct sl_progress *p, double round, int64_t now_us)
{
	unsigned kept = p->moments < MOMENTS ? p->moments : MOMENTS;
	unsigned oldest = p->moments < MOMENTS ? 0 : p->moments % MOMENTS;
	double result = (double)NAN;
	if (kept > 0 && now_us > p->moment[oldest].us)
		result = (round - p->moment[oldest].round) * 1e6 / (double)(now_us - p->moment[oldest].us);
	p->moment[p->moments % MOMENTS].us = now_us;
	p->moment[p->moments % MOMENTS].round = round;
	p->moments++;
	return result;
}

static struct totals add_up(struct sl_progress *p, const struct sl_progress_peer *peers, int64_t now_us)
{
	struct totals t = { .least_round = -1, .rate = (double)NAN, .left = (double)NAN };
	for (uint32_t k = 0; k < p->peers; k++) {
		t.present += !peers[k].absent;
		if (!peers[k].absent && peers[k].view.peer >= 0)
			add(&t, &peers[k].view);
	}
	t.round = t.answered ? t.round / t.answered : (double)NAN;
	t.loss = t.learning ? t.loss / t.learning : (double)NAN;
	t.accuracy = t.rated ? t.accuracy / t.rated : (double)NAN;
	if (t.answered == t.present)
		t.rate = rate(p, t.round, now_us);
	if (t.rate > 0)
		t.left = ((double)p->rounds - t.round) / t.rate;
	return t;
}

static void screen(const struct sl_progress *p, unsigned *rows, unsigned *columns)
{
	struct winsize size = { 0 };
	ioctl(fileno(p->out), TIOCGWINSZ, &size);
	*rows = size.ws_row >= 6 ? size.ws_row : 24;
	*columns = size.ws_col >= 20 ? size.ws_col : 80;
}

/* One line of the table, cut at the terminal's width so that it stays one; names are ASCII. */
__attribute__((format(printf, 3, 4))) static void put_line(struct sl_progress *p, unsigned columns,
                                                           const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	fprintf(p->out, "%.*s\033[K\n", (int)columns - 1, text);
	p->lines++;
}

static void put_peer(struct sl_progress *p, unsigned columns, uint32_t k, const struct sl_progress_peer *peer)
{
	const struct sl_status_view *v = &peer->view;
	char loss[32], accuracy[32], nonzero[32], sent[32], doing[160];
	if (v->peer < 0) {
		put_line(p, columns, "%4u %7s %8s %9s %8s %9s %6s  %s", k, "-", "-", "-", "-", "-", "-",
		         peer->fate ? peer->fate : "starting");
		return;
	}
	sl_status_real(v->train_loss, 4, loss, sizeof loss);
	sl_status_real(v->test_accuracy, 4, accuracy, sizeof accuracy);
	sl_status_real(v->nonzero >= 0 && p->dimension ? 100.0 * (double)v->nonzero / p->dimension
	                                               : (double)NAN,
	               1, nonzero, sizeof nonzero);
	sl_bytes_text(v->payload_tx, sent, sizeof sent);
	sl_status_view_doing(v, doing, sizeof doing);
	put_line(p, columns, "%4u %7lld %8s %9s %8s %9s %4lld/%lld  %s", k, (long long)v->round, loss,
	         accuracy, nonzero, sent, (long long)v->edges_up, (long long)v->edges,
	         peer->fate ? peer->fate : doing);
}

static void back_to_top(struct sl_progress *p)
{
	if (p->lines)
		fprintf(p->out, "\033[%uA", p->lines);
	p->lines = 0;
}

static void draw(struct sl_progress *p, const struct sl_progress_peer *peers, const struct totals *t)
{
	unsigned rows, columns;
	char accuracy[32], per_second[32], left[32], sent[32];
	screen(p, &rows, &columns);
	uint32_t shown = p->peers <= rows - 4 ? p->peers : rows - 5;
	back_to_top(p);
	put_line(p, columns, "%4s %7s %8s %9s %8s %9s %6s  %s", "peer", "round", "loss", "accuracy",
	         "nonzero%", "sent", "links", "doing");
	for (uint32_t k = 0; k < shown; k++)
		put_peer(p, columns, k, &peers[k]);
	if (shown < p->peers)
		put_line(p, columns, "  ... and %u more; %u of %u peers are waiting", p->peers - shown,
		         t->waiting, p->peers);
	sl_status_real(t->accuracy, 4, accuracy, sizeof accuracy);
	sl_status_real(t->rate, 0, per_second, sizeof per_second);
	sl_bytes_text(t->sent, sent, sizeof sent);
	sl_time_left_text(t->left, left, sizeof left);
	put_line(p, columns, "round %.0f of %u, accuracy %s, %s sent, %s rounds/s, %s left",
	         isfinite(t->round) ? t->round : 0, p->rounds, accuracy, sent, per_second, left);
	fputs("\033[J", p->out);
	fflush(p->out);
}

static void print_line(struct sl_progress *p, const struct totals *t)
{
	char loss[32], accuracy[32], worst[32], per_second[32], left[32], sent[32];
	sl_status_real(t->loss, 4, loss, sizeof loss);
	sl_status_real(t->accuracy, 4, accuracy, sizeof accuracy);
	sl_status_real(t->rated ? t->worst : (double)NAN, 4, worst, sizeof worst);
	sl_status_real(t->rate, 0, per_second, sizeof per_second);
	sl_bytes_text(t->sent, sent, sizeof sent);
	sl_time_left_text(t->left, left, sizeof left);
	fprintf(p->out, "round %.0f of %u: loss %s, accuracy %s (worst %s), %s sent, %s rounds/s, %s left\n",
	        t->round, p->rounds, loss, accuracy, worst, sent, per_second, left);
	fflush(p->out);
}

void sl_progress_show(struct sl_progress *p, const struct sl_progress_peer *peers, struct sl_time now)
{
	struct totals t = add_up(p, peers, now.us);
	if (p->table) {
		draw(p, peers, &t);
		return;
	}
	if (p->line_at_us == 0)
		p->line_at_us = now.us + LINE_EVERY_US / 2;
	if (now.us < p->line_at_us || t.answered == 0)
		return;
	p->line_at_us = now.us + LINE_EVERY_US;
	print_line(p, &t);
}

void sl_progress_say(struct sl_progress *p, const char *format, ...)
{
	va_list arguments;
	if (p->table) {
		back_to_top(p);
		fputs("\033[J", p->out);
	}
	va_start(arguments, format);
	vfprintf(p->out, format, arguments);
	va_end(arguments);
	putc('\n', p->out);
	fflush(p->out);
}

void sl_progress_end(struct sl_progress *p)
{
	if (p && p->table) {
		back_to_top(p);
		fputs("\033[J", p->out);
		fflush(p->out);
	}
	free(p);
}
