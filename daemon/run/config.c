#include "daemon/run/config.h"

#include "base/bytes.h"
#include "daemon/run/files.h"
#include "daemon/run/keys.h"
#include "gossip/frame.h"
#include "learn/model.h"

#include <ctype.h>
#include <ini.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A run.conf has some 40 keys; a megabyte is a file given by mistake. libinih as Debian builds it takes lines
 * of 198 characters (its buffer of 200 less the newline and the NUL) and cuts longer ones in silence. */
enum { FILE_MAX = 1 << 20, LINE_LONGEST = 198 };

/* What the reader and the handler of libinih share. libinih knows no line numbers in its handler as Debian
 * builds it, so the reader counts. */
struct parse {
	struct sl_config *config;
	struct sl_error *error;
	const char *at, *end; /* what is left of the file */
	uint32_t line;
	bool failed;
};

static bool fail_here(struct parse *p)
{
	sl_wrap(p->error, "%s:%" PRIu32, p->config->file, p->line);
	p->failed = true;
	return false;
}

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

static bool section_known(const char *name)
{
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return true;
	return false;
}

/* libinih tells nobody about a section without keys; a misspelt one is refused all the same. */
static bool check_section(struct parse *p, const char *line, size_t length)
{
	const char *close = memchr(line, ']', length);
	char name[SL_TEXT_MAX + 16];
	if (!close)
		return true; /* libinih refuses it */
	snprintf(name, sizeof name, "%.*s", (int)(close - line - 1), line + 1);
	if (section_known(name))
		return true;
	sl_run_settings_set(&p->config->settings, name, "", "", p->error);
	return fail_here(p);
}

static bool check_line(struct parse *p, const char *line, size_t length, size_t most)
{
	if (length > most)
		sl_fail(p->error, SL_TOO_BIG, "the line has %zu characters, at most %zu are read", length,
		        most);
	else if (memchr(line, '\0', length))
		sl_fail(p->error, SL_MALFORMED, "the line holds a zero byte: this is no text file");
	else
		return length == 0 || line[0] != '[' || check_section(p, line, length);
	return fail_here(p);
}

/* fgets for libinih. Blanks in front of a line are dropped: to libinih they would continue the line before.
 */
static char *read_line(char *out, int room, void *stream)
{
	struct parse *p = stream;
	if (p->failed || p->at == p->end)
		return NULL;
	p->line++;
	const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
	const char *line = p->at, *stop = newline ? newline : p->end;
	p->at = newline ? newline + 1 : p->end;
	while (line < stop && (*line == ' ' || *line == '\t'))
		line++;
	while (line < stop && isspace((unsigned char)stop[-1]))
		stop--;
	size_t length = (size_t)(stop - line),
	       most = room - 2 < LINE_LONGEST ? (size_t)room - 2 : LINE_LONGEST;
	if (!check_line(p, line, length, most))
		return NULL;
	memcpy(out, line, length);
	memcpy(out + length, "\n", 2);
	return out;
}

/* Whether "key = value" can stand in an INI file: what cannot would make a configuration that does not parse
 * back. */
static enum sl_status check_value(const char *key, const char *value, struct sl_error *error)
{
	size_t n = strlen(value), most = LINE_LONGEST - strlen(" = ") - strlen(key);
	if (n > most)
		return sl_fail(error, SL_TOO_BIG, "%s: the value has %zu characters, at most %zu fit a line",
		               key, n, most);
	bool good = value[0] != ';' &&
	            (n == 0 || (!isspace((unsigned char)value[0]) && !isspace((unsigned char)value[n - 1])));
	for (size_t i = 0; i + 1 < n; i++)
		good = good && !(isspace((unsigned char)value[i]) && value[i + 1] == ';');
	return good
	           ? SL_OK
	           : sl_fail(
	                 error, SL_MALFORMED,
	                 "%s = %s: must not begin or end with a blank, nor hold ';' at its start or behind a blank",
	                 key, value);
}

static bool take_key(struct parse *p, const char *section, const char *key, const char *value)
{
	struct sl_config *c = p->config;
	if (!section[0]) {
		sl_fail(p->error, SL_MALFORMED,
		        "'%s' stands before any section; a section begins with a line such as [run]", key);
		return fail_here(p);
	}
	if (sl_run_settings_set(&c->settings, section, key, value, p->error) != SL_OK ||
	    check_value(key, value, p->error) != SL_OK)
		return fail_here(p);
	uint16_t *line = line_of(c, section, key);
	SL_CHECK(line);
	if (*line) {
		sl_fail(p->error, SL_MALFORMED, "[%s] %s is set a second time; line %u has set it already",
		        section, key, *line);
		return fail_here(p);
	}
	*line = (uint16_t)(p->line < SL_CONFIG_OVERRIDDEN ? p->line : SL_CONFIG_OVERRIDDEN - 1);
	return true;
}

static int handle(void *user, const char *section, const char *name, const char *value
#if INI_HANDLER_LINENO
                  ,
                  int line
#endif
)
{
#if INI_HANDLER_LINENO
	(void)line;
#endif
	struct parse *p = user;
	return p->failed || take_key(p, section, name, value ? value : "");
}

static enum sl_status parse_text(struct sl_config *c, const char *text, size_t length, struct sl_error *error)
{
	struct parse p = { .config = c, .error = error, .at = text, .end = text + length };
	int first_bad = ini_parse_stream(read_line, &p, handle, &p);
	/* libinih goes on behind a line that it does not understand; the first bad line is the one to name.
	 */
	if (first_bad > 0 && !(p.failed && (uint32_t)first_bad == p.line))
		return sl_fail(error, SL_MALFORMED,
		               "%s:%d: neither a [section], a 'key = value', nor a comment", c->file,
		               first_bad);
	if (p.failed)
		return error->status;
	return first_bad == 0 ? SL_OK : sl_fail(error, SL_NO_MEMORY, "%s: out of memory", c->file);
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
		return sl_fail(error, SL_TOO_BIG, "the path of the run's folder has over %zu bytes",
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
		return sl_fail(error, SL_TOO_BIG, "%.200s…: the path has over %zu bytes", file,
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
	         length < 4096); /* names are bounded by SL_TEXT_MAX, folders when they are taken */
}

void sl_config_fingerprint(const struct sl_run_settings *settings, const struct sl_layout *layout,
                           char hex[static 33], uint64_t *run)
{
	char text[8192];
	crypto_generichash_state hash;
	uint8_t digest[16];
	size_t length = sl_run_settings_print(settings, SL_SCOPES_RUN, text, sizeof text);
	SL_CHECK(length < sizeof text);
	crypto_generichash_init(&hash, NULL, 0, sizeof digest);
	crypto_generichash_update(&hash, (const uint8_t *)text, length + 1);
	for (uint32_t i = 0; i < layout->tensors; i++) {
		const struct sl_tensor *t = &layout->tensor[i];
		uint8_t shape[13];
		sl_store_u32(shape, t->offset);
		sl_store_u32(shape + 4, t->rows);
		sl_store_u32(shape + 8, t->columns);
		shape[12] = t->bias;
		crypto_generichash_update(&hash, shape, sizeof shape);
	}
	uint8_t tail[4 + SL_KEY_BYTES] = { 0 };
	sl_store_u32(tail, SL_WIRE_VERSION);
	sl_key_parse(settings->host.operator_key, tail + 4); /* a simulation has none: zeros */
	crypto_generichash_update(&hash, tail, sizeof tail);
	crypto_generichash_final(&hash, digest, sizeof digest);
	sodium_bin2hex(hex, 33, digest, sizeof digest);
	*run = sl_load_u64(digest);
}

/* libsodium's BLAKE2b gives 16 bytes or more: the first 8 of 16 are taken. */
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
