/* most.h — the largest and the smallest of measured numbers. Once one is NaN the result is, and no bound holds: fmax,
 * fmin and comparisons would pass over it. */
#ifndef SL_TESTS_MOST_H
#define SL_TESTS_MOST_H

#include <math.h>

static inline double most_of(double most, double x)
{
	return isnan(most) || x <= most ? most : x;
}

static inline double least_of(double least, double x)
{
	return isnan(least) || x >= least ? least : x;
}

#endif
