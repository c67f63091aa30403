/* checkpoint.h — the file side of checkpoints: two generations STEM.0 and STEM.1. Of the older one only, a
 * new one is made; so whatever happens while writing, one that verifies is left.
 *
 * A file, little-endian: 8 bytes magic, u32 version, u32 zero, u64 number (one more than the generation
 * before), u64 length, the state, BLAKE2b-256 of everything before.
 *
 * What cannot be used is never written over: before another file takes its name it becomes STEM.aside-N, N
 * rising; the SL_CHECKPOINT_ASIDE newest of those are kept. */
#ifndef SL_DAEMON_RUN_CHECKPOINT_H
#define SL_DAEMON_RUN_CHECKPOINT_H

#include "daemon/run/files.h"
#include "gossip/generations.h"
#include <limits.h>

enum { SL_CHECKPOINT_ASIDE = 8 };

/* Both generations as they lie on the disk, mapped: their states borrow from the files. */
struct sl_checkpoint_pair {
	struct sl_mapping file[2];
	struct sl_generation generation[2];
};
/* Fails for a path that is too long only; files that cannot be read or do not verify are `wrong`. */
enum sl_status sl_checkpoint_open(const char *stem, struct sl_checkpoint_pair *, struct sl_error *error);
void sl_checkpoint_close(struct sl_checkpoint_pair *);

/* Zeroed at the start; learns at the first write which generation is to be replaced. */
struct sl_checkpoint_files {
	const char *stem; /* borrowed */
	bool refused[2];  /* verifies, but the peer did not take it: it is not to be written over */
	uint64_t newest;  /* the highest number that lies there; 0: none */
	unsigned next;    /* the generation to replace */
	bool looked;
};

/* Replaces the older generation that can be used, or sets one aside that cannot. On failure those that can be
 * used are as they were. */
enum sl_status sl_checkpoint_write(struct sl_checkpoint_files *, const uint8_t *bytes, size_t length,
                                   struct sl_error *error);

/* Renames a generation to `aside`, the next free name, and removes the oldest of more than
 * SL_CHECKPOINT_ASIDE. */
enum sl_status sl_checkpoint_set_aside(const char *stem, unsigned generation, char aside[static PATH_MAX],
                                       struct sl_error *error);

#endif
