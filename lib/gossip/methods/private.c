/* private.c — gradients with local differential privacy (privacy.h). */
#include "gossip/algorithm.h"

#include "base/bytes.h"
#include "base/chacha.h"
#include "learn/portable.h"
#include "linalg/vector.h"

#include <math.h>
#include <string.h>

_Static_assert((int)SL_CHACHA_KEY == (int)SL_HASH_BYTES, "a hash serves as a key");

/* ---- what the draws are made of ---- */

static void hash_array(struct sl_writer *w, const void *array, size_t bytes)
{
	uint8_t digest[SL_HASH_BYTES];
	sl_hash(digest, array ? array : "", array ? bytes : 0);
	sl_write_bytes(w, digest, sizeof digest);
}

static void hash_shard(struct sl_writer *w, const struct sl_dataset *d)
{
	size_t samples = d->samples, cells = samples * d->features;
	size_t stored = d->kind == SL_FEATURES_SPARSE ? (size_t)d->row[samples] : 0;
	sl_write_u32(w, (uint32_t)d->kind);
	sl_write_u32(w, d->samples);
	sl_write_u32(w, d->features);
	hash_array(w, d->byte, cells);
	hash_array(w, d->dense, cells * sizeof *d->dense);
	hash_array(w, d->row, (samples + 1) * sizeof *d->row);
	hash_array(w, d->column, stored * sizeof *d->column);
	hash_array(w, d->value, stored * sizeof *d->value);
	hash_array(w, d->label, samples * sizeof *d->label);
	hash_array(w, d->target, samples * sizeof *d->target);
}

/* The fingerprint of the run holds clip, noise, batch and model. */
static void derive_key(struct sl_privacy *p, const struct sl_plan *plan, uint32_t peer,
                       const struct sl_dataset *shard)
{
	uint8_t room[512];
	struct sl_writer w = sl_writer(room, sizeof room);
	sl_write_bytes(&w, "starling noise 1", 16);
	sl_write_bytes(&w, p->secret, sizeof p->secret);
	sl_write_u64(&w, plan->run);
	sl_write_u32(&w, peer);
	hash_shard(&w, shard);
	sl_hash(p->key, room, sl_writer_length(&w));
}

static void secret_of_seed(uint8_t out[static SL_HASH_BYTES], uint64_t seed, uint32_t peer)
{
	uint8_t room[64];
	struct sl_writer w = sl_writer(room, sizeof room);
	sl_write_bytes(&w, "starling simulated secret", 25);
	sl_write_u64(&w, seed);
	sl_write_u32(&w, peer);
	sl_hash(out, room, sl_writer_length(&w));
}

void sl_privacy_begin(struct sl_privacy *p, const struct sl_plan *plan, uint32_t peer,
                      const struct sl_dataset *shard, const uint8_t *secret)
{
	const struct sl_settings *s = &plan->settings;
	*p = (struct sl_privacy){ .on = s->noise > 0 };
	if (!p->on)
		return;
	if (secret)
		memcpy(p->secret, secret, sizeof p->secret);
	else
		secret_of_seed(p->secret, s->seed, peer);
	derive_key(p, plan, peer, shard);
	p->rate = s->batch < shard->samples ? (double)s->batch / shard->samples : 1;
	sl_accountant_make(&p->of_one, p->rate, s->noise);
	p->most = s->epsilon > 0 ? sl_accountant_most(&p->of_one, s->epsilon, s->delta) : UINT64_MAX;
}

/* ---- the count ---- */

static double *count_of(struct sl_learner *l)
{
	return &l->scalar[SL_ALGORITHM_SCALARS - 1];
}

uint64_t sl_private_releases(const struct sl_learner *l)
{
	double count = l->scalar[SL_ALGORITHM_SCALARS - 1];
	return count >= 0 && count < 0x1p52 ? (uint64_t)count : UINT64_C(1) << 52;
}

void sl_private_recovered(struct sl_learner *l, uint64_t gradients)
{
	if (l->privacy.on)
		*count_of(l) = (double)gradients;
}

bool sl_private_spent(const struct sl_learner *l)
{
	return l->privacy.on && sl_private_releases(l) >= l->privacy.most;
}

double sl_private_epsilon(const struct sl_learner *l)
{
	return sl_accountant_epsilon(&l->privacy.of_one, sl_private_releases(l), l->plan->settings.delta);
}

/* ---- a gradient ---- */

enum { STREAM_SAMPLES, STREAM_NOISE };

/* What this gradient draws from: everything that decides its value goes into the key. */
static void gradient_key(const struct sl_learner *l, const float *x, uint32_t step,
                         uint8_t key[static SL_HASH_BYTES])
{
	uint8_t room[2 * SL_HASH_BYTES + 8];
	struct sl_writer w = sl_writer(room, sizeof room);
	sl_write_bytes(&w, l->privacy.key, sizeof l->privacy.key);
	hash_array(&w, x, (size_t)l->dimension * sizeof *x);
	sl_write_u32(&w, l->round);
	sl_write_u32(&w, step);
	sl_hash(key, room, sl_writer_length(&w));
}

/* out ← out + the clipped gradients of the samples in scratch->pick; returns the sum of their losses. */
static double add_clipped(const struct sl_learner *l, uint32_t count, const float *x, float *out)
{
	const struct sl_model_instance *m = &l->plan->model;
	const uint32_t *pick = l->scratch->pick;
	double clip = l->plan->settings.clip, loss = 0;
	float *one = l->scratch->spare;
	if (m->model->clipped)
		return m->model->clipped(m, l->data, pick, count, x, clip, out, l->scratch->learn);
	for (uint32_t i = 0; i < count; i++) {
		loss += m->model->gradient(m, l->data, pick + i, 1, x, one, l->scratch->learn);
		double norm = sqrt(sl_vector_square(l->dimension, one));
		sl_vector_axpy(l->dimension, norm > clip ? (float)(clip / norm) : 1.0f, one, out);
	}
	return loss;
}

/* Poisson sampling, as the accountant assumes: every sample with chance `rate`, on its own. Batches of any size go through
 * scratch->pick in parts. Returns the sum of the losses; *taken: how many samples. */
static double sum_sampled(const struct sl_learner *l, struct sl_chacha *draw, const float *x, float *out,
                          uint32_t *taken)
{
	uint32_t room = l->plan->settings.batch, count = 0;
	bool all = l->privacy.rate >= 1;
	uint64_t below = all ? 0 : (uint64_t)(l->privacy.rate * 0x1p64);
	double loss = 0;
	*taken = 0;
	for (uint32_t s = 0; s < l->data->samples; s++) {
		if (!all && sl_chacha_u64(draw) >= below)
			continue;
		l->scratch->pick[count++] = s;
		++*taken;
		if (count == room) {
			loss += add_clipped(l, count, x, out);
			count = 0;
		}
	}
	return count ? loss + add_clipped(l, count, x, out) : loss;
}

/* Two independent standard normal numbers (Marsaglia & Bray 1964). */
static void normal_pair(struct sl_chacha *draw, double out[static 2])
{
	for (;;) {
		double u = (double)(int64_t)sl_chacha_u64(draw) * 0x1p-63;
		double v = (double)(int64_t)sl_chacha_u64(draw) * 0x1p-63;
		double square = u * u + v * v;
		if (square >= 1 || square <= 0)
			continue;
		double factor = sqrt(-2 * sl_portable_log(square) / square);
		out[0] = u * factor;
		out[1] = v * factor;
		return;
	}
}

/* out ← (out + deviation·N(0, 1))·share */
static void add_noise(struct sl_chacha *draw, uint32_t n, double deviation, double share, float *out)
{
	double pair[2];
	for (uint32_t k = 0; k < n; k++) {
		if (k % 2 == 0)
			normal_pair(draw, pair);
		out[k] = (float)(((double)out[k] + deviation * pair[k % 2]) * share);
	}
}

double sl_private_gradient(struct sl_learner *l, const float *x, uint32_t step, float *out)
{
	const struct sl_settings *s = &l->plan->settings;
	const struct sl_model_instance *m = &l->plan->model;
	struct sl_chacha draw;
	uint8_t key[SL_HASH_BYTES];
	uint32_t taken;
	memset(out, 0, l->dimension * sizeof *out);
	if (l->privacy.held || sl_private_spent(l))
		return (double)NAN;
	++*count_of(l);
	gradient_key(l, x, step, key);
	sl_chacha_begin(&draw, key, STREAM_SAMPLES);
	double loss = sum_sampled(l, &draw, x, out, &taken);
	sl_chacha_begin(&draw, key, STREAM_NOISE);
	add_noise(&draw, l->dimension, s->noise * s->clip, 1 / (l->privacy.rate * l->data->samples), out);
	if (m->model->penalty)
		m->model->penalty(m, x, out);
	if (l->share != 1)
		sl_vector_scale(l->dimension, (float)l->share, out);
	return taken ? loss / taken : (double)NAN;
}
