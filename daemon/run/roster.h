/* roster.h — who is in a run: names, endpoints, keys, edges, a serial; a text file signed by the operator.
 *
 *   starling-roster 1
 *   serial 7
 *   topology ring:8
 *   mixing 7 0.75 1.5 0.5
 *   mixing 0 0.66666666666666663 1.3333333333333333 0.19526214587563495
 *   peer 0 peer-0 tcp://127.0.0.1:41000 <64 hex digits: Ed25519 public key>
 *   …
 *   gone 2 peer-2
 *   peer 8 late tcp://127.0.0.1:41009 <key> 3
 *   …
 *   edge 0 1 0.33333333333333331
 *   edge 0 8 0.25 3 4 0.33333333333333331 3
 *   …
 *   or instead of edges, where they change from round to round or have a direction (topologies/README.md),
 *   arc FROM TO 0.5 PHASE
 *   …
 *   signature <128 hex digits: Ed25519 over all bytes above this line>
 *
 * Numbers are for ever: a member that was removed is gone, and its number is given to nobody else. A peer
 * that was added while the run went on has the serial of that behind its key. An edge that has not always
 * been as it is has, behind its weight, the serial that brought the edge, the serial that brought the weight,
 * and its former weights with theirs, the newest first, at most SL_EDGE_WEIGHTS in all: a peer that was told
 * of some rosters only has to know what a step was worth that its neighbour began under another. For the same
 * reason it says of the graph, and of the graphs of rosters before, the newest first, what gamma = auto follows
 * from: the serial that brought it, the most that a peer takes over from others in a round, |I - W| and the
 * spectral gap (struct sl_spectrum: given, beta, gap). Without such lines the graph has always been this one.
 */
#ifndef SL_DAEMON_RUN_ROSTER_H
#define SL_DAEMON_RUN_ROSTER_H

#include "daemon/run/keys.h"
#include "gossip/peer.h"
#include "gossip/plan.h"
#include "topology/topology.h"

struct sl_roster_peer {
	char name[64], endpoint[SL_TEXT_MAX];
	uint8_t public_key[SL_KEY_BYTES], curve_public[SL_KEY_BYTES];
	bool gone;      /* removed: a name is all that is left */
	uint32_t since; /* serial of the roster that added it; 0: it was there at the start */
};

/* What an edge was worth since when. weight[0] is the topology's. */
struct sl_roster_edge {
	uint32_t added; /* serial of the roster that brought it; 0: it was there at the start */
	unsigned weights;
	struct sl_weight weight[SL_EDGE_WEIGHTS];
};

/* What gamma follows from, under the rosters since that one. */
struct sl_roster_mixing {
	uint32_t since;
	double given, beta, gap;
};

enum { SL_SIGNATURE_BYTES = 64 };

struct sl_roster {
	uint32_t serial;
	uint8_t signature[SL_SIGNATURE_BYTES]; /* as read or written: with the same, two say the same */
	struct sl_topology topology;           /* peers, edges, weights */
	unsigned mixings;                      /* 0: the graph has not changed */
	struct sl_roster_mixing mixing[SL_EDGE_WEIGHTS];
	struct sl_roster_peer *peer; /* topology.peers of them; owned */
	struct sl_roster_edge
	    *edge; /* topology.edges of them, in its order; owned. NULL: nothing has changed */
};

/* Parses and verifies against the operator's key. Errors name `what`, the line, what was found, what would be
 * right; a wrong signature says so and that the file may have been changed. */
enum sl_status sl_roster_parse(struct sl_roster *out, const char *text, size_t length, const char *what,
                               const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);
enum sl_status sl_roster_read(struct sl_roster *out, const char *path,
                              const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);
/* Signs and writes it durably (temporary + fsync + rename); it then has that signature. */
enum sl_status sl_roster_write(struct sl_roster *, const char *path,
                               const struct sl_identity *operator_identity, struct sl_error *error);
void sl_roster_free(struct sl_roster *);
/* Whether two that were read or written are the same, to the byte. */
bool sl_roster_same(const struct sl_roster *, const struct sl_roster *);
/* What it says of an edge, also where nothing was ever said. */
struct sl_roster_edge sl_roster_edge(const struct sl_roster *, uint32_t edge);
/* The neighbours of a peer, for sl_peer_setup and sl_peer_roster; `out` has room for SL_DEGREE_MAX. */
uint32_t sl_roster_neighbours(const struct sl_roster *, uint32_t peer, struct sl_peer_neighbour *out);
/* γ under it and under those before it, for a plan that was made of it. */
void sl_roster_gammas(const struct sl_roster *, const struct sl_plan *, struct sl_gammas *out);

#endif
