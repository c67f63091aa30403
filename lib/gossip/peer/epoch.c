/* epoch.c — a new epoch of this peer's journal: what the peer is now does not follow from what its neighbours
 * hold of it, so they fetch its copy anew. */
#include "gossip/peer/state.h"

#include <string.h>

/* A Byzantine neighbour can make this peer count up to EPOCHS_TOLD of 2^24; the rest stays for honest ones. */
enum {
	EPOCH_INCARNATION_BITS = 8,
	EPOCHS_AHEAD = 1 << 16,
	EPOCHS_TOLD = 1 << 23,
	EPOCHS_MOST = (1 << 24) - 1
};

bool sl_epoch_is_made_up(const struct sl_peer *p, uint32_t epoch)
{
	if (epoch <= p->epoch)
		return false;
	epoch >>= EPOCH_INCARNATION_BITS;
	return epoch > EPOCHS_TOLD || epoch > (p->epoch >> EPOCH_INCARNATION_BITS) + EPOCHS_AHEAD;
}

uint32_t sl_epoch_newest(const struct sl_peer *p, uint32_t least)
{
	uint32_t newest = p->epoch > least ? p->epoch : least;
	for (uint32_t i = 0; i < p->degree; i++)
		if (p->edge[i].greeted && p->edge[i].knows_me_epoch > newest)
			newest = p->edge[i].knows_me_epoch;
	return newest;
}

void sl_start_epoch(struct sl_peer *p, uint32_t least, const char *why)
{
	uint32_t count = (sl_epoch_newest(p, least) >> EPOCH_INCARNATION_BITS) + 1;
	if (count > EPOCHS_MOST) { /* never from the start again: neighbours would ignore it */
		sl_peer_halt(p, false, "this peer has had all epochs that there are; start a new run");
		return;
	}
	p->epoch = count << EPOCH_INCARNATION_BITS |
	           (uint32_t)(sl_mix64(p->incarnation) & ((1u << EPOCH_INCARNATION_BITS) - 1));
	sl_journal_restart(&p->journal, p->version + 1);
	if (p->plan->copy_memory)
		memset(p->copy_state + 4 * p->plan->copy_floats, 0, p->plan->copy_memory);
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		e->reset = true;
		sl_terms_drop(e); /* the edge's steps may begin again */
		e->mine_open = e->mine_saved = false;
		e->tx_kept.used = 0;
		e->acknowledged = 0;
		e->seen_version = 0;
		e->sent = e->limit = p->version;
		e->tagged = e->step;
		e->checkpoint_older = e->checkpoint_newest =
		    e->their_version; /* before it, nothing is computed again */
		memset(e->tag, 0xff, p->plan->tags * sizeof *e->tag);
	}
	sl_peer_note(p, sl_waits_forever(p) ? SL_LEVEL_WARNING : SL_LEVEL_NOTICE, "mean-shift",
	             "epoch %u at version %u: %s", count, p->version, why);
	sl_greet_all(p, true);
}
