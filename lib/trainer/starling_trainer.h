/* starling_trainer.h — a trainer in C or C++, without a library: include this header in one file. Linux, little-endian.
 * The protocol is in PROTOCOL.md.
 *
 *	static float w[784 * 10], b[10];                         // the start
 *	struct starling_tensor tensors[] = {
 *		{ .name = "w", .rank = 2, .shape = { 784, 10 }, .start = w },
 *		{ .name = "b", .rank = 1, .shape = { 10 }, .start = b, .unpenalised = 1 },
 *	};
 *	struct starling_peer peer;
 *	struct starling_task task;
 *	if (starling_attach(&peer, NULL, tensors, 2, STARLING_STEPS) != 0)
 *		return fprintf(stderr, "%s\n", peer.error), 1;
 *	while (starling_next(&peer, &task) == 1) {
 *		double loss = train(task.x, task.steps, task.seed);  // changes task.x in place
 *		starling_done(&peer, &task, loss, NAN, samples, NULL, 0);
 *	}
 *	starling_close(&peer);
 *
 * Functions return 0 (starling_next: 1 with a task, 0 at the end of the run) or −1, with peer.error in words. */
#ifndef STARLING_TRAINER_H
#define STARLING_TRAINER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Abilities. */
enum { STARLING_GRADIENT = 1, STARLING_STEPS = 2, STARLING_EVALUATE = 4, STARLING_KEEPS = 8 };
/* Kinds of task. */
enum { STARLING_TASK_STEPS = 1, STARLING_TASK_GRADIENT = 2, STARLING_TASK_EVALUATE = 3 };
enum { STARLING_RANK_MAX = 8, STARLING_METRICS_MAX = 32, STARLING_PATIENCE_S = 60 };

/* A tensor of the model. start: its values, row-major; NULL for frozen ones. */
struct starling_tensor {
	const char *name;
	uint32_t rank, shape[STARLING_RANK_MAX];
	const float *start;
	int unpenalised; /* the peer's penalty leaves it alone */
	int frozen;      /* not learnt: `digest` stands for its contents */
	uint8_t digest[16];
};

struct starling_metric {
	const char *name;
	double value;
};

struct starling_task {
	int kind; /* STARLING_TASK_… */
	uint32_t peer, steps, attempt;
	uint64_t epoch, round;
	uint64_t batch; /* UINT64_MAX: all of the peer's data */
	uint64_t seed;
	double eta;
	float *x; /* all tensors in their order, `dimension` floats; of steps: change them in place */
	float *g; /* of gradients: to be filled; else NULL */
};

struct starling_peer {
	uint32_t number, peers; /* number UINT32_MAX: tasks say whose they are */
	uint64_t dimension;
	char error[512];
	/* Called when the peer writes a checkpoint (ability KEEPS): store what is needed to go on, fill in its digest. */
	void (*save)(void *context, uint64_t round, uint8_t digest[32]);
	void *context;
	/* private */
	char path[4096];
	const struct starling_tensor *tensors;
	uint32_t count, can;
	int fd, stopped;
	uint8_t *memory;
	uint64_t length, parameters, answer;
};

static inline void starling_put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline void starling_put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline uint32_t starling_get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t starling_get64(const uint8_t *p)
{
	return starling_get32(p) | (uint64_t)starling_get32(p + 4) << 32;
}

static inline void starling_put_real(uint8_t *p, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	starling_put64(p, bits);
}

static inline int starling_fail(struct starling_peer *p, const char *what)
{
	snprintf(p->error, sizeof p->error, "%.380s: %.100s", what, strerror(errno));
	return -1;
}

static inline uint64_t starling_size(const struct starling_tensor *t)
{
	uint64_t size = 1;
	for (uint32_t i = 0; i < t->rank; i++)
		size *= t->shape[i];
	return size;
}

static inline int starling_write_all(int fd, const void *bytes, size_t length)
{
	const char *at = (const char *)bytes;
	while (length > 0) {
		ssize_t n = write(fd, at, length);
		if (n <= 0)
			return -1;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

/* The list of tensors behind the head; returns its length (out NULL: only that). */
static inline size_t starling_list(const struct starling_peer *p, uint8_t *out)
{
	size_t at = 0;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct starling_tensor *t = &p->tensors[i];
		size_t name = strlen(t->name) + 1;
		if (out) {
			uint8_t *e = out + at;
			e[0] = t->frozen ? 2 : 0;
			e[1] = 0;
			e[2] = t->unpenalised ? 1 : 0;
			e[3] = (uint8_t)t->rank;
			for (uint32_t k = 0; k < t->rank; k++)
				starling_put32(e + 4 + 4 * k, t->shape[k]);
			if (t->frozen)
				memcpy(e + 4 + 4 * t->rank, t->digest, 16);
			e[20 + 4 * t->rank] = (uint8_t)name;
			e[21 + 4 * t->rank] = (uint8_t)(name >> 8);
			memcpy(e + 22 + 4 * t->rank, t->name, name);
		}
		at += 22 + 4 * t->rank + name;
	}
	return at;
}

/* The start as sealed memory; −1: errno says why. */
static inline int starling_start(struct starling_peer *p)
{
	size_t list = starling_list(p, NULL), values = (32 + list + 63) / 64 * 64;
	uint8_t *head = (uint8_t *)calloc(1, values);
	int fd = (int)syscall(SYS_memfd_create, "starling-start", 3u /* CLOEXEC, ALLOW_SEALING */);
	int good = head && fd >= 0;
	p->dimension = 0;
	if (good) {
		memcpy(head, "SLstart\n", 8);
		starling_put32(head + 8, 1);
		starling_put32(head + 12, p->count);
		starling_put64(head + 16, list);
		starling_put64(head + 24, values);
		starling_list(p, head + 32);
		good = starling_write_all(fd, head, values) == 0;
	}
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->tensors[i].frozen)
			continue;
		uint64_t size = starling_size(&p->tensors[i]);
		p->dimension += size;
		good = good && starling_write_all(fd, p->tensors[i].start, 4 * (size_t)size) == 0;
	}
	free(head);
	if (good && fcntl(fd, 1033 /* F_ADD_SEALS */, 2 | 4 | 8) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static inline int starling_say_hello(struct starling_peer *p)
{
	uint8_t hello[12];
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { hello, sizeof hello };
	struct msghdr m;
	int start = starling_start(p);
	if (start < 0)
		return starling_fail(p, "the start");
	starling_put32(hello, 1);
	starling_put32(hello + 4, 1);
	starling_put32(hello + 8, p->can);
	memset(&m, 0, sizeof m);
	m.msg_iov = &part;
	m.msg_iovlen = 1;
	m.msg_control = control;
	m.msg_controllen = sizeof control;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &start, sizeof start);
	(void)!sendmsg(p->fd, &m, MSG_NOSIGNAL); /* where it fails, the reason can be read */
	close(start);
	return 0;
}

/* One message; the descriptor that came with it, or −1. Returns its length, 0 at the end of the connection. */
static inline ssize_t starling_receive(struct starling_peer *p, uint8_t *bytes, size_t room, int *descriptor)
{
	char control[CMSG_SPACE(sizeof(int))];
	for (int tries = 0;; tries++) {
		struct iovec part = { bytes, room };
		struct msghdr m;
		memset(&m, 0, sizeof m);
		m.msg_iov = &part;
		m.msg_iovlen = 1;
		m.msg_control = control;
		m.msg_controllen = sizeof control;
		*descriptor = -1;
		ssize_t n = recvmsg(p->fd, &m, MSG_CMSG_CLOEXEC);
		if (n < 0 && (errno == EINTR || (errno == ECONNRESET && tries == 0)))
			continue; /* the reason may still be there to be read */
		for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
				memcpy(descriptor, CMSG_DATA(c), sizeof *descriptor);
		return n < 0 ? 0 : n;
	}
}

static inline void starling_drop(struct starling_peer *p)
{
	if (p->memory)
		munmap(p->memory, p->length);
	if (p->fd >= 0)
		close(p->fd);
	p->memory = NULL;
	p->fd = -1;
}

/* Connects the socket. 1: nobody is there yet. */
static inline int starling_connect(struct starling_peer *p)
{
	struct sockaddr_un to;
	char folder[4096];
	snprintf(folder, sizeof folder, "%s", p->path);
	char *slash = strrchr(folder, '/');
	const char *name = slash ? slash + 1 : folder;
	if (slash)
		*slash = '\0';
	int at = open(slash ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return 1;
	memset(&to, 0, sizeof to);
	to.sun_family = AF_UNIX;
	snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/%.80s", at, name);
	p->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int failed = p->fd < 0 || connect(p->fd, (const struct sockaddr *)&to, sizeof to) != 0;
	int why = errno;
	close(at);
	if (!failed)
		return 0;
	starling_drop(p);
	errno = why;
	return why == ENOENT || why == ECONNREFUSED ? 1 : starling_fail(p, p->path);
}

/* From HELLO to READY. 1: the peer has gone again. */
static inline int starling_greet(struct starling_peer *p)
{
	uint8_t m[2048], ready[4];
	int descriptor;
	if (starling_say_hello(p) != 0)
		return -1;
	ssize_t n = starling_receive(p, m, sizeof m, &descriptor);
	uint32_t kind = n >= 4 ? starling_get32(m) : 0;
	if (kind == 9) {
		p->stopped = 1;
		return 0;
	}
	if (kind == 3) {
		snprintf(p->error, sizeof p->error, "%.*s", (int)(n - 4 < 500 ? n - 4 : 500),
		         (const char *)m + 4);
		return -1;
	}
	if (kind != 2 || n != 52 || descriptor < 0)
		return n == 0 ? 1 : starling_fail(p, "an answer that is not of this protocol");
	p->number = starling_get32(m + 4);
	p->peers = starling_get32(m + 8);
	p->length = starling_get64(m + 20);
	p->parameters = starling_get64(m + 36);
	p->answer = starling_get64(m + 44);
	void *memory = mmap(NULL, p->length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	close(descriptor);
	if (memory == MAP_FAILED)
		return starling_fail(p, "the shared vectors");
	p->memory = (uint8_t *)memory;
	starling_put32(ready, 4);
	(void)!send(p->fd, ready, sizeof ready, MSG_NOSIGNAL);
	return 0;
}

/* The peer may not be there yet, or be on its way back. */
static inline int starling_connect_in_time(struct starling_peer *p)
{
	struct timespec pause = { 0, 50000000 };
	for (int tries = 0; tries < STARLING_PATIENCE_S * 20; tries++) {
		int code = starling_connect(p);
		if (code == 0)
			code = starling_greet(p);
		if (code <= 0) {
			if (code < 0)
				starling_drop(p);
			return code;
		}
		starling_drop(p);
		nanosleep(&pause, NULL);
	}
	snprintf(p->error, sizeof p->error, "no peer at %.400s", p->path);
	return -1;
}

/* Attaches. path NULL: $STARLING_TRAINER. The tensors are borrowed until the end. Set peer->save (and ability KEEPS)
 * afterwards, before starling_next. */
static inline int starling_attach(struct starling_peer *p, const char *path,
                                  const struct starling_tensor *tensors, uint32_t count, uint32_t abilities)
{
	memset(p, 0, sizeof *p);
	p->fd = -1;
	p->tensors = tensors;
	p->count = count;
	p->can = abilities;
	path = path ? path : getenv("STARLING_TRAINER");
	if (!path || strlen(path) >= sizeof p->path) {
		snprintf(p->error, sizeof p->error, "which peer? STARLING_TRAINER is not set");
		return -1;
	}
	memcpy(p->path, path, strlen(path) + 1);
	return starling_connect_in_time(p);
}

static inline void starling_checkpoint(struct starling_peer *p, uint64_t round)
{
	uint8_t m[44] = { 0 };
	starling_put32(m, 8);
	starling_put64(m + 4, round);
	if (p->save)
		p->save(p->context, round, m + 12);
	(void)!send(p->fd, m, sizeof m, MSG_NOSIGNAL);
}

static inline void starling_take(const struct starling_peer *p, const uint8_t *m, struct starling_task *t)
{
	t->epoch = starling_get64(m + 4);
	t->round = starling_get64(m + 12);
	t->attempt = starling_get32(m + 20);
	t->kind = (int)starling_get32(m + 24);
	t->peer = starling_get32(m + 28);
	t->steps = starling_get32(m + 32);
	t->batch = starling_get64(m + 36);
	t->seed = starling_get64(m + 44);
	uint64_t eta = starling_get64(m + 52);
	memcpy(&t->eta, &eta, sizeof eta);
	t->x = (float *)(void *)(p->memory + p->parameters);
	t->g = t->kind == STARLING_TASK_GRADIENT ? (float *)(void *)(p->memory + p->answer) : NULL;
}

/* The next task: 1. The run has ended: 0. −1: peer.error. */
static inline int starling_next(struct starling_peer *p, struct starling_task *t)
{
	uint8_t m[2048];
	int descriptor;
	while (!p->stopped) {
		ssize_t n = starling_receive(p, m, sizeof m, &descriptor);
		uint32_t kind = n >= 4 ? starling_get32(m) : 0;
		if (descriptor >= 0)
			close(descriptor);
		if (kind == 5 && n == 60) {
			starling_take(p, m, t);
			return 1;
		}
		if (kind == 7 && n == 12)
			starling_checkpoint(p, starling_get64(m + 4));
		if (kind == 9)
			break;
		if (kind == 3) {
			snprintf(p->error, sizeof p->error, "%.*s", (int)(n - 4 < 500 ? n - 4 : 500),
			         (const char *)m + 4);
			return -1;
		}
		if (n > 0)
			continue;
		starling_drop(p); /* the peer has gone; when it is back, it asks again */
		if (starling_connect_in_time(p) != 0)
			return -1;
	}
	p->stopped = 1;
	return 0;
}

/* Hands the answer over. accuracy NAN: none. Names of metrics: 1 to 39 printable ASCII characters without blanks. */
static inline int starling_done(struct starling_peer *p, const struct starling_task *t, double loss,
                                double accuracy, uint64_t samples, const struct starling_metric *metric,
                                uint32_t metrics)
{
	uint8_t m[56 + 48 * STARLING_METRICS_MAX] = { 0 };
	if (metrics > STARLING_METRICS_MAX)
		metrics = STARLING_METRICS_MAX;
	starling_put32(m, 6);
	starling_put64(m + 4, t->epoch);
	starling_put64(m + 12, t->round);
	starling_put32(m + 20, t->attempt);
	starling_put32(m + 24, (uint32_t)t->kind);
	starling_put_real(m + 28, loss);
	starling_put_real(m + 36, accuracy);
	starling_put64(m + 44, samples);
	starling_put32(m + 52, metrics);
	for (uint32_t i = 0; i < metrics; i++) {
		memcpy(m + 56 + 48 * i, metric[i].name, strnlen(metric[i].name, 39));
		starling_put_real(m + 96 + 48 * i, metric[i].value);
	}
	(void)!send(p->fd, m, 56 + 48 * metrics, MSG_NOSIGNAL); /* where it fails, starling_next notices */
	return 0;
}

static inline void starling_close(struct starling_peer *p)
{
	p->stopped = 1;
	starling_drop(p);
}

#endif
