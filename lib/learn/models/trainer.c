/* trainer — the model of a trainer outside of this program: its tensors, start, gradients and numbers come from there
 * (learn/guest.h). */
#include "learn/model.h"

#include <math.h>
#include <string.h>

#define AT(field) offsetof(struct sl_model_instance, field)
static const struct sl_option options[] = {
	{ "mode",
	  "steps: the trainer makes the local steps with its own optimiser, for methods whose local part is that; gradient: it computes gradients, for every method",
	  SL_OPTION_CHOICE, AT(outside_steps), 0, 0, "steps", "steps|gradient", true },
	{ 0 },
};

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	enum sl_status status = sl_spec_arguments(options, out, out->model->name, arguments, error);
	out->outside_steps = status == SL_OK && out->outside_steps == 0; /* the first of the choices */
	return status;
}

/* Its start is always given. */
static void init(const struct sl_model_instance *instance, uint64_t seed, float *x)
{
	(void)seed;
	memset(x, 0, instance->layout.dimension * sizeof *x);
}

static size_t scratch(const struct sl_model_instance *instance, uint32_t count)
{
	(void)instance, (void)count;
	return 16;
}

/* Methods ask the guest itself, since a task names peer, round and batch; nobody has samples for these two. */
static double gradient(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       const uint32_t *pick, uint32_t count, const float *x, float *out, float *room)
{
	(void)data, (void)pick, (void)count, (void)x, (void)room;
	memset(out, 0, instance->layout.dimension * sizeof *out);
	return (double)NAN;
}

static double evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       uint32_t first, uint32_t count, const float *x, int64_t *correct, float *room)
{
	(void)instance, (void)data, (void)first, (void)count, (void)x, (void)room;
	if (correct)
		*correct = -1;
	return (double)NAN;
}

const struct sl_model sl_model_trainer = {
	.name = "trainer",
	.doc = "a model of yours: a trainer process beside each peer (starling init --trainer)",
	.options = options,
	.make = make,
	.init = init,
	.scratch = scratch,
	.gradient = gradient,
	.evaluate = evaluate,
	.outside = true,
};
