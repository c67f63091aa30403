/* arguments.h — the command line of a program or subcommand as a table. From it come the parser, --help, the
 * manual page, and the completion of shells. */
#ifndef SL_DAEMON_RUN_ARGUMENTS_H
#define SL_DAEMON_RUN_ARGUMENTS_H

#include "base/option.h"

#include <stdio.h>

struct sl_argument;
/* Takes the value of an option into the record. The name in the table entry has its dashes here ("--set"); an
 * error begins with it. */
typedef enum sl_status sl_argument_take(const struct sl_argument *, void *record, const char *text,
                                        struct sl_error *error);

/* An option. A table ends with an entry whose option.name is NULL. */
struct sl_argument {
	struct sl_option
	    option;             /* name without dashes, sentence, type, field in the record, range, default */
	char letter;            /* of its short form; 0: it has none */
	const char *value;      /* name of its value, such as FILE; NULL: it has none and sets a bool */
	sl_argument_take *take; /* NULL: sl_option_set */
	bool required;          /* must be given */
	bool stops;             /* parsing ends here: --help and --version */
	bool many;              /* may be repeated, and every occurrence counts; otherwise the last one */
};

#define SL_ARGUMENT_HELP                                                                                     \
	{                                                                                                    \
		.option = { "help", "print this text" }, .letter = 'h', .stops = true                        \
	}

/* The i-th valid value of an operand, or NULL after the last. */
typedef const char *sl_words(size_t i);

/* An argument that is not an option. A table ends with an entry whose name is NULL. */
struct sl_operand {
	const char *name, *doc;
	enum sl_completion completes;
	sl_words *words;     /* NULL: any text */
	bool optional, many; /* many: the last of the table may be repeated */
};

/* A command line and its help text. */
struct sl_usage {
	const char *program; /* "starlingd", "starling init" */
	const char *doc;     /* one line, without a full stop */
	/* Ways to call it, up to NULL: operands and the options that make the difference; the others are added
	 * as "[OPTION]...". */
	const char *const *forms;
	const char *text;                  /* what it does; lines end with a newline */
	const char *after;                 /* printed after the options; may be NULL */
	const struct sl_operand *operands; /* may be NULL: none */
	const struct sl_argument *arguments;
};

/* Sets the defaults, then parses as getopt_long does: options in any order, unique abbreviations, "--" ends
 * them. Texts are borrowed from argv, which is permuted. Returns 0 with *operands at the first operand (they
 * end with NULL); the letter of an option that stops; or '?' with `error` set. */
int sl_arguments_parse(const struct sl_usage *, int argc, char **argv, void *record, char ***operands,
                       struct sl_error *error);

/* Prints the whole help. */
void sl_usage_print(FILE *out, const struct sl_usage *);

#endif
