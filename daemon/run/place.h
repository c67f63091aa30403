/* place.h — whether the names of a history still mean the files that are open. SQLite does not mind that its
 * file was removed, renamed or replaced: it goes on with what is open, and so does everybody else who has it
 * open, while who comes later opens something else under the same names. Worse, a database and the log of
 * another one, or two logs of one database, make a broken one. So nobody opens names that do not belong
 * together, and who finds that they mean something else leaves, waits until all have left, and comes again.
 */
#ifndef SL_DAEMON_RUN_PLACE_H
#define SL_DAEMON_RUN_PLACE_H

#include "base/error.h"

enum sl_place_file { SL_PLACE_DATABASE, SL_PLACE_LOG, SL_PLACE_SHARED, SL_PLACE_FILES };

enum sl_place_state {
	SL_PLACE_SAME,
	/* The database is where it was, but its log or the memory that its users share is not. */
	SL_PLACE_LOG_LOST,
	SL_PLACE_MOVED /* the database itself is not */
};

struct sl_place {
	char *path, *file;          /* owned: as configured; with links followed */
	int pinned[SL_PLACE_FILES]; /* what is open, whatever its name is now; −1 */
	int probe[SL_PLACE_FILES];  /* by which its users were seen: closed only when the file is; −1 */
	int lock;                   /* held while the names are opened; −1 */
	int left;                   /* the shared memory of what was left, while others may use it; −1 */
};

void sl_place_init(struct sl_place *);
/* Before opening: whether the names belong together, and nobody else is just opening them (waits a moment for
 * either). SL_IO: not now. */
enum sl_status sl_place_enter(struct sl_place *, const char *path, struct sl_error *error);
/* Behind opening: remembers what the names mean. `file` is what SQLite calls the database. SL_IO: they have
 * changed meanwhile. Where it could not be opened or this fails, sl_place_free is next. */
enum sl_status sl_place_take(struct sl_place *, const char *file, struct sl_error *error);
/* The same for one that was opened without asking first. */
enum sl_status sl_place_watch(struct sl_place *, const char *path, const char *file, struct sl_error *error);
/* Says in `why` what happened to it, unless it is the same. Where nothing is remembered it is. */
enum sl_place_state sl_place_look(const struct sl_place *, char why[static 200]);

/* Leaving what is not in its place, in two steps. Before the connection is closed: what would be taken for a
 * part of the next database loses its name. After it: nothing is remembered but what others may still use. */
void sl_place_clear(const struct sl_place *);
void sl_place_leave(struct sl_place *);
void sl_place_free(struct sl_place *);

#endif
