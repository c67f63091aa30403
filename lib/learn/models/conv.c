/* Convolutional network: conv:8x5,pool:2,16x5,pool:2,64 convolves with 8 filters of 5 × 5, takes the largest of every
 * 2 × 2 places, does both once more with 16 filters, and ends in a hidden layer of 64 units. */
#include "learn/convolution.h"

#include <stdio.h>
#include <stdlib.h>

enum { HIDDEN_MAX = sizeof((struct sl_model_instance *)NULL)->hidden / sizeof(uint32_t), WORD_MAX = 40 };

static const char usual[] = "8x5,pool:2,16x5,pool:2,64";

/* What has been read so far. */
struct reading {
	struct sl_model_instance *net;
	struct sl_convolution c;
	uint32_t convolutions;
};

/* A number of 1 … most (0 … most where `zero`), which *at then lies behind. */
static bool number(const char **at, uint32_t most, bool zero, uint32_t *out)
{
	uint64_t v = 0;
	const char *p = *at;
	for (; *p >= '0' && *p <= '9' && v <= most; p++)
		v = 10 * v + (uint64_t)(*p - '0');
	bool valid = p > *at && v <= most && (v > 0 || zero);
	*at = p;
	*out = (uint32_t)v;
	return valid;
}

static bool literal(const char **at, const char *text)
{
	size_t length = strlen(text);
	bool found = strncmp(*at, text, length) == 0;
	*at += found ? length : 0;
	return found;
}

/* "in:28x28" or "in:3x32x32" */
static bool read_shape(struct reading *r, const char *p)
{
	uint32_t side[3], sides = 0;
	if (!literal(&p, "in:"))
		return false;
	do {
		if (sides == 3 || !number(&p, 65535, false, &side[sides++]))
			return false;
	} while (literal(&p, "x"));
	if (*p || sides < 2)
		return false;
	r->c.channels = sides == 3 ? side[0] : 1;
	r->c.height = side[sides - 2];
	r->c.width = side[sides - 1];
	return true;
}

/* "pool:2" and "mean:2" */
static bool read_pool(const char *p, struct sl_convolution_layer *l)
{
	uint32_t size;
	l->kind = literal(&p, "pool:") ? SL_POOL_MAX : SL_POOL_MEAN;
	if ((l->kind == SL_POOL_MEAN && !literal(&p, "mean:")) || !number(&p, 255, false, &size) || *p)
		return false;
	l->size = l->stride = (uint8_t)size;
	return true;
}

/* "8x5", "8x5s2", "8x5p2", "8x5s2p2" */
static bool read_filters(const char *p, struct sl_convolution_layer *l)
{
	uint32_t filters, size, stride = 1, pad = 0;
	if (!number(&p, 65535, false, &filters) || !literal(&p, "x") || !number(&p, 255, false, &size) ||
	    (literal(&p, "s") && !number(&p, 255, false, &stride)) ||
	    (literal(&p, "p") && !number(&p, 255, true, &pad)) || *p)
		return false;
	*l = (struct sl_convolution_layer){ (uint16_t)filters, SL_CONVOLUTION, (uint8_t)size, (uint8_t)stride,
		                            (uint8_t)pad };
	return true;
}

static enum sl_status refuse(const char *word, const char *why, struct sl_error *error)
{
	return sl_fail(error, SL_MALFORMED, "conv: '%s': %s", word, why);
}

static enum sl_status add_layer(struct reading *r, const char *word, const struct sl_convolution_layer *l,
                                struct sl_error *error)
{
	if (r->net->hidden_layers > 0)
		return refuse(word, "convolutions and pooling come before hidden layers", error);
	if (l->kind == SL_CONVOLUTION && ++r->convolutions > SL_CONVOLUTIONS_MAX)
		return refuse(word, "at most 7 convolutions", error);
	if (r->c.layers == SL_CONVOLUTION_LAYERS_MAX)
		return refuse(word, "at most 14 convolutions and poolings", error);
	r->c.layer[r->c.layers++] = *l;
	return SL_OK;
}

static enum sl_status take_word(struct reading *r, const char *word, bool first, struct sl_error *error)
{
	struct sl_convolution_layer l = { 0 };
	uint32_t units;
	const char *p = word;
	if (read_filters(word, &l) || read_pool(word, &l))
		return add_layer(r, word, &l, error);
	if (first && read_shape(r, word))
		return SL_OK;
	if (!number(&p, 1 << 20, false, &units) || *p)
		return refuse(
		    word,
		    "must be FILTERSxSIZE such as 8x5 (8x5s2p1: stride 2, padding 1), pool:SIZE, mean:SIZE, the units "
		    "of a hidden layer, or at first in:HEIGHTxWIDTH or in:CHANNELSxHEIGHTxWIDTH",
		    error);
	if (r->net->hidden_layers == HIDDEN_MAX)
		return refuse(word, "at most 8 hidden layers", error);
	r->net->hidden[r->net->hidden_layers++] = units;
	return SL_OK;
}

static enum sl_status read_words(struct reading *r, const char *arguments, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	const char *p = arguments;
	do {
		char word[WORD_MAX + 1];
		size_t length = strcspn(p, ",");
		snprintf(word, sizeof word, "%.*s", (int)(length < WORD_MAX ? length : WORD_MAX), p);
		status = take_word(r, word, p == arguments, error);
		p += length;
	} while (status == SL_OK && *p++ == ',');
	if (status == SL_OK && r->convolutions == 0)
		status = sl_fail(error, SL_MALFORMED, "conv: no convolution; mlp has hidden layers alone");
	return status;
}

/* Without in:…, an image is square and has one channel. */
static enum sl_status check_shape(struct reading *r, uint32_t features, struct sl_error *error)
{
	struct sl_convolution *c = &r->c;
	uint32_t side = 1;
	while (side < 65535 && (uint64_t)side * side < features)
		side++;
	if (c->channels == 0 && (uint64_t)side * side != features)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "conv: %u features are no square image of one channel: say which with conv:in:CHANNELSxHEIGHTxWIDTH,…",
		    features);
	if (c->channels == 0) {
		c->channels = 1;
		c->height = c->width = side;
	}
	unsigned __int128 pixels = (unsigned __int128)c->channels * c->height * c->width;
	if (pixels != features)
		return sl_fail(error, SL_UNSUPPORTED, "conv: in:%ux%ux%u, but the data has %u features",
		               c->channels, c->height, c->width, features);
	return SL_OK;
}

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	struct reading r = { .net = out };
	out->hidden_layers = 0;
	enum sl_status status = read_words(&r, arguments[0] ? arguments : usual, error);
	if (status == SL_OK)
		status = check_shape(&r, out->features, error);
	if (status == SL_OK)
		status = sl_convolution_lay_out(out, &r.c, error);
	return status == SL_OK ? sl_network_lay_out(out, error) : status;
}

const struct sl_model sl_model_conv = {
	.name = "conv",
	.doc =
	    "convolutional network: FILTERSxSIZE (then sSTRIDE, pPADDING) rectified, pool:SIZE (largest) or mean:SIZE, then "
	    "hidden units, as in conv:8x5,pool:2,16x5,pool:2,64 (the default); images are square with one channel, or begin "
	    "with in:CHANNELSxHEIGHTxWIDTH",
	.make = make,
	.init = sl_network_init,
	.scratch = sl_network_scratch,
	.gradient = sl_network_gradient,
	.descend = sl_network_descend,
	.by_sample = true,
	.evaluate = sl_network_evaluate,
	.predict = sl_network_predict,
};
