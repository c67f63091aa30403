#include "compress/keep.h"

#include <math.h>

enum sl_status sl_keep_prepare(struct sl_keep *keep, const char *name, uint32_t dimension,
                               struct sl_error *error)
{
	if (keep->asked > 1 && keep->asked != floor(keep->asked))
		return sl_fail(
		    error, SL_OUT_OF_RANGE,
		    "%s: keep = %g: must be a fraction above 0 and at most 1, or a whole number of coordinates",
		    name, keep->asked);
	double k = keep->asked > 1 ? keep->asked : floor(keep->asked * dimension + 0.5);
	keep->k = (uint32_t)fmax(1, fmin(k, dimension));
	return SL_OK;
}

uint32_t sl_keep_most(const struct sl_keep *keep, uint32_t dimension)
{
	return keep->k < dimension ? keep->k : dimension;
}
