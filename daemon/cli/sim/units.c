/* units.c — a number and its unit. */
#include "daemon/cli/sim/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double scale[] = { 1, 1e3, 1e6, 1e9 };

static enum sl_status read(const char *text, const char *const unit[4], const char *example, uint64_t *out,
                           struct sl_error *error)
{
	char *end = NULL;
	unsigned u = 0;
	bool digit = text[0] >= '0' && text[0] <= '9' && !(text[0] == '0' && (text[1] | 32) == 'x');
	double value = digit ? strtod(text, &end) : 0;
	while (digit && u < 4 && strcasecmp(end, unit[u]) != 0)
		u++;
	if (!digit || u == 4)
		return sl_fail(error, SL_MALFORMED, "%s: must be a number and %s, %s, %s or %s, as in %s",
		               text, unit[0], unit[1], unit[2], unit[3], example);
	value = round(value * scale[u]);
	if (!(value >= 1 && value <= 1e12))
		return sl_fail(error, SL_OUT_OF_RANGE, "%s: must be between 1%s and 1000%s", text, unit[0],
		               unit[3]);
	*out = (uint64_t)value;
	return SL_OK;
}

enum sl_status sl_units_rate(const char *text, uint64_t *out, struct sl_error *error)
{
	static const char *const unit[] = { "bit", "kbit", "Mbit", "Gbit" };
	return read(text, unit, "256kbit", out, error);
}

enum sl_status sl_units_size(const char *text, uint64_t *out, struct sl_error *error)
{
	static const char *const unit[] = { "B", "kB", "MB", "GB" };
	return read(text, unit, "64kB", out, error);
}
