/* threads.h — threads that share the peers of a simulation, or the coordinates of a long vector. They block signals, and sleep
 * while there is no work. */
#ifndef SL_DAEMON_RUN_THREADS_H
#define SL_DAEMON_RUN_THREADS_H

#include "base/error.h"
#include "base/parallel.h"

#include <pthread.h>

/* As pthread_create with standard attributes; the thread blocks all signals. Zero, or an errno. */
int sl_thread_start(pthread_t *, void *(*work)(void *), void *of);

/* Processors that this process may use. */
uint32_t sl_threads_processors(void);

/* The caller's thread and count − 1 others; NULL with an error. With count 1 nothing runs beside the caller. */
struct sl_threads;
struct sl_threads *sl_threads_start(uint32_t count, struct sl_error *error);
/* What those who have work need of them. If two share out work at the same time, the second does its own alone. NULL: no
 * threads. */
struct sl_parallel sl_threads_of(struct sl_threads *);
/* Ends them; not during a call of `run`. NULL is allowed. */
void sl_threads_stop(struct sl_threads *);

#endif
