#include "daemon/peer/sd.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool sl_sd_managed(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	return path && (path[0] == '/' || path[0] == '@') && path[1];
}

bool sl_sd_notify(const char *format, ...)
{
	char text[512];
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!sl_sd_managed())
		return false;
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	if (length == 0 || length >= sizeof to.sun_path)
		return false;
	memcpy(to.sun_path, path, length);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (n < 0)
		return false;
	size_t size = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	socklen_t to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	bool sent =
	    sendto(fd, text, size, MSG_NOSIGNAL, (const struct sockaddr *)&to, to_size) == (ssize_t)size;
	close(fd);
	return sent;
}

int64_t sl_sd_watchdog_us(void)
{
	const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (!interval || !sl_sd_managed() || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return INT64_MAX;
	long long us = strtoll(interval, NULL, 10);
	return us > 1 ? us / 2 : INT64_MAX;
}
