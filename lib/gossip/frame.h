/* frame.h — the wire format: a header, then a body. Specified in WIRE.md. HELLO, SNAPSHOT and REQUEST have
 * the fixed header that is read and written here; DIFFERENCE and TAG, which come every round, that of
 * brief.h. */
#ifndef SL_GOSSIP_FRAME_H
#define SL_GOSSIP_FRAME_H

#include "base/bytes.h"

/* Of the wire: peers with another one are refused by name. Of the run: part of its fingerprint, and so of every checkpoint; it
 * is raised only if what peers compute has changed, so that a run can go on under another wire version once all its peers
 * have it (VERSIONS.md). SL_NEXT_WIRE: a test of that builds a peer of the future. */
enum {
	SL_FRAME_HEADER = 52,
#ifdef SL_NEXT_WIRE
	SL_WIRE_VERSION = 7,
#else
	SL_WIRE_VERSION = 6,
#endif
	SL_RUN_VERSION = 6
};

enum sl_frame_kind {
	SL_FRAME_HELLO,      /* the sender's identity in this run, its copy of the receiver, the state of the
	                        edge */
	SL_FRAME_DIFFERENCE, /* frame `version` of the sender's journal; step ≠ 0: it is also the tag of that
	                        step */
	SL_FRAME_TAG,        /* the tag of `step` at `version`, without a difference */
	SL_FRAME_SNAPSHOT,   /* a piece of the sender's copy at `version` */
	SL_FRAME_REQUEST,    /* asks for the frames after `version` of the receiver's journal */
	SL_FRAME_KINDS
};

struct sl_frame {
	uint8_t kind, channels;
	bool tag;   /* a DIFFERENCE that is also the tag of its step, the last of the frames for that step */
	bool wants; /* with a step: the receiver should write a checkpoint soon, because the sender's journal
	               is almost full */
	uint16_t incarnation16; /* of the sender: frames from before its restart may still arrive */
	uint32_t epoch;         /* of the sender's journal */
	uint32_t version;       /* in the sender's journal (REQUEST: in the receiver's) */
	uint32_t step;  /* of the edge: of a DIFFERENCE or TAG the step that it is for, of a REQUEST the last
	             completed one */
	uint32_t round; /* the sender's, when the frame was made */
	uint32_t durable; /* number of the receiver's journal held in the sender's older checkpoint */
	uint32_t serial;  /* of the sender's roster */
	bool says_terms;  /* of a DIFFERENCE or TAG received: its header contained `durable` and `serial` */
	uint64_t run;     /* fingerprint */
	uint64_t digest;  /* of the copy after this frame; of a DIFFERENCE or TAG received, the low half */
	struct sl_reader body; /* parsing: borrowed */
};

/* Writes the header for a body of `length` bytes. */
void sl_frame_header(uint8_t header[static SL_FRAME_HEADER], const struct sl_frame *, uint32_t length);

/* Parses a fixed header. False for another magic or version, an unknown kind, reserved bits, or a length
 * other than the message's. Accepts all kinds: a stored DIFFERENCE or TAG has a fixed header too. */
bool sl_frame_parse(struct sl_frame *out, const uint8_t *bytes, size_t length);
/* The wire format version that these bytes claim; 0: they do not begin with the magic, which is the same in
 * all versions. */
unsigned sl_frame_version(const uint8_t *bytes, size_t length);
/* Whether the digest of a DIFFERENCE or TAG matches that of a copy. */
static inline bool sl_frame_fits(const struct sl_frame *f, uint64_t digest)
{
	return (uint32_t)f->digest == (uint32_t)digest;
}

#endif
