/* option_text.c — option tables as text for people. */
#include "daemon/run/option_text.h"

#include "gossip/reads.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH = 110 }; /* of comments */

void sl_option_text_range(const struct sl_option *option, char *text, size_t size)
{
	switch (option->type) {
	case SL_OPTION_U32:
	case SL_OPTION_U64:
	case SL_OPTION_REAL:
		if (option->max > 1e19)
			snprintf(text, size, "%.10g or more", option->min);
		else
			snprintf(text, size, "%.10g to %.10g%s%s", option->min, option->max,
			         option->zero ? ", or " : "", option->zero ? option->zero : "");
		break;
	case SL_OPTION_DURATION:
		snprintf(text, size, "%.10gs to %.10gs, or never", option->min, option->max);
		break;
	case SL_OPTION_RATE:
		snprintf(text, size, "such as 64kbit, 8kB, or none");
		break;
	case SL_OPTION_VOLUME:
		snprintf(text, size, "such as 5MB/day, 200MB/month, or none");
		break;
	case SL_OPTION_SIZE:
		snprintf(text, size, "%.10gB to %.10gB, auto, or none", option->min, option->max);
		break;
	case SL_OPTION_SWITCH:
		snprintf(text, size, "yes or no");
		break;
	case SL_OPTION_CHOICE:
		snprintf(text, size, "one of %s", option->choices);
		for (char *p = text; *p; p++)
			if (*p == '|')
				*p = '/';
		break;
	case SL_OPTION_TEXT:
	case SL_OPTION_BORROWED:
		text[0] = '\0';
		break;
	}
}

void sl_option_text_details(const struct sl_option *option, char *text, size_t size)
{
	char range[SL_TEXT_MAX];
	const char *standard = option->standard ? option->standard : "";
	sl_option_text_range(option, range, sizeof range);
	text[0] = '\0';
	if (range[0] || standard[0])
		snprintf(text, size, " (%s%s%s%s)", range, range[0] && standard[0] ? "; " : "",
		         standard[0] ? "default " : "", standard);
}

size_t sl_option_text_page(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	size_t width = columns ? strtoul(columns, NULL, 10) : 0;
	if (!width && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	return width >= 40 ? width : 100;
}

const char *sl_option_text_scope(enum sl_option_scope scope)
{
	static const char *const words[] = { "", "fixed", "may change", "per host" };
	return words[scope];
}

/* Columns that a word takes: UTF-8 continuation bytes take none. */
static size_t columns(const char *word, size_t bytes)
{
	size_t n = 0;
	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)word[i] & 0xc0) != 0x80;
	return n;
}

void sl_option_text_wrap(FILE *out, const char *text, size_t at, const char *indent, size_t width)
{
	for (bool first = true; *text; first = false) {
		size_t bytes = strcspn(text, " "), word = columns(text, bytes);
		if (!first && at + 1 + word > width) {
			fprintf(out, "\n%s", indent);
			at = strlen(indent);
		} else if (!first) {
			putc(' ', out);
			at++;
		}
		fwrite(text, 1, bytes, out);
		at += word;
		text += bytes;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

/* A method key that was not set is written as a comment: its default depends on the algorithm, which may not read it. */
static void write_key(FILE *out, const struct sl_option *option, const char *section,
                      const struct sl_run_settings *settings, bool all)
{
	char range[SL_TEXT_MAX], value[SL_TEXT_MAX + 32], comment[1024];
	sl_option_text_range(option, range, sizeof range);
	sl_option_print(option, settings, value, sizeof value);
	/* An empty default is not mentioned. */
	const char *standard = option->standard && *option->standard ? option->standard : NULL;
	bool read = all || sl_settings_reads(&settings->method, section, option);
	bool set = all || !sl_settings_of_method(section, option) ||
	           sl_settings_noted(&settings->method, section, option);
	snprintf(comment, sizeof comment, "%s (%s%s%s%s%s%s)", option->doc, range, range[0] ? "; " : "",
	         standard ? "default " : "", standard ? standard : "", standard ? "; " : "",
	         sl_option_text_scope(option->scope));
	fputs("; ", out);
	sl_option_text_wrap(out, comment, 2, "; ", WIDTH);
	if (read)
		fprintf(out, "%s%s = %s\n", set ? "" : ";", option->name, value);
	else
		fprintf(out, ";%s: not read with these settings\n", option->name);
}

static void write_all(FILE *out, const struct sl_run_settings *settings, bool all)
{
	fputs("; Configuration of a starling run: starling.conf(5).\n", out);
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++) {
		fputs("\n; ", out);
		sl_option_text_wrap(out, s->doc, 2, "; ", WIDTH);
		fprintf(out, "[%s]\n", s->name);
		for (const struct sl_option *o = s->options; o->name; o++)
			write_key(out, o, s->name, settings, all);
	}
}

void sl_option_text_write(FILE *out, const struct sl_run_settings *settings)
{
	write_all(out, settings, false);
}

void sl_option_text_reference(FILE *out, const struct sl_run_settings *settings)
{
	write_all(out, settings, true);
}
