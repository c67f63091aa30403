/* main.c — trace SCENARIO: runs it and prints what each peer does. Exit code 1: it did not end well; 2: the scenario is
 * wrong. */
#include "narrator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MOST = 20000 };

static struct scenario scenario;
static struct narrator narrator;
/* Rosters so far; the first is of the members at the start. */
static struct sl_topology roster[SCENARIO_STEPS + 1];
static uint32_t rosters;

/* The edges of the topology between members. */
static const struct sl_topology *make_roster(struct scenario *c)
{
	const struct sl_topology *t = &c->swarm.topology;
	struct sl_edge_pair *edge = calloc(t->edges + 1, sizeof *edge);
	struct sl_error error = { 0 };
	uint32_t edges = 0;
	SL_CHECK(edge);
	for (uint32_t e = 0; e < t->edges; e++)
		if (c->member[t->edge[e].a] && c->member[t->edge[e].b])
			edge[edges++] = t->edge[e];
	struct sl_topology *out = &roster[rosters++];
	if (sl_topology_from_members(out, t->spec, t->peers, edge, NULL, edges, &error) != SL_OK) {
		fprintf(stderr, "%s\n", error.text);
		exit(2);
	}
	free(edge);
	return out;
}

static void choose(struct swarm *w)
{
	w->roster = make_roster(&scenario);
	if (scenario.journal)
		w->plan.journal_frames = scenario.journal;
}

static void change_roster(struct sl_sim *sim, uint32_t peer, bool member)
{
	const struct sl_topology *t = &scenario.swarm.topology;
	scenario.member[peer] = member;
	const struct sl_topology *next = make_roster(&scenario);
	narrator_say(&narrator, "roster %u %s peer %u", rosters, member ? "adds" : "removes", peer);
	for (uint32_t i = 0; i < t->peers; i++)
		sl_sim_roster(sim, i, next, rosters, 0);
}

static void send_malformed(struct sl_sim *sim, const struct step *s)
{
	static const uint8_t nonsense[] = "this is no frame";
	narrator_say(&narrator, "%u malformed messages are on their way from peer %u to peer %u", s->count,
	             s->a, s->b);
	for (uint32_t i = 0; i < s->count; i++)
		sl_sim_inject(sim, s->a, s->b, nonsense, sizeof nonsense);
}

static void set_cut(struct sl_sim *sim, const struct step *s, bool cut)
{
	narrator_say(&narrator, "the link between peers %u and %u is %s", s->a, s->b, cut ? "cut" : "mended");
	narrator.cut[s->a][s->b] = narrator.cut[s->b][s->a] = cut;
	sl_sim_cut(sim, s->a, s->b, cut);
	sl_sim_cut(sim, s->b, s->a, cut);
}

static void start(struct sl_sim *sim, uint32_t peer, enum sl_sim_disk disk)
{
	narrator_say(&narrator, "peer %u is started again%s", peer,
	             disk == SL_SIM_DISK_LOST ? "; its disk was lost" : "");
	sl_sim_revive(sim, peer, disk);
	narrator_forget(&narrator, peer);
}

static void act(struct sl_sim *sim, const struct step *s)
{
	switch (s->action) {
	case ACTION_KILL:
		narrator_say(&narrator, "peer %u is killed", s->a);
		sl_sim_kill(sim, s->a);
		break;
	case ACTION_START:
		start(sim, s->a, SL_SIM_DISK_NEWEST);
		break;
	case ACTION_START_EMPTY:
		start(sim, s->a, SL_SIM_DISK_LOST);
		break;
	case ACTION_CUT:
	case ACTION_MEND:
		set_cut(sim, s, s->action == ACTION_CUT);
		break;
	case ACTION_REMOVE:
	case ACTION_ADD:
		change_roster(sim, s->a, s->action == ACTION_ADD);
		break;
	case ACTION_SLOW:
		narrator_say(&narrator,
		             s->count > 1 ? "the local steps of peer %u now take %u times as long"
		                          : "peer %u is as fast as the others again",
		             s->a, s->count);
		sl_sim_slow(sim, s->a, s->count);
		break;
	case ACTION_DISK_FAILS:
	case ACTION_DISK_WORKS:
		narrator_say(&narrator, "the disk of peer %u %s", s->a,
		             s->action == ACTION_DISK_FAILS ? "is full" : "has room again");
		sl_sim_disk(sim, s->a, s->action == ACTION_DISK_FAILS, 0);
		break;
	case ACTION_MALFORMED:
		send_malformed(sim, s);
		break;
	case ACTION_NARRATE:
		if (!narrator.quiet)
			break; /* a condition to count from */
		narrator.quiet = false;
		narrator_say(&narrator, "(the lines up to here are left out)");
		break;
	case ACTION_HIDE:
		narrator_say(&narrator, "(lines are left out)");
		narrator.quiet = true;
		break;
	case ACTIONS:
		break;
	}
}

static bool is_due(struct sl_sim *sim, const struct step *s, struct sl_time before)
{
	if (s->timed)
		return !sl_time_before(sl_sim_now(sim), sl_time_after(before, s->after_us));
	return sl_peer_round(sl_sim_peer(sim, s->peer)) >= s->rounds;
}

static void run(struct sl_sim *sim)
{
	struct sl_time before = { 0 };
	struct sl_sim_totals totals = { 0 };
	uint32_t next = 0;
	while (!sl_sim_trouble(sim) && totals.events < EVENTS_MOST) {
		for (; next < scenario.steps && is_due(sim, &scenario.step[next], before); next++) {
			act(sim, &scenario.step[next]);
			before = sl_sim_now(sim);
		}
		sl_sim_totals(sim, &totals);
		if (next == scenario.steps && totals.halted == scenario.swarm.topology.peers)
			return;
		if (!sl_sim_step(sim))
			sl_sim_wait(sim, 1000);
	}
	narrator_say(&narrator, "TROUBLE: %s",
	             sl_sim_trouble(sim) ? sl_sim_trouble(sim) : "the run does not end");
}

static bool narrate(void)
{
	swarm_open(&scenario.swarm);
	narrator_start(&narrator, &scenario);
	run(scenario.swarm.sim);
	narrator_end(&narrator);
	bool good = !sl_sim_trouble(scenario.swarm.sim);
	swarm_close(&scenario.swarm);
	for (uint32_t i = 0; i < rosters; i++)
		sl_topology_free(&roster[i]);
	return good;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: trace SCENARIO\n");
		return 2;
	}
	scenario_read(&scenario, argv[1]);
	scenario.swarm.choose = choose;
	printf("%s\n", scenario.title);
	return narrate() ? 0 : 1;
}
