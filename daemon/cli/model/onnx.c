/* onnx.c — a built-in network as ONNX (operator set 13), protobuf by hand: a message is a list of (field number and kind,
 * value); kinds are 0: number, 2: bytes with their length. Field numbers are those of onnx.proto. */
#include "daemon/cli/model/model.h"

#include "base/bytes.h"
#include "learn/convolution.h"
#include "linalg/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	IR_VERSION = 8,
	OPERATOR_SET = 13,
	TYPE_FLOAT = 1,
	TYPE_INT64 = 7,
	ATTRIBUTE_INT = 2,
	ATTRIBUTE_INTS = 7
};

/* ---- protobuf ---- */

static void varint(struct sl_bytes *out, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;
	do {
		bytes[n++] = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
		v >>= 7;
	} while (v > 0);
	sl_bytes_add(out, bytes, n);
}

static void field_number(struct sl_bytes *out, uint32_t field, int64_t v)
{
	varint(out, field << 3);
	varint(out, (uint64_t)v);
}

static void field_bytes(struct sl_bytes *out, uint32_t field, const void *bytes, size_t length)
{
	varint(out, field << 3 | 2);
	varint(out, length);
	sl_bytes_add(out, bytes, length);
}

static void field_text(struct sl_bytes *out, uint32_t field, const char *text)
{
	field_bytes(out, field, text, strlen(text));
}

/* A message inside another; frees it. */
static void field_message(struct sl_bytes *out, uint32_t field, struct sl_bytes *message)
{
	field_bytes(out, field, message->bytes, message->used);
	out->failed |= message->failed;
	free(message->bytes);
	*message = (struct sl_bytes){ 0 };
}

/* ---- parts of a graph ---- */

struct graph {
	struct sl_bytes nodes, initializers;
	const struct sl_model_taken *model;
	char last[32]; /* the output of the newest node */
	unsigned count;
};

static void int_list(struct sl_bytes *node, const char *name, uint32_t count, const int64_t *v)
{
	struct sl_bytes a = { 0 };
	field_text(&a, 1, name);
	for (uint32_t i = 0; i < count; i++)
		field_number(&a, 8, v[i]);
	field_number(&a, 20, ATTRIBUTE_INTS);
	field_message(node, 5, &a);
}

static void int_attribute(struct sl_bytes *node, const char *name, int64_t v)
{
	struct sl_bytes a = { 0 };
	field_text(&a, 1, name);
	field_number(&a, 3, v);
	field_number(&a, 20, ATTRIBUTE_INT);
	field_message(node, 5, &a);
}

/* Ends a node that takes the newest output and up to two initializers; `output` NULL: a name of its own. */
static void node(struct graph *g, const char *operator_name, const char *second, const char *third,
                 const char *output, struct sl_bytes *attributes)
{
	struct sl_bytes n = { 0 };
	char name[32];
	snprintf(name, sizeof name, "%s", output ? output : "");
	if (!output)
		snprintf(name, sizeof name, "h%u", ++g->count);
	field_text(&n, 1, g->last);
	if (second)
		field_text(&n, 1, second);
	if (third)
		field_text(&n, 1, third);
	field_text(&n, 2, name);
	field_text(&n, 4, operator_name);
	if (attributes) {
		sl_bytes_add(&n, attributes->bytes, attributes->used);
		n.failed |= attributes->failed;
		free(attributes->bytes);
		*attributes = (struct sl_bytes){ 0 };
	}
	field_message(&g->nodes, 1, &n);
	memcpy(g->last, name, sizeof name);
}

static void initializer(struct graph *g, const char *name, int type, uint32_t rank, const int64_t *dims,
                        const void *data, size_t length)
{
	struct sl_bytes t = { 0 };
	for (uint32_t i = 0; i < rank; i++)
		field_number(&t, 1, dims[i]);
	field_number(&t, 2, type);
	field_text(&t, 8, name);
	field_bytes(&t, 9, data, length);
	field_message(&g->initializers, 5, &t);
}

static void tensor(struct graph *g, const struct sl_tensor *t)
{
	int64_t dims[2] = { t->rows, t->columns };
	initializer(g, t->name, TYPE_FLOAT, t->bias ? 1 : 2, dims, g->model->x + t->offset,
	            sl_tensor_size(t) * sizeof(float));
}

/* ---- the convolutional front ---- */

/* (line, column, channel) × filter → filter × channel × line × column */
static void filters(struct graph *g, const struct sl_tensor *t, const struct sl_window *w)
{
	size_t size = sl_tensor_size(t), places = (size_t)w->size * w->size;
	float *out = malloc(size * sizeof *out);
	const float *x = g->model->x + t->offset;
	int64_t dims[4] = { t->columns, w->channels, w->size, w->size };
	if (!out) {
		g->initializers.failed = true;
		return;
	}
	for (size_t k = 0; k < size; k++) {
		size_t filter = k % t->columns, channel = k / t->columns % w->channels,
		       place = k / t->columns / w->channels;
		out[(filter * w->channels + channel) * places + place] = x[k];
	}
	initializer(g, t->name, TYPE_FLOAT, 4, dims, out, size * sizeof *out);
	free(out);
}

static void window_attributes(struct sl_bytes *a, const struct sl_window *w)
{
	int64_t size[2] = { w->size, w->size }, stride[2] = { w->stride, w->stride },
	        pad[4] = { w->pad, w->pad, w->pad, w->pad };
	int_list(a, "kernel_shape", 2, size);
	int_list(a, "strides", 2, stride);
	int_list(a, "pads", 4, pad);
}

static void front(struct graph *g)
{
	const struct sl_model_instance *m = &g->model->model;
	struct sl_convolution c = sl_convolution_of(m);
	int64_t shape[4] = { -1, c.channels, c.height, c.width }, order[4] = { 0, 2, 3, 1 }, rank = 4;
	uint32_t at = 0;
	struct sl_bytes a = { 0 };
	initializer(g, "image", TYPE_INT64, 1, &rank, shape, sizeof shape);
	node(g, "Reshape", "image", NULL, NULL, NULL);
	for (uint32_t l = 0; l < c.layers; l++) {
		uint32_t channels;
		struct sl_window w = sl_convolution_window(&c, l, &channels);
		window_attributes(&a, &w);
		if (c.layer[l].kind != SL_CONVOLUTION) {
			node(g, c.layer[l].kind == SL_POOL_MAX ? "MaxPool" : "AveragePool", NULL, NULL, NULL,
			     &a);
			continue;
		}
		const struct sl_tensor *weights = sl_layout_tensor(&m->layout, at),
		                       *bias = sl_layout_tensor(&m->layout, at + 1);
		at += 2;
		filters(g, weights, &w);
		tensor(g, bias);
		node(g, "Conv", weights->name, bias->name, NULL, &a);
		node(g, "Relu", NULL, NULL, NULL, NULL);
	}
	int_list(&a, "perm", 4, order);
	node(g, "Transpose", NULL, NULL, NULL, &a);
	int_attribute(&a, "axis", 1);
	node(g, "Flatten", NULL, NULL, NULL, &a);
}

/* ---- the whole ---- */

static void layers(struct graph *g)
{
	const struct sl_layout *layout = &g->model->model.layout;
	struct sl_bytes a = { 0 };
	for (uint32_t t = g->model->model.front_tensors; t < layout->tensors; t += 2) {
		const struct sl_tensor *weights = sl_layout_tensor(layout, t),
		                       *bias = sl_layout_tensor(layout, t + 1);
		bool last = t + 2 == layout->tensors;
		tensor(g, weights);
		tensor(g, bias);
		node(g, "Gemm", weights->name, bias->name, last ? "logits" : NULL, NULL);
		if (!last)
			node(g, "Relu", NULL, NULL, NULL, NULL);
	}
	int_attribute(&a, "axis", 1);
	node(g, "Softmax", NULL, NULL, "probabilities", &a);
}

/* An input or output: a matrix with a row for each sample. */
static void matrix(struct sl_bytes *out, uint32_t field, const char *name, uint32_t columns)
{
	struct sl_bytes info = { 0 }, type = { 0 }, inner = { 0 }, shape = { 0 }, dim = { 0 };
	field_text(&dim, 2, "samples");
	field_message(&shape, 1, &dim);
	field_number(&dim, 1, columns);
	field_message(&shape, 1, &dim);
	field_number(&inner, 1, TYPE_FLOAT);
	field_message(&inner, 2, &shape);
	field_message(&type, 1, &inner);
	field_text(&info, 1, name);
	field_message(&info, 2, &type);
	field_message(out, field, &info);
}

static void property(struct sl_bytes *out, const char *key, const char *value)
{
	struct sl_bytes p = { 0 };
	field_text(&p, 1, key);
	field_text(&p, 2, value);
	field_message(out, 14, &p);
}

enum sl_status sl_model_onnx(struct sl_bytes *out, const struct sl_model_taken *t, struct sl_error *error)
{
	struct graph g = { .model = t, .last = "samples" };
	struct sl_bytes graph = { 0 }, set = { 0 };
	if (!t->model.model->predict)
		return sl_fail(error, SL_UNSUPPORTED,
		               "--format onnx: model %s is no network; use safetensors or npz",
		               t->about.model);
	if (t->model.front)
		front(&g);
	layers(&g);
	sl_bytes_add(&graph, g.nodes.bytes, g.nodes.used);
	field_text(&graph, 2, t->about.run[0] ? t->about.run : "starling");
	sl_bytes_add(&graph, g.initializers.bytes, g.initializers.used);
	matrix(&graph, 11, "samples", t->model.features);
	matrix(&graph, 12, "logits", t->model.classes);
	matrix(&graph, 12, "probabilities", t->model.classes);
	graph.failed |= g.nodes.failed || g.initializers.failed;
	free(g.nodes.bytes);
	free(g.initializers.bytes);
	field_number(out, 1, IR_VERSION);
	field_text(out, 2, "starling");
	field_message(out, 7, &graph);
	field_number(&set, 2, OPERATOR_SET);
	field_message(out, 8, &set);
	property(out, "model", t->about.model);
	property(out, "classes", t->about.classes ? t->about.classes : "");
	return SL_OK;
}
