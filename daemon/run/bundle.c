#include "daemon/run/bundle.h"

#include "daemon/run/files.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sl_bundle_names[SL_BUNDLE_FILES] = {
	"run.conf", "roster", "session", "data/test.shard", "data/columns", "start.safetensors"
};

static const char head[] = "starling-bundle 1\n", word[] = "signature ";
enum { SIGNATURE_HEX = 2 * crypto_sign_BYTES, SIGNATURE_LINE = sizeof word - 1 + SIGNATURE_HEX + 1 };

static void print(FILE *f, const struct sl_bundle *b)
{
	char key[SL_KEY_HEX];
	sl_key_print(b->operator_key, key);
	fprintf(f, "%speer %" PRIu32 " %s\noperator %s\n", head, b->peer, b->name, key);
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++) {
		if (!b->part[i].bytes)
			continue;
		fprintf(f, "file %s %zu\n", sl_bundle_names[i], b->part[i].length);
		fwrite(b->part[i].bytes, 1, b->part[i].length, f);
		fputc('\n', f);
	}
}

enum sl_status sl_bundle_write(struct sl_bundle *b, const char *path, const struct sl_identity *signer,
                               struct sl_error *error)
{
	char *text = NULL, hex[SIGNATURE_HEX + 1];
	size_t length = 0;
	uint8_t signature[crypto_sign_BYTES];
	FILE *f = open_memstream(&text, &length);
	if (!f)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
	memcpy(b->operator_key, signer->public_key, SL_KEY_BYTES);
	print(f, b);
	bool good = fflush(f) == 0;
	if (good) {
		crypto_sign_detached(signature, NULL, (const uint8_t *)text, length, signer->secret);
		sodium_bin2hex(hex, sizeof hex, signature, sizeof signature);
		fprintf(f, "%s%s\n", word, hex);
	}
	good = fclose(f) == 0 && good;
	enum sl_status status = good ? sl_file_replace(path, text, length, 0644, error)
	                             : sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
	free(text);
	return status;
}

/* What is left of the text. */
struct cursor {
	const char *at, *end;
};

/* Takes a line of at most `size` - 1 characters, without its newline; false: there is none. */
static bool take_line(struct cursor *c, char *out, size_t size)
{
	const char *newline = memchr(c->at, '\n', (size_t)(c->end - c->at));
	if (!newline || (size_t)(newline - c->at) >= size || memchr(c->at, '\0', (size_t)(newline - c->at)))
		return false;
	memcpy(out, c->at, (size_t)(newline - c->at));
	out[newline - c->at] = '\0';
	c->at = newline + 1;
	return true;
}

static bool take_head(struct cursor *c, struct sl_bundle *out)
{
	char line[256], wanted[256];
	if (!take_line(c, line, sizeof line) || strcmp(line, "starling-bundle 1") != 0 ||
	    !take_line(c, line, sizeof line) || strncmp(line, "peer ", 5) != 0)
		return false;
	char *name;
	out->peer = (uint32_t)strtoul(line + 5, &name, 10);
	if (*name != ' ' || strlen(name + 1) >= sizeof out->name || strspn(name + 1, " ") > 0)
		return false;
	strcpy(out->name, name + 1);
	snprintf(wanted, sizeof wanted, "peer %" PRIu32 " %s", out->peer,
	         out->name); /* one spelling a number */
	if (strcmp(wanted, line) != 0 || !out->name[0])
		return false;
	return take_line(c, line, sizeof line) && strncmp(line, "operator ", 9) == 0 &&
	       sl_key_parse(line + 9, out->operator_key);
}

/* A part that may be missing is, where another one follows. */
static bool take_part(struct cursor *c, const char *name, bool needed, struct sl_bundle_part *out)
{
	char line[256], wanted[256];
	size_t length = 0;
	struct cursor before = *c;
	*out = (struct sl_bundle_part){ 0 };
	if (!take_line(c, line, sizeof line))
		return false;
	snprintf(wanted, sizeof wanted, "file %s ", name);
	if (!needed && strncmp(line, wanted, strlen(wanted)) != 0) {
		*c = before;
		return true;
	}
	const char *digits = strrchr(line, ' ');
	if (digits)
		length = strtoul(digits + 1, NULL, 10);
	if (!digits || length >= (size_t)(c->end - c->at))
		return false;
	snprintf(wanted, sizeof wanted, "file %s %zu", name, length); /* one spelling a length */
	if (strcmp(wanted, line) != 0 || c->at[length] != '\n')
		return false;
	*out = (struct sl_bundle_part){ (const uint8_t *)c->at, length };
	c->at += length + 1;
	return true;
}

static bool verified(const struct cursor *tail, const uint8_t *bytes, const struct sl_bundle *b)
{
	uint8_t signature[crypto_sign_BYTES];
	size_t found, covered = (size_t)((const uint8_t *)tail->at - bytes);
	return memcmp(tail->at, word, sizeof word - 1) == 0 && tail->end[-1] == '\n' &&
	       sodium_hex2bin(signature, sizeof signature, tail->at + sizeof word - 1, SIGNATURE_HEX, NULL,
	                      &found, NULL) == 0 &&
	       found == sizeof signature &&
	       crypto_sign_verify_detached(signature, bytes, covered, b->operator_key) == 0;
}

enum sl_status sl_bundle_parse(struct sl_bundle *out, const uint8_t *bytes, size_t length, const char *what,
                               struct sl_error *error)
{
	struct cursor c = { (const char *)bytes, (const char *)bytes + length };
	memset(out, 0, sizeof *out);
	bool good = take_head(&c, out);
	for (unsigned i = 0; i < SL_BUNDLE_FILES && good; i++)
		good = take_part(&c, sl_bundle_names[i], i < SL_BUNDLE_NEEDED, &out->part[i]);
	if (!good || c.end - c.at != SIGNATURE_LINE)
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s: is not a whole bundle, which starling roster --admit writes; it is truncated or was changed",
		    what);
	if (!verified(&c, bytes, out))
		return sl_fail(
		    error, SL_REFUSED,
		    "%s: the signature is not that of the operator it names: the file was changed after it was signed",
		    what);
	return SL_OK;
}
