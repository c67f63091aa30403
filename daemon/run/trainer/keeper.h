/* keeper.h — a trainer's process, started by this one: its log, its end, and the next start. */
#ifndef SL_DAEMON_RUN_TRAINER_KEEPER_H
#define SL_DAEMON_RUN_TRAINER_KEEPER_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_keeper;

struct sl_keeper_setup {
	const char *command; /* for sh -c */
	const char *folder;  /* where it runs; empty: here */
	const char *socket;  /* for $STARLING_TRAINER */
	const char *log;     /* its output is appended; NULL: standard error of this process */
	uint32_t peer;       /* for $STARLING_PEER; UINT32_MAX: all */
	bool once;           /* it is not started again */
};

/* Starts it, and a thread that starts it again whenever it ends: at once after a life of ten seconds, else after a pause
 * that doubles up to half a minute. It has a process group of its own, no standard input, and is killed when this process
 * ends. Texts are copied. */
struct sl_keeper *sl_keeper_start(const struct sl_keeper_setup *, struct sl_error *error);
/* Whether it has ended for good, which it does only where `once` is set; *status as waitpid gives it. */
bool sl_keeper_ended(struct sl_keeper *, int *status);
/* How often it was started. */
unsigned sl_keeper_starts(struct sl_keeper *);
/* Ends its process group: SIGTERM, and SIGKILL after that time. NULL is fine. */
void sl_keeper_stop(struct sl_keeper *, int patience_ms);

#endif
