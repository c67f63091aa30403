#include "learn/accountant.h"

#include "learn/portable.h"

#include <math.h>
#include <stddef.h>

static const double orders[SL_RDP_ORDERS] = { 1.125, 1.25, 1.5, 1.75, 2,  2.25, 2.5, 3,   3.5, 4,
	                                      4.5,   5,    6,   7,    8,  9,    10,  11,  12,  14,
	                                      16,    20,   24,  32,   48, 64,   96,  128, 256, 512 };

/* ln((1 − q) + q·e^t) */
static double log_mixture(double rate, double t)
{
	double most = t > 0 ? t : 0;
	return most + sl_portable_log((1 - rate) * sl_portable_exp(-most) + rate * sl_portable_exp(t - most));
}

/* ln of the integrand of A = E_{z ~ N(0, σ²)} [((1 − q) + q·exp((2z − 1)/(2σ²)))^α], without the factor of the normal
 * density. */
static double log_term(double alpha, double rate, double noise, double z)
{
	double square = noise * noise;
	return -z * z / (2 * square) + alpha * log_mixture(rate, (2 * z - 1) / (2 * square));
}

/* ln A / (α − 1), Theorem 4 of the paper with A of its section 3.3. The integrand is analytic in a strip about the real
 * line and falls like a normal density outside of [0, α]: the trapezoidal rule converges faster than any power of its
 * step, and at this step the error is that of rounding. */
double sl_rdp(double alpha, double rate, double noise)
{
	const double tail = 12, root_of_2pi = 2.506628274631000502;
	if (rate <= 0)
		return 0;
	if (rate >= 1)
		return alpha / (2 * noise * noise);
	double step = fmin(noise / 16, noise * noise / 2), from = -tail * noise, most = -(double)INFINITY,
	       sum = 0;
	uint64_t points = (uint64_t)((alpha + 2 * tail * noise) / step) + 2;
	for (uint64_t i = 0; i < points; i++)
		most = fmax(most, log_term(alpha, rate, noise, from + (double)i * step));
	for (uint64_t i = 0; i < points; i++)
		sum += sl_portable_exp(log_term(alpha, rate, noise, from + (double)i * step) - most);
	double log_a = most + sl_portable_log(sum * step / (noise * root_of_2pi));
	return log_a > 0 ? log_a / (alpha - 1) : 0;
}

void sl_accountant_make(struct sl_accountant *out, double rate, double noise)
{
	for (size_t i = 0; i < SL_RDP_ORDERS; i++)
		out->rdp[i] = sl_rdp(orders[i], rate, noise);
}

/* Canonne, Kamath & Steinke 2020, Proposition 12: ε = ρ + ln((α − 1)/α) − (ln δ + ln α)/(α − 1), for each order. */
double sl_accountant_epsilon(const struct sl_accountant *a, uint64_t releases, double delta)
{
	double least = (double)INFINITY;
	for (size_t i = 0; i < SL_RDP_ORDERS && releases > 0; i++) {
		double alpha = orders[i];
		double epsilon = (double)releases * a->rdp[i] + sl_portable_log((alpha - 1) / alpha) -
		                 (sl_portable_log(delta) + sl_portable_log(alpha)) / (alpha - 1);
		least = fmin(least, epsilon);
	}
	return releases == 0 ? 0 : fmax(least, 0);
}

uint64_t sl_accountant_most(const struct sl_accountant *a, double epsilon, double delta)
{
	uint64_t low = 0, high = UINT64_C(1) << 52;
	while (low < high) {
		uint64_t middle = low + (high - low + 1) / 2;
		if (sl_accountant_epsilon(a, middle, delta) <= epsilon)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

double sl_accountant_noise(double rate, uint64_t releases, double epsilon, double delta)
{
	struct sl_accountant a;
	double low = 0.1, high = 1000;
	sl_accountant_make(&a, rate, high);
	if (sl_accountant_epsilon(&a, releases, delta) > epsilon)
		return (double)INFINITY;
	while (high > 1.0005 * low) {
		double middle = sqrt(low * high);
		sl_accountant_make(&a, rate, middle);
		if (sl_accountant_epsilon(&a, releases, delta) <= epsilon)
			high = middle;
		else
			low = middle;
	}
	return high;
}
