#include "compress/whole.h"

#include "compress/bits.h"
#include "compress/stage.h"
#include "linalg/blocks.h"

#include <string.h>

static unsigned symbol_bits(uint32_t symbol_max)
{
	return symbol_max ? sl_bit_length(2 * (uint64_t)symbol_max) : 32;
}

bool sl_raw_is_dense(uint32_t domain, uint32_t count, uint32_t symbol_max)
{
	unsigned bits = symbol_bits(symbol_max);
	return (uint64_t)domain * bits <=
	       sl_omega_length(count) + (uint64_t)count * (sl_bit_length(domain - 1) + bits);
}

bool sl_pipeline_is_whole(const struct sl_pipeline *p)
{
	return strcmp(p->select->name, "all") == 0 && strcmp(p->quantise->name, "float32") == 0 &&
	       strcmp(p->code->name, "raw") == 0;
}

static bool is_dense(uint32_t dimension, size_t count)
{
	return count > 0 && sl_raw_is_dense(dimension, (uint32_t)count, 0);
}

bool sl_whole_encode(const struct sl_pipeline *p, const struct sl_parallel *parallel, const float *x,
                     const float *copy, float factor, uint64_t offset, struct sl_writer *w, float *sum,
                     struct sl_dense *out)
{
	struct sl_writer here = *w;
	sl_write_u8(&here, 0);
	uint8_t *patterns = sl_write_room(&here, 4 * (size_t)p->dimension);
	if (!sl_blocks_dense_encode(parallel, p->dimension, x, copy, factor, offset, patterns, sum, out) ||
	    !is_dense(p->dimension, out->changed))
		return false;
	*w = here;
	return true;
}

bool sl_whole_decode(const struct sl_pipeline *p, const struct sl_parallel *parallel, struct sl_reader body,
                     const float *copy, float factor, uint64_t offset, float *sum, struct sl_dense *out)
{
	bool dense = sl_read_u8(&body) == 0;
	const uint8_t *patterns = sl_read_bytes(&body, 4 * (size_t)p->dimension);
	return patterns && dense && sl_reader_done(&body) &&
	       sl_blocks_dense_decode(parallel, p->dimension, patterns, copy, factor, offset, sum, out) &&
	       is_dense(p->dimension, out->changed);
}
