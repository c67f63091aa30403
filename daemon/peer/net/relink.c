/* relink.c — neighbours come, go and change keys while the others' messages flow. */
#include "daemon/peer/net/link.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The new links, beside the old ones until all of them are open. */
struct change {
	struct sl_net_link *link;
	struct sl_zap_key *key;
	int64_t *received;
	bool *taken; /* old links that go on */
	uint32_t opened;
};

static bool allocate(struct change *c, const struct sl_net *net, uint32_t degree)
{
	c->link = calloc(degree + 1, sizeof *c->link);
	c->key = calloc(degree + 1, sizeof *c->key);
	c->received = calloc(degree + 1, sizeof *c->received);
	c->taken = calloc(net->degree + 1, sizeof *c->taken);
	return c->link && c->key && c->received && c->taken;
}

/* libzmq keeps our secret key; nobody else does. */
static enum sl_status own_keys(const struct sl_net *net, struct sl_identity *out, struct sl_error *error)
{
	size_t size = SL_KEY_BYTES, again = SL_KEY_BYTES;
	memset(out, 0, sizeof *out);
	if (zmq_getsockopt(net->router, ZMQ_CURVE_SECRETKEY, out->curve_secret, &size) == 0 &&
	    zmq_getsockopt(net->router, ZMQ_CURVE_PUBLICKEY, out->curve_public, &again) == 0)
		return SL_OK;
	return sl_fail(error, SL_IO, "cannot access the identity key: %s", zmq_strerror(errno));
}

static bool same_key(const struct sl_net *net, uint32_t at, const struct sl_net_neighbour *n)
{
	return net->link[at].peer == n->peer &&
	       memcmp(net->key[at].curve, n->curve_public, SL_KEY_BYTES) == 0;
}

static enum sl_status take(struct change *c, struct sl_net *net, const struct sl_net_setup *setup,
                           const struct sl_net_neighbour *n, struct sl_error *error)
{
	uint32_t at = 0, to = c->opened;
	while (at < net->degree && !same_key(net, at, n))
		at++;
	bool known = at < net->degree, stays = known && strcmp(net->link[at].endpoint, n->endpoint) == 0;
	uint32_t user = known ? net->link[at].user : net->next_user++;
	memcpy(c->key[to].curve, n->curve_public, SL_KEY_BYTES);
	c->key[to].user = user;
	c->key[to].closed = known && net->key[at].closed;
	if (stays) {
		c->link[to] = net->link[at];
		c->taken[at] = true;
	} else {
		enum sl_status status = sl_net_open_link(net, setup, n, user, &c->link[to], error);
		if (status != SL_OK) {
			sl_net_close_link(&c->link[to]);
			return status;
		}
		if (known) {
			c->link[to].closed = net->link[at].closed;
			c->link[to].told_up = net->link[at].told_up;
			c->link[to].told_full = net->link[at].told_full;
			sl_net_remember(net, &net->link[at]);
			c->link[to].past = net->link[at].past;
		}
	}
	c->opened++;
	return SL_OK;
}

static void give_up(struct change *c, const struct sl_net *net)
{
	for (uint32_t i = 0; i < c->opened; i++) {
		bool old = false;
		for (uint32_t k = 0; k < net->degree; k++)
			old = old || net->link[k].dealer == c->link[i].dealer;
		if (!old)
			sl_net_close_link(&c->link[i]);
	}
}

static void finish(struct change *c, struct sl_net *net, uint32_t degree)
{
	int64_t to[SL_DEGREE_MAX];
	bool lost = false;
	for (uint32_t i = 0; i < net->degree; i++) {
		to[i] = -1;
		for (uint32_t k = 0; k < degree; k++)
			to[i] = c->link[k].user == net->link[i].user ? (int64_t)k : to[i];
		lost = lost || to[i] < 0;
		if (c->taken[i])
			continue;
		sl_traffic_closed(&net->traffic, net->link[i].user + 1, -1);
		sl_net_close_link(&net->link[i]);
	}
	sl_traffic_renumber(&net->traffic, to, lost);
	struct sl_net_link *link = net->link;
	struct sl_zap_key *key = net->key;
	int64_t *received = net->received;
	net->link = c->link;
	net->key = c->key;
	net->received = c->received;
	net->degree = degree;
	net->zap.key = net->key;
	net->zap.keys = degree;
	c->link = link;
	c->key = key;
	c->received = received;
	net->changed = net->again = true; /* what happened meanwhile was announced to nobody */
}

enum sl_status sl_net_change(struct sl_net *net, const struct sl_net_neighbour *neighbours, uint32_t degree,
                             struct sl_error *error)
{
	struct change c = { 0 };
	struct sl_identity identity;
	enum sl_status status = own_keys(net, &identity, error);
	if (status == SL_OK && !allocate(&c, net, degree))
		status = sl_fail(error, SL_NO_MEMORY, "no memory for %u links", (unsigned)degree);
	struct sl_net_setup setup = { .endpoint = net->endpoint,
		                      .identity = &identity,
		                      .frame_max = net->message_max };
	for (uint32_t i = 0; i < degree && status == SL_OK; i++)
		status = take(&c, net, &setup, &neighbours[i], error);
	sl_identity_wipe(&identity);
	if (status == SL_OK)
		finish(&c, net, degree);
	else if (c.link)
		give_up(&c, net);
	free(c.link);
	free(c.key);
	free(c.received);
	free(c.taken);
	return status;
}
