#include "tests/support/samples.h"

#include "base/random.h"

#include <stdlib.h>

struct arrays {
	uint8_t *byte;
	float *dense, *value, *target;
	uint64_t *row;
	uint32_t *column;
	uint16_t *label;
};

static void fill(struct arrays *a, uint32_t samples, uint32_t features, uint32_t classes, uint64_t seed)
{
	struct sl_random g = sl_random_stream(seed, UINT32_MAX, "samples", 0);
	uint64_t nonzeros = 0;
	for (uint32_t s = 0; s < samples; s++) {
		a->row[s] = nonzeros;
		for (uint32_t k = 0; k < features; k++) {
			size_t at = (size_t)s * features + k;
			a->byte[at] = sl_random_below(&g, 2) ? (uint8_t)sl_random_below(&g, 256) : 0;
			a->dense[at] = 1.0f / 255 * (float)a->byte[at];
			if (!a->byte[at])
				continue;
			a->column[nonzeros] = k;
			a->value[nonzeros++] = a->dense[at];
		}
		a->target[s] = sl_random_unit(&g) - 0.5f;
		a->label[s] = (uint16_t)(classes ? sl_random_below(&g, classes) : 0);
	}
	a->row[samples] = nonzeros;
}

struct samples samples_make(enum sl_feature_kind kind, uint32_t samples, uint32_t features, uint32_t classes,
                            uint64_t seed)
{
	size_t cells = (size_t)samples * features + 1;
	struct arrays a = {
		.byte = malloc(cells),
		.dense = malloc(cells * sizeof(float)),
		.value = malloc(cells * sizeof(float)),
		.target = malloc((samples + 1) * sizeof(float)),
		.row = malloc((samples + 1) * sizeof(uint64_t)),
		.column = malloc(cells * sizeof(uint32_t)),
		.label = malloc((samples + 1) * sizeof(uint16_t)),
	};
	fill(&a, samples, features, classes, seed);
	struct sl_dataset data = {
		.kind = kind,
		.samples = samples,
		.features = features,
		.classes = classes,
		.scale = kind == SL_FEATURES_BYTE ? 1.0f / 255 : 1,
		.byte = a.byte,
		.dense = a.dense,
		.row = a.row,
		.column = a.column,
		.value = a.value,
		.label = classes ? a.label : NULL,
		.target = classes ? NULL : a.target,
	};
	struct samples s = { .length = sl_dataset_prepared_size(&data, NULL, 0) };
	s.block = malloc(s.length);
	sl_dataset_prepare(&data, NULL, 0, s.block);
	struct sl_error error;
	if (sl_dataset_open(&s.data, s.block, s.length, &error) != SL_OK)
		sl_panic(__FILE__, __LINE__, error.text);
	free(a.byte);
	free(a.dense);
	free(a.value);
	free(a.target);
	free(a.row);
	free(a.column);
	free(a.label);
	return s;
}

void samples_free(struct samples *s)
{
	free(s->block);
	*s = (struct samples){ 0 };
}
