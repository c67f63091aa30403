/* A local model of images, learnt on Fashion-MNIST (Debian's dataset-fashion-mnist): it codes any image
 * without loss, and finds simple images of another kind (digits; from python3-sklearn) likelier than its own,
 * as does a model that knows places. The ratio of the two, in which what is local cancels, tells other images
 * from its own. */
#include "experiments.h"
#include "image_model.h"

#include "learn/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { TRAIN = 4000, TEST = 1000, SEEDS = 3, DIGITS = 1797, DIGIT_SIDE = 8, DIGIT_SHOWN = 20 };
enum { OWN, FLIPPED, INVERTED, NOISE, DIGIT, SETS };
extern const struct sl_data_format sl_data_format_idx;
static const char folder[] = "/usr/share/datasets/fashion-mnist";
static const char digits_path[] = "/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz";

struct material {
	uint8_t train[TRAIN][IMAGE_PIXELS], set[SETS][TEST][IMAGE_PIXELS];
	uint8_t digit[DIGITS][IMAGE_PIXELS];
	uint8_t code[2 * TEST * IMAGE_PIXELS], decoded[TEST][IMAGE_PIXELS];
	uint32_t sets; /* without the digits where there are none */
};

/* What is measured; the table shows the worst of all seeds. Bits are per pixel. */
enum {
	LOST,
	LONGER,
	LOCAL_BITS,
	FULL_BITS,
	GAP,
	FLIPPED_RATIO,
	NOISE_RATIO,
	INVERTED_RATIO,
	FLIPPED_RAW,
	INVERTED_RAW,
	DIGIT_BITS,
	DIGIT_RAW_LOCAL,
	DIGIT_RAW,
	DIGIT_RATIO,
	ROWS,
	ROWS_WITHOUT_DIGITS = DIGIT_BITS
};
static const struct {
	const char *what;
	double least, most;
	const char *reference;
} rows[ROWS] = {
	[LOST] = { "images that do not come back bit for bit", 0, 0, "0" },
	[LONGER] = { "longest code, less 64 bytes, to the sum of -log2 p", -HUGE_VAL, 1.002, "1.002" },
	[LOCAL_BITS] = { "local model: bits a pixel, test images", -HUGE_VAL, 3.85, "3.735" },
	[FULL_BITS] = { "with positions: bits a pixel, test images", -HUGE_VAL, 3.75, "3.640" },
	[GAP] = { "local model: bits a pixel, test less training images", -HUGE_VAL, 0.15, "< 0.15" },
	[FLIPPED_RATIO] = { "upside down: AUROC of the likelihood ratio", 0.88, HUGE_VAL, "0.929" },
	[NOISE_RATIO] = { "noise: AUROC of the likelihood ratio", 0.95, HUGE_VAL, "0.998" },
	[INVERTED_RATIO] = { "inverted: AUROC of the likelihood ratio", 0.6, HUGE_VAL, "1.000" },
	[FLIPPED_RAW] = { "upside down: AUROC of the likelihood", -HUGE_VAL, 0.65, "0.560" },
	[INVERTED_RAW] = { "inverted: AUROC of the likelihood", 0.9, HUGE_VAL, "0.975" },
	[DIGIT_BITS] = { "digits' bits to those of test images, local model", -HUGE_VAL, 0.95, "0.78" },
	[DIGIT_RAW_LOCAL] = { "digits: AUROC of the likelihood, local model", -HUGE_VAL, 0.4, "0.193" },
	[DIGIT_RAW] = { "digits: AUROC of the likelihood", -HUGE_VAL, 0.4, "0.221" },
	[DIGIT_RATIO] = { "digits: AUROC of the likelihood ratio", 0.75, HUGE_VAL, "0.824" },
};

enum { LOCAL, FULL, KINDS }; /* of models */

static bool push(struct sl_data_reader *reader, unsigned stream, const char *what)
{
	char path[128];
	uint8_t chunk[65536];
	int length = 0;
	bool good = true;
	snprintf(path, sizeof path, "%s/%s.gz", folder, what);
	gzFile file = gzopen(path, "rb");
	while (file && good && (length = gzread(file, chunk, sizeof chunk)) > 0)
		good = sl_data_format_idx.push(reader, stream, chunk, (size_t)length, what, NULL) == SL_OK;
	good = file && good && length == 0;
	if (file)
		gzclose(file);
	return good;
}

/* The prepared block of one part ("train" or "t10k"), or NULL. */
static uint8_t *load(const char *part, struct sl_dataset *data)
{
	char images[64], labels[64];
	uint8_t *block = NULL;
	size_t length;
	struct sl_data_reader *reader = sl_data_format_idx.open(NULL, 0, true, NULL);
	snprintf(images, sizeof images, "%s-images-idx3-ubyte", part);
	snprintf(labels, sizeof labels, "%s-labels-idx1-ubyte", part);
	if (!reader)
		return NULL;
	if (!push(reader, 0, images) || !push(reader, 1, labels)) {
		sl_data_format_idx.abandon(reader);
		return NULL;
	}
	if (sl_data_format_idx.finish(reader, IMAGE_PIXELS, NULL, &block, &length, NULL) != SL_OK)
		return NULL;
	if (sl_dataset_open(data, block, length, NULL) == SL_OK)
		return block;
	free(block);
	return NULL;
}

/* 8 × 8 grey values of 0 … 16, drawn with bilinear interpolation 20 × 20 large in the middle. */
static void draw_digit(uint8_t value[DIGIT_SIDE][DIGIT_SIDE], uint8_t image[IMAGE_PIXELS])
{
	enum { MARGIN = (IMAGE_SIDE - DIGIT_SHOWN) / 2 };
	int from[DIGIT_SHOWN], next[DIGIT_SHOWN], part[DIGIT_SHOWN]; /* tenths of the way to the next */
	for (int i = 0; i < DIGIT_SHOWN; i++) {
		int tenths = 4 * i - 3; /* (i + 1/2)·8/20 − 1/2 */
		tenths = tenths < 0 ? 0 : tenths > 70 ? 70 : tenths;
		from[i] = tenths / 10;
		part[i] = tenths % 10;
		next[i] = from[i] < DIGIT_SIDE - 1 ? from[i] + 1 : from[i];
	}
	memset(image, 0, IMAGE_PIXELS);
	for (int row = 0; row < DIGIT_SHOWN; row++)
		for (int column = 0; column < DIGIT_SHOWN; column++) {
			const uint8_t *above = value[from[row]], *under = value[next[row]];
			int a = from[column], b = next[column], p = part[column], q = part[row];
			int sum = (10 - q) * ((10 - p) * above[a] + p * above[b]) +
			          q * ((10 - p) * under[a] + p * under[b]);
			image[(row + MARGIN) * IMAGE_SIDE + column + MARGIN] =
			    (uint8_t)((255 * sum + 800) / 1600);
		}
}

static bool load_digits(uint8_t digit[DIGITS][IMAGE_PIXELS])
{
	gzFile file = gzopen(digits_path, "rb");
	char line[512];
	int s = 0;
	for (; file && s < DIGITS && gzgets(file, line, sizeof line); s++) {
		uint8_t value[DIGIT_SIDE][DIGIT_SIDE];
		char *at = line;
		for (int k = 0; k < DIGIT_SIDE * DIGIT_SIDE; k++, at++)
			value[k / DIGIT_SIDE][k % DIGIT_SIDE] = (uint8_t)strtoul(at, &at, 10);
		draw_digit(value, digit[s]);
	}
	if (file)
		gzclose(file);
	return s == DIGITS;
}

/* Another training set, test set and noise for each seed. */
static void deal(struct material *m, const struct sl_dataset *train, const struct sl_dataset *test,
                 uint64_t seed)
{
	struct sl_random noise = sl_random_stream(seed, UINT32_MAX, "noise", 0);
	for (uint32_t s = 0; s < TRAIN; s++)
		memcpy(m->train[s],
		       train->byte + (size_t)sl_random_permutation(seed, train->samples, s) * IMAGE_PIXELS,
		       IMAGE_PIXELS);
	for (uint32_t s = 0; s < TEST; s++) {
		const uint8_t *own =
		    test->byte + (size_t)sl_random_permutation(seed, test->samples, s) * IMAGE_PIXELS;
		memcpy(m->set[OWN][s], own, IMAGE_PIXELS);
		memcpy(m->set[DIGIT][s], m->digit[sl_random_permutation(seed, DIGITS, s)], IMAGE_PIXELS);
		for (uint32_t at = 0; at < IMAGE_PIXELS; at++) {
			uint32_t row = at / IMAGE_SIDE,
			         mirrored = (IMAGE_SIDE - 1 - row) * IMAGE_SIDE + at % IMAGE_SIDE;
			m->set[FLIPPED][s][at] = own[mirrored];
			m->set[INVERTED][s][at] = (uint8_t)(255 - own[at]);
			m->set[NOISE][s][at] = (uint8_t)sl_random_below(&noise, 256);
		}
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The probability that a score from `other` is above one from `own`; equal ones count half. Both are sorted.
 */
static double auroc(double own[TEST], double other[TEST])
{
	double wins = 0;
	uint32_t less = 0, not_more = 0;
	qsort(own, TEST, sizeof *own, ascending);
	qsort(other, TEST, sizeof *other, ascending);
	for (uint32_t s = 0; s < TEST; s++) {
		while (less < TEST && own[less] < other[s])
			less++;
		while (not_more < TEST && own[not_more] <= other[s])
			not_more++;
		wins += 0.5 * (less + not_more);
	}
	return wins / TEST / TEST;
}

/* Images of one set that do not come back, and its code's length over the sum of −log2 p. */
static uint32_t code(const struct image_model *model, const uint8_t *images, uint32_t count,
                     struct material *m, double *longer)
{
	double bits = 0;
	uint32_t lost = 0;
	size_t length = image_model_encode(model, images, count, m->code, sizeof m->code);
	memset(m->decoded, 0xaa, sizeof m->decoded);
	bool whole = length > 0 && image_model_decode(model, m->code, length, (uint8_t *)m->decoded, count);
	for (uint32_t s = 0; s < count; s++) {
		const uint8_t *image = images + (size_t)s * IMAGE_PIXELS;
		bits += image_model_bits(model, image);
		lost += !whole || memcmp(m->decoded[s], image, IMAGE_PIXELS) != 0;
	}
	*longer = most_of(*longer, ((double)length - 64) / (bits / 8));
	return lost;
}

/* bits[kind][set][image], and lost images and longer codes. */
static void score(struct image_model *const model[KINDS], struct material *m, double bits[KINDS][SETS][TEST],
                  double of[ROWS])
{
	for (int kind = 0; kind < KINDS; kind++)
		for (uint32_t set = 0; set < m->sets; set++) {
			for (uint32_t s = 0; s < TEST; s++)
				bits[kind][set][s] = image_model_bits(model[kind], m->set[set][s]);
			of[LOST] += code(model[kind], (const uint8_t *)m->set[set], TEST, m, &of[LONGER]);
		}
}

static double mean(const double bits[TEST])
{
	double sum = 0;
	for (uint32_t s = 0; s < TEST; s++)
		sum += bits[s];
	return sum / TEST / IMAGE_PIXELS;
}

static void compare(struct image_model *const model[KINDS], struct material *m, double of[ROWS])
{
	static double bits[KINDS][SETS][TEST], ratio[SETS][TEST];
	double raw[KINDS][SETS], apart[SETS], train = 0;
	score(model, m, bits, of);
	for (uint32_t s = 0; s < TRAIN; s++)
		train += image_model_bits(model[LOCAL], m->train[s]) / TRAIN / IMAGE_PIXELS;
	of[LOCAL_BITS] = mean(bits[LOCAL][OWN]);
	of[FULL_BITS] = mean(bits[FULL][OWN]);
	of[DIGIT_BITS] = mean(bits[LOCAL][DIGIT]) / of[LOCAL_BITS];
	of[GAP] = of[LOCAL_BITS] - train;
	for (uint32_t set = 0; set < SETS; set++) {
		for (uint32_t s = 0; s < TEST; s++) /* log p_local − log p_full */
			ratio[set][s] = bits[FULL][set][s] - bits[LOCAL][set][s];
		apart[set] = auroc(ratio[OWN], ratio[set]);
		for (int kind = 0; kind < KINDS;
		     kind++) /* sorts: the bits are no longer those of the same image */
			raw[kind][set] = auroc(bits[kind][OWN], bits[kind][set]);
	}
	of[FLIPPED_RATIO] = apart[FLIPPED];
	of[NOISE_RATIO] = apart[NOISE];
	of[INVERTED_RATIO] = apart[INVERTED];
	of[DIGIT_RATIO] = apart[DIGIT];
	of[FLIPPED_RAW] = raw[FULL][FLIPPED];
	of[INVERTED_RAW] = raw[FULL][INVERTED];
	of[DIGIT_RAW] = raw[FULL][DIGIT];
	of[DIGIT_RAW_LOCAL] = raw[LOCAL][DIGIT];
}

/* One seed; false: no memory. */
static bool measure(struct material *m, double of[ROWS])
{
	struct image_model *model[KINDS] = { image_model_fit((const uint8_t *)m->train, TRAIN, false),
		                             image_model_fit((const uint8_t *)m->train, TRAIN, true) };
	bool good = model[LOCAL] && model[FULL];
	memset(of, 0, ROWS * sizeof *of);
	if (good)
		compare(model, m, of);
	image_model_free(model[LOCAL]);
	image_model_free(model[FULL]);
	return good;
}

static void tabulate(double of[SEEDS][ROWS], unsigned count)
{
	for (unsigned row = 0; row < count; row++) {
		double value = of[0][row];
		for (int seed = 1; seed < SEEDS; seed++)
			value = isinf(rows[row].most) ? least_of(value, of[seed][row])
			                              : most_of(value, of[seed][row]);
		figure(rows[row].what, value, rows[row].least, rows[row].most, rows[row].reference);
	}
}

/* A few rectangles, each a ramp of grey. */
static void invent(struct sl_random *g, uint8_t image[IMAGE_PIXELS])
{
	memset(image, 0, IMAGE_PIXELS);
	for (int shape = 0; shape < 3; shape++) {
		uint32_t top = sl_random_below(g, IMAGE_SIDE), left = sl_random_below(g, IMAGE_SIDE),
		         grey = sl_random_below(g, 256), ramp = sl_random_below(g, 9);
		for (uint32_t row = top; row < IMAGE_SIDE && row < top + 12; row++)
			for (uint32_t column = left; column < IMAGE_SIDE && column < left + 12; column++)
				image[row * IMAGE_SIDE + column] = (uint8_t)(grey + ramp * (row - top));
	}
}

void experiment_image_code(void)
{
	enum { LEARNT = 60, CODED = 12 };
	struct material *m = calloc(1, sizeof *m);
	struct sl_random g = sl_random_stream(1, UINT32_MAX, "invented", 0);
	double longer = 0, lost = 0, taken = 0;
	for (int s = 0; m && s < LEARNT + CODED; s++)
		invent(&g, m->train[s]);
	for (int s = 0; m && s < CODED / 2; s++) /* white, black, and noise */
		for (int at = 0; at < IMAGE_PIXELS; at++)
			m->train[LEARNT + s][at] = s == 0 ? 255 : s == 1 ? 0 : (uint8_t)sl_random_u64(&g);
	for (int kind = 0; m && kind < KINDS; kind++) {
		struct image_model *model = image_model_fit((const uint8_t *)m->train, LEARNT, kind == FULL);
		size_t length = 0;
		if (model) {
			lost += code(model, (const uint8_t *)&m->train[LEARNT], CODED, m, &longer);
			length = image_model_encode(model, (const uint8_t *)&m->train[LEARNT], CODED, m->code,
			                            sizeof m->code);
		}
		for (size_t cut = 1; cut < length; cut += 97)
			taken +=
			    image_model_decode(model, m->code, length - cut, (uint8_t *)m->decoded, CODED);
		taken += length == 0 ||
		         image_model_decode(model, m->code, length + 1, (uint8_t *)m->decoded, CODED);
		image_model_free(model);
	}
	figure("invented images that do not come back bit for bit", m ? lost : (double)INFINITY, 0, 0, "0");
	figure("their code, less 64 bytes, to the sum of -log2 p", longer, 0, 1.002, "1.002");
	figure("streams cut short, or with a byte too many, that are read", taken, 0, 0, "0");
	free(m);
}

void experiment_nelloc(void)
{
	struct sl_dataset train, test;
	double of[SEEDS][ROWS];
	experiment_image_code();
	uint8_t *train_block = load("train", &train), *test_block = load("t10k", &test);
	struct material *m = train_block && test_block ? calloc(1, sizeof *m) : NULL;
	bool good = m;
	if (m)
		m->sets = load_digits(m->digit) ? SETS : DIGIT;
	for (int seed = 0; good && seed < SEEDS; seed++) {
		deal(m, &train, &test, (uint64_t)seed + 1);
		good = measure(m, of[seed]);
	}
	if (good)
		tabulate(of, m->sets == SETS ? ROWS : ROWS_WITHOUT_DIGITS);
	else
		printf("  not measured: needs %s (apt-get install dataset-fashion-mnist)\n", folder);
	if (good && m->sets < SETS)
		printf("  digits not measured: needs %s (apt-get install python3-sklearn)\n", digits_path);
	free(train_block);
	free(test_block);
	free(m);
}
