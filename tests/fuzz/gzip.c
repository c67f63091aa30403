/* Any bytes as a file of data, which may be gzip: plain bytes come as they are; what is accepted as gzip holds what
 * zlib's own reader finds in it. */
#include "daemon/run/files.h"
#include "tests/support/bytes_file.h"

#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct sum {
	uLong crc;
	size_t length;
};

static enum sl_status add(void *context, const uint8_t *bytes, size_t length, struct sl_error *error)
{
	struct sum *s = context;
	SL_CHECK(length > 0 && error);
	s->crc = crc32(s->crc, bytes, (uInt)length);
	s->length += length;
	return s->length > 32 << 20 ? sl_fail(error, SL_TOO_BIG, "too big") : SL_OK;
}

static struct sum by_zlib(const char *path)
{
	static uint8_t piece[1 << 16];
	struct sum s = { 0, 0 };
	gzFile f = gzopen(path, "rb");
	SL_CHECK(f);
	for (int n; (n = gzread(f, piece, sizeof piece)) > 0;) {
		s.crc = crc32(s.crc, piece, (uInt)n);
		s.length += (size_t)n;
	}
	gzclose(f);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_error error = { 0 };
	struct sum found = { 0, 0 };
	bool gzip = length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
	const char *path = bytes_file(bytes, length);
	enum sl_status status = sl_file_stream(path, add, &found, &error);
	if (status != SL_OK) {
		SL_CHECK(gzip && error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
		return 0;
	}
	struct sum wanted = gzip ? by_zlib(path) : (struct sum){ crc32(0, bytes, (uInt)length), length };
	SL_CHECK(found.length == wanted.length && found.crc == wanted.crc);
	return 0;
}
