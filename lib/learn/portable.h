/* portable.h — logarithm, exponential and normal numbers from +, −, ×, ÷ and square root alone, which IEEE
 * 754 rounds in one way: the same bits on every machine and with every libm. For what all peers must draw
 * alike: initial models, partitions, generated data. Relative errors are below 1e-14. */
#ifndef SL_LEARN_PORTABLE_H
#define SL_LEARN_PORTABLE_H

#include "base/random.h"

/* Natural logarithm of a normal, positive number. */
double sl_portable_log(double x);
/* Exponential; 0 below −700. x ≤ 700. */
double sl_portable_exp(double x);
/* Standard normal: the polar method of Marsaglia and Bray (1964), one of the pair. */
double sl_portable_normal(struct sl_random *g);

#endif
