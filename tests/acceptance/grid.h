/* grid.h — small data sets, and a trial with a new run.conf's settings: what grid and hand share. */
#ifndef SL_TESTS_GRID_H
#define SL_TESTS_GRID_H

#include "experiments.h"

#include "learn/dataset.h"

enum { GRID_TEST = 400, GRID_ROUNDS = 600, GRID_TASKS = 4 };

struct grid_task {
	const char *name, *model;
	uint32_t features, classes;
	double noise, skew; /* skew: the share of a peer's samples that are of its own class */
};
extern const struct grid_task grid_tasks[GRID_TASKS];

struct grid_held {
	struct sl_dataset data;
	float rows[GRID_TEST * 64], target[GRID_TEST];
	uint16_t label[GRID_TEST];
};

/* The settings are those of a new run.conf, but for what a trial needs. pipeline NULL: the standard one; gamma 0: auto. False: the
 * plan was refused; the sentence is in *error. In both cases call trial_close. */
bool grid_open(struct trial *, const struct grid_task *, const char *algorithm, const char *graph,
               const char *pipeline, double gamma, struct grid_held *test, struct sl_error *error);

/* Of the peers' own models on that set; INFINITY where the run has diverged. */
double grid_own_loss(struct trial *, const struct sl_dataset *test, double *accuracy);

#endif
