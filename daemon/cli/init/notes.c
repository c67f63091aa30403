/* notes.c — notes about classes without samples, which are allowed but rarely intended. */
#include "daemon/cli/init/init.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTED_CLASSES = 4, NOTED_PEERS = 4 };

enum sl_status sl_tally_make(struct sl_tally *t, uint32_t classes, struct sl_error *error)
{
	*t = (struct sl_tally){ .all = calloc(classes + (size_t)1, sizeof *t->all),
		                .one = calloc(classes + (size_t)1, sizeof *t->one),
		                .classes = classes };
	return t->all && t->one ? SL_OK : sl_fail(error, SL_NO_MEMORY, "no memory for %u classes", classes);
}

void sl_tally_free(struct sl_tally *t)
{
	free(t->all);
	free(t->one);
	*t = (struct sl_tally){ 0 };
}

void sl_tally_count(struct sl_tally *t, const uint16_t *label, uint32_t count)
{
	memset(t->one, 0, t->classes * sizeof *t->one);
	for (uint32_t s = 0; s < count && t->classes > 0; s++)
		t->one[label[s]]++;
	for (uint32_t c = 0; c < t->classes; c++)
		t->all[c] += t->one[c];
}

/* Appends to a note; what does not fit is cut. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

/* Appends the classes of which there are no samples, the first few by name; returns how many there are. With
 * `tested`, how many test samples each has. */
static uint32_t append_absent(char *text, size_t size, const struct sl_classes *list, const uint32_t *samples,
                              const uint32_t *tested)
{
	uint32_t absent = 0;
	for (uint32_t c = 0; c < list->count; c++) {
		char name[SL_CLASS_NAME_MAX + 1];
		if (samples[c] > 0 || absent++ >= NOTED_CLASSES)
			continue;
		sl_classes_name(list->text, list->length, c, name);
		append(text, size, "%s%s", absent > 1 ? ", " : "", name);
		if (tested && tested[c] > 0)
			append(text, size, " (%u test sample%s)", tested[c], tested[c] > 1 ? "s" : "");
	}
	if (absent > NOTED_CLASSES)
		append(text, size, " and %u more", absent - NOTED_CLASSES);
	return absent;
}

void sl_tally_peer(struct sl_tally *t, struct sl_shards *out, uint32_t peer, const char *path)
{
	char absent[SL_TEXT_MAX] = "";
	const char *slash = strrchr(path, '/');
	uint32_t count = append_absent(absent, sizeof absent, &out->classes.classes, t->one, NULL);
	if (count == 0)
		return;
	if (t->lacking++ < NOTED_PEERS)
		append(out->lacking, sizeof out->lacking, "%speer %u (%.60s) has no sample of class%s %s",
		       out->lacking[0] ? "; " : "", peer, slash ? slash + 1 : path, count > 1 ? "es" : "",
		       absent);
}

void sl_tally_end(const struct sl_tally *t, struct sl_shards *out, const struct sl_dataset *test,
                  const uint32_t *pick, uint32_t count)
{
	char absent[SL_TEXT_MAX] = "";
	if (t->lacking > NOTED_PEERS)
		append(out->lacking, sizeof out->lacking, "; %u more peers have no sample of some class",
		       t->lacking - NOTED_PEERS);
	memset(t->one, 0, t->classes * sizeof *t->one);
	for (uint32_t i = 0; i < count && t->classes > 0; i++)
		t->one[test->label[pick ? pick[i] : i]]++;
	uint32_t classes = append_absent(absent, sizeof absent, &out->classes.classes, t->all, t->one);
	if (classes > 0)
		append(out->unseen, sizeof out->unseen,
		       "no training sample of class%s %s: no peer can learn %s", classes > 1 ? "es" : "",
		       absent, classes > 1 ? "them" : "it");
}
