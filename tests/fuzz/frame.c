/* Any bytes as a frame: refused, or a header that writes back to the same bytes. */
#include "gossip/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_frame f;
	uint8_t header[SL_FRAME_HEADER];
	if (!sl_frame_parse(&f, bytes, length))
		return 0;
	SL_CHECK(sl_reader_left(&f.body) + SL_FRAME_HEADER == length && f.kind < SL_FRAME_KINDS);
	sl_frame_header(header, &f, (uint32_t)(length - SL_FRAME_HEADER));
	SL_CHECK(memcmp(header, bytes, sizeof header) == 0);
	return 0;
}
