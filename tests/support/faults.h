/* faults.h — the system calls that bring bytes to the disk, failing when a test wants it. They stand in front
 * of libc's, for the libraries too (SQLite, ours); a countdown each: let `after` calls pass, then fail
 * `times` of them. */
#ifndef TEST_SUPPORT_FAULTS_H
#define TEST_SUPPORT_FAULTS_H

#include <stdatomic.h>

struct test_fault {
	atomic_int after, times, calls; /* calls: how many there were so far */
};
extern struct test_fault test_fault_write, /* write, pwrite64: ENOSPC */
    test_fault_sync,                       /* fsync, fdatasync: EIO */
    test_fault_rename;                     /* rename: EIO */

void test_fault_set(struct test_fault *, int after, int times);

#endif
