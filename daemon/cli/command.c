/* command.c — what the subcommands of starling share. */
#include "base/utf8.h"
#include "daemon/cli/command_line.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int sl_command_fail(const struct sl_command *command, const struct sl_error *error)
{
	fprintf(stderr, "starling %s: %s\n", command->name, error->text);
	return error->status == SL_IO || error->status == SL_NO_MEMORY ? SL_EXIT_FAILED : SL_EXIT_MISUSE;
}

int sl_command_misuse(const struct sl_command *command, const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "starling %s: ", command->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " (starling %s --help says more)\n", command->name);
	return SL_EXIT_MISUSE;
}

/* A synopsis may hold alternatives, "sim RUN | sim --topology SPEC": a line each. */
int sl_command_help(const struct sl_command *command)
{
	static const char self[] = "starling ";
	const char *prefix = "usage:";
	for (const char *p = command->synopsis; *p; prefix = "      ") {
		if (strncmp(p, self, sizeof self - 1) == 0)
			p += sizeof self - 1;
		const char *bar = strstr(p, " | ");
		size_t length = bar ? (size_t)(bar - p) : strlen(p);
		printf("%s %s%.*s\n", prefix, self, (int)length, p);
		p += length + (bar ? 3 : 0);
	}
	printf("\n%s", command->help);
	return SL_EXIT_OK;
}

static int unknown_option(const struct sl_command *command, const char *word, const struct option *table)
{
	char name[SL_TEXT_MAX];
	const char *names[32];
	size_t count = 0;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
	for (; table->name && count < 32; table++)
		names[count++] = table->name;
	const char *near = strncmp(name, "--", 2) == 0 ? sl_nearest(name + 2, names, count) : NULL;
	if (near)
		sl_command_misuse(command, "unknown option '%s'; did you mean --%s?", name, near);
	else
		sl_command_misuse(command, "unknown option '%s'", name);
	return '?';
}

int sl_command_option(const struct sl_command *command, int argc, char **argv, const char *letters,
                      const struct option *table)
{
	char quiet[64];
	snprintf(quiet, sizeof quiet, ":%s",
	         letters); /* ':' keeps getopt silent and tells a missing argument apart */
	opterr = 0;
	int letter = getopt_long(argc, argv, quiet, table, NULL);
	if (letter != '?' && letter != ':')
		return letter;
	/* getopt has moved behind a long option; a bad letter may stand inside a word. */
	const char *word = argv[optind > 1 ? optind - 1 : 1];
	char single[3] = { '-', (char)optopt, '\0' };
	if (letter == ':')
		sl_command_misuse(command, "option '%s' needs an argument", word);
	else if (optopt && strncmp(word, "--", 2) == 0)
		sl_command_misuse(command, "option '%.*s' takes no argument", (int)strcspn(word, "="), word);
	else
		unknown_option(command, optopt ? single : word, table);
	return '?';
}

enum sl_status sl_overrides_add(struct sl_overrides *overrides, struct sl_error *error, const char *format,
                                ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	size_t dot = strcspn(text, ".="), equals = strcspn(text, "=");
	if (!dot || text[dot] != '.' || dot + 1 == equals || text[equals] != '=') {
		sl_fail(error, SL_MALFORMED,
		        "--set '%.100s': must be section.key=value, as in run.rounds=300", text);
		free(text);
		return SL_MALFORMED;
	}
	char **item = realloc(overrides->item, (overrides->count + 2) * sizeof *item);
	if (!item) {
		free(text);
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	}
	item[overrides->count++] = text;
	item[overrides->count] = NULL;
	overrides->item = item;
	return SL_OK;
}

void sl_overrides_free(struct sl_overrides *overrides)
{
	int keep = errno;
	for (size_t i = 0; i < overrides->count; i++)
		free(overrides->item[i]);
	free(overrides->item);
	*overrides = (struct sl_overrides){ 0 };
	errno = keep;
}

void sl_json_text(FILE *out, const char *text)
{
	putc('"', out);
	for (const char *p = text; *p;) {
		size_t n = sl_utf8_length(p);
		if (n == 0)
			fputs("\\ufffd", out);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (n == 1 && ((unsigned char)*p < ' ' || *p == 127))
			fprintf(out, "\\u%04x", *p);
		else
			fwrite(p, 1, n, out);
		p += n ? n : 1;
	}
	putc('"', out);
}

void sl_json_real(FILE *out, double value)
{
	char text[40];
	if (!isfinite(value)) {
		fputs("null", out);
		return;
	}
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	fputs(text, out);
}

const char *sl_command_database(const char *argument, char path[static PATH_MAX])
{
	struct stat status;
	size_t length = strlen(argument);
	while (length > 1 && argument[length - 1] == '/')
		length--;
	if (stat(argument, &status) == 0 && S_ISDIR(status.st_mode) &&
	    snprintf(path, PATH_MAX, "%.*s/history.db", (int)length, argument) < PATH_MAX)
		return path;
	return argument;
}

void sl_bytes_text(int64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	unsigned unit = 0;
	while (v >= 999.5 && unit < 6) {
		v /= 1000;
		unit++;
	}
	snprintf(text, size, "%.*f %s", unit == 0 || v >= 99.95 ? 0 : 1, v, units[unit]);
}
