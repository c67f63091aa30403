/* place.c — where neighbours are: libzmq is given addresses only, for it would look names up in the one
 * thread that serves all links. */
#include "daemon/peer/net/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	ASK_FIRST_US = 1000000, /* after a failure; then twice as long each time */
	ASK_MOST_US = 30000000,
	TURN_FIRST_US = 200000, /* between two addresses of a name */
	TURN_MOST_US = 5000000,
};

enum sl_status sl_net_place(struct sl_net *net, struct sl_net_link *l, struct sl_error *error)
{
	struct sl_endpoint form;
	enum sl_status status = sl_endpoint_parse(&form, l->endpoint, error);
	if (status != SL_OK)
		return status;
	if (form.kind == SL_ENDPOINT_DIAL_ONLY) {
		sl_net_troubled(net, l, false, "it is dial-only, and has not connected to this peer");
		return SL_OK;
	}
	if (form.kind == SL_ENDPOINT_NAME) {
		snprintf(l->place.name, sizeof l->place.name, "%s", form.host);
		l->place.port = form.port;
		sl_net_ask(net, l);
		return SL_OK;
	}
	snprintf(l->target, sizeof l->target, "%s", l->endpoint);
	sl_host_parse(&l->home, form.host);
	return sl_net_connect(l) ? SL_OK : sl_fail(error, SL_IO, "%s", zmq_strerror(zmq_errno()));
}

bool sl_net_lives_at(const struct sl_net_link *l, const struct sl_host *host)
{
	struct sl_host found;
	if (sl_host_none(host))
		return false;
	if (sl_host_same(host, &l->home) || sl_host_same(host, &l->proven))
		return true;
	for (unsigned i = 0; i < l->place.count; i++)
		if (sl_host_parse(&found, l->place.address[i].text) && sl_host_same(host, &found))
			return true;
	return false;
}

/* ---- looking up ---- */

/* Looks its name up now. */
void sl_net_ask(struct sl_net *net, struct sl_net_link *l)
{
	struct sl_net_place *p = &l->place;
	p->ask_every_us = p->ask_every_us ? p->ask_every_us * 2 : ASK_FIRST_US;
	p->ask_every_us = p->ask_every_us > ASK_MOST_US ? ASK_MOST_US : p->ask_every_us;
	p->ask_at = SL_TIME_NEVER;
	p->asking = sl_resolver_ask(net->resolver, p->name, l->user);
	if (!p->asking)
		p->ask_at = sl_time_after(net->now, p->ask_every_us);
	if (!p->count)
		sl_net_troubled(net, l, true, "%s is being looked up", p->name);
}

void sl_net_ask_later(struct sl_net *net, struct sl_net_link *l)
{
	struct sl_net_place *p = &l->place;
	if (p->name[0] && !p->asking && p->ask_at.us == SL_TIME_NEVER.us)
		p->ask_at = sl_time_after(net->now, p->ask_every_us ? p->ask_every_us : ASK_FIRST_US);
}

static void not_resolved(struct sl_net *net, struct sl_net_link *l, const struct sl_resolved *found)
{
	l->place.ask_at = sl_time_after(net->now, l->place.ask_every_us);
	if (!l->place.count)
		sl_net_troubled(net, l, true, "%s does not resolve: %s", found->name, found->reason);
	sl_net_tell_name(net, l, found->reason);
}

/* The one in use stays in use if it is still one of them. */
static void take_addresses(struct sl_net *net, struct sl_net_link *l, const struct sl_resolved *found)
{
	struct sl_net_place *p = &l->place;
	const char *used = p->count ? p->address[p->at].text : "";
	unsigned at = found->count;
	for (unsigned i = 0; i < found->count; i++)
		at = strcmp(found->address[i].text, used) == 0 ? i : at;
	bool known = at < found->count;
	p->count = found->count;
	p->at = known ? at : 0;
	memcpy(p->address, found->address, sizeof p->address);
	if (!known && !l->up)
		sl_net_reconnect(net, l);
}

void sl_net_answers(struct sl_net *net)
{
	static struct sl_resolved found; /* too large for a stack */
	while (sl_resolver_take(net->resolver, &found))
		for (uint32_t i = 0; i < net->degree; i++) {
			struct sl_net_link *l = &net->link[i];
			if (l->user != found.tag || strcmp(l->place.name, found.name) != 0)
				continue;
			l->place.asking = false;
			if (found.count)
				take_addresses(net, l, &found);
			else
				not_resolved(net, l, &found);
		}
}

/* ---- connecting ---- */

bool sl_net_connect(struct sl_net_link *l)
{
	return sl_net_number(l->dealer, ZMQ_IPV6, strchr(l->target, '[') != NULL) &&
	       zmq_connect(l->dealer, l->target) == 0;
}

/* To the address whose turn it is. */
void sl_net_reconnect(struct sl_net *net, struct sl_net_link *l)
{
	struct sl_net_place *p = &l->place;
	l->retry_at = SL_TIME_NEVER;
	l->kick_at = sl_time_after(net->now, SL_NET_KICK_EVERY_US);
	if (l->target[0])
		zmq_disconnect(l->dealer, l->target); /* fails where libzmq has forgotten it already */
	sl_net_remember(net, l);
	sl_traffic_closed(&net->traffic, l->user + 1, -1);
	l->connected = l->up = l->idle = l->trying = l->lost = false;
	if (p->count)
		sl_address_endpoint(&p->address[p->at], p->port, l->target);
	if (l->target[0] && !sl_net_connect(l))
		l->retry_at = sl_time_after(net->now, TURN_MOST_US);
}

/* The neighbour was not reached at this address: try its next address soon, and look its name up again. */
void sl_net_try_elsewhere(struct sl_net *net, struct sl_net_link *l)
{
	struct sl_net_place *p = &l->place;
	sl_net_ask_later(net, l);
	if (p->count < 2)
		return;
	p->at = (p->at + 1) % p->count;
	if (l->retry_at.us != SL_TIME_NEVER.us)
		return;
	l->turn_us = l->turn_us ? l->turn_us * 2 : TURN_FIRST_US;
	l->turn_us = l->turn_us > TURN_MOST_US ? TURN_MOST_US : l->turn_us;
	l->retry_at = sl_time_after(net->now, l->turn_us);
}
