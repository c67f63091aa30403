#include "gossip/generations.h"

#include <stdio.h>

static int newest(const struct sl_generation *g)
{
	bool usable[2] = { g[0].there && !g[0].wrong[0], g[1].there && !g[1].wrong[0] };
	if (usable[0] && usable[1])
		return g[1].version > g[0].version;
	return usable[0] ? 0 : usable[1] ? 1 : -1;
}

/* "generation 1, number 17" */
static void name(const struct sl_generation *g, int index, char out[static 64])
{
	int n = snprintf(out, 64, "generation %d", index);
	if (g[index].version)
		snprintf(out + n, 64 - (size_t)n, ", number %llu", (unsigned long long)g[index].version);
}

static void tell_refused(const struct sl_generation *g, int index, sl_generations_tell *tell, void *context)
{
	char which[64], detail[400];
	name(g, index, which);
	snprintf(detail, sizeof detail, "%s: %s", which, g[index].wrong);
	tell(context, SL_LEVEL_WARNING, "checkpoint-refused", detail);
}

static void tell_resumed(const struct sl_generation *g, int index, uint32_t round, sl_generations_tell *tell,
                         void *context)
{
	char which[64], detail[400];
	name(g, index, which);
	snprintf(detail, sizeof detail, "%s, at round %u", which, round);
	tell(context, SL_LEVEL_NOTICE, "resumed-from-checkpoint", detail);
}

/* Whether the peer would take it; fills in `wrong` if not. */
static enum sl_status examine(const struct sl_peer *p, struct sl_generation *g, struct sl_error *error)
{
	enum sl_status status = sl_peer_check(p, g->state, g->length, error);
	if (status != SL_OK)
		snprintf(g->wrong, sizeof g->wrong, "%.*s", (int)sizeof g->wrong - 1, error->text);
	return status;
}

int sl_generations_load(struct sl_peer *p, struct sl_generation g[2], sl_generations_tell *tell,
                        void *context, struct sl_error *error)
{
	struct sl_error why = { 0 };
	enum sl_status status = SL_OK;
	int taken = -1, next;
	*error = why;
	while (status != SL_REFUSED && (next = newest(g)) >= 0 && next != taken) {
		status = examine(p, &g[next], &why);
		taken = status == SL_OK ? next : -1;
	}
	if (status == SL_REFUSED)
		*error = why;
	else if (taken >= 0 && g[!taken].there && !g[!taken].wrong[0])
		examine(p, &g[!taken], &why);
	for (int i = 0; i < 2; i++)
		if (g[i].there && g[i].wrong[0])
			tell_refused(g, i, tell, context);
	if (taken < 0)
		return -1;
	SL_CHECK(sl_peer_load(p, g[taken].state, g[taken].length, &why) == SL_OK);
	tell_resumed(g, taken, sl_peer_round(p), tell, context);
	return taken;
}
