#include "daemon/run/roster_of_run.h"

#include "daemon/run/files.h"
#include "daemon/run/founding.h"

#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- whose roster it is ---- */

void sl_run_id_draw(uint8_t id[static SL_RUN_ID_BYTES], char hex[static SL_RUN_ID_HEX])
{
	randombytes_buf(id, SL_RUN_ID_BYTES);
	sodium_bin2hex(hex, SL_RUN_ID_HEX, id, SL_RUN_ID_BYTES);
}

enum sl_status sl_run_id_of(const struct sl_config *config, uint8_t id[static SL_RUN_ID_BYTES], bool *named,
                            struct sl_error *error)
{
	size_t length = 0;
	const char *text = config->settings.host.id;
	*named = text[0] != '\0';
	if (!*named ||
	    (strlen(text) == SL_RUN_ID_HEX - 1 &&
	     sodium_hex2bin(id, SL_RUN_ID_BYTES, text, SL_RUN_ID_HEX - 1, NULL, &length, NULL) == 0 &&
	     length == SL_RUN_ID_BYTES))
		return SL_OK;
	sl_fail(error, SL_MALFORMED, "[run] id = %s: must be %d hex digits", text, SL_RUN_ID_HEX - 1);
	return sl_config_blame(config, error);
}

static enum sl_status read_for(struct sl_roster *out, const struct sl_config *config,
                               const uint8_t *operator_key, bool to_sign, struct sl_error *error)
{
	char path[4096], found[SL_RUN_ID_HEX];
	uint8_t id[SL_RUN_ID_BYTES] = { 0 };
	bool named;
	sl_config_path(config, config->settings.host.roster, false, path);
	enum sl_status status = sl_run_id_of(config, id, &named, error);
	if (status == SL_OK)
		status = sl_roster_read(out, path, operator_key, error);
	if (status == SL_NOT_FOUND && sl_founding_pending(config))
		return sl_fail(
		    error, SL_NOT_FOUND,
		    "%s: is signed when all hosts have asked to take part: starling roster %s --admit FILE...",
		    path, config->folder);
	if (status != SL_OK)
		return status;
	sodium_bin2hex(found, sizeof found, out->run, sizeof out->run);
	if (out->bound && !named)
		sl_fail(
		    error, SL_REFUSED,
		    "%s: is the roster of run %s, but [run] id is missing: add id = %s if this is that run",
		    path, found, found);
	else if (out->bound && memcmp(out->run, id, sizeof id) != 0)
		sl_fail(
		    error, SL_REFUSED,
		    "%s: is the roster of run %s, but [run] id = %s: another run's roster, signed by the same operator",
		    path, found, config->settings.host.id);
	else if (!out->bound && named && !to_sign)
		sl_fail(
		    error, SL_REFUSED,
		    "%s: names no run (its text has version 1), but [run] id = %s: sign it again with starling roster RUN --sign",
		    path, config->settings.host.id);
	else {
		out->bound = named;
		memcpy(out->run, id, sizeof id);
		return SL_OK;
	}
	sl_roster_free(out);
	return error->status;
}

enum sl_status sl_roster_of_run(struct sl_roster *out, const struct sl_config *config,
                                const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error)
{
	return read_for(out, config, operator_key, false, error);
}

enum sl_status sl_roster_to_sign(struct sl_roster *out, const struct sl_config *config,
                                 const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error)
{
	return read_for(out, config, operator_key, true, error);
}

/* ---- the highest serial ---- */

/* The record: whose rosters it counts, the highest serial, and the signature of that roster. */
enum { RECORD_MOST = 1024 };
static const char record_word[] = "starling-serial 1\n";

static void record_path(const struct sl_config *config, uint32_t peer, char path[static 4096])
{
	char name[32];
	snprintf(name, sizeof name, "serial.%" PRIu32, peer);
	sl_config_path(config, name, true, path);
}

/* The lines that tell which rosters may be compared. */
static int print_whose(const struct sl_roster *r, const uint8_t *operator_key, char text[static RECORD_MOST])
{
	char key[SL_KEY_HEX], run[SL_RUN_ID_HEX];
	sl_key_print(operator_key, key);
	sodium_bin2hex(run, sizeof run, r->run, sizeof r->run);
	return snprintf(text, RECORD_MOST, "%soperator %s\nrun %s\n", record_word, key, r->bound ? run : "-");
}

static int print_record(const struct sl_roster *r, const uint8_t *operator_key, char text[static RECORD_MOST])
{
	char signature[2 * SL_SIGNATURE_BYTES + 1];
	sodium_bin2hex(signature, sizeof signature, r->signature, sizeof r->signature);
	int n = print_whose(r, operator_key, text);
	return n +
	       snprintf(text + n, RECORD_MOST - (size_t)n, "serial %" PRIu32 " %s\n", r->serial, signature);
}

enum sl_status sl_serial_parse(const char *text, size_t length, const char *what, const char *whose,
                               bool *ours, uint32_t *serial, uint8_t signature[static SL_SIGNATURE_BYTES],
                               struct sl_error *error)
{
	enum { HEX = 2 * SL_SIGNATURE_BYTES };
	static const char word[] = "serial ";
	const char *end = text + length, *line, *hex;
	size_t found = 0;
	*ours = false;
	if (length <= sizeof record_word || memcmp(text, record_word, sizeof record_word - 1) != 0 ||
	    end[-1] != '\n')
		return sl_fail(error, SL_MALFORMED,
		               "%s:1: must be 'starling-serial 1', with three lines after it", what);
	for (line = end - 1; line > text && line[-1] != '\n';)
		line--;
	hex = end - 1 - HEX;
	char number[16] = "", *rest = number;
	if (hex - line > (ptrdiff_t)sizeof word && hex - line < (ptrdiff_t)(sizeof word + sizeof number))
		memcpy(number, line + sizeof word - 1, (size_t)(hex - line) - sizeof word);
	unsigned long long value =
	    number[0] >= '0' && number[0] <= '9' ? strtoull(number, &rest, 10) : ULLONG_MAX;
	if (value > UINT32_MAX || *rest || memcmp(line, word, sizeof word - 1) != 0 || hex[-1] != ' ' ||
	    sodium_hex2bin(signature, SL_SIGNATURE_BYTES, hex, HEX, NULL, &found, NULL) != 0 ||
	    found != SL_SIGNATURE_BYTES)
		return sl_fail(error, SL_MALFORMED,
		               "%s:4: must be 'serial NUMBER' and a signature of %d hex digits", what, HEX);
	*serial = (uint32_t)value;
	*ours = (size_t)(line - text) == strlen(whose) && memcmp(text, whose, strlen(whose)) == 0;
	return SL_OK;
}

enum sl_status sl_serial_check(const struct sl_config *config, uint32_t peer, const struct sl_roster *r,
                               const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error)
{
	char path[4096], whose[RECORD_MOST];
	uint8_t *text, signature[SL_SIGNATURE_BYTES];
	size_t length;
	uint32_t serial = 0;
	bool ours;
	record_path(config, peer, path);
	enum sl_status status = sl_file_read(path, RECORD_MOST, &text, &length, error);
	if (status == SL_NOT_FOUND)
		return SL_OK;
	if (status != SL_OK)
		return status;
	print_whose(r, operator_key, whose);
	status = sl_serial_parse((const char *)text, length, path, whose, &ours, &serial, signature, error);
	free(text);
	if (status != SL_OK || !ours)
		return status;
	if (r->serial < serial)
		return sl_fail(error, SL_REFUSED,
		               "%s: its serial %" PRIu32 " is below %" PRIu32
		               ", which was in force here (%s): an older roster was restored",
		               config->settings.host.roster, r->serial, serial, path);
	if (r->serial == serial && memcmp(signature, r->signature, sizeof signature) != 0)
		return sl_fail(error, SL_REFUSED,
		               "%s: another roster of serial %" PRIu32
		               " was in force here (%s): a change needs a higher serial",
		               config->settings.host.roster, serial, path);
	return SL_OK;
}

enum sl_status sl_serial_keep(const struct sl_config *config, uint32_t peer, const struct sl_roster *r,
                              const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error)
{
	char path[4096], record[RECORD_MOST];
	uint8_t *text = NULL;
	size_t length = 0, wanted = (size_t)print_record(r, operator_key, record);
	struct sl_error unread;
	record_path(config, peer, path);
	bool same = sl_file_read(path, RECORD_MOST, &text, &length, &unread) == SL_OK && length == wanted &&
	            memcmp(text, record, wanted) == 0;
	free(text);
	return same ? SL_OK : sl_file_replace(path, record, wanted, 0600, error);
}
