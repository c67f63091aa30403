/* McMahan et al. 2017, §3: the samples in the order of their classes are cut into equal shards, and every
 * peer gets K random ones, so it has few classes. Within a class the order is random. */
#include "learn/deal.h"

#include "base/random.h"

struct shards_options {
	uint32_t shards;
};

static const struct sl_option options_table[] = {
	{ "shards", "shards per peer; a peer sees about as many classes", SL_OPTION_U32,
	  offsetof(struct shards_options, shards), 1, 1 << 20, "2", NULL, true },
	{ 0 },
};

static enum sl_status assign(const void *options, const struct sl_dataset *data, uint32_t peers,
                             uint64_t seed, uint32_t *owner, struct sl_error *error)
{
	uint64_t n = data->samples,
	         shards = (uint64_t)((const struct shards_options *)options)->shards * peers;
	enum sl_status status = sl_deal_check("shards", data, peers, true, error);
	if (status != SL_OK)
		return status;
	if (shards > n)
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "shards: %llu shards for %u samples; at most %llu per peer",
		               (unsigned long long)shards, data->samples, (unsigned long long)(n / peers));
	uint32_t first[SL_CLASSES_MAX + 1], seen[SL_CLASSES_MAX] = { 0 };
	sl_deal_classes(data, first);
	uint64_t key = sl_random_stream(seed, UINT32_MAX, "partition shards", 0).key;
	for (uint32_t s = 0; s < data->samples; s++) {
		uint32_t c = data->label[s], size = first[c + 1] - first[c];
		uint64_t place = first[c] + sl_random_permutation(sl_mix64(key + c), size, seen[c]++);
		/* Shard i holds the places from ⌊i·n/shards⌋ on, so i is the largest with i·n < (place +
		 * 1)·shards. */
		uint64_t shard = ((place + 1) * shards - 1) / n;
		owner[s] = sl_random_permutation(~key, (uint32_t)shards, (uint32_t)shard) % peers;
	}
	return SL_OK;
}

const struct sl_partition sl_partition_shards = {
	.name = "shards",
	.doc = "samples sorted by class and cut into equal shards, K shards per peer",
	.options = options_table,
	.options_size = sizeof(struct shards_options),
	.assign = assign,
};
