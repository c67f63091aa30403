/* brief.h — the header of a DIFFERENCE or TAG. It omits values that both ends of the edge know, and carries a
 * checksum of all values, sent or omitted: a receiver that knows other values detects that, and never
 * misreads the frame. Specified in WIRE.md. */
#ifndef SL_GOSSIP_BRIEF_H
#define SL_GOSSIP_BRIEF_H

#include "gossip/frame.h"

/* A brief header has SL_BRIEF_STEADY bytes in the steady state, and at most SL_BRIEF_MOST. */
enum { SL_BRIEF_STEADY = 8, SL_BRIEF_MOST = 32 };

/* Sender and receiver, the present incarnation of each, and the epoch of the sender's journal. */
struct sl_brief_pair {
	uint64_t run, session;
	uint32_t sender, receiver;
	uint64_t sender_incarnation, receiver_incarnation;
	uint32_t epoch;
};
/* Hash of all fields. */
uint64_t sl_brief_key(const struct sl_brief_pair *);

/* Which fields are shortened or present. */
struct sl_brief_form {
	bool near;  /* version and step have their low byte only */
	bool terms; /* `durable` and `serial` are present */
};
/* Writes the header of a DIFFERENCE or TAG; returns its length. Omits `round` and `step` if they follow from
 * the version, and all values that the key covers. */
size_t sl_brief_write(uint8_t out[static SL_BRIEF_MOST], const struct sl_frame *, uint64_t key,
                      struct sl_brief_form);

/* Values that the receiver knows. */
struct sl_brief_base {
	uint64_t key;
	uint32_t version, step; /* expected next: a low byte means the nearest number */
	bool terms;             /* it knows the sender's `durable` and `serial` */
	uint32_t durable, serial;
};
enum sl_brief { SL_BRIEF_OK, SL_BRIEF_MALFORMED, SL_BRIEF_UNKNOWN };
/* Whether these bytes begin with a brief header: the first byte of other frames is below 0x80. */
bool sl_is_brief(const uint8_t *bytes, size_t length);
/* SL_BRIEF_OK: fields covered by the key (epoch, run) are 0, and `digest` has only its low half.
 * SL_BRIEF_UNKNOWN: it refers to values that are not in the base. *out and *form (may be NULL) are set only
 * if OK. */
enum sl_brief sl_brief_read(struct sl_frame *out, struct sl_brief_form *form, const uint8_t *bytes,
                            size_t length, const struct sl_brief_base *);

#endif
