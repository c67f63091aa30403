/* fed_format.h — what writer and reader of fed.h share. */
#ifndef SL_DAEMON_FED_FORMAT_H
#define SL_DAEMON_FED_FORMAT_H

enum {
	SL_FED_MAGIC = 16,
	SL_FED_RECORD = 5, /* kind and length in front of a record */
	SL_FED_EVENT = 22, /* fixed part of an event */
	SL_FED_STATE_MOST = 1 << 30,
	SL_FED_MESSAGE_MOST = 64 << 20,
};
enum sl_fed_kind { SL_FED_HEAD, SL_FED_EVENT_RECORD, SL_FED_END, SL_FED_KINDS };
extern const char sl_fed_magic[SL_FED_MAGIC];

#endif
