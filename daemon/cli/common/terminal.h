/* terminal.h — what may be written to a terminal: TERM, NO_COLOR, and the locale decide. */
#ifndef SL_DAEMON_CLI_COMMON_TERMINAL_H
#define SL_DAEMON_CLI_COMMON_TERMINAL_H

#include <stdbool.h>

/* Whether the descriptor is a terminal that understands escape sequences: not with TERM=dumb, or without
 * TERM. */
bool sl_terminal_draws(int fd);
/* Whether colours are wanted: not with NO_COLOR, whatever its value (no-color.org), unless it is empty. */
bool sl_terminal_colour(void);
/* Whether characters beyond ASCII can be shown: LC_ALL, LC_CTYPE or LANG, the first that is set, says UTF-8. */
bool sl_terminal_utf8(void);

#endif
