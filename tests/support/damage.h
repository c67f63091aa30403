/* damage.h — damaged messages of a coder: shorter, longer and with flipped bits. Include setjmp.h, stdarg.h and cmocka.h before. */
#ifndef SL_TESTS_DAMAGE_H
#define SL_TESTS_DAMAGE_H

#include "compress/stage.h"

#include <stdlib.h>
#include <string.h>

/* Reads a body into `back`; false: refused. */
typedef bool damage_get(void *message, const uint8_t *body, size_t length, struct sl_symbols *back);

/* What was read may be another message, but is one: positions ascend within the domain, symbols are in range and not zero. */
static inline void damage_is_sound(const struct sl_symbols *back)
{
	assert_true(back->count <= back->count_max);
	for (uint32_t k = 0; k < back->count; k++) {
		assert_true(back->index[k] < back->domain);
		assert_true(k == 0 || back->index[k] > back->index[k - 1]);
		assert_true(back->symbol[k] != 0 && abs(back->symbol[k]) <= (int)back->symbol_max);
	}
}

/* Other lengths are refused, flipped bits are refused or give something sound. Bodies stand at the end of their block, so
 * that a sanitizer sees a step too far. Every other time the head of the message is hit. */
static inline void damage_check(struct sl_random *g, const uint8_t *from, size_t length, damage_get *get,
                                void *message)
{
	enum { LENGTHS = 20, FLIPS = 40, HEAD = 40 };
	struct sl_symbols back;
	for (int i = 0; i < LENGTHS; i++) {
		size_t other = i < 2 ? length - 1 + 2 * (size_t)i : sl_random_below(g, (uint32_t)length);
		uint8_t *body = calloc(1, other ? other : 1);
		memcpy(body, from, other < length ? other : length);
		assert_false(get(message, body, other, &back));
		free(body);
	}
	for (int i = 0; i < FLIPS; i++) {
		uint8_t *body = malloc(length);
		memcpy(body, from, length);
		for (uint32_t k = 0; k <= sl_random_below(g, 3); k++) {
			uint32_t at = sl_random_below(g, (uint32_t)length);
			body[i % 2 ? at % HEAD : at] ^= (uint8_t)(1 << sl_random_below(g, 8));
		}
		bool good = get(message, body, length, &back);
		free(body);
		if (good)
			damage_is_sound(&back);
	}
}

#endif
