/* columns.h — the features of a run by name ([data] columns), and how their numbers are scaled: a text that the operator
 * declares, kept in the file `columns` beside the prepared data. Hosts put their tables into this order.
 *
 * One line per feature: its name; or name, offset and divisor with tabs between them, for (value − offset)/divisor.
 *
 *   height
 *   weight	71.5	12.25
 *
 * A name has 1 to 255 bytes of UTF-8 without control characters. Names are distinct. */
#ifndef SL_DAEMON_RUN_COLUMNS_H
#define SL_DAEMON_RUN_COLUMNS_H

#include "daemon/run/config.h"
#include "learn/dataset.h"

struct sl_column {
	const char *name;
	double offset, divisor;
};

/* A list that owns its memory; count 0: none is declared. */
struct sl_columns {
	char *text; /* NUL-terminated names */
	struct sl_column *item;
	uint32_t *sorted; /* columns by name */
	uint32_t count;
	bool scaled; /* any column is */
};
void sl_columns_free(struct sl_columns *);

/* Parses a text; errors begin with `what` and the line. */
enum sl_status sl_columns_parse(struct sl_columns *out, const char *text, size_t length, const char *what,
                                struct sl_error *error);
/* The same text with one spelling a number, in memory that the caller frees. */
enum sl_status sl_columns_print(const struct sl_columns *, char **text, size_t *length,
                                struct sl_error *error);
/* How they stand in run.conf: list:N:DIGEST, over the text of sl_columns_print; none without any. */
enum sl_status sl_columns_setting(const struct sl_columns *, char out[static SL_TEXT_MAX],
                                  struct sl_error *error);

/* Those of a run: reads the file beside the prepared data, and compares its digest with the setting. Empty where the
 * setting is none. */
enum sl_status sl_columns_of_run(struct sl_columns *out, const struct sl_config *, struct sl_error *error);
/* For init: those of the setting file:PATH. */
enum sl_status sl_columns_declared(struct sl_columns *out, const char *setting, struct sl_error *error);
/* The path of that file. */
void sl_columns_path(const struct sl_config *, char out[static 4096]);

/* order[i] ← where a file has column i; `found`: its `features` names, as a survey gives them. Refuses a column that is
 * missing, unknown or there twice, by its name; errors begin with `what`. */
enum sl_status sl_columns_match(const struct sl_columns *, const char *found, uint32_t features,
                                uint32_t *order, const char *what, struct sl_error *error);
/* Puts rows of numbers into the declared order, and scales them; `order` NULL: they are in it. Refuses a result that is not
 * finite. */
enum sl_status sl_columns_apply(const struct sl_columns *, const uint32_t *order, float *rows,
                                uint32_t samples, const char *what, struct sl_error *error);

#endif
