#include "daemon/run/config.h"

#include "base/bytes.h"
#include "daemon/run/files.h"
#include "daemon/run/ini.h"
#include "daemon/run/keys.h"
#include "gossip/frame.h"
#include "learn/model.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Size limit of run.conf: it has about 40 keys, so a megabyte is another file, given by mistake. */
enum { FILE_MAX = 1 << 20 };

static uint16_t *line_of(struct sl_config *config, const char *section, const char *key)
{
	for (unsigned i = 0; sl_settings_sections[i].name && i < SL_CONFIG_SECTIONS; i++) {
		const struct sl_option *table = sl_settings_sections[i].options;
		if (strcmp(sl_settings_sections[i].name, section) != 0)
			continue;
		const struct sl_option *o = sl_option_find(table, key);
		return o && o - table < SL_CONFIG_KEYS ? &config->line[i][o - table] : NULL;
	}
	return NULL;
}

static enum sl_status check_section(struct sl_config *c, const char *name, struct sl_error *error)
{
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return SL_OK;
	return sl_run_settings_set(&c->settings, name, "", "", error); /* names the nearest section */
}

/* Refuses a value that an INI file cannot represent: the written configuration would not parse back. */
static enum sl_status check_value(const char *key, const char *value, struct sl_error *error)
{
	return sl_ini_can_hold(value)
	           ? SL_OK
	           : sl_fail(
	                 error, SL_MALFORMED,
	                 "%s = %s: a value cannot begin or end with a blank, or contain ';' at its start or after a blank",
	                 key, value);
}

static enum sl_status take_key(struct sl_config *c, const struct sl_ini *ini, struct sl_error *error)
{
	if (!ini->section[0])
		return sl_fail(
		    error, SL_MALFORMED,
		    "'%s' is set before the first section; a section begins with a line such as [run]",
		    ini->key);
	enum sl_status status = sl_run_settings_set(&c->settings, ini->section, ini->key, ini->value, error);
	if (status == SL_OK)
		status = check_value(ini->key, ini->value, error);
	if (status != SL_OK)
		return status;
	uint16_t *line = line_of(c, ini->section, ini->key);
	SL_CHECK(line);
	if (*line)
		return sl_fail(error, SL_MALFORMED, "[%s] %s is already set in line %u", ini->section,
		               ini->key, *line);
	*line = (uint16_t)(ini->line < SL_CONFIG_OVERRIDDEN ? ini->line : SL_CONFIG_OVERRIDDEN - 1);
	return SL_OK;
}

static enum sl_status parse_text(struct sl_config *c, const char *text, size_t length, struct sl_error *error)
{
	struct sl_ini ini;
	enum sl_ini_kind kind;
	enum sl_status status = SL_OK;
	sl_ini_begin(&ini, text, length);
	while (status == SL_OK && (kind = sl_ini_next(&ini, error)) != SL_INI_END)
		status = kind == SL_INI_SECTION ? check_section(c, ini.section, error)
		         : kind == SL_INI_KEY   ? take_key(c, &ini, error)
		                                : error->status;
	return status == SL_OK ? SL_OK : sl_wrap(error, "%s:%" PRIu32, c->file, ini.line);
}

enum sl_status sl_config_text(struct sl_run_settings *out, const char *name, const char *text, size_t length,
                              struct sl_error *error)
{
	struct sl_config config = { 0 };
	snprintf(config.file, sizeof config.file, "%s", name);
	sl_run_settings_standard(&config.settings);
	enum sl_status status = parse_text(&config, text, length, error);
	if (status == SL_OK && sl_run_settings_check(&config.settings, error) != SL_OK)
		status = sl_config_blame(&config, error);
	if (status == SL_OK)
		*out = config.settings;
	return status;
}

static enum sl_status take_override(struct sl_config *c, const char *text, struct sl_error *error)
{
	char section[SL_TEXT_MAX], key[SL_TEXT_MAX];
	const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
	if (!dot || !equals || dot > equals || equals - text >= SL_TEXT_MAX)
		return sl_fail(error, SL_MALFORMED,
		               "--set %s: must be section.key=value, such as algorithm.eta=0.05", text);
	snprintf(section, sizeof section, "%.*s", (int)(dot - text), text);
	snprintf(key, sizeof key, "%.*s", (int)(equals - dot - 1), dot + 1);
	enum sl_status status = sl_run_settings_set(&c->settings, section, key, equals + 1, error);
	if (status == SL_OK)
		status = check_value(key, equals + 1, error);
	if (status != SL_OK)
		return sl_wrap(error, "--set %s.%s", section, key);
	*line_of(c, section, key) = SL_CONFIG_OVERRIDDEN;
	return SL_OK;
}

enum sl_status sl_config_blame(const struct sl_config *c, struct sl_error *error)
{
	char section[64], key[64];
	const uint16_t *line = NULL;
	if (sscanf(error->text, "[%63[a-z_]] %63[a-z_]", section, key) == 2)
		line = line_of((struct sl_config *)c, section, key);
	if (line && *line == SL_CONFIG_OVERRIDDEN)
		return sl_wrap(error, "--set %s.%s", section, key);
	if (line && *line)
		return sl_wrap(error, "%s:%u", c->file, *line);
	return c->file[0] ? sl_wrap(error, "%s", c->file) : error->status;
}

static enum sl_status finish(struct sl_config *c, char *const *overrides, struct sl_error *error)
{
	for (; overrides && *overrides; overrides++) {
		enum sl_status status = take_override(c, *overrides, error);
		if (status != SL_OK)
			return status;
	}
	return sl_run_settings_check(&c->settings, error) == SL_OK ? SL_OK : sl_config_blame(c, error);
}

/* systemd lists several folders with ':' between them; the first is ours. */
static enum sl_status find_state(struct sl_config *c, struct sl_error *error)
{
	const char *state = getenv("STATE_DIRECTORY");
	if (!state || !state[0])
		state = c->folder;
	size_t length = state == c->folder ? strlen(state) : strcspn(state, ":");
	if (length + SL_TEXT_MAX + 64 > sizeof c->state)
		return sl_fail(error, SL_TOO_BIG, "the path of the run's folder is longer than %zu bytes",
		               sizeof c->state - SL_TEXT_MAX - 64);
	snprintf(c->state, sizeof c->state, "%.*s", (int)length, state);
	return SL_OK;
}

enum sl_status sl_config_standard(struct sl_config *out, char *const *overrides, struct sl_error *error)
{
	*out = (struct sl_config){ .folder = "." };
	sl_run_settings_standard(&out->settings);
	enum sl_status status = find_state(out, error);
	return status == SL_OK ? finish(out, overrides, error) : status;
}

enum sl_status sl_config_load(struct sl_config *out, const char *file, char *const *overrides,
                              struct sl_error *error)
{
	*out = (struct sl_config){ 0 };
	sl_run_settings_standard(&out->settings);
	const char *slash = strrchr(file, '/');
	size_t folder = slash ? (size_t)(slash - file) : 0;
	if (strlen(file) + SL_TEXT_MAX + 64 > sizeof out->file)
		return sl_fail(error, SL_TOO_BIG, "%.200s…: the path is longer than %zu bytes", file,
		               sizeof out->file - SL_TEXT_MAX - 64);
	snprintf(out->file, sizeof out->file, "%s", file);
	snprintf(out->folder, sizeof out->folder, "%.*s", slash ? (int)(folder ? folder : 1) : 1,
	         slash ? file : ".");
	uint8_t *text;
	size_t length;
	enum sl_status status = find_state(out, error);
	if (status == SL_OK)
		status = sl_file_read(file, FILE_MAX, &text, &length, error);
	if (status != SL_OK)
		return status;
	status = parse_text(out, (const char *)text, length, error);
	free(text);
	return status == SL_OK ? finish(out, overrides, error) : status;
}

void sl_config_path(const struct sl_config *config, const char *name, bool written, char out[static 4096])
{
	const char *base = written ? config->state : config->folder;
	bool absolute = name[0] == '/';
	int length = snprintf(out, 4096, "%s%s%s", absolute ? "" : base, absolute ? "" : "/", name);
	SL_CHECK(length >= 0 &&
	         length < 4096); /* names are limited to SL_TEXT_MAX, folders when they are read */
}

/* Tensors, then what describes a model outside of this program, then a start that is given. */
static void hash_model(crypto_generichash_state *hash, const struct sl_model_instance *model)
{
	const struct sl_layout *layout = &model->layout;
	for (uint32_t i = 0; i < layout->tensors; i++) {
		const struct sl_tensor *t = sl_layout_tensor(layout, i);
		uint8_t shape[13];
		sl_store_u32(shape, t->offset);
		sl_store_u32(shape + 4, t->rows);
		sl_store_u32(shape + 8, t->columns);
		shape[12] = t->bias;
		crypto_generichash_update(hash, shape, sizeof shape);
	}
	if (model->described)
		crypto_generichash_update(hash, model->described, model->described_length);
	if (model->start)
		crypto_generichash_update(hash, (const uint8_t *)model->start,
		                          sizeof(float) * (size_t)layout->dimension);
}

void sl_config_fingerprint(const struct sl_run_settings *settings, const struct sl_model_instance *model,
                           char hex[static 33], uint64_t *run)
{
	char text[8192];
	crypto_generichash_state hash;
	uint8_t digest[16];
	size_t length = sl_run_settings_print(settings, SL_SCOPES_RUN, text, sizeof text);
	SL_CHECK(length < sizeof text);
	crypto_generichash_init(&hash, NULL, 0, sizeof digest);
	crypto_generichash_update(&hash, (const uint8_t *)text, length + 1);
	hash_model(&hash, model);
	uint8_t tail[4 + SL_KEY_BYTES] = { 0 };
	sl_store_u32(tail, SL_RUN_VERSION);
	sl_key_parse(settings->host.operator_key, tail + 4); /* a simulation has no key: zeros */
	crypto_generichash_update(&hash, tail, sizeof tail);
	crypto_generichash_final(&hash, digest, sizeof digest);
	sodium_bin2hex(hex, 33, digest, sizeof digest);
	*run = sl_load_u64(digest);
}

/* libsodium's BLAKE2b gives 16 bytes or more: the first 8 of 16 are used. */
void sl_config_run_id(const struct sl_run_settings *settings, const char *fingerprint_hex, uint64_t session,
                      char out[static SL_TEXT_MAX + 32])
{
	uint8_t text[SL_TEXT_MAX + 8], digest[16];
	char hex[17];
	size_t length = strlen(fingerprint_hex);
	SL_CHECK(length < SL_TEXT_MAX);
	memcpy(text, fingerprint_hex, length);
	sl_store_u64(text + length, session);
	crypto_generichash(digest, sizeof digest, text, length + 8, NULL, 0);
	sodium_bin2hex(hex, sizeof hex, digest, 8);
	snprintf(out, SL_TEXT_MAX + 32, "%s-%s", settings->host.name, hex);
}
