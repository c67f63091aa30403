/* many.h — rows of large simulations: one row per round instead of one per peer and round. */
#ifndef SL_DAEMON_CLI_SIM_MANY_H
#define SL_DAEMON_CLI_SIM_MANY_H

#include "history/history.h"

/* Number of peers from which a simulation is large. */
enum { SL_MANY_PEERS = 4096 };

/* Rounds that not all peers have done. */
struct sl_many {
	struct sl_round_all_row *open;
	uint32_t length, capacity;
};

/* Adds a row, in the order in which rows come. Where it completes the round of `peers` peers: true, with that round's
 * row in *out. */
bool sl_many_add(struct sl_many *, const struct sl_round_row *, uint32_t peers, struct sl_round_all_row *out);
/* Takes a round that is not complete, for the end of a run; false: there is none left. */
bool sl_many_take(struct sl_many *, struct sl_round_all_row *out);
void sl_many_free(struct sl_many *);

#endif
