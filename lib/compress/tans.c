#include "compress/tans.h"

enum { STEP = 323 };

void sl_tans_make(struct sl_tans *a, const uint32_t count[static SL_TOKENS])
{
	uint64_t total = 0;
	uint32_t sum = 0;
	memset(a, 0, sizeof *a);
	for (uint32_t t = 0; t < SL_TOKENS; t++)
		total += count[t];
	for (uint32_t t = 0; t < SL_TOKENS; t++) {
		if (!count[t])
			continue;
		uint32_t share = (uint32_t)((count[t] * (uint64_t)SL_TANS_STATES + total / 2) / total);
		a->share[t] = (uint16_t)(share ? share : 1);
		sum += a->share[t];
		a->tokens = t + 1;
	}
	while (sum != SL_TANS_STATES) { /* corrections cost least at the largest shares */
		uint32_t most = 0;
		for (uint32_t t = 1; t < a->tokens; t++)
			most = a->share[t] > a->share[most] ? t : most;
		uint32_t give = sum < SL_TANS_STATES ? SL_TANS_STATES - sum : 0;
		a->share[most] = (uint16_t)(a->share[most] + give - !give);
		sum += give - !give;
	}
}

unsigned sl_tans_bits(const struct sl_tans *a)
{
	unsigned bits = 0;
	uint32_t left = SL_TANS_STATES;
	for (uint32_t t = 0; t < a->tokens; t++) {
		bits += sl_bit_length(left);
		left -= a->share[t];
	}
	return bits;
}

void sl_tans_put(const struct sl_tans *a, struct sl_bit_writer *b)
{
	uint32_t left = SL_TANS_STATES;
	for (uint32_t t = 0; t < a->tokens; t++) {
		sl_put_bits(b, a->share[t], sl_bit_length(left));
		left -= a->share[t];
	}
}

bool sl_tans_get(struct sl_tans *a, uint32_t last, struct sl_bit_reader *b)
{
	uint32_t left = SL_TANS_STATES;
	memset(a, 0, sizeof *a);
	for (uint32_t t = 0; left > 0; t++) {
		uint32_t share = (uint32_t)sl_get_bits(b, sl_bit_length(left));
		if (t > last || share > left || sl_bits_overrun(b))
			return false;
		a->share[t] = (uint16_t)share;
		a->tokens = t + 1;
		left -= share;
	}
	return true;
}

/* The token of each state. */
static void spread(const struct sl_tans *a, uint8_t token[SL_TANS_STATES])
{
	uint32_t place = 0;
	memset(token, 0,
	       SL_TANS_STATES); /* all are overwritten below, since shares add up to the number of states */
	for (uint32_t t = 0; t < a->tokens; t++)
		for (uint32_t i = 0; i < a->share[t]; i++) {
			token[place] = (uint8_t)t;
			place = (place + STEP) % SL_TANS_STATES;
		}
}

void sl_tans_writer(const struct sl_tans *a, struct sl_tans_writer *w)
{
	uint8_t token[SL_TANS_STATES];
	uint16_t at[SL_TOKENS];
	uint32_t below = 0;
	spread(a, token);
	for (uint32_t t = 0; t < a->tokens; t++) {
		uint32_t share = a->share[t], bits = SL_TANS_BITS + 1 - sl_bit_length(share);
		w->token[t].bits = (bits << 16) - (share << bits);
		w->token[t].next = (int32_t)below - (int32_t)share;
		at[t] = (uint16_t)below;
		below += share;
	}
	for (uint32_t place = 0; place < SL_TANS_STATES; place++)
		w->state[at[token[place]]++] = (uint16_t)(SL_TANS_STATES + place);
}

void sl_tans_states(const struct sl_tans *a, uint32_t table[static SL_TANS_STATES])
{
	uint8_t token[SL_TANS_STATES];
	uint16_t x[SL_TOKENS];
	spread(a, token);
	memcpy(x, a->share, sizeof x);
	for (uint32_t place = 0; place < SL_TANS_STATES; place++) {
		uint32_t t = token[place], here = x[t]++, bits = SL_TANS_BITS + 1 - sl_bit_length(here);
		table[place] = bits | t << 8 | ((here << bits) - SL_TANS_STATES) << 16;
	}
}

void sl_tans_table(const struct sl_tans *a, unsigned m, struct sl_tans_entry table[static SL_TANS_STATES])
{
	uint8_t token[SL_TANS_STATES];
	uint16_t x[SL_TOKENS];
	spread(a, token);
	memcpy(x, a->share, sizeof x);
	for (uint32_t place = 0; place < SL_TANS_STATES; place++) {
		uint32_t t = token[place], here = x[t]++, bits = SL_TANS_BITS + 1 - sl_bit_length(here),
		         low = sl_token_extra(t, m);
		table[place] = (struct sl_tans_entry){ (uint16_t)sl_token_base(t, m),
			                               (uint16_t)((here << bits) - SL_TANS_STATES),
			                               (uint8_t)bits,
			                               (uint8_t)(bits + low),
			                               (uint8_t)(63 - bits),
			                               (uint8_t)(63 - low) };
	}
}
