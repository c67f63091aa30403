/* topology.h — graphs of peers, their mixing matrix, and its spectrum, which determines the speed of gossip.
 * Most graphs are undirected and static; in the others, an edge is active in some rounds of a period, and its
 * weights may differ by direction. */
#ifndef SL_TOPOLOGY_TOPOLOGY_H
#define SL_TOPOLOGY_TOPOLOGY_H

#include "base/bytes.h"
#include "base/option.h"

struct sl_edge_pair {
	uint32_t a, b; /* a < b */
};

/* In rounds k ≡ phase (mod period), `to` receives `weight` times the value of `from`: w_to,from. The sender
 * gives it away: x_from loses what x_to gains, so that the sum over all peers is preserved for any
 * weights. */
struct sl_arc {
	uint32_t from, to, phase;
	double weight;
};

/* One end's view of an edge in one phase of the period. */
struct sl_activity {
	uint32_t phase;
	double in,
	    out; /* weight of the neighbour's copy at this end, and of this end's copy at the neighbour */
};

enum { SL_PERIOD_MAX = 64, SL_ARC_PEERS_MAX = 4096 };

/* A connected, simple graph. Without activity: undirected, the same in every round, with a symmetric, doubly
 * stochastic mixing matrix. With activity (a schedule, or directed arcs): the edges are the union over all
 * phases. Owns its arrays (sl_topology_free). Edges are sorted by (a, b). */
struct sl_topology {
	char spec[SL_TEXT_MAX]; /* "ring:8" */
	uint32_t peers, edges;
	struct sl_edge_pair *edge;
	double
	    *weight;  /* of each edge: w_ab = w_ba > 0; with activity: the mean over period and directions */
	double *self; /* w_ii, peers of them; with activity: the mean over the period */
	uint32_t *first;     /* peers + 1: i's neighbours are at first[i] … first[i+1]-1 of the two below */
	uint32_t *neighbour; /* ascending for each peer */
	uint32_t *edge_of;   /* the edge's number */

	uint32_t period;        /* rounds after which the graph repeats; 1: static */
	bool directed;          /* some edge has different weights by direction */
	bool balanced;          /* in every phase each peer's incoming and outgoing weights have equal sums:
	                           the matrices are doubly stochastic */
	uint32_t *active_first; /* NULL without; neighbour[r] of a peer is active at active_first[r] … [r+1]−1
	                           of … */
	struct sl_activity *activity; /* … this, phases ascending */
};

/* A family of graphs: one file in topology/graphs. */
struct sl_graph {
	const char *name, *doc, *usage; /* usage: "torus:RxC" */
	/* Parses the text after the colon and calls add(a, b) for every edge in any order (the family must
	 * not produce duplicates or self-loops); sets *peers first. `seed`: for random families. */
	enum sl_status (*make)(const char *arguments, uint64_t seed, uint32_t *peers,
	                       enum sl_status (*add)(void *context, uint32_t a, uint32_t b,
	                                             struct sl_error *),
	                       void *context, struct sl_error *error);
	/* Instead of make, for schedules and directed graphs: arcs with phase and weight, in any order. The
	 * period is the highest phase plus one. */
	enum sl_status (*arcs)(const char *arguments, uint32_t *peers,
	                       enum sl_status (*add)(void *context, struct sl_arc, struct sl_error *),
	                       void *context, struct sl_error *error);
};
extern const struct sl_graph *const sl_graphs[];

/* Makes "ring:8", "torus:4x4", … with Metropolis–Hastings weights w_ij = 1/(1 + max(deg_i, deg_j)) (Xiao &
 * Boyd 2004). The error gives what was found and what is expected; a graph that is not connected is
 * refused. */
enum sl_status sl_topology_make(struct sl_topology *out, const char *spec, uint64_t seed,
                                struct sl_error *error);
/* Parses the text of a topology file (format: topologies/README.md); `what` names it in errors, with the
 * line. */
enum sl_status sl_topology_parse(struct sl_topology *out, const char *text, size_t length, const char *what,
                                 struct sl_error *error);
/* From bare edges (any order, validated); weights NULL: Metropolis–Hastings. */
enum sl_status sl_topology_from_edges(struct sl_topology *out, const char *spec, uint32_t peers,
                                      const struct sl_edge_pair *edge, const double *weight, uint32_t edges,
                                      struct sl_error *error);
/* The same for a run from which members were removed: peers without an edge are not members; the others must
 * be connected. */
enum sl_status sl_topology_from_members(struct sl_topology *out, const char *spec, uint32_t peers,
                                        const struct sl_edge_pair *edge, const double *weight, uint32_t edges,
                                        struct sl_error *error);
/* From arcs (any order, validated): weights over 0 and at most 1, a peer's outgoing weights at most 1 in sum
 * per phase, and strongly connected. */
enum sl_status sl_topology_from_arcs(struct sl_topology *out, const char *spec, uint32_t peers,
                                     const struct sl_arc *arc, uint32_t arcs, struct sl_error *error);
/* Calls `each` for every arc of a topology with activity, by edge, direction and phase. */
void sl_topology_each_arc(const struct sl_topology *, void (*each)(void *context, struct sl_arc),
                          void *context);
/* The graph of the peers that have an edge, renumbered without gaps, with the same weights: for the spectrum
 * of a run from which members were removed. Only without activity. */
enum sl_status sl_topology_members(struct sl_topology *out, const struct sl_topology *,
                                   struct sl_error *error);
void sl_topology_free(struct sl_topology *);

static inline uint32_t sl_topology_degree(const struct sl_topology *t, uint32_t i)
{
	return t->first[i + 1] - t->first[i];
}

/* With activity, W is the product over a period, |λ| is per round (its period-th root; 0 if a period gives
 * the exact average), and beta is an upper bound over all phases. The diameter follows the arcs'
 * directions. */
struct sl_spectrum {
	double second; /* |λ|: the largest modulus of an eigenvalue of W except the simple 1 */
	double gap;    /* 1 − second: the spectral gap ρ */
	double beta;   /* ‖I − W‖₂ = 1 − λ_min(W) */
	double given; /* max_i Σ_j w_ji: largest total weight that a peer's neighbours take of its model in a
	                  round */
	uint32_t diameter, degree_least, degree_most;
	bool wider; /* the diameter may be larger: to know it would take too long */
};
/* Relative accuracy of gap and beta about 1e-9 (gap with activity: 1e-3); for over ten thousand peers on a
 * long ring or path, gap is an upper bound. Costs milliseconds for a thousand peers, and at most some ten seconds: of large
 * graphs the diameter is then a lower bound (`wider`), exact where all peers have the same distances, and for trees. Panics without memory
 * for some vectors of `peers` numbers. */
void sl_topology_spectrum(const struct sl_topology *, struct sl_spectrum *out);

#endif
