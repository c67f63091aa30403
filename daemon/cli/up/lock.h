/* lock.h — which process keeps a run up: it holds a lock on the run's folder, and says its number in
 * RUN/up.pid, which counts only while that lock is held. */
#ifndef SL_DAEMON_CLI_UP_LOCK_H
#define SL_DAEMON_CLI_UP_LOCK_H

#include "base/error.h"

#include <sys/types.h>

/* Takes the lock; returns the descriptor that holds it, or −1. */
int sl_up_lock(const char *run, struct sl_error *error);
/* Writes this process's number; removes it. */
enum sl_status sl_up_announce(const char *run, struct sl_error *error);
void sl_up_withdraw(const char *run);
/* The process that keeps the run up; 0: none. */
pid_t sl_up_process(const char *run);
/* The parent of a process; 0: unknown. */
pid_t sl_up_parent(pid_t process);

#endif
