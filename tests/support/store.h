/* store.h — a store on a database in the test's folder. */
#ifndef TEST_SUPPORT_STORE_H
#define TEST_SUPPORT_STORE_H

#include "daemon/peer/store/store.h"
#include "tests/support/history.h"

/* What stores are opened with from now on; zero is what a daemon uses. */
extern int patience_ms, checkpoint_wait_ms;
extern uint32_t every;

/* A folder, no faults, and the above zero. */
int test_store_folder(void **state);

/* NULL on failure: for children of fork, in which cmocka must not jump. */
struct sl_store *try_store(const char *name, uint32_t peer, int wake);
struct sl_store *open_store(const char *name, uint32_t peer, int wake);
void push_rounds(struct sl_store *, uint32_t peer, uint32_t from, uint32_t to);

/* False: one is being written. */
bool ask_checkpoint(struct sl_store *, const char *text);
/* Waits until the writer signals. */
bool checkpoint_ends(struct sl_store *, int wake, bool *ok);
/* Whether the one that was asked for was written. */
bool await_checkpoint(struct sl_store *, int wake);

/* The newest generation of "ckpt" that verifies, malloc'd, or NULL; `which` names it and says what is wrong.
 */
uint8_t *newest_checkpoint(size_t *length, char which[static 128]);

#endif
