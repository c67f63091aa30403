/* notice.c — what the links report to their owner. */
#include "daemon/peer/net/link.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void sl_net_say(struct sl_net *net, struct sl_log_burst *burst, enum sl_level level, const char *kind,
                const char *format, ...)
{
	char text[256];
	uint64_t more = 0;
	if (!sl_log_allowed(burst, net->now, &more) || !net->notice)
		return;
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (more && n >= 0 && (size_t)n < sizeof text)
		snprintf(text + n, sizeof text - (size_t)n, " (and %" PRIu64 " more)", more);
	net->notice(net->notice_context, level, kind, text);
}

void sl_net_tell(struct sl_net *net, enum sl_level level, const char *kind, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (net->notice)
		net->notice(net->notice_context, level, kind, text);
}
