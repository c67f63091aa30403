/* kept.h — content of a daemon's checkpoint: the peer's state and the driver's data on the run, so that a
 * later start can check whether the checkpoint belongs to it, and name changed settings.
 *
 * Little-endian: wire bytes sent u64 and received u64, session u64, rounds done u32, length of the settings
 * u32, the settings of scope RUN and LATER as a configuration, the state. */
#ifndef SL_DAEMON_RUN_KEPT_H
#define SL_DAEMON_RUN_KEPT_H

#include "base/error.h"

struct sl_kept {
	int64_t wire_tx, wire_rx;
	uint64_t session;
	uint32_t round;
	const char *settings; /* borrowed; not ended by a NUL */
	uint32_t settings_length;
	const uint8_t *state; /* borrowed */
	size_t state_length;
};

/* Bytes before the state. */
size_t sl_kept_head(const struct sl_kept *);
/* Writes them. */
void sl_kept_write(const struct sl_kept *, uint8_t *out);
/* False: not a checkpoint of this version. *out borrows from the bytes. */
bool sl_kept_read(struct sl_kept *out, const uint8_t *bytes, size_t length);

#endif
