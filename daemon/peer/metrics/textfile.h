/* textfile.h — replaces the file for node_exporter on a thread of its own: a disk that does not answer holds up
 * nobody. */
#ifndef SL_DAEMON_PEER_METRICS_TEXTFILE_H
#define SL_DAEMON_PEER_METRICS_TEXTFILE_H

#include "base/error.h"

struct sl_textfile;

/* Starts the thread; all signals must be blocked. The path is copied. */
struct sl_textfile *sl_textfile_open(const char *path, struct sl_error *error);
/* Hands over the next contents (malloc'd, freed by the thread); never blocks. What was handed over before and has
 * not been written yet is left out. A failure is logged, at most once in ten seconds. */
void sl_textfile_put(struct sl_textfile *, char *text, size_t length);
/* Removes the file, because stale numbers look like live ones, and ends the thread. A disk that does not answer
 * within a second is left alone. NULL is fine. */
void sl_textfile_close(struct sl_textfile *);

#endif
