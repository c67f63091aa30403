/* whole.h — "all | float32 | raw" in one pass, where its body is that of a dense vector: the same bytes, and the
 * same sums, as by the stages one after the other. */
#ifndef SL_COMPRESS_WHOLE_H
#define SL_COMPRESS_WHOLE_H

#include "compress/pipeline.h"
#include "linalg/dense.h"

/* Whether the code `raw` writes every symbol of the domain, not positions and symbols: symbol_max 0 for
 * patterns of 32 bits. */
bool sl_raw_is_dense(uint32_t domain, uint32_t count, uint32_t symbol_max);

/* Whether this pipeline is that one. */
bool sl_pipeline_is_whole(const struct sl_pipeline *);

/* As sl_pipeline_encode_difference, and sum ← copy + factor·update. False, and nothing written, where the stages
 * have to do it: too few coordinates change, or the difference is not finite. */
bool sl_whole_encode(const struct sl_pipeline *, const struct sl_parallel *, const float *x,
                     const float *copy, float factor, uint64_t offset, struct sl_writer *, float *sum,
                     struct sl_dense *out);
/* The sums from a body. False where the stages have to judge it. */
bool sl_whole_decode(const struct sl_pipeline *, const struct sl_parallel *, struct sl_reader body,
                     const float *copy, float factor, uint64_t offset, float *sum, struct sl_dense *out);

#endif
