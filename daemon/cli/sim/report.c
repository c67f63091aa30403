/* report.c — the results of a simulated run, as lines or as one JSON object. */
#include "daemon/cli/sim/sim.h"

#include <math.h>
#include <stdio.h>

static void accuracies(const struct sl_sim_command *s, double *mean, double *worst)
{
	uint32_t peers = s->run.roster.topology.peers, honest = 0;
	double sum = 0;
	*worst = (double)INFINITY;
	for (uint32_t i = 0; i < peers; i++) {
		if (sl_sim_absent(s->sim, i) || !sl_sim_honest(s->sim, i))
			continue;
		sum += s->accuracy[i];
		honest++;
		*worst = s->accuracy[i] < *worst ? s->accuracy[i] : *worst;
	}
	*mean = sum / honest;
}

uint32_t sl_sim_command_diverging(const struct sl_sim_command *s)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < s->run.roster.topology.peers; i++) {
		struct sl_peer_status status;
		if (sl_sim_absent(s->sim, i))
			continue;
		sl_peer_status(sl_sim_peer(s->sim, i), &status);
		count += status.diverging;
	}
	return count;
}

void sl_sim_command_report(struct sl_sim_command *s)
{
	struct sl_sim_totals t;
	double seconds = s->seconds, mean, worst;
	sl_sim_totals(s->sim, &t);
	accuracies(s, &mean, &worst);
	if (s->json) {
		printf(
		    "{\"peers\": %u, \"dimension\": %u, \"events\": %llu, \"messages\": %llu, \"lost\": %llu, \"repeated\": %llu, \"wire_bytes\": %llu, \"bytes_a_peer\": %llu, \"virtual_seconds\": %.6f, \"seconds\": %.3f, \"test_accuracy\": ",
		    s->run.roster.topology.peers, s->run.plan.dimension, (unsigned long long)t.events,
		    (unsigned long long)t.messages, (unsigned long long)t.lost,
		    (unsigned long long)t.repeated, (unsigned long long)t.wire_bytes,
		    (unsigned long long)t.bytes_a_peer, 1e-6 * (double)t.now.us, seconds);
		sl_json_real(stdout, mean);
		fputs(", \"worst_accuracy\": ", stdout);
		sl_json_real(stdout, worst);
		fputs(", \"consensus_error\": ", stdout);
		sl_json_real(stdout, s->exact);
		fputs(", \"gamma\": ", stdout);
		sl_json_real(stdout, s->run.plan.gamma);
		printf(", \"diverging\": %u}\n", sl_sim_command_diverging(s));
		return;
	}
	printf(
	    "simulated  %u peers, %u parameters: %llu events in %.2f s, %.0f events/s; %.2f s of virtual time\n",
	    s->run.roster.topology.peers, s->run.plan.dimension, (unsigned long long)t.events, seconds,
	    (double)t.events / seconds, 1e-6 * (double)t.now.us);
	printf("memory     %llu bytes per peer\n", (unsigned long long)t.bytes_a_peer);
	printf("network    %llu messages, %llu lost, %llu repeated, %.1f MB\n",
	       (unsigned long long)t.messages, (unsigned long long)t.lost, (unsigned long long)t.repeated,
	       1e-6 * (double)t.wire_bytes);
	if (s->run.plan.gamma_follows)
		printf("gamma      %g (auto)\n", s->run.plan.gamma);
	if (s->database && !s->poisons)
		return;
	if (!isnan(mean))
		printf("accuracy   %.4f, mean over the %s own models; the worst has %.4f\n", mean,
		       s->poisons ? "unpoisoned peers'" : "peers'", worst);
	if (s->database)
		return;
	if (!isnan(s->exact))
		printf("consensus  %.4g after round %u\n", s->exact, s->exact_round);
}
