/* session.h — RUN/session: which start from nothing of a run this is. The first line holds 16 hex digits;
 * behind it `starling up` records the configuration that the session was begun or resumed with. */
#ifndef SL_DAEMON_RUN_SESSION_H
#define SL_DAEMON_RUN_SESSION_H

#include "daemon/run/config.h"

struct sl_session {
	uint64_t number; /* 0: there is no file. Peers that start on their own must agree. */
	bool recorded;   /* the settings are there, and can be read */
	struct sl_run_settings settings;
};

/* Never 0. */
uint64_t sl_session_draw(void);
enum sl_status sl_session_read(const struct sl_config *, struct sl_session *out, struct sl_error *error);
/* The same from the file's text, which ends with a zero byte behind `length`. */
enum sl_status sl_session_parse(struct sl_session *out, const char *path, const char *text, size_t length,
                                struct sl_error *error);
/* Replaces the file; settings NULL: nothing is recorded. */
enum sl_status sl_session_write(const struct sl_config *, uint64_t number, const struct sl_run_settings *,
                                struct sl_error *error);

#endif
