/* test_sample.h — the part of the test set on which models are evaluated: [history] evaluate_samples. */
#ifndef SL_DAEMON_RUN_TEST_SAMPLE_H
#define SL_DAEMON_RUN_TEST_SAMPLE_H

#include "learn/dataset.h"

/* The positions of `count` < data->samples samples, ascending: the same ones at all peers and in every
 * evaluation, and with more of them all of those of fewer. */
void sl_test_sample_pick(uint32_t samples, uint64_t seed, uint32_t count, uint32_t *pick);

/* *data ← those samples, as a data set of its own in *block, which the caller frees with free(). */
enum sl_status sl_test_sample(struct sl_dataset *data, uint64_t seed, uint32_t count, uint8_t **block,
                              struct sl_error *error);

#endif
