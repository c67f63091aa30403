#include "daemon/run/request.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char head[] = "starling-request 1 ";
enum { SIGNATURE_HEX = 2 * crypto_sign_BYTES };

static enum sl_status check_name(const char *name, struct sl_error *error)
{
	size_t length = strlen(name);
	bool good = length > 0 && length < sizeof((struct sl_request){ .name = "" }.name);
	for (size_t i = 0; good && i < length; i++)
		good = name[i] > ' ' && name[i] < 127 && name[i] != '/' && name[i] != '\\';
	if (good && name[0] != '.' && name[0] != '-')
		return SL_OK;
	return sl_fail(
	    error, SL_OUT_OF_RANGE,
	    "'%.70s': a name has 1 to 63 printable ASCII characters, no blank and no slash, and does not begin with '.' or '-'",
	    name);
}

static enum sl_status check(const char *name, const char *endpoint, struct sl_error *error)
{
	struct sl_endpoint form;
	enum sl_status status = check_name(name, error);
	return status == SL_OK ? sl_endpoint_parse(&form, endpoint, error) : status;
}

enum sl_status sl_request_write(char line[static SL_REQUEST_MOST], const struct sl_identity *identity,
                                const char *name, const char *endpoint, struct sl_error *error)
{
	char key[SL_KEY_HEX];
	uint8_t signature[crypto_sign_BYTES];
	enum sl_status status = check(name, endpoint, error);
	if (status != SL_OK)
		return status;
	sl_key_print(identity->public_key, key);
	int length =
	    snprintf(line, SL_REQUEST_MOST - SIGNATURE_HEX - 2, "%s%s %s %s", head, name, endpoint, key);
	SL_CHECK(length > 0 && length < SL_REQUEST_MOST - SIGNATURE_HEX - 2);
	crypto_sign_detached(signature, NULL, (const uint8_t *)line, (size_t)length, identity->secret);
	line[length] = ' ';
	sodium_bin2hex(line + length + 1, SIGNATURE_HEX + 1, signature, sizeof signature);
	return SL_OK;
}

/* The four words behind the head, each ended with a NUL in `text`; false: there are more or fewer. */
static bool split(char *text, char *word[static 4])
{
	for (unsigned i = 0; i < 4; i++) {
		word[i] = text;
		text += strcspn(text, " ");
		if (text == word[i] || (*text == '\0') != (i == 3))
			return false;
		*text++ = '\0';
	}
	return true;
}

enum sl_status sl_request_parse(struct sl_request *out, const char *line, size_t length, const char *what,
                                struct sl_error *error)
{
	char text[SL_REQUEST_MOST], *word[4];
	uint8_t signature[crypto_sign_BYTES];
	size_t found;
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	bool good = length < sizeof text && length > sizeof head &&
	            memcmp(line, head, sizeof head - 1) == 0 && !memchr(line, '\0', length);
	if (good) {
		memcpy(text, line, length);
		text[length] = '\0';
		good = split(text + sizeof head - 1, word) && strlen(word[3]) == SIGNATURE_HEX;
	}
	if (!good)
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s: is not a request, which is the line that starling enrol printed: 'starling-request 1 NAME ENDPOINT KEY SIGNATURE'",
		    what);
	if (check(word[0], word[1], error) != SL_OK)
		return sl_wrap(error, "%s", what);
	if (!sl_key_parse(word[2], out->public_key) ||
	    sodium_hex2bin(signature, sizeof signature, word[3], SIGNATURE_HEX, NULL, &found, NULL) != 0 ||
	    found != sizeof signature ||
	    crypto_sign_verify_detached(signature, (const uint8_t *)line, length - SIGNATURE_HEX - 1,
	                                out->public_key) != 0)
		return sl_fail(
		    error, SL_REFUSED,
		    "%s: the signature is not that of this key: the line was changed after starling enrol printed it",
		    what);
	snprintf(out->name, sizeof out->name, "%s", word[0]);
	snprintf(out->endpoint, sizeof out->endpoint, "%s", word[1]);
	snprintf(out->line, sizeof out->line, "%.*s", (int)length, line);
	return SL_OK;
}
