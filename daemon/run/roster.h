/* roster.h — the members of a run: names, endpoints, keys, edges, and a serial; a text file signed by the
 * operator.
 *
 *   starling-roster 2
 *   run <32 hex digits: [run] id of the run that it is for>
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
 *   or instead of edges, for time-varying or directed graphs (topologies/README.md),
 *   arc FROM TO 0.5 PHASE
 *   …
 *   signature <128 hex digits: Ed25519 over all bytes above this line>
 *
 * A text of version 3 begins with 'starling-roster 3'; a peer may have the endpoint dial-only there. A text of version 1 begins with 'starling-roster 1' and has no line 'run'. It is for a run without an id.
 *
 * Numbers are never reused: a removed member stays listed as gone. A peer added after the start has the
 * serial of the roster that added it after its key. An edge that was added or changed after the start has,
 * after its weight, the serial that added the edge, the serial that set the weight, and its earlier weights
 * with their serials, newest first, at most SL_EDGE_WEIGHTS in all: a peer that missed a roster needs the
 * weight of a step that its neighbour began under it. For the same reason `mixing` lines give the inputs of
 * gamma = auto for the present graph and earlier ones, newest first: the serial of the roster, and given,
 * beta and gap (struct sl_spectrum). Without such lines the graph has never changed. */
#ifndef SL_DAEMON_RUN_ROSTER_H
#define SL_DAEMON_RUN_ROSTER_H

#include "daemon/run/keys.h"
#include "gossip/peer.h"
#include "gossip/plan.h"
#include "topology/topology.h"

struct sl_roster_peer {
	char name[64], endpoint[SL_TEXT_MAX];
	uint8_t public_key[SL_KEY_BYTES], curve_public[SL_KEY_BYTES];
	bool gone;      /* removed: only the name is kept */
	uint32_t since; /* serial of the roster that added it; 0: from the start */
};

/* History of an edge's weight. weight[0] is the topology's. */
struct sl_roster_edge {
	uint32_t added; /* serial of the roster that added it; 0: present from the start */
	unsigned weights;
	struct sl_weight weight[SL_EDGE_WEIGHTS];
};

/* Inputs of gamma = auto under rosters from `since` on. */
struct sl_roster_mixing {
	uint32_t since;
	double given, beta, gap;
};

enum { SL_SIGNATURE_BYTES = 64, SL_RUN_ID_BYTES = 16, SL_RUN_ID_HEX = 2 * SL_RUN_ID_BYTES + 1 };

struct sl_roster {
	uint32_t serial;
	bool bound;                            /* names its run: version 2 of the text */
	uint8_t run[SL_RUN_ID_BYTES];          /* zeros if it does not */
	uint8_t signature[SL_SIGNATURE_BYTES]; /* as read or written; equal signatures mean equal rosters */
	struct sl_topology topology;           /* peers, edges, weights */
	unsigned mixings;                      /* 0: the graph has not changed */
	struct sl_roster_mixing mixing[SL_EDGE_WEIGHTS];
	struct sl_roster_peer *peer; /* topology.peers of them; owned */
	struct sl_roster_edge
	    *edge; /* topology.edges of them, in its order; owned. NULL: nothing has changed */
};

/* Parses and verifies against the operator's key. Errors give `what`, the line, what was found and what is
 * expected; for a wrong signature the error adds that the file may have been changed. */
enum sl_status sl_roster_parse(struct sl_roster *out, const char *text, size_t length, const char *what,
                               const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);
enum sl_status sl_roster_read(struct sl_roster *out, const char *path,
                              const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);
/* Signs and writes it durably (temporary + fsync + rename), and sets its signature. */
enum sl_status sl_roster_write(struct sl_roster *, const char *path,
                               const struct sl_identity *operator_identity, struct sl_error *error);
void sl_roster_free(struct sl_roster *);
/* Whether two rosters, each read or written, are equal byte for byte. */
bool sl_roster_same(const struct sl_roster *, const struct sl_roster *);
/* The history of an edge, also of one that never changed. */
struct sl_roster_edge sl_roster_edge(const struct sl_roster *, uint32_t edge);
/* The neighbours of a peer, for sl_peer_setup and sl_peer_roster; `out` has room for SL_DEGREE_MAX. */
uint32_t sl_roster_neighbours(const struct sl_roster *, uint32_t peer, struct sl_peer_neighbour *out);
/* Values of γ under it and earlier rosters, for a plan made from it. */
void sl_roster_gammas(const struct sl_roster *, const struct sl_plan *, struct sl_gammas *out);

#endif
