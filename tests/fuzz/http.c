/* Any bytes as a request for metrics, in pieces: what the whole says, the pieces say, too, and at most once it is
 * complete. */
#include "daemon/peer/metrics/http.h"

#include "base/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static bool known(int code)
{
	return code == 200 || code == 400 || code == 404 || code == 405 || code == 431 || code == 505;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_http_request request, again = { 0 };
	size_t most = length < SL_HTTP_REQUEST ? length : SL_HTTP_REQUEST;
	bool complete = false;
	for (size_t n = 0; n <= most; n++) {
		char *piece = malloc(n ? n : 1); /* of this size: nothing behind it is read */
		SL_CHECK(piece);
		memcpy(piece, bytes, n);
		bool done = sl_http_read(&request, piece, n);
		free(piece);
		SL_CHECK(!complete || done); /* more bytes do not undo it */
		if (done && !complete) {
			SL_CHECK(known(request.code) && sl_http_reason(request.code)[0]);
			again = request;
		}
		if (done)
			SL_CHECK(request.code == again.code || n == SL_HTTP_REQUEST);
		complete = done;
		if (complete && n + 64 < most)
			n = most - 64; /* long tails say nothing new */
	}
	SL_CHECK(complete || most < SL_HTTP_REQUEST);
	return 0;
}
