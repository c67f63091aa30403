/* Any bytes as a key file: a key comes back as it would be written, or there is a reason. */
#include "daemon/run/keys.h"
#include "tests/support/bytes_file.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_error error = { 0 };
	struct sl_identity found, again;
	SL_CHECK(sl_keys_start(&error) == SL_OK);
	if (sl_identity_read(&found, bytes_file(bytes, length), &error) != SL_OK) {
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
		return 0;
	}
	/* Only the spelling that is written is read: the line, whose newline may be missing. */
	static const char begin[] = "starling-key ed25519 ";
	SL_CHECK(length >= sizeof begin - 1 + 64 && length <= sizeof begin + 64);
	SL_CHECK(memcmp(bytes, begin, sizeof begin - 1) == 0);
	SL_CHECK(sl_identity_read(&again, bytes_file(bytes, sizeof begin - 1 + 64), &error) == SL_OK);
	SL_CHECK(memcmp(found.public_key, again.public_key, sizeof found.public_key) == 0);
	sl_identity_wipe(&found);
	sl_identity_wipe(&again);
	return 0;
}
