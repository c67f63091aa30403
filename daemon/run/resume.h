/* resume.h — whether a start goes on from a peer's checkpoint: the same session and identity, or it is
 * refused with the key that differs; nothing is changed on the disk. */
#ifndef SL_DAEMON_RUN_RESUME_H
#define SL_DAEMON_RUN_RESUME_H

#include "daemon/run/run.h"

enum sl_resume_kind {
	SL_RESUME_NOTHING, /* no checkpoint, or none that can be read: loading it will say why */
	SL_RESUME_STATE,   /* goes on from it */
	SL_RESUME_OTHER    /* is of another session, which this one does not continue: to be set aside */
};

struct sl_resume {
	enum sl_resume_kind kind;
	uint64_t session;
	uint32_t round, laid_out_for;
	bool recorded; /* it says with which settings it was made */
	struct sl_run_settings settings;
};

/* STEM of a peer's checkpoints. */
void sl_resume_stem(const struct sl_config *, uint32_t peer, char out[static 4096]);

/* SL_REFUSED, with a sentence that names the place: a key that cannot change has changed; checkpoints lie in
 * the folder that was configured before. */
enum sl_status sl_resume_look(struct sl_resume *out, const struct sl_run *, uint32_t peer,
                              struct sl_error *error);

/* Where RUN/session is lost, the checkpoint's session is taken over; capacities are made large enough. */
void sl_resume_take(const struct sl_resume *, struct sl_run *);

/* Calls `say` for each key that has changed and is honoured: "run.rounds", its old and new value. */
void sl_resume_changes(const struct sl_run_settings *then, const struct sl_run_settings *now,
                       void (*say)(void *context, const char *key, const char *then, const char *now),
                       void *context);

#endif
