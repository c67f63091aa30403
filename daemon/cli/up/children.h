/* children.h — the starlingd processes that `starling up` starts, watches, starts again, and stops. */
#ifndef SL_DAEMON_CLI_UP_CHILDREN_H
#define SL_DAEMON_CLI_UP_CHILDREN_H

#include "base/error.h"
#include "base/time.h"

#include <sys/types.h>

enum sl_child_state {
	SL_CHILD_RUNNING,
	SL_CHILD_RESTING, /* it failed, and is started again at `again_at` */
	SL_CHILD_ENDED,   /* exit code 0 */
	SL_CHILD_FAILED,  /* permanently */
};

struct sl_child {
	bool absent;  /* no member, or not started here */
	bool leaving; /* no longer a member: its end is expected */
	pid_t pid;
	enum sl_child_state state;
	int wait_status; /* of the last end, as waitpid gives it */
	struct sl_time again_at;
	struct sl_time start[8]; /* of the last starts: a ring, to give up on a process that fails at once */
	unsigned starts;
};

struct sl_children {
	uint32_t count;
	struct sl_child *child;
	char program[4096]; /* starlingd */
	const char *conf;   /* borrowed: run.conf */
	char *const *set;   /* borrowed: overrides, NULL-terminated; may be NULL */
	char log[4096];     /* folder of K.log */
	bool append;        /* append to existing logs */
	bool restart;       /* restart processes that fail */
};

/* Finds starlingd: beside this program, else in ../sbin, else along PATH. */
enum sl_status sl_children_find(char program[static 4096], struct sl_error *error);

/* Starts all. They have their own process groups (a terminal's ^C does not reach them), no standard input,
 * and end with this process. On failure those already started are killed. */
enum sl_status sl_children_start(struct sl_children *, struct sl_time now, struct sl_error *error);

/* Room for more, all absent. */
enum sl_status sl_children_grow(struct sl_children *, uint32_t count, struct sl_error *error);
/* Starts one that is absent. */
enum sl_status sl_children_add(struct sl_children *, uint32_t k, struct sl_time now, struct sl_error *error);
/* Its peer was removed: it is not restarted. */
void sl_children_part(struct sl_children *, uint32_t k);

/* Collects ended processes (call after SIGCHLD) and decides whether to restart them. Returns the number of
 * one whose end should be reported (see *child), or −1 if there is none; call until then. */
int64_t sl_children_reap(struct sl_children *, struct sl_time now);

/* Restarts processes that are due. Returns the time until the next restart in ms; −1: none is due. */
int sl_children_revive(struct sl_children *, struct sl_time now);

void sl_children_signal(const struct sl_children *, int number);

/* Number that run or will be restarted. */
uint32_t sl_children_alive(const struct sl_children *);

/* "exit code 1", "killed by signal 9". */
void sl_child_end_text(int wait_status, char *text, size_t size);

#endif
