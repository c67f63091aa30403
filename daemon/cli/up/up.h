/* up.h — what the files of `starling up` share. */
#ifndef SL_DAEMON_CLI_UP_UP_H
#define SL_DAEMON_CLI_UP_UP_H

#include "daemon/cli/up/children.h"
#include "daemon/cli/command_line.h"
#include "daemon/run/run.h"
#include "daemon/cli/up/progress.h"

struct sl_up_asked {
	unsigned silent; /* questions without an answer, one after another */
	struct sl_time again_at;
};

struct sl_up {
	char folder[4096], conf[4096 + 16], database[4096];
	bool resume, restart, json, plain;
	struct sl_overrides set;
	int lock; /* on the run's folder, held while its peers run */
	struct sl_run run;
	struct sl_children children;
	struct sl_progress *progress;
	struct sl_progress_peer *peer;
	struct sl_up_asked *asked; /* of each peer */
	uint32_t next_asked;
	int signals;             /* signalfd */
	bool terminal, headless; /* stderr was a terminal; started to outlive it */
	unsigned interrupts;
	bool stopping;
	struct sl_time kill_at, show_at;
	int code;
};

/* Before the peers are started: a new session, or the one that was stopped. SL_REFUSED where it cannot go on.
 */
enum sl_status sl_up_begin(struct sl_up *, struct sl_error *error);
enum sl_status sl_up_resume(struct sl_up *, struct sl_error *error);

/* Reads the roster again: starts who was added and can be started here, tells all others, lets go who was
 * removed. A roster that will not do is told of in a line, and the one in force stays. */
void sl_up_reload(struct sl_up *, struct sl_time now);

#endif
