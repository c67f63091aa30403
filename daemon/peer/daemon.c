#include "daemon/peer/daemon.h"

#include "daemon/peer/metrics/describe.h"
#include "daemon/run/model_file.h"

#include "daemon/run/aside.h"
#include "daemon/run/kept.h"
#include "daemon/run/memory.h"
#include "daemon/run/roster_of_run.h"
#include "daemon/peer/sd.h"
#include "daemon/run/status.h"
#include "linalg/blocks.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { FINISHED_PATIENCE_MS = 30000, LET_GO_MS = 10, LET_GO_TRIES = 500 };

static sigset_t loop_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	return set;
}

void sl_daemon_block_signals(void)
{
	sigset_t set = loop_signals();
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- what it was given ---- */

static enum sl_status check_number(const struct sl_daemon *d, struct sl_error *error)
{
	uint32_t peers = d->run.roster.topology.peers;
	if (d->number < peers && d->run.roster.peer[d->number].gone)
		return sl_fail(error, SL_REFUSED,
		               "-p %" PRIu32 ": the roster (serial %" PRIu32 ") removes this peer", d->number,
		               d->run.roster.serial);
	if (d->number < peers)
		return SL_OK;
	return sl_fail(error, SL_OUT_OF_RANGE,
	               "-p %" PRIu32 ": the roster lists %" PRIu32 " peers, 0 to %" PRIu32, d->number, peers,
	               peers - 1);
}

static enum sl_status read_identity(struct sl_daemon *d, struct sl_error *error)
{
	enum sl_status status = sl_daemon_identity(d, &d->run.roster, &d->identity, error);
	if (status == SL_OK)
		sl_key_print(d->identity.public_key, d->public_key);
	return status;
}

static uint32_t capacity(const struct sl_daemon *d)
{
	uint32_t most = d->run.config.settings.method.max_degree;
	return most > d->degree ? most : d->degree;
}

/* With too few, libzmq would neither connect nor say why. */
static enum sl_status check_descriptors(const struct sl_daemon *d, struct sl_error *error)
{
	struct rlimit files;
	uint32_t neighbours = capacity(d);
	unsigned needed = sl_net_descriptors_for(neighbours);
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max >= needed)
		return SL_OK;
	return sl_fail(error, SL_TOO_BIG,
	               "%u file descriptors are needed for %" PRIu32 " neighbours (it has %" PRIu32
	               ", and [run] max_degree = %" PRIu32
	               "), but the hard limit is %llu: raise it (LimitNOFILE= of the unit, ulimit -Hn)%s",
	               needed, neighbours, d->degree, d->run.config.settings.method.max_degree,
	               (unsigned long long)files.rlim_max,
	               sl_net_descriptors_for(d->degree) <= files.rlim_max ? ", or lower max_degree" : "");
}

static enum sl_status check_metrics(struct sl_daemon *d, struct sl_error *error)
{
	if (sl_metrics_places(&d->metrics, &d->run.config, d->number, error) == SL_OK)
		return SL_OK;
	return sl_config_blame(&d->run.config, error);
}

enum sl_status sl_daemon_check(struct sl_daemon *d, const struct sl_daemon_options *options,
                               struct sl_error *error)
{
	memset(d, 0, sizeof *d);
	d->number = options->peer;
	d->loop.signals = d->loop.wake = d->loop.listener = -1;
	enum sl_status status =
	    sl_run_open(&d->run, options->file, options->overrides, SL_SESSION_KEPT, error);
	if (status == SL_OK)
		status = check_number(d, error);
	if (status == SL_OK)
		status =
		    sl_serial_check(&d->run.config, d->number, &d->run.roster, d->run.operator_key, error);
	if (status == SL_OK)
		status = read_identity(d, error);
	if (status == SL_OK)
		status = sl_run_shard(&d->run, d->number, &d->shard_file, &d->shard, error);
	if (status == SL_OK)
		d->degree = sl_run_neighbours(&d->run, d->number, d->neighbours);
	if (status == SL_OK)
		status = check_descriptors(d, error);
	if (status == SL_OK)
		status = check_metrics(d, error);
	if (status == SL_OK)
		status = sl_resume_look(&d->resume, &d->run, d->number, error);
	if (status == SL_OK)
		sl_resume_take(&d->resume, &d->run);
	return status;
}

/* ---- memory ---- */

static enum sl_status make_peer(struct sl_daemon *d, struct sl_error *error)
{
	d->capacity = capacity(d);
	struct sl_peer_setup setup = { .plan = &d->run.plan,
		                       .peer = d->number,
		                       .neighbours = d->neighbours,
		                       .degree = d->degree,
		                       .data = &d->shard,
		                       .serial = d->run.roster.serial,
		                       .capacity = d->capacity,
		                       .joining = d->run.roster.peer[d->number].since > 0 };
	uint8_t secret[SL_KEY_BYTES];
	sl_identity_noise(&d->identity, secret);
	setup.secret = secret;
	sl_roster_gammas(&d->run.roster, &d->run.plan, &setup.gammas);
	struct sl_arena arena = { .capacity = sl_peer_size(&setup) };
	arena.base = sl_memory_take(arena.capacity, sl_peer_busy(&setup));
	if (!arena.base)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a peer of %zu bytes", arena.capacity);
	d->loop.peer = sl_peer_make(&setup, &arena);
	return sl_memory_scratch(&d->scratch, &d->run.plan, error);
}

/* Without them the peer makes its passes alone. */
static void start_threads(struct sl_daemon *d)
{
	enum { MOST = 4 };
	struct sl_error error;
	uint32_t count = d->run.config.settings.host.limit_threads, processors = sl_threads_processors();
	if (count == 0)
		count = processors < MOST ? processors : MOST;
	if (count < 2 || d->run.plan.dimension < SL_BLOCKS_SHARED)
		return;
	d->threads = sl_threads_start(count, &error);
	if (!d->threads)
		sl_log(SL_LEVEL_WARNING, "%s; continuing without", error.text);
	d->parallel = sl_threads_of(d->threads);
	d->scratch.parallel = &d->parallel;
}

/* ---- history and checkpoint ---- */

static int64_t wall_us(void)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static enum sl_status open_store(struct sl_daemon *d, struct sl_error *error)
{
	char database[4096];
	struct sl_history_run run;
	const struct sl_run_settings *settings = &d->run.config.settings;
	const struct sl_roster_peer *listed = &d->run.roster.peer[d->number];
	sl_run_history_row(&d->run, "daemon", &run);
	gethostname(d->host, sizeof d->host - 1);
	struct sl_history_peer peer = { .peer = d->number,
		                        .name = listed->name,
		                        .public_key = d->public_key,
		                        .endpoint = listed->endpoint,
		                        .host = d->host,
		                        .pid = getpid(),
		                        .started_at_us = wall_us(),
		                        .degree = d->degree };
	char folder[4096];
	sl_config_path(&d->run.config, settings->host.history, true, database);
	sl_config_path(&d->run.config, settings->host.checkpoint, true, folder);
	sl_resume_stem(&d->run.config, d->number, d->checkpoint);
	size_t length = sl_run_settings_print(settings, SL_SCOPES_SHARED, d->settings, sizeof d->settings);
	SL_CHECK(length < sizeof d->settings);
	d->loop.settings = d->settings;
	if (settings->method.checkpoint_every && mkdir(folder, 0700) != 0 && errno != EEXIST) {
		if (errno == ENOENT || errno == ENOTDIR)
			return sl_fail(error, SL_IO, "%s: %s", folder, strerror(errno));
		sl_log(SL_LEVEL_WARNING, "%s: %s; checkpoints will be attempted anyway", folder,
		       strerror(errno));
	}
	char models[4096], model[4096];
	sl_model_folder(&d->run.config, models);
	sl_model_path(&d->run.config, d->number, model);
	if (mkdir(models, 0777) != 0 && errno != EEXIST)
		sl_log(SL_LEVEL_WARNING, "%s: %s; models will not be written there", models, strerror(errno));
	d->loop.run = &d->run;
	struct sl_store_setup setup = { .database = database,
		                        .model = model,
		                        .run = &run,
		                        .peer = &peer,
		                        .checkpoint =
		                            settings->method.checkpoint_every ? d->checkpoint : NULL,
		                        .wake = d->loop.wake,
		                        .every = settings->method.history_every,
		                        .keep_us = settings->host.history_keep_us,
		                        .thin = settings->host.history_thin,
		                        .spare = 2 * (int64_t)settings->method.checkpoint_every };
	d->loop.store = d->store = sl_store_open(&setup, error);
	return d->store ? SL_OK : error->status;
}

static void on_generation(void *context, enum sl_level level, const char *kind, const char *detail)
{
	sl_loop_event(context, level, kind, "%s", detail);
}

static void say_change(void *context, const char *key, const char *then, const char *now)
{
	struct sl_daemon *d = context;
	sl_loop_event(&d->loop, SL_LEVEL_NOTICE, "setting-changed",
	              "%s = %s from round %" PRIu32 " on, instead of %s", key, now,
	              sl_peer_round(d->loop.peer), then);
}

/* Keys that changed since the checkpoint was made, and may. */
static void say_changes(struct sl_daemon *d, const struct sl_kept *kept)
{
	struct sl_run_settings then;
	struct sl_error unread;
	if (sl_config_text(&then, "checkpoint", kept->settings, kept->settings_length, &unread) == SL_OK)
		sl_resume_changes(&then, &d->run.config.settings, say_change, d);
}

/* Nobody goes on with another session's checkpoint, and nobody writes over it. */
static enum sl_status set_aside(struct sl_daemon *d, struct sl_error *error)
{
	enum sl_status status = sl_aside(d->checkpoint, NULL, error);
	if (status == SL_OK)
		sl_loop_event(&d->loop, SL_LEVEL_NOTICE, "checkpoint-set-aside",
		              "it is of session %016" PRIx64 ", at round %" PRIu32
		              ", and this one starts from round 0: kept as %s.old-1.*",
		              d->resume.session, d->resume.round, d->checkpoint);
	return status;
}

/* In front of a peer's state stands the loop's own. */
static void skip_head(struct sl_generation *g, struct sl_kept *kept)
{
	if (!g->there || g->wrong[0])
		return;
	if (!sl_kept_read(kept, g->state, g->length)) {
		snprintf(g->wrong, sizeof g->wrong, "holds %zu bytes, not a state of this version",
		         g->length);
		return;
	}
	g->state = kept->state;
	g->length = kept->state_length;
}

/* Goes on from the newest checkpoint that can be used. One that cannot is no reason not to run: the
 * neighbours may hold this peer's copy. */
static enum sl_status load_checkpoint(struct sl_daemon *d, struct sl_error *error)
{
	struct sl_generation *g = d->checkpoints.generation;
	struct sl_kept kept[2];
	enum sl_status status = sl_checkpoint_open(d->checkpoint, &d->checkpoints, error);
	if (status != SL_OK)
		return status;
	skip_head(&g[0], &kept[0]);
	skip_head(&g[1], &kept[1]);
	int taken = sl_generations_load(d->loop.peer, g, on_generation, &d->loop, error);
	if (error->status != SL_OK)
		return error->status;
	for (unsigned i = 0; i < 2; i++)
		if (g[i].there && g[i].wrong[0])
			sl_store_refused(d->store, i);
	if (taken < 0)
		return SL_OK;
	d->resumed = g[taken].state;
	d->resumed_length = g[taken].length;
	sl_store_begin(d->store, kept[taken].wire_tx, kept[taken].wire_rx, sl_peer_round(d->loop.peer));
	say_changes(d, &kept[taken]);
	return SL_OK;
}

/* $RUNTIME_DIRECTORY/trainer, or RUN/trainer/K. */
static enum sl_status open_door(struct sl_daemon *d, struct sl_error *error)
{
	char folder[4096], name[16];
	const char *runtime = getenv("RUNTIME_DIRECTORY");
	bool managed = runtime && runtime[0];
	const struct sl_run *p = &d->run;
	if (!p->plan.model.model->outside)
		return SL_OK;
	if (managed)
		snprintf(folder, sizeof folder, "%.*s", (int)strcspn(runtime, ":"), runtime);
	else
		sl_config_path(&p->config, "trainer", true, folder);
	snprintf(name, sizeof name, managed ? "trainer" : "%" PRIu32, d->number);
	d->loop.relays = p->config.settings.host.absent == SL_ABSENT_RELAY;
	struct sl_door_setup setup = { .folder = folder,
		                       .name = name,
		                       .peer = d->number,
		                       .peers = p->plan.peers,
		                       .run = p->plan.run,
		                       .start = &p->start,
		                       .steps = sl_model_steps(&p->plan.model),
		                       .relay = d->loop.relays,
		                       .limit = p->plan.settings.limit_value,
		                       .parallel = d->scratch.parallel,
		                       .wake = d->loop.wake };
	d->loop.door = sl_door_open(&setup, error);
	if (!d->loop.door)
		return error->status;
	d->run.guest = (struct sl_guest){ d->loop.door, sl_door_call };
	sl_log(SL_LEVEL_NOTICE, "a trainer may attach at %s/%s", folder, name);
	return SL_OK;
}

/* Begins a recording with the state that the peer begins with. */
static enum sl_status open_recording(struct sl_daemon *d, struct sl_error *error)
{
	char stem[4096];
	const struct sl_run *p = &d->run;
	if (!p->config.settings.host.record[0])
		return SL_OK;
	if (d->loop.door)
		return sl_fail(error, SL_UNSUPPORTED,
		               "[run] record = %s: a recording holds no answers of a trainer: leave it empty",
		               p->config.settings.host.record);
	sl_config_path(&p->config, p->config.settings.host.record, true, stem);
	if (d->loop.ledger.reserved > 0)
		sl_log(SL_LEVEL_WARNING,
		       "this recording does not replay: it begins with the count of noisy gradients in %s",
		       d->loop.ledger.path);
	struct sl_recording_head head = { .run = p->plan.run,
		                          .session = p->plan.session,
		                          .peer = d->number,
		                          .roster = { p->roster.serial, d->neighbours, d->degree },
		                          .capacity = d->capacity,
		                          .joining = p->roster.peer[d->number].since > 0,
		                          .configuration = p->printed,
		                          .state = d->resumed,
		                          .state_length = d->resumed_length };
	d->loop.recording = sl_recording_open(stem, &head, error);
	if (!d->loop.recording)
		return error->status;
	sl_store_record(d->store, d->loop.recording);
	sl_log(SL_LEVEL_NOTICE, "recording to %s", sl_recording_path(d->loop.recording));
	return SL_OK;
}

/* ---- life ---- */

static enum sl_status open_descriptors(struct sl_daemon *d, struct sl_error *error)
{
	sigset_t set = loop_signals();
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
		setrlimit(RLIMIT_NOFILE, &files); /* a stranger that opens connections must not use up ours */
	}
	d->loop.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	d->loop.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->loop.signals < 0 || d->loop.wake < 0)
		return sl_fail(error, SL_IO, "no descriptor for signals: %s", strerror(errno));
	d->loop.state = d->run.config.state;
	d->loop.listener = sl_status_listen(d->loop.state, d->number, error);
	if (d->loop.listener < 0 && error->status != SL_IO)
		return error->status;
	if (d->loop.listener < 0)
		sl_log(SL_LEVEL_WARNING, "%s; starling status cannot see this peer until this is fixed",
		       error->text);
	return SL_OK;
}

/* Served by the loop from its first turn on. */
static enum sl_status open_exporter(struct sl_daemon *d, struct sl_error *error)
{
	d->loop.metrics.started_us = wall_us();
	d->loop.metrics.disagreement = (double)NAN;
	if (!d->metrics.listens && !d->metrics.textfile[0])
		return SL_OK;
	return sl_exporter_open(&d->loop.exporter, &d->metrics, sl_metrics_describe, &d->loop, sl_clock(),
	                        error);
}

/* Buffers of frames come and go every round. By default malloc gives large ones back to the system at once, and
 * takes a page fault for every page of the next one: a tenth of the CPU of a round with frames of 400 kB. */
static void keep_frame_buffers(size_t frame)
{
	enum { LARGE = 128 << 10, FRAMES = 8, MOST = 16 << 20 };
	if (frame < LARGE)
		return;
	int kept = frame < MOST / FRAMES ? (int)(FRAMES * frame) : MOST;
	mallopt(M_MMAP_THRESHOLD, kept);
	mallopt(M_TRIM_THRESHOLD, kept);
}

/* Threads that start later inherit it. A service manager may have forbidden it, or have set more. */
static void be_nice(int nice)
{
	if (nice == 0)
		return;
	errno = 0;
	int present = getpriority(PRIO_PROCESS, 0);
	if ((errno == 0 && present >= nice) || setpriority(PRIO_PROCESS, 0, nice) == 0)
		return;
	sl_log(SL_LEVEL_WARNING, "limits.nice = %d: %s; in a unit, set Nice= instead", nice, strerror(errno));
}

enum sl_status sl_daemon_open(struct sl_daemon *d, struct sl_error *error)
{
	be_nice((int)d->run.plan.settings.limit_nice);
	mallopt(M_ARENA_MAX, 2); /* an arena a thread is address space and fragments for nothing */
	keep_frame_buffers(d->run.plan.body_bound);
	d->loop.number = d->number;
	d->loop.plan = &d->run.plan;
	d->loop.scratch = &d->scratch;
	d->loop.net = &d->net;
	enum sl_status status = open_descriptors(d, error);
	if (status == SL_OK)
		status = make_peer(d, error);
	if (status == SL_OK)
		start_threads(d);
	if (status == SL_OK)
		status = open_store(d, error);
	if (status == SL_OK)
		status = open_door(d, error);
	if (status != SL_OK)
		return status;
	bool writes = d->run.config.settings.method.checkpoint_every > 0;
	if (d->resume.kind == SL_RESUME_OTHER && writes)
		status = set_aside(d, error);
	if (status == SL_OK && (writes || d->resume.kind == SL_RESUME_STATE))
		status = load_checkpoint(d, error);
	if (status == SL_OK)
		status = sl_ledger_begin(&d->loop.ledger, d->loop.peer, &d->run.plan, d->loop.state,
		                         d->number, error);
	if (status == SL_OK)
		status = open_recording(d, error);
	sl_checkpoint_close(&d->checkpoints);
	if (status != SL_OK)
		return status;
	if (d->run.note[0])
		sl_loop_event(&d->loop, SL_LEVEL_NOTICE, "note", "%s", d->run.note);
	status = open_exporter(d, error);
	if (status != SL_OK)
		return status;
	sl_daemon_keep_serial(d, &d->run.roster);
	return sl_daemon_links(d, &d->run.roster, &d->identity, error);
}

bool sl_daemon_run(struct sl_daemon *d)
{
	sl_log(SL_LEVEL_NOTICE, "peer %" PRIu32 " of %" PRIu32 " (%s) at %s, run %s, d = %" PRIu32 ", %s",
	       d->number, d->run.roster.topology.peers, d->run.roster.topology.spec,
	       d->net.dials ? d->net.own : d->net.endpoint, d->run.run_id, d->run.plan.dimension,
	       d->run.compress);
	enum sl_loop_result result;
	while ((result = sl_loop_run(&d->loop)) == SL_LOOP_RELOAD)
		sl_daemon_reload(d);
	bool ok = result == SL_LOOP_DONE;
	sl_log(ok ? SL_LEVEL_NOTICE : SL_LEVEL_ERROR, "ended in round %" PRIu32 ": %s",
	       sl_peer_round(d->loop.peer), d->loop.detail);
	return ok;
}

bool sl_daemon_diverged(const struct sl_daemon *d)
{
	struct sl_peer_status s;
	sl_peer_status(d->loop.peer, &s);
	return s.diverging;
}

static void end_at_once(int number)
{
	(void)number;
	_exit(1);
}

/* From here on a second signal needs no loop: it ends the process. */
static void unblock_signals(void)
{
	sigset_t set;
	signal(SIGTERM, end_at_once);
	signal(SIGINT, end_at_once);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Ends the worker. One that waits for a trainer returns as soon as the door is stopped. */
static bool let_go(struct sl_daemon *d)
{
	if (d->loop.door)
		sl_door_stop(d->loop.door);
	bool idle = sl_worker_stop(d->loop.worker);
	for (unsigned i = 0; d->loop.door && !idle && i < LET_GO_TRIES; i++) {
		poll(NULL, 0, LET_GO_MS);
		idle = sl_worker_stop(d->loop.worker);
	}
	if (idle)
		sl_door_close(d->loop.door);
	return idle;
}

/* The last model; the history is whole without it. */
static void write_model(struct sl_daemon *d)
{
	struct sl_error error;
	if (sl_model_file_write(&d->run, d->number, sl_peer_round(d->loop.peer), sl_peer_model(d->loop.peer),
	                        &error) != SL_OK)
		sl_log(SL_LEVEL_WARNING, "model: %s", error.text);
}

int sl_daemon_close(struct sl_daemon *d, int exit_code)
{
	char digest[65];
	unblock_signals();
	sl_identity_wipe(&d->identity);
	if (d->loop.listener >= 0) {
		sl_status_unlink(d->run.config.state, d->number);
		close(d->loop.listener);
	}
	sl_exporter_close(&d->loop.exporter);
	sl_net_close(&d->net);
	bool busy = sl_worker_busy(d->loop.worker); /* then the model is in the middle of a job */
	bool idle = let_go(d);
	bool final = d->loop.finished && idle;
	if (d->loop.recording && d->loop.peer && !busy)
		sl_recording_end(d->loop.recording, sl_peer_round(d->loop.peer),
		                 sl_vector_digest(d->run.plan.dimension, 0, sl_peer_model(d->loop.peer)));
	if (final)
		write_model(d);
	if (final)
		sl_model_digest(sl_peer_model(d->loop.peer), d->run.plan.dimension, digest);
	if (!busy && d->loop.peer)
		sl_ledger_end(&d->loop.ledger, d->loop.peer);
	if (d->store && d->loop.peer)
		sl_loop_events_end(&d->loop);
	if (!d->loop
	         .stopping) /* nobody waits for its end: other peers may keep the database busy for a while */
		sl_store_close_timeout(d->store, FINISHED_PATIENCE_MS);
	if (!sl_store_close(d->store, wall_us(), exit_code, final ? digest : NULL) && exit_code == 0)
		exit_code = 1; /* the history is not whole: nobody shall take it for that */
	sl_recording_close(d->loop.recording);
	sl_stepper_stop(d->loop.stepper);
	sl_view_free(&d->loop.view);
	if (!idle)
		_exit(exit_code); /* a job still reads what would be unmapped below */
	sl_threads_stop(d->threads);
	if (d->loop.signals >= 0)
		close(d->loop.signals);
	if (d->loop.wake >= 0)
		close(d->loop.wake);
	sl_file_unmap(&d->shard_file);
	sl_run_close(&d->run);
	return exit_code;
}
