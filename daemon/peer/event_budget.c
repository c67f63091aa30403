#include "daemon/peer/event_budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void sl_event_budgets_start(struct sl_event_budgets *b)
{
	memset(b, 0, sizeof *b);
	b->report_at = SL_TIME_NEVER;
}

static struct sl_event_budget *of(struct sl_event_budgets *b, const char *kind)
{
	for (unsigned i = 0; i < b->kinds; i++)
		if (strcmp(b->of[i].kind, kind) == 0)
			return &b->of[i];
	if (b->kinds == SL_EVENT_KINDS_MOST)
		return &b->of[b->kinds - 1];
	struct sl_event_budget *fresh = &b->of[b->kinds++];
	snprintf(fresh->kind, sizeof fresh->kind, "%s", b->kinds == SL_EVENT_KINDS_MOST ? "other" : kind);
	return fresh;
}

/* `next` runs ahead of the clock by as much as was spent: by the whole burst at most. */
static bool spend(struct sl_event_budget *e, struct sl_time now)
{
	if (sl_time_before(e->next, now))
		e->next = now;
	if (e->next.us - now.us > (int64_t)(SL_EVENT_BURST - 1) * SL_EVENT_EVERY_US)
		return false;
	e->next = sl_time_after(e->next, SL_EVENT_EVERY_US);
	return true;
}

bool sl_event_allowed(struct sl_event_budgets *b, const struct sl_event_row *row, struct sl_time now)
{
	struct sl_event_budget *e = of(b, row->kind);
	if (spend(e, now))
		return true;
	if (e->left_out++ == 0) {
		e->first_at = now;
		e->first_us = row->at_us;
		e->level = row->level;
		b->report_at = sl_time_earlier(b->report_at, sl_time_after(now, SL_EVENT_REPORT_US));
	}
	e->level = row->level < e->level ? row->level : e->level;
	return false;
}

static void describe(const struct sl_event_budget *e, struct sl_event_row *out)
{
	char since[32];
	struct tm t = { 0 };
	time_t seconds = e->first_us / 1000000;
	gmtime_r(&seconds, &t);
	strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &t);
	out->level = e->level;
	snprintf(out->kind, sizeof out->kind, "rows-left-out");
	snprintf(out->detail, sizeof out->detail,
	         "%" PRIu64
	         " more rows of kind %s since %s: of each kind %d are kept at once, then one every %d s",
	         e->left_out, e->kind, since, SL_EVENT_BURST, SL_EVENT_EVERY_US / 1000000);
}

bool sl_event_report(struct sl_event_budgets *b, struct sl_time now, bool all, struct sl_event_row *out)
{
	bool found = false;
	if (!all && sl_time_before(now, b->report_at))
		return false;
	b->report_at = SL_TIME_NEVER;
	for (unsigned i = 0; i < b->kinds; i++) {
		struct sl_event_budget *e = &b->of[i];
		if (e->left_out == 0)
			continue;
		struct sl_time due = sl_time_after(e->first_at, SL_EVENT_REPORT_US);
		if (!found && (all || !sl_time_before(now, due))) {
			describe(e, out);
			e->left_out = 0;
			found = true;
		} else {
			b->report_at = sl_time_earlier(b->report_at, due);
		}
	}
	return found;
}
