/* command.c — starling sim: the peers of a run in one process, over a virtual network and clock. */
#include "daemon/cli/command_line.h"
#include "daemon/cli/init/init.h"
#include "daemon/cli/replay.h"
#include "daemon/cli/sim/sim.h"
#include "daemon/cli/summary.h"
#include "daemon/cli/sim/swarm.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS_A_TURN = 256 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

#define AT(field) offsetof(struct network_options, field)
static const struct sl_option network_options[] = {
	{ "latency", "virtual time a message takes", SL_OPTION_DURATION, AT(latency_us), 0, 3600, "100us" },
	{ "jitter", "further time, drawn uniformly up to this", SL_OPTION_DURATION, AT(jitter_us), 0, 3600,
	  "0s" },
	{ "compute", "virtual time of the local steps of a round", SL_OPTION_DURATION, AT(compute_us), 0,
	  3600, "1ms" },
	{ "loss", "probability that a message is lost", SL_OPTION_REAL, AT(loss), 0, 0.9, "0" },
	{ "duplicate", "probability that a message arrives twice", SL_OPTION_REAL, AT(duplicate), 0, 1, "0" },
	{ "reorder", "probability that later messages overtake a message", SL_OPTION_REAL, AT(reorder), 0, 1,
	  "0" },
	{ "check", "invariants checked after every event", SL_OPTION_CHOICE, AT(check), 0, 0, "copies",
	  "none|copies|exact" },
	{ NULL }
};

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

static enum sl_status open_sim(struct sl_sim_command *s, struct sl_error *error)
{
	const struct network_options *n = &s->network;
	struct sl_sim_setup setup = {
		.plan = &s->run.plan,
		.topology = &s->run.roster.topology,
		.shards = s->shard,
		.network = { n->latency_us, n->jitter_us, n->loss, n->duplicate, n->reorder, n->compute_us },
		.check = n->check,
		.rows = sl_sim_command_rows(s),
	};
	if (s->capture.path) {
		enum sl_status status =
		    sl_sim_capture_open(&s->capture, setup.plan, setup.topology->peers, error);
		if (status != SL_OK)
			return status;
		setup.capture = &s->capture.hook;
	}
	s->sim = sl_sim_open(&setup, error);
	return s->sim ? poison(s, error) : error->status;
}

/* ---- running, and what came of it ---- */

static bool run_to_the_end(struct sl_sim_command *s)
{
	struct sl_sim_totals totals;
	double shown = sl_sim_command_seconds();
	bool terminal = isatty(STDERR_FILENO);
	do {
		bool more = true;
		for (int i = 0; i < EVENTS_A_TURN && more; i++)
			more = sl_sim_step(s->sim);
		sl_sim_totals(s->sim, &totals);
		if (terminal && sl_sim_command_seconds() - shown > 0.5) {
			shown = sl_sim_command_seconds();
			fprintf(stderr, "\rround %u of %u, %llu events\033[K",
			        sl_peer_round(sl_sim_peer(s->sim, 0)), s->run.plan.settings.rounds,
			        (unsigned long long)totals.events);
		}
		if (!more)
			break;
	} while (totals.halted < s->run.roster.topology.peers && !sl_sim_trouble(s->sim) && !interrupted);
	if (terminal)
		fputs("\r\033[K", stderr);
	return totals.halted == s->run.roster.topology.peers && !sl_sim_trouble(s->sim);
}

static int simulate(struct sl_sim_command *s)
{
	struct sl_error error = { 0 };
	enum sl_status status = sl_sim_command_open(s, &error);
	if (status == SL_OK)
		status = sl_sim_command_begin_rows(s, &error);
	s->began = sl_sim_command_seconds();
	if (status == SL_OK)
		status = open_sim(s, &error);
	if (status != SL_OK)
		return sl_command_fail(&sl_command_sim, &error);
	bool ok = run_to_the_end(s);
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
		fprintf(stderr, "starling sim: %s\n",
		        interrupted              ? "interrupted"
		        : sl_sim_trouble(s->sim) ? sl_sim_trouble(s->sim)
		                                 : "nothing was left to happen, yet peers had not finished");
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
	sl_sim_capture_free(&s->capture);
	sl_history_close(s->history);
	for (uint32_t i = 0; s->file && i < s->run.roster.topology.peers; i++)
		sl_file_unmap(&s->file[i]);
	free(s->file);
	free(s->shard);
	free(s->accuracy);
	sl_run_close(&s->run);
	if (s->temporary[0])
		sl_folder_abandon(s->temporary);
	sl_overrides_free(&s->set);
}

static enum sl_status take(struct sl_sim_command *s, int option, const char *name, const char *argument,
                           struct sl_error *error)
{
	switch (option) {
	case 't':
		s->topology_spec = argument;
		return SL_OK;
	case 'H':
		s->database = argument;
		return SL_OK;
	case 's':
		return sl_overrides_add(&s->set, error, "%s", argument);
	case 'p':
		if (s->poisons == SL_SIM_POISONERS)
			return sl_fail(error, SL_TOO_BIG, "--poison: at most %d peers", SL_SIM_POISONERS);
		s->poison[s->poisons++] = argument;
		return SL_OK;
	case 'r':
		s->capture.path = argument;
		return SL_OK;
	case 'R':
		s->replay = argument;
		return SL_OK;
	case 'V':
		s->capture.vectors = true;
		return SL_OK;
	case 'j':
		s->json = true;
		return SL_OK;
	case 'f':
		s->faults = argument;
		return SL_OK;
	case 'v':
		s->verbose = true;
		return SL_OK;
	case 'x':
		s->stop = true;
		return SL_OK;
	case 'P':
		s->capture.one = true; /* fall through */
	case 'S':
	case 'n': {
		char *end;
		uint64_t *to = option == 'S' ? &s->first : option == 'n' ? &s->seeds : &s->capture.peer;
		errno = 0;
		*to = strtoull(argument, &end, 10);
		return *argument >= '0' && *argument <= '9' && !*end && !errno
		           ? SL_OK
		           : sl_fail(error, SL_MALFORMED, "--%s %s: needs a whole number", name, argument);
	}
	default: {
		const struct sl_option *o = sl_option_find(network_options, name);
		SL_CHECK(o);
		return sl_option_set(o, &s->network, argument, error) == SL_OK ? SL_OK
		                                                               : sl_wrap(error, "--%s", name);
	}
	}
}

/* Refuses what does not go together. */
static int check_arguments(const struct sl_sim_command *s)
{
	if (s->replay && (!s->folder || s->faults || s->topology_spec || s->capture.path))
		return sl_command_misuse(&sl_command_sim,
		                         "--replay FILE belongs to a run's folder, and to nothing else");
	if (s->faults && strcmp(s->faults, "swarm") != 0)
		return sl_command_misuse(&sl_command_sim, "--faults %s: only 'swarm' is known", s->faults);
	if (s->faults && (s->folder || s->topology_spec))
		return sl_command_misuse(
		    &sl_command_sim,
		    "--faults swarm draws its own runs: give neither a folder nor a topology");
	if ((s->capture.one || s->capture.vectors) && !s->capture.path)
		return sl_command_misuse(&sl_command_sim, "--record-peer and --record-vectors need --record");
	if (s->faults && s->poisons)
		return sl_command_misuse(&sl_command_sim, "--poison: of one run, not of --faults swarm");
	if (s->faults && s->capture.path)
		return sl_command_misuse(&sl_command_sim, "--record: of one run, not of --faults swarm");
	if (!s->faults && !s->replay && !s->folder == !s->topology_spec)
		return sl_command_misuse(
		    &sl_command_sim, "needs a run's folder, or --topology for one made up: one of the two");
	return SL_EXIT_OK;
}

static int sim_main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "topology", required_argument, NULL, 't' },
		{ "set", required_argument, NULL, 's' },
		{ "history", required_argument, NULL, 'H' },
		{ "json", no_argument, NULL, 'j' },
		{ "latency", required_argument, NULL, 1 },
		{ "jitter", required_argument, NULL, 2 },
		{ "compute", required_argument, NULL, 3 },
		{ "loss", required_argument, NULL, 4 },
		{ "duplicate", required_argument, NULL, 5 },
		{ "reorder", required_argument, NULL, 6 },
		{ "check", required_argument, NULL, 7 },
		{ "help", no_argument, NULL, 'h' },
		{ "poison", required_argument, NULL, 'p' },
		{ "faults", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 'S' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "stop", no_argument, NULL, 'x' },
		{ "record", required_argument, NULL, 'r' },
		{ "record-peer", required_argument, NULL, 'P' },
		{ "record-vectors", no_argument, NULL, 'V' },
		{ "replay", required_argument, NULL, 'R' },
		{ 0 },
	};
	static const char *const network_name[] = { NULL,   "latency",   "jitter",  "compute",
		                                    "loss", "duplicate", "reorder", "check" };
	static struct sl_sim_command s;
	struct sl_error error = { 0 };
	s.exact = (double)NAN;
	s.first = s.seeds = 1;
	sl_options_standard(network_options, &s.network);
	optind = 0;
	for (int o; (o = sl_command_option(&sl_command_sim, argc, argv, "t:s:h", table)) != -1;) {
		if (o == '?')
			return SL_EXIT_MISUSE;
		if (o == 'h')
			return sl_command_help(&sl_command_sim);
		const char *name = o < 8      ? network_name[o]
		                   : o == 'S' ? "seed"
		                   : o == 'P' ? "record-peer"
		                              : "seeds";
		if (take(&s, o, name, optarg, &error) != SL_OK)
			return sl_command_fail(&sl_command_sim, &error);
	}
	s.folder = optind < argc ? argv[optind++] : NULL;
	if (optind < argc)
		return sl_command_misuse(&sl_command_sim, "unexpected argument '%s'", argv[optind]);
	int code = check_arguments(&s);
	if (code != SL_EXIT_OK)
		return code;
	if (s.replay)
		return sl_replay_main(
		    &(struct sl_replay_options){ s.folder, s.replay, s.set.item, s.json, s.verbose });
	if (s.faults)
		return sl_swarm_main(s.first, s.seeds, s.verbose, s.stop);
	struct sigaction action = { .sa_handler = on_signal };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	code = simulate(&s);
	close_all(&s);
	return code;
}

const struct sl_command sl_command_sim = {
	.name = "sim",
	.synopsis =
	    "starling sim RUN | starling sim --topology SPEC [--set section.key=value]... | starling sim --faults swarm [--seed S] | starling sim RUN --replay FILE",
	.doc = "run the peers in one process, over a virtual network and clock",
	.help =
	    "Runs the very peers that starlingd runs, in one process. Of a run's folder it takes configuration, graph and\n"
	    "data; in lockstep the models it ends with are bit for bit those of `starling up`. With --topology nothing needs\n"
	    "to exist: data are prepared in a temporary folder.\n"
	    "\n"
	    "  -t, --topology SPEC     a graph (see `starling topology`), or file:PATH, instead of a run's folder\n"
	    "  -s, --set SECTION.KEY=VALUE  override a key of the configuration; may be repeated\n"
	    "      --history DB        database to write (default: the run's own; none with --topology)\n"
	    "      --latency TIME      virtual time a message takes (100us)\n"
	    "      --jitter TIME       further time, drawn uniformly up to this (0s)\n"
	    "      --compute TIME      virtual time of a round's local steps (1ms)\n"
	    "      --loss P            probability that a message is lost (0)\n"
	    "      --duplicate P       probability that a message arrives twice (0)\n"
	    "      --reorder P         probability that later messages overtake a message (0)\n"
	    "      --check none|copies|exact  invariants checked after every event (copies)\n"
	    "      --record FILE       write every message as its compressor saw it: what a coder needs to code it again\n"
	    "                          (lib/compress/CAPTURE.md has the format)\n"
	    "      --record-peer K     only those of peer K (all)\n"
	    "      --record-vectors    also the vectors before compression: 4 bytes a coordinate\n"
	    "      --poison PEER:KIND[:AMOUNT[:FROM]]  a peer that keeps to the protocol and lies about its "
	    "model, from round FROM\n"
	    "                          on: flip (the others' mean with its sign turned), drift, noise, little; may be repeated\n"
	    "      --replay FILE       runs the peer again that a daemon has recorded ([run] record), bit for bit, and says where\n"
	    "                          it first differs; --verbose prints its events\n"
	    "      --json              print results as JSON\n"
	    "      --faults swarm      runs drawn from seeds, under faults drawn from them too: crashes, cuts, stops, lost\n"
	    "                          and repeated messages, bad disks; what must hold is checked after every event\n"
	    "      --seed S            the first seed (1)\n"
	    "      --seeds N           how many (1)\n"
	    "      --stop              stops at the first seed that fails\n"
	    "      --verbose           also print what happens to whom\n"
	    "  -h, --help              this text\n",
	.run = sim_main,
};
