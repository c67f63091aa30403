/* names.c — the name "localhost" has its address also on a machine without /etc/hosts, as bare containers are: all
 * test programs look names up by this function instead of libc's. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
	int (*look_up)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
	*(void **)&look_up = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!look_up)
		return EAI_SYSTEM;
	return look_up(name && strcmp(name, "localhost") == 0 ? "127.0.0.1" : name, service, hints, found);
}
