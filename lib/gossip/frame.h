/* frame.h — the wire format: a header, then a body. WIRE.md says it in prose. HELLO, SNAPSHOT and REQUEST have the
 * fixed header that is read and written here; DIFFERENCE and TAG, which come every round, that of brief.h. */
#ifndef SL_GOSSIP_FRAME_H
#define SL_GOSSIP_FRAME_H

#include "base/bytes.h"

enum { SL_FRAME_HEADER = 52, SL_WIRE_VERSION = 4 };

enum sl_frame_kind {
	SL_FRAME_HELLO,      /* who I am in this run, what I hold of yours, where the edge stands */
	SL_FRAME_DIFFERENCE, /* frame `version` of my journal; step ≠ 0: it is also the tag of that step */
	SL_FRAME_TAG,        /* the tag of `step` at `version`, without a difference */
	SL_FRAME_SNAPSHOT,   /* a piece of my copy at `version` */
	SL_FRAME_REQUEST,    /* send me what follows number `version` of yours */
	SL_FRAME_KINDS
};

struct sl_frame {
	uint8_t kind, channels;
	bool tag;   /* a DIFFERENCE that is also the tag of its step: the last of those that lead to it */
	bool wants; /* beside a step: the receiver's checkpoint is needed soon, there is no room for many more
	               frames */
	uint16_t incarnation16; /* of the sender: what a former life sent may still be on its way */
	uint32_t epoch;         /* of the sender's journal */
	uint32_t version;       /* in the sender's journal (REQUEST: in the receiver's) */
	uint32_t
	    step; /* of the edge: the one that a DIFFERENCE leads to, a TAG stands for, a REQUEST has done */
	uint32_t round;   /* the sender's, when the frame was made */
	uint32_t durable; /* number of the receiver's journal held in the sender's older checkpoint */
	uint32_t serial;  /* of the sender's roster */
	bool says_terms;  /* of a DIFFERENCE or TAG received: its header had `durable` and `serial` in it */
	uint64_t run;     /* fingerprint */
	uint64_t digest;  /* of the copy after this frame; of a DIFFERENCE or TAG received, the low half */
	struct sl_reader body; /* parsing: borrowed */
};

/* Writes the header for a body of `length` bytes. */
void sl_frame_header(uint8_t header[static SL_FRAME_HEADER], const struct sl_frame *, uint32_t length);

/* Header and exact length, or nothing: false for another magic or version, an unknown kind, reserved bits, a
 * length that is not the message's. Of any kind: a DIFFERENCE or TAG that is kept has a fixed header too. */
bool sl_frame_parse(struct sl_frame *out, const uint8_t *bytes, size_t length);
/* The version of the wire format that these bytes claim, as those of every version do that begin with the magic; 0:
 * they do not. */
unsigned sl_frame_version(const uint8_t *bytes, size_t length);
/* Whether a DIFFERENCE or TAG fits a copy of that digest. */
static inline bool sl_frame_fits(const struct sl_frame *f, uint64_t digest)
{
	return (uint32_t)f->digest == (uint32_t)digest;
}

#endif
