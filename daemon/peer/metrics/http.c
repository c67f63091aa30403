#include "daemon/peer/metrics/http.h"

#include <string.h>
#include <strings.h>

struct span {
	const char *at;
	size_t length;
};

static bool is(struct span s, const char *text)
{
	return s.length == strlen(text) && memcmp(s.at, text, s.length) == 0;
}

/* The line at the start of *rest, without its end, which may be a line feed alone; false: none is complete. */
static bool take_line(struct span *rest, struct span *line)
{
	const char *end = rest->length ? memchr(rest->at, '\n', rest->length) : NULL;
	if (!end)
		return false;
	size_t length = (size_t)(end - rest->at);
	*line = (struct span){ rest->at, length > 0 && end[-1] == '\r' ? length - 1 : length };
	*rest = (struct span){ end + 1, rest->length - length - 1 };
	return true;
}

/* The text up to the next blank or the end. */
static struct span take_word(struct span *line)
{
	const char *blank = line->length ? memchr(line->at, ' ', line->length) : NULL;
	size_t length = blank ? (size_t)(blank - line->at) : line->length;
	struct span word = { line->at, length };
	line->at += length + (blank != NULL);
	line->length -= length + (blank != NULL);
	return word;
}

static bool printable(struct span s)
{
	for (size_t i = 0; i < s.length; i++)
		if (((unsigned char)s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 127)
			return false;
	return true;
}

static int code_of(struct span line)
{
	struct span method = take_word(&line), target = take_word(&line), version = line;
	if (!printable(target) || memchr(target.at, '\t', target.length) || method.length == 0 ||
	    target.length == 0 || version.length != 8 || memcmp(version.at, "HTTP/", 5) != 0)
		return 400;
	if (!is(version, "HTTP/1.0") && !is(version, "HTTP/1.1"))
		return 505;
	if (!is(method, "GET"))
		return 405;
	const char *query = memchr(target.at, '?', target.length);
	target.length = query ? (size_t)(query - target.at) : target.length;
	return is(target, "/metrics") ? 200 : 404;
}

static bool holds(struct span s, const char *text)
{
	size_t length = strlen(text);
	for (size_t i = 0; i + length <= s.length; i++)
		if (strncasecmp(s.at + i, text, length) == 0)
			return true;
	return false;
}

/* Whether the line is a field; sees what is accepted. */
static bool read_field(struct sl_http_request *out, struct span line)
{
	const char *colon = line.length ? memchr(line.at, ':', line.length) : NULL;
	if (!colon || colon == line.at || line.at[0] == ' ' || line.at[0] == '\t' || !printable(line))
		return false;
	if (colon - line.at == 6 && strncasecmp(line.at, "accept", 6) == 0)
		out->openmetrics |= holds(line, "application/openmetrics-text");
	return true;
}

bool sl_http_read(struct sl_http_request *out, const char *bytes, size_t length)
{
	struct span rest = { bytes, length }, line;
	*out = (struct sl_http_request){ .code = 400 };
	if (!take_line(&rest, &line)) {
		out->code = 431;
		return length >= SL_HTTP_REQUEST;
	}
	out->code = code_of(line);
	while (take_line(&rest, &line)) {
		if (line.length == 0)
			return true;
		if (!read_field(out, line))
			out->code = 400;
	}
	if (length < SL_HTTP_REQUEST)
		return false;
	out->code = 431;
	return true;
}

const char *sl_http_reason(int code)
{
	switch (code) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}
