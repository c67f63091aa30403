#include "gossip/tensors.h"

#include "base/random.h"
#include "linalg/vector.h"
#include "trainer/start.h"

#include <stdio.h>
#include <string.h>

/* Goes through the list that a trainer gave, or else through the layout. */
struct walk {
	const struct sl_model_instance *model;
	struct sl_reader list;
	uint32_t at, placed; /* entries so far; of these, in the vector */
};

static struct walk begin(const struct sl_model_instance *model)
{
	return (struct walk){ .model = model, .list = sl_reader(model->described, model->described_length) };
}

static bool next(struct walk *w, struct sl_start_tensor *out)
{
	const struct sl_layout *layout = &w->model->layout;
	w->at++;
	if (w->model->described) {
		if (!sl_start_next(&w->list, out))
			return false;
	} else {
		if (w->placed >= layout->tensors)
			return false;
		*out = (struct sl_start_tensor){ .tensor = *sl_layout_tensor(layout, w->placed) };
	}
	w->placed += out->tensor.role != SL_ROLE_FROZEN;
	return true;
}

static uint32_t length_of(const struct sl_model_instance *model)
{
	struct walk w = begin(model);
	struct sl_start_tensor t;
	while (next(&w, &t))
		;
	return w.at - 1;
}

static uint64_t digest_of(const struct walk *w, const struct sl_start_tensor *t)
{
	const struct sl_tensor *tensor = &t->tensor;
	uint32_t shape[SL_RANK_MAX], rank = sl_tensor_shape(tensor, shape);
	uint64_t h = sl_mix64((uint64_t)tensor->role << 16 | (uint64_t)tensor->dtype << 8 | tensor->bias);
	for (const char *c = tensor->name; *c; c++)
		h = sl_mix64(h ^ (uint8_t)*c);
	for (uint32_t i = 0; i < rank; i++)
		h = sl_mix64(h ^ shape[i]);
	if (t->digest)
		h = sl_mix64(h ^ sl_load_u64(t->digest) ^ sl_load_u64(t->digest + 8));
	if (tensor->role != SL_ROLE_FROZEN && w->model->start) {
		const struct sl_tensor *placed = sl_layout_tensor(&w->model->layout, w->placed - 1);
		h = sl_mix64(h ^
		             sl_vector_digest(sl_tensor_size(placed), 0, w->model->start + placed->offset));
	}
	return h;
}

static uint32_t group_of(uint32_t tensors)
{
	return (tensors + SL_TENSOR_DIGESTS - 1) / SL_TENSOR_DIGESTS;
}

void sl_tensors_digest(const struct sl_model_instance *model, struct sl_tensor_digests *out)
{
	struct walk w = begin(model);
	struct sl_start_tensor t;
	uint32_t tensors = model->start ? length_of(model) : 0, group = group_of(tensors);
	uint64_t h = 0;
	memset(out, 0, sizeof *out);
	for (uint32_t i = 0; i < tensors && next(&w, &t); i++) {
		h = sl_mix64(h ^ digest_of(&w, &t));
		if ((i + 1) % group != 0 && i + 1 < tensors)
			continue;
		out->of[out->count++] = (uint16_t)(h ^ h >> 16 ^ h >> 32 ^ h >> 48);
		h = 0;
	}
}

unsigned sl_tensors_differ(const struct sl_tensor_digests *a, const struct sl_tensor_digests *b)
{
	unsigned most = a->count > b->count ? a->count : b->count;
	for (unsigned i = 0; i < most; i++)
		if (a->of[i] != b->of[i] || i >= a->count || i >= b->count)
			return i;
	return SL_TENSOR_DIGESTS;
}

void sl_tensors_name(const struct sl_model_instance *model, unsigned at, char *text, size_t size)
{
	struct walk w = begin(model);
	struct sl_start_tensor t, first = { 0 }, last = { 0 };
	uint32_t tensors = length_of(model), group = group_of(tensors);
	for (uint32_t i = 0; i < tensors && i < (at + 1) * group && next(&w, &t); i++) {
		first = i == at * group ? t : first;
		last = t;
	}
	if (at * group >= tensors)
		snprintf(text, size, "a tensor behind '%.80s', the last one here",
		         last.tensor.name ? last.tensor.name : "");
	else if (group == 1 || first.tensor.name == last.tensor.name)
		snprintf(text, size, "tensor '%.80s'", first.tensor.name);
	else
		snprintf(text, size, "a tensor from '%.60s' to '%.60s'", first.tensor.name, last.tensor.name);
}
