/* guard.h — limits on an authenticated neighbour's load, and quarantine when it exceeds them.
 *
 * Three budgets per edge, each a token bucket. It refills with time (the events'), and with this end's own
 * requests, so that a slow machine or a long absence never counts against a correct neighbour:
 *   refusals   invalid frames, by weight
 *   frames     all frames received; each request by this end adds tokens for its answers
 *   answers    bytes sent in answer to its requests; grows with what is sent unasked
 * Requests beyond the budget `answers` are dropped, as if lost. A neighbour that exceeds one of the other two
 * is quarantined: the edge is closed for a time that doubles with each quarantine. */
#ifndef SL_GOSSIP_PEER_GUARD_H
#define SL_GOSSIP_PEER_GUARD_H

#include "base/time.h"

#include <stddef.h>

/* Cause, its name, weight in refusals, description of the frame. */
#define SL_OFFENCES(X)                                                                                       \
	X(SHAPE, shape, 1, "bytes that are not a frame of this version")                                     \
	X(RUN, run, 0, "frames of another configuration")                                                    \
	X(VERSION, version, 0, "frames of another version of the wire format")                               \
	X(HEADER, header, 1, "a frame whose header contradicts itself")                                      \
	X(FUTURE, future, 1, "a frame from a round beyond the run's end")                                    \
	X(BODY, body, 2, "a malformed difference")                                                           \
	X(MISFIT, misfit, 1, "a difference that does not match the local copy")                              \
	X(VALUE, value, 2, "a difference that exceeds limits.value")                                         \
	X(GREETING, greeting, 1, "a malformed greeting")                                                     \
	X(REQUEST, request, 1, "a malformed request")                                                        \
	X(SNAPSHOT, snapshot, 2, "a malformed snapshot")                                                     \
	X(DIGEST, digest, 4, "a snapshot that does not match its digest")                                    \
	X(EPOCH, epoch, 4, "claims about starts of this peer that cannot have happened")                     \
	X(FLOOD, flood, 0, "more unsolicited frames than limits.frames")
#define X(id, name, weight, text) SL_OFFENCE_##id,
enum sl_offence { SL_OFFENCES(X) SL_OFFENCE_COUNT };
#undef X
const char *sl_offence_text(enum sl_offence);
/* One word: "shape", "run", "header" … */
const char *sl_offence_name(enum sl_offence);

/* Tokens are in millionths, so that a rate per second times microseconds needs no division. */
struct sl_bucket {
	int64_t level;
	struct sl_time at;
};

struct sl_guard {
	struct sl_bucket refusals, frames, answers, epochs;
	bool closed; /* in quarantine */
	struct sl_time until;
	int64_t length_us; /* of the present quarantine, or the last */
	unsigned times;    /* quarantines in a row */
	enum sl_offence cause;
	uint32_t count[SL_OFFENCE_COUNT];
	uint32_t unanswered; /* requests beyond the budget */
	struct sl_time complain_at;
	uint32_t complaints; /* refused frames since the last event row */
};

struct sl_peer;
struct sl_edge;

/* Number of frames that may answer: a request: each frame of a burst and as many repeats; a tag: the frames
 * of the neighbour's next step; a greeting: one, repeats, and other pending frames. */
enum { SL_EXPECT_REQUEST = 80, SL_EXPECT_TAG = 32, SL_EXPECT_GREETING = 4 };

/* Fills all budgets: at the peer's start, or for a new edge. */
void sl_guard_start(const struct sl_peer *, struct sl_edge *);
/* Counts a received frame. False: drop it unread. */
bool sl_guard_admit(struct sl_peer *, struct sl_edge *);
/* Adds tokens for a request by this end that up to `frames` frames may answer. */
void sl_guard_expect(struct sl_peer *, struct sl_edge *, unsigned frames);
/* Counts a refused frame; one event row per burst. */
void sl_edge_refuse(struct sl_peer *, struct sl_edge *, enum sl_offence);
/* Whether to answer a request; and the bytes that the answer took. */
bool sl_guard_answers(struct sl_peer *, struct sl_edge *);
void sl_guard_answered(struct sl_peer *, struct sl_edge *, size_t bytes);
/* Counts bytes of frames that were sent unasked: the budget for answers follows what the edge carries. */
void sl_guard_sent(struct sl_peer *, struct sl_edge *, size_t bytes);
/* Whether this peer may start a new epoch because of the neighbour's claim, which costs every edge a
 * snapshot. False: too many such claims; the frame is refused. */
bool sl_guard_epoch(struct sl_peer *, struct sl_edge *);
/* Ends a quarantine that has expired. True: greet the neighbour. */
bool sl_guard_watch(struct sl_peer *, struct sl_edge *);
/* The round that more than half of all neighbours claim to have reached; 0: too few have reported. A false
 * claim moves it at most to a round claimed by another neighbour. */
uint32_t sl_guard_round(const struct sl_peer *);

#endif
