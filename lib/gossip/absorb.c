/* absorb.c — how a copy takes in a difference: the same arithmetic at the sender and at every receiver.
 *
 * Body of a difference: for every channel a length (u32, little-endian) and that many bytes of the pipeline's
 * own. */
#include "gossip/peer_state.h"

#include "linalg/sparse.h"
#include "linalg/vector.h"

#include <string.h>

static void scatter(float *out, uint32_t dimension, const struct sl_update *u)
{
	memset(out, 0, dimension * sizeof *out);
	for (uint32_t i = 0; i < u->count; i++)
		out[u->index[i]] = u->value[i];
}

/* Leaves in scratch->vector what sl_absorb_apply is to put into the copy: the sums, or the whole of it. */
bool sl_absorb_digest(const struct sl_peer *p, const uint8_t *block, uint64_t digest, struct sl_absorption *a)
{
	const struct sl_plan *plan = p->plan;
	const float *copy = (const float *)(const void *)block;
	size_t d = plan->dimension;
	bool finite = true;
	a->digest = plan->algorithm->absorb == SL_ABSORB_ADD ? digest : 0;
	for (unsigned c = 0; c < plan->channels; c++) {
		if (plan->algorithm->absorb == SL_ABSORB_ADD) {
			const struct sl_update *u = &a->update[c];
			finite = sl_sparse_sum(u->count, u->index, 1, u->value, copy + c * d, c * d,
			                       p->scratch->vector + c * d, &a->digest) &&
			         finite;
		} else {
			float *whole = p->scratch->vector + c * d;
			scatter(whole, plan->dimension, &a->update[c]);
			a->digest += sl_vector_digest(d, c * d, whole);
		}
	}
	return finite;
}

/* Arrays of an update belong to the workspace: the first channel's are put aside before the second is
 * decoded. */
static void put_aside(const struct sl_peer *p, unsigned channel, struct sl_update *u)
{
	struct sl_update room = p->scratch->update[channel];
	memcpy(room.index, u->index, u->count * sizeof *room.index);
	memcpy(room.value, u->value, u->count * sizeof *room.value);
	*u = (struct sl_update){ u->count, room.index, room.value };
}

bool sl_absorb_decode(const struct sl_peer *p, uint32_t sender, uint32_t number, struct sl_reader body,
                      uint8_t *block, uint64_t digest, struct sl_absorption *out)
{
	const struct sl_plan *plan = p->plan;
	size_t d = plan->dimension, memory = plan->block_memory / plan->channels;
	if (memory)
		memcpy(p->scratch->memory, block + 4 * plan->block_floats, plan->block_memory);
	for (unsigned c = 0; c < plan->channels; c++) {
		uint32_t length = sl_read_u32(&body);
		struct sl_reader section = sl_read_part(&body, length);
		struct sl_message m = { plan->settings.seed,
			                sender,
			                number,
			                c,
			                &plan->model.layout,
			                sl_block_copy(block) + c * d,
			                memory ? p->scratch->memory + c * memory : NULL };
		if (body.failed ||
		    !sl_pipeline_decode(&plan->pipeline, &m, section, &out->update[c], p->scratch->workspace))
			return false;
		if (plan->channels > 1)
			put_aside(p, c, &out->update[c]);
	}
	return sl_reader_done(&body) && sl_absorb_digest(p, block, digest, out);
}

void sl_absorb_apply(const struct sl_peer *p, const struct sl_absorption *a, uint8_t *block, bool decoded)
{
	const struct sl_plan *plan = p->plan;
	size_t d = plan->dimension;
	for (unsigned c = 0; c < plan->channels; c++) {
		const struct sl_update *u = &a->update[c];
		float *copy = sl_block_copy(block) + c * d;
		if (plan->algorithm->absorb == SL_ABSORB_ADD)
			sl_sparse_put(u->count, u->index, p->scratch->vector + c * d, copy);
		else
			memcpy(copy, p->scratch->vector + c * d, d * sizeof *copy);
	}
	if (decoded && plan->block_memory)
		memcpy(block + 4 * plan->block_floats, p->scratch->memory, plan->block_memory);
}

bool sl_absorb_encode(struct sl_peer *p, struct sl_writer *w, struct sl_absorption *out)
{
	const struct sl_plan *plan = p->plan;
	size_t d = plan->dimension;
	for (unsigned c = 0; c < plan->channels; c++) {
		const float *copy = sl_block_copy(p->block) + c * d,
		            *v = plan->algorithm->outgoing(&p->learner, c);
		if (plan->algorithm->absorb == SL_ABSORB_ADD) {
			sl_vector_subtract(d, v, copy, p->scratch->vector + c * d);
			v = p->scratch->vector + c * d;
		}
		if (!sl_vector_finite(d, v))
			return false;
		struct sl_message m = { plan->settings.seed,
			                p->id,
			                p->number + 1,
			                c,
			                &plan->model.layout,
			                copy,
			                sl_block_memory(p, p->block, c) };
		uint8_t *length = sl_write_room(w, 4), *start = w->at;
		sl_pipeline_encode(&plan->pipeline, &m, v, w, &out->update[c], p->scratch->workspace);
		sl_store_u32(length, (uint32_t)(w->at - start));
		if (plan->channels > 1)
			put_aside(p, c, &out->update[c]);
	}
	return sl_absorb_digest(p, p->block, p->digest, out);
}
