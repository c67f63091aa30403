/* checkpoint.h — the file side of checkpoints: two generations STEM.0 and STEM.1. Of the older one only, a
 * new one is made; so whatever happens while writing, one that verifies is left.
 *
 * A file, little-endian: 8 bytes magic, u32 version, u32 zero, u64 number (one more than the generation
 * before), u64 length, the state, BLAKE2b-256 of everything before. */
#ifndef SL_DAEMON_CHECKPOINT_H
#define SL_DAEMON_CHECKPOINT_H

#include "base/error.h"

/* Zeroed at the start; learns at the first write which generation is the older one. */
struct sl_checkpoint_files {
	const char *stem; /* borrowed */
	uint64_t newest;  /* number of the newest that verifies; 0: none */
	unsigned next;    /* the generation to replace */
	bool looked;
};

/* Replaces the older generation. On failure both are as they were. */
enum sl_status sl_checkpoint_write(struct sl_checkpoint_files *, const uint8_t *bytes, size_t length,
                                   struct sl_error *error);

#endif
