/* rice.h — a short sparse message without any table: gaps in a Golomb code, magnitudes in a Rice code. A form
 * of the coder golomb, which has the layout. */
#ifndef SL_COMPRESS_RICE_H
#define SL_COMPRESS_RICE_H

#include "compress/bits.h"
#include "compress/stage.h"

struct sl_rice_plan {
	struct sl_golomb gap;
	uint32_t least; /* magnitude */
	unsigned k;
	uint64_t bits; /* of the message, without those that chose this form */
};
/* False: too many nonzeros for it. */
bool sl_rice_plan(const struct sl_symbols *, struct sl_rice_plan *);
void sl_rice_put(const struct sl_symbols *, const struct sl_rice_plan *, struct sl_bit_writer *);
/* From all that is left behind `count`. */
bool sl_rice_get(struct sl_symbols *, uint32_t count, struct sl_bit_reader *);

#endif
