#include "daemon/run/columns.h"

#include "base/utf8.h"
#include "daemon/run/files.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255, TEXT_MAX = 64 << 20, DIGEST_BYTES = 16 };

void sl_columns_free(struct sl_columns *c)
{
	free(c->text);
	free(c->item);
	free(c->sorted);
	c->text = NULL;
	c->item = NULL;
	c->sorted = NULL;
	c->count = 0;
	c->scaled = false;
}

/* ---- parsing ---- */

static bool name_good(const char *name)
{
	size_t length = strlen(name);
	bool good = length > 0 && length <= NAME_MAX_BYTES && sl_utf8_valid(name);
	for (const char *c = name; good && *c; c++)
		good = (unsigned char)*c >= ' ' && *c != 127;
	return good;
}

static bool number(const char *text, double *out)
{
	char *end;
	*out = strtod(text, &end);
	return end > text && !*end && isfinite(*out) && !strpbrk(text, "xXpP \n");
}

static enum sl_status take_line(struct sl_columns *c, char *line, const char *what, struct sl_error *error)
{
	struct sl_column *item = &c->item[c->count];
	char *tab = strchr(line, '\t'), *second = tab ? strchr(tab + 1, '\t') : NULL;
	*item = (struct sl_column){ line, 0, 1 };
	if (tab)
		*tab = '\0';
	if (second)
		*second = '\0';
	if (!name_good(line))
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s:%u: the name of a column has 1 to %d bytes of UTF-8, without control characters",
		    what, c->count + 1, NAME_MAX_BYTES);
	if (tab && (!second || !number(tab + 1, &item->offset) || !number(second + 1, &item->divisor) ||
	            item->divisor == 0))
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s:%u: must be NAME, or NAME, OFFSET and DIVISOR with tabs between them; the divisor is not zero",
		    what, c->count + 1);
	c->scaled = c->scaled || tab;
	c->count++;
	return SL_OK;
}

static const struct sl_column *sorting; /* qsort has no context */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = strcmp(sorting[x].name, sorting[y].name);
	return order ? order : (x > y) - (x < y);
}

static enum sl_status sort(struct sl_columns *c, const char *what, struct sl_error *error)
{
	for (uint32_t i = 0; i < c->count; i++)
		c->sorted[i] = i;
	sorting = c->item;
	qsort(c->sorted, c->count, sizeof *c->sorted, compare);
	for (uint32_t i = 1; i < c->count; i++)
		if (strcmp(c->item[c->sorted[i]].name, c->item[c->sorted[i - 1]].name) == 0)
			return sl_fail(error, SL_MALFORMED, "%s:%u: column '%.60s' is in line %u already",
			               what, c->sorted[i] + 1, c->item[c->sorted[i]].name,
			               c->sorted[i - 1] + 1);
	return SL_OK;
}

static enum sl_status take_lines(struct sl_columns *c, const char *what, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (char *line = c->text; *line && status == SL_OK;) {
		size_t length = strcspn(line, "\n");
		char *next = line + length + (line[length] == '\n');
		line[length] = '\0';
		if (length > 0 && line[length - 1] == '\r')
			line[length - 1] = '\0';
		if (c->count == SL_COLUMNS_MAX)
			return sl_fail(error, SL_TOO_BIG, "%s: over %d columns", what, SL_COLUMNS_MAX);
		status = take_line(c, line, what, error);
		line = next;
	}
	return status == SL_OK && c->count == 0
	           ? sl_fail(error, SL_MALFORMED, "%s: names no column: must have one line per feature", what)
	           : status;
}

enum sl_status sl_columns_parse(struct sl_columns *out, const char *text, size_t length, const char *what,
                                struct sl_error *error)
{
	size_t lines = 1;
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	*out = (struct sl_columns){ .text = malloc(length + 1),
		                    .item = calloc(lines, sizeof *out->item),
		                    .sorted = calloc(lines, sizeof *out->sorted) };
	enum sl_status status = SL_OK;
	if (!out->text || !out->item || !out->sorted)
		status = sl_fail(error, SL_NO_MEMORY, "%s: no memory for %zu columns", what, lines);
	else if (memchr(text, '\0', length))
		status = sl_fail(error, SL_MALFORMED, "%s: a zero byte: not a text file", what);
	if (status == SL_OK) {
		memcpy(out->text, text, length);
		out->text[length] = '\0';
		status = take_lines(out, what, error);
	}
	if (status == SL_OK)
		status = sort(out, what, error);
	if (status != SL_OK)
		sl_columns_free(out);
	return status;
}

/* ---- printing ---- */

enum sl_status sl_columns_print(const struct sl_columns *c, char **text, size_t *length,
                                struct sl_error *error)
{
	FILE *f = open_memstream(text, length);
	if (!f)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u columns", c->count);
	for (uint32_t i = 0; i < c->count; i++) {
		const struct sl_column *item = &c->item[i];
		if (item->offset == 0 && item->divisor == 1)
			fprintf(f, "%s\n", item->name);
		else
			fprintf(f, "%s\t%.17g\t%.17g\n", item->name, item->offset, item->divisor);
	}
	if (fclose(f) == 0)
		return SL_OK;
	free(*text);
	*text = NULL;
	return sl_fail(error, SL_NO_MEMORY, "no memory for %u columns", c->count);
}

enum sl_status sl_columns_setting(const struct sl_columns *c, char out[static SL_TEXT_MAX],
                                  struct sl_error *error)
{
	char *text, hex[2 * DIGEST_BYTES + 1];
	size_t length;
	uint8_t digest[DIGEST_BYTES];
	snprintf(out, SL_TEXT_MAX, "none");
	enum sl_status status = c->count ? sl_columns_print(c, &text, &length, error) : SL_OK;
	if (status != SL_OK || c->count == 0)
		return status;
	crypto_generichash(digest, sizeof digest, (const uint8_t *)text, length, NULL, 0);
	sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
	snprintf(out, SL_TEXT_MAX, "list:%u:%s", c->count, hex);
	free(text);
	return SL_OK;
}

/* ---- of a run ---- */

void sl_columns_path(const struct sl_config *config, char out[static 4096])
{
	char name[SL_TEXT_MAX + 16];
	snprintf(name, sizeof name, "%s/columns", config->settings.host.shards);
	sl_config_path(config, name, false, out);
}

static enum sl_status read_file(struct sl_columns *out, const char *path, struct sl_error *error)
{
	uint8_t *text;
	size_t length;
	enum sl_status status = sl_file_read(path, TEXT_MAX, &text, &length, error);
	if (status != SL_OK)
		return status;
	status = sl_columns_parse(out, (const char *)text, length, path, error);
	free(text);
	return status;
}

enum sl_status sl_columns_declared(struct sl_columns *out, const char *setting, struct sl_error *error)
{
	*out = (struct sl_columns){ 0 };
	if (strcmp(setting, "none") == 0)
		return SL_OK;
	if (strncmp(setting, "file:", 5) == 0)
		return read_file(out, setting + 5, error) == SL_OK ? SL_OK : sl_wrap(error, "[data] columns");
	return sl_fail(
	    error, SL_MALFORMED,
	    "[data] columns = %s: this is a digest; to prepare data, give the list itself, such as columns = file:PATH",
	    setting);
}

enum sl_status sl_columns_of_run(struct sl_columns *out, const struct sl_config *config,
                                 struct sl_error *error)
{
	char path[4096], found[SL_TEXT_MAX];
	const char *setting = config->settings.host.columns;
	*out = (struct sl_columns){ 0 };
	if (strcmp(setting, "none") == 0)
		return SL_OK;
	sl_columns_path(config, path);
	enum sl_status status = read_file(out, path, error);
	if (status == SL_OK)
		status = sl_columns_setting(out, found, error);
	if (status == SL_OK && strcmp(found, setting) != 0)
		status =
		    sl_fail(error, SL_REFUSED, "%s: holds %s, but [data] columns = %s: the file was changed",
		            path, found, setting);
	if (status != SL_OK)
		sl_columns_free(out);
	return status;
}

/* ---- data ---- */

/* The declared column of that name, or `count`. */
static uint32_t find(const struct sl_columns *c, const char *name)
{
	uint32_t low = 0, high = c->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(c->item[c->sorted[middle]].name, name);
		if (order == 0)
			return c->sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return c->count;
}

enum sl_status sl_columns_match(const struct sl_columns *c, const char *found, uint32_t features,
                                uint32_t *order, const char *what, struct sl_error *error)
{
	char shown[120];
	for (uint32_t i = 0; i < c->count; i++)
		order[i] = UINT32_MAX;
	for (uint32_t f = 0; f < features; f++, found += strlen(found) + 1) {
		uint32_t column = find(c, found);
		sl_utf8_shown(found, shown, sizeof shown);
		if (column == c->count)
			return sl_fail(
			    error, SL_REFUSED,
			    "%s: column '%s' is not among the %u that the run declares: leave it out", what,
			    shown, c->count);
		if (order[column] != UINT32_MAX)
			return sl_fail(error, SL_REFUSED, "%s: column '%s' is there twice", what, shown);
		order[column] = f;
	}
	for (uint32_t i = 0; i < c->count; i++)
		if (order[i] == UINT32_MAX)
			return sl_fail(
			    error, SL_REFUSED,
			    "%s: column '%.60s' is missing, which the run declares as number %u of %u", what,
			    c->item[i].name, i + 1, c->count);
	return SL_OK;
}

enum sl_status sl_columns_apply(const struct sl_columns *c, const uint32_t *order, float *rows,
                                uint32_t samples, const char *what, struct sl_error *error)
{
	float *copy = malloc(c->count * sizeof *copy);
	enum sl_status status =
	    copy ? SL_OK : sl_fail(error, SL_NO_MEMORY, "%s: no memory for %u columns", what, c->count);
	for (uint32_t s = 0; s < samples && status == SL_OK; s++, rows += c->count) {
		memcpy(copy, rows, c->count * sizeof *copy);
		for (uint32_t i = 0; i < c->count; i++) {
			double value = (double)copy[order ? order[i] : i];
			rows[i] = (float)((value - c->item[i].offset) / c->item[i].divisor);
			if (!isfinite(rows[i]))
				status = sl_fail(error, SL_OUT_OF_RANGE,
				                 "%s: %g in column '%.60s' is too large when it is scaled",
				                 what, value, c->item[i].name);
		}
	}
	free(copy);
	return status;
}
