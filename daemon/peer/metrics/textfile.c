#include "daemon/peer/metrics/textfile.h"

#include "base/log.h"
#include "daemon/run/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 128 * 1024 };

struct sl_textfile {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *text; /* the next contents; NULL: none */
	size_t length;
	bool end;
	struct sl_log_burst burst;
	char path[4096], temporary[4096 + 8];
};

/* Not durable: after a power failure nobody wants these numbers. Readable whatever the umask is: node_exporter is
 * another user. */
static bool replace(const struct sl_textfile *t, const char *text, size_t length)
{
	int fd = open(t->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	bool ok = fchmod(fd, 0644) == 0;
	for (size_t at = 0; ok && at < length;) {
		ssize_t n = write(fd, text + at, length - at);
		ok = n >= 0 || errno == EINTR;
		at += n > 0 ? (size_t)n : 0;
	}
	int failure = errno;
	ok = close(fd) == 0 && ok && rename(t->temporary, t->path) == 0;
	if (ok)
		return true;
	failure = failure ? failure : errno;
	unlink(t->temporary);
	errno = failure;
	return false;
}

static void *work(void *context)
{
	struct sl_textfile *t = context;
	pthread_mutex_lock(&t->lock);
	while (!t->end) {
		char *text = t->text, why[256];
		size_t length = t->length;
		t->text = NULL;
		if (!text) {
			pthread_cond_wait(&t->changed, &t->lock);
			continue;
		}
		pthread_mutex_unlock(&t->lock);
		errno = 0;
		if (!replace(t, text, length)) {
			snprintf(why, sizeof why, "%.200s: %s", t->path, strerror(errno));
			sl_log_rarely(&t->burst, sl_clock(), SL_LEVEL_WARNING, "metrics", why);
		}
		free(text);
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
	unlink(t->path);
	return NULL;
}

struct sl_textfile *sl_textfile_open(const char *path, struct sl_error *error)
{
	pthread_attr_t how;
	struct sl_textfile *t = calloc(1, sizeof *t);
	if (!t) {
		sl_fail(error, SL_NO_MEMORY, "no memory for the thread of metrics");
		return NULL;
	}
	snprintf(t->path, sizeof t->path, "%s", path);
	snprintf(t->temporary, sizeof t->temporary, "%s.tmp", path); /* node_exporter reads *.prom */
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	pthread_attr_init(&how);
	pthread_attr_setstacksize(&how, STACK_BYTES);
	int failure = pthread_create(&t->thread, &how, work, t);
	pthread_attr_destroy(&how);
	if (!failure)
		return t;
	sl_fail(error, SL_NO_MEMORY, "no thread for metrics: %s", strerror(failure));
	free(t);
	return NULL;
}

void sl_textfile_put(struct sl_textfile *t, char *text, size_t length)
{
	pthread_mutex_lock(&t->lock); /* never held during a system call */
	free(t->text);
	t->text = text;
	t->length = length;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void sl_textfile_close(struct sl_textfile *t)
{
	struct timespec until;
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->end = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (pthread_timedjoin_np(t->thread, NULL, &until) != 0)
		return; /* it is still in a system call: its memory stays */
	free(t->text);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
