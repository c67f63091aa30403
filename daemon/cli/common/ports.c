/* ports.c — free TCP ports of localhost. */
#include "daemon/cli/common/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOWEST = 20000, USUAL_END = 32768 }; /* Linux hands out 32768 … 60999 unless told otherwise */

bool sl_port_free(uint16_t port)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return false;
	int yes = 1;
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(port),
		                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes,
	           sizeof yes); /* as ZeroMQ does: an old connection's end is no obstacle */
	bool ok = bind(s, (const struct sockaddr *)&address, sizeof address) == 0;
	close(s);
	return ok;
}

/* The first port that the kernel may give to a connection. */
static uint32_t end_of_quiet_ports(void)
{
	unsigned long low = USUAL_END;
	char line[64];
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	if (f && fgets(line, sizeof line, f))
		low = strtoul(line, NULL, 10);
	if (f)
		fclose(f);
	return low < LOWEST + 1024 || low > 65535 ? 65536
	                                          : (uint32_t)low; /* an unusual range: then anything goes */
}

enum sl_status sl_ports_choose(uint16_t *port, uint32_t count, struct sl_error *error)
{
	uint32_t size = end_of_quiet_ports() - LOWEST, at = 0, found = 0;
	if (getrandom(&at, sizeof at, 0) != sizeof at)
		at = (uint32_t)getpid() * 64;
	at %= size;
	for (uint32_t tried = 0; tried < size && found < count; tried++, at = (at + 1) % size)
		if (sl_port_free((uint16_t)(LOWEST + at)))
			port[found++] = (uint16_t)(LOWEST + at);
	if (found < count)
		return sl_fail(error, SL_IO,
		               "%u free ports needed on 127.0.0.1, but only %u found between %u and %u",
		               count, found, LOWEST, LOWEST + size - 1);
	return SL_OK;
}

uint16_t sl_port_of(const char *endpoint)
{
	static const char local[] = "tcp://127.0.0.1:";
	if (strncmp(endpoint, local, sizeof local - 1) != 0)
		return 0;
	char *end;
	unsigned long port = strtoul(endpoint + sizeof local - 1, &end, 10);
	return *end == '\0' && port <= 65535 ? (uint16_t)port : 0;
}
