#include "daemon/peer/net/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Names that hang, each for as long as getaddrinfo has patience, before others wait behind them. */
enum { THREADS_MOST = 8, STACK_BYTES = 1 << 20 };

struct question {
	struct question *next;
	struct sl_resolved answer;
};

struct queue {
	struct question *first, **end;
};

struct sl_resolver {
	pthread_mutex_t lock; /* over all that follows */
	struct queue asked, answered;
	unsigned threads;
	bool closed; /* the last thread frees */
	int wake;
};

static void put(struct queue *q, struct question *one)
{
	one->next = NULL;
	*q->end = one;
	q->end = &one->next;
}

static struct question *take(struct queue *q)
{
	struct question *one = q->first;
	if (one && !(q->first = one->next))
		q->end = &q->first;
	return one;
}

static void release(struct sl_resolver *r)
{
	for (struct question *one; (one = take(&r->asked)) || (one = take(&r->answered));)
		free(one);
	pthread_mutex_destroy(&r->lock);
	close(r->wake);
	free(r);
}

static bool listed(const struct sl_resolved *a, const struct sl_address *address)
{
	for (unsigned i = 0; i < a->count; i++)
		if (strcmp(a->address[i].text, address->text) == 0)
			return true;
	return false;
}

static void look_up(struct sl_resolved *a)
{
	struct addrinfo *found = NULL, hints = { .ai_socktype = SOCK_STREAM };
	struct sl_address address;
	int failure = getaddrinfo(a->name, NULL, &hints, &found);
	for (struct addrinfo *at = found; at && a->count < SL_RESOLVED_MAX; at = at->ai_next)
		if (sl_address_of(&address, at->ai_addr) && !listed(a, &address))
			a->address[a->count++] = address;
	if (!a->count)
		snprintf(a->reason, sizeof a->reason, "%s",
		         failure == EAI_SYSTEM ? strerror(errno)
		         : failure             ? gai_strerror(failure)
		                               : "it has no address");
	if (found)
		freeaddrinfo(found);
}

/* Answers while there are questions, then ends. */
static void *work(void *context)
{
	struct sl_resolver *r = context;
	struct question *one;
	pthread_mutex_lock(&r->lock);
	while (!r->closed && (one = take(&r->asked))) {
		pthread_mutex_unlock(&r->lock);
		look_up(&one->answer);
		pthread_mutex_lock(&r->lock);
		put(&r->answered, one);
		eventfd_write(r->wake, 1);
	}
	bool last = --r->threads == 0 && r->closed;
	pthread_mutex_unlock(&r->lock);
	if (last)
		release(r);
	return NULL;
}

struct sl_resolver *sl_resolver_open(struct sl_error *error)
{
	struct sl_resolver *r = calloc(1, sizeof *r);
	int wake = r ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	if (wake < 0) {
		sl_fail(error, r ? SL_IO : SL_NO_MEMORY, "cannot look up names: %s", strerror(errno));
		free(r);
		return NULL;
	}
	r->wake = wake;
	r->asked.end = &r->asked.first;
	r->answered.end = &r->answered.first;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

int sl_resolver_descriptor(const struct sl_resolver *r)
{
	return r->wake;
}

static bool start_thread(struct sl_resolver *r)
{
	pthread_t thread;
	pthread_attr_t how;
	pthread_attr_init(&how);
	pthread_attr_setstacksize(&how, STACK_BYTES);
	pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
	bool good = pthread_create(&thread, &how, work, r) == 0;
	pthread_attr_destroy(&how);
	r->threads += good;
	return good;
}

bool sl_resolver_ask(struct sl_resolver *r, const char *name, uint32_t tag)
{
	struct question *one = calloc(1, sizeof *one);
	if (!one)
		return false;
	one->answer.tag = tag;
	snprintf(one->answer.name, sizeof one->answer.name, "%s", name);
	pthread_mutex_lock(&r->lock);
	put(&r->asked, one);
	if (r->threads < THREADS_MOST && !start_thread(r) && r->threads == 0) {
		one = take(&r->asked); /* nobody else is there to take it */
		snprintf(one->answer.reason, sizeof one->answer.reason, "cannot start a thread for it");
		put(&r->answered, one);
		eventfd_write(r->wake, 1);
	}
	pthread_mutex_unlock(&r->lock);
	return true;
}

bool sl_resolver_take(struct sl_resolver *r, struct sl_resolved *out)
{
	eventfd_t count;
	pthread_mutex_lock(&r->lock);
	eventfd_read(r->wake, &count);
	struct question *one = take(&r->answered);
	if (r->answered.first)
		eventfd_write(r->wake, 1);
	pthread_mutex_unlock(&r->lock);
	if (!one)
		return false;
	*out = one->answer;
	free(one);
	return true;
}

void sl_resolver_close(struct sl_resolver *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	bool last = r->threads == 0;
	pthread_mutex_unlock(&r->lock);
	if (last)
		release(r);
}
