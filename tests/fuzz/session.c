/* Any bytes as RUN/session, and as the record of the highest serial. */
#include "daemon/run/roster_of_run.h"
#include "daemon/run/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct sl_session session;
	struct sl_error error = { 0 };
	char number[17], *text = malloc(length + 1);
	uint8_t signature[SL_SIGNATURE_BYTES];
	uint32_t serial;
	bool ours;
	SL_CHECK(text);
	memcpy(text, bytes, length);
	text[length] = '\0';
	session = (struct sl_session){ 0 };
	if (sl_session_parse(&session, "session", text, length, &error) == SL_OK) {
		snprintf(number, sizeof number, "%016" PRIx64, session.number);
		SL_CHECK(length >= 16 && memcmp(number, bytes, 16) == 0);
	} else {
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	}
	error.text[0] = '\0';
	if (sl_serial_parse(text, length, "serial", "starling-serial 1\nrun -\n", &ours, &serial, signature,
	                    &error) != SL_OK)
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	free(text);
	return 0;
}
