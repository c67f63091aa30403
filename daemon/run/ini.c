#include "daemon/run/ini.h"

#include <string.h>

struct slice {
	const char *at, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice trim(struct slice s)
{
	while (s.at < s.end && is_blank(*s.at))
		s.at++;
	while (s.at < s.end && is_blank(s.end[-1]))
		s.end--;
	return s;
}

/* Removes a comment that begins after a blank. */
static struct slice without_comment(struct slice s)
{
	for (const char *p = s.at; p + 1 < s.end; p++)
		if (is_blank(p[0]) && p[1] == ';')
			s.end = p;
	return trim(s);
}

static bool copy(struct slice s, char *out, size_t size)
{
	size_t n = (size_t)(s.end - s.at);
	if (n >= size)
		return false;
	memcpy(out, s.at, n);
	out[n] = '\0';
	return true;
}

void sl_ini_begin(struct sl_ini *ini, const char *text, size_t length)
{
	static const char mark[] = "\xef\xbb\xbf";
	*ini = (struct sl_ini){ .at = text, .end = text + length };
	if (length >= 3 && memcmp(text, mark, 3) == 0)
		ini->at += 3;
}

static struct slice next_line(struct sl_ini *ini)
{
	const char *newline = memchr(ini->at, '\n', (size_t)(ini->end - ini->at));
	struct slice line = { ini->at, newline ? newline : ini->end };
	ini->at = newline ? newline + 1 : ini->end;
	ini->line++;
	return line;
}

static enum sl_ini_kind wrong(struct sl_error *error)
{
	sl_fail(error, SL_MALFORMED, "neither a [section], a 'key = value', nor a comment");
	return SL_INI_WRONG;
}

static enum sl_ini_kind too_long(const char *what, struct slice s, size_t size, struct sl_error *error)
{
	sl_fail(error, SL_TOO_BIG, "the %s '%.30s…' has %zu bytes, at most %zu fit", what, s.at,
	        (size_t)(s.end - s.at), size - 1);
	return SL_INI_WRONG;
}

static enum sl_ini_kind take_section(struct sl_ini *ini, struct slice line, struct sl_error *error)
{
	const char *close = memchr(line.at, ']', (size_t)(line.end - line.at));
	struct slice rest = trim((struct slice){ close ? close + 1 : line.end, line.end });
	if (!close || (rest.at < rest.end && *rest.at != ';' && *rest.at != '#'))
		return wrong(error);
	struct slice name = { line.at + 1, close };
	ini->key[0] = ini->value[0] = '\0';
	return copy(name, ini->section, sizeof ini->section)
	           ? SL_INI_SECTION
	           : too_long("section", name, sizeof ini->section, error);
}

static enum sl_ini_kind take_key(struct sl_ini *ini, struct slice line, struct sl_error *error)
{
	const char *equals = line.at;
	while (equals < line.end && *equals != '=' && *equals != ':')
		equals++;
	if (equals == line.end || equals == line.at)
		return wrong(error);
	struct slice key = trim((struct slice){ line.at, equals });
	struct slice value = trim((struct slice){ equals + 1, line.end });
	if (!copy(key, ini->key, sizeof ini->key))
		return too_long("key", key, sizeof ini->key, error);
	if (!copy(value, ini->value, sizeof ini->value))
		return too_long("value", value, sizeof ini->value, error);
	return SL_INI_KEY;
}

enum sl_ini_kind sl_ini_next(struct sl_ini *ini, struct sl_error *error)
{
	while (ini->at < ini->end) {
		struct slice line = trim(next_line(ini));
		if (memchr(line.at, '\0', (size_t)(line.end - line.at))) {
			sl_fail(error, SL_MALFORMED,
			        "the line contains a zero byte: this is not a text file");
			return SL_INI_WRONG;
		}
		if (line.at == line.end || *line.at == ';' || *line.at == '#')
			continue;
		line = without_comment(line);
		return *line.at == '[' ? take_section(ini, line, error) : take_key(ini, line, error);
	}
	return SL_INI_END;
}

bool sl_ini_can_hold(const char *value)
{
	size_t n = strlen(value);
	if (n == 0)
		return true;
	if (n >= SL_INI_VALUE_MAX || value[0] == ';' || is_blank(value[0]) || is_blank(value[n - 1]))
		return false;
	for (size_t i = 0; i + 1 < n; i++)
		if (value[i] == '\n' || (is_blank(value[i]) && value[i + 1] == ';'))
			return false;
	return true;
}
