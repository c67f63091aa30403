/* overrides.h — the `--set section.key=value` of a command line. */
#ifndef SL_DAEMON_RUN_OVERRIDES_H
#define SL_DAEMON_RUN_OVERRIDES_H

#include "daemon/run/arguments.h"

/* As sl_config_load takes them: NULL-terminated copies. Zero-initialised it is empty. */
struct sl_overrides {
	char **item;
	size_t count;
};
/* Adds a copy of printf's text. Refuses a text without the form section.key=value. */
__attribute__((format(printf, 3, 4))) enum sl_status sl_overrides_add(struct sl_overrides *,
                                                                      struct sl_error *, const char *format,
                                                                      ...);
void sl_overrides_free(struct sl_overrides *);

/* Takes the value of an option whose field is a struct sl_overrides. */
enum sl_status sl_overrides_take(const struct sl_argument *, void *record, const char *text,
                                 struct sl_error *error);

#endif
