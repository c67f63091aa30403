#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static const char *log_name = "starling";
static enum sl_level log_most = SL_LEVEL_NOTICE;
static const char *const level_name[] = { "error", "warning", "notice", "info" };
_Static_assert(sizeof level_name / sizeof *level_name == SL_LEVEL_COUNT, "one name a level");

void sl_log_name(const char *name)
{
	log_name = name;
}

void sl_log_level(enum sl_level most)
{
	log_most = most;
}

const char *sl_level_name(enum sl_level level)
{
	return (unsigned)level < SL_LEVEL_COUNT ? level_name[level] : "unknown";
}

void sl_log(enum sl_level level, const char *format, ...)
{
	if (level > log_most)
		return;
	int keep = errno;
	char line[1024];
	int n = level >= SL_LEVEL_NOTICE
	            ? snprintf(line, sizeof line, "%s: ", log_name)
	            : snprintf(line, sizeof line, "%s: %s: ", log_name, level_name[level]);
	va_list arguments;
	va_start(arguments, format);
	int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, arguments);
	va_end(arguments);
	size_t length = (size_t)n + (size_t)(m < 0 ? 0 : m);
	if (length > sizeof line - 2)
		length = sizeof line - 2;
	line[length++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, length);
	(void)written; /* there is nowhere to report a failure */
	errno = keep;
}

bool sl_log_allowed(struct sl_log_burst *burst, struct sl_time now, uint64_t *held_back)
{
	if (now.us < burst->next_us) {
		burst->held_back++;
		return false;
	}
	*held_back = burst->held_back;
	burst->held_back = 0;
	burst->next_us = now.us + 10000000;
	return true;
}

void sl_log_rarely(struct sl_log_burst *burst, struct sl_time now, enum sl_level level, const char *kind,
                   const char *detail)
{
	uint64_t more = 0;
	if (!sl_log_allowed(burst, now, &more))
		return;
	if (more)
		sl_log(level, "%s: %s (and %llu more)", kind, detail, (unsigned long long)more);
	else
		sl_log(level, "%s: %s", kind, detail);
}
