/* swarm.h — one seed, one run: topology, pace, algorithm, compressor, intervals, timeouts, network and faults
 * are all drawn from it, and what must hold is checked.
 *
 *   exact     lockstep without timeouts: models, rows and their bytes must be those of the run that nothing
 *             disturbed
 *   mean      every pace at η = 0: the mean of the models never moves, and the models meet at it
 *   survive   every pace, also lost disks: the run ends, copies agree, models meet
 *   hostile   every pace, with a Byzantine peer: it affects the others no more than a crashed peer would */
#ifndef SL_SIM_SWARM_H
#define SL_SIM_SWARM_H

#include "sim/adversary.h"
#include "sim/faults.h"

enum sl_swarm_kind { SL_SWARM_EXACT, SL_SWARM_MEAN, SL_SWARM_SURVIVE, SL_SWARM_HOSTILE, SL_SWARM_KINDS };

struct sl_swarm {
	uint64_t seed;
	enum sl_swarm_kind kind;
	struct sl_settings settings;
	struct sl_topology topology;
	struct sl_plan plan;
	struct sl_sim_network network;
	double disk[64];       /* rounds that a checkpoint of a peer takes longer than a job */
	enum sl_attack attack; /* of the Byzantine peer */
	uint32_t allowed;      /* kinds of faults */
	double part;           /* of the rounds, in which faults start */
	struct sl_dataset shard[64], test;
	float *numbers, *probe;
	uint16_t *labels;
};

/* Draws everything; free with sl_swarm_free, also after a failure. */
enum sl_status sl_swarm_draw(struct sl_swarm *, uint64_t seed, struct sl_error *error);
void sl_swarm_free(struct sl_swarm *);

struct sl_swarm_result {
	uint64_t events;
	double virtual_seconds, spread_before, spread_after;
	uint64_t happened[SL_FAULT_COUNT], resumed;
	char scenario[1200];
	char trouble[400]; /* empty: all is well */
};
/* Draws and runs a seed. `event` (may be NULL) sees the event rows of the disturbed run. */
bool sl_swarm_run(uint64_t seed, struct sl_swarm_result *out,
                  void (*event)(void *context, const struct sl_event_row *), void *context);

#endif
