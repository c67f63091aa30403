/* Every peer gets a random sample of the whole; sizes differ by at most one. */
#include "learn/deal.h"

#include "base/random.h"

static enum sl_status assign(const void *options, const struct sl_dataset *data, uint32_t peers,
                             uint64_t seed, uint32_t *owner, struct sl_error *error)
{
	(void)options;
	enum sl_status status = sl_deal_check("iid", data, peers, false, error);
	if (status != SL_OK)
		return status;
	uint64_t key = sl_random_stream(seed, UINT32_MAX, "partition iid", 0).key;
	for (uint32_t s = 0; s < data->samples; s++)
		owner[s] = sl_random_permutation(key, data->samples, s) % peers;
	return SL_OK;
}

const struct sl_partition sl_partition_iid = {
	.name = "iid",
	.doc = "every peer gets a random part of equal size",
	.assign = assign,
};
