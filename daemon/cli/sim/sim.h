/* sim.h — one `starling sim`: its options and its state. Private to this folder. */
#ifndef SL_DAEMON_CLI_SIM_SIM_H
#define SL_DAEMON_CLI_SIM_SIM_H

#include "daemon/cli/common/command_line.h"
#include "daemon/cli/common/waiting.h"
#include "daemon/cli/init/init.h"
#include "daemon/run/config.h"
#include "daemon/run/place.h"
#include "daemon/run/run.h"
#include "daemon/cli/sim/many.h"
#include "daemon/cli/sim/record.h"
#include "daemon/run/threads.h"
#include "daemon/cli/sim/trainers.h"
#include "sim/sim.h"

enum { SL_SIM_POISONERS = 64 };

struct sl_sim_command {
	const char *folder, *topology_spec, *database, *faults, *replay;
	bool json, verbose, stop, models;
	uint64_t first, seeds; /* of the swarm */
	struct sl_overrides set;
	const char *poison[SL_SIM_POISONERS]; /* PEER:KIND… */
	unsigned poisons;
	struct sl_sim_network_options {
		int64_t latency_us, jitter_us, compute_us;
		double loss, duplicate, reorder;
		uint32_t check;
		uint64_t rate, queue; /* 0: not given */
		bool bottleneck;
	} network;

	struct sl_waiting waiting;
	uint64_t threads; /* 0: as many as processors */
	struct sl_threads *workers;
	double until;               /* mean accuracy that is enough; 0: none */
	bool reached;               /* it was */
	uint64_t processes;         /* of trainers; 0: one per peer */
	struct sl_trainers *guests; /* NULL: a built-in model */
	struct sl_run run;          /* without a run's folder, only the parts that a plan needs */
	char temporary[4096];       /* folder of the shards if there is no run's folder; else empty */
	char conf[4096 + 16], history_path[4096];
	uint8_t (*secret)[SL_KEY_BYTES]; /* of each peer's noise, and pointers to those that are known */
	const uint8_t **secrets;
	float *seeded;       /* the start of every peer */
	struct sl_pack pack; /* without a run's folder, the data of peers */
	struct sl_mapping *file;
	struct sl_dataset *shard;
	struct sl_many many;
	uint32_t members;      /* peers with an edge, once the history is open */
	struct sl_place place; /* of the history */
	struct sl_history *history;
	struct sl_sim *sim;
	uint64_t uncommitted;
	double *accuracy;             /* each peer's newest, or NaN */
	double exact, began, seconds; /* began: by the wall; seconds: from then to the end */
	uint32_t exact_round;
	int64_t started_at_us; /* virtual time counts from here */
	struct sl_error row_error;
	struct sl_sim_capture capture;
};

/* Opens a run's folder, or makes settings, graph and shards (cli/sim/source.c); then opens the shards of all
 * peers. */
enum sl_status sl_sim_command_open(struct sl_sim_command *, struct sl_error *error);

/* The history (cli/sim/rows.c); without a database these do nothing. */
enum sl_status sl_sim_command_begin_rows(struct sl_sim_command *, struct sl_error *error);
struct sl_sim_rows sl_sim_command_rows(struct sl_sim_command *);
/* Rows of what trainers named. */
void sl_sim_command_metrics(struct sl_sim_command *);
/* Writes the last rows and closes the history; returns the first error of any row. */
enum sl_status sl_sim_command_end_rows(struct sl_sim_command *, bool ok, struct sl_error *error);
/* Seconds since 1970. */
double sl_sim_command_seconds(void);

/* Prints the results (cli/sim/report.c). */
void sl_sim_command_report(struct sl_sim_command *);
/* How many peers are diverging, or have ended of it. */
uint32_t sl_sim_command_diverging(const struct sl_sim_command *);

#endif
