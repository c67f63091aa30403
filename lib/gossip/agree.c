#include "gossip/agree.h"

#include "gossip/algorithm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { VALUE = SL_TEXT_MAX + 32 };

static bool is_shared(const struct sl_option *o)
{
	return o->scope == SL_SCOPE_RUN || o->scope == SL_SCOPE_LATER;
}

bool sl_shared_key(unsigned i, struct sl_shared_key *out)
{
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		for (const struct sl_option *o = s->options; o->name; o++)
			if (is_shared(o) && i-- == 0) {
				*out = (struct sl_shared_key){ s->name, o };
				return true;
			}
	return false;
}

uint64_t sl_shared_of(enum sl_option_scope scope)
{
	struct sl_shared_key key;
	uint64_t mask = 0;
	for (unsigned i = 0; sl_shared_key(i, &key); i++)
		mask |= key.option->scope == scope ? UINT64_C(1) << i : 0;
	return mask;
}

/* FNV-1a: it only has to tell values apart. */
static uint64_t add(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

unsigned sl_shared_digests(const struct sl_run_settings *settings, uint16_t out[static SL_SHARED_MOST])
{
	struct sl_shared_key key;
	unsigned i = 0;
	for (; sl_shared_key(i, &key); i++) {
		char value[VALUE];
		SL_CHECK(i < SL_SHARED_MOST);
		sl_option_print(key.option, settings, value, sizeof value);
		uint64_t hash = add(UINT64_C(0xcbf29ce484222325), key.section);
		hash = add(add(hash, key.option->name), value);
		out[i] = (uint16_t)(hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48);
	}
	return i;
}

uint64_t sl_shared_differ(const struct sl_run_settings *a, const struct sl_run_settings *b)
{
	struct sl_shared_key key;
	uint64_t mask = 0;
	for (unsigned i = 0; sl_shared_key(i, &key); i++) {
		char value[2][VALUE];
		sl_option_print(key.option, a, value[0], VALUE);
		sl_option_print(key.option, b, value[1], VALUE);
		mask |= strcmp(value[0], value[1]) != 0 ? UINT64_C(1) << i : 0;
	}
	return mask;
}

static enum sl_status refuse(unsigned i, const struct sl_run_settings *now,
                             const struct sl_run_settings *then, const char *why, struct sl_error *error)
{
	struct sl_shared_key key;
	char value[2][VALUE];
	SL_CHECK(sl_shared_key(i, &key));
	sl_option_print(key.option, now, value[0], VALUE);
	sl_option_print(key.option, then, value[1], VALUE);
	return sl_fail(error, SL_REFUSED, "[%s] %s = %s: this run was started with %s, and %s", key.section,
	               key.option->name, value[0], value[1], why);
}

/* The lowest of the keys. */
static unsigned first_of(uint64_t keys)
{
	unsigned i = 0;
	while (!(keys >> i & 1))
		i++;
	return i;
}

/* Peers of a method with a server compute the same model, each for itself. */
static bool moves_apart(const struct sl_settings *now, const struct sl_settings *then, uint32_t round,
                        const struct sl_algorithm *method)
{
	struct sl_rates a = sl_settings_rates(now), b = sl_settings_rates(then);
	bool theory = now->eta_rule != then->eta_rule ||
	              (now->eta_rule == SL_ETA_THEORY &&
	               (now->smoothness != then->smoothness || now->convexity != then->convexity));
	return method->aggregate && round < then->rounds && (theory || !sl_rates_equal(&a, &b));
}

enum sl_status sl_shared_resume(const struct sl_run_settings *now, const struct sl_run_settings *then,
                                uint32_t round, const struct sl_algorithm *method, struct sl_error *error)
{
	uint64_t differ = sl_shared_differ(now, then), fixed = differ & sl_shared_of(SL_SCOPE_RUN);
	if (fixed)
		return refuse(
		    first_of(fixed), now, then,
		    "a different value is a different run: restore the old one, or start a new run (starling up without --resume keeps the old checkpoints aside)",
		    error);
	if (now->method.rounds < round)
		return sl_fail(error, SL_REFUSED,
		               "[run] rounds = %" PRIu32 ": this run was started with %" PRIu32
		               " and has done %" PRIu32 " already: give %" PRIu32 " or more",
		               now->method.rounds, then->method.rounds, round, round);
	if (moves_apart(&now->method, &then->method, round, method)) {
		uint64_t steps = 0;
		struct sl_shared_key key;
		for (unsigned i = 0; sl_shared_key(i, &key); i++)
			if (strcmp(key.section, "algorithm") == 0 || strcmp(key.option->name, "rounds") == 0)
				steps |= differ & UINT64_C(1) << i;
		return refuse(
		    first_of(steps), now, then,
		    "step sizes of a method that averages over all peers can change only when all rounds are done",
		    error);
	}
	return SL_OK;
}

void sl_shared_names(uint64_t keys, char *text, size_t size)
{
	struct sl_shared_key key;
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; sl_shared_key(i, &key); i++) {
		if (!(keys >> i & 1))
			continue;
		size_t needed = strlen(key.section) + strlen(key.option->name) + sizeof ", ., …";
		if (used + needed > size) {
			snprintf(text + used, size - used, used ? ", …" : "…");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s.%s", used ? ", " : "", key.section,
		                         key.option->name);
	}
}
