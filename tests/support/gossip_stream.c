#include "tests/support/gossip_stream.h"

#include "tests/support/compress.h"

#include "learn/model.h"
#include "linalg/vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { PEERS = 4, SAMPLES = 20000, PIXELS = 784, CLASSES = 10 };

struct gossip_stream {
	struct gossip_setup setup;
	struct sl_model_instance model;
	struct sl_dataset data;
	uint8_t *byte;
	uint16_t *label;
	uint32_t *shard[PEERS], shard_size[PEERS], round;
	float *x[PEERS], *copy[PEERS], *difference, *gradient, *scratch;
	struct rig rig[PEERS];
};

static bool read_packed(const char *path, size_t skip, uint8_t *out, size_t length)
{
	gzFile file = gzopen(path, "rb");
	uint8_t head[16];
	bool good = file && gzread(file, head, (unsigned)skip) == (int)skip &&
	            gzread(file, out, (unsigned)length) == (int)length;
	if (file)
		gzclose(file);
	return good;
}

static bool read_fashion(struct gossip_stream *s)
{
	static const char images[] = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz";
	static const char labels[] = "/usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte.gz";
	uint8_t *label = malloc(SAMPLES);
	bool good = read_packed(images, 16, s->byte, (size_t)SAMPLES * PIXELS) &&
	            read_packed(labels, 8, label, SAMPLES);
	for (uint32_t i = 0; good && i < SAMPLES; i++)
		s->label[i] = label[i];
	free(label);
	return good;
}

/* Blurred blobs, a few for each class. */
static void make_blobs(struct gossip_stream *s)
{
	for (uint32_t i = 0; i < SAMPLES; i++) {
		struct sl_random g = sl_random_stream(s->setup.seed, 0, "blobs", i);
		s->label[i] = (uint16_t)sl_random_below(&g, CLASSES);
		struct sl_random c = sl_random_stream(s->setup.seed, s->label[i], "centres", 0);
		uint8_t *image = s->byte + (size_t)i * PIXELS;
		memset(image, 0, PIXELS);
		for (int blob = 0; blob < 4; blob++) {
			int row = (int)sl_random_below(&c, 20) + (int)sl_random_below(&g, 5);
			int column = (int)sl_random_below(&c, 20) + (int)sl_random_below(&g, 5);
			for (int k = 0; k < 16; k++)
				image[(row + k / 4) * 28 + column + k % 4] =
				    (uint8_t)(128 + sl_random_below(&g, 128));
		}
	}
}

static void deal(struct gossip_stream *s)
{
	for (int p = 0; p < PEERS; p++)
		s->shard[p] = malloc(SAMPLES * sizeof(uint32_t));
	struct sl_random g = sl_random_stream(s->setup.seed, 0, "deal", 0);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint32_t p = i % 2 ? s->label[i] % PEERS : sl_random_below(&g, PEERS);
		s->shard[p][s->shard_size[p]++] = i;
	}
}

struct gossip_stream *gossip_stream_open(const struct gossip_setup *setup, bool *real, struct sl_error *error)
{
	struct gossip_stream *s = calloc(1, sizeof *s);
	s->setup = *setup;
	s->byte = malloc((size_t)SAMPLES * PIXELS);
	s->label = malloc(SAMPLES * sizeof *s->label);
	*real = read_fashion(s);
	if (!*real)
		make_blobs(s);
	deal(s);
	s->data = (struct sl_dataset){ .kind = SL_FEATURES_BYTE,
		                       .samples = SAMPLES,
		                       .features = PIXELS,
		                       .classes = CLASSES,
		                       .scale = 1.0F / 255,
		                       .byte = s->byte,
		                       .label = s->label };
	if (sl_model_make(&s->model, setup->model, PIXELS, CLASSES, error) != SL_OK)
		return NULL;
	uint32_t d = s->model.layout.dimension;
	for (int p = 0; p < PEERS; p++) {
		s->x[p] = malloc(d * sizeof(float));
		s->copy[p] = malloc(d * sizeof(float));
		s->model.model->init(&s->model, setup->seed, s->x[p]);
		memcpy(s->copy[p], s->x[p], d * sizeof(float));
		if (!rig_make(&s->rig[p], setup->pipeline, &s->model.layout, error))
			return NULL;
	}
	s->difference = malloc(d * sizeof(float));
	s->gradient = malloc(d * sizeof(float));
	s->scratch = malloc(s->model.model->scratch(&s->model, setup->batch) * sizeof(float));
	return s;
}

void gossip_stream_close(struct gossip_stream *s)
{
	for (int p = 0; p < PEERS; p++) {
		free(s->shard[p]);
		free(s->x[p]);
		free(s->copy[p]);
		rig_free(&s->rig[p]);
	}
	free(s->byte);
	free(s->label);
	free(s->difference);
	free(s->gradient);
	free(s->scratch);
	free(s);
}

const struct sl_layout *gossip_stream_layout(const struct gossip_stream *s)
{
	return &s->model.layout;
}

static void local_steps(struct gossip_stream *s, uint32_t p)
{
	const struct gossip_setup *o = &s->setup;
	uint32_t pick[1024], d = s->model.layout.dimension;
	double progress = (double)s->round / o->rounds, eta = o->eta;
	for (double at = 0; at < progress && o->eta_end > 0; at += 0.05) /* geometric, in twenty steps */
		eta *= pow(o->eta_end / o->eta, 0.05);
	struct sl_random g = sl_random_stream(o->seed, p, "batch", s->round);
	for (uint32_t step = 0; step < o->local_steps; step++) {
		for (uint32_t i = 0; i < o->batch; i++)
			pick[i] = s->shard[p][sl_random_below(&g, s->shard_size[p])];
		s->model.model->gradient(&s->model, &s->data, pick, o->batch, s->x[p], s->gradient,
		                         s->scratch);
		sl_vector_axpy(d, (float)-eta, s->gradient, s->x[p]);
	}
}

static void exchange(struct gossip_stream *s, uint32_t p)
{
	uint32_t d = s->model.layout.dimension;
	struct rig *r = &s->rig[p];
	struct sl_message m = { .seed = s->setup.seed,
		                .peer = p,
		                .number = s->round,
		                .layout = &s->model.layout,
		                .copy = s->copy[p],
		                .memory = r->memory[0] };
	struct sl_writer w = sl_writer(r->body, r->bound);
	struct sl_update u;
	float *v = s->gradient; /* free between steps */
	sl_vector_subtract(d, s->x[p], s->copy[p], v);
	sl_pipeline_encode(&r->pipeline, &m, v, &w, &u, r->send);
	for (uint32_t i = 0; i < u.count; i++)
		s->copy[p][u.index[i]] += u.value[i];
}

/* The rest of a round runs when the next message is asked for: until then the copy is the one before it. */
const float *gossip_stream_next(struct gossip_stream *s, struct sl_message *message)
{
	uint32_t d = s->model.layout.dimension;
	if (s->round > 0) {
		s->round--;
		for (uint32_t p = 0; p < PEERS; p++)
			exchange(s, p);
		s->round++;
		for (uint32_t p = 0; p < PEERS; p++) {
			float c = (float)(s->setup.gamma / 3);
			sl_vector_mix(d, c, s->copy[p], s->copy[(p + 1) % PEERS], s->x[p]);
			sl_vector_mix(d, c, s->copy[p], s->copy[(p + PEERS - 1) % PEERS], s->x[p]);
			sl_vector_soft_threshold(d, (float)(s->setup.lambda * s->setup.eta), s->x[p]);
		}
	}
	for (uint32_t p = 0; p < PEERS; p++)
		local_steps(s, p);
	sl_vector_subtract(d, s->x[0], s->copy[0], s->difference);
	*message = (struct sl_message){
		.seed = s->setup.seed, .number = s->round++, .layout = &s->model.layout, .copy = s->copy[0]
	};
	return s->difference;
}
