/* parallel.h — work in independent tasks, which threads of the caller's may share. How work is divided into tasks depends
 * on the work alone, so that results do not depend on threads. */
#ifndef SL_BASE_PARALLEL_H
#define SL_BASE_PARALLEL_H

#include <stdint.h>

/* One of the tasks that are shared out, by its index; `thread` is a number that no other task of the same call has at the same
 * time. */
typedef void sl_task(void *of, uint32_t index, uint32_t thread);

/* Threads of the caller's. `run` calls task(of, index, thread) once for each index below `tasks`, on any threads, with
 * numbers below `count`, and returns when all have returned. It may be called by several threads at a time. count 0: the
 * caller's own thread alone. */
struct sl_parallel {
	uint32_t count;
	void *context;
	void (*run)(void *context, uint32_t tasks, sl_task *task, void *of);
};

/* Runs the tasks on those threads, or one after the other on this one: p NULL, or count below 2. */
static inline void sl_parallel_run(const struct sl_parallel *p, uint32_t tasks, sl_task *task, void *of)
{
	if (p && p->count > 1 && tasks > 1) {
		p->run(p->context, tasks, task, of);
		return;
	}
	for (uint32_t i = 0; i < tasks; i++)
		task(of, i, 0);
}

#endif
