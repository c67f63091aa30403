#include "learn/model.h"

#include <math.h>
#include <string.h>

static const struct sl_model *find_model(const char *name, struct sl_error *error)
{
	const char *names[64];
	size_t count = 0;
	for (; count < sizeof names / sizeof *names && sl_models[count]; count++) {
		if (strcmp(sl_models[count]->name, name) == 0)
			return sl_models[count];
		names[count] = sl_models[count]->name;
	}
	sl_unknown("model", name, names, count, error);
	return NULL;
}

enum sl_status sl_model_make(struct sl_model_instance *out, const char *spec, uint32_t features,
                             uint32_t classes, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	const char *arguments = sl_spec_name(spec, name, sizeof name);
	const struct sl_model *model = find_model(name, error);
	if (!model)
		return SL_NOT_FOUND;
	*out = (struct sl_model_instance){ .model = model, .features = features, .classes = classes };
	return model->make(out, arguments, error);
}

void sl_model_outside(struct sl_model_instance *instance, const struct sl_outside *outside)
{
	SL_CHECK(instance->model->outside);
	instance->layout = outside->layout;
	instance->start = outside->start;
	instance->guest = outside->guest;
	instance->described = outside->described;
	instance->described_length = outside->described_length;
}

bool sl_model_steps(const struct sl_model_instance *instance)
{
	return instance->model->outside && instance->outside_steps;
}

void sl_model_start(const struct sl_model_instance *instance, uint64_t seed, float *x)
{
	uint32_t d = instance->layout.dimension;
	const float *known = instance->start ? instance->start : instance->seeded;
	if (known)
		memcpy(x, known, d * sizeof *x);
	else
		instance->model->init(instance, seed, x);
	for (uint32_t k = 0; k < d; k++)
		x[k] = x[k] == 0 ? 0 : x[k];
}

double sl_model_evaluate_all(const struct sl_model_instance *instance, const struct sl_dataset *data,
                             const float *x, double *accuracy, float *scratch)
{
	double loss = 0;
	int64_t right = 0;
	for (uint32_t at = 0; at < data->samples;) {
		uint32_t left = data->samples - at,
		         count = left < SL_EVALUATE_CHUNK ? left : SL_EVALUATE_CHUNK;
		int64_t correct;
		loss += count * instance->model->evaluate(instance, data, at, count, x, &correct, scratch);
		right = correct < 0 || right < 0 ? -1 : right + correct;
		at += count;
	}
	if (accuracy)
		*accuracy = data->samples > 0 && right >= 0 ? (double)right / data->samples : (double)NAN;
	return data->samples > 0 ? loss / data->samples : (double)NAN;
}

const struct sl_prox *sl_prox_find(const char *name)
{
	for (const struct sl_prox *const *p = sl_proxes; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}
