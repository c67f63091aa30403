/* guard.h — what a neighbour with a good key may cost, and what happens when it costs more.
 *
 * Three budgets an edge, each a bucket that fills with time (the events'), and with what this end itself has
 * asked for, so that a slow machine or a long absence never counts against an honest neighbour:
 *   refusals   frames that no honest peer sends, by weight
 *   frames     all that come; each question of ours pays for its answers
 *   answers    bytes that its own questions made this end send
 * Questions beyond the last are not answered, as if they had been lost. Beyond the first two the neighbour
 * goes into quarantine: the edge is closed for a time that doubles with each. */
#ifndef SL_GOSSIP_PEER_GUARD_H
#define SL_GOSSIP_PEER_GUARD_H

#include "base/time.h"

#include <stddef.h>

/* Cause, its name, weight in refusals, what the neighbour sent. */
#define SL_OFFENCES(X)                                                                                       \
	X(SHAPE, shape, 1, "bytes that are no frame of this version")                                        \
	X(RUN, run, 0, "frames of another configuration")                                                    \
	X(VERSION, version, 0, "frames of another version of the wire format")                               \
	X(HEADER, header, 1, "a frame whose header contradicts itself")                                      \
	X(FUTURE, future, 1, "a frame from a round that the run does not have")                              \
	X(BODY, body, 2, "a malformed difference")                                                           \
	X(MISFIT, misfit, 1, "a difference that does not fit my copy of it")                                 \
	X(VALUE, value, 2, "a difference that leads beyond limits.value")                                    \
	X(GREETING, greeting, 1, "a malformed greeting")                                                     \
	X(REQUEST, request, 1, "a malformed request")                                                        \
	X(SNAPSHOT, snapshot, 2, "a malformed snapshot")                                                     \
	X(DIGEST, digest, 4, "a snapshot that is not what its digest says")                                  \
	X(EPOCH, epoch, 4, "news of lives that this peer cannot have had")                                   \
	X(FLOOD, flood, 0, "more frames than were asked for")
#define X(id, name, weight, text) SL_OFFENCE_##id,
enum sl_offence { SL_OFFENCES(X) SL_OFFENCE_COUNT };
#undef X
const char *sl_offence_text(enum sl_offence);
/* One word: "shape", "run", "header" … */
const char *sl_offence_name(enum sl_offence);

/* Tokens are in millionths, so that a rate a second times microseconds needs no division. */
struct sl_bucket {
	int64_t level;
	struct sl_time at;
};

struct sl_guard {
	struct sl_bucket refusals, frames, answers, epochs;
	bool closed; /* in quarantine */
	struct sl_time until;
	int64_t length_us; /* of this quarantine, or the last */
	unsigned times;    /* quarantines in a row */
	enum sl_offence cause;
	uint32_t count[SL_OFFENCE_COUNT];
	uint32_t unanswered; /* questions beyond the budget */
	struct sl_time complain_at;
	uint32_t complaints; /* refused frames since the last event row */
};

struct sl_peer;
struct sl_edge;

/* How many frames may answer: a request, a frame for each of a burst and as many repeats; a tag, what the
 * neighbour's next step brings; a greeting, one, repeats, and what else it had to say. */
enum { SL_EXPECT_REQUEST = 80, SL_EXPECT_TAG = 32, SL_EXPECT_GREETING = 4 };

/* Full budgets: a peer starts, or an edge is new. */
void sl_guard_start(const struct sl_peer *, struct sl_edge *);
/* A frame has come. False: it is not to be looked at. */
bool sl_guard_admit(struct sl_peer *, struct sl_edge *);
/* This end has asked for something that so many frames may answer. */
void sl_guard_expect(struct sl_peer *, struct sl_edge *, unsigned frames);
/* Counts a frame that was refused; an event row a burst. */
void sl_edge_refuse(struct sl_peer *, struct sl_edge *, enum sl_offence);
/* Whether a question is answered at all, and what the answer cost. */
bool sl_guard_answers(struct sl_peer *, struct sl_edge *);
void sl_guard_answered(struct sl_peer *, struct sl_edge *, size_t bytes);
/* Whether a neighbour's word is enough to start a new epoch: it costs every edge a snapshot. False: it was
 * too often, and refused. */
bool sl_guard_epoch(struct sl_peer *, struct sl_edge *);
/* Ends a quarantine whose time has come: true, and the neighbour should be greeted. */
bool sl_guard_watch(struct sl_peer *, struct sl_edge *);
/* The round that more than half of all neighbours say they have reached; 0: so many have not been heard. One
 * that lies moves it no further than the honest ones beside it. */
uint32_t sl_guard_round(const struct sl_peer *);

#endif
