#include "tests/support/store.h"

#include "daemon/run/checkpoint.h"
#include "tests/support/faults.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int patience_ms, checkpoint_wait_ms;
uint32_t every;

struct sl_store *try_store(const char *name, uint32_t peer, int wake)
{
	struct sl_history_run run = { .run_id = "unit-1", .name = "unit", .peers = 8, .dimension = 10 };
	struct sl_history_peer row = { .peer = peer, .degree = 2 };
	struct sl_store_setup setup = { .database = test_path(name),
		                        .run = &run,
		                        .peer = &row,
		                        .checkpoint = test_path("ckpt"),
		                        .wake = wake,
		                        .every = every,
		                        .busy_timeout_ms = patience_ms,
		                        .checkpoint_wait_ms = checkpoint_wait_ms };
	return sl_store_open(&setup, &test_error);
}

struct sl_store *open_store(const char *name, uint32_t peer, int wake)
{
	struct sl_store *s = try_store(name, peer, wake);
	if (!s)
		fail_msg("%s", test_error.text);
	return s;
}

void push_rounds(struct sl_store *s, uint32_t peer, uint32_t from, uint32_t to)
{
	for (uint32_t k = from; k < to; k++) {
		struct sl_round_row r = row_of(peer, k);
		sl_store_round(s, &r);
	}
}

/* The bound is for a broken one. */
bool checkpoint_ends(struct sl_store *s, int wake, bool *ok)
{
	struct pollfd item = { wake, POLLIN, 0 };
	uint64_t n;
	return poll(&item, 1, 20000) == 1 && read(wake, &n, sizeof n) == sizeof n &&
	       sl_store_checkpointed(s, ok);
}

bool await_checkpoint(struct sl_store *s, int wake)
{
	bool ok = false;
	assert_true(checkpoint_ends(s, wake, &ok));
	return ok;
}

bool ask_checkpoint(struct sl_store *s, const char *text)
{
	uint8_t *bytes = (uint8_t *)strdup(text);
	bool taken = sl_store_checkpoint(s, bytes, strlen(text));
	if (!taken)
		free(bytes);
	return taken;
}

uint8_t *newest_checkpoint(size_t *length, char which[static 128])
{
	struct sl_checkpoint_pair pair;
	uint8_t *bytes = NULL;
	uint64_t number = 0;
	size_t n = 0;
	which[0] = 0;
	assert_ok(sl_checkpoint_open(test_path("ckpt"), &pair, &test_error));
	for (int i = 0; i < 2; i++) {
		const struct sl_generation *g = &pair.generation[i];
		if (!g->there)
			continue;
		n += (size_t)snprintf(which + n, 128 - n, "%s%d %s", n ? ", " : "", i, g->wrong);
		if (g->wrong[0])
			continue;
		n += (size_t)snprintf(which + n, 128 - n, "is %llu", (unsigned long long)g->version);
		if (g->version < number)
			continue;
		number = g->version;
		*length = g->length;
		free(bytes);
		bytes = malloc(g->length + 1);
		assert_non_null(bytes);
		memcpy(bytes, g->state, g->length);
		bytes[g->length] = 0;
	}
	sl_checkpoint_close(&pair);
	return bytes;
}

int test_store_folder(void **state)
{
	patience_ms = checkpoint_wait_ms = 0;
	every = 0;
	test_fault_set(&test_fault_write, 0, 0);
	return test_folder_make(state);
}
