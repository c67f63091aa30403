/* swarm.c — starling sim --faults swarm: one run per seed, with settings and faults drawn from it. */
#include "daemon/cli/sim/swarm.h"

#include "base/log.h"
#include "sim/swarm.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static char reproduce[96]; /* written before a seed runs, for the handler of abort() */

static void on_abort(int number)
{
	(void)number;
	ssize_t ignored = write(STDERR_FILENO, reproduce, strlen(reproduce));
	(void)ignored;
	_exit(SL_EXIT_FAILED);
}

static void on_event(void *context, const struct sl_event_row *row)
{
	(void)context;
	fprintf(stderr, "%10.6f peer %u round %u %s: %s\n", 1e-6 * (double)row->at_us, row->peer, row->round,
	        row->kind, row->detail);
}

static double wall_seconds(void)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

int sl_swarm_main(uint64_t first, uint64_t seeds, bool verbose, bool stop)
{
	struct sl_swarm_result result;
	uint64_t events = 0, resumed = 0, happened[SL_FAULT_COUNT] = { 0 }, failed = 0;
	double began = wall_seconds(), virtual_seconds = 0;
	signal(SIGABRT, on_abort);
	for (uint64_t seed = first; seed - first < seeds; seed++) {
		snprintf(reproduce, sizeof reproduce, "reproduce: starling sim --faults swarm --seed %llu\n",
		         (unsigned long long)seed);
		bool ok = sl_swarm_run(seed, &result, verbose ? on_event : NULL, NULL);
		events += result.events;
		resumed += result.resumed;
		virtual_seconds += result.virtual_seconds;
		for (int k = 0; k < SL_FAULT_COUNT; k++)
			happened[k] += result.happened[k];
		if (verbose || !ok)
			fprintf(stderr, "seed %llu, %s; %llu events, models %.3g apart (%.3g at the start)\n",
			        (unsigned long long)seed, result.scenario, (unsigned long long)result.events,
			        result.spread_after, result.spread_before);
		if (ok)
			continue;
		failed++;
		fprintf(stderr, "seed %llu: %s\n%s", (unsigned long long)seed, result.trouble, reproduce);
		if (stop)
			break;
	}
	printf(
	    "swarm      %llu seeds from %llu, %llu failed; %llu events, %.0f s of virtual time in %.1f s\n",
	    (unsigned long long)seeds, (unsigned long long)first, (unsigned long long)failed,
	    (unsigned long long)events, virtual_seconds, wall_seconds() - began);
	for (int k = 0; k < SL_FAULT_COUNT; k++)
		printf("%10llu × %s\n", (unsigned long long)happened[k],
		       sl_fault_text((enum sl_fault_kind)k));
	printf("%10llu × finished peers started again because others needed them\n",
	       (unsigned long long)resumed);
	return failed ? SL_EXIT_FAILED : SL_EXIT_OK;
}
