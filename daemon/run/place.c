#include "daemon/run/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const suffix[SL_PLACE_FILES] = { "", "-wal", "-shm" };

/* Byte offsets of SQLite's locks (os_unix.c and os.h; they are the same in all versions). Every process that uses a
 * database in WAL mode holds one on the database and one on the shared memory. */
static const struct {
	off_t at, length;
} lock_of_users[SL_PLACE_FILES] = {
	[SL_PLACE_DATABASE] = { 0x40000002, 510 }, [SL_PLACE_SHARED] = { 128, 1 }
};

enum {
	MOMENT_MS = 10,
	MOMENTS = 40,           /* peers look at their names every 250 ms */
	MOMENTS_OF_OTHERS = 500 /* they open it one after the other */
};

static void wait_a_moment(void)
{
	static const struct timespec moment = { .tv_nsec = MOMENT_MS * 1000000 };
	nanosleep(&moment, NULL);
}

static const char *name_of(const struct sl_place *p, enum sl_place_file which, char out[static PATH_MAX])
{
	if (which == SL_PLACE_DATABASE)
		return p->path;
	snprintf(out, PATH_MAX, "%s%s", p->file, suffix[which]);
	return out;
}

/* Opens a descriptor (O_PATH) that keeps the inode number from being reused. Closing it does not release the locks that
 * SQLite holds on the file; closing any other kind of descriptor would. */
static int pin(const struct sl_place *p, enum sl_place_file which)
{
	char name[PATH_MAX];
	return open(name_of(p, which, name), O_PATH | O_CLOEXEC);
}

static void let_go(int *fd)
{
	int keep = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = keep;
}

static void unlock_names(struct sl_place *p)
{
	char name[PATH_MAX];
	if (p->lock < 0)
		return;
	snprintf(name, sizeof name, "%s-lock", p->file);
	unlink(name);
	let_go(&p->lock);
}

static void unpin(struct sl_place *p)
{
	for (int i = 0; i < SL_PLACE_FILES; i++) {
		let_go(&p->pinned[i]);
		let_go(&p->probe[i]);
	}
	unlock_names(p);
	free(p->path);
	free(p->file);
	p->path = p->file = NULL;
}

void sl_place_init(struct sl_place *p)
{
	*p = (struct sl_place){ .left = -1, .lock = -1 };
	for (int i = 0; i < SL_PLACE_FILES; i++)
		p->pinned[i] = p->probe[i] = -1;
}

static enum sl_status set_names(struct sl_place *p, const char *path, struct sl_error *error)
{
	unpin(p);
	p->path = strdup(path);
	p->file = realpath(path, NULL);
	if (!p->file)
		p->file = strdup(path); /* to be made */
	if (p->path && p->file)
		return SL_OK;
	unpin(p);
	return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
}

static bool is_at(int fd, const char *name)
{
	struct stat there, ours;
	return fstat(fd, &ours) == 0 && stat(name, &there) == 0 && there.st_dev == ours.st_dev &&
	       there.st_ino == ours.st_ino;
}

/* Serialises opening: a process opens the names while it holds a lock on a file beside them, which is removed
 * afterwards. If that file cannot be created, it continues without. */
static bool lock_names(struct sl_place *p)
{
	char name[PATH_MAX];
	snprintf(name, sizeof name, "%s-lock", p->file);
	for (int i = 0; i < MOMENTS_OF_OTHERS; i++) {
		p->lock = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (p->lock < 0)
			return true;
		bool mine = flock(p->lock, LOCK_EX | LOCK_NB) == 0;
		if (mine && is_at(p->lock, name))
			return true; /* else the process that held the lock has removed the file */
		if (!mine && errno != EWOULDBLOCK)
			break;
		let_go(&p->lock);
		if (!mine)
			wait_a_moment();
	}
	bool goes_without = p->lock >= 0;
	let_go(&p->lock);
	return goes_without;
}

static long user_of(int fd, enum sl_place_file which)
{
	struct flock lock = { .l_type = F_WRLCK,
		              .l_whence = SEEK_SET,
		              .l_start = lock_of_users[which].at,
		              .l_len = lock_of_users[which].length };
	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid > 0 ? lock.l_pid : 1;
}

/* Process id of a process that uses the file at a name; 0: none. */
static long user_at(struct sl_place *p, enum sl_place_file which)
{
	char name[PATH_MAX];
	int fd = open(name_of(p, which, name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	long pid = user_of(fd, which);
	if (pid)
		p->probe[which] = fd; /* closing it would release locks of this process */
	else
		let_go(&fd);
	return pid;
}

/* Whether all users of the database use the log and the shared memory beside it, and nobody else uses these. */
static enum sl_status check_names(struct sl_place *p, struct sl_error *error)
{
	long user = user_at(p, SL_PLACE_DATABASE), sharer = user_at(p, SL_PLACE_SHARED);
	p->pinned[SL_PLACE_DATABASE] = pin(p, SL_PLACE_DATABASE);
	if (!user && sharer)
		return sl_fail(error, SL_IO, "%s-shm: process %ld uses it with another database", p->path,
		               sharer);
	if (!user)
		return SL_OK;
	p->pinned[SL_PLACE_LOG] = pin(p, SL_PLACE_LOG);
	p->pinned[SL_PLACE_SHARED] = pin(p, SL_PLACE_SHARED);
	for (int i = SL_PLACE_LOG; i < SL_PLACE_FILES; i++)
		if (p->pinned[i] < 0)
			return sl_fail(error, SL_IO,
			               "%s%s: removed or renamed, but process %ld still uses it", p->path,
			               suffix[i], user);
	if (!sharer)
		return sl_fail(error, SL_IO, "%s-shm: process %ld uses another one", p->path, user);
	return SL_OK;
}

/* Other processes that still have the former files open check their names before their next batch, and close them too:
 * wait for that, since they may be about to remove names that belong to those files. */
static void await_others(struct sl_place *p)
{
	for (int i = 0; i < MOMENTS && user_of(p->left, SL_PLACE_SHARED); i++)
		wait_a_moment();
	let_go(&p->left);
}

enum sl_status sl_place_enter(struct sl_place *p, const char *path, struct sl_error *error)
{
	await_others(p);
	for (int i = 0;; i++) {
		enum sl_status status = set_names(p, path, error);
		if (status == SL_OK && !lock_names(p)) {
			unpin(p);
			return sl_fail(error, SL_IO, "%s: other processes are opening it", path);
		}
		if (status == SL_OK)
			status = check_names(p, error);
		if (status == SL_OK)
			return SL_OK;
		unpin(p);
		if (status != SL_IO || i == MOMENTS)
			return status;
		wait_a_moment(); /* other processes may be closing it */
	}
}

enum meaning { MEANS_IT, MEANS_ANOTHER, MEANS_NOTHING };

static enum meaning meaning_of(const struct sl_place *p, enum sl_place_file which)
{
	char name[PATH_MAX];
	struct stat there, ours;
	if (stat(name_of(p, which, name), &there) != 0)
		return errno == ENOENT || errno == ENOTDIR ? MEANS_NOTHING : MEANS_IT;
	if (fstat(p->pinned[which], &ours) != 0)
		return MEANS_ANOTHER; /* the name did not exist when the database was opened */
	return there.st_dev == ours.st_dev && there.st_ino == ours.st_ino ? MEANS_IT : MEANS_ANOTHER;
}

enum sl_place_state sl_place_look(const struct sl_place *p, char why[static 200])
{
	bool logs = p->pinned[SL_PLACE_LOG] >= 0 || p->pinned[SL_PLACE_SHARED] >= 0;
	for (int i = 0; p->path && i < (logs ? SL_PLACE_FILES : SL_PLACE_LOG); i++) {
		enum meaning m = meaning_of(p, i);
		if (m == MEANS_IT)
			continue;
		snprintf(why, 200, "%.120s%s was %s while it was in use", p->path, suffix[i],
		         m == MEANS_ANOTHER ? "replaced by another file" : "removed or renamed");
		return i == SL_PLACE_DATABASE ? SL_PLACE_MOVED : SL_PLACE_LOG_LOST;
	}
	return SL_PLACE_SAME;
}

enum sl_status sl_place_take(struct sl_place *p, const char *file, struct sl_error *error)
{
	char why[200];
	char *name = strdup(file);
	if (!name)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", file);
	for (int i = 0; i < SL_PLACE_FILES; i++)
		if (p->pinned[i] < 0)
			p->pinned[i] = pin(p, i);
	unlock_names(p);
	free(p->file);
	p->file = name;
	return sl_place_look(p, why) == SL_PLACE_SAME ? SL_OK : sl_fail(error, SL_IO, "%s", why);
}

enum sl_status sl_place_watch(struct sl_place *p, const char *path, const char *file, struct sl_error *error)
{
	enum sl_status status = set_names(p, path, error);
	return status == SL_OK ? sl_place_take(p, file, error) : status;
}

static void unname(const struct sl_place *p, enum sl_place_file which)
{
	char name[PATH_MAX];
	if (p->pinned[which] >= 0 && meaning_of(p, which) == MEANS_IT)
		unlink(name_of(p, which, name));
}

/* A log that is beside its database is kept: it is read when the database is opened again. Without its database it would
 * be taken for the log of the next one, so it is removed. */
void sl_place_clear(const struct sl_place *p)
{
	if (!p->path)
		return;
	unname(p, SL_PLACE_SHARED);
	if (meaning_of(p, SL_PLACE_DATABASE) != MEANS_IT)
		unname(p, SL_PLACE_LOG);
}

void sl_place_leave(struct sl_place *p)
{
	char name[64];
	let_go(&p->left);
	if (p->pinned[SL_PLACE_SHARED] >= 0) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", p->pinned[SL_PLACE_SHARED]);
		p->left = open(name, O_RDONLY | O_CLOEXEC);
	}
	unpin(p);
}

void sl_place_free(struct sl_place *p)
{
	unpin(p);
	let_go(&p->left);
}
