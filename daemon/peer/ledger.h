/* ledger.h — how many noisy gradients a peer may have taken in a session, on disk before it takes them: STATE/peer-K.privacy,
 * one line "starling-privacy 1 SESSION COUNT". In an exact run a peer that restarts computes the same gradients again,
 * and a checkpoint's count is right: nothing is written. */
#ifndef SL_DAEMON_PEER_LEDGER_H
#define SL_DAEMON_PEER_LEDGER_H

#include "gossip/peer.h"

struct sl_ledger {
	bool on, failing;
	char path[4096];
	uint64_t session, reserved;
};

/* Reads it, and raises the peer's count to it. A file that is not understood is an error: nobody knows what it counted. */
enum sl_status sl_ledger_begin(struct sl_ledger *g, struct sl_peer *peer, const struct sl_plan *plan,
                               const char *state, uint32_t number, struct sl_error *error);
/* Before local steps: reserves their gradients, and those of some rounds to come. Where that cannot be written the peer is
 * held. False: it has just begun to fail, *error says why. */
bool sl_ledger_reserve(struct sl_ledger *, struct sl_peer *, struct sl_error *);
/* At the end: what was reserved and not taken is given back. */
void sl_ledger_end(struct sl_ledger *, const struct sl_peer *);

#endif
