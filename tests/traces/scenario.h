/* scenario.h — a small run and what happens to it, read from a text file. The comment at its head is the title and the
 * explanation. Then a statement per line; P and Q are peers, N is a number:
 *
 *   topology SPEC                 as of starling sim --topology
 *   members P Q …                 those that the first roster lists; default: all
 *   set SECTION.KEY = VALUE       as in starling.conf
 *   latency N ms                  of every link; default 1
 *   compute N ms                  of the local steps, of an evaluation, and of writing a checkpoint; default 10
 *   rate N kbit                   links are connections over wires of that rate, with queues of 1 MB
 *   queue N bytes                 … or of so many bytes
 *   journal N                     frames that a journal keeps
 *   hide                          tells nothing until an action `narrate`
 *   lose frame N from P to Q      the first DIFFERENCE of version N that is sent from P to Q
 *   lose tag N from P to Q        the first TAG of step N
 *   delay frame N from P to Q by N ms
 *   when P has done N: ACTION     N: rounds
 *   after N ms: ACTION            since the action before
 *
 * Actions are taken in the order in which they are listed. They are:
 *
 *   kill P    start P    start P without its disk    cut P Q    mend P Q    remove P    add P    slow P by N
 *   disk of P fails    disk of P works    send N malformed from P to Q    narrate    hide
 *
 * Rounds, frames and steps count from 1: in lockstep, round n makes frame n and completes step n. */
#ifndef SL_TESTS_TRACES_SCENARIO_H
#define SL_TESTS_TRACES_SCENARIO_H

#include "../support/swarm.h"

enum { SCENARIO_STEPS = 32, SCENARIO_FATES = 16 };

/* What the network does to one frame. */
struct fate {
	uint32_t from, to, version, times; /* times: sends of it that are affected */
	bool tag;                          /* a TAG of step `version`, not a DIFFERENCE */
	int64_t delay_us;                  /* 0: it is lost */
};

enum action {
	ACTION_KILL,
	ACTION_START,
	ACTION_START_EMPTY, /* without its disk */
	ACTION_CUT,
	ACTION_MEND,
	ACTION_REMOVE,
	ACTION_ADD,
	ACTION_SLOW,
	ACTION_DISK_FAILS,
	ACTION_DISK_WORKS,
	ACTION_MALFORMED,
	ACTION_NARRATE,
	ACTION_HIDE,
	ACTIONS
};

/* Steps are taken in order: each waits for its condition, which is looked at after every event. */
struct step {
	bool timed; /* after_us after the step before; else: once `peer` has done `rounds` */
	int64_t after_us;
	uint32_t peer, rounds;
	enum action action;
	uint32_t a, b, count;
};

struct scenario {
	char title[4096]; /* the comment at the head, line by line */
	struct swarm swarm;
	bool member[SWARM_PEERS_MAX], quiet;
	uint32_t journal; /* frames that a journal keeps; 0: as the plan says */
	struct fate fate[SCENARIO_FATES];
	uint32_t fates;
	struct step step[SCENARIO_STEPS];
	uint32_t steps;
};

/* Reads a file, or ends the program with file, line, what was found and what would be right (exit code 2). */
void scenario_read(struct scenario *, const char *path);

#endif
