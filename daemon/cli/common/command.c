/* command.c — parts that the subcommands of starling share. */
#include "base/utf8.h"
#include "daemon/cli/common/command_line.h"

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
	fprintf(stderr, " (see starling %s --help)\n", command->name);
	return SL_EXIT_MISUSE;
}

int sl_command_parse(const struct sl_command *command, int argc, char **argv, void *record, char ***operands)
{
	struct sl_error error;
	int stop = sl_arguments_parse(&command->usage, argc, argv, record, operands, &error);
	if (stop == 'h') {
		sl_usage_print(stdout, &command->usage);
		return SL_EXIT_OK;
	}
	if (stop == '?')
		return error.status == SL_NO_MEMORY ? sl_command_fail(command, &error)
		                                    : sl_command_misuse(command, "%s", error.text);
	return -1;
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
		else if (n == 2 && (unsigned char)p[0] == 0xc2 &&
		         (unsigned char)p[1] < 0xa0) /* terminals obey these too */
			fprintf(out, "\\u%04x", (unsigned char)p[1]);
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

static void print_list(FILE *out, const char *const *list)
{
	putc('[', out);
	for (size_t i = 0; list[i]; i++) {
		fputs(i ? "," : "", out);
		sl_json_text(out, list[i]);
	}
	putc(']', out);
}

void sl_json_object(FILE *out, const struct sl_json_fact *fact)
{
	putc('{', out);
	for (size_t i = 0; fact[i].key; i++) {
		fputs(i ? "," : "", out);
		sl_json_text(out, fact[i].key);
		putc(':', out);
		if (fact[i].list)
			print_list(out, fact[i].list);
		else if (fact[i].text)
			sl_json_text(out, fact[i].text);
		else if (fabs(fact[i].number) < 0x1p53 && fact[i].number == floor(fact[i].number))
			fprintf(out, "%.0f", fact[i].number); /* not 1e+06 */
		else
			sl_json_real(out, fact[i].number);
	}
	fputs("}\n", out);
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

void sl_time_left_text(double seconds, char *text, size_t size)
{
	if (!isfinite(seconds))
		snprintf(text, size, "-");
	else if (seconds < 90)
		snprintf(text, size, "%.0f s", ceil(seconds));
	else if (seconds < 5400)
		snprintf(text, size, "%.0f min", ceil(seconds / 60));
	else
		snprintf(text, size, "%.1f h", seconds / 3600);
}
