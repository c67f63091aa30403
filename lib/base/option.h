/* option.h — option tables: one entry gives name, description, type, range and default. Parser, printer (its
 * text parses back to the same value), man page and error texts are derived from it. */
#ifndef SL_BASE_OPTION_H
#define SL_BASE_OPTION_H

#include "base/error.h"
#include "base/limits.h"
#include "base/units.h"

enum sl_option_type {
	SL_OPTION_U32,  /* uint32_t, within min … max */
	SL_OPTION_U64,  /* uint64_t (min and max are doubles: exact up to 2^53; use 0 … 1.9e19 for "any") */
	SL_OPTION_REAL, /* double, within min … max, finite */
	SL_OPTION_TEXT, /* char[SL_TEXT_MAX]; at most SL_TEXT_MAX - 1 bytes, printable */
	SL_OPTION_CHOICE, /* uint32_t: index into `choices` ("a|b|c") */
	SL_OPTION_DURATION, /* int64_t microseconds: "30s", "250ms", "5min", "2h", "30d", or "never" (INT64_MAX) */
	SL_OPTION_SWITCH, /* bool: "yes" or "no" */
	SL_OPTION_RATE,   /* uint64_t bits per second: "64kbit", "8kB", or "none" (0); see units.h */
	SL_OPTION_VOLUME, /* struct sl_volume: "200MB/month", also /day and /hour, or "none" */
	SL_OPTION_SIZE, /* uint64_t bytes, within min … max: "1400B", "2kB", "none" (0), "auto" (UINT64_MAX) */
	SL_OPTION_BORROWED, /* const char *: pointer to the text, not a copy; any length */
};

/* Scope of a key of run.conf: decides whether it may change after the run was started. Ignored for arguments
 * of a plug-in, which are part of their key's value. */
enum sl_option_scope {
	SL_SCOPE_NONE,  /* undefined: invalid for a key */
	SL_SCOPE_RUN,   /* part of the run's identity: a different value is a different run */
	SL_SCOPE_LATER, /* should be equal at all peers, but may change when a run is resumed */
	SL_SCOPE_HOST,  /* local to each host */
};

/* What shell completion offers for a value. */
enum sl_completion {
	SL_COMPLETE_NOTHING,
	SL_COMPLETE_FILE,
	SL_COMPLETE_FOLDER,
	SL_COMPLETE_RUN,     /* the folder of a run */
	SL_COMPLETE_SETTING, /* section.key=value of a configuration */
	/* names of a registry, followed by a colon if they have arguments: */
	SL_COMPLETE_ALGORITHM,
	SL_COMPLETE_PIPELINE, /* stages of [compress] pipeline */
	SL_COMPLETE_MODEL,
	SL_COMPLETE_FORMAT, /* of data */
	SL_COMPLETE_PARTITION,
	SL_COMPLETE_TOPOLOGY, /* or file:PATH */
};

/* A table ends with an entry whose name is NULL. */
struct sl_option {
	const char *name;
	const char *doc; /* one sentence for the man page, without a full stop */
	enum sl_option_type type;
	size_t offset;        /* of the field in its struct */
	double min, max;      /* of numbers; for durations in seconds */
	const char *standard; /* the default, in the option's own syntax; NULL: none, the option is
	                         required */
	const char *choices;  /* of SL_OPTION_CHOICE */
	enum sl_option_scope scope;
	enum sl_completion completes; /* choices and switches need none */
	const char *zero;             /* for numbers above 0: the word that stands for 0; NULL: none */
};

/* Sets every field that has a default. Panics if a default in the table does not parse. */
void sl_options_standard(const struct sl_option *table, void *record);

/* The entry called `name`, or NULL. */
const struct sl_option *sl_option_find(const struct sl_option *table, const char *name);

/* Parses `text` into the field. On failure the field is unchanged, and the error gives the value found and
 * the valid range ("eta = 12: must be between 1e-09 and 10"). */
enum sl_status sl_option_set(const struct sl_option *option, void *record, const char *text,
                             struct sl_error *error);

/* Prints the field's value in the option's own syntax, NUL-terminated; `size` of at least SL_TEXT_MAX always
 * suffices. Numbers are printed with the fewest digits that parse back to the same value. */
void sl_option_print(const struct sl_option *option, const void *record, char *text, size_t size);

/* "name" or "name:argument,argument" or "name:key=argument,…" as a plug-in is specified: copies the name (at
 * most size-1 bytes) and returns a pointer to the text after the colon, or an empty string. */
const char *sl_spec_name(const char *spec, char *name, size_t size);

/* Sets defaults, then the arguments of a spec (the text after the colon): positional in table order, or
 * key=value. Error texts begin with `what` ("topk"). A missing option without a default is an error. */
enum sl_status sl_spec_arguments(const struct sl_option *table, void *record, const char *what,
                                 const char *arguments, struct sl_error *error);

/* Prints "name:argument,argument", or "name" if the table is empty or NULL; trailing defaults are omitted. */
void sl_spec_print(const char *name, const struct sl_option *table, const void *record, char *text,
                   size_t size);

/* The name nearest to `word` among `count` names (edit distance ≤ 2), or NULL; for "did you mean". */
const char *sl_nearest(const char *word, const char *const *names, size_t count);

/* Fails with SL_NOT_FOUND: "unknown WHAT 'word'", and the nearest name, or a list of all names. */
enum sl_status sl_unknown(const char *what, const char *word, const char *const *names, size_t count,
                          struct sl_error *error);

#endif
