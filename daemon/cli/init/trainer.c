/* trainer.c — asks a trainer once for its tensors and the start of those that are learnt. */
#include "daemon/cli/init/init.h"
#include "daemon/run/files.h"
#include "daemon/run/trainer/door.h"
#include "daemon/run/trainer/keeper.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 100, PATIENCE_MS = 10000 };

/* Until it has said hello, or has ended without. */
static enum sl_status await_hello(struct sl_door *door, struct sl_keeper *keeper, const uint8_t **bytes,
                                  size_t *length, struct sl_error *error)
{
	int status;
	struct sl_door_event event;
	while (!sl_door_hello(door, LOOK_MS, bytes, length)) {
		if (sl_init_interrupted())
			return sl_fail(error, SL_IO, "interrupted");
		if (sl_door_event(door, &event))
			return sl_fail(error, SL_REFUSED, "%s", event.text);
		if (!sl_keeper_ended(keeper, &status))
			continue;
		if (WIFSIGNALED(status))
			return sl_fail(error, SL_IO,
			               "it was killed by signal %d before it said what it trains",
			               WTERMSIG(status));
		return sl_fail(
		    error, SL_IO,
		    "it ended with exit code %d before it said what it trains (starling.attach(start))",
		    WEXITSTATUS(status));
	}
	return SL_OK;
}

static enum sl_status write_start(const char *path, const uint8_t *bytes, size_t length,
                                  struct sl_error *error)
{
	struct sl_start start;
	enum sl_status status = sl_start_read(&start, bytes, length, NULL, 0, error);
	return status == SL_OK ? sl_file_replace(path, bytes, length, 0666, error) : status;
}

enum sl_status sl_init_trainer(const char *command, const char *folder, const char *path, uint32_t *can,
                               struct sl_error *error)
{
	char socket[4096 + 16];
	const uint8_t *bytes = NULL;
	size_t length = 0;
	struct sl_door_setup door_setup = { .folder = folder, .name = "init", .wake = -1 };
	struct sl_door *door = sl_door_open(&door_setup, error);
	if (!door)
		return error->status;
	snprintf(socket, sizeof socket, "%s/init", folder);
	struct sl_keeper_setup setup = {
		.command = command, .folder = "", .socket = socket, .peer = 0, .once = true
	};
	struct sl_keeper *keeper = sl_keeper_start(&setup, error);
	enum sl_status status = keeper ? await_hello(door, keeper, &bytes, &length, error) : error->status;
	if (status == SL_OK)
		status = write_start(path, bytes, length, error);
	if (status == SL_OK)
		*can = sl_door_can(door);
	sl_door_stop(door);
	sl_keeper_stop(keeper, PATIENCE_MS);
	sl_door_close(door);
	return status == SL_OK ? SL_OK : sl_wrap(error, "the trainer '%s'", command);
}
