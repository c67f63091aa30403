/* progress.h — progress display of a run: a table redrawn in place on a terminal, plain lines elsewhere. */
#ifndef SL_DAEMON_CLI_UP_PROGRESS_H
#define SL_DAEMON_CLI_UP_PROGRESS_H

#include "base/time.h"
#include "daemon/run/status_view.h"

struct sl_progress;

/* One peer as `up` knows it: its last status answer, and how its process ended. */
struct sl_progress_peer {
	struct sl_status_view view; /* peer −1: it has not answered yet */
	bool absent;                /* not a member, or not on this host: not counted */
	const char *fate; /* "ended", "stopped" …: shown instead of its phase; NULL while it runs */
};

/* `table`: redraw in place. NULL without memory. */
struct sl_progress *sl_progress_start(FILE *out, bool table, uint32_t peers, uint32_t rounds,
                                      uint32_t dimension);

/* Sets the number of peers. */
void sl_progress_peers(struct sl_progress *, uint32_t peers);

/* Interval between updates. */
int sl_progress_interval_ms(const struct sl_progress *);

/* Draws the table, or prints a line if one is due. */
void sl_progress_show(struct sl_progress *, const struct sl_progress_peer *peers, struct sl_time now);

/* A line of its own above the table. */
__attribute__((format(printf, 2, 3))) void sl_progress_say(struct sl_progress *, const char *format, ...);

/* Clears the table: it is slightly older than the summary that follows. NULL is allowed. */
void sl_progress_end(struct sl_progress *);

#endif
