#include "daemon/cli/sim/trainers.h"

#include "daemon/run/threads.h"
#include "daemon/run/trainer/door.h"
#include "daemon/run/trainer/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, LOOK_EVERY_MS = 200, STARTS_MOST = 8 };

struct sl_trainers {
	char folder[4096];
	uint32_t count, peers;
	struct sl_door **door;
	struct sl_keeper **keeper;
	atomic_uint *starts; /* of each, when it answered last */

	const atomic_bool *interrupted;
	pthread_t watch;
	bool watched, ending; /* ending: under the lock */
	atomic_int failed;
	pthread_mutex_t lock;
	pthread_cond_t ends;
};

/* ---- whoever waits for an answer looks at nothing else, so another thread does ---- */

static bool must_stop(struct sl_trainers *t)
{
	for (uint32_t i = 0; i < t->count && t->failed < 0; i++)
		if (sl_keeper_starts(t->keeper[i]) - atomic_load(&t->starts[i]) > STARTS_MOST)
			t->failed = (int)i;
	return atomic_load(t->interrupted) || t->failed >= 0;
}

static void *watch(void *of)
{
	struct sl_trainers *t = of;
	struct timespec at;
	bool stops = false;
	pthread_mutex_lock(&t->lock);
	while (!t->ending && !stops) {
		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_nsec += LOOK_EVERY_MS * 1000000L;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&t->ends, &t->lock, &at);
		stops = must_stop(t);
	}
	for (uint32_t i = 0; i < t->count && stops; i++)
		sl_door_stop(t->door[i]);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static enum sl_status start_watch(struct sl_trainers *t, struct sl_error *error)
{
	int failure = sl_thread_start(&t->watch, watch, t);
	t->watched = !failure;
	return failure ? sl_fail(error, SL_IO, "no thread for the trainers: %s", strerror(failure)) : SL_OK;
}

static void stop_watch(struct sl_trainers *t)
{
	if (!t->watched)
		return;
	pthread_mutex_lock(&t->lock);
	t->ending = true;
	pthread_cond_signal(&t->ends);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->watch, NULL);
}

/* ---- calls ---- */

/* What the door has to tell goes to standard error. */
static void say(struct sl_trainers *t, uint32_t i)
{
	struct sl_door_event event;
	while (sl_door_event(t->door[i], &event))
		if (event.level <= SL_LEVEL_WARNING)
			fprintf(stderr, "starling sim: trainer %u: %s: %s\n", i, event.kind, event.text);
}

static bool call(void *context, struct sl_guest_task *task, const float *in, float *out)
{
	struct sl_trainers *t = context;
	uint32_t i = task->peer % t->count;
	bool answered = sl_door_call(t->door[i], task, in, out);
	if (answered)
		atomic_store(&t->starts[i], sl_keeper_starts(t->keeper[i]));
	say(t, i);
	return answered;
}

static enum sl_status start_one(struct sl_trainers *t, const struct sl_run *run, const char *command,
                                uint32_t i, struct sl_error *error)
{
	char name[16], socket[4096 + 32];
	snprintf(name, sizeof name, "%u", i);
	snprintf(socket, sizeof socket, "%s/%u", t->folder, i);
	struct sl_door_setup door = { .folder = t->folder,
		                      .name = name,
		                      .peer = SL_TRAINER_ANY,
		                      .peers = run->plan.peers,
		                      .run = run->plan.run,
		                      .start = &run->start,
		                      .steps = sl_model_steps(&run->plan.model),
		                      .limit = run->plan.settings.limit_value,
		                      .wake = -1 };
	t->door[i] = sl_door_open(&door, error);
	if (!t->door[i])
		return error->status;
	struct sl_keeper_setup keeper = { .command = command,
		                          .folder = run->config.settings.host.trainer_folder,
		                          .socket = socket,
		                          .peer = UINT32_MAX };
	t->keeper[i] = sl_keeper_start(&keeper, error);
	return t->keeper[i] ? SL_OK : error->status;
}

struct sl_trainers *sl_trainers_start(struct sl_run *run, const char *command, uint32_t count,
                                      const atomic_bool *interrupted, struct sl_error *error)
{
	const char *folder = getenv("TMPDIR");
	command = command ? command : run->config.settings.host.trainer;
	if (!command[0]) {
		sl_fail(error, SL_UNSUPPORTED,
		        "[trainer] command is empty: the simulator starts its trainers itself");
		return NULL;
	}
	struct sl_trainers *t = calloc(1, sizeof *t);
	if (t) {
		t->count = count;
		t->peers = run->plan.peers;
		t->interrupted = interrupted;
		t->failed = -1;
		t->starts = calloc(count, sizeof *t->starts);
		pthread_mutex_init(&t->lock, NULL);
		pthread_cond_init(&t->ends, NULL);
		t->door = calloc(count, sizeof(struct sl_door *));
		t->keeper = calloc(count, sizeof(struct sl_keeper *));
		snprintf(t->folder, sizeof t->folder, "%s/starling-trainers-XXXXXX",
		         folder ? folder : "/tmp");
	}
	enum sl_status status = SL_OK;
	if (!t || !t->door || !t->keeper || !t->starts || !mkdtemp(t->folder)) {
		status = sl_fail(error, SL_IO, "no folder for trainers: %s", strerror(errno));
		if (t)
			t->folder[0] = '\0';
	}
	for (uint32_t i = 0; i < count && status == SL_OK; i++)
		status = start_one(t, run, command, i, error);
	if (status == SL_OK)
		status = start_watch(t, error);
	if (status == SL_OK) {
		run->guest = (struct sl_guest){ t, call };
		return t;
	}
	sl_trainers_stop(t);
	return NULL;
}

int sl_trainers_failed(struct sl_trainers *t)
{
	return atomic_load(&t->failed);
}

bool sl_trainers_each(const struct sl_trainers *t)
{
	return t->count == t->peers;
}

bool sl_trainers_metric(struct sl_trainers *t, struct sl_metric_row *out)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (sl_door_metric(t->door[i], out))
			return true;
	return false;
}

void sl_trainers_stop(struct sl_trainers *t)
{
	if (!t)
		return;
	stop_watch(t);
	for (uint32_t i = 0; t->door && i < t->count; i++)
		if (t->door[i])
			sl_door_stop(t->door[i]);
	for (uint32_t i = 0; t->keeper && t->door && i < t->count; i++) {
		sl_keeper_stop(t->keeper[i], PATIENCE_MS);
		sl_door_close(t->door[i]);
	}
	if (t->folder[0])
		rmdir(t->folder);
	pthread_cond_destroy(&t->ends);
	pthread_mutex_destroy(&t->lock);
	free(t->starts);
	free(t->door);
	free(t->keeper);
	free(t);
}
