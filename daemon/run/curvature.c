#include "daemon/run/curvature.h"

#include "gossip/algorithm.h"
#include "learn/curvature.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Peers that are looked at; and parameters of all looks together, so that a large model does not delay the start. */
enum { LOOKED_AT = 8, PARAMETERS = 2000000 };

bool sl_curvature_wants(const struct sl_curvature *c, const struct sl_plan *plan)
{
	const struct sl_settings *s = &plan->settings;
	bool enough = c->looks == LOOKED_AT || (uint64_t)c->looks * plan->dimension >= PARAMETERS;
	return plan->model.model->convex && s->eta_rule == SL_ETA_GIVEN && !(s->smoothness > 0) && !enough;
}

void sl_curvature_look(struct sl_curvature *c, const struct sl_plan *plan, uint32_t peer,
                       const struct sl_dataset *data)
{
	if (!sl_curvature_wants(c, plan))
		return;
	c->looks++;
	float *x = calloc(plan->dimension + sl_model_curvature_room(&plan->model), sizeof *x);
	if (!x)
		return; /* it is a note only */
	sl_model_start(&plan->model, plan->settings.seed, x);
	double value = sl_model_curvature(&plan->model, data, x, x + plan->dimension);
	free(x);
	if (value > c->value)
		*c = (struct sl_curvature){ peer, c->looks, value };
}

void sl_curvature_note(const struct sl_curvature *c, const struct sl_plan *plan, char *note)
{
	const struct sl_settings *s = &plan->settings;
	double momentum = plan->algorithm->reads & SL_READS_MOMENTUM ? s->momentum : 0,
	       most = c->value > 0 ? 2 * (1 + momentum) / c->value : (double)INFINITY;
	note[0] = '\0';
	if (s->eta > most)
		snprintf(
		    note, SL_TEXT_MAX,
		    "eta = %g may be too large: the loss of peer %" PRIu32
		    " has a curvature of %.2g at the start, so that gradient steps are stable below %.2g",
		    s->eta, c->peer, c->value, most);
}

void sl_curvature_of_run(const struct sl_run *run, const struct sl_roster *roster, uint32_t first, char *note)
{
	struct sl_curvature curvature = { 0 };
	uint32_t peers = roster->topology.peers;
	for (uint32_t i = 0; i < peers && sl_curvature_wants(&curvature, &run->plan); i++) {
		uint32_t k = (first + i) % peers;
		struct sl_mapping file = { 0 };
		struct sl_dataset shard;
		struct sl_error none;
		if (roster->peer[k].gone || sl_run_shard(run, k, &file, &shard, &none) != SL_OK)
			continue; /* on another host; its peer looks for itself */
		sl_curvature_look(&curvature, &run->plan, k, &shard);
		sl_file_unmap(&file);
	}
	sl_curvature_note(&curvature, &run->plan, note);
}
