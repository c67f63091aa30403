/* cursor.h — any question in SQL about a history that is open to read: the rows of its answer, one at a time. */
#ifndef SL_HISTORY_CURSOR_H
#define SL_HISTORY_CURSOR_H

#include "history/history.h"

struct sl_history_cursor;

/* Asks. ?1 in the statement is `text` (NULL: NULL), borrowed until sl_history_done. The caller ends the cursor before it
 * closes the history. NULL: `error` says why. */
struct sl_history_cursor *sl_history_ask(struct sl_history *, const char *sql, const char *text,
                                         struct sl_error *error);
/* Goes to the next row; *more is false behind the last one. */
enum sl_status sl_history_next(struct sl_history_cursor *, bool *more, struct sl_error *error);
/* NULL is allowed. */
void sl_history_done(struct sl_history_cursor *);

/* Columns count from 0. Values of the current row; texts are borrowed until the next one. A file from elsewhere may
 * hold a value of any kind anywhere: each function takes what it gets. */
enum sl_history_kind { SL_HISTORY_NULL, SL_HISTORY_INTEGER, SL_HISTORY_REAL, SL_HISTORY_TEXT };
int sl_history_columns(const struct sl_history_cursor *);
const char *sl_history_column(const struct sl_history_cursor *, int at);
enum sl_history_kind sl_history_kind_of(const struct sl_history_cursor *, int at);
double sl_history_real_of(const struct sl_history_cursor *, int at);      /* NaN: NULL, or not finite */
int64_t sl_history_integer_of(const struct sl_history_cursor *, int at);  /* −1: NULL */
const char *sl_history_text_of(const struct sl_history_cursor *, int at); /* "": NULL */

#endif
