/* gamma.h — the consensus step size γ: which is stable for a compressor, a graph and a method, and which one
 * gamma = auto takes. Where theory is far from what works (CHOCO's γ* is a thousandth of it), the rules were
 * fitted to the consensus part alone and checked with gradients: tests/research/gamma.c. */
#ifndef SL_GOSSIP_GAMMA_H
#define SL_GOSSIP_GAMMA_H

#include "base/error.h"
#include "base/limits.h"

struct sl_plan;
struct sl_plan_graph;

/* What a method says of its γ; in struct sl_algorithm. Called when pipeline and options are resolved. Of the graph
 * it may use beta, gap and given only, which is all that is known of the graphs of former rosters. */
struct sl_gamma_bound {
	double most;      /* the largest that is stable; may be above 1; 0: none is */
	char instead[80]; /* where none is: what would be, in words */
};
typedef void sl_gamma_rule(const struct sl_plan *, const struct sl_plan_graph *, struct sl_gamma_bound *out);

/* Differences to public copies, whose loss is compressed again: CHOCO and what gossips like it, tracking
 * included. */
void sl_gamma_copies(const struct sl_plan *, const struct sl_plan_graph *, struct sl_gamma_bound *out);
/* The same as a number. */
double sl_gamma_copies_most(const struct sl_plan *, const struct sl_plan_graph *);
/* Share of a difference that one message gets across: sl_pipeline_gain, or a guess where that depends on the
 * vector. */
double sl_gamma_gain(const struct sl_plan *);

/* γ of a run on that graph: the method's only one, the settings' number, or what auto takes: 0 where no γ is
 * stable. Of two digits, so that machines that differ in the last bit of a spectrum take the same. */
double sl_gamma_of(const struct sl_plan *, const struct sl_plan_graph *);

/* Of sl_plan_make, behind the algorithm's prepare: fills plan->gamma, refuses auto where no γ is stable, and says in
 * *note (SL_TEXT_MAX bytes or more, left alone where it is not empty) where one that was given by hand may be too
 * large, and what would be stable. */
enum sl_status sl_gamma_settle(struct sl_plan *, const struct sl_plan_graph *, char *note,
                               struct sl_error *error);

#endif
