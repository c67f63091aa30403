#include "daemon/run/trainer/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	SEALS_OURS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
	SEALS_THEIRS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
};

enum sl_status sl_shared_make(struct sl_shared *out, size_t length, struct sl_error *error)
{
	*out = (struct sl_shared){ .descriptor =
		                       memfd_create("starling-vectors", MFD_CLOEXEC | MFD_ALLOW_SEALING),
		                   .length = length };
	if (out->descriptor >= 0 && ftruncate(out->descriptor, (off_t)length) == 0 &&
	    fcntl(out->descriptor, F_ADD_SEALS, SEALS_OURS) == 0) {
		void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, out->descriptor, 0);
		out->bytes = at == MAP_FAILED ? NULL : at;
	}
	if (out->bytes)
		return SL_OK;
	sl_fail(error, SL_NO_MEMORY, "no shared memory of %zu bytes: %s", length, strerror(errno));
	sl_shared_free(out);
	return error->status;
}

const char *sl_shared_take(struct sl_shared *out, int descriptor)
{
	struct stat about;
	*out = (struct sl_shared){ .descriptor = -1 };
	if (descriptor < 0)
		return "its HELLO came without a descriptor of its start";
	int seals = fcntl(descriptor, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS_THEIRS) != SEALS_THEIRS)
		return "its start is not memory that is sealed against writing, growing and shrinking";
	if (fstat(descriptor, &about) != 0 || about.st_size <= 0)
		return "its start is empty";
	void *at = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	if (at == MAP_FAILED)
		return "its start cannot be mapped";
	out->bytes = at;
	out->length = (size_t)about.st_size;
	return NULL;
}

void sl_shared_free(struct sl_shared *s)
{
	if (s->bytes)
		munmap(s->bytes, s->length);
	if (s->descriptor >= 0)
		close(s->descriptor);
	*s = (struct sl_shared){ .descriptor = -1 };
}

enum sl_status sl_shared_listen(const char *folder, const char *name, int *folder_out, int *listener,
                                struct sl_error *error)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return sl_fail(error, SL_IO, "cannot create %s: %s", folder, strerror(errno));
	*folder_out = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*folder_out < 0)
		return sl_fail(error, SL_IO, "%s: %s", folder, strerror(errno));
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", *folder_out, name);
	unlinkat(*folder_out, name, 0);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0177);
	bool good = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
	umask(mask);
	if (good && listen(fd, 16) == 0) {
		*listener = fd;
		return SL_OK;
	}
	sl_fail(error, SL_IO, "cannot listen at %s/%s: %s", folder, name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return error->status;
}

bool sl_shared_send(int fd, const uint8_t *bytes, size_t length, int descriptor)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { (void *)(uintptr_t)bytes, length };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	if (descriptor >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

ssize_t sl_shared_receive(int fd, uint8_t *bytes, size_t room, int *descriptor)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { bytes, room };
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	*descriptor = -1;
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	for (struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(descriptor, CMSG_DATA(c), sizeof *descriptor);
	return n;
}
