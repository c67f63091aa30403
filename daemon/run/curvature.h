/* curvature.h — whether the step size is one that the data can stand, where a bound is known. */
#ifndef SL_DAEMON_RUN_CURVATURE_H
#define SL_DAEMON_RUN_CURVATURE_H

#include "daemon/run/run.h"

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

/* The same line for a run whose shards may be in its folder: looks at those of the roster's members that are, beginning with
 * peer `first`. 8 shards of a model with 7,850 parameters take 40 ms; nothing is done where no look would tell anything. */
void sl_curvature_of_run(const struct sl_run *, const struct sl_roster *, uint32_t first, char *note);

#endif
