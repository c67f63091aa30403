/* fit.h — for pipeline.c: fewer coordinates, for a message of fewer bytes (sl_pipeline_fit). */
#ifndef SL_COMPRESS_FIT_H
#define SL_COMPRESS_FIT_H

#include "compress/stage.h"

/* Bytes of scratch, aligned to 64, which starts as zeros. */
size_t sl_fit_scratch(const struct sl_pipeline *, uint32_t count_max);
/* Of `count` coordinates, whose encoding took `bytes` bytes, keeps the largest: in support[] and value[], ascending;
 * returns how many, fewer than before. `index`: room for count. */
uint32_t sl_fit_fewer(const struct sl_pipeline *, uint32_t count, size_t bytes, uint32_t *support,
                      float *value, uint32_t *index, void *scratch);

#endif
