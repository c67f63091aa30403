/* replay.c — starling sim RUN --replay FILE: replays one start of one peer from its recorded input. */
#include "daemon/cli/sim/replay.h"

#include "daemon/cli/common/command_line.h"
#include "daemon/run/recording.h"
#include "daemon/run/memory.h"
#include "daemon/run/run.h"
#include "linalg/vector.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const event_name[] = { "start",        "timer", "receive", "job done",
	                                  "checkpointed", "stop",  "roster",  "link" };
_Static_assert(sizeof event_name / sizeof *event_name == SL_EVENT_KINDS, "one name per event");

struct replay {
	struct sl_mapping file, shard_file;
	struct sl_recording_reader recording;
	struct sl_run run;
	struct sl_dataset shard;
	struct sl_scratch scratch;
	struct sl_peer *peer;
	bool verbose;

	uint64_t digest, events;
	bool job;
	struct sl_time first, last;
};

static void act(void *context, const struct sl_action *a)
{
	struct replay *r = context;
	r->digest = sl_recording_digest_action(r->digest, a);
	r->job = r->job || a->kind == SL_ACTION_JOB;
	if (a->kind == SL_ACTION_EVENT_ROW && r->verbose)
		fprintf(stderr, "%10.6f round %u %s: %s\n", 1e-6 * (double)(r->last.us - r->first.us),
		        a->event->round, a->event->kind, a->event->detail);
}

/* Names the first line that differs. */
static enum sl_status check_settings(const struct replay *r, struct sl_error *error)
{
	const char *then = r->recording.head.configuration, *now = r->run.printed;
	size_t left = r->recording.configuration_length, at = 0;
	if (r->recording.head.run != r->run.plan.run)
		return sl_fail(error, SL_REFUSED,
		               "belongs to another run, or shared settings have changed since");
	while (at < left && now[at] == then[at])
		at++;
	if (at == left && now[at] == '\0')
		return SL_OK;
	while (at > 0 && then[at - 1] != '\n')
		at--;
	return sl_fail(error, SL_REFUSED, "was recorded with '%.*s'; repeat this with --set",
	               (int)strcspn(then + at, "\n") < 100 ? (int)strcspn(then + at, "\n") : 100, then + at);
}

static enum sl_status make_peer(struct replay *r, struct sl_error *error)
{
	const struct sl_recording_head *h = &r->recording.head;
	struct sl_peer_setup setup = { .plan = &r->run.plan,
		                       .peer = h->peer,
		                       .neighbours = h->roster.neighbours,
		                       .degree = h->roster.degree,
		                       .data = &r->shard,
		                       .serial = h->roster.serial,
		                       .capacity = h->capacity,
		                       .joining = h->joining,
		                       .gammas = h->roster.gammas };
	uint8_t secret[SL_KEY_BYTES];
	bool own = false;
	if (r->run.plan.settings.noise > 0)
		sl_run_noise(&r->run, h->peer, secret, &own);
	if (r->run.plan.settings.noise > 0 && !own)
		return sl_fail(
		    error, SL_REFUSED,
		    "[privacy] noise = %g: a replay needs the peer's key, in the folder [run] keys",
		    r->run.plan.settings.noise);
	setup.secret = own ? secret : NULL;
	r->run.plan.session = h->session;
	sl_plan_make_room(&r->run.plan, sl_peer_saved_for(h->state, h->state_length));
	struct sl_arena arena = { .capacity = sl_peer_size(&setup) };
	arena.base = sl_memory_take(arena.capacity + 1, 0);
	if (!arena.base)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a peer of %zu bytes", arena.capacity);
	r->peer = sl_peer_make(&setup, &arena);
	if (h->state_length && sl_peer_load(r->peer, h->state, h->state_length, error) != SL_OK)
		return error->status;
	return sl_memory_scratch(&r->scratch, &r->run.plan, error);
}

static enum sl_status open_replay(struct replay *r, const char *run, const char *path, char *const *overrides,
                                  struct sl_error *error)
{
	char conf[4096 + 16];
	struct stat about;
	bool folder = stat(run, &about) == 0 && S_ISDIR(about.st_mode);
	snprintf(conf, sizeof conf, "%.4095s%s", run, folder ? "/run.conf" : "");
	enum sl_status status = sl_file_map(&r->file, path, error);
	if (status != SL_OK)
		return status;
	if (sl_recording_read(&r->recording, r->file.bytes, r->file.length, error) != SL_OK)
		return sl_wrap(error, "%s", path);
	status = sl_run_open(&r->run, conf, overrides, SL_SESSION_NEW, error);
	if (status != SL_OK)
		return status;
	if (check_settings(r, error) != SL_OK)
		return sl_wrap(error, "%s", path);
	if (r->recording.head.capacity > r->run.plan.settings.max_degree &&
	    r->recording.head.capacity > r->recording.head.roster.degree)
		return sl_fail(error, SL_MALFORMED, "%s: has more neighbours than [run] max_degree", path);
	status = sl_run_shard(&r->run, r->recording.head.peer, &r->shard_file, &r->shard, error);
	return status == SL_OK ? make_peer(r, error) : status;
}

/* A damaged recording may contain events that no driver sends; the peer would abort at them. */
static bool possible(const struct replay *r, const struct sl_event *e)
{
	struct sl_peer_status status;
	sl_peer_status(r->peer, &status);
	return (e->kind != SL_EVENT_RECEIVE || e->edge < status.degree) &&
	       (e->kind != SL_EVENT_JOB_DONE || r->job);
}

static enum sl_status run_events(struct replay *r, const char *path, struct sl_error *error)
{
	struct sl_event e;
	struct sl_peer_roster roster;
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	uint64_t recorded;
	while (sl_recording_next(&r->recording, &e, &recorded, &roster, neighbours, error)) {
		r->events++;
		r->last = e.now;
		r->first = r->events == 1 ? e.now : r->first;
		if (!possible(r, &e))
			return sl_fail(error, SL_MALFORMED, "%s: event %" PRIu64 " (%s) is impossible here",
			               path, r->events, event_name[e.kind]);
		if (e.kind == SL_EVENT_JOB_DONE) {
			r->job = false;
			sl_peer_run_job(r->peer, &r->scratch);
		}
		sl_peer_step(r->peer, &e, &r->scratch, act, r);
		r->digest = sl_recording_digest_event(r->digest, &e);
		if (r->digest != recorded)
			return sl_fail(error, SL_REFUSED,
			               "%s: the first difference is at event %" PRIu64
			               ", %s in round %" PRIu32 ", %.6f s after the start",
			               path, r->events, event_name[e.kind], sl_peer_round(r->peer),
			               1e-6 * (double)(r->last.us - r->first.us));
	}
	return error->status == SL_OK ? SL_OK : sl_wrap(error, "%s", path);
}

static enum sl_status check_end(const struct replay *r, const char *path, struct sl_error *error)
{
	uint64_t model = sl_vector_digest(r->run.plan.dimension, 0, sl_peer_model(r->peer));
	if (r->recording.has_end &&
	    (r->recording.last_round != sl_peer_round(r->peer) || r->recording.last_model != model))
		return sl_fail(error, SL_REFUSED, "%s: the model at the end differs", path);
	return SL_OK;
}

static void report(const struct replay *r, bool json)
{
	char hex[65];
	const char *end = r->recording.has_end ? "ended" : "was killed";
	uint32_t round = sl_peer_round(r->peer);
	sl_model_digest(sl_peer_model(r->peer), r->run.plan.dimension, hex);
	if (json) {
		printf("{\"peer\": %" PRIu32 ", \"events\": %" PRIu64 ", \"round\": %" PRIu32
		       ", \"whole\": %s, \"seconds\": %.6f, \"model_digest\": \"%s\"}\n",
		       r->recording.head.peer, r->events, round, r->recording.has_end ? "true" : "false",
		       1e-6 * (double)(r->last.us - r->first.us), hex);
		return;
	}
	printf("replayed   peer %" PRIu32 ": %" PRIu64 " events of %.3f s, to round %" PRIu32
	       ", where it %s; all actions are identical\n",
	       r->recording.head.peer, r->events, 1e-6 * (double)(r->last.us - r->first.us), round, end);
	printf("model      %s\n", hex);
}

int sl_replay_main(const struct sl_replay_options *o)
{
	static struct replay r;
	struct sl_error error = { 0 };
	r.verbose = o->verbose;
	enum sl_status status = open_replay(&r, o->run, o->file, o->overrides, &error);
	if (status == SL_OK)
		status = run_events(&r, o->file, &error);
	if (status == SL_OK)
		status = check_end(&r, o->file, &error);
	if (status == SL_OK)
		report(&r, o->json);
	else
		fprintf(stderr, "starling sim: %s\n", error.text);
	sl_file_unmap(&r.shard_file);
	sl_run_close(&r.run);
	sl_file_unmap(&r.file);
	return status == SL_OK ? SL_EXIT_OK : SL_EXIT_FAILED;
}
