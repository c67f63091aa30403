/* place.h — whether the paths of a history still refer to the open files. SQLite does not notice if its file
 * is removed, renamed or replaced: processes that have it open continue with the old file, while later ones
 * open another under the same path. Mixing a database with the log of another one, or two logs of one
 * database, corrupts it. So no process opens paths that do not belong together, and a process that finds that
 * they have changed closes its files, waits until all others have, and opens the paths again. */
#ifndef SL_DAEMON_RUN_PLACE_H
#define SL_DAEMON_RUN_PLACE_H

#include "base/error.h"

enum sl_place_file { SL_PLACE_DATABASE, SL_PLACE_LOG, SL_PLACE_SHARED, SL_PLACE_FILES };

enum sl_place_state {
	SL_PLACE_SAME,
	/* The database is in its place, but its log or shared memory is not. */
	SL_PLACE_LOG_LOST,
	SL_PLACE_MOVED /* the database itself is not in its place */
};

struct sl_place {
	char *path, *file;          /* owned: as configured; with links resolved */
	int pinned[SL_PLACE_FILES]; /* the open files, whatever their paths are now; −1: none */
	int probe[SL_PLACE_FILES];  /* used to detect other users; closed only with the file; −1: none */
	int lock;                   /* held while the paths are opened; −1: none */
	int left;                   /* shared memory of the files left behind, while others may use it; −1:
	                               none */
};

void sl_place_init(struct sl_place *);
/* Before opening: checks that the paths belong together and that no other process is opening them (waits
 * briefly for both). SL_IO: not now. */
enum sl_status sl_place_enter(struct sl_place *, const char *path, struct sl_error *error);
/* After opening: records which files the paths refer to. `file` is SQLite's path of the database. SL_IO: the
 * paths have changed since. If opening or this fails, call sl_place_free. */
enum sl_status sl_place_take(struct sl_place *, const char *file, struct sl_error *error);
/* The same for a database opened without sl_place_enter. */
enum sl_status sl_place_watch(struct sl_place *, const char *path, const char *file, struct sl_error *error);
/* Compares the paths with the recorded files and writes a difference to `why`. SL_PLACE_SAME if nothing is
 * recorded. */
enum sl_place_state sl_place_look(const struct sl_place *, char why[static 200]);

/* Leaves files that are no longer in their place, in two steps. sl_place_clear, before the connection is
 * closed: unlinks files that would be taken for part of the next database. sl_place_leave, after it: forgets
 * all files but those that others may still use. */
void sl_place_clear(const struct sl_place *);
void sl_place_leave(struct sl_place *);
void sl_place_free(struct sl_place *);

#endif
