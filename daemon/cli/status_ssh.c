#include "daemon/cli/status_ssh.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOST_MOST = 256, COMMAND_MOST = 16 << 10 };

/* For the shell at the other end, which gets one text: everything between single quotes, each of which in the text becomes
 * '\''. False: there is no room. */
static bool quote(char *out, size_t size, const char *text)
{
	size_t used = 0;
	if (size < 3)
		return false;
	out[used++] = '\'';
	for (; *text; text++) {
		size_t length = *text == '\'' ? 4 : 1;
		if (used + length + 2 > size)
			return false;
		memcpy(out + used, *text == '\'' ? "'\\''" : text, length);
		used += length;
	}
	memcpy(out + used, "'", 2);
	return true;
}

/* Splits HOST[:RUN]; of an address in brackets the colons are its own. */
static enum sl_status split(const char *where, char host[static HOST_MOST], const char **run,
                            struct sl_error *error)
{
	const char *text = where + strlen("ssh:"), *at = strrchr(text, ']');
	size_t bracket = at && (strchr(text, '[') == text || strstr(text, "@[")) ? (size_t)(at - text) : 0;
	size_t length = bracket + strcspn(text + bracket, ":");
	if (length == 0 || length >= HOST_MOST || text[0] == '-')
		return sl_fail(error, SL_MALFORMED, "%s: must be ssh:HOST or ssh:HOST:RUN", where);
	memcpy(host, text, length);
	host[length] = '\0';
	*run = text[length] == ':' ? text + length + 1 : "";
	if (host[0] == '[' && host[length - 1] == ']') { /* ssh takes addresses without brackets */
		memmove(host, host + 1, length - 2);
		host[length - 2] = '\0';
	}
	return SL_OK;
}

enum sl_status sl_status_by_ssh(const char *where, const char *options, struct sl_error *error)
{
	char host[HOST_MOST], command[COMMAND_MOST];
	const char *run = "";
	enum sl_status status = split(where, host, &run, error);
	if (status != SL_OK)
		return status;
	size_t used =
	    (size_t)snprintf(command, sizeof command, "starling status%s%s", options, *run ? " -- " : "");
	if (*run && !quote(command + used, sizeof command - used, run))
		return sl_fail(error, SL_TOO_BIG, "%.100s...: the path is too long", where);
	execlp("ssh", "ssh", "-T", "--", host, command, (char *)NULL);
	return sl_fail(error, SL_IO, "ssh: %s%s", strerror(errno),
	               errno == ENOENT ? "; install it (openssh-client)" : "");
}
