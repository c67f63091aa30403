/* view.h — the peer as the status line and the metrics show it. While the stepper has the peer (stepper.h) that is what it was
 * when the step began. */
#ifndef SL_DAEMON_PEER_VIEW_H
#define SL_DAEMON_PEER_VIEW_H

#include "gossip/peer.h"

/* Initially zero. */
struct sl_view {
	bool kept; /* what follows counts, and not the peer */
	struct sl_peer_status status;
	uint32_t serial;
	struct sl_peer_edge_status *edge; /* owned; room for SL_DEGREE_MAX */
};

/* Before the first sl_view_keep. False: no memory. */
bool sl_view_make(struct sl_view *);
void sl_view_free(struct sl_view *);
/* Keeps what the peer is now, until sl_view_release. */
void sl_view_keep(struct sl_view *, const struct sl_peer *);
void sl_view_release(struct sl_view *);

static inline void sl_view_status(const struct sl_view *v, const struct sl_peer *peer,
                                  struct sl_peer_status *out)
{
	if (v->kept)
		*out = v->status;
	else
		sl_peer_status(peer, out);
}

static inline void sl_view_edge(const struct sl_view *v, const struct sl_peer *peer, uint32_t edge,
                                struct sl_peer_edge_status *out)
{
	if (v->kept)
		*out = v->edge[edge];
	else
		sl_peer_edge_status(peer, edge, out);
}

static inline uint32_t sl_view_serial(const struct sl_view *v, const struct sl_peer *peer)
{
	return v->kept ? v->serial : sl_peer_serial(peer);
}

#endif
