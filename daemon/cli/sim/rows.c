/* rows.c — the history of what `starling sim` simulates. */
#include "daemon/cli/sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

enum { COMMIT_EVERY = 4096 };

double sl_sim_command_seconds(void)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static void keep(struct sl_sim_command *s, enum sl_status status, const struct sl_error *error)
{
	if (status != SL_OK && s->row_error.status == SL_OK)
		s->row_error = *error;
	if (++s->uncommitted < COMMIT_EVERY || !s->history)
		return;
	s->uncommitted = 0;
	struct sl_error commit;
	if (sl_history_commit(s->history, false, &commit) != SL_OK && s->row_error.status == SL_OK)
		s->row_error = commit;
}

static void on_round(void *context, const struct sl_round_row *row)
{
	struct sl_sim_command *s = context;
	struct sl_error error;
	if (!isnan(row->test_accuracy))
		s->accuracy[row->peer] = row->test_accuracy;
	struct sl_round_row moved = *row;
	struct sl_round_all_row all;
	moved.at_us += s->started_at_us;
	if (!s->history)
		return;
	if (s->members < SL_MANY_PEERS || row->round + 1 == s->run.plan.settings.rounds)
		keep(s, sl_history_round(s->history, &moved, &error), &error);
	else if (sl_many_add(&s->many, &moved, s->members, &all))
		keep(s, sl_history_round_all(s->history, &all, &error), &error);
}

static void on_link(void *context, const struct sl_link_row *row)
{
	struct sl_sim_command *s = context;
	struct sl_error error;
	if (s->history && s->members < SL_MANY_PEERS)
		keep(s, sl_history_link(s->history, row, &error), &error);
}

static void on_sketch(void *context, const struct sl_sketch_row *row)
{
	struct sl_sim_command *s = context;
	struct sl_error error;
	if (s->history && s->members < SL_MANY_PEERS) /* the consensus error is known exactly */
		keep(s, sl_history_sketch(s->history, row, &error), &error);
}

static void on_event(void *context, const struct sl_event_row *row)
{
	struct sl_sim_command *s = context;
	struct sl_error error;
	struct sl_event_row moved = *row;
	moved.at_us += s->started_at_us;
	if (s->history && (s->members < SL_MANY_PEERS || row->level <= SL_LEVEL_WARNING))
		keep(s, sl_history_event(s->history, &moved, &error), &error);
}

static void on_metric(void *context, const struct sl_metric_row *row)
{
	struct sl_sim_command *s = context;
	struct sl_error error;
	if (s->history)
		keep(s, sl_history_metric(s->history, row, &error), &error);
}

void sl_sim_command_metrics(struct sl_sim_command *s)
{
	struct sl_error error;
	struct sl_metric_row row;
	while (s->guests && sl_trainers_metric(s->guests, &row))
		if (s->history)
			keep(s, sl_history_metric(s->history, &row, &error), &error);
}

static void on_exact(void *context, uint32_t round, double value)
{
	struct sl_sim_command *s = context;
	struct sl_error error;
	s->exact = value;
	s->exact_round = round;
	if (s->history)
		keep(s, sl_history_exact(s->history, round, value, &error), &error);
}

struct sl_sim_rows sl_sim_command_rows(struct sl_sim_command *s)
{
	return (struct sl_sim_rows){ s, on_round, on_link, on_sketch, on_event, on_metric, on_exact };
}

static const char many_said[] =
    "# large simulation: the history has one row per round for all peers (view round_all) and the last round of each peer; no rows of links and sketches, no notices\n";

enum sl_status sl_sim_command_begin_rows(struct sl_sim_command *s, struct sl_error *error)
{
	if (!s->database)
		return SL_OK;
	struct sl_history_run run;
	const struct sl_topology *t = &s->run.roster.topology;
	char config[sizeof s->run.printed + sizeof many_said];
	sl_run_history_row(&s->run, "sim", &run);
	for (uint32_t i = 0; i < t->peers; i++)
		s->members += sl_topology_degree(t, i) > 0;
	if (s->members >= SL_MANY_PEERS) {
		snprintf(config, sizeof config, "%s%s", run.config, many_said);
		run.config = config;
	}
	s->started_at_us = run.started_at_us;
	s->history = sl_history_open(s->database, SL_HISTORY_WRITE, error);
	if (!s->history)
		return error->status;
	sl_place_init(&s->place);
	enum sl_status status = sl_place_watch(&s->place, s->database, sl_history_file(s->history), error);
	if (status == SL_OK)
		status = sl_history_register_run(s->history, &run, error);
	sl_waiting_begin(&s->waiting, "writing peers to the history");
	for (uint32_t i = 0; i < t->peers && status == SL_OK; i++) {
		sl_waiting_show(&s->waiting, i, t->peers);
		if (sl_topology_degree(t, i) == 0)
			continue; /* a member that has left */
		char name[32];
		snprintf(name, sizeof name, "peer-%u", i);
		struct sl_history_peer peer = { .peer = i,
			                        .degree = sl_topology_degree(t, i),
			                        .name = name,
			                        .pid = getpid(),
			                        .started_at_us = run.started_at_us };
		status = sl_history_peer(s->history, &peer, error);
	}
	sl_waiting_end(&s->waiting);
	return status;
}

enum sl_status sl_sim_command_end_rows(struct sl_sim_command *s, bool ok, struct sl_error *error)
{
	if (!s->history)
		return SL_OK;
	int64_t now = (int64_t)(sl_sim_command_seconds() * 1e6);
	enum sl_status status = SL_OK;
	for (uint32_t i = 0; i < s->run.roster.topology.peers && status == SL_OK; i++) {
		char digest[65];
		if (sl_sim_absent(s->sim, i))
			continue;
		sl_model_digest(sl_peer_model(sl_sim_peer(s->sim, i)), s->run.plan.dimension, digest);
		status = sl_history_peer_stopped(s->history, i, now, ok ? 0 : 1, digest, error);
	}
	struct sl_round_all_row all;
	while (status == SL_OK && sl_many_take(&s->many, &all)) /* of a run that did not end well */
		status = sl_history_round_all(s->history, &all, error);
	if (status == SL_OK)
		status = sl_history_commit(s->history, false, error);
	char why[200];
	if (status == SL_OK && sl_place_look(&s->place, why) != SL_PLACE_SAME)
		status = sl_fail(error, SL_IO, "%s: rows of this run are lost", why);
	sl_place_free(&s->place);
	sl_history_close(s->history);
	s->history = NULL;
	if (status == SL_OK && s->row_error.status != SL_OK) {
		*error = s->row_error;
		status = error->status;
	}
	return status;
}
