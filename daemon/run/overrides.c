#include "daemon/run/overrides.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static enum sl_status append(struct sl_overrides *overrides, char *text, struct sl_error *error)
{
	size_t dot = strcspn(text, ".="), equals = strcspn(text, "=");
	if (!dot || text[dot] != '.' || dot + 1 == equals || text[equals] != '=')
		return sl_fail(error, SL_MALFORMED,
		               "--set %.100s: must be section.key=value, such as algorithm.eta=0.05", text);
	char **item = realloc(overrides->item, (overrides->count + 2) * sizeof *item);
	if (!item)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	item[overrides->count++] = text;
	item[overrides->count] = NULL;
	overrides->item = item;
	return SL_OK;
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
	enum sl_status status = append(overrides, text, error);
	if (status != SL_OK)
		free(text);
	return status;
}

enum sl_status sl_overrides_take(const struct sl_argument *argument, void *record, const char *text,
                                 struct sl_error *error)
{
	struct sl_overrides *field = (void *)((char *)record + argument->option.offset);
	return sl_overrides_add(field, error, "%s", text);
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
