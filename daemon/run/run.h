/* run.h — opens a run from its folder: the steps before the first round that starlingd, `starling sim RUN`
 * and `starling up` share, so that they cannot differ. */
#ifndef SL_DAEMON_RUN_RUN_H
#define SL_DAEMON_RUN_RUN_H

#include "daemon/run/config.h"
#include "daemon/run/files.h"
#include "daemon/run/roster.h"
#include "daemon/run/session.h"
#include "gossip/plan.h"
#include "gossip/peer.h"
#include "history/history.h"

/* A run opened from its folder. Owns mappings, roster and strings; plan points into it, so it must not be
 * moved after sl_run_open. */
struct sl_run {
	struct sl_config config;
	struct sl_roster roster;
	uint8_t operator_key[SL_KEY_BYTES];
	struct sl_mapping test_file;
	struct sl_dataset test;
	struct sl_plan plan;
	float *start;               /* owned; of [model] start; NULL: none. plan.model.start points to it */
	struct sl_session session;  /* from RUN/session; the one in force is plan.session */
	char note[SL_TEXT_MAX * 2]; /* of sl_plan_make; may be empty */
	char fingerprint[33], run_id[SL_TEXT_MAX + 32], dataset[SL_TEXT_MAX], compress[SL_TEXT_MAX * 2];
	char printed[16384]; /* the effective configuration and the BLAS core: run.config */
};

/* The prepared data of a run, in the folder [data] shards: train-0.shard, train-1.shard, … and test.shard,
 * which exists even without test samples (it holds features and classes). peer SL_RUN_TEST: the test set. */
#define SL_RUN_TEST UINT32_MAX
void sl_run_data_path(const struct sl_config *, uint32_t peer, char out[static 4096]);

/* Name of the data set in the history: the generator's specification, the folder of idx files, else the
 * file's name. */
void sl_run_dataset_name(const struct sl_host_settings *, char name[static SL_TEXT_MAX]);

/* Refuses a floating-point environment other than the default one (rounding to nearest, denormals kept):
 * results would differ from those of other peers. Call once in every thread that computes. */
enum sl_status sl_float_check(struct sl_error *error);

enum sl_session_choice {
	SL_SESSION_KEPT, /* the one in RUN/session */
	SL_SESSION_NEW   /* a new one; RUN/session is unchanged until sl_session_write */
};

/* Loads configuration, roster, test set; checks them against each other; makes the plan; sets the session.
 * [data] classes = auto becomes the test set's list, so that it is part of the fingerprint. */
enum sl_status sl_run_open(struct sl_run *out, const char *conf_file, char *const *overrides,
                           enum sl_session_choice session, struct sl_error *error);
/* The second half of sl_run_open, for a run without a folder: config and roster.topology are set, shards are
 * written; opens the test set, makes the plan, draws the session. */
enum sl_status sl_run_complete(struct sl_run *, enum sl_session_choice session, struct sl_error *error);
/* Makes the plan of the run under a roster; fails if the roster is not valid for the run. `note` as for
 * sl_plan_make. */
enum sl_status sl_run_plan(struct sl_plan *out, const struct sl_run *, const struct sl_roster *, char *note,
                           struct sl_error *error);
/* Sets another session and the run_id derived from it. */
void sl_run_session(struct sl_run *, uint64_t session);
void sl_run_close(struct sl_run *);

/* Maps and opens the shard of one peer; refuses one whose features or classes differ from the test set's, or
 * whose class names differ from [data] classes. */
enum sl_status sl_run_shard(const struct sl_run *, uint32_t peer, struct sl_mapping *file,
                            struct sl_dataset *out, struct sl_error *error);

/* The neighbours of a peer, for sl_peer_setup; `out` has room for SL_DEGREE_MAX. Returns their number. */
uint32_t sl_run_neighbours(const struct sl_run *, uint32_t peer, struct sl_peer_neighbour *out);

/* Fills the row of table `run` (driver: "daemon" or "sim"); strings are borrowed from `p`. */
void sl_run_history_row(const struct sl_run *p, const char *driver, struct sl_history_run *out);

#endif
