#include "learn/curvature.h"

#include "base/random.h"
#include "linalg/vector.h"

#include <math.h>

/* LINE: floats to which scratch is aligned, as models expect. */
enum { SAMPLES = 256, ITERATIONS = 12, LINE = 16 };

size_t sl_model_curvature_room(const struct sl_model_instance *m)
{
	return 4 * (size_t)m->layout.dimension + LINE + m->model->scratch(m, SAMPLES);
}

static double norm_of(const float *v, uint32_t count)
{
	return sqrt(sl_vector_square(count, v));
}

/* The room holds ∇ at x, the direction, x moved along it, and ∇ there. */
double sl_model_curvature(const struct sl_model_instance *m, const struct sl_dataset *data, const float *x,
                          float *room)
{
	uint32_t d = m->layout.dimension, pick[SAMPLES],
	         count = data->samples < SAMPLES ? data->samples : SAMPLES;
	float *here = room, *direction = here + d, *moved = direction + d, *there = moved + d,
	      *scratch = there + d;
	scratch += (LINE - (uintptr_t)scratch / sizeof *scratch % LINE) % LINE;
	double found = 0, far = 1e-3;
	if (!m->model->convex || count == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		pick[i] = (uint32_t)((uint64_t)i * data->samples / count);
	struct sl_random g = sl_random_stream(1, 0, "curvature", 0);
	for (uint32_t k = 0; k < d; k++)
		direction[k] = (float)(sl_random_unit_double(&g) - 0.5);
	m->model->gradient(m, data, pick, count, x, here, scratch);
	double length = norm_of(direction, d);
	for (int i = 0; i < ITERATIONS && length > 0; i++) {
		float step = (float)(far / length);
		for (uint32_t k = 0; k < d; k++)
			moved[k] = x[k] + step * direction[k];
		m->model->gradient(m, data, pick, count, moved, there, scratch);
		for (uint32_t k = 0; k < d; k++)
			direction[k] = there[k] - here[k];
		length = norm_of(direction, d);
		found = length / far;
		/* logits should move by a tenth, whatever the scale of the features: their squares are about the curvature */
		far = found > 0 ? fmin(0.1, 0.1 / sqrt(found)) : far;
	}
	return isfinite(found) ? found : 0;
}
