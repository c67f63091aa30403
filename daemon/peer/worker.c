#include "daemon/peer/worker.h"

#include "daemon/run/clock.h"
#include "daemon/run/memory.h"
#include "daemon/run/run.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sl_worker {
	pthread_t thread;
	struct sl_peer *peer; /* borrowed */
	struct sl_scratch scratch;
	int work, wake; /* eventfds: a job is here; one is done */
	bool busy;      /* the loop's own view */
	atomic_bool done, stop;
	int64_t took_us; /* of the job that is done */
};

static void *work(void *context)
{
	struct sl_worker *w = context;
	struct sl_error error;
	uint64_t jobs;
	if (sl_float_check(&error) != SL_OK)
		sl_panic(__FILE__, __LINE__, error.text);
	for (;;) {
		if (read(w->work, &jobs, sizeof jobs) != sizeof jobs || atomic_load(&w->stop))
			return NULL;
		struct sl_time begin = sl_clock();
		sl_peer_run_job(w->peer, &w->scratch);
		w->took_us = sl_clock().us - begin.us;
		atomic_store(&w->done, true);
		eventfd_write(w->wake, 1);
	}
}

struct sl_worker *sl_worker_start(struct sl_peer *peer, const struct sl_plan *plan,
                                  const struct sl_parallel *parallel, int wake, struct sl_error *error)
{
	struct sl_worker *w = calloc(1, sizeof *w);
	if (!w) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a worker");
		return NULL;
	}
	w->peer = peer;
	w->wake = wake;
	w->work = eventfd(0, EFD_CLOEXEC);
	int failure = w->work < 0 ? errno : 0;
	bool made = !failure && sl_memory_scratch(&w->scratch, plan, error) == SL_OK;
	w->scratch.parallel = parallel;
	if (made)
		failure = pthread_create(&w->thread, NULL, work, w);
	else if (!failure)
		failure = ENOMEM;
	if (!failure)
		return w;
	sl_fail(error, SL_IO, "cannot start a worker: %s", strerror(failure));
	if (w->work >= 0)
		close(w->work);
	free(w);
	return NULL;
}

void sl_worker_run(struct sl_worker *w)
{
	SL_CHECK(!w->busy);
	w->busy = true;
	eventfd_write(w->work, 1);
}

bool sl_worker_busy(const struct sl_worker *w)
{
	return w && w->busy;
}

bool sl_worker_done(struct sl_worker *w, int64_t *took_us)
{
	if (!w || !atomic_exchange(&w->done, false))
		return false;
	w->busy = false;
	*took_us = w->took_us;
	return true;
}

bool sl_worker_stop(struct sl_worker *w)
{
	int64_t took_us;
	if (!w)
		return true;
	sl_worker_done(w, &took_us);
	if (w->busy)
		return false;
	atomic_store(&w->stop, true);
	eventfd_write(w->work, 1);
	pthread_join(w->thread, NULL);
	close(w->work);
	free(w);
	return true;
}
