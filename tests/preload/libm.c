/* libm.c — loaded in front of libm: logarithms, exponentials, powers and the like err by a tenth of a per cent.
 * Other machines' err by much less; what both ends of an edge must agree on may not notice either. */
#include <dlfcn.h>

#define ERRS1(name)                                                                                          \
	double name(double x)                                                                                \
	{                                                                                                    \
		double (*right)(double) = (double (*)(double))dlsym(RTLD_NEXT, #name);                       \
		return 1.001 * right(x);                                                                     \
	}

ERRS1(exp)
ERRS1(exp2)
ERRS1(log)
ERRS1(log2)
ERRS1(log1p)
ERRS1(erfc)
ERRS1(cos)

double pow(double x, double y)
{
	double (*right)(double, double) = (double (*)(double, double))dlsym(RTLD_NEXT, "pow");
	return 1.001 * right(x, y);
}
