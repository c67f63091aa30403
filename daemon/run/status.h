/* status.h — what a peer is doing now, asked over a UNIX socket in the run's folder: RUN/status/K. One
 * connection, one JSON line, closed. Paths of any length work (the socket is bound through /proc/self/fd). */
#ifndef SL_DAEMON_RUN_STATUS_H
#define SL_DAEMON_RUN_STATUS_H

#include "base/error.h"

/* Binds and listens (0600, non-blocking); replaces a stale socket. Returns the descriptor or −1:
 * SL_REFUSED where another starlingd answers there, SL_NOT_FOUND where there is no such folder, SL_IO what
 * may pass. */
int sl_status_listen(const char *folder, uint32_t peer, struct sl_error *error);
/* Removes the socket's name. */
void sl_status_unlink(const char *folder, uint32_t peer);
/* Accepts and answers every waiting client with `line` (a newline is added); never blocks. */
void sl_status_answer(int listener, const char *line);
enum sl_status_reply {
	SL_STATUS_ANSWERED,
	SL_STATUS_ABSENT,    /* nobody listens there */
	SL_STATUS_SILENT,    /* somebody does, and did not answer in time */
	SL_STATUS_FORBIDDEN, /* this user may not ask */
};
/* Asks peer K and fills `line` where it is answered. *pid: who listens, 0 where that is not known. */
enum sl_status_reply sl_status_query(const char *folder, uint32_t peer, int timeout_ms, char *line,
                                     size_t size, int64_t *pid);
/* Whether it was answered. */
bool sl_status_ask(const char *folder, uint32_t peer, int timeout_ms, char *line, size_t size);

/* The line, a flat JSON object plus an array of edges:
 * {"peer":3,"pid":123,"serial":1,"phase":"waiting","round":17,"rounds":1500,"train_loss":0.61,"test_accuracy":0.79,"gamma":0.12,"nonzero":90123,
 *  "payload_tx":123,"payload_rx":123,"wire_tx":1,"wire_rx":1,"edges_up":2,"edges":2,
 *  "links":[{"neighbour":2,"up":true,"late":false,"waited_for":true,"behind":0,"their_round":17,"heard_ms":3},
 * …]} Unknown numbers are null. history_error is null, or why the history cannot be written; then come
 * history_since_us, the time when that began (since 1970), and rows_lost, the rows that there was no room to
 * keep since. "checkpoint_failed":true and "diverging":true are there only where it is so. A link also has refused, step, roster (the neighbour's serial), resent,
 * snapshots, open_ms (how long the open tag has waited; missing where none does), why (what it lacks, where
 * it is behind, late or not heard), and in quarantine quarantine_ms and cause. up means both ways: heard says
 * that it was heard within link_timeout, reached that our connection to it stands; where something is wrong
 * with either, trouble says what, and trouble_since_us since when. */

#endif
