#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	double scale;
};

static const struct unit rates[] = { { "bit", 1 }, { "kbit", 1e3 }, { "Mbit", 1e6 }, { "Gbit", 1e9 },
	                             { "B", 8 },   { "kB", 8e3 },   { "MB", 8e6 },   { "GB", 8e9 } };
static const struct unit sizes[] = { { "B", 1 },    { "kB", 1e3 },  { "MB", 1e6 },
	                             { "GB", 1e9 }, { "TB", 1e12 }, { "", 1 } };
enum { RATES = sizeof rates / sizeof *rates, SIZES = sizeof sizes / sizeof *sizes };

static const struct {
	const char *name;
	uint32_t seconds;
} times[] = { { "hour", 3600 }, { "day", 86400 }, { "month", 30 * 86400 } };
enum { TIMES = sizeof times / sizeof *times };

/* A whole number of units of scale 1, at least 1; `end`: what follows the unit's name. */
static bool parse(const char *text, const struct unit *unit, size_t units, double most, uint64_t *out,
                  const char **end)
{
	char *after;
	bool digit = text[0] >= '0' && text[0] <= '9' && (text[0] != '0' || (text[1] | 32) != 'x');
	double value = digit ? strtod(text, &after) : 0;
	if (!digit)
		return false;
	after += strspn(after, " ");
	size_t length = strcspn(after, "/");
	for (size_t u = 0; u < units; u++) {
		if (strlen(unit[u].name) != length || strncmp(unit[u].name, after, length) != 0)
			continue;
		value *= unit[u].scale;
		*out = value >= 1 && value <= most ? (uint64_t)round(value) : 0;
		*end = after + length;
		return *out > 0;
	}
	return false;
}

bool sl_rate_parse(const char *text, uint64_t *bits)
{
	const char *end;
	uint64_t value;
	if (!parse(text, rates, RATES, 1e12, &value, &end) || (*end && strcmp(end, "/s") != 0))
		return false;
	*bits = value;
	return true;
}

bool sl_size_parse(const char *text, uint64_t *bytes)
{
	const char *end;
	uint64_t value;
	if (!parse(text, sizes, SIZES, 1e12, &value, &end) || *end)
		return false;
	*bytes = value;
	return true;
}

bool sl_volume_parse(const char *text, struct sl_volume *out)
{
	const char *end;
	struct sl_volume v;
	if (!parse(text, sizes, SIZES, 1e12, &v.bytes, &end) || *end != '/')
		return false;
	for (size_t i = 0; i < TIMES; i++) {
		if (strcmp(end + 1, times[i].name) != 0)
			continue;
		v.seconds = times[i].seconds;
		if (sl_volume_rate(v) == 0)
			return false;
		*out = v;
		return true;
	}
	return false;
}

/* In the largest of the units that gives a whole number. */
static void print(uint64_t value, const struct unit *unit, size_t units, char *text, size_t size)
{
	while (units > 1 && value % (uint64_t)unit[units - 1].scale != 0)
		units--;
	snprintf(text, size, "%" PRIu64 "%s", value / (uint64_t)unit[units - 1].scale, unit[units - 1].name);
}

void sl_rate_print(uint64_t bits, char *text, size_t size)
{
	print(bits, rates, 4, text, size);
}

void sl_size_print(uint64_t bytes, char *text, size_t size)
{
	print(bytes, sizes, 5, text, size);
}

void sl_volume_print(struct sl_volume volume, char *text, size_t size)
{
	char amount[32];
	size_t i = 0;
	while (i + 1 < TIMES && times[i].seconds != volume.seconds)
		i++;
	sl_size_print(volume.bytes, amount, sizeof amount);
	snprintf(text, size, "%s/%s", amount, times[i].name);
}

uint64_t sl_volume_rate(struct sl_volume volume)
{
	return volume.bytes ? 8 * volume.bytes / volume.seconds : 0;
}
