/* door.h — the door through which a trainer joins a peer: a socket, shared vectors, and a thread that answers while
 * callers wait (lib/trainer/PROTOCOL.md). */
#ifndef SL_DAEMON_RUN_TRAINER_DOOR_H
#define SL_DAEMON_RUN_TRAINER_DOOR_H

#include "base/parallel.h"
#include "base/row.h"
#include "trainer/message.h"
#include "trainer/start.h"

struct sl_door;

struct sl_door_setup {
	const char *folder; /* created 0700 if it does not exist; any length */
	const char *name;   /* of the socket in it; 0600; copied */
	uint32_t peer;      /* SL_TRAINER_ANY: tasks are of all peers */
	uint32_t peers;
	uint64_t run;
	const struct sl_start *start; /* the run's, borrowed; NULL: the first HELLO is all that is wanted */
	bool steps;                   /* tasks will be of kind STEPS, else GRADIENT */
	bool relay;                   /* without a trainer a call has no answer, instead of waiting */
	double limit;                 /* largest magnitude of an answer's coordinates */
	const struct sl_parallel *parallel; /* may share passes over a vector, borrowed; NULL: none */
	int wake;                           /* eventfd, signalled when something has changed; −1: none */
};

/* Listens, and starts the thread (with all signals blocked). A socket of the same name is replaced. */
struct sl_door *sl_door_open(const struct sl_door_setup *, struct sl_error *error);

/* sl_guest.call, from any one thread at a time; context is the door. Waits for a trainer that is ready, hands the task
 * over, and waits. A trainer that ends meanwhile does not end the call: the next one gets the same task, with a higher
 * attempt. An answer that is not finite, or over the limit, is asked for once more; the second one is passed on. */
bool sl_door_call(void *door, struct sl_guest_task *, const float *in, float *out);

/* Calls under way and later ones return at once; the trainer is told to stop. */
void sl_door_stop(struct sl_door *);
/* sl_door_stop, and ends the thread. NULL is fine. */
void sl_door_close(struct sl_door *);

/* The named numbers of the answers so far, oldest first. False: none. */
bool sl_door_metric(struct sl_door *, struct sl_metric_row *out);

/* Asks the trainer to keep what it needs to go on from round k. The answer is an event. */
void sl_door_checkpoint(struct sl_door *, uint64_t round);

/* Things to tell, oldest first. False: none. */
struct sl_door_event {
	enum sl_level level;
	char kind[24], text[512];
};
bool sl_door_event(struct sl_door *, struct sl_door_event *out);

struct sl_door_status {
	bool attached, ready, busy;
	int pid;           /* of the trainer, or of the last one */
	uint32_t attempts; /* of the task at hand */
	int64_t median_us; /* of its last tasks; −1: none yet */
	int64_t since_us;  /* for how long the task at hand, or the wait for a trainer, has lasted */
};
void sl_door_status(struct sl_door *, struct sl_door_status *out);

/* The bytes of the start that came with the last HELLO: borrowed until the door is closed. False: none came within
 * that time, or the door was stopped. */
bool sl_door_hello(struct sl_door *, int timeout_ms, const uint8_t **bytes, size_t *length);
/* What the last trainer said it can do: SL_TRAINER_GRADIENT, … */
uint32_t sl_door_can(struct sl_door *);

#endif
