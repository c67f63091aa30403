/* groups.h — norms and scales per vector, per tensor, or per block of coordinates. */
#ifndef SL_COMPRESS_GROUPS_H
#define SL_COMPRESS_GROUPS_H

#include "compress/stage.h"

enum sl_per { SL_PER_VECTOR, SL_PER_TENSOR, SL_PER_BLOCK };
#define SL_PER_CHOICES "vector|tensor|block"

/* How many groups a layout has. */
uint32_t sl_groups(enum sl_per, uint32_t block, const struct sl_layout *);
/* The most coordinates in one group, when at most `most` are selected. */
uint32_t sl_group_most(enum sl_per, uint32_t block, const struct sl_layout *, uint32_t most);

/* Values begin … end−1 lie in one group. */
struct sl_scale_group {
	uint32_t group, begin, end;
};

/* The next run; starts from { 0 }. False when all values were passed. Groups without values have no run. */
bool sl_next_scale_group(enum sl_per, uint32_t block, const struct sl_values *, struct sl_scale_group *);

#endif
