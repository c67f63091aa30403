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
#include "trainer/start.h"

/* A run opened from its folder. Owns mappings, roster and strings; plan points into it, so it must not be
 * moved after sl_run_open. */
struct sl_run {
	struct sl_config config;
	struct sl_roster roster;
	uint8_t operator_key[SL_KEY_BYTES];
	struct sl_mapping test_file;
	struct sl_dataset test; /* what is evaluated: the test set, or a sample of it */
	uint8_t *test_block;    /* of the sample, or NULL */
	uint32_t test_total;    /* samples of the whole test set */
	/* Of a run with a trainer: its tensors and their start, from the file [trainer] start; who opens the door
	 * fills in the guest. */
	struct sl_mapping start_file;
	struct sl_tensor *tensor;
	struct sl_start start;
	struct sl_guest guest;
	struct sl_plan plan;
	float *model_start;         /* owned; of [model] start; NULL: none. plan.model.start points to it */
	struct sl_session session;  /* from RUN/session; the one in force is plan.session */
	char note[SL_TEXT_MAX * 2]; /* of sl_plan_make; may be empty */
	char fingerprint[33], run_id[SL_TEXT_MAX + 32], dataset[SL_TEXT_MAX], compress[SL_TEXT_MAX * 2];
	char printed[16384]; /* the effective configuration and the BLAS core: run.config */
};

/* The prepared data of a run, in the folder [data] shards: train-0.shard, train-1.shard, … and test.shard,
 * which exists even without test samples (it holds features and classes). peer SL_RUN_TEST: the test set. */
#define SL_RUN_TEST UINT32_MAX
void sl_run_data_path(const struct sl_config *, uint32_t peer, char out[static 4096]);

/* Whether the settings ask for a trainer: [model] name = trainer. */
bool sl_run_outside(const struct sl_run_settings *);
/* Opens the file [trainer] start and makes the plan's model of it; part of sl_run_open. */
enum sl_status sl_run_start(struct sl_run *, struct sl_error *error);

/* The plan of a run whose start is open, over a graph: sl_plan_make_outside. */
enum sl_status sl_run_plan_outside(struct sl_plan *out, const struct sl_run *, const struct sl_plan_graph *,
                                   char *note, struct sl_error *error);

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

/* What the noise of [privacy] is drawn from, made from the key of the peer in the folder [run] keys, as its daemon does;
 * *own: it was found. Else its simulation has other noise. */
void sl_run_noise(const struct sl_run *, uint32_t peer, uint8_t out[static SL_KEY_BYTES], bool *own);

/* The neighbours of a peer, for sl_peer_setup; `out` has room for SL_DEGREE_MAX. Returns their number. */
uint32_t sl_run_neighbours(const struct sl_run *, uint32_t peer, struct sl_peer_neighbour *out);

/* Fills the row of table `run` (driver: "daemon" or "sim"); strings are borrowed from `p`. */
void sl_run_history_row(const struct sl_run *p, const char *driver, struct sl_history_run *out);

#endif
