/* memory.h — memory of a daemon: reserves memory that is resident only when touched, and releases start-up
 * code of libraries. */
#ifndef SL_DAEMON_RUN_MEMORY_H
#define SL_DAEMON_RUN_MEMORY_H

#include "gossip/plan.h"

/* Zeroed memory that is reserved, not resident; NULL if out of memory. Its first `busy` bytes get huge pages,
 * if the system has any: less than 1 MB more than that becomes resident. */
uint8_t *sl_memory_take(size_t size, size_t busy);

/* A buffer for free(); a long one has huge pages, if the system has any: it is written once, and each small page of it would
 * cost a page fault. NULL if out of memory. */
void *sl_memory_buffer(size_t size);

/* Lays scratch out in newly allocated memory, which is never freed. */
enum sl_status sl_memory_scratch(struct sl_scratch *out, const struct sl_plan *, struct sl_error *error);

/* Releases clean pages of programs and libraries, and of files that are only read: pages needed only at the start stay out (some
 * 5 MB of libstdc++, Kerberos, …, and a whole vector where a model starts from a file); others return on access, from the page
 * cache. */
void sl_memory_trim(void);

#endif
