#include "daemon/run/test_sample.h"

#include "base/random.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

void sl_test_sample_pick(uint32_t samples, uint64_t seed, uint32_t count, uint32_t *pick)
{
	struct sl_random g = sl_random_stream(seed, UINT32_MAX, "evaluate", 0);
	uint64_t key = sl_random_u64(&g);
	for (uint32_t i = 0; i < count; i++)
		pick[i] = sl_random_permutation(key, samples, i);
	qsort(pick, count, sizeof *pick, ascending);
}

enum sl_status sl_test_sample(struct sl_dataset *data, uint64_t seed, uint32_t count, uint8_t **block,
                              struct sl_error *error)
{
	uint32_t *pick = malloc(count * sizeof *pick);
	if (!pick)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u test samples", count);
	sl_test_sample_pick(data->samples, seed, count, pick);
	size_t size = sl_dataset_prepared_size(data, pick, count);
	*block = malloc(size);
	if (*block)
		sl_dataset_prepare(data, pick, count, *block);
	free(pick);
	if (!*block)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u test samples (%zu bytes)", count, size);
	return sl_dataset_open(data, *block, size, error);
}
