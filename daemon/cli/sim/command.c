/* command.c — starling sim: the peers of a run in one process, over a virtual network and clock. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/common/waiting.h"
#include "daemon/cli/init/init.h"
#include "daemon/cli/sim/replay.h"
#include "daemon/cli/sim/sim.h"
#include "daemon/run/model_file.h"
#include "daemon/cli/common/summary.h"
#include "daemon/cli/common/terminal.h"
#include "daemon/cli/sim/swarm.h"
#include "daemon/cli/sim/units.h"
#include "gossip/outbox.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUEUE_BYTES = 1000000, BUDGET_WIRE = 1000000000 };

static atomic_bool interrupted;

static void on_signal(int number)
{
	(void)number;
	if (interrupted) /* whoever asks twice does not want to wait for the end of a window */
		_exit(1);
	interrupted = true;
}

/* ---- opening ---- */

static enum sl_status poison(struct sl_sim_command *s, struct sl_error *error)
{
	struct sl_sim_poisoner poisoner;
	for (unsigned i = 0; i < s->poisons; i++) {
		if (sl_sim_poisoner_parse(&poisoner, s->poison[i], s->run.roster.topology.peers, error) !=
		    SL_OK)
			return sl_wrap(error, "--poison");
		sl_sim_poison(s->sim, &poisoner);
	}
	return SL_OK;
}

/* A byte budget waits at the sender of a connection; over datagrams timers would ask for what only waits. */
static uint64_t rate_of(const struct sl_sim_command *s)
{
	bool budget = sl_outbox_is_needed(&s->run.plan.settings);
	return s->network.rate == 0 && budget ? BUDGET_WIRE : s->network.rate;
}

static uint32_t count_threads(const struct sl_sim_command *s)
{
	return s->threads ? (uint32_t)s->threads : sl_threads_processors();
}

static int run_swarm(const struct sl_sim_command *s)
{
	struct sl_error error = { 0 };
	struct sl_threads *threads = sl_threads_start(count_threads(s), &error);
	if (!threads)
		return sl_command_fail(&sl_command_sim, &error);
	int code =
	    sl_swarm_main(&(struct sl_swarm_options){ s->first, s->seeds, threads, s->verbose, s->stop });
	sl_threads_stop(threads);
	return code;
}

/* Recordings are made one peer after the other, and trainers of several peers serve these in the order of events. */
static enum sl_status start_threads(struct sl_sim_command *s, struct sl_error *error)
{
	uint32_t count = count_threads(s), peers = s->run.roster.topology.peers;
	bool alone = s->capture.path || (s->guests && !sl_trainers_each(s->guests));
	s->workers = sl_threads_start(alone ? 1 : count < peers ? count : peers, error);
	return s->workers ? SL_OK : error->status;
}

/* A normal deviate for each coordinate takes longer than a round of a small model, and all peers begin with the same ones. */
static enum sl_status make_start(struct sl_sim_command *s, struct sl_error *error)
{
	struct sl_plan *plan = &s->run.plan;
	s->seeded = malloc((plan->dimension + (size_t)1) * sizeof *s->seeded);
	if (!s->seeded)
		return sl_fail(error, SL_NO_MEMORY, "no memory for the start of %u numbers", plan->dimension);
	sl_model_start(&plan->model, plan->settings.seed, s->seeded);
	plan->model.seeded = s->seeded;
	return SL_OK;
}

static void on_opening(void *context, uint32_t peer)
{
	struct sl_sim_command *s = context;
	sl_waiting_show(&s->waiting, peer, s->run.roster.topology.peers);
}

/* What a trainer keeps, as an optimizer does, is one peer's: who wants fewer processes has to say so. */
static enum sl_status count_trainers(struct sl_sim_command *s, struct sl_error *error)
{
	enum { UNASKED_MOST = 64 };
	uint32_t peers = s->run.roster.topology.peers;
	if (!s->processes && peers > UNASKED_MOST && sl_run_outside(&s->run.config.settings))
		return sl_fail(
		    error, SL_OUT_OF_RANGE,
		    "%u peers would have as many trainers: --trainers N says how many serve them instead, and must keep nothing of one peer for another",
		    peers);
	if (!s->processes || s->processes > peers)
		s->processes = peers;
	return SL_OK;
}

static enum sl_status open_sim(struct sl_sim_command *s, struct sl_error *error)
{
	const struct sl_sim_network_options *n = &s->network;
	struct sl_sim_setup setup = {
		.plan = &s->run.plan,
		.topology = &s->run.roster.topology,
		.shards = s->shard,
		.network = { n->latency_us, n->jitter_us, n->loss, n->duplicate, n->reorder, n->compute_us,
		             rate_of(s), n->queue ? n->queue : QUEUE_BYTES, n->bottleneck },
		.check = n->check,
		.rows = sl_sim_command_rows(s),
		.secrets = s->secrets,
	};
	if (sl_run_outside(&s->run.config.settings)) {
		s->guests = sl_trainers_start(&s->run, NULL, (uint32_t)s->processes, &interrupted, error);
		if (!s->guests)
			return error->status;
	}
	if (s->capture.path) {
		enum sl_status status =
		    sl_sim_capture_open(&s->capture, setup.plan, setup.topology->peers, error);
		if (status != SL_OK)
			return status;
		setup.capture = &s->capture.hook;
	}
	if (start_threads(s, error) != SL_OK || make_start(s, error) != SL_OK)
		return error->status;
	setup.threads = sl_threads_of(s->workers);
	setup.opening = on_opening;
	sl_waiting_begin(&s->waiting, "making peers");
	s->sim = sl_sim_open(&setup, error);
	sl_waiting_end(&s->waiting);
	return s->sim ? poison(s, error) : error->status;
}

/* ---- running ---- */

/* Whether the newest accuracies of all peers have the mean that is enough. */
static bool is_enough(const struct sl_sim_command *s)
{
	double sum = 0;
	uint32_t peers = s->run.roster.topology.peers, members = 0;
	for (uint32_t k = 0; s->until > 0 && k < peers; k++) {
		if (sl_topology_degree(&s->run.roster.topology, k) == 0)
			continue;
		sum += s->accuracy[k]; /* NaN: one has none yet */
		members++;
	}
	return members > 0 && sum / members >= s->until;
}

static void show_progress(struct sl_sim_command *s, const struct sl_sim_totals *totals, double seconds)
{
	char left[32];
	uint32_t round = sl_peer_round(sl_sim_peer(s->sim, 0)), rounds = s->run.plan.settings.rounds;
	fprintf(stderr, "\rround %u of %u, %llu events%s\033[K", round, rounds,
	        (unsigned long long)totals->events,
	        sl_waiting_left(left, seconds, (double)round / (double)rounds));
}

static int failed_trainer(const struct sl_sim_command *s)
{
	return s->guests ? sl_trainers_failed(s->guests) : -1;
}

static bool run_to_the_end(struct sl_sim_command *s)
{
	struct sl_sim_totals totals;
	double began = sl_sim_command_seconds(), shown = began;
	bool terminal = sl_terminal_draws(STDERR_FILENO);
	do {
		bool more = sl_sim_window(s->sim, SL_TIME_NEVER);
		sl_sim_command_metrics(s);
		sl_sim_totals(s->sim, &totals);
		if (terminal && sl_sim_command_seconds() - shown > 0.5) {
			shown = sl_sim_command_seconds();
			show_progress(s, &totals, shown - began);
		}
		s->reached = is_enough(s);
		if (!more || s->reached)
			break;
	} while (totals.halted < s->run.roster.topology.peers && !sl_sim_trouble(s->sim) && !interrupted &&
	         failed_trainer(s) < 0);
	if (terminal)
		fputs("\r\033[K", stderr);
	return (s->reached || totals.halted == s->run.roster.topology.peers) && !sl_sim_trouble(s->sim);
}

static enum sl_status write_models(struct sl_sim_command *s, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (uint32_t i = 0; i < s->run.roster.topology.peers && status == SL_OK; i++) {
		const struct sl_peer *peer = sl_sim_absent(s->sim, i) ? NULL : sl_sim_peer(s->sim, i);
		if (peer)
			status =
			    sl_model_file_write(&s->run, i, sl_peer_round(peer), sl_peer_model(peer), error);
	}
	return status;
}

static void say_why(const struct sl_sim_command *s)
{
	const char *trouble = sl_sim_trouble(s->sim);
	if (failed_trainer(s) >= 0)
		fprintf(
		    stderr,
		    "starling sim: trainer %d was started again and again and never answered; what it wrote is above\n",
		    failed_trainer(s));
	else
		fprintf(stderr, "starling sim: %s\n",
		        interrupted ? "interrupted"
		        : trouble   ? trouble
		                    : "no event is left, but peers have not finished");
}

static int simulate(struct sl_sim_command *s)
{
	struct sl_error error = { 0 };
	enum sl_status status = sl_sim_command_open(s, &error);
	if (status == SL_OK)
		status = count_trainers(s, &error);
	if (status == SL_OK)
		status = sl_sim_command_begin_rows(s, &error);
	s->began = sl_sim_command_seconds();
	if (status == SL_OK)
		status = open_sim(s, &error);
	if (status != SL_OK)
		return sl_command_fail(&sl_command_sim, &error);
	bool ok = run_to_the_end(s);
	if (s->models && write_models(s, &error) != SL_OK)
		return sl_command_fail(&sl_command_sim, &error);
	if (sl_sim_command_end_rows(s, ok, &error) != SL_OK)
		return sl_command_fail(&sl_command_sim, &error);
	if (s->capture.path && sl_sim_capture_close(&s->capture, &error) != SL_OK)
		return sl_command_fail(&sl_command_sim, &error);
	s->seconds = sl_sim_command_seconds() - s->began;
	sl_sim_command_report(s);
	if (s->database &&
	    sl_summary_print(stdout, s->database, s->run.run_id, s->json, NULL, &error) != SL_OK)
		return sl_command_fail(&sl_command_sim, &error);
	if (!ok)
		say_why(s);
	uint32_t diverging = sl_sim_command_diverging(s);
	if (diverging)
		fprintf(
		    stderr,
		    "starling sim: the run diverges, as %u of %u peers see it: gamma, eta or a step of the algorithm is too large\n",
		    diverging, s->run.roster.topology.peers);
	return ok && !diverging ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static void close_all(struct sl_sim_command *s)
{
	sl_sim_close(s->sim);
	sl_threads_stop(s->workers);
	sl_trainers_stop(s->guests);
	sl_sim_capture_free(&s->capture);
	sl_history_close(s->history);
	for (uint32_t i = 0; s->file && i < s->run.roster.topology.peers; i++)
		sl_file_unmap(&s->file[i]);
	free(s->file);
	sl_pack_free(&s->pack);
	sl_many_free(&s->many);
	free(s->shard);
	free(s->accuracy);
	free(s->secret);
	free(s->secrets);
	free(s->seeded);
	sl_run_close(&s->run);
	if (s->temporary[0])
		sl_folder_abandon(s->temporary);
	sl_overrides_free(&s->set);
}

static enum sl_status take_poison(const struct sl_argument *argument, void *record, const char *text,
                                  struct sl_error *error)
{
	struct sl_sim_command *s = record;
	(void)argument;
	if (s->poisons == SL_SIM_POISONERS)
		return sl_fail(error, SL_TOO_BIG, "--poison: at most %d peers", SL_SIM_POISONERS);
	s->poison[s->poisons++] = text;
	return SL_OK;
}

static enum sl_status take_one_peer(const struct sl_argument *argument, void *record, const char *text,
                                    struct sl_error *error)
{
	struct sl_sim_command *s = record;
	s->capture.one = true;
	return sl_option_set(&argument->option, record, text, error);
}

static enum sl_status take_rate(const struct sl_argument *argument, void *record, const char *text,
                                struct sl_error *error)
{
	struct sl_sim_command *s = record;
	(void)argument;
	return sl_units_rate(text, &s->network.rate, error) == SL_OK ? SL_OK : sl_wrap(error, "--rate");
}

static enum sl_status take_queue(const struct sl_argument *argument, void *record, const char *text,
                                 struct sl_error *error)
{
	struct sl_sim_command *s = record;
	(void)argument;
	return sl_units_size(text, &s->network.queue, error) == SL_OK ? SL_OK : sl_wrap(error, "--queue");
}

/* A link with a rate is a connection, on which only an end or a cut loses anything. */
static int check_network(const struct sl_sim_command *s)
{
	const struct sl_sim_network_options *n = &s->network;
	const struct sl_command *self = &sl_command_sim;
	if (!n->rate && (n->queue || n->bottleneck))
		return sl_command_misuse(self, "--%s needs --rate", n->queue ? "queue" : "bottleneck");
	if (n->rate && s->faults)
		return sl_command_misuse(self, "--faults swarm draws its own links: it does not take --rate");
	if (n->rate && (n->jitter_us > 0 || n->loss > 0 || n->duplicate > 0 || n->reorder > 0))
		return sl_command_misuse(
		    self,
		    "--rate makes links that lose, repeat and reorder nothing: it cannot be used with --jitter, --loss, --duplicate or --reorder");
	return -1;
}

/* Options that exclude or need each other. */
static int check_arguments(const struct sl_sim_command *s)
{
	const struct sl_command *self = &sl_command_sim;
	if (s->replay && (!s->folder || s->faults || s->topology_spec || s->capture.path))
		return sl_command_misuse(
		    self,
		    "--replay needs a run's folder, and cannot be used with --topology, --faults or --record");
	if (s->faults && strcmp(s->faults, "swarm") != 0)
		return sl_command_misuse(self, "--faults %s: must be swarm", s->faults);
	if (s->faults && (s->folder || s->topology_spec))
		return sl_command_misuse(
		    self,
		    "--faults swarm draws its own runs: it takes neither a run's folder nor --topology");
	if ((s->capture.one || s->capture.vectors) && !s->capture.path)
		return sl_command_misuse(self, "--record-peer and --record-vectors need --record");
	if (s->faults && (s->poisons || s->capture.path))
		return sl_command_misuse(self, "--%s cannot be used with --faults swarm",
		                         s->poisons ? "poison" : "record");
	if (!s->faults && !s->replay && !s->folder == !s->topology_spec)
		return sl_command_misuse(self, "give either a run's folder or --topology");
	if (s->models && (!s->folder || s->replay))
		return sl_command_misuse(
		    self, "--models needs a run's folder to write to, and cannot be used with --replay");
	return check_network(s);
}

static int dispatch(struct sl_sim_command *s)
{
	int code = check_arguments(s);
	if (code >= 0)
		return code;
	if (s->replay)
		return sl_replay_main(
		    &(struct sl_replay_options){ s->folder, s->replay, s->set.item, s->json, s->verbose });
	if (s->faults)
		return run_swarm(s);
	struct sigaction action = { .sa_handler = on_signal };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return simulate(s);
}

static int sim_main(int argc, char **argv)
{
	static struct sl_sim_command s;
	char **operands;
	s.exact = (double)NAN;
	int code = sl_command_parse(&sl_command_sim, argc, argv, &s, &operands);
	if (code < 0) {
		s.folder = operands[0];
		code = dispatch(&s);
	}
	close_all(&s);
	return code;
}

#define AT(field) offsetof(struct sl_sim_command, field)
static const struct sl_operand operands_of_sim[] = {
	{ "RUN", "the folder of a run", SL_COMPLETE_RUN, .optional = true }, { NULL }
};
static const struct sl_argument arguments_of_sim[] = {
	{ .option = { "topology",
	              "simulate this graph (starling list topologies), or file:PATH, without a run's folder",
	              SL_OPTION_BORROWED, AT(topology_spec), .completes = SL_COMPLETE_TOPOLOGY },
	  .letter = 't',
	  .value = "SPEC" },
	SL_ARGUMENT_SET(struct sl_sim_command, set),
	{ .option = { "models", "write each peer's last model to RUN/model, as daemons do", SL_OPTION_SWITCH,
	              AT(models) } },
	{ .option = { "history",
	              "write the history to DB; without it, to the run's own, or with --topology nowhere",
	              SL_OPTION_BORROWED, AT(database), .completes = SL_COMPLETE_FILE },
	  .value = "DB" },
	{ .option = { "until",
	              "end when the mean of the peers' newest accuracies on the test data is at least ACCURACY (0: after run.rounds)",
	              SL_OPTION_REAL, AT(until), 0, 1, "0" },
	  .value = "ACCURACY" },
	{ .option = { "latency", "virtual time that a message takes", SL_OPTION_DURATION,
	              AT(network.latency_us), 0, 3600, "100us" },
	  .value = "TIME" },
	{ .option = { "jitter", "upper limit of a random addition to the latency", SL_OPTION_DURATION,
	              AT(network.jitter_us), 0, 3600, "0s" },
	  .value = "TIME" },
	{ .option = { "compute", "virtual time of the local steps of a round", SL_OPTION_DURATION,
	              AT(network.compute_us), 0, 3600, "1ms" },
	  .value = "TIME" },
	{ .option = { "loss", "probability that a message is lost", SL_OPTION_REAL, AT(network.loss), 0, 0.9,
	              "0" },
	  .value = "P" },
	{ .option = { "duplicate", "probability that a message arrives twice", SL_OPTION_REAL,
	              AT(network.duplicate), 0, 1, "0" },
	  .value = "P" },
	{ .option = { "reorder", "probability that later messages overtake a message", SL_OPTION_REAL,
	              AT(network.reorder), 0, 1, "0" },
	  .value = "P" },
	{ .option = { "rate",
	              "make links connections on which nothing is lost, over a wire of this rate: a number and bit, kbit, Mbit or Gbit a second. Each peer has one, by which all that it sends leaves. Frames occupy it with all headers, down to Ethernet. (What a peer allows itself to send is limits.rate)" },
	  .value = "RATE",
	  .take = take_rate },
	{ .option = { "queue",
	              "with --rate, what a link holds before messages are dropped: a number and B, kB, MB or GB (default 1MB)" },
	  .value = "SIZE",
	  .take = take_queue },
	{ .option = { "bottleneck", "with --rate, let all peers share one wire", SL_OPTION_SWITCH,
	              AT(network.bottleneck) } },
	{ .option = { "trainers",
	              "with [model] name = trainer, how many trainer processes there are (default: one per peer, for up to 64 peers). Fewer serve the peers in turn, peer K by process K mod N, and must keep nothing of one peer for another",
	              SL_OPTION_U64, AT(processes), 1, 4096 },
	  .value = "N" },
	{ .option = { "threads",
	              "threads that share the work; results do not depend on their number (default: one per processor). Peers are shared out where links have a latency, no wire is shared by all, and no peer is poisoned",
	              SL_OPTION_U64, AT(threads), 1, 1024 },
	  .value = "N" },
	{ .option = { "check", "invariants to check at the end of every window of virtual time",
	              SL_OPTION_CHOICE, AT(network.check), 0, 0, "copies", "none|copies|exact" },
	  .value = "LEVEL" },
	{ .option = { "record",
	              "write every message with the input of its compressor to FILE, for tests of coders (format: lib/compress/CAPTURE.md)",
	              SL_OPTION_BORROWED, AT(capture.path), .completes = SL_COMPLETE_FILE },
	  .value = "FILE" },
	{ .option = { "record-peer", "record only peer K", SL_OPTION_U64, AT(capture.peer), 0, 1.9e19 },
	  .value = "K",
	  .take = take_one_peer },
	{ .option = { "record-vectors", "also record the vectors before compression: 4 bytes per coordinate",
	              SL_OPTION_SWITCH, AT(capture.vectors) } },
	{ .option = { "poison",
	              "make a peer send a false model from round FROM on, while it follows the protocol. KIND is flip (the mean of the others with the sign reversed), drift, noise or little" },
	  .value = "PEER:KIND[:AMOUNT[:FROM]]",
	  .take = take_poison,
	  .many = true },
	{ .option = { "replay",
	              "replay the recording of a daemon's peer ([run] record) bit for bit, and report the first difference",
	              SL_OPTION_BORROWED, AT(replay), .completes = SL_COMPLETE_FILE },
	  .value = "FILE" },
	{ .option = { "faults",
	              "swarm: run random settings under random faults (crashes, partitions, stops, lost and repeated messages, bad disks), drawn from seeds, and check the invariants after every event",
	              SL_OPTION_BORROWED, AT(faults), .choices = "swarm" },
	  .value = "swarm" },
	{ .option = { "seed", "first seed of the swarm", SL_OPTION_U64, AT(first), 0, 1.9e19, "1" },
	  .value = "S" },
	{ .option = { "seeds", "number of seeds of the swarm", SL_OPTION_U64, AT(seeds), 0, 1.9e19, "1" },
	  .value = "N" },
	{ .option = { "stop", "stop the swarm at the first seed that fails", SL_OPTION_SWITCH, AT(stop) } },
	SL_ARGUMENT_JSON(struct sl_sim_command, json, "print the results as JSON"),
	{ .option = { "verbose", "with --faults or --replay, print the events of the peers", SL_OPTION_SWITCH,
	              AT(verbose) } },
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_sim = {
	"sim",
	{ .program = "starling sim",
	  .doc = "run the peers in one process, with a virtual network and clock",
	  .forms =
	      (const char *const[]){ "RUN", "--topology SPEC", "--faults swarm", "RUN --replay FILE", NULL },
	  .text =
	      "Runs the same peers as starlingd, in one process. Configuration, graph and data come from the folder of a run;\n"
	      "in lockstep, the final models are bit for bit those of `starling up`. With --topology no folder is needed: the\n"
	      "data are prepared in a temporary folder.\n",
	  .operands = operands_of_sim,
	  .arguments = arguments_of_sim },
	sim_main
};
