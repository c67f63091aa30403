#include "compress/stage.h"

/* What select and quantise promise together. With S the selected part of v and Q unbiased:
 * E|Q(S) − v|² = |v − S|² + E|Q(S) − S|², since S and v − S share no coordinate. */
static struct sl_promise compose(struct sl_promise select, struct sl_promise quantise)
{
	if (quantise.kind == SL_CLASS_IDENTITY)
		return select;
	if (select.kind == SL_CLASS_IDENTITY)
		return quantise;
	if (select.kind == SL_CLASS_UNBIASED && quantise.kind == SL_CLASS_UNBIASED)
		return sl_promise_unbiased((1 + select.omega) * (1 + quantise.omega) - 1);
	if (select.kind != SL_CLASS_CONTRACTIVE)
		return sl_promise_other(SL_CLASS_NONE);
	/* |v|² − |S|² + (1 − delta_q)|S|² ≤ (1 − delta_s·delta_q)|v|² */
	if (quantise.kind == SL_CLASS_CONTRACTIVE)
		return sl_promise_contractive(select.delta * quantise.delta);
	if (quantise.kind == SL_CLASS_UNBIASED && quantise.omega < 1)
		return sl_promise_contractive(select.delta * (1 - quantise.omega));
	return sl_promise_other(SL_CLASS_NONE);
}

struct sl_promise sl_pipeline_promise(const struct sl_pipeline *p)
{
	uint32_t most = p->select->most(p->select_options, p->dimension);
	return compose(p->select->promise(p->select_options, p->dimension),
	               p->quantise->promise(p->quantise_options, most));
}
