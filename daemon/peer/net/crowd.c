#include "daemon/peer/net/crowd.h"

#include "daemon/peer/net/connection.h"

#include <stdio.h>

/* Whether a silent connection counts against the same limit as the newest one. */
typedef bool same_limit(const struct sl_traffic_connection *, const struct sl_traffic_connection *newest);

static bool same_address(const struct sl_traffic_connection *c, const struct sl_traffic_connection *newest)
{
	return sl_host_same(&c->host, &newest->host);
}

static bool same_network(const struct sl_traffic_connection *c, const struct sl_traffic_connection *newest)
{
	return c->guest && sl_host_near(&c->host, &newest->host);
}

static bool guest(const struct sl_traffic_connection *c, const struct sl_traffic_connection *newest)
{
	(void)newest;
	return c->guest;
}

/* The connection to close where more than `most` count: the oldest that has had its time, else the newest. */
static struct sl_traffic_connection *beyond(struct sl_traffic *w, same_limit *same, unsigned most,
                                            struct sl_time now)
{
	struct sl_traffic_connection *newest = &w->open[w->count - 1], *oldest = newest;
	unsigned count = 0;
	for (unsigned i = 0; i < w->count; i++) {
		struct sl_traffic_connection *c = &w->open[i];
		if (!sl_connection_silent(c) || !same(c, newest))
			continue;
		count++;
		if (c->order < oldest->order &&
		    !sl_time_before(now, sl_time_after(c->since, SL_CROWD_GRACE_US)))
			oldest = c;
	}
	return count > most ? oldest : NULL;
}

bool sl_crowd_admit(struct sl_traffic *w, const struct sl_crowd_limits *limits, struct sl_time now,
                    char address[static 64])
{
	struct sl_traffic_connection *newest = &w->open[w->count - 1];
	unsigned allowance = limits->allowance(limits->context, &newest->host);
	newest->since = now;
	newest->guest = allowance == 0;
	const struct {
		same_limit *same;
		unsigned most;
	} limit[] = { { same_address, allowance ? allowance : SL_CROWD_ADDRESS },
		      { same_network, SL_CROWD_NETWORK },
		      { guest, limits->guests } };
	unsigned count = newest->guest ? sizeof limit / sizeof *limit : 1;
	bool closed = false;
	for (unsigned i = 0; i < count && sl_connection_silent(newest); i++) {
		struct sl_traffic_connection *c = beyond(w, limit[i].same, limit[i].most, now);
		if (!c)
			continue;
		snprintf(address, 64, "%s", c->address);
		sl_connection_shut(w, c);
		closed = true;
	}
	return closed;
}

bool sl_crowd_of_key(struct sl_traffic *w, uint32_t edge)
{
	bool closed = false;
	for (;;) {
		struct sl_traffic_connection *oldest = NULL;
		unsigned count = 0;
		for (unsigned i = 0; i < w->count; i++) {
			struct sl_traffic_connection *c = &w->open[i];
			if (c->owner != 0 || c->edge != edge)
				continue;
			count++;
			oldest = !oldest || c->order < oldest->order ? c : oldest;
		}
		if (count <= SL_CROWD_KEY)
			return closed;
		sl_connection_shut(w, oldest);
		closed = true;
	}
}
