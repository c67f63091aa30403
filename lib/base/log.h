/* log.h — log lines on stderr: "starlingd[3]: warning: …". Used by the programs; the core emits event
 * rows. */
#ifndef SL_BASE_LOG_H
#define SL_BASE_LOG_H

#include "base/row.h"

/* The prefix of every line, such as "starlingd[3]"; borrowed. */
void sl_log_name(const char *name);

/* Lines above this level are not printed (default SL_LEVEL_NOTICE). */
void sl_log_level(enum sl_level most);

/* Writes one line immediately, with one write. Preserves errno. */
__attribute__((format(printf, 2, 3))) void sl_log(enum sl_level level, const char *format, ...);

/* "error", "warning", "notice", "info". */
const char *sl_level_name(enum sl_level level);

/* Rate limit for events that a remote host can trigger at will: at most one line every 10 s, with the number
 * suppressed. One static variable per cause, initially zero. */
struct sl_log_burst {
	int64_t next_us;
	uint64_t held_back;
};
bool sl_log_allowed(struct sl_log_burst *burst, struct sl_time now, uint64_t *held_back);
/* "kind: detail", or "kind: detail (and 3 more)", if the limit allows it. */
void sl_log_rarely(struct sl_log_burst *burst, struct sl_time now, enum sl_level level, const char *kind,
                   const char *detail);

#endif
