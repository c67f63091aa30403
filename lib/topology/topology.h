/* topology.h — graphs of peers, their mixing matrix, and what it says about the speed of gossip. */
#ifndef SL_TOPOLOGY_TOPOLOGY_H
#define SL_TOPOLOGY_TOPOLOGY_H

#include "base/bytes.h"
#include "base/option.h"

struct sl_edge_pair {
	uint32_t a, b; /* a < b */
};

/* A connected, simple, undirected graph with a symmetric, doubly stochastic mixing matrix. Owns its arrays
 * (sl_topology_free). Edges are sorted by (a, b). */
struct sl_topology {
	char spec[SL_TEXT_MAX]; /* "ring:8" */
	uint32_t peers, edges;
	struct sl_edge_pair *edge;
	double *weight;      /* of each edge: w_ab = w_ba > 0 */
	double *self;        /* w_ii, peers of them */
	uint32_t *first;     /* peers + 1: i's neighbours are at first[i] … first[i+1]-1 of the two below */
	uint32_t *neighbour; /* ascending for each peer */
	uint32_t *edge_of;   /* the edge's number */
};

/* A family of graphs: one file in topology/graphs. */
struct sl_graph {
	const char *name, *doc, *usage; /* usage: "torus:RxC" */
	/* Parses the text behind the colon and calls add(a, b) for every edge in any order (duplicates and
	 * self-loops are the family's mistake); sets *peers first. `seed` matters to random families. */
	enum sl_status (*make)(const char *arguments, uint64_t seed, uint32_t *peers,
	                       enum sl_status (*add)(void *context, uint32_t a, uint32_t b,
	                                             struct sl_error *),
	                       void *context, struct sl_error *error);
};
extern const struct sl_graph *const sl_graphs[];

/* Makes "ring:8", "torus:4x4", … with Metropolis–Hastings weights w_ij = 1/(1 + max(deg_i, deg_j)) (Xiao &
 * Boyd 2004). The error says what was found and what would be right; a graph that is not connected is
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
/* The same for a run that members have left: peers without an edge are none, and the others are connected. */
enum sl_status sl_topology_from_members(struct sl_topology *out, const char *spec, uint32_t peers,
                                        const struct sl_edge_pair *edge, const double *weight, uint32_t edges,
                                        struct sl_error *error);
void sl_topology_free(struct sl_topology *);

static inline uint32_t sl_topology_degree(const struct sl_topology *t, uint32_t i)
{
	return t->first[i + 1] - t->first[i];
}

struct sl_spectrum {
	double second; /* |λ|: the largest modulus of an eigenvalue of W except the simple 1 */
	double gap;    /* 1 − second: the spectral gap ρ */
	double beta;   /* ‖I − W‖₂ = 1 − λ_min(W) */
	uint32_t diameter, degree_least, degree_most;
};
/* Relative accuracy of gap and beta about 1e-9; of over ten thousand peers on a long ring or path, gap is an
 * upper bound. Costs milliseconds for a thousand peers. Panics without memory for some vectors of `peers`
 * numbers. */
void sl_topology_spectrum(const struct sl_topology *, struct sl_spectrum *out);

#endif
