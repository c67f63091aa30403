/* poison.c — peers that keep to the protocol and lie about their models. */
#include "sim/sim_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	double amount;
} poisons[] = {
#define X(id, name, amount) { name, amount },
	SL_SIM_POISONS(X)
#undef X
};

static enum sl_sim_poison find_poison(const char *name, size_t length)
{
	for (int k = 1; k < SL_SIM_POISON_COUNT; k++)
		if (strlen(poisons[k].name) == length && strncmp(poisons[k].name, name, length) == 0)
			return (enum sl_sim_poison)k;
	return SL_SIM_POISON_NONE;
}

/* ":0.5:100", ":0.5" or nothing. */
static bool parse_rest(const char *at, double *amount, uint32_t *from)
{
	char *end = (char *)(uintptr_t)at;
	if (*at == ':')
		*amount = strtod(at + 1, &end);
	if (*end == ':' && end[1] >= '0' && end[1] <= '9')
		*from = (uint32_t)strtoul(end + 1, &end, 10);
	return *end == '\0' && (*at == '\0' || end > at + 1) && isfinite(*amount);
}

enum sl_status sl_sim_poisoner_parse(struct sl_sim_poisoner *out, const char *text, uint32_t peers,
                                     struct sl_error *error)
{
	char *end;
	unsigned long peer = strtoul(text, &end, 10);
	size_t length = *end == ':' ? strcspn(end + 1, ":") : 0;
	*out = (struct sl_sim_poisoner){ .peer = (uint32_t)peer };
	if (end != text && text[0] >= '0' && text[0] <= '9' && length > 0)
		out->kind = find_poison(end + 1, length);
	out->amount = poisons[out->kind].amount;
	if (!out->kind || !parse_rest(end + 1 + length, &out->amount, &out->from))
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s: must be PEER:KIND[:AMOUNT[:FROM]], with flip, drift, noise or little as kind", text);
	if (peer >= peers)
		return sl_fail(error, SL_OUT_OF_RANGE, "%s: there are %u peers, from 0", text, peers);
	return SL_OK;
}

void sl_sim_poison(struct sl_sim *s, const struct sl_sim_poisoner *poisoner)
{
	struct sl_sim_poisoner *mine = &s->node[poisoner->peer].poisoner;
	s->poisoners -= mine->kind != SL_SIM_POISON_NONE;
	*mine = *poisoner;
	s->poisoners += mine->kind != SL_SIM_POISON_NONE;
}

bool sl_sim_honest(const struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].poisoner.kind == SL_SIM_POISON_NONE;
}

/* Mean and standard deviation of a coordinate over the honest peers. */
static double mean_of(const struct sl_sim *s, uint32_t k, double *deviation)
{
	double sum = 0, squares = 0;
	uint32_t peers = s->setup.topology->peers, honest = 0;
	for (uint32_t i = 0; i < peers; i++) {
		if (!sl_sim_honest(s, i))
			continue;
		double x = (double)sl_peer_model(s->node[i].peer)[k];
		sum += x;
		squares += x * x;
		honest++;
	}
	double mean = honest ? sum / honest : 0, variance = honest ? squares / honest - mean * mean : 0;
	*deviation = variance > 0 ? sqrt(variance) : 0;
	return mean;
}

void sl_sim_lie(struct sl_sim *s, uint32_t peer)
{
	const struct sl_sim_poisoner *poisoner = &s->node[peer].poisoner;
	struct sl_peer_view p;
	sl_peer_inspect(s->node[peer].peer, &p);
	if (p.phase != SL_PHASE_COMPUTING || p.round < poisoner->from)
		return;
	float *model = sl_peer_poison(s->node[peer].peer);
	uint64_t seed = s->setup.plan->settings.seed;
	struct sl_random g = sl_random_stream(seed, peer, "poison", p.round),
	                 u = sl_random_stream(seed, peer, "direction", 0);
	double rounds = p.round - poisoner->from + 1;
	for (uint32_t k = 0; k < p.plan->dimension; k++) {
		double deviation, mean = mean_of(s, k, &deviation), a = poisoner->amount, x = mean;
		switch (poisoner->kind) {
		case SL_SIM_POISON_FLIP:
			x = -a * mean;
			break;
		case SL_SIM_POISON_DRIFT:
			x = mean + a * rounds * (sl_random_at(&u, k) & 1 ? 1 : -1);
			break;
		case SL_SIM_POISON_NOISE:
			x = mean + a * sl_random_normal(&g);
			break;
		case SL_SIM_POISON_LITTLE:
			x = mean - a * deviation;
			break;
		case SL_SIM_POISON_NONE:
		case SL_SIM_POISON_COUNT:
			break;
		}
		model[k] = x == 0 ? 0 : (float)x;
	}
}
