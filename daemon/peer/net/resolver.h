/* resolver.h — resolves host names in separate threads: a name server that does not answer delays only its
 * own query. */
#ifndef SL_DAEMON_PEER_NET_RESOLVER_H
#define SL_DAEMON_PEER_NET_RESOLVER_H

#include "daemon/run/endpoint.h"

enum { SL_RESOLVED_MAX = 8 };

struct sl_resolver;

/* An answer. No address: see `reason`. */
struct sl_resolved {
	uint32_t tag; /* as asked with */
	char name[SL_TEXT_MAX];
	unsigned count;
	struct sl_address address[SL_RESOLVED_MAX]; /* in order of preference */
	char reason[80];
};

/* Block all signals before: the threads inherit the caller's signal mask. */
struct sl_resolver *sl_resolver_open(struct sl_error *);
/* Readable when there are answers. */
int sl_resolver_descriptor(const struct sl_resolver *);
/* Every query eventually gets one answer; false: out of memory. */
bool sl_resolver_ask(struct sl_resolver *, const char *name, uint32_t tag);
/* The next answer; false when there is none now. */
bool sl_resolver_take(struct sl_resolver *, struct sl_resolved *out);
/* Never blocks: a running query ends by itself, and its answer is dropped. NULL is allowed. */
void sl_resolver_close(struct sl_resolver *);

#endif
