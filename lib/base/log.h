/* log.h — lines for people on stderr: "starlingd[3]: warning: …". Used by the programs; the core emits event
 * rows. */
#ifndef SL_BASE_LOG_H
#define SL_BASE_LOG_H

#include "base/row.h"

/* The word in front of every line, such as "starlingd[3]"; borrowed. */
void sl_log_name(const char *name);

/* Lines above this level are not printed (SL_LEVEL_NOTICE at the start). */
void sl_log_level(enum sl_level most);

/* One line, at once, in one write. errno survives. */
__attribute__((format(printf, 2, 3))) void sl_log(enum sl_level level, const char *format, ...);

/* "error", "warning", "notice", "info". */
const char *sl_level_name(enum sl_level level);

/* One line a burst for a cause that a stranger can trigger at will: at most one every 10 s, with the number
 * of those held back. One static variable a cause, zero at the start. */
struct sl_log_burst {
	int64_t next_us;
	uint64_t held_back;
};
bool sl_log_allowed(struct sl_log_burst *burst, struct sl_time now, uint64_t *held_back);
/* "kind: detail", or "kind: detail (and 3 more)", where that allows it. */
void sl_log_rarely(struct sl_log_burst *burst, struct sl_time now, enum sl_level level, const char *kind,
                   const char *detail);

#endif
