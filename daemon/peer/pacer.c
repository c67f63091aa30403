#include "daemon/peer/pacer.h"

#include "daemon/run/clock.h"
#include "daemon/run/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { SAVE_EVERY_US = 60000000, SETTLE_EVERY_US = 10000, SETTLE_IDLE_US = 1000000 };

struct waiting {
	struct sl_outbox_message head; /* first */
	uint8_t bytes[];
};

/* ---- the volume's level between two starts ---- */

static int64_t wall_s(void)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	return (int64_t)t.tv_sec;
}

/* "starling-budget 1 end 1795920980 -123": how the last start ended, when this was written, and bytes. */
static bool read_file(const char *path, bool *ended, int64_t *at, int64_t *level)
{
	static const char head[] = "starling-budget 1 ";
	enum { MOST = 128, WORD = 4 };
	uint8_t *bytes;
	size_t length;
	struct sl_error error;
	if (sl_file_read(path, MOST, &bytes, &length, &error) != SL_OK)
		return false;
	char *text = (char *)bytes, *end = text;
	bool good = strncmp(text, head, sizeof head - 1) == 0 && length > sizeof head + WORD;
	if (good) {
		text += sizeof head - 1;
		*ended = strncmp(text, "end ", WORD) == 0;
		*at = strtoll(text + WORD, &end, 10);
		*level = strtoll(end, &end, 10);
		good = *end == '\n';
	}
	free(bytes);
	return good;
}

/* What is left: after an orderly end with what was earned since; after any other, nothing that was saved up. A clock
 * that was set back earns nothing. */
static int64_t load(struct sl_pacer *p)
{
	bool ended;
	int64_t at, level, now = wall_s(), most = sl_outbox_volume_burst(p->limit);
	if (!p->limit.bytes || !read_file(p->path, &ended, &at, &level) || level > most)
		return 0;
	if (!ended)
		return level < 0 ? level : 0;
	p->clean = true;
	double earned = now > at ? (double)(now - at) * (double)sl_volume_rate(p->limit) / 8 : 0;
	return (double)level + earned < (double)most ? level + (int64_t)earned : most;
}

static void keep(struct sl_pacer *p, bool ended, struct sl_time now)
{
	char text[96];
	struct sl_error error;
	p->saved_at = now;
	if (!p->limit.bytes)
		return;
	int n = snprintf(text, sizeof text, "starling-budget 1 %s %" PRId64 " %" PRId64 "\n",
	                 ended ? "end" : "run", wall_s(), sl_budget_level(&p->outbox.volume, now));
	if (sl_file_replace(p->path, text, (size_t)n, 0600, &error) != SL_OK)
		sl_log(SL_LEVEL_WARNING, "%s; the next start will take the volume as used up", error.text);
}

void sl_pacer_begin(struct sl_pacer *p, const struct sl_settings *s, const char *state, uint32_t peer,
                    struct sl_time now)
{
	memset(p, 0, sizeof *p);
	p->on = sl_outbox_is_needed(s);
	p->limit = s->limit_volume;
	p->rate = sl_outbox_rate(s);
	snprintf(p->path, sizeof p->path, "%.4000s/peer-%" PRIu32 ".budget", state, peer);
	if (!p->on)
		return;
	sl_outbox_begin(&p->outbox, s, load(p), now);
	keep(p, false, now);
}

/* ---- messages ---- */

static void refuse(struct sl_net *net, uint32_t edge)
{
	net->link[edge].full = net->link[edge].full || net->link[edge].up;
	net->changed = true;
	net->unsent++;
}

void sl_pacer_send(struct sl_pacer *p, struct sl_net *net, const struct sl_action *a, uint8_t *copied,
                   struct sl_time now)
{
	if (!p->on || !net->link[a->edge].up) {
		if (copied)
			sl_net_give(net, a->edge, copied, a->header_length + a->body_length);
		else
			sl_net_send(net, a->edge, a->header, a->header_length, a->body, a->body_length);
		return;
	}
	free(copied); /* what waits has room of its own */
	struct waiting *w = malloc(sizeof *w + a->header_length + a->body_length);
	if (w) {
		w->head = (struct sl_outbox_message){ .edge = a->edge,
			                              .length = a->header_length + a->body_length,
			                              .control = a->frame->kind == SL_FRAME_HELLO ||
			                                         a->frame->kind == SL_FRAME_REQUEST };
		memcpy(w->bytes, a->header, a->header_length);
		if (a->body_length)
			memcpy(w->bytes + a->header_length, a->body, a->body_length);
	}
	if (!w || !sl_outbox_put(&p->outbox, &w->head, now)) {
		free(w);
		refuse(net, a->edge);
	}
}

static void settle(struct sl_pacer *p, struct sl_net *net, struct sl_time now, int64_t every_us)
{
	if (sl_time_before(now, sl_time_after(p->settled_at, every_us)))
		return;
	p->settled_at = now;
	sl_outbox_settle(&p->outbox, sl_traffic_left(&net->traffic), now);
}

static void release(struct sl_net *net, struct sl_outbox_message *m)
{
	struct waiting *w = (struct waiting *)(void *)m;
	sl_net_send(net, m->edge, w->bytes, m->length, NULL, 0);
	free(w);
}

void sl_pacer_turn(struct sl_pacer *p, struct sl_net *net, struct sl_time now)
{
	struct sl_outbox_message *m;
	if (!p->on)
		return;
	bool due = !sl_time_before(now, sl_outbox_due(&p->outbox));
	settle(p, net, now, due ? SETTLE_EVERY_US : SETTLE_IDLE_US);
	while ((m = sl_outbox_take(&p->outbox, now)))
		release(net, m);
	if (!sl_time_before(now, sl_time_after(p->saved_at, SAVE_EVERY_US)))
		keep(p, false, now);
}

void sl_pacer_drop(struct sl_pacer *p, uint32_t edge, struct sl_time now)
{
	struct sl_outbox_message *m;
	while (p->on && (m = sl_outbox_discard(&p->outbox, edge, now)))
		free(m);
}

void sl_pacer_renumber(struct sl_pacer *p, struct sl_net *net, struct sl_time now)
{
	bool waits = p->on && p->outbox.count > 0;
	for (uint32_t i = 0; waits && i < SL_DEGREE_MAX; i++)
		sl_pacer_drop(p, i, now);
	for (uint32_t i = 0; waits && i < net->degree; i++)
		refuse(net, i);
}

void sl_pacer_row(const struct sl_pacer *p, struct sl_round_row *row, struct sl_time now)
{
	if (!p->on)
		return;
	row->budget_rate = (int64_t)p->rate;
	row->budget_tx = sl_outbox_total(&p->outbox);
	row->budget_us = sl_outbox_waited_us(&p->outbox, now);
}

struct sl_time sl_pacer_deadline(const struct sl_pacer *p)
{
	return p->on ? sl_outbox_due(&p->outbox) : SL_TIME_NEVER;
}

void sl_pacer_end(struct sl_pacer *p, struct sl_net *net, struct sl_time now)
{
	struct sl_outbox_message *m;
	for (uint32_t i = 0; p->on && i < net->degree; i++)
		while ((m = sl_outbox_discard(&p->outbox, i, now))) {
			int64_t bytes = (int64_t)sl_budget_message(m->length);
			if (m->control) {
				sl_outbox_charge(&p->outbox, bytes, now);
				release(net, m);
			} else {
				free(m);
			}
		}
	if (p->on)
		keep(p, true, now);
}
