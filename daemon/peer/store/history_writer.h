/* history_writer.h — the history as one peer keeps it: a database in which the run and the peer are registered,
 * or one that cannot be had at the moment. Belongs to one thread at a time. */
#ifndef SL_DAEMON_PEER_STORE_HISTORY_WRITER_H
#define SL_DAEMON_PEER_STORE_HISTORY_WRITER_H

#include "daemon/run/place.h"
#include "daemon/peer/store/row_ring.h"
#include "history/history.h"

struct sl_history_writer {
	struct sl_history *history; /* there from make to free; owned */
	bool entered;               /* connected and registered: rows may be given */
	bool failed;                /* rows or a commit, since */
	/* What the history knew of this peer's bytes before this start: read when it is entered first, since
	 * later it has rows of this start too. */
	bool asked;
	struct sl_history_bytes before;
	struct sl_history_run run; /* strings owned */
	struct sl_history_peer peer;
	uint32_t last_round; /* of the rows that were given */
	char *path;          /* owned */
	struct sl_place place;
	enum sl_place_state left; /* of the file that was left last */
	char why[200];            /* it was left, until an event says so */
};

/* Copies what it is given, connects to nothing. */
enum sl_status sl_history_writer_make(struct sl_history_writer *, const char *path,
                                      const struct sl_history_run *, const struct sl_history_peer *,
                                      struct sl_error *error);
/* Connects and registers unless that is done, in a transaction which the caller commits, so that what cannot
 * take rows is not changed at all. On failure it is left again. So is a file that is not at its path any
 * more, and the one that is there now is entered, or made; an event row of that transaction says so. */
enum sl_status sl_history_writer_enter(struct sl_history_writer *, struct sl_error *error);
/* After a failure of a row or a commit: rows that are not committed are to be given again. Where another
 * connection may do better the history is left: it is entered anew, with the file that is at the path then.
 */
void sl_history_writer_failed(struct sl_history_writer *);
/* Commits; SL_IO also where the file is not at its path any more: what was committed may be gone with it. */
enum sl_status sl_history_writer_commit(struct sl_history_writer *, bool durable, struct sl_error *error);
/* Marks the end of the peer, committed at once and in the same way. */
enum sl_status sl_history_writer_stopped(struct sl_history_writer *, int64_t at_us, int exit_code,
                                         const char *model_digest, struct sl_error *error);

/* A row of the ring. A round's bytes are completed here, and nowhere else: bytes on the wire always, payload
 * where it began at 0 in this start. */
enum sl_status sl_history_writer_insert(struct sl_history_writer *, const struct sl_row_header *,
                                        union sl_row *, const struct sl_history_bytes *earlier,
                                        struct sl_error *error);
/* Event rows on the history itself: rows that were lost, the first of them then; none was lost, but none
 * could be written since then; and where a checkpoint brought the peer to a round (0: to none) that is ahead
 * of the history, which has a row of every `every` rounds. Times are since 1970; `why` may be empty. */
enum sl_status sl_history_writer_dropped(struct sl_history_writer *, uint64_t rows, int64_t since_us,
                                         const char *why, struct sl_error *error);
enum sl_status sl_history_writer_late(struct sl_history_writer *, int64_t since_us, const char *why,
                                      struct sl_error *error);
enum sl_status sl_history_writer_resumed(struct sl_history_writer *, int64_t round, uint32_t every,
                                         struct sl_error *error);
void sl_history_writer_free(struct sl_history_writer *);

#endif
