/* status.h — the present state of a peer, over a UNIX socket in the run's folder: RUN/status/K. Each
 * connection gets one JSON line and is closed. Paths of any length work (the socket is bound through
 * /proc/self/fd). */
#ifndef SL_DAEMON_RUN_STATUS_H
#define SL_DAEMON_RUN_STATUS_H

#include "base/error.h"

/* Binds and listens (0600, non-blocking); replaces a stale socket. Returns the descriptor or −1: SL_REFUSED:
 * another starlingd answers there; SL_NOT_FOUND: no such folder; SL_IO: possibly transient. */
int sl_status_listen(const char *folder, uint32_t peer, struct sl_error *error);
/* Removes the socket's name. */
void sl_status_unlink(const char *folder, uint32_t peer);
/* Accepts and answers every waiting client with `line` (a newline is added); never blocks. */
void sl_status_answer(int listener, const char *line);
enum sl_status_reply {
	SL_STATUS_ANSWERED,
	SL_STATUS_ABSENT,    /* no process listens there */
	SL_STATUS_SILENT,    /* a process listens, but did not answer in time */
	SL_STATUS_FORBIDDEN, /* no permission for this user */
};
/* Queries peer K and fills `line` if it answers. *pid: the listening process, 0 if unknown. */
enum sl_status_reply sl_status_query(const char *folder, uint32_t peer, int timeout_ms, char *line,
                                     size_t size, int64_t *pid);
/* Whether it was answered. */
bool sl_status_ask(const char *folder, uint32_t peer, int timeout_ms, char *line, size_t size);

/* The line, a flat JSON object plus an array of edges:
 * {"peer":3,"pid":123,"serial":1,"phase":"waiting","round":17,"rounds":1500,"train_loss":0.61,"test_accuracy":0.79,"gamma":0.12,"nonzero":90123,
 * "payload_tx":123,"payload_rx":123,"wire_tx":1,"wire_rx":1,"wire_resent":0,"edges_up":2,"edges":2,
 * "links":[{"neighbour":2,"up":true,"late":false,"waited_for":true,"behind":0,"their_round":17,"heard_ms":3},
 * …]} Unknown numbers are null. history_error is null, or why the history cannot be written; then
 * history_since_us is the time when that began (since 1970), and rows_lost the number of rows dropped since
 * for lack of room. "checkpoint_failed":true and "diverging":true are present only if so. A link also has
 * refused, step, roster (the neighbour's serial), resent, snapshots, open_ms (age of the open tag; absent if
 * there is none), why (the reason, if it is behind, late or silent), and in quarantine quarantine_ms and
 * cause; and the columns of the table link from wire_tx to again_digest. up means both ways: heard: a message came within link_timeout; reached: our connection to it is up.
 * If either is false, trouble is the fault and trouble_since_us its start. */

#endif
