/* checkpoint.h — the file side of checkpoints: two generations STEM.0 and STEM.1. A write replaces only the
 * older one, so that a failed write leaves one intact.
 *
 * A file, little-endian: 8 bytes magic, u32 version, u32 zero, u64 number (one more than the previous
 * generation's), u64 length, the state, BLAKE2b-256 of everything before.
 *
 * An unusable file is never overwritten: before another file takes its name it is renamed to STEM.aside-N, N
 * ascending; the SL_CHECKPOINT_ASIDE newest of those are kept. */
#ifndef SL_DAEMON_RUN_CHECKPOINT_H
#define SL_DAEMON_RUN_CHECKPOINT_H

#include "daemon/run/files.h"
#include "gossip/generations.h"
#include <limits.h>

enum { SL_CHECKPOINT_ASIDE = 8 };

/* Both generations, mapped from disk: their states borrow from the files. */
struct sl_checkpoint_pair {
	struct sl_mapping file[2];
	struct sl_generation generation[2];
};
/* Fails only for a path that is too long; files that cannot be read or are damaged have `wrong` set. */
enum sl_status sl_checkpoint_open(const char *stem, struct sl_checkpoint_pair *, struct sl_error *error);
void sl_checkpoint_close(struct sl_checkpoint_pair *);

/* Initially zero; the first write determines the generation to replace. */
struct sl_checkpoint_files {
	const char *stem; /* borrowed */
	bool refused[2];  /* intact, but the peer refused to load it: must not be overwritten */
	uint64_t newest;  /* the highest number on disk; 0: none */
	unsigned next;    /* the generation to replace */
	bool looked;
};

/* Replaces the older usable generation, or an unusable one, which it sets aside. On failure usable ones are
 * unchanged. */
enum sl_status sl_checkpoint_write(struct sl_checkpoint_files *, const uint8_t *bytes, size_t length,
                                   struct sl_error *error);

/* Renames a generation to `aside`, the next free name, and removes the oldest of more than
 * SL_CHECKPOINT_ASIDE. */
enum sl_status sl_checkpoint_set_aside(const char *stem, unsigned generation, char aside[static PATH_MAX],
                                       struct sl_error *error);

#endif
