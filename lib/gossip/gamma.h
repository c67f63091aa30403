/* gamma.h — the consensus step size γ: the stable range for a compressor, a graph and a method, and the value
 * of gamma = auto. Where the theoretical bound is far below the practical one (CHOCO's γ* by a factor of
 * 1000), the rules were fitted to consensus alone and checked with gradients: tests/research/gamma.c. */
#ifndef SL_GOSSIP_GAMMA_H
#define SL_GOSSIP_GAMMA_H

#include "base/error.h"
#include "base/limits.h"

struct sl_plan;
struct sl_plan_graph;

/* The method's bound on γ; in struct sl_algorithm. Called when pipeline and options are resolved. It may use
 * only beta, gap and given of the graph: no more is known of the graphs of earlier rosters. */
struct sl_gamma_bound {
	double most;      /* the largest stable γ; may exceed 1; 0: no γ is stable */
	char instead[80]; /* if no γ is stable: an alternative, as text */
};
typedef void sl_gamma_rule(const struct sl_plan *, const struct sl_plan_graph *, struct sl_gamma_bound *out);

/* For methods that send differences to public copies, so that later messages correct the compression error:
 * CHOCO and its relatives, gradient tracking included. */
void sl_gamma_copies(const struct sl_plan *, const struct sl_plan_graph *, struct sl_gamma_bound *out);
/* The same as a number; and without what values that are rounded coarsely add to it. */
double sl_gamma_copies_most(const struct sl_plan *, const struct sl_plan_graph *);
double sl_gamma_exact_most(const struct sl_plan *, const struct sl_plan_graph *);
/* Share of a difference that one message transmits: sl_pipeline_gain, or an estimate if that depends on the
 * vector. */
double sl_gamma_gain(const struct sl_plan *);

/* γ of a run on that graph: the method's fixed one, the settings' number, or the value of auto (0 if no γ is
 * stable). auto is rounded to three digits, so that machines whose spectrum differs in the last bit agree. */
double sl_gamma_of(const struct sl_plan *, const struct sl_plan_graph *);

/* Part of sl_plan_make, after the algorithm's prepare: fills plan->gamma and refuses auto if no γ is stable.
 * If a given γ may be too large, writes a warning with the stable value into *note (SL_TEXT_MAX bytes or
 * more; left unchanged if not empty). */
enum sl_status sl_gamma_settle(struct sl_plan *, const struct sl_plan_graph *, char *note,
                               struct sl_error *error);

#endif
