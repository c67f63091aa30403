#include "gossip/reads.h"

#include "gossip/algorithm.h"

#include <stdio.h>
#include <string.h>

enum { VALUE = SL_TEXT_MAX + 32, NAMED = 5 };

/* Offsets in the option tables are into struct sl_run_settings; method keys lie in its first member. */
_Static_assert(offsetof(struct sl_run_settings, method) == 0,
               "a method's settings serve as the record of its keys");

/* A key that not every method reads. */
static const struct key {
	const char *name;
	unsigned reads;      /* SL_READS_… */
	const char *without; /* what holds without it; NULL: nothing that the key could say */
	const char *why;     /* follows the method's name */
} keys[] = {
	{ "local_steps", SL_READS_LOCAL_STEPS, "1", "does one gradient step per round" },
	{ "momentum", SL_READS_MOMENTUM, "0", "has no heavy-ball momentum" },
	{ "lambda", SL_READS_LAMBDA, "0", "has no proximal step" },
	{ "estimator", SL_READS_ESTIMATOR, "batch", "has an estimator of its own" },
	{ "refresh", SL_READS_ESTIMATOR, NULL, "has an estimator of its own" },
	{ "renewal", SL_READS_ESTIMATOR, NULL, "has an estimator of its own" },
	{ "gamma", SL_READS_GAMMA, NULL, "averages over all peers and has no consensus step size" },
	{ "pipeline", SL_READS_PIPELINE, NULL, "sends its vectors uncompressed" },
	{ "budget", SL_READS_PIPELINE, "none", "sends its vectors uncompressed" },
};
enum { KEYS = sizeof keys / sizeof *keys };

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

const struct sl_algorithm *sl_algorithm_find(const char *spec)
{
	char name[SL_TEXT_MAX];
	sl_spec_name(spec, name, sizeof name);
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		if (strcmp((*a)->name, name) == 0)
			return *a;
	return NULL;
}

/* What a method reads follows in part from what it fixes. */
static unsigned reads_of(const struct sl_algorithm *a)
{
	return a->reads | (a->pipeline ? 0 : SL_READS_PIPELINE) |
	       (a->aggregate || a->gamma > 0 ? 0 : SL_READS_GAMMA);
}

bool sl_algorithm_reads(const struct sl_algorithm *a, const char *key)
{
	const struct key *k = find_key(key);
	return !k || (reads_of(a) & k->reads);
}

/* What holds where a method does not read the key, or NULL. */
static const char *holds(const struct sl_algorithm *a, const struct key *k, char text[static VALUE])
{
	if (k->reads == SL_READS_PIPELINE && !k->without)
		return a->pipeline;
	if (k->reads != SL_READS_GAMMA || !(a->gamma > 0))
		return k->without;
	snprintf(text, VALUE, "%g", a->gamma);
	return text;
}

const char *sl_algorithm_default(const struct sl_algorithm *a, const struct sl_option *o)
{
	if (strcmp(o->name, "lambda") != 0)
		return o->standard;
	return a->lambda ? a->lambda : "0";
}

/* ---- keys that other keys switch on ---- */

/* Why a key is not read under these settings, whatever the method; NULL: it is. (smoothness and convexity say what the
 * loss is like: they may stand whether or not they are needed.) */
static const char *switched_off(const struct sl_settings *s, const char *key)
{
	bool theory = s->eta_rule == SL_ETA_THEORY;
	if (strcmp(key, "eta") == 0 && theory)
		return "eta_rule = theory computes it";
	if (strcmp(key, "eta_end") == 0 && (theory || s->eta_schedule != SL_ETA_FALLING))
		return theory ? "with eta = theory the step size is constant"
		              : "it is the last step size of eta_schedule = falling";
	if (strcmp(key, "eta_schedule") == 0 && theory && s->eta_schedule != SL_ETA_CONSTANT)
		return "with eta = theory the step size is constant";
	if (strcmp(key, "refresh") == 0 && s->estimator != SL_ESTIMATOR_LSVRG)
		return "only estimator = lsvrg reads it";
	if (strcmp(key, "mean_samples") == 0 && s->weigh != SL_WEIGH_SAMPLES)
		return "only weigh = samples reads it";
	if (strcmp(key, "renewal") == 0 && s->estimator != SL_ESTIMATOR_STORM)
		return "only estimator = storm reads it";
	return NULL;
}

/* ---- which keys were set ---- */

/* Bit of a method key in settings.given: its place in the table of its section. */
static int bit_of(const char *section, const char *key)
{
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++) {
		bool algorithm = strcmp(s->name, "algorithm") == 0,
		     compress = strcmp(s->name, "compress") == 0;
		if (strcmp(s->name, section) != 0 || !(algorithm || compress))
			continue;
		const struct sl_option *o = sl_option_find(s->options, key);
		return !o || (algorithm && strcmp(key, "name") == 0)
		           ? -1
		           : (int)(o - s->options) + (compress ? 32 : 0);
	}
	return -1;
}

bool sl_settings_of_method(const char *section, const struct sl_option *o)
{
	return bit_of(section, o->name) >= 0;
}

void sl_settings_note(struct sl_settings *s, const char *section, const char *key)
{
	int bit = bit_of(section, key);
	s->given |= bit < 0 ? 0 : UINT64_C(1) << bit;
}

bool sl_settings_noted(const struct sl_settings *s, const char *section, const struct sl_option *o)
{
	int bit = bit_of(section, o->name);
	return bit >= 0 && s->given >> bit & 1;
}

bool sl_settings_reads(const struct sl_settings *s, const char *section, const struct sl_option *o)
{
	const struct sl_algorithm *a = sl_algorithm_find(s->algorithm);
	if (strcmp(section, "privacy") == 0)
		return s->noise > 0 || strcmp(o->name, "noise") == 0;
	if (!a || !sl_settings_of_method(section, o))
		return true;
	return sl_algorithm_reads(a, o->name) && !switched_off(s, o->name);
}

/* ---- defaults and refusals ---- */

static bool same_value(const struct sl_option *o, const struct sl_settings *s, const char *text)
{
	static const struct sl_settings none;
	struct sl_settings other = none;
	char a[VALUE], b[VALUE];
	if (!text)
		return false;
	SL_CHECK(sl_option_set(o, &other, text, NULL) == SL_OK);
	sl_option_print(o, s, a, sizeof a);
	sl_option_print(o, &other, b, sizeof b);
	return strcmp(a, b) == 0;
}

/* Names of algorithms that read the key, of the same kind as `a`. */
static void name_readers(const struct sl_algorithm *a, const char *key, char *text, size_t size)
{
	size_t used = 0;
	unsigned count = 0;
	text[0] = '\0';
	for (const struct sl_algorithm *const *b = sl_algorithms; *b && used < size; b++) {
		if (!(*b)->aggregate != !a->aggregate || !sl_algorithm_reads(*b, key))
			continue;
		if (count++ == NAMED) {
			snprintf(text + used, size - used, ", …");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", (*b)->name);
	}
}

static enum sl_status refuse(const struct sl_settings *s, const char *section, const struct sl_option *o,
                             const struct sl_algorithm *a, const struct key *k, struct sl_error *error)
{
	char value[VALUE], readers[SL_TEXT_MAX], room[VALUE];
	const char *off = k && !(reads_of(a) & k->reads) ? NULL : switched_off(s, o->name);
	sl_option_print(o, s, value, sizeof value);
	if (off)
		return sl_fail(error, SL_UNSUPPORTED, "[%s] %s = %s: %s; remove it", section, o->name, value,
		               off);
	const char *without = holds(a, k, room);
	name_readers(a, o->name, readers, sizeof readers);
	if (k->reads == SL_READS_GAMMA && without)
		return sl_fail(error, SL_UNSUPPORTED,
		               "[%s] %s = %s: %s always mixes with %s; remove it, or use %s", section,
		               o->name, value, a->name, without, readers);
	return sl_fail(error, SL_UNSUPPORTED, "[%s] %s = %s: %s %s; remove it%s%s", section, o->name, value,
	               a->name, k->why, readers[0] ? ", or use " : "", readers);
}

static enum sl_status resolve_key(struct sl_settings *s, const char *section, const struct sl_option *o,
                                  const struct sl_algorithm *a, struct sl_error *error)
{
	const struct key *k = find_key(o->name);
	char room[VALUE];
	bool read = !k || (reads_of(a) & k->reads), noted = sl_settings_noted(s, section, o);
	bool given = noted || !same_value(o, s, o->standard);
	const char *value = read ? sl_algorithm_default(a, o) : holds(a, k, room);
	if (!read && given && !same_value(o, s, value))
		return refuse(s, section, o, a, k, error);
	if (read && noted && switched_off(s, o->name) && !same_value(o, s, o->standard))
		return refuse(s, section, o, a, k, error);
	if (!given && value && strcmp(value, o->standard) != 0)
		SL_CHECK(sl_option_set(o, s, value, NULL) == SL_OK);
	return SL_OK;
}

void sl_settings_drop_unread(struct sl_settings *s)
{
	for (const struct sl_settings_section *section = sl_settings_sections; section->name; section++)
		for (const struct sl_option *o = section->options; o->name; o++) {
			int bit = bit_of(section->name, o->name);
			if (bit < 0 || sl_settings_reads(s, section->name, o))
				continue;
			s->given &= ~(UINT64_C(1) << bit);
			SL_CHECK(sl_option_set(o, s, o->standard, NULL) == SL_OK);
		}
}

enum sl_status sl_settings_resolve(struct sl_settings *s, struct sl_error *error)
{
	const struct sl_algorithm *a = sl_algorithm_find(s->algorithm);
	SL_CHECK(a);
	for (const struct sl_settings_section *section = sl_settings_sections; section->name; section++)
		for (const struct sl_option *o = section->options; o->name; o++) {
			if (!sl_settings_of_method(section->name, o))
				continue;
			enum sl_status status = resolve_key(s, section->name, o, a, error);
			if (status != SL_OK)
				return status;
		}
	return SL_OK;
}
