/* resume.h — whether a start resumes from a peer's checkpoint: session and identity must match, else an error
 * names the key that differs. Changes nothing on the disk. */
#ifndef SL_DAEMON_RUN_RESUME_H
#define SL_DAEMON_RUN_RESUME_H

#include "daemon/run/run.h"

enum sl_resume_kind {
	SL_RESUME_NOTHING, /* no checkpoint, or none that can be read: loading it reports why */
	SL_RESUME_STATE,   /* resumes from it */
	SL_RESUME_OTHER    /* belongs to another session, which this start does not continue: set it aside */
};

struct sl_resume {
	enum sl_resume_kind kind;
	uint64_t session;
	uint32_t round, laid_out_for;
	bool recorded; /* it contains the settings it was written with */
	struct sl_run_settings settings;
};

/* STEM of a peer's checkpoints. */
void sl_resume_stem(const struct sl_config *, uint32_t peer, char out[static 4096]);

/* SL_REFUSED, with an error that names the place: a fixed key has changed, or the checkpoints are in the
 * previously configured folder. */
enum sl_status sl_resume_look(struct sl_resume *out, const struct sl_run *, uint32_t peer,
                              struct sl_error *error);

/* If RUN/session is missing, uses the checkpoint's session; raises capacities to fit the checkpoint. */
void sl_resume_take(const struct sl_resume *, struct sl_run *);

/* Calls `say` for each changed key that takes effect: "run.rounds", its old and new value. */
void sl_resume_changes(const struct sl_run_settings *then, const struct sl_run_settings *now,
                       void (*say)(void *context, const char *key, const char *then, const char *now),
                       void *context);

#endif
