#include "daemon/run/trainer/door.h"

#include "daemon/run/clock.h"
#include "daemon/run/threads.h"
#include "daemon/run/trainer/shared.h"
#include "linalg/blocks.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS = 32,
	METRICS = 256,
	TIMES = 31,
	LOOK_MS = 1000,
	SLOW_LEAST_US = 1000000,
	SLOW_DEVIATIONS = 10,
	BAD_MOST = 2
};

enum phase { ABSENT, GREETING, GETTING_READY, READY, BUSY };

/* How long the newest tasks of a kind took. */
struct pace {
	int64_t took_us[TIMES];
	unsigned times;
};

struct sl_door {
	char *name; /* as in the setup */
	struct sl_door_setup setup;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int folder, listener, nudge; /* nudge: eventfd that wakes the thread */
	bool stopping;

	/* the trainer at hand: all under the lock, but the vectors, which are the caller's while phase is READY and a
	 * task is there, and the trainer's while it is BUSY */
	enum phase phase;
	int connection;
	struct sl_shared vectors, hello;
	int pid;
	uint32_t can;

	/* the task at hand */
	const struct sl_guest_task *task;
	const float *in;
	uint64_t epoch;
	uint32_t attempt;
	bool answered;
	struct sl_trainer_message answer;
	struct sl_time since, absent_since;
	bool said_slow;

	float *spare; /* an answer before it is checked, where the result replaces the parameters */
	double last_loss;
	struct pace pace[SL_GUEST_KINDS]; /* evaluations take longer than steps */
	struct sl_door_event event[EVENTS];
	unsigned first, events;
	struct sl_metric_row metric[METRICS];
	unsigned first_metric, metrics;
	struct sl_door_status last_status; /* of the thread that asks */
};

/* ---- what there is to tell ---- */

static void wake(const struct sl_door *d)
{
	if (d->setup.wake >= 0)
		eventfd_write(d->setup.wake, 1);
}

__attribute__((format(printf, 4, 5))) static void tell(struct sl_door *d, enum sl_level level,
                                                       const char *kind, const char *format, ...)
{
	va_list arguments;
	if (d->events == EVENTS) { /* the oldest goes */
		d->first = (d->first + 1) % EVENTS;
		d->events--;
	}
	struct sl_door_event *e = &d->event[(d->first + d->events++) % EVENTS];
	e->level = level;
	snprintf(e->kind, sizeof e->kind, "%s", kind);
	va_start(arguments, format);
	vsnprintf(e->text, sizeof e->text, format, arguments);
	va_end(arguments);
	wake(d);
}

bool sl_door_event(struct sl_door *d, struct sl_door_event *out)
{
	if (pthread_mutex_trylock(&d->lock) != 0) {
		wake(d); /* later */
		return false;
	}
	bool any = d->events > 0;
	if (any) {
		*out = d->event[d->first];
		d->first = (d->first + 1) % EVENTS;
		d->events--;
	}
	pthread_mutex_unlock(&d->lock);
	return any;
}

bool sl_door_metric(struct sl_door *d, struct sl_metric_row *out)
{
	if (pthread_mutex_trylock(&d->lock) != 0) {
		wake(d);
		return false;
	}
	bool any = d->metrics > 0;
	if (any) {
		*out = d->metric[d->first_metric];
		d->first_metric = (d->first_metric + 1) % METRICS;
		d->metrics--;
	}
	pthread_mutex_unlock(&d->lock);
	return any;
}

static void keep_metrics(struct sl_door *d, const struct sl_guest_task *task)
{
	for (unsigned i = 0; i < task->metrics && d->metrics < METRICS; i++) {
		struct sl_metric_row *row = &d->metric[(d->first_metric + d->metrics++) % METRICS];
		*row = (struct sl_metric_row){ .peer = task->peer,
			                       .round = task->round,
			                       .value = task->metric[i].value };
		memcpy(row->name, task->metric[i].name, sizeof row->name);
	}
	if (task->metrics)
		wake(d);
}

/* ---- the trainer's pace ---- */

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int64_t median(const int64_t *values, unsigned count)
{
	int64_t sorted[TIMES] = { 0 };
	memcpy(sorted, values, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, ascending);
	return sorted[count / 2];
}

static void measure(const struct pace *p, int64_t *middle, int64_t *deviation)
{
	int64_t off[TIMES] = { 0 };
	unsigned count = p->times < TIMES ? p->times : TIMES;
	*middle = count ? median(p->took_us, count) : -1;
	for (unsigned i = 0; i < count; i++)
		off[i] = llabs(p->took_us[i] - *middle);
	*deviation = count ? median(off, count) : 0;
}

/* A slow trainer is reported, and left alone: nobody knows better than its owner how long a task may take. */
static void look_at_pace(struct sl_door *d)
{
	int64_t middle, deviation, took = sl_clock().us - d->since.us;
	if (d->phase != BUSY || d->said_slow || d->pace[d->task->kind].times < 8)
		return;
	measure(&d->pace[d->task->kind], &middle, &deviation);
	if (took < middle + SLOW_DEVIATIONS * deviation + SLOW_LEAST_US)
		return;
	d->said_slow = true;
	tell(d, SL_LEVEL_WARNING, "trainer-slow",
	     "the trainer (pid %d) has worked on round %u for %.1f s; its median is %.3f s", d->pid,
	     d->task->round, (double)took / 1e6, (double)middle / 1e6);
}

/* ---- the connection ---- */

static bool transmit(int fd, const struct sl_trainer_message *m, int descriptor)
{
	uint8_t bytes[SL_TRAINER_BYTES];
	return sl_shared_send(fd, bytes, sl_trainer_encode(m, bytes), descriptor);
}

static void refuse(struct sl_door *d, int fd, const char *why)
{
	struct sl_trainer_message m = { .kind = SL_TRAINER_REFUSED };
	snprintf(m.text, sizeof m.text, "%s", why);
	transmit(fd, &m, -1);
	tell(d, SL_LEVEL_WARNING, "trainer-refused", "%s", why);
}

/* The trainer has gone, or is sent away. */
static void part(struct sl_door *d)
{
	close(d->connection);
	d->connection = -1; /* the vectors stay: an answer may still lie in them */
	d->phase = ABSENT;
	d->absent_since = sl_clock();
	pthread_cond_broadcast(&d->changed);
	wake(d);
}

static void refuse_and_part(struct sl_door *d, const char *why)
{
	refuse(d, d->connection, why);
	part(d);
}

static void lost(struct sl_door *d)
{
	static const char *const when[] = { "", "before it said who it is", "before it was ready",
		                            "between two tasks", "in the middle of a task" };
	if (!d->stopping)
		tell(d, SL_LEVEL_WARNING, "trainer-lost", "the trainer (pid %d) ended %s%s", d->pid,
		     when[d->phase], d->setup.relay ? "" : "; waiting for the next one");
	part(d);
}

static void arrive(struct sl_door *d)
{
	char why[200];
	struct ucred who = { 0 };
	socklen_t size = sizeof who;
	if (d->task && d->answered)
		return; /* first the answer is taken out of the vectors of the last trainer */
	int fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	if (who.uid != geteuid() && who.uid != 0) {
		snprintf(why, sizeof why, "user %u may not train for this peer, which is of user %u",
		         (unsigned)who.uid, (unsigned)geteuid());
		refuse(d, fd, why);
		close(fd);
		return;
	}
	if (d->phase != ABSENT) {
		snprintf(why, sizeof why, "pid %d: another trainer (pid %d) is attached already",
		         (int)who.pid, d->pid);
		refuse(d, fd, why);
		close(fd);
		return;
	}
	d->connection = fd;
	d->pid = who.pid;
	d->phase = GREETING;
}

/* NULL: its start fits. Else why not. */
static const char *look_at_start(struct sl_door *d, int descriptor, char text[static 512])
{
	struct sl_start theirs;
	struct sl_error error;
	sl_shared_free(&d->hello);
	const char *wrong = sl_shared_take(&d->hello, descriptor);
	if (wrong)
		return wrong;
	if (!d->setup.start)
		return NULL; /* who asked for it looks at it */
	if (sl_start_read(&theirs, d->hello.bytes, d->hello.length, NULL, 0, &error) != SL_OK)
		snprintf(text, 512, "its start: %.400s", error.text);
	else if (sl_start_fits(d->setup.start, &theirs, text, 512))
		text[0] = '\0';
	sl_shared_free(&d->hello);
	return text[0] ? text : NULL;
}

static void accept_trainer(struct sl_door *d)
{
	struct sl_error error;
	const struct sl_door_setup *s = &d->setup;
	size_t vector = 4 * (size_t)s->start->dimension, at = (vector + 63) / 64 * 64;
	sl_shared_free(&d->vectors);
	if (sl_shared_make(&d->vectors, s->steps ? vector : at + vector, &error) != SL_OK) {
		refuse_and_part(d, error.text);
		return;
	}
	struct sl_trainer_message m = { .kind = SL_TRAINER_ACCEPTED,
		                        .peer = s->peer,
		                        .peers = s->peers,
		                        .run = s->run,
		                        .length = d->vectors.length,
		                        .dimension = s->start->dimension,
		                        .answer = s->steps ? 0 : at };
	d->phase = GETTING_READY;
	if (!transmit(d->connection, &m, d->vectors.descriptor))
		lost(d);
}

static void hello(struct sl_door *d, const struct sl_trainer_message *m, int descriptor)
{
	char text[512] = "";
	uint32_t needed = d->setup.steps ? SL_TRAINER_STEPS : SL_TRAINER_GRADIENT;
	if (m->protocol != SL_TRAINER_PROTOCOL) {
		snprintf(text, sizeof text, "it speaks protocol %u, and this starling %d", m->protocol,
		         SL_TRAINER_PROTOCOL);
		refuse_and_part(d, text);
		return;
	}
	const char *wrong = look_at_start(d, descriptor, text);
	if (!wrong && d->setup.start && !(m->can & needed))
		wrong = d->setup.steps ? "it makes no steps of its own, and [model] name = trainer:steps"
		                       : "it computes no gradients, and [model] name = trainer:gradient";
	d->can = m->can;
	if (wrong)
		refuse_and_part(d, wrong);
	else if (d->setup.start)
		accept_trainer(d);
	pthread_cond_broadcast(&d->changed);
}

/* An answer to another task than that at hand is late: of an earlier attempt, or of an earlier start of this peer. */
static void result(struct sl_door *d, const struct sl_trainer_message *m)
{
	if (d->phase != BUSY || !d->task || m->epoch != d->epoch || m->round != d->task->round ||
	    m->attempt != d->attempt || m->task != d->task->kind) {
		tell(d, SL_LEVEL_WARNING, "trainer-late",
		     "refused an answer to round %" PRIu64
		     ", attempt %u: the task at hand is round %u, attempt %u",
		     m->round, m->attempt, d->task ? d->task->round : 0, d->attempt);
		return;
	}
	struct pace *p = &d->pace[m->task];
	p->took_us[p->times++ % TIMES] = sl_clock().us - d->since.us;
	d->answer = *m;
	d->answered = true;
	d->phase = READY;
	pthread_cond_broadcast(&d->changed);
}

static void saved(struct sl_door *d, const struct sl_trainer_message *m)
{
	char hex[17];
	snprintf(hex, sizeof hex, "%02x%02x%02x%02x%02x%02x%02x%02x", m->digest[0], m->digest[1],
	         m->digest[2], m->digest[3], m->digest[4], m->digest[5], m->digest[6], m->digest[7]);
	tell(d, SL_LEVEL_INFO, "trainer-saved", "round %" PRIu64 ", digest %s", m->round, hex);
}

static void take(struct sl_door *d, const struct sl_trainer_message *m, int descriptor)
{
	if (m->kind == SL_TRAINER_HELLO && d->phase == GREETING) {
		hello(d, m, descriptor);
	} else if (m->kind == SL_TRAINER_READY && d->phase == GETTING_READY) {
		d->phase = READY;
		tell(d, SL_LEVEL_NOTICE, "trainer-attached", "the trainer (pid %d) is ready", d->pid);
		pthread_cond_broadcast(&d->changed);
	} else if (m->kind == SL_TRAINER_RESULT && d->phase >= READY) {
		result(d, m);
	} else if (m->kind == SL_TRAINER_SAVED && d->phase >= READY) {
		saved(d, m);
	} else {
		refuse_and_part(d, "a message out of turn");
	}
}

static void listen_to(struct sl_door *d)
{
	uint8_t bytes[SL_TRAINER_BYTES + 1];
	struct sl_trainer_message m;
	char text[256];
	int descriptor;
	ssize_t n = sl_shared_receive(d->connection, bytes, sizeof bytes, &descriptor);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		lost(d);
		return;
	}
	if (n < 0)
		return;
	const char *wrong = sl_trainer_decode(&m, bytes, (size_t)n);
	if (wrong) {
		snprintf(text, sizeof text, "a message of %zd bytes: %s", n, wrong);
		refuse_and_part(d, text);
	} else {
		take(d, &m, descriptor);
	}
	if (descriptor >= 0)
		close(descriptor);
}

/* ---- the thread ---- */

static void *serve(void *context)
{
	struct sl_door *d = context;
	eventfd_t nudges;
	pthread_mutex_lock(&d->lock);
	while (!d->stopping) {
		struct pollfd items[3] = { { d->nudge, POLLIN, 0 },
			                   { d->listener, POLLIN, 0 },
			                   { d->connection, POLLIN, 0 } };
		pthread_mutex_unlock(&d->lock);
		int ready = poll(items, 3, LOOK_MS);
		pthread_mutex_lock(&d->lock);
		look_at_pace(d);
		if (ready <= 0)
			continue;
		if (items[0].revents)
			eventfd_read(d->nudge, &nudges);
		if (items[2].revents && d->connection == items[2].fd && d->connection >= 0)
			listen_to(d);
		if (items[1].revents)
			arrive(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static enum sl_status start_thread(struct sl_door *d, struct sl_error *error)
{
	int failure = sl_thread_start(&d->thread, serve, d);
	return failure ? sl_fail(error, SL_IO, "no thread for the trainer: %s", strerror(failure)) : SL_OK;
}

struct sl_door *sl_door_open(const struct sl_door_setup *setup, struct sl_error *error)
{
	pthread_condattr_t attributes;
	struct sl_door *d = calloc(1, sizeof *d);
	if (!d) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a trainer");
		return NULL;
	}
	d->setup = *setup;
	d->setup.name = d->name = strdup(setup->name);
	d->connection = d->listener = d->folder = d->vectors.descriptor = d->hello.descriptor = -1;
	d->nudge = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->absent_since = sl_clock();
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&d->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	enum sl_status status = SL_OK;
	if (!d->name)
		status = sl_fail(error, SL_NO_MEMORY, "no memory for the name of a trainer's socket");
	else if (getrandom(&d->epoch, sizeof d->epoch, 0) != sizeof d->epoch || d->nudge < 0)
		status = sl_fail(error, SL_IO, "no descriptor for a trainer: %s", strerror(errno));
	if (status == SL_OK && setup->steps && setup->start) {
		d->spare = malloc(4 * (size_t)setup->start->dimension);
		if (!d->spare)
			status = sl_fail(error, SL_NO_MEMORY, "no memory for a vector of the trainer");
	}
	if (status == SL_OK)
		status = sl_shared_listen(setup->folder, setup->name, &d->folder, &d->listener, error);
	if (status == SL_OK)
		status = start_thread(d, error);
	if (status == SL_OK)
		return d;
	d->stopping = true;
	sl_door_close(d);
	return NULL;
}

void sl_door_stop(struct sl_door *d)
{
	struct sl_trainer_message m = { .kind = SL_TRAINER_STOP };
	pthread_mutex_lock(&d->lock);
	if (!d->stopping && d->connection >= 0)
		transmit(d->connection, &m, -1);
	d->stopping = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	eventfd_write(d->nudge, 1);
}

void sl_door_close(struct sl_door *d)
{
	if (!d)
		return;
	sl_door_stop(d);
	if (d->thread)
		pthread_join(d->thread, NULL);
	if (d->connection >= 0)
		close(d->connection);
	if (d->listener >= 0) {
		unlinkat(d->folder, d->setup.name, 0);
		close(d->listener);
	}
	if (d->folder >= 0)
		close(d->folder);
	if (d->nudge >= 0)
		close(d->nudge);
	sl_shared_free(&d->vectors);
	sl_shared_free(&d->hello);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
	free(d->spare);
	free(d->name);
	free(d);
}

/* ---- calls ---- */

static void copy_vector(const struct sl_door *d, const void *from, void *to)
{
	sl_blocks_copy(d->setup.parallel, d->setup.start->dimension, from, to);
}

/* One attempt: hands the task over and waits. False: the trainer ended, or the door was stopped. Under the lock. */
static bool attempt(struct sl_door *d, const struct sl_guest_task *task)
{
	struct sl_trainer_message m = { .kind = SL_TRAINER_TASK,
		                        .peer = task->peer,
		                        .epoch = d->epoch,
		                        .round = task->round,
		                        .attempt = ++d->attempt,
		                        .task = task->kind,
		                        .steps = task->steps,
		                        .batch = task->batch,
		                        .seed = task->seed,
		                        .eta = task->eta };
	copy_vector(d, d->in, d->vectors.bytes);
	d->answered = false;
	d->said_slow = false;
	d->since = sl_clock();
	d->phase = BUSY;
	if (!transmit(d->connection, &m, -1)) {
		lost(d);
		return false;
	}
	while (!d->stopping && d->phase == BUSY)
		pthread_cond_wait(&d->changed, &d->lock);
	return d->answered;
}

/* Waits for a trainer that is ready. False: there will be none. */
static bool await(struct sl_door *d)
{
	while (!d->stopping && d->phase != READY) {
		if (d->setup.relay && d->phase == ABSENT)
			return false;
		pthread_cond_wait(&d->changed, &d->lock);
	}
	return !d->stopping;
}

/* NULL: good. Else what is wrong with an answer of which this is the copy. */
static const char *wrong_with(const struct sl_door *d, const float *v)
{
	uint32_t dimension = v ? d->setup.start->dimension : 0;
	bool finite = (isfinite(d->answer.loss) || d->task->kind == SL_GUEST_EVALUATE) &&
	              sl_blocks_finite(d->setup.parallel, dimension, v),
	     small = finite && (double)sl_blocks_largest(d->setup.parallel, dimension, v) <= d->setup.limit;
	return !finite ? "it is not finite" : !small ? "it has a coordinate over limits.value" : NULL;
}

static void take_answer(struct sl_door *d, struct sl_guest_task *task, const float *copy, float *out)
{
	if (out && copy && copy != out)
		copy_vector(d, copy, out);
	task->loss = d->answer.loss;
	task->accuracy = d->answer.accuracy;
	task->samples = d->answer.samples;
	task->metrics = d->answer.metrics;
	memcpy(task->metric, d->answer.metric, sizeof task->metric);
	keep_metrics(d, task);
	if (task->kind != SL_GUEST_EVALUATE)
		d->last_loss = task->loss;
}

/* Copies first, then checks, then uses: the trainer can write to what is shared at any time. The vectors stay: only
 * the thread frees them, when the trainer parts, and it is locked out. */
static bool ask(struct sl_door *d, struct sl_guest_task *task, float *out)
{
	bool steps = task->kind == SL_GUEST_STEPS, any = task->kind != SL_GUEST_EVALUATE;
	size_t bytes = 4 * (size_t)d->setup.start->dimension, at = steps ? 0 : (bytes + 63) / 64 * 64;
	for (unsigned bad = 0; await(d);) {
		if (!any && !(d->can & SL_TRAINER_EVALUATE))
			return false;
		if (!attempt(d, task))
			continue;
		float *copy = !any ? NULL : steps ? d->spare : out;
		if (any)
			copy_vector(d, d->vectors.bytes + at, copy);
		const char *wrong = wrong_with(d, copy);
		if (wrong)
			tell(d, SL_LEVEL_WARNING, "trainer-answer",
			     "refused the answer to round %u, attempt %u: %s%s", task->round, d->attempt,
			     wrong,
			     bad + 1 < BAD_MOST ? "; the same task again"
			                        : " again, and it is taken as it is");
		d->answered = false;
		if (wrong && ++bad < BAD_MOST)
			continue;
		take_answer(d, task, copy, out);
		return true;
	}
	return false;
}

bool sl_door_call(void *door, struct sl_guest_task *task, const float *in, float *out)
{
	struct sl_door *d = door;
	pthread_mutex_lock(&d->lock);
	d->task = task;
	d->in = in;
	d->attempt = 0;
	d->epoch++;
	task->metrics = 0;
	bool answered = ask(d, task, out);
	if (!answered) { /* nothing was learnt: no gradient, no step */
		task->loss = d->stopping || task->kind == SL_GUEST_EVALUATE ? (double)NAN : d->last_loss;
		task->accuracy = (double)NAN;
		if (task->kind == SL_GUEST_GRADIENT)
			memset(out, 0, 4 * (size_t)d->setup.start->dimension);
	}
	d->task = NULL;
	pthread_mutex_unlock(&d->lock);
	return answered;
}

void sl_door_checkpoint(struct sl_door *d, uint64_t round)
{
	struct sl_trainer_message m = { .kind = SL_TRAINER_CHECKPOINT, .round = round };
	pthread_mutex_lock(&d->lock);
	if (d->phase >= READY && (d->can & SL_TRAINER_KEEPS))
		transmit(d->connection, &m, -1);
	pthread_mutex_unlock(&d->lock);
}

void sl_door_status(struct sl_door *d, struct sl_door_status *out)
{
	int64_t deviation;
	if (pthread_mutex_trylock(&d->lock) != 0) { /* vectors are being copied: as it was */
		*out = d->last_status;
		return;
	}
	*out = (struct sl_door_status){ .attached = d->phase > GREETING,
		                        .ready = d->phase >= READY,
		                        .busy = d->phase == BUSY,
		                        .pid = d->pid,
		                        .attempts = d->task ? d->attempt : 0,
		                        .since_us = sl_clock().us -
		                                    (d->phase == BUSY ? d->since.us : d->absent_since.us) };
	measure(&d->pace[d->pace[SL_GUEST_STEPS].times ? SL_GUEST_STEPS : SL_GUEST_GRADIENT], &out->median_us,
	        &deviation);
	d->last_status = *out;
	pthread_mutex_unlock(&d->lock);
}

bool sl_door_hello(struct sl_door *d, int timeout_ms, const uint8_t **bytes, size_t *length)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&d->lock);
	while (!d->stopping && !d->hello.bytes)
		if (pthread_cond_timedwait(&d->changed, &d->lock, &until) == ETIMEDOUT)
			break;
	bool there = d->hello.bytes != NULL;
	*bytes = d->hello.bytes;
	*length = d->hello.length;
	pthread_mutex_unlock(&d->lock);
	return there;
}

uint32_t sl_door_can(struct sl_door *d)
{
	pthread_mutex_lock(&d->lock);
	uint32_t can = d->can;
	pthread_mutex_unlock(&d->lock);
	return can;
}
