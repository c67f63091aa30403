/* image_model.c — least squares in double precision (sums of whole numbers, and Cholesky: the same
 * everywhere), then weights and frequencies in integers, and a range coder between them and the bytes. */
#include "image_model.h"

#include "acceptance.h"
#include "compress/range.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	RADIUS = 3,
	WIDTH =
	    IMAGE_SIDE + 2 * RADIUS, /* of a canvas: an image with the zeros around it that a pixel may see */
	HEIGHT = IMAGE_SIDE + RADIUS,
	NEIGHBOURS = RADIUS + RADIUS * (2 * RADIUS + 1),
	INPUTS = NEIGHBOURS + 1, /* the last is 1 */
	VALUES = 256,
	LEVELS = 28,
	TEXTURES = 16,
	CLASSES = LEVELS * TEXTURES,
	ONE = 1 << 12,   /* of the weights */
	TOTAL = 1 << 16, /* of the frequencies */
	UNIFORM = VALUES /* so many of them for the uniform part, one a value: α = 2^-8 */
};

struct canvas {
	uint8_t pixel[HEIGHT * WIDTH];
};

struct image_model {
	bool positions;
	int32_t weight[IMAGE_PIXELS][INPUTS]; /* only the first without positions */
	uint32_t below[CLASSES][VALUES + 1];  /* cumulative frequencies of (pixel − prediction) mod 256 */
	double bits[CLASSES][VALUES];
};

/* What is known of a pixel before it is. */
struct outlook {
	uint32_t class;
	uint8_t expected;
};

static const uint8_t *place(const struct canvas *c, uint32_t at)
{
	return &c->pixel[(at / IMAGE_SIDE + RADIUS) * WIDTH + at % IMAGE_SIDE + RADIUS];
}

static void paint(struct canvas *c, const uint8_t *image)
{
	memset(c, 0, sizeof *c);
	for (uint32_t row = 0; row < IMAGE_SIDE; row++)
		memcpy(&c->pixel[(row + RADIUS) * WIDTH + RADIUS], image + row * IMAGE_SIDE, IMAGE_SIDE);
}

static void look(const uint8_t *pixel, int32_t input[INPUTS])
{
	int32_t *in = input;
	for (int column = -RADIUS; column < 0; column++)
		*in++ = pixel[column];
	for (int row = 1; row <= RADIUS; row++)
		for (int column = -RADIUS; column <= RADIUS; column++)
			*in++ = pixel[column - row * WIDTH];
	*in = 1;
}

/* Half octaves: 0, 1, 2, 3, 4, 6, 8, 12, … */
static uint32_t half_octave(uint32_t v)
{
	uint32_t octave = 0;
	if (v < 2)
		return v;
	while (v >> octave > 3)
		octave++;
	return 2 * octave + (v >> octave);
}

/* Fine where images are dark: most pixels there are 0, whatever is expected. */
static uint32_t level(uint32_t expected)
{
	return expected < 16 ? expected : expected < 64 ? 14 + expected / 8 : 20 + expected / 32;
}

static uint32_t difference(uint8_t a, uint8_t b)
{
	return (uint32_t)abs(a - b);
}

/* How much the pixels right beside it differ from one another. */
static uint32_t texture(const uint8_t *p)
{
	uint8_t west = p[-1], north = p[-WIDTH], north_west = p[-WIDTH - 1], north_east = p[-WIDTH + 1];
	uint32_t t = half_octave(difference(west, north_west) + difference(north_west, north) +
	                         difference(north, north_east) + difference(west, p[-2]));
	return t < TEXTURES ? t : TEXTURES - 1;
}

static struct outlook expect(const struct image_model *m, const uint8_t *pixel, uint32_t at)
{
	const int32_t *weight = m->weight[m->positions ? at : 0];
	int32_t input[INPUTS], sum = ONE / 2;
	look(pixel, input);
	for (uint32_t k = 0; k < INPUTS; k++)
		sum += weight[k] * input[k];
	sum = sum < 0 ? 0 : sum / ONE;
	struct outlook o = { .expected = (uint8_t)(sum > 255 ? 255 : sum) };
	o.class = level(o.expected) * TEXTURES + texture(pixel);
	return o;
}

/* Sums over all images of the products of inputs, and (last column) of inputs with the pixel, at one place.
 * They are whole numbers below 2^53: exact, and the same in any order. */
struct sums {
	double of[INPUTS][INPUTS + 1];
};

static void correlate(const struct canvas *canvas, uint32_t count, uint32_t at, struct sums *sums)
{
	for (uint32_t s = 0; s < count; s++) {
		const uint8_t *pixel = place(&canvas[s], at);
		int32_t input[INPUTS];
		double factor[INPUTS + 1];
		look(pixel, input);
		for (uint32_t k = 0; k < INPUTS; k++)
			factor[k] = input[k];
		factor[INPUTS] = *pixel;
		for (uint32_t i = 0; i < INPUTS; i++)
			for (uint32_t j = 0; j < INPUTS + 1; j++)
				sums->of[i][j] += factor[i] * factor[j];
	}
}

/* w = argmin Σ (w·input − pixel)² + ridge·|w − prior|². */
static void solve(const struct sums *sums, double ridge, const double prior[INPUTS], double w[INPUTS])
{
	double gram[INPUTS][INPUTS], target[INPUTS];
	for (uint32_t i = 0; i < INPUTS; i++) {
		memcpy(gram[i], sums->of[i], sizeof gram[i]);
		gram[i][i] += ridge;
		target[i] = sums->of[i][INPUTS] + ridge * prior[i];
	}
	reference_solve(INPUTS, &gram[0][0], target, w);
}

static void store_predictor(const double w[INPUTS], int32_t weight[INPUTS])
{
	for (uint32_t k = 0; k < INPUTS; k++) {
		double v = w[k] < -16 ? -16 : w[k] > 16 ? 16 : w[k]; /* so that no sum overflows */
		weight[k] = (int32_t)floor(v * ONE + 0.5);
	}
}

/* A place's predictor is pulled to the common one as by one grey value in each image: some places show
 * nothing. */
static void learn_predictors(struct image_model *m, const struct canvas *canvas, uint32_t count,
                             struct sums sums[IMAGE_PIXELS])
{
	struct sums all = { { { 0 } } };
	double common[INPUTS], own[INPUTS], zero[INPUTS] = { 0 };
	for (uint32_t at = 0; at < IMAGE_PIXELS; at++) {
		correlate(canvas, count, at, &sums[at]);
		for (uint32_t i = 0; i < INPUTS; i++)
			for (uint32_t j = 0; j < INPUTS + 1; j++)
				all.of[i][j] += sums[at].of[i][j];
	}
	solve(&all, count, zero, common);
	store_predictor(common, m->weight[0]);
	for (uint32_t at = 0; m->positions && at < IMAGE_PIXELS; at++) {
		solve(&sums[at], count, common, own);
		store_predictor(own, m->weight[at]);
	}
}

/* What was never seen counts a little: a class of neighbourhoods that is new says nothing about its pixel. */
static uint64_t share(uint32_t seen)
{
	return 64 * (uint64_t)seen + 1;
}

/* Frequencies that add up to TOTAL, none zero. */
static void divide(const uint32_t seen[VALUES], uint32_t below[VALUES + 1], double bits[VALUES])
{
	uint64_t all = 0, given = 0;
	uint32_t frequency[VALUES], most = 0;
	for (uint32_t v = 0; v < VALUES; v++) {
		all += share(seen[v]);
		most = seen[v] > seen[most] ? v : most;
	}
	for (uint32_t v = 0; v < VALUES; v++) {
		frequency[v] = (uint32_t)(1 + (TOTAL - UNIFORM) * share(seen[v]) / all);
		given += frequency[v];
	}
	frequency[most] += (uint32_t)(TOTAL - given);
	below[0] = 0;
	for (uint32_t v = 0; v < VALUES; v++) {
		below[v + 1] = below[v] + frequency[v];
		bits[v] = log2(TOTAL) - log2(frequency[v]);
	}
}

static bool learn(struct image_model *m, const uint8_t *images, uint32_t count)
{
	struct canvas *canvas = calloc(count, sizeof *canvas);
	struct sums *sums = calloc(IMAGE_PIXELS, sizeof *sums);
	uint32_t(*seen)[VALUES] = calloc(CLASSES, sizeof *seen);
	bool good = canvas && sums && seen;
	for (uint32_t s = 0; good && s < count; s++)
		paint(&canvas[s], images + (size_t)s * IMAGE_PIXELS);
	if (good)
		learn_predictors(m, canvas, count, sums);
	for (uint32_t s = 0; good && s < count; s++)
		for (uint32_t at = 0; at < IMAGE_PIXELS; at++) {
			const uint8_t *pixel = place(&canvas[s], at);
			struct outlook o = expect(m, pixel, at);
			seen[o.class][(uint8_t)(*pixel - o.expected)]++;
		}
	for (uint32_t c = 0; good && c < CLASSES; c++)
		divide(seen[c], m->below[c], m->bits[c]);
	free(canvas);
	free(sums);
	free(seen);
	return good;
}

struct image_model *image_model_fit(const uint8_t *images, uint32_t count, bool positions)
{
	struct image_model *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->positions = positions;
	if (learn(m, images, count))
		return m;
	free(m);
	return NULL;
}

void image_model_free(struct image_model *m)
{
	free(m);
}

double image_model_bits(const struct image_model *m, const uint8_t *image)
{
	double bits = 0;
	struct canvas canvas;
	paint(&canvas, image);
	for (uint32_t at = 0; at < IMAGE_PIXELS; at++) {
		struct outlook o = expect(m, place(&canvas, at), at);
		bits += m->bits[o.class][(uint8_t)(image[at] - o.expected)];
	}
	return bits;
}

size_t image_model_encode(const struct image_model *m, const uint8_t *images, uint32_t count, uint8_t *out,
                          size_t room)
{
	struct sl_range_encoder e = sl_range_encoder(out, room);
	struct canvas canvas;
	for (uint32_t s = 0; s < count; s++) {
		const uint8_t *image = images + (size_t)s * IMAGE_PIXELS;
		paint(&canvas, image);
		for (uint32_t at = 0; at < IMAGE_PIXELS; at++) {
			struct outlook o = expect(m, place(&canvas, at), at);
			const uint32_t *below = &m->below[o.class][(uint8_t)(image[at] - o.expected)];
			sl_range_put_span(&e, below[0], below[1] - below[0], TOTAL);
		}
	}
	sl_range_finish(&e);
	return e.overflow ? 0 : (size_t)(e.at - out);
}

/* The value whose interval `at` lies in. */
static uint32_t value_at(const uint32_t below[VALUES + 1], uint32_t at)
{
	uint32_t v = 0;
	for (uint32_t step = VALUES / 2; step > 0; step /= 2)
		if (below[v + step] <= at)
			v += step;
	return v;
}

bool image_model_decode(const struct image_model *m, const uint8_t *bytes, size_t length, uint8_t *images,
                        uint32_t count)
{
	struct sl_range_decoder d = sl_range_decoder(bytes, length);
	struct canvas canvas;
	for (uint32_t s = 0; s < count; s++) {
		uint8_t *image = images + (size_t)s * IMAGE_PIXELS;
		memset(&canvas, 0, sizeof canvas);
		for (uint32_t at = 0; at < IMAGE_PIXELS; at++) {
			uint8_t *pixel = (uint8_t *)(uintptr_t)place(&canvas, at);
			struct outlook o = expect(m, pixel, at);
			const uint32_t *below = m->below[o.class];
			uint32_t v = value_at(below, sl_range_get_span(&d, TOTAL));
			sl_range_take_span(&d, below[v], below[v + 1] - below[v], TOTAL);
			image[at] = *pixel = (uint8_t)(o.expected + v);
		}
	}
	return sl_range_ended(&d);
}
