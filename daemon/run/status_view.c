/* status_view.c — parser for status lines: a flat JSON object that contains an array of flat objects. */
#include "daemon/run/status_view.h"

#include "base/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *skip(const char *p)
{
	return p + strspn(p, " \t");
}

/* Parses a string without escapes (no others are written); NULL if it is none. */
static const char *take_text(const char *p, char *out, size_t size)
{
	if (*p != '"')
		return NULL;
	size_t n = strcspn(p + 1, "\"\\");
	if (p[1 + n] != '"')
		return NULL;
	snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), p + 1);
	return p + n + 2;
}

/* Parses a scalar as text: a string, a number, true, false, null. */
static const char *take_scalar(const char *p, char *out, size_t size)
{
	if (*p == '"')
		return take_text(p, out, size);
	size_t n = strcspn(p, ",}] \t");
	if (n == 0 || n >= size)
		return NULL;
	memcpy(out, p, n);
	out[n] = '\0';
	return p + n;
}

typedef const char *member(void *context, const char *key, const char *value);

/* "{" members "}": calls `each` with the position of each value; it returns the position after the value, or NULL. */
static const char *take_object(const char *p, member *each, void *context)
{
	char key[32];
	if (*p != '{')
		return NULL;
	p = skip(p + 1);
	while (*p != '}') {
		p = take_text(p, key, sizeof key);
		if (!p || *(p = skip(p)) != ':')
			return NULL;
		p = each(context, key, skip(p + 1));
		if (!p)
			return NULL;
		p = skip(p);
		if (*p == ',')
			p = skip(p + 1);
		else if (*p != '}')
			return NULL;
	}
	return p + 1;
}

struct link {
	int64_t neighbour, heard_ms, quarantine_ms, behind, open_ms;
	int64_t trouble_since_us;
	bool waited_for;
	char cause[16], why[48], trouble[300];
};

static int64_t whole(const char *text)
{
	char *end;
	long long v = strtoll(text, &end, 10);
	return end != text && (*end == '\0' || *end == '.') ? v : -1;
}

static double real(const char *text)
{
	char *end;
	double v = strtod(text, &end);
	return end != text && *end == '\0' ? v : (double)NAN;
}

static const char *link_member(void *context, const char *key, const char *value)
{
	struct link *link = context;
	char text[300];
	const char *next = take_scalar(value, text, sizeof text);
	if (!next)
		return NULL;
	if (strcmp(key, "neighbour") == 0)
		link->neighbour = whole(text);
	else if (strcmp(key, "heard_ms") == 0)
		link->heard_ms = whole(text);
	else if (strcmp(key, "quarantine_ms") == 0)
		link->quarantine_ms = whole(text);
	else if (strcmp(key, "behind") == 0)
		link->behind = whole(text);
	else if (strcmp(key, "open_ms") == 0)
		link->open_ms = whole(text);
	else if (strcmp(key, "why") == 0)
		snprintf(link->why, sizeof link->why, "%.*s", (int)sizeof link->why - 1, text);
	else if (strcmp(key, "cause") == 0)
		snprintf(link->cause, sizeof link->cause, "%.*s", (int)sizeof link->cause - 1, text);
	else if (strcmp(key, "trouble") == 0)
		snprintf(link->trouble, sizeof link->trouble, "%s", text);
	else if (strcmp(key, "trouble_since_us") == 0)
		link->trouble_since_us = whole(text);
	else if (strcmp(key, "waited_for") == 0)
		link->waited_for = strcmp(text, "true") == 0;
	return next;
}

static void note_behind(struct sl_status_view *view, const struct link *link)
{
	if (link->neighbour < 0 || link->behind <= view->behind)
		return;
	view->laggard = (uint32_t)link->neighbour;
	view->behind = link->behind;
	view->behind_ms = link->open_ms;
	memcpy(view->why, link->why, sizeof view->why);
}

static void note_quarantine(struct sl_status_view *view, const struct link *link)
{
	if (link->quarantine_ms < 0 || link->neighbour < 0)
		return;
	if (view->quarantined++ && link->quarantine_ms <= view->quarantine_ms)
		return;
	view->worst = (uint32_t)link->neighbour;
	view->quarantine_ms = link->quarantine_ms;
	memcpy(view->cause, link->cause, sizeof view->cause);
}

static void note_trouble(struct sl_status_view *view, const struct link *link)
{
	if (!link->trouble[0] || link->neighbour < 0 || view->troubles++)
		return;
	view->troubled = (uint32_t)link->neighbour;
	view->trouble_since_us = link->trouble_since_us;
	memcpy(view->trouble, link->trouble, sizeof view->trouble);
}

static const char *take_links(const char *p, struct sl_status_view *view)
{
	if (*p != '[')
		return NULL;
	p = skip(p + 1);
	while (*p != ']') {
		struct link link = { .neighbour = -1,
			             .heard_ms = -1,
			             .quarantine_ms = -1,
			             .open_ms = -1,
			             .trouble_since_us = -1 };
		p = take_object(p, link_member, &link);
		if (!p)
			return NULL;
		if (link.waited_for && link.neighbour >= 0) {
			if (view->waits < SL_STATUS_WAITS)
				view->wait[view->waits] = (uint32_t)link.neighbour;
			view->waits++;
			if (link.behind <= 0 && link.why[0])
				memcpy(view->waits_why, link.why, sizeof view->waits_why);
			view->silent_ms = link.heard_ms > view->silent_ms ? link.heard_ms : view->silent_ms;
		}
		note_quarantine(view, &link);
		note_behind(view, &link);
		note_trouble(view, &link);
		p = skip(p);
		if (*p == ',')
			p = skip(p + 1);
		else if (*p != ']')
			return NULL;
	}
	return p + 1;
}

static const char *view_member(void *context, const char *key, const char *value)
{
	struct sl_status_view *v = context;
	const struct {
		const char *key;
		int64_t *field;
	} numbers[] = {
		{ "peer", &v->peer },
		{ "pid", &v->pid },
		{ "serial", &v->serial },
		{ "round", &v->round },
		{ "rounds", &v->rounds },
		{ "nonzero", &v->nonzero },
		{ "edges", &v->edges },
		{ "edges_up", &v->edges_up },
		{ "payload_tx", &v->payload_tx },
		{ "payload_rx", &v->payload_rx },
		{ "wire_tx", &v->wire_tx },
		{ "wire_rx", &v->wire_rx },
		{ "history_since_us", &v->history_since_us },
		{ "rows_lost", &v->rows_lost },
		{ "budget_rate", &v->budget_rate },
		{ "budget_used", &v->budget_used },
		{ "budget_waiting", &v->budget_waiting },
	};
	char text[256];
	if (strcmp(key, "links") == 0)
		return take_links(value, v);
	const char *next = take_scalar(value, text, sizeof text);
	if (!next)
		return NULL;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(key, numbers[i].key) == 0)
			*numbers[i].field = whole(text);
	if (strcmp(key, "phase") == 0)
		snprintf(v->phase, sizeof v->phase, "%.*s", (int)sizeof v->phase - 1, text);
	else if (strcmp(key, "checkpoint_failed") == 0)
		v->checkpoint_failed = strcmp(text, "true") == 0;
	else if (strcmp(key, "diverging") == 0)
		v->diverging = strcmp(text, "true") == 0;
	else if (strcmp(key, "history_error") == 0 && *value == '"')
		snprintf(v->history, sizeof v->history, "%.*s", (int)sizeof v->history - 1, text);
	else if (strcmp(key, "rounds_a_day") == 0)
		v->rounds_a_day = real(text);
	else if (strcmp(key, "bytes_a_round") == 0)
		v->bytes_a_round = real(text);
	else if (strcmp(key, "epsilon") == 0)
		v->epsilon = real(text);
	else if (strcmp(key, "epsilon_budget") == 0)
		v->epsilon_budget = real(text);
	else if (strcmp(key, "epsilon_spent") == 0)
		v->epsilon_spent = strcmp(text, "true") == 0;
	else if (strcmp(key, "train_loss") == 0)
		v->train_loss = real(text);
	else if (strcmp(key, "test_accuracy") == 0)
		v->test_accuracy = real(text);
	return next;
}

/* ---- what the links carry ---- */

struct each_link {
	struct sl_status_link link;
	void (*each)(void *, const struct sl_status_link *);
	void *context;
};

static const char *measure_member(void *context, const char *key, const char *value)
{
	struct sl_status_link *l = context;
	const struct {
		const char *key;
		int64_t *field;
	} numbers[] = { { "neighbour", &l->neighbour },
		        { "resent", &l->resent },
		        { "wire_tx", &l->wire_tx },
		        { "wire_resent", &l->wire_resent },
		        { "throughput", &l->throughput },
		        { "queue_us", &l->queue_us },
		        { "srtt_us", &l->srtt_us },
		        { "again_connection", &l->again[SL_AGAIN_CONNECTION] },
		        { "again_drop", &l->again[SL_AGAIN_DROP] },
		        { "again_refusal", &l->again[SL_AGAIN_REFUSAL] },
		        { "again_digest", &l->again[SL_AGAIN_DIGEST] },
		        { "quarantine_ms", &l->quarantine_ms },
		        { "behind", &l->behind },
		        { "up", &l->up },
		        { "late", &l->late },
		        { "waited_for", &l->waited_for },
		        { "heard", &l->heard } };
	char text[300];
	const char *next = take_scalar(value, text, sizeof text);
	for (size_t i = 0; next && i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(key, numbers[i].key) == 0)
			*numbers[i].field = strcmp(text, "true") == 0    ? 1
			                    : strcmp(text, "false") == 0 ? 0
			                                                 : whole(text);
	return next;
}

static const char *measures_member(void *context, const char *key, const char *value)
{
	struct each_link *c = context;
	char text[300];
	if (strcmp(key, "links") != 0)
		return take_scalar(value, text, sizeof text);
	if (*value != '[')
		return NULL;
	for (const char *p = skip(value + 1);; p = skip(p + 1)) {
		if (*p == ']')
			return p + 1;
		memset(&c->link, 0xff, sizeof c->link); /* −1 everywhere */
		p = take_object(p, measure_member, &c->link);
		if (!p || (*(p = skip(p)) != ',' && *p != ']'))
			return NULL;
		c->each(c->context, &c->link);
		if (*p == ']')
			return p + 1;
	}
}

bool sl_status_view_links(const char *line, void (*each)(void *, const struct sl_status_link *),
                          void *context)
{
	struct each_link c = { .each = each, .context = context };
	return take_object(skip(line), measures_member, &c) != NULL;
}

static void clear(struct sl_status_view *v)
{
	*v = (struct sl_status_view){ .train_loss = (double)NAN, .test_accuracy = (double)NAN };
	v->peer = v->pid = v->serial = v->round = v->rounds = v->nonzero = v->edges = v->edges_up = -1;
	v->payload_tx = v->payload_rx = v->wire_tx = v->wire_rx = -1;
	v->rounds_a_day = v->bytes_a_round = v->epsilon = v->epsilon_budget = (double)NAN;
	v->budget_rate = v->budget_used = v->budget_waiting = -1;
	v->history_since_us = v->rows_lost = v->trouble_since_us = -1;
}

bool sl_status_view_parse(struct sl_status_view *out, const char *line)
{
	clear(out);
	const char *end = take_object(skip(line), view_member, out);
	if (end && end[strspn(end, " \t\r\n")] == '\0' && out->peer >= 0 && out->phase[0])
		return true;
	clear(out);
	return false;
}

static void behind_text(const struct sl_status_view *view, char *text, size_t size)
{
	char since[32] = "";
	size_t used = strlen(text);
	if (view->behind <= 0 || used >= size)
		return;
	if (view->behind_ms >= 0)
		snprintf(since, sizeof since, " for %.1f s", (double)view->behind_ms / 1000);
	snprintf(text + used, size - used, "; %u is %lld rounds behind%s%s%s", view->laggard,
	         (long long)view->behind, since, view->why[0] ? ": " : "", view->why);
}

static void quarantine_text(const struct sl_status_view *view, char *text, size_t size)
{
	size_t used = strlen(text);
	if (view->quarantined == 0 || used >= size)
		return;
	used += (size_t)snprintf(text + used, size - used, "; %u in quarantine (%s, %.0f s left)",
	                         view->worst, view->cause, (double)view->quarantine_ms / 1000);
	if (view->quarantined > 1 && used < size)
		snprintf(text + used, size - used, " and %u more", view->quarantined - 1);
}

/* " since 2026-11-22T07:12:33Z" */
static void since_text(int64_t us, char text[static 32])
{
	time_t seconds = us / 1000000;
	struct tm t = { 0 };
	text[0] = '\0';
	if (us > 0 && gmtime_r(&seconds, &t))
		strftime(text, 32, " since %Y-%m-%dT%H:%M:%SZ", &t);
}

static void trouble_text(const struct sl_status_view *view, char *text, size_t size)
{
	char since[32];
	size_t used = strlen(text);
	if (view->troubles == 0 || used >= size)
		return;
	since_text(view->trouble_since_us, since);
	used += (size_t)snprintf(text + used, size - used, "; link to %u: %s,%s", view->troubled,
	                         view->trouble, since[0] ? since : " for a while");
	if (view->troubles > 1 && used < size)
		snprintf(text + used, size - used, " (and %u more)", view->troubles - 1);
}

/* "; no history since 2026-11-22T07:12:33Z (3 rows lost): …" */
static void history_text(const struct sl_status_view *view, char *text, size_t size)
{
	char since[32] = "", lost[48] = "";
	size_t used = strlen(text);
	if (!view->history[0] || used >= size)
		return;
	since_text(view->history_since_us, since);
	if (view->rows_lost > 0)
		snprintf(lost, sizeof lost, " (%lld rows lost)", (long long)view->rows_lost);
	snprintf(text + used, size - used, "; no history%s%s: %s", since, lost, view->history);
}

static void waits_text(const struct sl_status_view *view, char *text, size_t size)
{
	size_t used = strlen(text);
	if (view->waits == 0)
		return;
	for (uint32_t i = 0; i < view->waits && i < SL_STATUS_WAITS && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%u", i ? ", " : " for ", view->wait[i]);
	if (view->waits > SL_STATUS_WAITS && used < size)
		used +=
		    (size_t)snprintf(text + used, size - used, " and %u more", view->waits - SL_STATUS_WAITS);
	if (view->waits_why[0] && used < size)
		used += (size_t)snprintf(text + used, size - used, " (%s)", view->waits_why);
	if (view->silent_ms >= 1000 && used < size)
		snprintf(text + used, size - used, " (silent for %.1f s)", (double)view->silent_ms / 1000);
}

static void checkpoint_text(const struct sl_status_view *view, char *text, size_t size)
{
	size_t used = strlen(text);
	if (view->checkpoint_failed && used < size)
		snprintf(text + used, size - used, "; checkpoints fail");
}

/* "; 97 % of 64kbit/s used, 3 messages wait for it; 59000 rounds a day, 11.8 kB each" */
static void budget_text(const struct sl_status_view *view, char *text, size_t size)
{
	char rate[32];
	size_t used = strlen(text);
	if (view->budget_rate <= 0 || used >= size)
		return;
	sl_rate_print((uint64_t)view->budget_rate, rate, sizeof rate);
	used += (size_t)snprintf(text + used, size - used, "; %.0f %% of %s/s used",
	                         100 * (double)view->budget_used * 8 / 10 / (double)view->budget_rate, rate);
	if (view->budget_waiting > 0 && used < size)
		used += (size_t)snprintf(text + used, size - used, ", %lld message%s wait%s for it",
		                         (long long)view->budget_waiting, view->budget_waiting > 1 ? "s" : "",
		                         view->budget_waiting > 1 ? "" : "s");
	if (view->rounds_a_day > 0 && isfinite(view->bytes_a_round) && used < size)
		snprintf(text + used, size - used, "; %.3g rounds a day, %.1f kB each", view->rounds_a_day,
		         view->bytes_a_round / 1000);
}

/* "; epsilon 3.2 of 8" */
static void privacy_text(const struct sl_status_view *view, char *text, size_t size)
{
	char budget[48] = "";
	size_t used = strlen(text);
	if (!isfinite(view->epsilon) || used >= size)
		return;
	if (view->epsilon_budget > 0)
		snprintf(budget, sizeof budget, " of %.3g%s", view->epsilon_budget,
		         view->epsilon_spent ? " spent: no longer learning" : "");
	snprintf(text + used, size - used, "; epsilon %.3g%s", view->epsilon, budget);
}

void sl_status_view_doing(const struct sl_status_view *view, char *text, size_t size)
{
	snprintf(text, size, "%s%s", view->diverging ? "diverging; " : "", view->phase);
	waits_text(view, text, size);
	behind_text(view, text, size);
	quarantine_text(view, text, size);
	budget_text(view, text, size);
	privacy_text(view, text, size);
	trouble_text(view, text, size);
	checkpoint_text(view, text, size);
	history_text(view, text, size);
}

void sl_status_real(double value, int digits, char *text, size_t size)
{
	if (isfinite(value))
		snprintf(text, size, "%.*f", digits, value);
	else
		snprintf(text, size, "-");
}
