/* waiting.h — how far long work is, and how long it will take, on a terminal. Nothing is shown of what takes less than a
 * second. */
#ifndef SL_DAEMON_CLI_COMMON_WAITING_H
#define SL_DAEMON_CLI_COMMON_WAITING_H

#include <stdbool.h>
#include <stdint.h>

struct sl_waiting {
	const char *what; /* "shards": borrowed */
	double began, looked;
	bool terminal, shown;
};
void sl_waiting_begin(struct sl_waiting *, const char *what);
/* Call often: it looks at the clock once in 64 calls. */
void sl_waiting_show(struct sl_waiting *, uint64_t done, uint64_t all);
/* Removes the line. */
void sl_waiting_end(struct sl_waiting *);
/* " (12 s left)", or nothing where it is not known yet. */
const char *sl_waiting_left(char text[static 32], double spent, double done);

#endif
