/* resolver.h — host names become addresses in threads of their own: a name server that does not answer holds
 * up nothing but the question that it was asked. */
#ifndef SL_DAEMON_PEER_NET_RESOLVER_H
#define SL_DAEMON_PEER_NET_RESOLVER_H

#include "daemon/run/endpoint.h"

enum { SL_RESOLVED_MAX = 8 };

struct sl_resolver;

/* An answer. No address: `reason` says why. */
struct sl_resolved {
	uint32_t tag; /* as asked with */
	char name[SL_TEXT_MAX];
	unsigned count;
	struct sl_address address[SL_RESOLVED_MAX]; /* in the order in which they are to be tried */
	char reason[80];
};

/* All signals must be blocked where threads are not to take them: they are as their maker has them. */
struct sl_resolver *sl_resolver_open(struct sl_error *);
/* Readable when there are answers. */
int sl_resolver_descriptor(const struct sl_resolver *);
/* Every question gets one answer, sooner or later; false: there is no memory for it. */
bool sl_resolver_ask(struct sl_resolver *, const char *name, uint32_t tag);
/* The next answer; false when there is none now. */
bool sl_resolver_take(struct sl_resolver *, struct sl_resolved *out);
/* Never waits: a question under way ends by itself, and its answer goes nowhere. NULL is fine. */
void sl_resolver_close(struct sl_resolver *);

#endif
