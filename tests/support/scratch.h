/* scratch.h — a fresh folder a test, gone afterwards: cmocka's setup and teardown. */
#ifndef TEST_SUPPORT_SCRATCH_H
#define TEST_SUPPORT_SCRATCH_H

int test_folder_make(void **state);
int test_folder_remove(void **state);

/* A path in the folder; valid until the sixteenth call from then. */
const char *test_path(const char *name);

#endif
