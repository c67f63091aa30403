#include "base/utf8.h"

#include <stdint.h>

size_t sl_utf8_length(const char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c = n < 2 ? *p : *p & 0x7fu >> n;
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

bool sl_utf8_valid(const char *text)
{
	for (size_t n; *text; text += n)
		if ((n = sl_utf8_length(text)) == 0)
			return false;
	return true;
}
