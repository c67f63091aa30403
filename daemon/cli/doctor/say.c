/* say.c — how starling doctor prints a finding. */
#include "daemon/cli/doctor/doctor.h"

#include <stdarg.h>

static const char *const finding_name[] = { "ok", "unknown", "warning", "fault" };

void sl_doctor_say(struct sl_doctor *d, enum sl_finding finding, const char *subject, const char *remedy,
                   const char *format, ...)
{
	char text[2048];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	bool first = d->count[0] + d->count[1] + d->count[2] + d->count[3] == 0;
	d->count[finding]++;
	if (!d->json) {
		printf("%-8s %-14s %s\n", finding_name[finding], subject, text);
		if (remedy)
			printf("%-8s %-14s   -> %s\n", "", "", remedy);
		return;
	}
	printf("%s\n  {\"finding\": \"%s\", \"subject\": ", first ? "[" : ",", finding_name[finding]);
	sl_json_text(stdout, subject);
	fputs(", \"text\": ", stdout);
	sl_json_text(stdout, text);
	if (remedy) {
		fputs(", \"remedy\": ", stdout);
		sl_json_text(stdout, remedy);
	}
	putchar('}');
}
