/* plan.h — the plan of a sweep: an INI file of axes, and the points that it spans. */
#ifndef SL_DAEMON_CLI_SWEEP_PLAN_H
#define SL_DAEMON_CLI_SWEEP_PLAN_H

#include "base/error.h"
#include "base/limits.h"

#include <stdio.h>

enum {
	SL_SWEEP_AXES = 12,
	SL_SWEEP_VALUES = 256,
	SL_SWEEP_SETS = 64,
	SL_SWEEP_OPTIONS = 16,
	SL_SWEEP_POINTS = 100000,
	SL_SWEEP_ID = 33,
};

/* A key with a value: "algorithm.eta", "topology", or the name of an option of starling sim. */
struct sl_sweep_pair {
	char key[64], value[SL_TEXT_MAX];
};

struct sl_sweep_axis {
	char name[64]; /* as written: "pipeline" */
	char key[64];  /* what it is: "compress.pipeline" */
	unsigned count;
	char (*value)[SL_TEXT_MAX]; /* owned */
};

struct sl_sweep_plan {
	char name[SL_TEXT_MAX]; /* of its runs */
	bool daemons;           /* runner = daemons; else the simulator */
	uint32_t jobs;          /* at once; 0: by default */
	double target;          /* mean accuracy at which a run ends; 0: none */
	struct sl_sweep_pair set[SL_SWEEP_SETS], option[SL_SWEEP_OPTIONS];
	unsigned sets, options;
	struct sl_sweep_axis axis[SL_SWEEP_AXES];
	unsigned axes;
	/* [tune]: values to choose from; the seed and the rounds of these runs (empty: those of the plan). */
	struct sl_sweep_axis eta, gamma;
	char tune_seed[24], tune_rounds[24];
};

/* Errors give file, line, what was found and what would be right. */
enum sl_status sl_sweep_plan_read(struct sl_sweep_plan *, const char *path, struct sl_error *error);
void sl_sweep_plan_free(struct sl_sweep_plan *);

/* Prepares a plan for --tune: axes of eta and gamma become the values to choose from; where there are none, some
 * are provided; the seed of tuning is one that no run has. */
enum sl_status sl_sweep_plan_tune(struct sl_sweep_plan *, struct sl_error *error);

/* One point. value[i]: which one of axis i. */
struct sl_sweep_point {
	unsigned value[SL_SWEEP_AXES];
	bool tune;               /* a run of tuning */
	const char *eta, *gamma; /* chosen, or to be tried; NULL: as the plan says; borrowed */
	char id[SL_SWEEP_ID];
	bool done, failed;                                /* one of them, once it has been run */
	double seconds, accuracy, worst, consensus_error; /* NaN: not known */
	int64_t payload_bytes, wire_bytes, rounds, target_round, target_bytes; /* −1: not known */
};

/* Points of the plan: the product of its axes, the last one fastest. */
size_t sl_sweep_plan_points(const struct sl_sweep_plan *);
void sl_sweep_point_at(const struct sl_sweep_plan *, size_t number, struct sl_sweep_point *out);
/* Its identity, from everything that makes the run. */
void sl_sweep_point_identify(const struct sl_sweep_plan *, struct sl_sweep_point *);
/* Calls each for what is to be set: pairs of the plan, its axes, and what tuning says; later ones count. */
void sl_sweep_point_each(const struct sl_sweep_plan *, const struct sl_sweep_point *,
                         void (*each)(void *context, const char *key, const char *value), void *context);
/* "topk:0.05 | dither:16 | golomb, ring:8, seed 2" */
void sl_sweep_point_label(const struct sl_sweep_plan *, const struct sl_sweep_point *, char *text,
                          size_t size);
/* A JSON object of its axes. */
void sl_sweep_point_axes(const struct sl_sweep_plan *, const struct sl_sweep_point *, FILE *out);

/* Whether the plug-ins that a value names exist (sweep/names.c). */
enum sl_status sl_sweep_check_names(const char *key, const char *value, struct sl_error *error);

/* The axis of the seed, or −1. */
int sl_sweep_seed_axis(const struct sl_sweep_plan *);

#endif
