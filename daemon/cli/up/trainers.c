/* trainers.c — the processes of trainers that `starling up` starts beside its peers. */
#include "daemon/cli/up/up.h"

#include "daemon/run/trainer/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PATIENCE_MS = 5000,
	STARTS_MOST = 6 /* without a round of its peer in between: about three seconds of pauses */
};

struct sl_up_trainer {
	struct sl_keeper *keeper; /* NULL: none beside this peer */
	unsigned said;            /* starts that were reported */
	unsigned before;          /* starts when `round` was reached */
	int64_t round;
};

static enum sl_status start_one(struct sl_up *up, const char *command, const char *const path[2], uint32_t k,
                                struct sl_error *error)
{
	char socket[4096 + 32], log[4096 + 32];
	snprintf(socket, sizeof socket, "%s/trainer/%u", path[0], k);
	snprintf(log, sizeof log, "%s/trainer-%u.log", path[1], k);
	if (!up->resume)
		unlink(log);
	struct sl_keeper_setup setup = { .command = command,
		                         .folder = up->run.config.settings.host.trainer_folder,
		                         .socket = socket,
		                         .log = log,
		                         .peer = k };
	up->trainers[k].round = -1;
	up->trainers[k].keeper = sl_keeper_start(&setup, error);
	return up->trainers[k].keeper ? SL_OK : error->status;
}

enum sl_status sl_up_start_trainers(struct sl_up *up, struct sl_error *error)
{
	const struct sl_host_settings *host = &up->run.config.settings.host;
	const char *command = up->trainer ? up->trainer : host->trainer;
	char state[4096], log[4096];
	if (!sl_run_outside(&up->run.config.settings) || !command[0] || strcmp(command, "none") == 0)
		return SL_OK;
	if (!realpath(up->run.config.state, state) || !realpath(up->children.log, log))
		return sl_fail(error, SL_IO, "%s: %s", up->children.log, strerror(errno));
	up->trainers = calloc(up->children.count, sizeof *up->trainers);
	if (!up->trainers)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u trainers", up->children.count);
	up->trainer_count = up->children.count;
	enum sl_status status = SL_OK;
	for (uint32_t k = 0; status == SL_OK && k < up->trainer_count; k++)
		if (!up->children.child[k].absent)
			status = start_one(up, command, (const char *const[2]){ state, log }, k, error);
	return status;
}

/* Reports its second start, its fourth, eighth and so on. False: it ends again and again. */
static bool look_at(struct sl_up *up, uint32_t k)
{
	struct sl_up_trainer *t = &up->trainers[k];
	unsigned starts = sl_keeper_starts(t->keeper);
	int status;
	char end[96];
	if (up->peer[k].view.round != t->round) {
		t->round = up->peer[k].view.round;
		t->before = starts;
	}
	sl_keeper_ended(t->keeper, &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && starts - t->before < STARTS_MOST)
		return true; /* as at the end of a run */
	sl_child_end_text(status, end, sizeof end);
	if (starts - t->before >= STARTS_MOST) {
		sl_progress_say(up->progress, "the trainer of peer %u %s, %u times in round %lld", k, end,
		                starts - t->before, (long long)t->round);
		return false;
	}
	if (starts >= 2 && starts >= 2 * t->said) {
		t->said = starts;
		sl_progress_say(up->progress, "the trainer of peer %u %s: restarting it (%s/trainer-%u.log)",
		                k, end, up->children.log, k);
	}
	return true;
}

bool sl_up_watch_trainers(struct sl_up *up, uint32_t *failed)
{
	for (*failed = 0; *failed < up->trainer_count; ++*failed)
		if (up->trainers[*failed].keeper && up->children.child[*failed].state == SL_CHILD_RUNNING &&
		    !look_at(up, *failed))
			return false;
	return true;
}

void sl_up_stop_trainers(struct sl_up *up)
{
	for (uint32_t k = 0; k < up->trainer_count; k++)
		sl_keeper_stop(up->trainers[k].keeper, PATIENCE_MS);
	free(up->trainers);
	up->trainers = NULL;
	up->trainer_count = 0;
}
