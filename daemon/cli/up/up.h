/* up.h — what the files of `starling up` share. */
#ifndef SL_DAEMON_CLI_UP_UP_H
#define SL_DAEMON_CLI_UP_UP_H

#include "daemon/cli/up/children.h"
#include "daemon/cli/common/command_line.h"
#include "daemon/run/run.h"
#include "daemon/cli/up/progress.h"

struct sl_up_asked {
	unsigned silent; /* consecutive queries without an answer */
	struct sl_time again_at;
};

struct sl_up_trainer;
struct sl_up {
	struct sl_up_trainer *trainers; /* one a peer; NULL: none are started */
	uint32_t trainer_count;
	const char *trainer; /* none: they are attached by hand; else another command */
	char folder[4096], conf[4096 + 16], database[4096];
	bool resume, restart, json, plain;
	double until; /* mean accuracy that is enough; 0: none */
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

/* Before the peers are started: begins a new session, or resumes the last one. SL_REFUSED: it cannot be resumed. */
enum sl_status sl_up_begin(struct sl_up *, struct sl_error *error);
enum sl_status sl_up_resume(struct sl_up *, struct sl_error *error);

/* Starts a trainer beside each peer that is started here, if the run has trainers and their command is known. After an error,
 * too, call sl_up_stop_trainers. */
enum sl_status sl_up_start_trainers(struct sl_up *, struct sl_error *error);
/* Reports trainers that ended and were started again. False: *failed is a peer whose trainer ends again and again, while the
 * peer completes no round. */
bool sl_up_watch_trainers(struct sl_up *, uint32_t *failed);
void sl_up_stop_trainers(struct sl_up *);

/* Reloads the roster: starts added peers that can run here, signals all others, and no longer restarts removed
 * ones. An invalid roster is reported in a line, and the current one stays in force. */
void sl_up_reload(struct sl_up *, struct sl_time now);

#endif
