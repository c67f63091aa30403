#include "daemon/cli/report/html.h"

#include "base/utf8.h"
#include "daemon/cli/common/command_line.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

void sl_html_text(FILE *out, const char *text)
{
	while (*text) {
		size_t n = sl_utf8_length(text);
		bool control =
		    n == 1 && ((unsigned char)*text < ' ' || *text == 127) && *text != '\n' && *text != '\t';
		/* U+FFFE and U+FFFF, and what turns the direction of writing around, U+202A to U+202E and U+2066 to U+2069 */
		bool odd =
		    n == 3 && (memcmp(text, "\xef\xbf\xbe", 3) == 0 || memcmp(text, "\xef\xbf\xbf", 3) == 0 ||
		               (memcmp(text, "\xe2\x80", 2) == 0 && (text[2] & 0xff) >= 0xaa &&
		                (text[2] & 0xff) <= 0xae) ||
		               (memcmp(text, "\xe2\x81", 2) == 0 && (text[2] & 0xff) >= 0xa6 &&
		                (text[2] & 0xff) <= 0xa9));
		if (n == 0 || control || odd)
			fputs("\xef\xbf\xbd", out);
		else if (strchr("&<>\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			fwrite(text, 1, n, out);
		text += n ? n : 1;
	}
}

void sl_html_number(FILE *out, const char *name, double value, const char *shown, ...)
{
	if (!isfinite(value)) {
		fprintf(out, "<span class=\"%s\">–</span>", name);
		return;
	}
	fprintf(out, "<data class=\"%s\" value=\"", name);
	sl_json_real(out, value);
	fputs("\">", out);
	va_list arguments;
	va_start(arguments, shown);
	vfprintf(out, shown, arguments);
	va_end(arguments);
	fputs("</data>", out);
}

void sl_html_bytes(FILE *out, const char *name, double value)
{
	char text[32] = "";
	if (isfinite(value) && fabs(value) < 9e18)
		sl_bytes_text((int64_t)value, text, sizeof text);
	sl_html_number(out, name, value, "%s", text);
}

void sl_seconds_text(double seconds, char *text, size_t size)
{
	if (seconds < 1)
		snprintf(text, size, "%.3g ms", 1e3 * seconds);
	else if (seconds < 300)
		snprintf(text, size, "%.3g s", seconds);
	else if (seconds < 7200)
		snprintf(text, size, "%.1f min", seconds / 60);
	else
		snprintf(text, size, "%.1f h", seconds / 3600);
}

void sl_html_seconds(FILE *out, const char *name, double value)
{
	char text[32] = "";
	if (isfinite(value))
		sl_seconds_text(value, text, sizeof text);
	sl_html_number(out, name, value, "%s", text);
}
