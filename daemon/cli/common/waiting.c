#include "daemon/cli/common/waiting.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { CALLS_A_LOOK = 64 };

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *sl_waiting_left(char text[static 32], double spent, double done)
{
	double left = done > 0 ? spent / done * (1 - done) : 0;
	if (done <= 0.01 || spent < 1)
		text[0] = '\0';
	else if (left < 120)
		snprintf(text, 32, " (%.0f s left)", left);
	else
		snprintf(text, 32, " (%.0f min left)", left / 60);
	return text;
}

void sl_waiting_begin(struct sl_waiting *w, const char *what)
{
	double now = seconds();
	*w = (struct sl_waiting){ what, now, now, isatty(STDERR_FILENO), false };
}

void sl_waiting_show(struct sl_waiting *w, uint64_t done, uint64_t all)
{
	if (!w->terminal || done % CALLS_A_LOOK)
		return;
	char left[32];
	double now = seconds();
	if (now - w->looked < (w->shown ? 0.5 : 1))
		return;
	w->looked = now;
	w->shown = true;
	fprintf(stderr, "\r%s: %llu of %llu%s\033[K", w->what, (unsigned long long)done,
	        (unsigned long long)all, sl_waiting_left(left, now - w->began, (double)done / (double)all));
}

void sl_waiting_end(struct sl_waiting *w)
{
	if (w->shown)
		fputs("\r\033[K", stderr);
	w->shown = false;
}
