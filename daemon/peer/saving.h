/* saving.h — a checkpoint on its way from the peer to the store: first copied, which takes a pass over all vectors, then handed
 * over. */
#ifndef SL_DAEMON_PEER_SAVING_H
#define SL_DAEMON_PEER_SAVING_H

#include "daemon/peer/store/store.h"
#include "daemon/run/kept.h"
#include "daemon/run/run.h"
#include "gossip/peer.h"

/* Initially zero. */
struct sl_saving {
	uint8_t *bytes; /* NULL: no memory, or unsound */
	size_t length;
	uint8_t *
	    model; /* the file of the model that belongs to it; NULL: none, or no memory: the older one stays */
	size_t model_length;
	struct sl_kept kept;     /* what stands in front of the state */
	struct sl_error unsound; /* status not SL_OK: why the peer could not load this state again */
};

/* Copies the state of the peer, and the model of peer `number` of a run (NULL: none). Within SL_ACTION_CHECKPOINT, on the
 * thread that steps the peer. `kept` has session and settings. */
void sl_saving_copy(struct sl_saving *, const struct sl_peer *, const struct sl_kept *kept,
                    const struct sl_run *, uint32_t number);
/* Hands over to the store, with those bytes sent and received by this start. False: nothing was handed over. */
bool sl_saving_hand_over(struct sl_saving *, struct sl_store *, int64_t wire_tx, int64_t wire_rx);

#endif
