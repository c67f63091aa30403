/* samples.h — small random data sets for tests. */
#ifndef SL_TEST_SAMPLES_H
#define SL_TEST_SAMPLES_H

#include "learn/dataset.h"

struct samples {
	struct sl_dataset data;
	uint8_t *block; /* the prepared form that data points into */
	size_t length;
};

/* The same seed gives the same values in every kind, up to rounding. Half of them are zero. classes 0: real
 * targets. */
struct samples samples_make(enum sl_feature_kind kind, uint32_t samples, uint32_t features, uint32_t classes,
                            uint64_t seed);
void samples_free(struct samples *s);

#endif
