#include "learn/convolution.h"

#include "linalg/elementwise.h"
#include "linalg/image.h"
#include "linalg/vector.h"

/* Floats of patches at a time: with the weights and what comes out, about half of a second-level cache. */
enum { PATCH_FLOATS = 1 << 16 };

_Static_assert(sizeof(struct sl_convolution) <= sizeof((struct sl_model_instance *)NULL)->parameters,
               "a front fits an instance");

struct sl_convolution sl_convolution_of(const struct sl_model_instance *net)
{
	struct sl_convolution c;
	memcpy(&c, net->parameters, sizeof c);
	return c;
}

static struct sl_window window_over(const struct sl_convolution_layer *l, uint32_t height, uint32_t width,
                                    uint32_t channels)
{
	struct sl_window w = { height, width, channels, l->size, l->stride, l->pad, 0, 0 };
	uint32_t high = height + 2 * w.pad, wide = width + 2 * w.pad;
	w.rows = high < w.size ? 0 : (high - w.size) / w.stride + 1;
	w.columns = wide < w.size ? 0 : (wide - w.size) / w.stride + 1;
	return w;
}

struct sl_window sl_convolution_window(const struct sl_convolution *c, uint32_t l, uint32_t *channels_out)
{
	struct sl_window w = { .rows = c->height, .columns = c->width };
	uint32_t channels = c->channels;
	SL_CHECK(l < c->layers);
	for (uint32_t k = 0; k <= l; k++) {
		w = window_over(&c->layer[k], w.rows, w.columns, channels);
		channels = c->layer[k].kind == SL_CONVOLUTION ? c->layer[k].filters : channels;
	}
	*channels_out = channels;
	return w;
}

/* One layer on its way: what it sees, what comes out, its tensors. */
struct stage {
	struct sl_window window;
	uint32_t kind, filters, channels_out;
	size_t in, out; /* floats of a sample */
	const struct sl_tensor *weights, *bias;
	float *activation; /* rows × out */
};

struct front {
	const struct sl_model_instance *net;
	uint32_t stages, channels;
	size_t image; /* height · width of the data's images */
	struct stage stage[SL_CONVOLUTION_LAYERS_MAX];
	float
	    *input; /* rows × features: the images with their channels inside; only where there are several */
	float *delta[2]; /* rows × the largest image behind the first */
	float *patches;
};

static float *take(float *scratch, size_t *used, size_t floats)
{
	size_t at = *used;
	*used += (floats + 15) & ~(size_t)15;
	return scratch ? scratch + at : NULL;
}

static size_t patch_floats(const struct stage *s)
{
	return (size_t)s->window.rows * s->window.columns * s->window.size * s->window.size *
	       s->window.channels;
}

/* How many samples are unrolled at a time. */
static uint32_t together(const struct stage *s, uint32_t rows)
{
	size_t fit = PATCH_FLOATS / patch_floats(s);
	return fit < 1 ? 1 : fit < rows ? (uint32_t)fit : rows;
}

static void stage_make(struct front *f, const struct sl_convolution *c, uint32_t l, uint32_t *tensor)
{
	struct stage *s = &f->stage[l];
	*s = (struct stage){ .kind = c->layer[l].kind, .filters = c->layer[l].filters };
	s->window = sl_convolution_window(c, l, &s->channels_out);
	s->in = (size_t)s->window.height * s->window.width * s->window.channels;
	s->out = (size_t)s->window.rows * s->window.columns * s->channels_out;
	if (s->kind != SL_CONVOLUTION)
		return;
	s->weights = sl_layout_tensor(&f->net->layout, (*tensor)++);
	s->bias = sl_layout_tensor(&f->net->layout, (*tensor)++);
}

/* Cuts scratch into the buffers of `rows` samples and returns the floats used; scratch NULL: only counts. */
static size_t front_cut(struct front *f, const struct sl_model_instance *net, uint32_t rows, float *scratch)
{
	struct sl_convolution c = sl_convolution_of(net);
	size_t used = 0, widest = 0, patches = 0;
	uint32_t tensor = 0;
	*f = (struct front){
		.net = net, .stages = c.layers, .channels = c.channels, .image = (size_t)c.height * c.width
	};
	for (uint32_t l = 0; l < c.layers; l++) {
		struct stage *s = &f->stage[l];
		stage_make(f, &c, l, &tensor);
		s->activation = take(scratch, &used, rows * s->out);
		widest = s->out > widest ? s->out : widest;
		size_t floats = s->weights ? together(s, rows) * patch_floats(s) : 0;
		patches = floats > patches ? floats : patches;
	}
	f->input = take(scratch, &used, c.channels > 1 ? (size_t)rows * net->features : 0);
	f->delta[0] = take(scratch, &used, rows * widest);
	f->delta[1] = take(scratch, &used, rows * widest);
	f->patches = take(scratch, &used, patches);
	return used;
}

static size_t front_scratch(const struct sl_model_instance *net, uint32_t rows)
{
	struct front f;
	return front_cut(&f, net, rows, NULL);
}

/* channels × places → places × channels */
static const float *interleave(const struct front *f, uint32_t rows, const float *in)
{
	if (f->channels == 1)
		return in;
	float *out = f->input;
	SL_CHECK(out);
	for (uint32_t i = 0; i < rows; i++, in += f->channels * f->image)
		for (size_t at = 0; at < f->image; at++)
			for (uint32_t c = 0; c < f->channels; c++)
				*out++ = in[c * f->image + at];
	return f->input;
}

/* Unrolls `count` samples; the number of patches. */
static size_t unroll(const struct front *f, const struct stage *s, uint32_t count, const float *in)
{
	size_t each = patch_floats(s);
	for (uint32_t i = 0; i < count; i++)
		sl_image_patches(&s->window, in + i * s->in, f->patches + i * each);
	return (size_t)count * s->window.rows * s->window.columns;
}

static void convolve(const struct front *f, const struct stage *s, uint32_t rows, const float *x,
                     const float *in)
{
	uint32_t chunk = together(s, rows), inputs = s->weights->rows, outputs = s->filters;
	for (uint32_t at = 0; at < rows; at += chunk) {
		uint32_t count = chunk < rows - at ? chunk : rows - at;
		float *out = s->activation + at * s->out;
		size_t places = unroll(f, s, count, in + at * s->in);
		for (size_t i = 0; i < places; i++)
			memcpy(out + i * outputs, x + s->bias->offset, outputs * sizeof *out);
		sl_matrix_multiply(false, false, places, outputs, inputs, 1, f->patches, inputs,
		                   x + s->weights->offset, outputs, 1, out, outputs);
		sl_vector_relu(places * outputs, out);
	}
}

static const float *front_forward(const struct sl_model_instance *net, uint32_t rows, const float *x,
                                  const float *in, float *scratch)
{
	struct front f;
	front_cut(&f, net, rows, scratch);
	in = interleave(&f, rows, in);
	for (uint32_t l = 0; l < f.stages; l++) {
		const struct stage *s = &f.stage[l];
		if (s->kind == SL_CONVOLUTION)
			convolve(&f, s, rows, x, in);
		for (uint32_t i = 0; s->kind != SL_CONVOLUTION && i < rows; i++)
			(s->kind == SL_POOL_MAX ? sl_image_pool_max : sl_image_pool_mean)(
			    &s->window, in + i * s->in, s->activation + i * s->out);
		in = s->activation;
	}
	return in;
}

/* back ← the derivative by what the layer saw, from that by what it gave, which its activation holds now. */
static void convolve_back(const struct front *f, const struct stage *s, uint32_t rows, const float *x,
                          float *back)
{
	uint32_t chunk = together(s, rows), inputs = s->weights->rows, outputs = s->filters;
	size_t places = (size_t)s->window.rows * s->window.columns, each = patch_floats(s);
	memset(back, 0, rows * s->in * sizeof *back);
	for (uint32_t at = 0; at < rows; at += chunk) {
		uint32_t count = chunk < rows - at ? chunk : rows - at;
		sl_matrix_multiply(false, true, count * places, inputs, outputs, 1,
		                   s->activation + at * s->out, outputs, x + s->weights->offset, outputs, 0,
		                   f->patches, inputs);
		for (uint32_t i = 0; i < count; i++)
			sl_image_unpatch(&s->window, f->patches + i * each, back + (at + i) * s->in);
	}
}

/* out ← add·out + factor·gradient of the layer's tensors; its bias as if add were 1. */
static void weigh(const struct front *f, const struct stage *s, uint32_t rows, float factor, float add,
                  const float *in, float *out)
{
	uint32_t chunk = together(s, rows), inputs = s->weights->rows, outputs = s->filters;
	for (uint32_t at = 0; at < rows; at += chunk, add = 1) {
		uint32_t count = chunk < rows - at ? chunk : rows - at;
		const float *delta = s->activation + at * s->out;
		size_t places = unroll(f, s, count, in + at * s->in);
		sl_matrix_multiply(true, false, inputs, outputs, places, factor, f->patches, inputs, delta,
		                   outputs, add, out + s->weights->offset, outputs);
		for (size_t i = 0; i < places; i++)
			sl_vector_axpy_inline(outputs, factor, delta + i * outputs, out + s->bias->offset);
	}
}

static void pool_back(const struct stage *s, uint32_t rows, const float *in, float *delta, float *back)
{
	for (uint32_t i = 0; i < rows; i++)
		if (s->kind == SL_POOL_MAX)
			sl_image_pool_max_back(&s->window, in + i * s->in, s->activation + i * s->out,
			                       delta + i * s->out, back + i * s->in);
		else
			sl_image_pool_mean_back(&s->window, delta + i * s->out, back + i * s->in);
}

/* A layer's weights are used for what lies before it, and changed after that: out may be x. */
static void front_backward(const struct sl_model_instance *net, uint32_t rows, const float *x,
                           const float *in, const float *delta, float factor, float add, float *out,
                           float *scratch)
{
	struct front f;
	front_cut(&f, net, rows, scratch);
	in = f.channels > 1 ? f.input : in;
	float *now = f.delta[0], *next = f.delta[1];
	memcpy(now, delta, rows * f.stage[f.stages - 1].out * sizeof *now);
	for (uint32_t l = f.stages; l-- > 0;) {
		const struct stage *s = &f.stage[l];
		const float *seen = l > 0 ? f.stage[l - 1].activation : in;
		bool more = l > 0; /* nobody asks for the derivative by the data */
		if (s->kind == SL_CONVOLUTION) {
			sl_vector_relu_back(rows * s->out, now, s->activation);
			if (more)
				convolve_back(&f, s, rows, x, next);
			weigh(&f, s, rows, factor, add, seen, out);
		} else if (more) {
			pool_back(s, rows, seen, now, next);
		}
		float *other = now;
		now = next;
		next = other;
	}
}

static const struct sl_network_front front = {
	.scratch = front_scratch,
	.forward = front_forward,
	.backward = front_backward,
};

static enum sl_status check_window(const struct sl_model_instance *net, const struct sl_window *w, uint32_t l,
                                   uint64_t out, struct sl_error *error)
{
	if (w->rows == 0 || w->columns == 0)
		return sl_fail(
		    error, SL_OUT_OF_RANGE, "%s: layer %u: a window of %ux%u places over an image of %ux%u",
		    net->model->name, l + 1, w->size, w->size, w->height + 2 * w->pad, w->width + 2 * w->pad);
	if (out > SL_DIMENSION_MAX ||
	    (uint64_t)w->rows * w->columns * w->size * w->size * w->channels > SL_DIMENSION_MAX)
		return sl_fail(error, SL_TOO_BIG, "%s: layer %u: over %u numbers for a sample",
		               net->model->name, l + 1, SL_DIMENSION_MAX);
	return SL_OK;
}

enum sl_status sl_convolution_lay_out(struct sl_model_instance *out, const struct sl_convolution *c,
                                      struct sl_error *error)
{
	static const char *const weights[] = { "c1", "c2", "c3", "c4", "c5", "c6", "c7" };
	static const char *const biases[] = { "cb1", "cb2", "cb3", "cb4", "cb5", "cb6", "cb7" };
	enum sl_status status = SL_OK;
	uint32_t channels = c->channels, number = 0;
	memcpy(out->parameters, c, sizeof *c);
	out->layout.dimension = out->layout.tensors = 0;
	for (uint32_t l = 0; l < c->layers && status == SL_OK; l++) {
		struct sl_window w = sl_convolution_window(c, l, &channels);
		uint64_t floats = (uint64_t)w.rows * w.columns * channels;
		status = check_window(out, &w, l, floats, error);
		if (status == SL_OK && c->layer[l].kind == SL_CONVOLUTION) {
			SL_CHECK(number < SL_CONVOLUTIONS_MAX);
			status = sl_network_add(out, weights[number], biases[number],
			                        w.size * w.size * w.channels, channels, error);
			number++;
		}
		out->front_width = (uint32_t)floats;
	}
	out->front = c->layers ? &front : NULL;
	out->front_tensors = out->layout.tensors;
	return status;
}
