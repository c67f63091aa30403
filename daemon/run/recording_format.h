/* recording_format.h — what writer and reader of run/recording.h share. */
#ifndef SL_DAEMON_RUN_RECORDING_FORMAT_H
#define SL_DAEMON_RUN_RECORDING_FORMAT_H

#include "base/random.h"

enum {
	SL_FED_MAGIC = 16,
	SL_FED_RECORD = 9, /* kind, length and their check in front of a record */
	SL_FED_EVENT = 22, /* fixed part of an event */
	SL_FED_STATE_MOST = 1 << 30,
	SL_FED_MESSAGE_MOST = 64 << 20,
};
enum sl_fed_kind { SL_FED_HEAD, SL_FED_EVENT_RECORD, SL_FED_END, SL_FED_KINDS };
extern const char sl_fed_magic[SL_FED_MAGIC];

/* Tells a length that was damaged from one whose record is cut off. */
static inline uint32_t sl_fed_check(uint8_t kind, uint32_t length)
{
	return (uint32_t)sl_mix64((uint64_t)length << 8 | kind);
}

#endif
