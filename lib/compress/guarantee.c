#include "compress/stage.h"

/* The combined guarantee of select and quantise. With S the selected part of v and Q unbiased:
 * E|Q(S) − v|² = |v − S|² + E|Q(S) − S|², since S and v − S share no coordinate. */
static struct sl_guarantee compose(struct sl_guarantee select, struct sl_guarantee quantise)
{
	if (quantise.kind == SL_CLASS_IDENTITY)
		return select;
	if (select.kind == SL_CLASS_IDENTITY)
		return quantise;
	if (select.kind == SL_CLASS_UNBIASED && quantise.kind == SL_CLASS_UNBIASED)
		return sl_guarantee_unbiased((1 + select.omega) * (1 + quantise.omega) - 1);
	if (select.kind != SL_CLASS_CONTRACTIVE)
		return sl_guarantee_other(SL_CLASS_NONE);
	/* |v|² − |S|² + (1 − delta_q)|S|² ≤ (1 − delta_s·delta_q)|v|² */
	if (quantise.kind == SL_CLASS_CONTRACTIVE)
		return sl_guarantee_contractive(select.delta * quantise.delta);
	/* |v|² − (1 − omega)|S|², with omega for as many coordinates as are selected */
	if (quantise.kind == SL_CLASS_UNBIASED && quantise.omega < 1)
		return sl_guarantee_contractive(select.delta * (1 - quantise.omega));
	return sl_guarantee_other(SL_CLASS_NONE);
}

uint32_t sl_pipeline_count(const struct sl_pipeline *p)
{
	return p->least ? p->least : p->select->count_max(p->select_options, p->dimension);
}

/* With a budget: of the |S|² in the selected part, the largest k of n coordinates hold at least k/n. */
static struct sl_guarantee select_guarantee(const struct sl_pipeline *p)
{
	struct sl_guarantee all = p->select->guarantee(p->select_options, p->dimension);
	uint32_t most = p->select->count_max(p->select_options, p->dimension);
	if (p->least == 0 || p->least == most)
		return all;
	return sl_guarantee_contractive((all.kind == SL_CLASS_IDENTITY ? 1 : all.delta) * p->least / most);
}

struct sl_guarantee sl_pipeline_guarantee(const struct sl_pipeline *p)
{
	uint32_t most = sl_pipeline_count(p);
	return compose(select_guarantee(p), p->quantise->guarantee(p->quantise_options, most));
}

/* ---- ordinary vectors ---- */

/* At least so many scalings, and so many values in all of them: of a few values one draw says little. */
enum { ORDINARY = 1024, SCALINGS = 16, DRAWS = 4096, SIDE_MAX = 8192 };

/* The z for which a standard normal number exceeds z in magnitude with probability p. */
static double normal_quantile(double p)
{
	double low = 0, high = 8; /* exceeded with probability 10^-15 */
	for (int i = 0; i < 30; i++) {
		double middle = (low + high) / 2;
		if (erfc(middle * M_SQRT1_2) > p)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* |Q(S) − S|²/|S|² where S is the share p of largest numbers among independent normal ones (p = 1: not chosen by
 * magnitude). Evaluated on quantiles in random order, spread over the vector, at several scales between two powers of two. */
static double quantiser_error(const struct sl_pipeline *p, const struct sl_layout *layout, uint32_t most,
                              double share)
{
	uint32_t count = most < ORDINARY ? most : ORDINARY;
	uint32_t index[ORDINARY];
	float value[ORDINARY], decoded[ORDINARY];
	double quantile[ORDINARY];
	int32_t symbol[ORDINARY];
	uint8_t side[SIDE_MAX];
	double error = 0, square = 0;
	uint32_t scalings = DRAWS / count > SCALINGS ? DRAWS / count : SCALINGS;
	if (sl_pipeline_side(p) > sizeof side)
		return (double)NAN;
	for (uint32_t rank = 0; rank < count; rank++) {
		/* the maximum is that of the full dimension, not of this sample */
		double beyond = rank ? (rank + 0.5) / count : 0.5 / most;
		quantile[rank] = normal_quantile(share * beyond);
	}
	for (uint32_t scaling = 0; scaling < scalings; scaling++) {
		struct sl_message_context m = { .seed = 1, .version = scaling, .layout = layout };
		struct sl_random g = sl_random_stream(1, 0, "ordinary", scaling);
		struct sl_values values = { &m, index, count };
		for (uint32_t i = 0; i < count; i++) {
			uint32_t rank = sl_random_permutation(g.key, count, i);
			double v = quantile[rank] * exp2((double)scaling / scalings);
			index[i] = (uint32_t)((uint64_t)i * p->dimension / count);
			value[i] = (float)(sl_random_below(&g, 2) ? v : -v);
			square += v * v;
		}
		p->quantise->encode(p->quantise_options, &values, value, symbol, side);
		if (!p->quantise->decode(p->quantise_options, &values, symbol, side, decoded))
			return (double)NAN;
		for (uint32_t i = 0; i < count; i++) {
			double got = symbol[i] ? (double)decoded[i] : 0;
			error += (got - (double)value[i]) * (got - (double)value[i]);
		}
	}
	return error / square;
}

static bool selects_by_size(const struct sl_pipeline *p, uint32_t most)
{
	return !p->select->shared_support && most < p->dimension;
}

double sl_pipeline_coarseness(const struct sl_pipeline *p, const struct sl_layout *layout)
{
	uint32_t most = sl_pipeline_count(p);
	if (p->quantise->guarantee(p->quantise_options, most).kind == SL_CLASS_IDENTITY)
		return 0;
	return quantiser_error(p, layout, most, selects_by_size(p, most) ? (double)most / p->dimension : 1);
}

double sl_pipeline_gain(const struct sl_pipeline *p, const struct sl_layout *layout)
{
	struct sl_guarantee select = select_guarantee(p);
	uint32_t most = sl_pipeline_count(p);
	bool by_size = selects_by_size(p, most);
	double share = (double)most / p->dimension, energy = share;
	if (select.kind == SL_CLASS_ABSOLUTE || (select.kind == SL_CLASS_NONE && most == p->dimension))
		return (double)NAN; /* depends on the vector's norm, or on how uniform it is */
	if (by_size) {
		double z = normal_quantile(share);
		energy = share + z * exp(-z * z / 2) * 2 * M_SQRT1_2 / sqrt(M_PI);
	}
	if (select.kind == SL_CLASS_CONTRACTIVE && p->select->shared_support)
		energy = select.delta;
	if (select.kind == SL_CLASS_UNBIASED)
		energy = 1 / (1 + select.omega);
	double scale = p->select->scale ? p->select->scale(p->select_options, p->dimension) : 1;
	double off = sl_pipeline_coarseness(p, layout);
	/* |v − S|² + |scale·S − S|² + scale²·off·|S|² */
	return energy - energy * ((scale - 1) * (scale - 1) + scale * scale * off);
}
