/* A generator of linear regression data: features N(0, 1), targets ⟨a, w⟩ + noise·N(0, 1) for one hidden w ~
 * N(0, I). All of it is a function of the seed, the same on every machine. For ridge and lasso, and for
 * experiments whose minimum is to be known. */
#include "learn/reader.h"

#include "learn/portable.h"

#include <math.h>

struct regression_options {
	uint32_t samples, test, features, nonzero;
	double noise;
};

#define AT(field) offsetof(struct regression_options, field)
static const struct sl_option regression_options[] = {
	{ "samples", "training samples", SL_OPTION_U32, AT(samples), 1, 1e8, "400", NULL, true },
	{ "test", "test samples", SL_OPTION_U32, AT(test), 1, 1e8, "400", NULL, true },
	{ "features", "features of a sample", SL_OPTION_U32, AT(features), 1, 1 << 24, "40", NULL, true },
	{ "noise", "standard deviation of the targets' noise", SL_OPTION_REAL, AT(noise), 0, 1e6, "5", NULL,
	  true },
	{ "nonzero", "hidden weights that are not zero, the first ones (0: all)", SL_OPTION_U32, AT(nonzero),
	  0, 1 << 24, "0", NULL, true },
	{ 0 },
};

struct sl_data_reader {
	struct regression_options options;
	uint64_t seed;
	bool train;
};

static struct sl_data_reader *regression_open(const void *options, uint64_t seed, bool train,
                                              struct sl_error *error)
{
	struct sl_data_reader *r = calloc(1, sizeof *r);
	if (!r) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a generator");
		return NULL;
	}
	sl_options_standard(regression_options, &r->options);
	if (options)
		r->options = *(const struct regression_options *)options;
	r->seed = seed;
	r->train = train;
	return r;
}

static enum sl_status regression_push(struct sl_data_reader *r, unsigned stream, const uint8_t *bytes,
                                      size_t length, const char *what, struct sl_error *error)
{
	(void)r, (void)stream, (void)bytes, (void)length;
	return sl_fail(error, SL_UNSUPPORTED, "%s: regression data is generated and takes no file", what);
}

static void generate(const struct sl_data_reader *r, uint32_t samples, double *w, float *row, float *target)
{
	const struct regression_options *o = &r->options;
	struct sl_random hidden = sl_random_stream(r->seed, UINT32_MAX, "regression weights", 0);
	for (uint32_t k = 0; k < o->features; k++)
		w[k] = o->nonzero && k >= o->nonzero ? 0 : sl_portable_normal(&hidden);
	for (uint32_t s = 0; s < samples; s++, row += o->features) {
		struct sl_random g = sl_random_stream(r->seed, UINT32_MAX,
		                                      r->train ? "regression train" : "regression test", s);
		double sum = o->noise * sl_portable_normal(&g);
		for (uint32_t k = 0; k < o->features; k++) {
			row[k] = (float)sl_portable_normal(&g);
			sum += (double)row[k] * w[k];
		}
		target[s] = (float)sum;
	}
}

static enum sl_status make_block(const struct sl_data_reader *r, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	const struct regression_options *o = &r->options;
	uint32_t samples = r->train ? o->samples : o->test;
	double *w = malloc(o->features * sizeof *w);
	float *target = malloc(samples * sizeof *target), *rows = NULL;
	if (samples <= SIZE_MAX / sizeof *rows / o->features)
		rows = malloc((size_t)samples * o->features * sizeof *rows);
	enum sl_status status = SL_NO_MEMORY;
	if (w && target && rows) {
		generate(r, samples, w, rows, target);
		struct sl_dataset data = { .kind = SL_FEATURES_FLOAT,
			                   .samples = samples,
			                   .features = o->features,
			                   .scale = 1,
			                   .dense = rows,
			                   .target = target };
		status = sl_reader_prepare(&data, block, length, error);
	} else {
		sl_fail(error, SL_NO_MEMORY, "no memory for %u samples of %u features", samples, o->features);
	}
	free(w);
	free(target);
	free(rows);
	return status;
}

static void regression_abandon(struct sl_data_reader *r)
{
	free(r);
}

static enum sl_status regression_survey(struct sl_data_reader *r, struct sl_survey *out,
                                        struct sl_error *error)
{
	(void)error;
	*out = (struct sl_survey){ .features = r->options.features };
	return SL_OK;
}

static enum sl_status regression_finish(struct sl_data_reader *r, uint32_t features,
                                        const struct sl_classes *classes, uint8_t **block, size_t *length,
                                        struct sl_error *error)
{
	enum sl_status status;
	if ((features && features != r->options.features) || classes)
		status =
		    sl_fail(error, SL_MALFORMED,
		            "regression: %u features and real targets, must be %u features and %u classes",
		            r->options.features, features, classes ? classes->count : 0);
	else
		status = make_block(r, block, length, error);
	regression_abandon(r);
	return status;
}

const struct sl_data_format sl_data_format_regression = {
	.name = "regression",
	.doc = "generated linear regression with real targets: for ridge and lasso",
	.streams = 0,
	.options = regression_options,
	.options_size = sizeof(struct regression_options),
	.open = regression_open,
	.push = regression_push,
	.survey = regression_survey,
	.finish = regression_finish,
	.abandon = regression_abandon,
};
