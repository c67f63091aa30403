/* loop.h — the daemon's event loop: passes events to the peer and performs its actions. */
#ifndef SL_DAEMON_PEER_LOOP_H
#define SL_DAEMON_PEER_LOOP_H

#include "base/log.h"
#include "daemon/peer/cadence.h"
#include "daemon/peer/event_budget.h"
#include "daemon/peer/ledger.h"
#include "daemon/peer/metrics/exporter.h"
#include "daemon/run/recording.h"
#include "daemon/run/run.h"
#include "daemon/peer/net/net.h"
#include "daemon/peer/pacer.h"
#include "daemon/peer/saving.h"
#include "daemon/peer/stepper.h"
#include "daemon/peer/store/store.h"
#include "daemon/peer/view.h"
#include "daemon/peer/worker.h"
#include "daemon/run/clock.h"
#include "daemon/run/trainer/door.h"

enum { SL_LOOP_KINDS = 24 };

/* First the parts that it drives, borrowed and set by the owner; the rest is internal and initially zero. */
struct sl_loop {
	const struct sl_plan *plan;
	struct sl_peer *peer;
	const struct sl_scratch *scratch;
	struct sl_net *net;
	struct sl_store *store;
	struct sl_recording *recording; /* records the peer's input; NULL: none */
	struct sl_door *door;           /* through which its trainer comes; NULL: a built-in model */
	bool relays;                    /* and it goes on without one */
	const struct sl_run *run;       /* for the model's file; NULL: none is written */
	const char *settings;           /* those that all peers share, as checkpoints record them */
	uint32_t number;
	int signals;       /* signalfd of SIGTERM, SIGINT, SIGHUP, SIGUSR1 */
	int wake;          /* eventfd: a checkpoint or a job is done */
	int listener;      /* status socket; −1: retried */
	const char *state; /* its folder */

	struct sl_ledger ledger;    /* begun and ended by the owner; zero: none */
	struct sl_pacer pacer;      /* begun by sl_loop_run */
	struct sl_worker *worker;   /* NULL until a job is long enough for one */
	struct sl_stepper *stepper; /* of a large model; NULL: the loop steps the peer itself */
	struct sl_view view;        /* kept while the stepper has the peer */
	struct sl_saving saving;
	uint8_t *copied; /* the message of the action at hand, if it is long; NULL: it is not, or no memory */
	struct sl_time now;        /* of this turn */
	bool job;                  /* one is requested, and not started yet */
	enum sl_job_kind job_kind; /* of the last one requested */
	struct sl_time job_at;     /* when it may start */
	struct sl_cadence cadence;
	bool checkpoint_failed; /* the store did not take it: to be reported to the peer */
	bool stopping, finished, halted, ok;
	bool started;
	bool stop_asked, reload_asked, summary_asked; /* by signals, and not done yet */
	char detail[256];                             /* why it halted */
	int64_t job_us[SL_JOB_KINDS];                 /* smoothed */

	/* Where the peer was a minute or two ago: the present pace of rounds, and of bytes under a budget. */
	struct sl_loop_was {
		struct sl_time at;
		uint32_t round;
		int64_t bytes;
	} was, next_was;
	struct sl_time mark[4];
	int64_t compute_us, compress_us, wait_us; /* since the last row */
	int64_t worst_turn_us; /* since the last STATUS=: longest time in which nobody was answered */
	int64_t
	    attended_us; /* of the present turn, in which the stepper had the peer, and everybody was answered */
	struct sl_time watchdog_at, status_at, trim_at, listen_at;
	bool trimmed; /* once */
	int64_t watchdog_us;
	struct {
		char kind[32];
		struct sl_log_burst burst;
	} said[SL_LOOP_KINDS]; /* log lines are limited per kind */
	struct sl_event_budgets events;
	bool budgeted; /* the above is initialised */

	struct sl_exporter exporter; /* opened and closed by the owner; zero: none */
	/* What only metrics show; times and events since the process started. */
	struct {
		int64_t started_us; /* since 1970, set by the owner */
		int64_t compute_us, compress_us, wait_us;
		int64_t events[SL_LEVEL_COUNT];
		double disagreement; /* of the last row; NaN: none so far */
	} metrics;
};

/* Writes an event row of the daemon, and a log line. */
__attribute__((format(printf, 4, 5))) void sl_loop_event(struct sl_loop *, enum sl_level level,
                                                         const char *kind, const char *format, ...);

/* Writes the rows that count what was left out; at the end. */
void sl_loop_events_end(struct sl_loop *);

/* Passes a new roster to the peer; the links have been changed already. */
void sl_loop_roster(struct sl_loop *, const struct sl_peer_roster *);
/* Ends the run in good order, as for SIGTERM. */
void sl_loop_leave(struct sl_loop *, const char *why);

/* Runs until the peer halts, or a signal asks for the end or for the roster to be read again: the owner does
 * that, including the links, and calls again. A second signal for the end ends the process with exit code 1
 * at once. */
enum sl_loop_result {
	SL_LOOP_DONE,   /* the run is done, or it was asked to stop */
	SL_LOOP_FAILED, /* `detail` says why */
	SL_LOOP_RELOAD
};
enum sl_loop_result sl_loop_run(struct sl_loop *);

/* The line of the status socket (status.h), in a static buffer. */
const char *sl_loop_status(struct sl_loop *);

#endif
