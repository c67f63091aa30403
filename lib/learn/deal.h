/* deal.h — shared by the partitions. They run once, when a run is prepared; their tables are on the stack (a
 * quarter of a megabyte each), as lib/learn allocates nothing outside its readers. */
#ifndef SL_LEARN_DEAL_H
#define SL_LEARN_DEAL_H

#include "learn/dataset.h"

/* Where the samples of each class begin in the order by class: first[c] … first[c + 1] − 1; first[classes] is
 * the number of samples. */
void sl_deal_classes(const struct sl_dataset *data, uint32_t first[SL_CLASSES_MAX + 1]);

/* Enough samples for the peers, and classes where a partition looks at them. */
enum sl_status sl_deal_check(const char *name, const struct sl_dataset *data, uint32_t peers, bool by_class,
                             struct sl_error *error);

#endif
