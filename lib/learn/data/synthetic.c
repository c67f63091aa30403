/* A generator of classification data that a linear model learns in part and a network learns well. The samples of a class
 * lie around two centres, offset + bend and offset − bend. A linear model can use only the offset; the dependence on
 * the bend is an even function, which it cannot represent. All centres and samples are functions of the seed, the
 * same on every machine. */
#include "learn/reader.h"

#include "learn/portable.h"

#include <math.h>

struct synthetic_options {
	uint32_t samples, test, features, classes;
	double noise, density;
};

#define AT(field) offsetof(struct synthetic_options, field)
static const struct sl_option synthetic_options[] = {
	{ "samples", "training samples", SL_OPTION_U32, AT(samples), 1, 1e8, "8192", NULL, true },
	{ "test", "test samples", SL_OPTION_U32, AT(test), 1, 1e8, "2048", NULL, true },
	{ "features", "features of a sample", SL_OPTION_U32, AT(features), 1, 1 << 24, "32", NULL, true },
	{ "classes", "classes", SL_OPTION_U32, AT(classes), 2, SL_CLASSES_MAX, "4", NULL, true },
	{ "noise", "standard deviation around a centre, in each feature", SL_OPTION_REAL, AT(noise), 0, 1e3,
	  "1", NULL, true },
	{ "density", "probability that a feature is kept; below 1 the samples are sparse", SL_OPTION_REAL,
	  AT(density), 1e-6, 1, "1", NULL, true },
	{ 0 },
};

/* Lengths of the two vectors that make a class, in standard deviations of the default noise. */
static const double offset_length = 1.5, bend_length = 4;

struct sl_data_reader {
	struct synthetic_options options;
	uint64_t seed;
	bool train;
	char names[16]; /* "0..3" */
};

static struct sl_data_reader *synthetic_open(const void *options, uint64_t seed, bool train,
                                             struct sl_error *error)
{
	struct sl_data_reader *r = calloc(1, sizeof *r);
	if (!r) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a generator");
		return NULL;
	}
	sl_options_standard(synthetic_options, &r->options);
	if (options)
		r->options = *(const struct synthetic_options *)options;
	r->seed = seed;
	r->train = train;
	return r;
}

static enum sl_status synthetic_push(struct sl_data_reader *r, unsigned stream, const uint8_t *bytes,
                                     size_t length, const char *what, struct sl_error *error)
{
	(void)r, (void)stream, (void)bytes, (void)length;
	return sl_fail(error, SL_UNSUPPORTED, "%s: synthetic data is generated and takes no file", what);
}

/* A centre's two vectors, offset then bend: features floats each, for each class. */
static float *make_centres(const struct synthetic_options *o, uint64_t seed)
{
	size_t floats;
	if (__builtin_mul_overflow((size_t)2 * o->classes, (size_t)o->features, &floats) ||
	    floats > SL_DIMENSION_MAX)
		return NULL;
	float *centre = malloc(floats * sizeof *centre);
	double share = 1 / sqrt(o->features);
	for (uint32_t c = 0; centre && c < o->classes; c++) {
		struct sl_random g = sl_random_stream(seed, UINT32_MAX, "synthetic centre", c);
		float *offset = centre + (size_t)2 * c * o->features, *bend = offset + o->features;
		for (uint32_t k = 0; k < o->features; k++) {
			offset[k] = (float)(offset_length * share * sl_portable_normal(&g));
			bend[k] = (float)(bend_length * share * sl_portable_normal(&g));
		}
	}
	return centre;
}

struct tables {
	float *centre, *dense;
	struct sl_growing row, column, value;
	uint16_t *label;
};

static enum sl_status add_sparse(struct tables *t, const float *dense, const struct synthetic_options *o,
                                 struct sl_random *g)
{
	bool room = true;
	for (uint32_t k = 0; k < o->features && room; k++)
		if (sl_random_unit_double(g) < o->density)
			room = sl_growing_add(&t->column, &k, sizeof k) &&
			       sl_growing_add(&t->value, &dense[k], sizeof *dense);
	uint64_t end = t->value.used / sizeof(float);
	return room && sl_growing_add(&t->row, &end, sizeof end) ? SL_OK : SL_NO_MEMORY;
}

/* Fills labels and features; sparse samples pass through one dense row. */
static enum sl_status generate(const struct sl_data_reader *r, uint32_t samples, struct tables *t)
{
	const struct synthetic_options *o = &r->options;
	bool sparse = o->density < 1;
	uint64_t zero = 0;
	if (sparse && !sl_growing_add(&t->row, &zero, sizeof zero))
		return SL_NO_MEMORY;
	for (uint32_t s = 0; s < samples; s++) {
		struct sl_random g =
		    sl_random_stream(r->seed, UINT32_MAX, r->train ? "synthetic train" : "synthetic test", s);
		t->label[s] = (uint16_t)sl_random_below(&g, o->classes);
		const float *offset = t->centre + (size_t)2 * t->label[s] * o->features,
		            *bend = offset + o->features;
		float side = sl_random_below(&g, 2) ? 1.0f : -1.0f;
		float *row = t->dense + (sparse ? 0 : (size_t)s * o->features);
		for (uint32_t k = 0; k < o->features; k++)
			row[k] = offset[k] + side * bend[k] + (float)(o->noise * sl_portable_normal(&g));
		if (sparse && add_sparse(t, row, o, &g) != SL_OK)
			return SL_NO_MEMORY;
	}
	return SL_OK;
}

static enum sl_status make_block(const struct sl_data_reader *r, uint32_t samples, struct tables *t,
                                 const struct sl_survey *found, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	const struct synthetic_options *o = &r->options;
	size_t rows = o->density < 1 ? 1 : samples;
	t->centre = make_centres(o, r->seed);
	t->label = malloc(samples * sizeof *t->label);
	t->dense = rows <= SIZE_MAX / sizeof(float) / o->features ? malloc(rows * o->features * sizeof(float))
	                                                          : NULL;
	if (!t->centre || !t->label || !t->dense || generate(r, samples, t) != SL_OK)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u synthetic samples of %u features",
		               samples, o->features);
	struct sl_dataset data = {
		.kind = o->density < 1 ? SL_FEATURES_SPARSE : SL_FEATURES_FLOAT,
		.samples = samples,
		.features = o->features,
		.classes = o->classes,
		.scale = 1,
		.dense = t->dense,
		.row = (const void *)t->row.bytes,
		.column = (const void *)t->column.bytes,
		.value = (const void *)t->value.bytes,
		.label = t->label,
		.names = found->names,
		.names_length = found->names_length,
	};
	return sl_reader_prepare(&data, block, length, error);
}

static enum sl_status make_tables(const struct sl_data_reader *r, const struct sl_survey *names,
                                  uint8_t **block, size_t *length, struct sl_error *error)
{
	struct tables t = { 0 };
	enum sl_status status =
	    make_block(r, r->train ? r->options.samples : r->options.test, &t, names, block, length, error);
	free(t.centre);
	free(t.dense);
	free(t.label);
	free(t.row.bytes);
	free(t.column.bytes);
	free(t.value.bytes);
	return status;
}

static void synthetic_abandon(struct sl_data_reader *r)
{
	free(r);
}

static enum sl_status synthetic_survey(struct sl_data_reader *r, struct sl_survey *out,
                                       struct sl_error *error)
{
	(void)error;
	struct sl_classes_writer w = sl_classes_begin(r->names);
	sl_classes_add_numbers(&w, 0, (int64_t)r->options.classes - 1);
	*out = (struct sl_survey){ r->options.features, r->options.classes, r->names, sl_classes_end(&w) };
	return SL_OK;
}

/* The list may have any names, but must have as many classes. */
static enum sl_status synthetic_finish(struct sl_data_reader *r, uint32_t features,
                                       const struct sl_classes *classes, uint8_t **block, size_t *length,
                                       struct sl_error *error)
{
	const struct synthetic_options *o = &r->options;
	struct sl_survey names;
	enum sl_status status;
	synthetic_survey(r, &names, error);
	if (classes) {
		names.names = classes->text;
		names.names_length = classes->length;
	}
	if (features && features != o->features)
		status =
		    sl_fail(error, SL_MALFORMED, "synthetic: %u features, must be %u", o->features, features);
	else if (classes && classes->count != o->classes)
		status = sl_fail(error, SL_MALFORMED, "synthetic: %u classes, but the list names %u",
		                 o->classes, classes->count);
	else
		status = make_tables(r, &names, block, length, error);
	synthetic_abandon(r);
	return status;
}

const struct sl_data_format sl_data_format_synthetic = {
	.name = "synthetic",
	.doc = "generated classes, each around two centres: a linear model fits them partly, a network well",
	.streams = 0,
	.options = synthetic_options,
	.options_size = sizeof(struct synthetic_options),
	.open = synthetic_open,
	.push = synthetic_push,
	.survey = synthetic_survey,
	.finish = synthetic_finish,
	.abandon = synthetic_abandon,
};
