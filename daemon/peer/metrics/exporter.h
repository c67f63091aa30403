/* exporter.h — serves metrics from the daemon's loop: a listening socket, a few short connections, and the file for
 * node_exporter. Nothing here blocks: reads and writes take what the kernel has room for, and the rest waits for
 * the next turn. */
#ifndef SL_DAEMON_PEER_METRICS_EXPORTER_H
#define SL_DAEMON_PEER_METRICS_EXPORTER_H

#include "base/time.h"
#include "daemon/peer/metrics/address.h"
#include "daemon/peer/metrics/http.h"
#include "daemon/peer/metrics/textfile.h"

#include <poll.h>

enum {
	SL_EXPORTER_CONNECTIONS = 4, /* one more takes the place of the oldest */
	SL_EXPORTER_ITEMS = 1 + SL_EXPORTER_CONNECTIONS,
};

/* Writes all metrics into malloc'd text; NULL: no memory. */
typedef char *sl_exporter_describe(void *context, bool openmetrics, size_t *length);

struct sl_exporter {
	struct sl_metrics_places places;
	sl_exporter_describe *describe;
	void *context;
	struct sl_textfile *textfile;
	int listener; /* −1: none now */
	struct sl_exporter_connection {
		int fd; /* −1: free */
		struct sl_time began;
		size_t read; /* bytes of `request` */
		char request[SL_HTTP_REQUEST];
		char *answer; /* owned; NULL: the request is not whole yet */
		size_t length, sent;
	} connection[SL_EXPORTER_CONNECTIONS];
	/* The newest description in each format: whoever asks often gets it again. */
	struct {
		char *text;
		size_t length;
		struct sl_time at;
	} newest[2];
	struct sl_time listen_at, write_at; /* the next try to listen; the next file */
	bool failing;                       /* to listen, and that was logged */
};

/* Begins. An address that is taken is logged and tried again. Nothing is served where no place is set. */
enum sl_status sl_exporter_open(struct sl_exporter *, const struct sl_metrics_places *,
                                sl_exporter_describe *describe, void *context, struct sl_time now,
                                struct sl_error *error);
/* Fills SL_EXPORTER_ITEMS entries for poll(2). */
void sl_exporter_poll(const struct sl_exporter *, struct pollfd *items);
/* After poll(2) on these items. */
void sl_exporter_turn(struct sl_exporter *, const struct pollfd *items, struct sl_time now);
/* When to call sl_exporter_turn although nothing happens. */
struct sl_time sl_exporter_deadline(const struct sl_exporter *);
void sl_exporter_close(struct sl_exporter *);

#endif
