#include "daemon/cli/sim/trainers.h"

#include "daemon/run/trainer/door.h"
#include "daemon/run/trainer/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

struct sl_trainers {
	char folder[4096];
	uint32_t count;
	struct sl_door **door;
	struct sl_keeper **keeper;
};

/* What the doors have to tell goes to standard error. */
static void say(struct sl_trainers *t)
{
	struct sl_door_event event;
	for (uint32_t i = 0; i < t->count; i++)
		while (t->door[i] && sl_door_event(t->door[i], &event))
			if (event.level <= SL_LEVEL_WARNING)
				fprintf(stderr, "starling sim: trainer %u: %s: %s\n", i, event.kind,
				        event.text);
}

static bool call(void *context, struct sl_guest_task *task, const float *in, float *out)
{
	struct sl_trainers *t = context;
	bool answered = sl_door_call(t->door[task->peer % t->count], task, in, out);
	say(t);
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
                                      struct sl_error *error)
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
		t->door = calloc(count, sizeof(struct sl_door *));
		t->keeper = calloc(count, sizeof(struct sl_keeper *));
		snprintf(t->folder, sizeof t->folder, "%s/starling-trainers-XXXXXX",
		         folder ? folder : "/tmp");
	}
	enum sl_status status = SL_OK;
	if (!t || !t->door || !t->keeper || !mkdtemp(t->folder)) {
		status = sl_fail(error, SL_IO, "no folder for trainers: %s", strerror(errno));
		if (t)
			t->folder[0] = '\0';
	}
	for (uint32_t i = 0; i < count && status == SL_OK; i++)
		status = start_one(t, run, command, i, error);
	if (status == SL_OK) {
		run->guest = (struct sl_guest){ t, call };
		return t;
	}
	sl_trainers_stop(t);
	return NULL;
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
	for (uint32_t i = 0; t->door && i < t->count; i++)
		if (t->door[i])
			sl_door_stop(t->door[i]);
	for (uint32_t i = 0; t->keeper && t->door && i < t->count; i++) {
		sl_keeper_stop(t->keeper[i], PATIENCE_MS);
		sl_door_close(t->door[i]);
	}
	if (t->folder[0])
		rmdir(t->folder);
	free(t->door);
	free(t->keeper);
	free(t);
}
