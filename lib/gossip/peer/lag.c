/* lag.c — which edge is behind, since when, and why: for people. An event row when it falls behind for good,
 * and one when it is in step again. */
#include "gossip/peer/state.h"

enum {
	BEHIND_ROUNDS = 32,        /* in a pace that does not wait, less is the order of the day */
	ROSTER_LATE_US = 10000000, /* rosters reach peers at different times */
};

uint32_t sl_edge_lag(const struct sl_peer *p, const struct sl_edge *e)
{
	return e->mine_open ? p->round - e->opened_in : 0;
}

const char *sl_edge_why(const struct sl_peer *p, const struct sl_edge *e)
{
	return e->added                         ? "added, no message from it yet"
	       : e->guard.closed                ? "in quarantine"
	       : !e->up                         ? "no messages from it"
	       : !e->greeted                    ? "no greeting since its last start"
	       : e->reset                       ? "its step is not known yet"
	       : e->diverged                    ? "needs a snapshot"
	       : e->theirs_open && e->mine_open ? ""
	       : sl_edge_wants_checkpoint(p, e) ? "it must write a checkpoint first"
	       : e->theirs_open                 ? "it does not hold the last version sent to it"
	       : e->their_round < p->round      ? "it is in an earlier round"
	       : e->mine_open                   ? "its tag has not arrived"
	                                        : "";
}

void sl_edge_watch_lag(struct sl_peer *p, struct sl_edge *e)
{
	uint32_t lag = sl_edge_lag(p, e);
	if (!e->behind && lag >= BEHIND_ROUNDS) {
		e->behind = true;
		e->behind_since = p->now;
		sl_peer_note(p, SL_LEVEL_NOTICE, "edge-behind",
		             "peer %u: step %u has been open for %u rounds: %s", e->neighbour, e->step + 1,
		             lag, sl_edge_why(p, e));
	} else if (e->behind && lag <= 1) {
		e->behind = false;
		sl_peer_note(p, SL_LEVEL_NOTICE, "edge-in-step", "peer %u: step %u, after %.1f s",
		             e->neighbour, e->step, 1e-6 * (double)(p->now.us - e->behind_since.us));
	}
}

/* A claim, not a proof: the number is the neighbour's, and only the operator can say which roster is the newest. */
void sl_edge_watch_roster(struct sl_peer *p, struct sl_edge *e)
{
	if (e->their_roster <= p->serial || e->their_roster <= e->objected) {
		e->ahead_since = p->now;
		return;
	}
	if (sl_time_before(p->now, sl_time_after(e->ahead_since, ROSTER_LATE_US)))
		return;
	e->objected = e->their_roster;
	sl_peer_note(
	    p, SL_LEVEL_WARNING, "roster-behind",
	    "peer %u has a roster of serial %u, and this peer of serial %u: is an older one in force here?",
	    e->neighbour, e->their_roster, p->serial);
}
