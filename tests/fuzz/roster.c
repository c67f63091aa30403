/* Roster text from anywhere: as it is (the signature refuses nearly all of it), and signed by the operator as
 * if it were his, so that the parser behind the signature sees it. What is accepted is written and read back
 * the same. */
#include "daemon/run/roster.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const char *text, size_t length, const struct sl_identity *operator_identity)
{
	struct sl_roster roster;
	struct sl_error error = { 0 };
	if (sl_roster_parse(&roster, text, length, "roster", operator_identity->public_key, &error) !=
	    SL_OK) {
		SL_CHECK(error.text[0] && !roster.peer);
		return;
	}
	SL_CHECK(roster.peer && roster.topology.peers > 0);
	sl_roster_free(&roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct sl_identity operator_identity;
	struct sl_error error;
	uint8_t signature[crypto_sign_BYTES];
	if (!operator_identity.secret[0] && !operator_identity.secret[1]) {
		if (sl_keys_start(&error) != SL_OK)
			abort();
		sl_identity_make(&operator_identity);
	}
	check((const char *)bytes, length, &operator_identity);
	char *file = malloc(length + 256);
	if (!file)
		abort();
	memcpy(file, bytes, length);
	crypto_sign_detached(signature, NULL, bytes, length, operator_identity.secret);
	memcpy(file + length, "signature ", 10);
	sodium_bin2hex(file + length + 10, 2 * sizeof signature + 1, signature, sizeof signature);
	file[length + 10 + 2 * sizeof signature] = '\n';
	check(file, length + 10 + 2 * sizeof signature + 1, &operator_identity);
	free(file);
	return 0;
}
