/* trouble.c — what is wrong with a link, in which direction, and since when: for status and for events.
 */
#include "daemon/peer/net/link.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum {
	WORTH_AN_EVENT_US =
	    5000000, /* behind a first failure: what lasts so long is no peer that is a little late */
	WORTH_A_WORD_US = 2000000,
};

int64_t sl_net_wall_us(void)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

void sl_net_troubled(struct sl_net *net, struct sl_net_link *l, bool name, const char *format, ...)
{
	struct sl_net_trouble *t = &l->trouble;
	va_list arguments;
	if (!t->text[0]) {
		t->since_us = sl_net_wall_us();
		t->since = net->now;
	}
	t->name = name;
	va_start(arguments, format);
	vsnprintf(t->text, sizeof t->text, format, arguments);
	va_end(arguments);
}

/* "14:03:12Z", or with the day where that is not today's. */
static const char *clock_text(int64_t us, char text[static 32])
{
	time_t then = us / 1000000, now = time(NULL);
	struct tm t = { 0 };
	gmtime_r(&then, &t);
	strftime(text, 32, then / 86400 == now / 86400 ? "%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%SZ", &t);
	return text;
}

void sl_net_tell_name(struct sl_net *net, struct sl_net_link *l, const char *reason)
{
	char since[32];
	struct sl_net_trouble *t = &l->trouble;
	if (t->name_told || !net->notice)
		return;
	t->name_told = true;
	sl_net_tell(net, SL_LEVEL_WARNING, "name-unresolved",
	            "peer %" PRIu32 " at %s: the name %s does not resolve (%s), since %s; trying again",
	            l->peer, l->endpoint, l->place.name, reason, clock_text(t->since_us, since));
}

/* A neighbour that is away altogether is no cause for alarm. */
static void tell_unreached(struct sl_net *net, struct sl_net_link *l)
{
	char since[32];
	struct sl_net_trouble *t = &l->trouble;
	bool heard = l->heard && !sl_time_before(l->heard_at, t->since);
	t->told = true;
	sl_net_tell(net, heard ? SL_LEVEL_WARNING : SL_LEVEL_NOTICE, "cannot-connect",
	            "peer %" PRIu32 "%s: %s, since %s", l->peer,
	            heard ? " connects to us, but we cannot connect to it" : "", t->text,
	            clock_text(t->since_us, since));
}

static bool never_heard(const struct sl_net *net, const struct sl_net_link *l, int64_t for_us)
{
	return l->up && !l->heard && !l->closed && !sl_time_before(net->now, sl_time_after(l->up_at, for_us));
}

/* Whether it is connected to this peer: what is not TCP is not counted, and never counts as away. */
static void watch_arrivals(struct sl_net *net, struct sl_net_link *l)
{
	struct sl_traffic_link unused = { 0 };
	struct sl_traffic_whose in = { 0, (uint32_t)(l - net->link) };
	bool here = !net->dials && sl_traffic_measure(&net->traffic, in, &unused);
	l->came = l->came || here;
	if (here)
		l->away = l->away_told = false;
	if (here || !l->came || l->away)
		return;
	l->away = true;
	l->away_at = net->now;
	l->away_us = sl_net_wall_us();
}

/* Connected to it, while it was here and is not: something blocks the way in. */
static bool stays_away(const struct sl_net *net, const struct sl_net_link *l, int64_t for_us)
{
	return l->away && l->up && !l->inward && !l->closed &&
	       !sl_time_before(net->now, sl_time_after(l->away_at, for_us)) &&
	       !sl_time_before(net->now, sl_time_after(l->up_at, for_us));
}

static void tell_away(struct sl_net *net, struct sl_net_link *l)
{
	char since[32];
	l->away_told = true;
	sl_net_tell(
	    net, SL_LEVEL_WARNING, "not-connected",
	    "peer %" PRIu32
	    " has not been connected to us since %s, though we are connected to it: does %s lead here, and is that port open to it?",
	    l->peer, clock_text(l->away_us, since), net->own);
}

void sl_net_watch_trouble(struct sl_net *net, struct sl_net_link *l)
{
	char since[32];
	watch_arrivals(net, l);
	if (!l->away_told && stays_away(net, l, WORTH_AN_EVENT_US))
		tell_away(net, l);
	const struct sl_net_trouble *t = &l->trouble;
	bool lasts = t->text[0] && !sl_time_before(net->now, sl_time_after(t->since, WORTH_AN_EVENT_US));
	if (lasts && t->name && !t->name_told)
		sl_net_tell_name(net, l, "no answer yet");
	else if (lasts && !t->name && !t->told)
		tell_unreached(net, l);
	if (l->unheard_told || !never_heard(net, l, WORTH_AN_EVENT_US))
		return;
	l->unheard_told = true;
	sl_net_tell(
	    net, SL_LEVEL_WARNING, "never-heard",
	    "peer %" PRIu32
	    " has never connected to us, though we have been connected to it since %s: does %s lead here, and is that port open to it?",
	    l->peer, clock_text(l->up_us, since), net->own);
}

void sl_net_untroubled(struct sl_net *net, struct sl_net_link *l)
{
	char since[32];
	const struct sl_net_trouble *t = &l->trouble;
	if (t->told || t->name_told)
		sl_net_tell(net, SL_LEVEL_NOTICE, "connected",
		            "peer %" PRIu32 ": reached at %s; it was not since %s", l->peer,
		            l->inward ? "its own connection" : l->target, clock_text(t->since_us, since));
	l->trouble = (struct sl_net_trouble){ 0 };
}

bool sl_net_trouble(const struct sl_net *net, uint32_t edge, char text[static SL_NET_TROUBLE],
                    int64_t *since_us)
{
	SL_CHECK(edge < net->degree);
	const struct sl_net_link *l = &net->link[edge];
	bool unheard = never_heard(net, l, WORTH_A_WORD_US), away = stays_away(net, l, WORTH_A_WORD_US);
	*since_us = unheard ? l->up_us : away ? l->away_us : l->trouble.since_us;
	snprintf(text, SL_NET_TROUBLE, "%s",
	         unheard ? "it has never connected to us"
	         : away  ? "it is not connected to us, though it was"
	                 : l->trouble.text);
	return text[0] != '\0';
}
