/* process.h — how both programs begin and end: standard descriptors, umask, and whether the output was
 * written. */
#ifndef SL_DAEMON_RUN_PROCESS_H
#define SL_DAEMON_RUN_PROCESS_H

/* Call before anything is opened. Standard descriptors that are closed are taken, so that no file gets number
 * 1 or 2 and is written over by a message. Whatever is created from here on is closed to other users. There is no core,
 * and other processes of the same user cannot read this one's memory. */
void sl_process_start(void);

/* Call last. The exit code: `code`, or 1 where that is 0 and standard output could not be written, which is
 * reported as "PROGRAM: standard output: …". */
int sl_process_end(const char *program, int code);

#endif
