#include "daemon/run/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct helper {
	struct sl_threads *all;
	pthread_t thread;
	uint32_t number;
};

struct sl_threads {
	uint32_t count, helpers; /* helpers: started */
	pthread_mutex_t using;   /* held while somebody's work is in hand */
	pthread_mutex_t lock;
	pthread_cond_t begun, done;
	/* Under the lock: the work in hand. A helper that wakes late finds nothing left, or the next work. */
	sl_task *task;
	void *of;
	uint32_t tasks, next, left; /* left: not finished yet */
	bool stop;
	struct helper helper[];
};

uint32_t sl_threads_processors(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
	                                                        : (int)sysconf(_SC_NPROCESSORS_ONLN);
	return count > 0 ? (uint32_t)count : 1;
}

/* Takes tasks until none is left. Called and returns with the lock held. */
static void take_tasks(struct sl_threads *t, uint32_t thread)
{
	while (t->next < t->tasks) {
		uint32_t index = t->next++;
		pthread_mutex_unlock(&t->lock);
		t->task(t->of, index, thread);
		pthread_mutex_lock(&t->lock);
		if (--t->left == 0)
			pthread_cond_signal(&t->done);
	}
}

static void *help(void *context)
{
	const struct helper *h = context;
	struct sl_threads *t = h->all;
	pthread_mutex_lock(&t->lock);
	while (!t->stop) {
		take_tasks(t, h->number);
		if (!t->stop)
			pthread_cond_wait(&t->begun, &t->lock);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void run(void *context, uint32_t tasks, sl_task *task, void *of)
{
	struct sl_threads *t = context;
	if (pthread_mutex_trylock(&t->using) != 0) {
		for (uint32_t i = 0; i < tasks; i++)
			task(of, i, 0);
		return;
	}
	pthread_mutex_lock(&t->lock);
	t->task = task;
	t->of = of;
	t->next = 0;
	t->tasks = t->left = tasks;
	pthread_cond_broadcast(&t->begun);
	take_tasks(t, 0);
	while (t->left > 0)
		pthread_cond_wait(&t->done, &t->lock);
	pthread_mutex_unlock(&t->lock);
	pthread_mutex_unlock(&t->using);
}

int sl_thread_start(pthread_t *thread, void *(*work)(void *), void *of)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(thread, NULL, work, of);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failure;
}

struct sl_threads *sl_threads_start(uint32_t count, struct sl_error *error)
{
	struct sl_threads *t = calloc(1, sizeof *t + count * sizeof *t->helper);
	int failed = 0;
	if (!t) {
		sl_fail(error, SL_NO_MEMORY, "no memory for %u threads", count);
		return NULL;
	}
	t->count = count;
	pthread_mutex_init(&t->using, NULL);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->begun, NULL);
	pthread_cond_init(&t->done, NULL);
	for (uint32_t i = 1; i < count && !failed; i++) {
		struct helper *h = &t->helper[t->helpers];
		*h = (struct helper){ .all = t, .number = i };
		failed = sl_thread_start(&h->thread, help, h);
		t->helpers += !failed;
	}
	if (!failed)
		return t;
	sl_fail(error, SL_IO, "cannot start %u threads: %s", count, strerror(failed));
	sl_threads_stop(t);
	return NULL;
}

struct sl_parallel sl_threads_of(struct sl_threads *t)
{
	return t ? (struct sl_parallel){ t->count, t, run } : (struct sl_parallel){ 0 };
}

void sl_threads_stop(struct sl_threads *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_broadcast(&t->begun);
	pthread_mutex_unlock(&t->lock);
	for (uint32_t i = 0; i < t->helpers; i++)
		pthread_join(t->helper[i].thread, NULL);
	pthread_cond_destroy(&t->begun);
	pthread_cond_destroy(&t->done);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->using);
	free(t);
}
