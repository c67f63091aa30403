#include "learn/dataset.h"

#include "linalg/elementwise.h"

static void gather_sparse(const struct sl_dataset *data, uint32_t sample, float *out)
{
	memset(out, 0, data->features * sizeof *out);
	for (uint64_t k = data->row[sample]; k < data->row[sample + 1]; k++)
		out[data->column[k]] = data->value[k];
}

/* Picked samples are scattered: the next one is prefetched explicitly. */
static void fetch(const struct sl_dataset *data, uint32_t sample)
{
	enum { LINE = 64 };
	const uint8_t *row = data->byte + (size_t)sample * data->features;
	for (size_t k = 0; k < data->features; k += LINE)
		__builtin_prefetch(row + k);
}

void sl_dataset_gather(const struct sl_dataset *data, const uint32_t *pick, uint32_t count, float *out)
{
	enum { AHEAD = 4 };
	size_t width = data->features;
	for (uint32_t i = 0; i < count; i++, out += width) {
		uint32_t sample = pick ? pick[i] : i;
		SL_CHECK(sample < data->samples);
		if (data->kind == SL_FEATURES_BYTE && pick && count - i > AHEAD &&
		    pick[i + AHEAD] < data->samples)
			fetch(data, pick[i + AHEAD]);
		switch (data->kind) {
		case SL_FEATURES_BYTE:
			sl_vector_from_bytes(width, data->scale, data->byte + sample * width, out);
			break;
		case SL_FEATURES_FLOAT:
			memcpy(out, data->dense + sample * width, width * sizeof *out);
			break;
		case SL_FEATURES_SPARSE:
			gather_sparse(data, sample, out);
			break;
		case SL_FEATURE_KINDS:
			sl_panic(__FILE__, __LINE__, "unknown kind of features");
		}
	}
}
