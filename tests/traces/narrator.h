/* narrator.h — tells a simulated run as lines: when, which peer, what it did. */
#ifndef SL_TESTS_TRACES_NARRATOR_H
#define SL_TESTS_TRACES_NARRATOR_H

#include "gossip/inspect.h"
#include "scenario.h"

enum { LINE_MOST = 400 };

/* What is known of a peer, to see what an event changes. */
struct known {
	struct sl_peer_view peer;
	struct sl_edge_view edge[SWARM_PEERS_MAX]; /* by number of the neighbour */
	bool has_edge[SWARM_PEERS_MAX];
	uint32_t sent[SWARM_PEERS_MAX], sent_epoch[SWARM_PEERS_MAX]; /* newest frame sent to each */
};

struct narrator {
	struct scenario *scenario;
	struct sl_sim *sim;
	bool quiet;
	bool cut[SWARM_PEERS_MAX][SWARM_PEERS_MAX];
	bool open[SWARM_PEERS_MAX][SWARM_PEERS_MAX]; /* connections, as their senders were told */
	struct known known[SWARM_PEERS_MAX];
	uint32_t rows;          /* event rows of the swarm that were told */
	struct sl_frame *frame; /* of every message so far, by number from 1 */
	uint64_t frames;
	const struct sl_sim_step *step;
	bool explained; /* what became of the message in hand */
	struct {        /* a line that may still get further receivers */
		uint32_t peer, receivers[SWARM_PEERS_MAX], count;
		char before[LINE_MOST], after[LINE_MOST];
	} line;
};

/* Follows the simulation of the scenario's swarm, which is open, from here on. */
void narrator_start(struct narrator *, struct scenario *);
/* A line about what the scenario does. */
__attribute__((format(printf, 2, 3))) void narrator_say(struct narrator *, const char *format, ...);
/* A peer has been made anew, or is gone. */
void narrator_forget(struct narrator *, uint32_t peer);
/* Prints what is still held back, and frees all memory. */
void narrator_end(struct narrator *);

#endif
