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

/* C0, DEL, C1, and the marks, embeddings, overrides and isolates of direction. */
static bool is_safe(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	if (n == 1)
		return *p >= ' ' && *p != 127;
	if (n == 2)
		return p[0] != 0xc2 || p[1] >= 0xa0;
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x80)
		return p[2] != 0x8e && p[2] != 0x8f && (p[2] < 0xa8 || p[2] > 0xae);
	return n == 4 || !(p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

bool sl_utf8_shown(const char *text, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;
	bool whole = true;
	while (*text) {
		size_t n = sl_utf8_length(text);
		bool safe = n > 0 && is_safe(text, n);
		n = n ? n : 1;
		if (used + (safe ? n : 4 * n) >= size) {
			whole = false;
			break;
		}
		for (; n > 0; n--, text++) {
			if (safe) {
				out[used++] = *text;
				continue;
			}
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = hex[(unsigned char)*text >> 4];
			out[used++] = hex[*text & 15];
			whole = false;
		}
	}
	out[used] = '\0';
	return whole;
}
