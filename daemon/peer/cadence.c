#include "daemon/peer/cadence.h"

#include <time.h>

void sl_cadence_set(struct sl_cadence *c, const struct sl_settings *s)
{
	c->period_us = s->period_us;
	c->cpu = s->limit_cpu;
}

struct sl_time sl_cadence_due(const struct sl_cadence *c, int64_t cpu_us)
{
	if (!c->begun)
		return (struct sl_time){ 0 };
	int64_t us = c->period_us;
	if (c->cpu && (cpu_us - c->cpu_us) * 100 / c->cpu > us)
		us = (cpu_us - c->cpu_us) * 100 / c->cpu;
	return sl_time_after(c->began, us);
}

void sl_cadence_began(struct sl_cadence *c, struct sl_time now, int64_t cpu_us)
{
	c->begun = true;
	c->began = now;
	c->cpu_us = cpu_us;
}

int64_t sl_cadence_cpu_us(const struct sl_cadence *c)
{
	struct timespec t;
	if (!c->cpu || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
