#include "daemon/run/session.h"

#include "daemon/run/files.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 16, FILE_MOST = 1 << 16 };

uint64_t sl_session_draw(void)
{
	uint64_t session;
	do
		randombytes_buf(&session, sizeof session);
	while (session == 0);
	return session;
}

enum sl_status sl_session_parse(struct sl_session *out, const char *path, const char *text, size_t length,
                                struct sl_error *error)
{
	size_t digits = strspn(text, "0123456789abcdef");
	if (digits != DIGITS || (text[DIGITS] && text[DIGITS] != '\n'))
		return sl_fail(error, SL_MALFORMED, "%s: must contain 16 hex digits on its first line", path);
	out->number = strtoull(text, NULL, 16);
	const char *rest = text + DIGITS + strspn(text + DIGITS, "\n");
	/* A record of another version of starling is ignored. */
	struct sl_error unread;
	out->recorded = *rest && sl_config_text(&out->settings, path, rest, length - (size_t)(rest - text),
	                                        &unread) == SL_OK;
	return SL_OK;
}

enum sl_status sl_session_read(const struct sl_config *config, struct sl_session *out, struct sl_error *error)
{
	char path[4096];
	uint8_t *text;
	size_t length;
	struct sl_error missing = { 0 };
	*out = (struct sl_session){ 0 };
	sl_config_path(config, "session", false, path);
	enum sl_status status = sl_file_read(path, FILE_MOST, &text, &length, &missing);
	if (status == SL_NOT_FOUND)
		return SL_OK;
	if (status != SL_OK)
		return sl_fail(error, status, "%s", missing.text);
	status = sl_session_parse(out, path, (const char *)text, length, error);
	free(text);
	return status;
}

enum sl_status sl_session_write(const struct sl_config *config, uint64_t number,
                                const struct sl_run_settings *settings, struct sl_error *error)
{
	char path[4096], text[16384];
	sl_config_path(config, "session", false, path);
	size_t n = (size_t)snprintf(text, sizeof text, "%016" PRIx64 "\n", number);
	if (settings) {
		n += (size_t)snprintf(text + n, sizeof text - n, "\n");
		n += sl_run_settings_print(settings, SL_SCOPES_ALL, text + n, sizeof text - n);
	}
	SL_CHECK(n < sizeof text);
	return sl_file_replace(path, text, n, 0644, error);
}
