/* qsgd — the quantiser of QSGD (Alistarh et al., NeurIPS 2017, eq. 4) as CHOCO-SGD uses it (Koloskova et al.,
 * ICML 2019, section 3.5): random dithering against the Euclidean norm, divided by tau = 1 + min(d/s², √d/s),
 * which makes it contractive with delta = 1/tau. d is the number of coordinates that are quantised. */
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <float.h>
#include <math.h>

struct qsgd {
	uint32_t s;
};

static const struct sl_option qsgd_options[] = {
	{ "s", "levels on either side of zero", SL_OPTION_U32, offsetof(struct qsgd, s), 1, 32767, NULL, NULL,
	  true },
	{ 0 },
};

static uint32_t qsgd_largest(const void *options)
{
	const struct qsgd *o = options;
	return o->s;
}

static size_t qsgd_side(const void *options)
{
	(void)options;
	return 4;
}

static double qsgd_tau(double d, double s)
{
	double by_square = d / (s * s), by_root = sqrt(d) / s;
	return 1 + (by_square < by_root ? by_square : by_root);
}

static void qsgd_encode(const void *options, const struct sl_values *values, const float *value,
                        int32_t *symbol, uint8_t *side)
{
	const struct qsgd *o = options;
	double tau = qsgd_tau(values->count, o->s);
	double norm = fmin(sqrt(sl_vector_square(values->count, value)),
	                   (double)FLT_MAX * tau); /* no level exceeds s */
	sl_store_u32(side, sl_float_bits((float)(norm / tau)));
	sl_round_randomly(values, sl_dither_stream(values->message), norm > 0 ? o->s / norm : 0,
	                  (int32_t)o->s, value, symbol);
}

static bool qsgd_decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                        const uint8_t *side, float *value)
{
	const struct qsgd *o = options;
	uint32_t bits = sl_load_u32(side);
	if (bits >= UINT32_C(0x7f800000)) /* negative, infinite or NaN */
		return false;
	double unit = (double)sl_float_from_bits(bits) / o->s;
	for (uint32_t i = 0; i < values->count; i++)
		value[i] = (float)(symbol[i] * unit);
	return true;
}

static struct sl_promise qsgd_promise(const void *options, uint32_t most)
{
	const struct qsgd *o = options;
	return sl_promise_contractive(1 / qsgd_tau(most, o->s));
}

const struct sl_quantise sl_quantise_qsgd = {
	.name = "qsgd",
	.doc = "random rounding to s levels of the Euclidean norm, scaled to be contractive",
	.formula = "|v|·sign(v_i)·⌊s|v_i|/|v| + u⌋ / (s·tau), tau = 1 + min(d/s², √d/s)",
	.examples = "qsgd:1 qsgd:16 qsgd:1000",
	.bytes = "4 a message",
	.options = qsgd_options,
	.largest = qsgd_largest,
	.side = qsgd_side,
	.encode = qsgd_encode,
	.decode = qsgd_decode,
	.promise = qsgd_promise,
};
