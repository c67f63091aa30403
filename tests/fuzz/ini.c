/* INI texts from anywhere: every line is read once, and what is read prints to a text that reads the same. */
#include "daemon/run/ini.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Whether `text`, after an empty line, holds the section, or the key with its value, and nothing else. The empty
 * line keeps a key that begins with a byte order mark from losing it. */
static void check(const struct sl_ini *found, enum sl_ini_kind kind, const char *text, size_t length)
{
	struct sl_ini ini;
	struct sl_error error = { 0 };
	sl_ini_begin(&ini, text, length);
	SL_CHECK(sl_ini_next(&ini, &error) == kind && ini.line == 2);
	SL_CHECK(strcmp(ini.section, kind == SL_INI_SECTION ? found->section : "") == 0);
	SL_CHECK(strcmp(ini.key, found->key) == 0 && strcmp(ini.value, found->value) == 0);
	SL_CHECK(sl_ini_next(&ini, &error) == SL_INI_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_ini ini;
	struct sl_error error = { 0 };
	enum sl_ini_kind kind;
	uint32_t lines = 1, before = 0;
	char text[SL_INI_NAME_MAX + SL_INI_VALUE_MAX + 8];
	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	sl_ini_begin(&ini, (const char *)bytes, length);
	while ((kind = sl_ini_next(&ini, &error)) == SL_INI_SECTION || kind == SL_INI_KEY) {
		SL_CHECK(ini.line > before && ini.line <= lines);
		before = ini.line;
		SL_CHECK(sl_ini_can_hold(ini.value) || ini.value[0] == ';');
		int n = kind == SL_INI_SECTION
		            ? snprintf(text, sizeof text, "\n[%s]\n", ini.section)
		            : snprintf(text, sizeof text, "\n%s =%s\n", ini.key, ini.value);
		check(&ini, kind, text, (size_t)n);
	}
	if (kind == SL_INI_WRONG)
		SL_CHECK(ini.line > before && error.text[0] && !strchr(error.text, '\n'));
	return 0;
}
