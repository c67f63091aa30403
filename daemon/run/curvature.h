/* curvature.h — whether the step size is one that the data can stand, where a bound is known. */
#ifndef SL_DAEMON_RUN_CURVATURE_H
#define SL_DAEMON_RUN_CURVATURE_H

#include "gossip/plan.h"

/* The most curved loss of the peers that were looked at. */
struct sl_curvature {
	uint32_t peer, looks;
	double value; /* 0: none is known */
};

/* Whether a look tells anything: the model is convex, the step size a number, and only a few peers were looked at. */
bool sl_curvature_wants(const struct sl_curvature *, const struct sl_plan *);

/* Looks at a peer's data, if it is wanted. */
void sl_curvature_look(struct sl_curvature *, const struct sl_plan *, uint32_t peer,
                       const struct sl_dataset *);

/* A line if gradient steps of that size grow instead of falling: above 2/L, with heavy-ball momentum β above 2(1 + β)/L. Else
 * an empty string. `note` has SL_TEXT_MAX bytes. */
void sl_curvature_note(const struct sl_curvature *, const struct sl_plan *, char *note);

#endif
