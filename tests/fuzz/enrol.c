/* A request line and a bundle from anywhere: as they are, and with a signature that fits, so that what is behind it is
 * seen too. */
#include "daemon/run/bundle.h"
#include "daemon/run/request.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const uint8_t *bytes, size_t length)
{
	struct sl_request request;
	struct sl_bundle bundle;
	struct sl_error error = { 0 };
	if (sl_request_parse(&request, (const char *)bytes, length, "line", &error) == SL_OK)
		SL_CHECK(request.name[0] && request.endpoint[0]);
	if (sl_bundle_parse(&bundle, bytes, length, "bundle", &error) != SL_OK)
		SL_CHECK(error.text[0]);
	else
		for (unsigned i = 0; i < SL_BUNDLE_FILES; i++)
			SL_CHECK((!bundle.part[i].bytes && i >= SL_BUNDLE_NEEDED) ||
			         (bundle.part[i].bytes >= bytes &&
			          bundle.part[i].bytes + bundle.part[i].length <= bytes + length));
}

/* A bundle of these bytes: the fuzzer's head and parts behind an operator line with a key of ours. */
static void check_signed(const uint8_t *bytes, size_t length)
{
	struct sl_identity identity;
	uint8_t signature[crypto_sign_BYTES];
	char key[SL_KEY_HEX];
	memset(&identity, 0, sizeof identity);
	crypto_sign_keypair(identity.public_key, identity.secret);
	sl_key_print(identity.public_key, key);
	char *text = malloc(length + 512);
	if (!text)
		abort();
	int n = sprintf(text, "starling-bundle 1\npeer 3 a\noperator %s\n", key);
	memcpy(text + n, bytes, length);
	size_t covered = (size_t)n + length;
	crypto_sign_detached(signature, NULL, (const uint8_t *)text, covered, identity.secret);
	memcpy(text + covered, "signature ", 10);
	sodium_bin2hex(text + covered + 10, 2 * sizeof signature + 1, signature, sizeof signature);
	text[covered + 10 + 2 * sizeof signature] = '\n';
	check((const uint8_t *)text, covered + 11 + 2 * sizeof signature);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_error error;
	if (sl_keys_start(&error) != SL_OK)
		abort();
	check(bytes, length);
	check_signed(bytes, length);
	return 0;
}
