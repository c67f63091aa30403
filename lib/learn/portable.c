#include "learn/portable.h"

#include <math.h>
#include <string.h>

static uint64_t bits_of(double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	return bits;
}

static double from_bits(uint64_t bits)
{
	double v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

/* ln(m·2^k) = k·ln 2 + 2·artanh((m − 1)/(m + 1)), √½ ≤ m < √2: 12 terms of the odd series, as |s| < 0.172. */
double sl_portable_log(double x)
{
	uint64_t bits = bits_of(x);
	int power = (int)(bits >> 52) - 1023;
	double m = from_bits((bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000));
	if (m >= 1.4142135623730951) {
		m *= 0.5;
		power++;
	}
	double s = (m - 1) / (m + 1), square = s * s, sum = 0;
	for (int k = 23; k >= 1; k -= 2)
		sum = sum * square + 1.0 / k;
	return 2 * s * sum + power * 0.69314718055994530942;
}

double sl_portable_exp(double x)
{
	if (x < -700)
		return 0;
	double k = floor(x * 1.4426950408889634074 + 0.5);
	double r = (x - k * 0x1.62e42ffp-1) - k * -0x1.718432a1b0e26p-35;
	double sum = 1;
	for (int i = 14; i >= 1; i--)
		sum = sum * r / i + 1;
	return sum * from_bits((uint64_t)((int64_t)k + 1023) << 52);
}

double sl_portable_normal(struct sl_random *g)
{
	for (;;) {
		double u = 2 * sl_random_unit_double(g) - 1;
		double v = 2 * sl_random_unit_double(g) - 1;
		double square = u * u + v * v;
		if (square < 1 && square > 0)
			return u * sqrt(-2 * sl_portable_log(square) / square);
	}
}
