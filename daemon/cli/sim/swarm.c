/* swarm.c — starling sim --faults swarm: one run per seed, with settings and faults drawn from it. Threads take a seed
 * each; results are told in the order of the seeds. */
#include "daemon/cli/sim/swarm.h"

#include "base/log.h"
#include "sim/swarm.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static _Thread_local char reproduce[96]; /* written before a seed runs, for the handler of abort() */

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

enum { SEEDS_A_TURN = 64 };

struct turn {
	uint64_t first;
	bool verbose;
	struct sl_swarm_result result[SEEDS_A_TURN];
	bool ok[SEEDS_A_TURN];
};

static void run_seed(void *of, uint32_t index, uint32_t thread)
{
	struct turn *t = of;
	uint64_t seed = t->first + index;
	(void)thread;
	snprintf(reproduce, sizeof reproduce, "reproduce: starling sim --faults swarm --seed %llu\n",
	         (unsigned long long)seed);
	t->ok[index] = sl_swarm_run(seed, &t->result[index], t->verbose ? on_event : NULL, NULL);
}

/* What all seeds so far have shown. */
struct sums {
	uint64_t events, resumed, happened[SL_FAULT_COUNT], failed;
	double virtual_seconds;
};

static void tell(struct sums *all, uint64_t seed, const struct sl_swarm_result *r, bool ok, bool verbose)
{
	all->events += r->events;
	all->resumed += r->resumed;
	all->virtual_seconds += r->virtual_seconds;
	all->failed += !ok;
	for (int k = 0; k < SL_FAULT_COUNT; k++)
		all->happened[k] += r->happened[k];
	if (verbose || !ok)
		fprintf(stderr, "seed %llu, %s; %llu events, models %.3g apart (%.3g at the start)\n",
		        (unsigned long long)seed, r->scenario, (unsigned long long)r->events, r->spread_after,
		        r->spread_before);
	if (!ok)
		fprintf(stderr, "seed %llu: %s\nreproduce: starling sim --faults swarm --seed %llu\n",
		        (unsigned long long)seed, r->trouble, (unsigned long long)seed);
}

static void run_all(const struct sl_swarm_options *o, struct sums *all)
{
	static struct turn turn;
	struct sl_parallel share = sl_threads_of(o->threads);
	uint64_t a_turn = o->verbose ? 1 : SEEDS_A_TURN; /* events of a seed are told while it runs */
	turn.verbose = o->verbose;
	for (uint64_t done = 0; done < o->seeds && !(o->stop && all->failed); done += a_turn) {
		uint64_t left = o->seeds - done;
		uint32_t count = (uint32_t)(left < a_turn ? left : a_turn);
		turn.first = o->first + done;
		share.run(share.context, count, run_seed, &turn);
		for (uint32_t i = 0; i < count && !(o->stop && all->failed); i++)
			tell(all, turn.first + i, &turn.result[i], turn.ok[i], o->verbose);
	}
}

int sl_swarm_main(const struct sl_swarm_options *o)
{
	struct sums all = { 0 };
	double began = wall_seconds();
	signal(SIGABRT, on_abort);
	run_all(o, &all);
	printf(
	    "swarm      %llu seeds from %llu, %llu failed; %llu events, %.0f s of virtual time in %.1f s\n",
	    (unsigned long long)o->seeds, (unsigned long long)o->first, (unsigned long long)all.failed,
	    (unsigned long long)all.events, all.virtual_seconds, wall_seconds() - began);
	for (int k = 0; k < SL_FAULT_COUNT; k++)
		printf("%10llu × %s\n", (unsigned long long)all.happened[k],
		       sl_fault_text((enum sl_fault_kind)k));
	printf("%10llu × finished peers started again because others needed them\n",
	       (unsigned long long)all.resumed);
	return all.failed ? SL_EXIT_FAILED : SL_EXIT_OK;
}
