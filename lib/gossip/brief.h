/* brief.h — the header of a DIFFERENCE or TAG. It leaves out what both ends of the edge know, and carries a check of
 * everything that it stands for: a frame that refers to something else than its receiver knows is recognised, never
 * misread. WIRE.md says it in prose. */
#ifndef SL_GOSSIP_BRIEF_H
#define SL_GOSSIP_BRIEF_H

#include "gossip/frame.h"

/* A brief header has SL_BRIEF_STEADY bytes where all is in step, and never more than SL_BRIEF_MOST. */
enum { SL_BRIEF_STEADY = 8, SL_BRIEF_MOST = 32 };

/* Who sends to whom: both in their present lives, and the epoch of the sender's journal. */
struct sl_brief_pair {
	uint64_t run, session;
	uint32_t sender, receiver;
	uint64_t sender_incarnation, receiver_incarnation;
	uint32_t epoch;
};
/* All of it in one number. */
uint64_t sl_brief_key(const struct sl_brief_pair *);

/* What the sender leaves out. */
struct sl_brief_form {
	bool near;  /* version and step have their low byte only */
	bool terms; /* `durable` and `serial` are there */
};
/* Writes the header of a DIFFERENCE or TAG, and returns its length. Left out are `round` and `step` where they follow
 * from the version, and all that belongs to the key. */
size_t sl_brief_write(uint8_t out[static SL_BRIEF_MOST], const struct sl_frame *, uint64_t key,
                      struct sl_brief_form);

/* What the receiver knows. */
struct sl_brief_base {
	uint64_t key;
	uint32_t version, step; /* that it expects next: a low byte stands for what is nearest */
	bool terms;             /* it knows the sender's `durable` and `serial` */
	uint32_t durable, serial;
};
enum sl_brief { SL_BRIEF_OK, SL_BRIEF_MALFORMED, SL_BRIEF_UNKNOWN };
/* Whether it is one at all: of other frames the first byte is below 0x80. */
bool sl_is_brief(const uint8_t *bytes, size_t length);
/* SL_BRIEF_OK: what the key stands for (epoch, run) is left 0, and of `digest` only the low half is known.
 * SL_BRIEF_UNKNOWN: it refers to something that is not in the base. *out is set only where it is OK; *form, which may
 * be NULL, as well. */
enum sl_brief sl_brief_read(struct sl_frame *out, struct sl_brief_form *form, const uint8_t *bytes,
                            size_t length, const struct sl_brief_base *);

#endif
