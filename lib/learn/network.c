#include "learn/network.h"

#include "linalg/elementwise.h"
#include "learn/portable.h"
#include "linalg/vector.h"

#include <math.h>

/* Rows per pass through the network: enough for sgemm to run at full speed, few enough that a block of images and its
 * activations fit into the second-level cache. It also limits scratch memory, for batches of any size. */
enum { BLOCK_ROWS = 128, BLOCK_FLOATS = 1 << 19 };

static uint32_t layers_of(const struct sl_model_instance *net)
{
	return net->hidden_layers + 1;
}

/* Units of layer l; layer 0 is the input. */
static uint32_t width_of(const struct sl_model_instance *net, uint32_t l)
{
	if (l == 0)
		return net->front ? net->front_width : net->features;
	return l <= net->hidden_layers ? net->hidden[l - 1] : net->classes;
}

static uint32_t block_rows(const struct sl_model_instance *net, uint32_t count)
{
	uint32_t widest = net->features;
	for (uint32_t l = 0; l <= layers_of(net); l++)
		widest = width_of(net, l) > widest ? width_of(net, l) : widest;
	uint32_t rows = BLOCK_FLOATS / widest;
	rows = rows < 1 ? 1 : rows > BLOCK_ROWS ? BLOCK_ROWS : rows;
	return rows < count ? rows : count;
}

static uint32_t widest_hidden(const struct sl_model_instance *net)
{
	uint32_t most = 0;
	for (uint32_t l = 0; l < net->hidden_layers; l++)
		most = net->hidden[l] > most ? net->hidden[l] : most;
	return most;
}

/* The weights of layer l; its bias follows. */
static const struct sl_tensor *weights_of(const struct sl_model_instance *net, uint32_t l)
{
	return sl_layout_tensor(&net->layout, net->front_tensors + 2 * (l - 1));
}

enum sl_status sl_network_add(struct sl_model_instance *out, const char *weights, const char *bias,
                              uint32_t inputs, uint32_t outputs, struct sl_error *error)
{
	if (!sl_layout_add(&out->layout, weights, inputs, outputs, false) ||
	    !sl_layout_add(&out->layout, bias, outputs, 1, true))
		return sl_fail(error, SL_TOO_BIG, "%s: over %u parameters with %u features and %u classes",
		               out->model->name, SL_DIMENSION_MAX, out->features, out->classes);
	return SL_OK;
}

static enum sl_status add_layer(struct sl_model_instance *net, uint32_t layer, struct sl_error *error)
{
	static const char *const weights[] = { "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9" };
	static const char *const biases[] = { "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9" };
	SL_CHECK(layer >= 1 && layer <= sizeof weights / sizeof *weights);
	return sl_network_add(net, weights[layer - 1], biases[layer - 1], width_of(net, layer - 1),
	                      width_of(net, layer), error);
}

enum sl_status sl_network_lay_out(struct sl_model_instance *out, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	if (out->classes < 2)
		return sl_fail(error, SL_UNSUPPORTED,
		               "%s: needs data with classes, this data has real targets", out->model->name);
	if (out->features < 1)
		return sl_fail(error, SL_UNSUPPORTED, "%s: the data has no features", out->model->name);
	if (!out->front)
		out->layout.dimension = out->layout.tensors = 0;
	for (uint32_t l = 1; l <= layers_of(out) && status == SL_OK; l++)
		status = add_layer(out, l, error);
	return status;
}

/* He et al. 2015, eq. 10: N(0, 2/inputs) for layers that feed or follow a rectifier. Without one the loss is
 * convex and zero is the natural start. */
void sl_network_init(const struct sl_model_instance *instance, uint64_t seed, float *x)
{
	const struct sl_layout *layout = &instance->layout;
	memset(x, 0, layout->dimension * sizeof *x);
	bool convex = instance->hidden_layers == 0 && !instance->front;
	for (uint32_t t = 0; !convex && t < layout->tensors; t++) {
		const struct sl_tensor *tensor = sl_layout_tensor(layout, t);
		if (tensor->bias)
			continue;
		struct sl_random stream = sl_random_stream(seed, UINT32_MAX, "init", t);
		double deviation = sqrt(2.0 / tensor->rows);
		for (uint32_t k = 0; k < tensor->rows * tensor->columns; k++)
			x[tensor->offset + k] = (float)(deviation * sl_portable_normal(&stream));
	}
}

/* State of one block of rows in a pass through the network. */
struct pass {
	const struct sl_model_instance *net;
	const struct sl_dataset *data;
	const uint32_t *pick; /* NULL: samples first … first + rows − 1 */
	uint32_t first, rows;
	const float *input;    /* rows × features; NULL for sparse data */
	float *activation[10]; /* of layer 1 …; the last holds logits, then probabilities, then deltas */
	float *delta;          /* rows × widest hidden layer */
	float *gathered;
	float *front, *front_delta; /* the front's scratch; rows × its width */
	const float *front_out;
};
_Static_assert(sizeof((struct pass *)NULL)->activation / sizeof(float *) >=
                   sizeof((struct sl_model_instance *)NULL)->hidden / sizeof(uint32_t) + 2,
               "an activation for each layer");

/* The next buffer of `floats` floats, aligned to a cache line; NULL while only counting. */
static float *take(float *scratch, size_t *used, size_t floats)
{
	size_t at = *used;
	*used += (floats + 15) & ~(size_t)15;
	return scratch ? scratch + at : NULL;
}

/* Divides scratch into the buffers of a pass of `rows` rows; returns the floats used. scratch NULL: only counts. */
static size_t pass_cut(struct pass *p, const struct sl_model_instance *net, uint32_t rows, float *scratch)
{
	size_t used = 0;
	p->net = net;
	for (uint32_t l = 1; l <= layers_of(net); l++)
		p->activation[l] = take(scratch, &used, (size_t)rows * width_of(net, l));
	p->delta = take(scratch, &used, (size_t)rows * widest_hidden(net));
	p->gathered = take(scratch, &used, (size_t)rows * net->features);
	p->front_delta = take(scratch, &used, net->front ? (size_t)rows * net->front_width : 0);
	p->front = take(scratch, &used, net->front ? net->front->scratch(net, rows) : 0);
	return used;
}

size_t sl_network_scratch(const struct sl_model_instance *instance, uint32_t count)
{
	struct pass p;
	return pass_cut(&p, instance, block_rows(instance, count), NULL);
}

static struct pass pass_start(const struct sl_model_instance *net, const struct sl_dataset *data,
                              uint32_t count, float *scratch)
{
	SL_CHECK(data->features == net->features && data->classes <= net->classes && data->label);
	struct pass p = { .data = data };
	pass_cut(&p, net, block_rows(net, count), scratch);
	return p;
}

static uint32_t sample_of(const struct pass *p, uint32_t row)
{
	uint32_t sample = p->pick ? p->pick[row] : p->first + row;
	SL_CHECK(sample < p->data->samples);
	return sample;
}

static void gather_rows(struct pass *p)
{
	for (uint32_t i = 0; i < p->rows; i++) {
		uint32_t sample = sample_of(p, i);
		sl_dataset_gather(p->data, &sample, 1, p->gathered + (size_t)i * p->data->features);
	}
	p->input = p->gathered;
}

/* Dense input as floats: in place if it is stored as floats, else gathered. A front needs dense rows. */
static void load_input(struct pass *p)
{
	const struct sl_dataset *data = p->data;
	SL_CHECK(p->pick || (p->first <= data->samples && p->rows <= data->samples - p->first));
	p->input = NULL;
	if (data->kind == SL_FEATURES_SPARSE) {
		if (p->net->front)
			gather_rows(p);
		return;
	}
	size_t at = (size_t)p->first * data->features;
	if (p->pick) {
		sl_dataset_gather(data, p->pick, p->rows, p->gathered);
	} else if (data->kind == SL_FEATURES_FLOAT) {
		p->input = data->dense + at;
		return;
	} else {
		sl_vector_from_bytes((size_t)p->rows * data->features, data->scale, data->byte + at,
		                     p->gathered);
	}
	p->input = p->gathered;
}

/* z ← z + X·W for sparse rows of X: cost ∝ non-zeros × outputs. */
static void sparse_forward(const struct pass *p, uint32_t outputs, const float *weights, float *z)
{
	const struct sl_dataset *data = p->data;
	for (uint32_t i = 0; i < p->rows; i++, z += outputs) {
		uint32_t s = sample_of(p, i);
		for (uint64_t k = data->row[s]; k < data->row[s + 1]; k++)
			sl_vector_axpy_inline(outputs, data->value[k],
			                      weights + (size_t)data->column[k] * outputs, z);
	}
}

/* out ← out + factor·Xᵀ·delta, likewise. */
static void sparse_backward(const struct pass *p, uint32_t outputs, float factor, const float *delta,
                            float *out)
{
	const struct sl_dataset *data = p->data;
	for (uint32_t i = 0; i < p->rows; i++, delta += outputs) {
		uint32_t s = sample_of(p, i);
		for (uint64_t k = data->row[s]; k < data->row[s + 1]; k++)
			sl_vector_axpy_inline(outputs, factor * data->value[k], delta,
			                      out + (size_t)data->column[k] * outputs);
	}
}

/* Fills the activations of every layer; the last is left as logits. */
static void forward(struct pass *p, const float *x)
{
	load_input(p);
	const float *in = p->input;
	uint32_t layers = layers_of(p->net);
	if (p->net->front)
		in = p->front_out = p->net->front->forward(p->net, p->rows, x, in, p->front);
	for (uint32_t l = 1; l <= layers; l++) {
		const struct sl_tensor *weights = weights_of(p->net, l), *bias = weights + 1;
		uint32_t inputs = weights->rows, outputs = weights->columns;
		float *z = p->activation[l];
		SL_CHECK(z);
		for (uint32_t i = 0; i < p->rows; i++)
			memcpy(z + (size_t)i * outputs, x + bias->offset, outputs * sizeof *z);
		if (in)
			sl_matrix_multiply(false, false, p->rows, outputs, inputs, 1, in, inputs,
			                   x + weights->offset, outputs, 1, z, outputs);
		else
			sparse_forward(p, outputs, x + weights->offset, z);
		if (l < layers)
			sl_vector_relu((size_t)p->rows * outputs, z);
		in = z;
	}
}

/* The sum of the losses −ln softmax(z)_label, and into *correct how many labels have the largest logit. Turns
 * the logits into exp(z − max z), whose sum for each row goes to sum[]. */
static double soften(struct pass *p, float *sum, int64_t *correct)
{
	uint32_t classes = p->net->classes;
	float *z = p->activation[layers_of(p->net)];
	double loss = 0;
	for (uint32_t i = 0; i < p->rows; i++) {
		float *row = z + (size_t)i * classes;
		uint32_t label = p->data->label[sample_of(p, i)], best = 0;
		for (uint32_t c = 1; c < classes; c++)
			best = row[c] > row[best] ? c : best;
		*correct += best == label;
		float most = row[best];
		loss += (double)most - (double)row[label];
		for (uint32_t c = 0; c < classes; c++)
			row[c] -= most;
	}
	sl_vector_exp((size_t)p->rows * classes, z);
	for (uint32_t i = 0; i < p->rows; i++) {
		sum[i] = z[(size_t)i * classes];
		for (uint32_t c = 1; c < classes; c++)
			sum[i] += z[(size_t)i * classes + c];
		loss += log((double)sum[i]);
	}
	return loss;
}

/* exp(z − max z) → ∂(mean loss)/∂z = (softmax(z) − 1{label})/count. */
static void output_delta(struct pass *p, const float *sum, uint32_t count)
{
	uint32_t classes = p->net->classes;
	float *z = p->activation[layers_of(p->net)];
	float share = 1.0f / (float)count;
	for (uint32_t i = 0; i < p->rows; i++, z += classes) {
		float factor = share / sum[i];
		for (uint32_t c = 0; c < classes; c++)
			z[c] *= factor;
		z[p->data->label[sample_of(p, i)]] -= share;
	}
}

/* out ← add·out + factor·gradient of this block, whose last activation holds the deltas; biases, and with
 * sparse data the first weights, as if add were 1. out may be x: weights are used before they are changed. */
static void backward(struct pass *p, const float *x, float factor, float add, float *out)
{
	for (uint32_t l = layers_of(p->net); l >= 1; l--) {
		const struct sl_tensor *weights = weights_of(p->net, l), *bias = weights + 1;
		uint32_t inputs = weights->rows, outputs = weights->columns;
		const float *delta = p->activation[l];
		const float *in = l > 1 ? p->activation[l - 1] : p->net->front ? p->front_out : p->input;
		float *back =
		    l > 1 ? p->delta : p->front_delta; /* without a front nobody asks for the second */
		for (uint32_t i = 0; i < p->rows; i++)
			sl_vector_axpy(outputs, factor, delta + (size_t)i * outputs, out + bias->offset);
		if (!in) {
			sparse_backward(p, outputs, factor, delta, out + weights->offset);
			return;
		}
		if (l > 1 || p->net->front)
			sl_matrix_multiply(false, true, p->rows, inputs, outputs, 1, delta, outputs,
			                   x + weights->offset, outputs, 0, back, inputs);
		sl_matrix_multiply(true, false, inputs, outputs, p->rows, factor, in, inputs, delta, outputs,
		                   add, out + weights->offset, outputs);
		if (l > 1)
			sl_vector_relu_back((size_t)p->rows * inputs, p->delta, p->activation[l - 1]);
	}
	if (p->net->front)
		p->net->front->backward(p->net, p->rows, x, p->input, p->front_delta, factor, add, out,
		                        p->front);
}

/* Clears what the blocks add to: biases, and with sparse data the first weights. The other weights are overwritten by
 * the product of the first block. */
static void clear(const struct sl_model_instance *net, bool sparse, float *gradient)
{
	for (uint32_t t = 0; t < net->layout.tensors; t++) {
		const struct sl_tensor *tensor = sl_layout_tensor(&net->layout, t);
		if (tensor->bias || (sparse && t == 0))
			memset(gradient + tensor->offset, 0,
			       (size_t)tensor->rows * tensor->columns * sizeof *gradient);
	}
}

double sl_network_gradient(const struct sl_model_instance *instance, const struct sl_dataset *data,
                           const uint32_t *pick, uint32_t count, const float *x, float *gradient,
                           float *scratch)
{
	SL_CHECK(count > 0);
	struct pass p = pass_start(instance, data, count, scratch);
	clear(instance, data->kind == SL_FEATURES_SPARSE, gradient);
	float sum[BLOCK_ROWS], add = 0;
	double loss = 0;
	int64_t correct = 0;
	uint32_t block = block_rows(instance, count);
	for (uint32_t at = 0; at < count; at += p.rows, add = 1) {
		p.pick = pick ? pick + at : NULL;
		p.first = at;
		p.rows = block < count - at ? block : count - at;
		forward(&p, x);
		loss += soften(&p, sum, &correct);
		output_delta(&p, sum, count);
		backward(&p, x, 1, add, gradient);
	}
	return loss / count;
}

double sl_network_descend(const struct sl_model_instance *instance, const struct sl_dataset *data,
                          const uint32_t *pick, uint32_t count, float eta, float *x, float *gradient,
                          float *scratch)
{
	float sum[BLOCK_ROWS];
	int64_t correct = 0;
	if (count > block_rows(instance, count)) { /* later blocks need the weights as they are */
		double loss = sl_network_gradient(instance, data, pick, count, x, gradient, scratch);
		sl_vector_axpy(instance->layout.dimension, -eta, gradient, x);
		return loss;
	}
	SL_CHECK(count > 0);
	struct pass p = pass_start(instance, data, count, scratch);
	p.pick = pick;
	p.rows = count;
	forward(&p, x);
	double loss = soften(&p, sum, &correct);
	output_delta(&p, sum, count);
	backward(&p, x, -eta, 1, x);
	return loss / count;
}

/* The squares of the rows' input to layer l, plus 1 for its bias. */
static double input_square(const struct pass *p, uint32_t l, uint32_t row)
{
	const struct sl_dataset *data = p->data;
	uint32_t width = width_of(p->net, l - 1);
	if (l > 1 || p->input)
		return 1 + sl_vector_square(width,
		                            (l > 1 ? p->activation[l - 1] : p->input) + (size_t)row * width);
	uint32_t s = sample_of(p, row);
	double sum = 1;
	for (uint64_t k = data->row[s]; k < data->row[s + 1]; k++)
		sum += (double)data->value[k] * (double)data->value[k];
	return sum;
}

/* The square of each row's whole gradient, without making any: that of a layer's weights is the outer product of its
 * input a and its delta, so that with the bias it has the square (|a|² + 1)·|delta|² (Goodfellow 2015, "Efficient
 * per-example gradient computations"). Turns hidden activations into deltas. */
static void row_squares(struct pass *p, const float *x, double *square)
{
	for (uint32_t l = layers_of(p->net); l >= 1; l--) {
		const struct sl_tensor *weights = weights_of(p->net, l);
		uint32_t inputs = weights->rows, outputs = weights->columns;
		const float *delta = p->activation[l];
		for (uint32_t i = 0; i < p->rows; i++)
			square[i] +=
			    input_square(p, l, i) * sl_vector_square(outputs, delta + (size_t)i * outputs);
		if (l == 1)
			return;
		sl_matrix_multiply(false, true, p->rows, inputs, outputs, 1, delta, outputs,
		                   x + weights->offset, outputs, 0, p->delta, inputs);
		sl_vector_relu_back((size_t)p->rows * inputs, p->delta, p->activation[l - 1]);
	}
}

/* Each row of the last deltas, and with it that row's gradient, times min(1, clip/norm). */
static void scale_rows(struct pass *p, const double *square, double clip)
{
	uint32_t classes = p->net->classes;
	for (uint32_t i = 0; i < p->rows; i++)
		if (square[i] > clip * clip)
			sl_vector_scale(classes, (float)(clip / sqrt(square[i])),
			                p->activation[layers_of(p->net)] + (size_t)i * classes);
}

/* Two passes over each block: for the norms of its rows, then for the sum of what is left of their gradients (Lee &
 * Kifer 2021). Both begin with the activations, which a hidden layer's norms have turned into deltas. */
double sl_network_clipped(const struct sl_model_instance *instance, const struct sl_dataset *data,
                          const uint32_t *pick, uint32_t count, const float *x, double clip, float *out,
                          float *scratch)
{
	SL_CHECK(!instance->front);
	struct pass p = pass_start(instance, data, count, scratch);
	float sum[BLOCK_ROWS];
	double loss = 0;
	int64_t correct = 0;
	uint32_t block = block_rows(instance, count);
	for (uint32_t at = 0; at < count; at += p.rows) {
		double square[BLOCK_ROWS] = { 0 };
		p.pick = pick ? pick + at : NULL;
		p.first = at;
		p.rows = block < count - at ? block : count - at;
		forward(&p, x);
		loss += soften(&p, sum, &correct);
		output_delta(&p, sum, 1);
		row_squares(&p, x, square);
		if (layers_of(instance) > 1) {
			forward(&p, x);
			soften(&p, sum, &correct);
			output_delta(&p, sum, 1);
		}
		scale_rows(&p, square, clip);
		backward(&p, x, 1, 1, out);
	}
	return loss;
}

double sl_network_evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                           uint32_t first, uint32_t count, const float *x, int64_t *correct, float *scratch)
{
	struct pass p = pass_start(instance, data, count, scratch);
	float sum[BLOCK_ROWS];
	double loss = 0;
	int64_t right = 0;
	uint32_t block = block_rows(instance, count);
	for (uint32_t at = 0; at < count; at += p.rows) {
		p.first = first + at;
		p.rows = block < count - at ? block : count - at;
		forward(&p, x);
		loss += soften(&p, sum, &right);
	}
	if (correct)
		*correct = right;
	return count ? loss / count : (double)NAN;
}

void sl_network_predict(const struct sl_model_instance *instance, const struct sl_dataset *data,
                        uint32_t first, uint32_t count, const float *x, float *out, float *scratch)
{
	struct pass p = pass_start(instance, data, count, scratch);
	float sum[BLOCK_ROWS];
	int64_t right = 0;
	uint32_t block = block_rows(instance, count), classes = instance->classes;
	for (uint32_t at = 0; at < count; at += p.rows) {
		p.first = first + at;
		p.rows = block < count - at ? block : count - at;
		forward(&p, x);
		soften(&p, sum, &right);
		const float *z = p.activation[layers_of(instance)];
		for (uint32_t i = 0; i < p.rows; i++)
			for (uint32_t c = 0; c < classes; c++)
				*out++ = *z++ / sum[i];
	}
}
