/* recording_format.h — what writer and reader of run/recording.h share. */
#ifndef SL_DAEMON_RUN_RECORDING_FORMAT_H
#define SL_DAEMON_RUN_RECORDING_FORMAT_H

#include "base/random.h"

enum {
	SL_RECORDING_MAGIC_BYTES = 16,
	SL_RECORDING_RECORD_BYTES = 9, /* kind, length and their check in front of a record */
	SL_RECORDING_EVENT_BYTES = 22, /* fixed part of an event */
	SL_RECORDING_STATE_MAX = 1 << 30,
	SL_RECORDING_MESSAGE_MAX = 64 << 20,
};
enum sl_recording_kind { SL_RECORDING_HEAD, SL_RECORDING_EVENT_RECORD, SL_RECORDING_END, SL_RECORDING_KINDS };
extern const char sl_recording_magic[SL_RECORDING_MAGIC_BYTES];

/* Distinguishes a damaged length from a truncated record. */
static inline uint32_t sl_recording_check(uint8_t kind, uint32_t length)
{
	return (uint32_t)sl_mix64((uint64_t)length << 8 | kind);
}

#endif
