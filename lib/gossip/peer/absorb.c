/* absorb.c — how a copy takes in a difference: the same arithmetic at the sender and at every receiver.
 *
 * Body of a difference: for every channel but the last a length (varint), then that many bytes of the pipeline's
 * own; of a refresh, the bytes of "all | float32 | raw"; of a silent or derived channel, none. The last channel has
 * what is left. At the end stand the algorithm's scalars, float32 each, which replace those of the copy. */
#include "gossip/peer/state.h"

#include "linalg/blocks.h"
#include "linalg/sparse.h"
#include "linalg/vector.h"

#include <math.h>
#include <string.h>

static float plain_zero(float v)
{
	return v == 0 ? 0 : v; /* never −0: one encoding per value */
}

static float sum_of(float copy, float factor, float change)
{
	return plain_zero(copy + factor * change);
}

struct sl_absorb_rule sl_absorb_rule(const struct sl_plan *plan, uint32_t peer, uint32_t version,
                                     unsigned channel)
{
	const struct sl_algorithm *a = plan->algorithm;
	return a->rule ? a->rule(plan, peer, version, channel) : (struct sl_absorb_rule){ a->absorb, 1 };
}

/* The new copy of a channel that is replaced. */
static void whole_of(enum sl_absorb kind, uint32_t dimension, const float *base, const struct sl_update *u,
                     float *out)
{
	if (kind == SL_ABSORB_SUM) {
		memcpy(out, base, dimension * sizeof *out);
		for (uint32_t i = 0; i < u->count; i++)
			out[u->index[i]] = sum_of(base[u->index[i]], 1, u->value[i]);
		return;
	}
	memset(out, 0, dimension * sizeof *out);
	for (uint32_t i = 0; i < u->count; i++)
		out[u->index[i]] = u->value[i];
}

static bool is_whole(enum sl_absorb kind)
{
	return kind == SL_ABSORB_REPLACE || kind == SL_ABSORB_REFRESH || kind == SL_ABSORB_SUM;
}

static void note_largest(const struct sl_peer *p, size_t count, const float *value, struct sl_absorption *a)
{
	a->beyond = a->beyond || (double)sl_blocks_largest(p->scratch->parallel, count, value) >
	                             p->plan->settings.limit_value;
}

/* Whether the sums of a channel stand in scratch->vector, all of them. */
static bool sums_whole(const struct sl_absorption *a, unsigned c)
{
	return a->rule[c].kind == SL_ABSORB_ADD && a->whole[c].changed > 0;
}

/* Whether a channel may be added in one pass, without lists of what changes. With a rule of its own an algorithm
 * may need the list of one channel for another. */
static bool may_be_whole(const struct sl_peer *p, struct sl_absorb_rule rule)
{
	return (p->plan->channels == 1 || !p->plan->algorithm->rule) && rule.kind == SL_ABSORB_ADD &&
	       !p->scratch->capture && !p->scratch->lists && !p->plan->settings.detect_every &&
	       sl_pipeline_is_whole(&p->plan->pipeline);
}

/* What one channel does to the digest, to `finite` and to a->beyond. */
static void absorb_channel(const struct sl_peer *p, const float *copy, unsigned c, bool anew, bool *finite,
                           struct sl_absorption *a)
{
	size_t d = p->plan->dimension;
	const struct sl_parallel *parallel = p->scratch->parallel;
	enum sl_absorb kind = a->rule[c].kind;
	const struct sl_update *u = &a->update[c];
	float *sum = p->scratch->vector + c * d;
	if (sums_whole(a, c)) {
		*finite = *finite && a->whole[c].finite;
		a->beyond =
		    a->beyond || (*finite && (double)a->whole[c].largest > p->plan->settings.limit_value);
		a->digest +=
		    a->whole[c].digest - (anew ? 0 : sl_blocks_digest(parallel, d, c * d, copy + c * d));
		return;
	}
	if (kind == SL_ABSORB_ADD)
		*finite = sl_sparse_sum(u->count, u->index, a->rule[c].factor, u->value, copy + c * d, c * d,
		                        sum, &a->digest) &&
		          *finite;
	if (kind == SL_ABSORB_ADD && *finite)
		note_largest(p, u->count, sum, a);
	if (!is_whole(kind))
		return;
	whole_of(kind, p->plan->dimension, copy, &a->update[kind == SL_ABSORB_SUM ? 0 : c], sum);
	*finite = *finite && sl_blocks_finite(parallel, d, sum);
	if (*finite)
		note_largest(p, d, sum, a);
	a->digest += sl_blocks_digest(parallel, d, c * d, sum) -
	             (anew ? 0 : sl_blocks_digest(parallel, d, c * d, copy + c * d));
}

/* Leaves in scratch->vector what sl_absorb_apply is to put into the copy: the sums, or the whole of it. */
bool sl_absorb_digest(const struct sl_peer *p, const uint8_t *copy_state, uint64_t digest,
                      struct sl_absorption *a)
{
	const struct sl_plan *plan = p->plan;
	const float *copy = (const float *)(const void *)copy_state;
	size_t d = plan->dimension;
	bool finite = true, anew = true;
	a->beyond = false;
	for (unsigned c = 0; c < plan->channels; c++)
		anew = anew && (is_whole(a->rule[c].kind) || sums_whole(a, c));
	a->digest = anew ? 0 : digest;
	for (unsigned c = 0; c < plan->channels; c++)
		absorb_channel(p, copy, c, anew, &finite, a);
	for (unsigned s = 0; s < plan->algorithm->scalars; s++) {
		size_t at = plan->channels * d + s;
		a->digest +=
		    sl_vector_digest(1, at, &a->scalar[s]) - (anew ? 0 : sl_vector_digest(1, at, copy + at));
		finite = finite && isfinite(a->scalar[s]);
		if (finite)
			note_largest(p, 1, &a->scalar[s], a);
	}
	return finite && !a->beyond;
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

/* False: the stages have to do it. */
static bool decode_whole(const struct sl_peer *p, const struct sl_message_context *m,
                         struct sl_absorb_rule rule, struct sl_reader section, struct sl_dense *out)
{
	size_t at = m->channel * (size_t)p->plan->dimension;
	if (may_be_whole(p, rule) && sl_whole_decode(&p->plan->pipeline, p->scratch->parallel, section,
	                                             m->copy, rule.factor, at, p->scratch->vector + at, out))
		return true;
	out->changed = 0;
	return false;
}

static bool decode_section(const struct sl_peer *p, const struct sl_message_context *m, enum sl_absorb kind,
                           struct sl_reader section, struct sl_update *update)
{
	const struct sl_plan *plan = p->plan;
	*update = (struct sl_update){ 0 };
	if (kind == SL_ABSORB_SILENT || kind == SL_ABSORB_SUM)
		return sl_reader_done(&section);
	bool dense = kind == SL_ABSORB_REFRESH;
	if (!sl_pipeline_decode(dense ? &plan->dense : &plan->pipeline, m, section, update,
	                        dense ? p->scratch->dense : p->scratch->workspace))
		return false;
	if (plan->channels > 1)
		put_aside(p, m->channel, update);
	return true;
}

/* The bytes of the next channel. */
static struct sl_reader section_of(const struct sl_plan *plan, unsigned channel, struct sl_reader *body)
{
	size_t scalars = 4 * (size_t)plan->algorithm->scalars, left = sl_reader_left(body);
	if (channel + 1 < plan->channels)
		return sl_read_part(body, sl_read_varint(body));
	return sl_read_part(body, left < scalars ? left + 1 : left - scalars);
}

bool sl_absorb_decode(const struct sl_peer *p, uint32_t sender, uint32_t version, struct sl_reader body,
                      uint8_t *copy_state, uint64_t digest, struct sl_absorption *out)
{
	const struct sl_plan *plan = p->plan;
	size_t d = plan->dimension, memory = plan->copy_memory / plan->channels;
	out->beyond = false;
	if (memory)
		memcpy(p->scratch->memory, copy_state + 4 * plan->copy_floats, plan->copy_memory);
	for (unsigned c = 0; c < plan->channels; c++) {
		struct sl_reader section = section_of(plan, c, &body);
		struct sl_message_context m = { plan->settings.seed,
			                        sender,
			                        version,
			                        c,
			                        &plan->model.layout,
			                        sl_copy_state_floats(copy_state) + c * d,
			                        memory ? p->scratch->memory + c * memory : NULL,
			                        p->scratch->parallel };
		out->rule[c] = sl_absorb_rule(plan, sender, version, c);
		out->update[c] = (struct sl_update){ 0 };
		if (body.failed)
			return false;
		if (!decode_whole(p, &m, out->rule[c], section, &out->whole[c]) &&
		    !decode_section(p, &m, out->rule[c].kind, section, &out->update[c]))
			return false;
	}
	for (unsigned s = 0; s < plan->algorithm->scalars; s++) {
		uint32_t bits = sl_read_u32(&body);
		if (!sl_float_bits_ok(bits))
			return false;
		out->scalar[s] = sl_float_from_bits(bits);
	}
	return sl_reader_done(&body) && sl_absorb_digest(p, copy_state, digest, out);
}

void sl_absorb_apply(const struct sl_peer *p, const struct sl_absorption *a, uint8_t *copy_state,
                     bool decoded)
{
	const struct sl_plan *plan = p->plan;
	size_t d = plan->dimension;
	for (unsigned c = 0; c < plan->channels; c++) {
		const struct sl_update *u = &a->update[c];
		float *copy = sl_copy_state_floats(copy_state) + c * d;
		if (is_whole(a->rule[c].kind) || sums_whole(a, c))
			sl_blocks_copy(p->scratch->parallel, d, p->scratch->vector + c * d, copy);
		else if (a->rule[c].kind == SL_ABSORB_ADD)
			sl_sparse_put(u->count, u->index, p->scratch->vector + c * d, copy);
	}
	for (unsigned s = 0; s < plan->algorithm->scalars; s++)
		sl_copy_state_floats(copy_state)[plan->channels * d + s] = a->scalar[s];
	if (decoded && plan->copy_memory)
		memcpy(copy_state + 4 * plan->copy_floats, p->scratch->memory, plan->copy_memory);
}

/* By the pipeline of the rule; *v becomes what was encoded, where that is a vector. */
static bool encode_by(struct sl_peer *p, struct sl_absorb_rule rule, const struct sl_message_context *m,
                      const float **v, struct sl_writer *w, struct sl_update *update)
{
	const struct sl_plan *plan = p->plan;
	struct sl_workspace *workspace = p->scratch->workspace;
	float *room = p->scratch->vector + (size_t)m->channel * plan->dimension;
	if (rule.kind == SL_ABSORB_ADD && !p->scratch->capture)
		return sl_pipeline_encode_difference(&plan->pipeline, m, *v, room, w, update, workspace);
	if (rule.kind == SL_ABSORB_ADD) {
		if (!sl_blocks_difference(m->parallel, plan->dimension, *v, m->copy, room))
			return false;
		*v = room;
	} else if (!sl_blocks_finite(m->parallel, plan->dimension, *v)) {
		return false;
	}
	if (rule.kind == SL_ABSORB_REFRESH)
		sl_pipeline_encode(&plan->dense, m, *v, w, update, p->scratch->dense);
	else
		sl_pipeline_encode(&plan->pipeline, m, *v, w, update, workspace);
	return true;
}

/* Writes one channel's section. False: what is to be sent is not finite. */
static bool encode_section(struct sl_peer *p, unsigned c, struct sl_absorb_rule rule, struct sl_writer *w,
                           struct sl_update *update, struct sl_dense *whole)
{
	const struct sl_plan *plan = p->plan;
	*update = (struct sl_update){ 0 };
	whole->changed = 0;
	if (rule.kind == SL_ABSORB_SILENT || rule.kind == SL_ABSORB_SUM)
		return true;
	const float *v = plan->algorithm->outgoing(&p->learner, c);
	struct sl_message_context m = { plan->settings.seed,
		                        p->id,
		                        p->version + 1,
		                        c,
		                        &plan->model.layout,
		                        sl_copy_state_floats(p->copy_state) + c * (size_t)plan->dimension,
		                        sl_copy_state_memory(p, p->copy_state, c),
		                        p->scratch->parallel };
	const struct sl_capture_hook *recorder = p->scratch->capture;
	const uint8_t *start = w->at;
	if (may_be_whole(p, rule)) {
		size_t at = c * (size_t)plan->dimension;
		if (sl_whole_encode(&plan->pipeline, p->scratch->parallel, v, m.copy, rule.factor, at, w,
		                    p->scratch->vector + at, whole))
			return true;
		whole->changed = 0;
	}
	if (!encode_by(p, rule, &m, &v, w, update))
		return false;
	if (recorder && rule.kind != SL_ABSORB_REFRESH)
		recorder->encoded(recorder->context, &m, p->round,
		                  rule.kind == SL_ABSORB_ADD ? rule.factor : 0, v, p->scratch->workspace,
		                  update, start, (size_t)(w->at - start));
	if (plan->channels > 1)
		put_aside(p, c, update);
	return true;
}

/* Puts the length of what was written since `start` in front of it. */
static void close_section(struct sl_writer *w, uint8_t *start)
{
	size_t length = (size_t)(w->at - start);
	uint8_t number[5];
	struct sl_writer head = sl_writer(number, sizeof number);
	sl_write_varint(&head, (uint32_t)length);
	sl_write_room(w, sl_writer_length(&head));
	memmove(start + sl_writer_length(&head), start, length);
	memcpy(start, number, sl_writer_length(&head));
}

bool sl_absorb_encode(struct sl_peer *p, struct sl_writer *w, struct sl_absorption *out)
{
	for (unsigned c = 0; c < p->plan->channels; c++) {
		out->rule[c] = sl_absorb_rule(p->plan, p->id, p->version + 1, c);
		uint8_t *start = w->at;
		if (!encode_section(p, c, out->rule[c], w, &out->update[c], &out->whole[c]))
			return false;
		if (c + 1 < p->plan->channels)
			close_section(w, start);
	}
	for (unsigned s = 0; s < p->plan->algorithm->scalars; s++) {
		out->scalar[s] = plain_zero((float)p->learner.scalar[s]);
		sl_write_u32(w, sl_float_bits(out->scalar[s]));
	}
	return sl_absorb_digest(p, p->copy_state, p->digest, out);
}
