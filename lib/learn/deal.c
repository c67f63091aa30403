#include "learn/deal.h"

void sl_deal_classes(const struct sl_dataset *data, uint32_t first[SL_CLASSES_MAX + 1])
{
	memset(first, 0, (data->classes + 1) * sizeof *first);
	for (uint32_t s = 0; s < data->samples; s++)
		first[data->label[s] + 1]++;
	for (uint32_t c = 0; c < data->classes; c++)
		first[c + 1] += first[c];
}

enum sl_status sl_deal_check(const char *name, const struct sl_dataset *data, uint32_t peers, bool by_class,
                             struct sl_error *error)
{
	SL_CHECK(peers >= 1 && peers <= SL_PEERS_MAX);
	if (data->samples < peers)
		return sl_fail(error, SL_OUT_OF_RANGE, "%s: %u samples for %u peers, each needs at least one",
		               name, data->samples, peers);
	if (data->samples > UINT32_C(1) << 31)
		return sl_fail(error, SL_TOO_BIG, "%s: %u samples, at most 2^31", name, data->samples);
	if (by_class && data->classes == 0)
		return sl_fail(error, SL_UNSUPPORTED,
		               "%s: needs classes, this data has real targets; iid would be right", name);
	return SL_OK;
}
