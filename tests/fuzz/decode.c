/* Any bytes, through any pipeline: refused, or a sound update. The first two bytes choose the pipeline. */
#include "tests/support/compress.h"

#include <math.h>
#include <stdlib.h>

enum { PIPELINES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct targets {
	struct rig rig[PIPELINES_MAX];
	uint32_t count;
	struct sample sample;
};

static void add_target(const char *text, void *context)
{
	struct targets *t = context;
	struct sl_error error;
	if (t->count < PIPELINES_MAX && rig_make(&t->rig[t->count], text, &t->sample.layout, &error))
		t->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct targets t;
	if (t.count == 0) {
		t.sample = sample_make(6, 1);
		for_each_pipeline(add_target, &t);
	}
	if (size < 2)
		return 0;
	struct rig *r = &t.rig[sl_load_u16(data) % t.count];
	struct sl_update u;
	if (!rig_decode(r, &t.sample, 1, data + 2, size - 2, &u))
		return 0;
	for (uint32_t i = 0; i < u.count; i++)
		if (u.index[i] >= t.sample.layout.dimension || (i && u.index[i] <= u.index[i - 1]) ||
		    u.value[i] == 0 || !isfinite(u.value[i]))
			abort();
	return 0;
}
