/* command.c — starling up: runs the peers of a run as processes on this machine, until they are finished. */
#include "daemon/cli/up/up.h"

#include "daemon/cli/common/command_line.h"
#include "daemon/cli/common/ports.h"
#include "daemon/run/curvature.h"
#include "daemon/run/status.h"
#include "daemon/cli/common/summary.h"
#include "daemon/cli/common/terminal.h"
#include "daemon/cli/up/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ASK_MS = 50, SILENT_ASKS = 2, RETRY_US = 2000000, STOP_US = 20000000, ASKS_A_TURN = 32 };

static struct sl_time now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct sl_time){ (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 };
}

static enum sl_status check_silent(const struct sl_up *up, struct sl_error *error)
{
	static char line[SL_STATUS_LINE];
	int64_t pid;
	for (uint32_t k = 0; k < up->children.count; k++)
		if (sl_status_query(up->run.config.state, k, ASK_MS, line, sizeof line, &pid) !=
		    SL_STATUS_ABSENT)
			return sl_fail(error, SL_IO, "peer %u of %s is already running (starling status %s)",
			               k, up->folder, up->folder);
	return SL_OK;
}

static bool in_roster(const struct sl_roster *roster, uint16_t port)
{
	for (uint32_t k = 0; k < roster->topology.peers; k++)
		if (sl_port_of(roster->peer[k].endpoint) == port)
			return true;
	return false;
}

/* Gives new ports to the peers marked in `taken`, and signs. */
static enum sl_status move_peers(struct sl_up *up, const bool *taken, uint32_t count, struct sl_error *error)
{
	struct sl_roster *roster = &up->run.roster;
	struct sl_identity signer;
	char path[4096];
	uint32_t peers = roster->topology.peers, at = 0;
	uint16_t *port = calloc(peers + count, sizeof *port);
	enum sl_status status = port ? sl_ports_choose(port, peers + count, error)
	                             : sl_fail(error, SL_NO_MEMORY, "no memory for ports");
	for (uint32_t k = 0; k < peers && status == SL_OK; k++) {
		if (!taken[k])
			continue;
		while (in_roster(roster, port[at]))
			at++;
		snprintf(roster->peer[k].endpoint, sizeof roster->peer[k].endpoint, "tcp://127.0.0.1:%u",
		         port[at++]);
	}
	free(port);
	if (status == SL_OK) {
		sl_config_path(&up->run.config, "operator.key", false, path);
		status = sl_identity_read(&signer, path, error);
	}
	if (status != SL_OK)
		return sl_wrap(
		    error,
		    "the port of a peer is in use, and a roster with another port needs the operator's key");
	roster->serial++;
	sl_config_path(&up->run.config, up->run.config.settings.host.roster, false, path);
	status = sl_roster_write(roster, path, &signer, error);
	sl_identity_wipe(&signer);
	return status;
}

/* Ports were free when the run was created; another program may use one now. */
static enum sl_status settle_ports(struct sl_up *up, struct sl_error *error)
{
	uint32_t peers = up->run.roster.topology.peers, count = 0;
	bool *taken = calloc(peers, sizeof *taken);
	if (!taken)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", peers);
	for (uint32_t k = 0; k < peers; k++) {
		uint16_t port = sl_port_of(up->run.roster.peer[k].endpoint);
		taken[k] = port && !sl_port_free(port);
		count += taken[k];
	}
	enum sl_status status = count ? move_peers(up, taken, count, error) : SL_OK;
	if (count && status == SL_OK)
		fprintf(stderr, "starling up: %u port%s in use: signed a roster with other ports\n", count,
		        count > 1 ? "s are" : " is");
	free(taken);
	return status;
}

/* Creates or migrates the database before the peers do, to fail early if this fails. */
static enum sl_status try_history(struct sl_up *up, struct sl_error *error)
{
	sl_config_path(&up->run.config, up->run.config.settings.host.history, true, up->database);
	struct sl_history *history = sl_history_open(up->database, SL_HISTORY_WRITE, error);
	sl_history_close(history);
	return history ? SL_OK : error->status;
}

static void print_notes(const struct sl_up *up)
{
	char eta[SL_TEXT_MAX];
	sl_curvature_of_run(&up->run, &up->run.roster, 0, eta);
	if (up->run.plan.gamma_follows)
		fprintf(stderr, "starling up: note: gamma = auto takes %g\n", up->run.plan.gamma);
	if (up->run.note[0])
		fprintf(stderr, "starling up: note: %s\n", up->run.note);
	if (eta[0])
		fprintf(stderr, "starling up: note: %s\n", eta);
}

static enum sl_status prepare(struct sl_up *up, struct sl_error *error)
{
	up->lock = sl_up_lock(up->folder, error); /* held until this process ends: a run is up only once */
	enum sl_status status = up->lock >= 0 ? SL_OK : error->status;
	if (status == SL_OK)
		status = sl_run_open(&up->run, up->conf, up->set.item,
		                     up->resume ? SL_SESSION_KEPT : SL_SESSION_NEW, error);
	if (status != SL_OK)
		return status;
	uint32_t peers = up->run.roster.topology.peers;
	up->children = (struct sl_children){ .count = peers,
		                             .conf = up->conf,
		                             .set = up->set.item,
		                             .append = up->resume,
		                             .restart = up->restart };
	sl_config_path(&up->run.config, "log", true, up->children.log);
	up->children.child = calloc(peers, sizeof *up->children.child);
	up->peer = calloc(peers, sizeof *up->peer);
	up->asked = calloc(peers, sizeof *up->asked);
	up->progress = sl_progress_start(stderr, sl_terminal_draws(STDERR_FILENO) && !up->plain, peers,
	                                 up->run.plan.settings.rounds, up->run.plan.dimension);
	if (!up->children.child || !up->peer || !up->asked || !up->progress)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", peers);
	for (uint32_t k = 0; k < peers; k++)
		up->children.child[k].absent = up->run.roster.peer[k].gone;
	for (uint32_t k = 0; k < peers; k++)
		sl_status_view_parse(&up->peer[k].view, "");
	print_notes(up);
	if ((status = check_silent(up, error)) != SL_OK || (status = settle_ports(up, error)) != SL_OK)
		return status;
	if ((status = try_history(up, error)) != SL_OK ||
	    (status = up->resume ? sl_up_resume(up, error) : sl_up_begin(up, error)) != SL_OK)
		return status;
	return sl_children_find(up->children.program, error);
}

/* Signals arrive as readable bytes between two turns of the loop. */
static enum sl_status catch_signals(struct sl_up *up, struct sl_error *error)
{
	sigset_t set;
	struct sigaction hangup;
	up->terminal = isatty(STDERR_FILENO);
	up->headless = sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	up->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return up->signals >= 0 ? SL_OK : sl_fail(error, SL_IO, "signalfd: %s", strerror(errno));
}

static void stop(struct sl_up *up, struct sl_time at)
{
	if (up->stopping)
		return;
	up->stopping = true;
	up->kill_at = sl_time_after(at, STOP_US);
	for (uint32_t k = 0; k < up->children.count; k++)
		if (up->children.child[k].state == SL_CHILD_RESTING)
			up->children.child[k].state = SL_CHILD_FAILED;
	up->children.restart = false;
	sl_children_signal(&up->children, SIGTERM);
}

/* SIGHUP means that the terminal is gone, or that the roster has changed. */
static bool hung_up(const struct sl_up *up, const struct signalfd_siginfo *info)
{
	return info->ssi_code > 0 /* sent by the kernel */ || (up->terminal && !isatty(STDERR_FILENO));
}

static void take_signals(struct sl_up *up, struct sl_time at)
{
	struct signalfd_siginfo info;
	while (read(up->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (info.ssi_signo == SIGHUP && !hung_up(up, &info)) {
			sl_up_reload(up, at);
			continue;
		}
		if (info.ssi_signo == SIGHUP && up->headless)
			continue; /* as nohup wants it */
		if (++up->interrupts == 1) {
			sl_progress_say(up->progress, "stopping the peers (^C again to kill them)");
			stop(up, at);
		} else {
			sl_children_signal(&up->children, SIGKILL);
		}
	}
}

/* `whose`: empty, or "trainer-". */
static void print_log_end(struct sl_up *up, const char *whose, uint32_t k)
{
	char path[4096 + 32], tail[2048];
	snprintf(path, sizeof path, "%s/%s%u.log", up->children.log, whose, k);
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	if (fseek(f, -(long)(sizeof tail - 1), SEEK_END) != 0)
		rewind(f);
	size_t n = fread(tail, 1, sizeof tail - 1, f);
	fclose(f);
	while (n > 0 && tail[n - 1] == '\n')
		n--;
	tail[n] = '\0';
	const char *start = tail + n;
	for (unsigned lines = 0; start > tail; start--)
		if (start[-1] == '\n' && ++lines == 8)
			break;
	for (char *save = NULL, *line = strtok_r((char *)start, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		sl_progress_say(up->progress, "  | %s", line);
	sl_progress_say(up->progress, "  (the whole log is %s)", path);
}

static void take_ends(struct sl_up *up, struct sl_time at)
{
	int64_t k;
	while ((k = sl_children_reap(&up->children, at)) >= 0) {
		char end[96];
		struct sl_child *child = &up->children.child[k];
		sl_child_end_text(child->wait_status, end, sizeof end);
		if (child->state == SL_CHILD_RESTING) {
			sl_progress_say(up->progress, "peer %u %s: restarting it", (unsigned)k, end);
			continue;
		}
		if (child->leaving) {
			sl_progress_say(up->progress, "removed peer %u %s", (unsigned)k, end);
			continue;
		}
		/* Not a failure: a peer that was stopped before it handled signals, or was killed on request.
		 * Only the first failure is reported; others probably have the same cause. */
		bool asked = WIFSIGNALED(child->wait_status) &&
		             (WTERMSIG(child->wait_status) == SIGTERM || up->interrupts > 1);
		if (up->code != SL_EXIT_OK || (up->stopping && asked))
			continue;
		bool misconfigured = WIFEXITED(child->wait_status) && WEXITSTATUS(child->wait_status) == 2;
		up->code = misconfigured ? SL_EXIT_MISUSE : SL_EXIT_FAILED;
		sl_progress_say(up->progress, "peer %u %s%s", (unsigned)k, end,
		                child->starts > 1 ? " repeatedly" : "");
		print_log_end(up, "", (uint32_t)k);
		stop(up, at);
	}
}

static void ask(struct sl_up *up, struct sl_time at)
{
	static char line[SL_STATUS_LINE];
	uint32_t peers = up->children.count, turn = peers < ASKS_A_TURN ? peers : ASKS_A_TURN;
	for (uint32_t i = 0; i < turn; i++) {
		uint32_t k = up->next_asked++ % peers;
		struct sl_up_asked *asked = &up->asked[k];
		struct sl_status_view view;
		if (up->children.child[k].state != SL_CHILD_RUNNING || sl_time_before(at, asked->again_at))
			continue;
		if (sl_status_ask(up->run.config.state, k, ASK_MS, line, sizeof line) &&
		    sl_status_view_parse(&view, line)) {
			if (view.diverging && !up->peer[k].view.diverging)
				sl_progress_say(up->progress,
				                "peer %u finds that the run diverges (round %lld)", k,
				                (long long)view.round);
			up->peer[k].view = view;
			asked->silent = 0;
		} else if (++asked->silent >= SILENT_ASKS) {
			asked->again_at = sl_time_after(at, RETRY_US);
		}
	}
}

/* Ends the run once the newest accuracies of all peers have the mean that is enough. */
static void look_for_target(struct sl_up *up, struct sl_time at)
{
	double sum = 0;
	uint32_t rated = 0;
	for (uint32_t k = 0; k < up->children.count; k++) {
		if (up->children.child[k].absent || up->children.child[k].leaving)
			continue;
		sum += up->peer[k].view.test_accuracy; /* NaN: it has none yet */
		rated++;
	}
	if (up->until <= 0 || up->stopping || rated == 0 || !(sum / rated >= up->until))
		return;
	sl_progress_say(up->progress, "the mean accuracy is %.4f: that is enough", sum / rated);
	stop(up, at);
}

static void show(struct sl_up *up, struct sl_time at)
{
	static const char *const fates[] = { NULL, "restarting", "done", "failed" };
	ask(up, at);
	for (uint32_t k = 0; k < up->children.count; k++) {
		const struct sl_child *child = &up->children.child[k];
		up->peer[k].fate = fates[child->state];
		if (up->run.roster.peer[k].gone && child->state == SL_CHILD_ENDED)
			up->peer[k].fate = "removed";
		else if (child->absent)
			up->peer[k].fate = "not started here";
		up->peer[k].absent = child->absent || child->leaving;
		if (!up->peer[k].fate && up->asked[k].silent >= SILENT_ASKS && up->peer[k].view.peer >= 0)
			up->peer[k].fate = "does not answer";
	}
	uint32_t failed;
	if (!sl_up_watch_trainers(up, &failed)) {
		up->code = SL_EXIT_FAILED;
		print_log_end(up, "trainer-", failed);
		stop(up, at);
		return;
	}
	sl_progress_show(up->progress, up->peer, at);
	look_for_target(up, at);
	up->show_at = sl_time_after(now(), (int64_t)sl_progress_interval_ms(up->progress) * 1000);
}

/* A peer that could not be restarted. */
static bool any_failed(const struct sl_up *up)
{
	for (uint32_t k = 0; k < up->children.count; k++)
		if (up->children.child[k].state == SL_CHILD_FAILED)
			return true;
	return false;
}

static void watch(struct sl_up *up)
{
	up->show_at = sl_time_after(now(), (int64_t)sl_progress_interval_ms(up->progress) * 1000);
	while (sl_children_alive(&up->children) > 0) {
		struct sl_time at = now();
		int rest = sl_children_revive(&up->children, at);
		if (!up->stopping && any_failed(up)) {
			up->code = SL_EXIT_FAILED;
			stop(up, at);
		}
		int64_t due = up->stopping ? up->kill_at.us - at.us : up->show_at.us - at.us;
		int wait = due <= 0 ? 0 : (int)(due / 1000 + 1);
		struct pollfd p = { up->signals, POLLIN, 0 };
		poll(&p, 1, rest >= 0 && rest < wait ? rest : wait);
		at = now();
		take_signals(up, at);
		take_ends(up, at);
		if (!up->stopping && !sl_time_before(at, up->show_at)) {
			show(up, at);
		} else if (up->stopping && !sl_time_before(at, up->kill_at)) {
			sl_progress_say(up->progress, "some peers do not stop: killing them");
			sl_children_signal(&up->children, SIGKILL);
			up->kill_at = sl_time_after(at, STOP_US);
			up->code = SL_EXIT_FAILED;
		}
	}
}

static int run_peers(struct sl_up *up, struct sl_error *error)
{
	enum sl_status status = prepare(up, error);
	if (status == SL_OK)
		status = catch_signals(up, error);
	if (status == SL_OK)
		status = sl_up_announce(up->folder, error);
	if (status != SL_OK)
		return sl_command_fail(&sl_command_up, error);
	status = sl_children_start(&up->children, now(), error);
	if (status == SL_OK) {
		status = sl_up_start_trainers(up, error);
		if (status != SL_OK)
			sl_children_signal(&up->children, SIGTERM);
		watch(up);
	}
	sl_up_stop_trainers(up);
	sl_up_withdraw(up->folder);
	if (status != SL_OK)
		return sl_command_fail(&sl_command_up, error);
	sl_progress_end(up->progress);
	up->progress = NULL;
	if (up->interrupts && up->run.plan.settings.checkpoint_every)
		fprintf(stderr, "stopped; starling up %s --resume continues from the checkpoints\n",
		        up->folder);
	else if (up->interrupts)
		fprintf(stderr, "stopped; completed rounds are in the history\n");
	uint32_t diverging = 0;
	status = sl_summary_print(stdout, up->database, up->run.run_id, up->json, &diverging, error);
	if (status != SL_OK) {
		sl_command_fail(&sl_command_up, error);
		return up->code != SL_EXIT_OK ? up->code : SL_EXIT_FAILED;
	}
	if (diverging)
		fprintf(
		    stderr,
		    "starling up: the run diverges, as %u of %u peers see it: gamma, eta or a step of the algorithm is too large\n",
		    diverging, up->children.count);
	return up->code == SL_EXIT_OK && diverging ? SL_EXIT_FAILED : up->code;
}

/* A relative path starts at the current folder here, not at the folder of the run. */
static enum sl_status take_history(const struct sl_argument *argument, void *record, const char *text,
                                   struct sl_error *error)
{
	struct sl_up *up = record;
	char here[2048] = "";
	(void)argument;
	if (text[0] != '/' && !getcwd(here, sizeof here))
		return sl_fail(error, SL_IO, "working directory: %s", strerror(errno));
	return sl_overrides_add(&up->set, error, "history.path=%s%s%s", here, here[0] ? "/" : "", text);
}

static int start(struct sl_up *up, const char *folder)
{
	struct sl_error error;
	if (snprintf(up->folder, sizeof up->folder, "%s", folder) >= (int)sizeof up->folder - 64)
		return sl_command_misuse(&sl_command_up, "RUN is too long a path");
	snprintf(up->conf, sizeof up->conf, "%s/run.conf", up->folder);
	return run_peers(up, &error);
}

static int run(int argc, char **argv)
{
	static struct sl_up up; /* large: an open run */
	char **operands;
	memset(&up, 0, sizeof up);
	up.lock = up.signals = -1;
	int code = sl_command_parse(&sl_command_up, argc, argv, &up, &operands);
	if (code < 0)
		code = start(&up, operands[0]);
	sl_progress_end(up.progress);
	free(up.children.child);
	free(up.peer);
	free(up.asked);
	sl_run_close(&up.run);
	sl_overrides_free(&up.set);
	if (up.signals >= 0)
		close(up.signals);
	if (up.lock >= 0)
		close(up.lock);
	return code;
}

#define AT(field) offsetof(struct sl_up, field)
static const struct sl_operand operands_of_up[] = { { "RUN", "the folder of a run", SL_COMPLETE_RUN },
	                                            { NULL } };
static const struct sl_argument arguments_of_up[] = {
	{ .option = { "resume",
	              "continue the last session from its checkpoints, instead of starting a new one and setting the old checkpoints aside; starling.conf(5) lists the settings that may change",
	              SL_OPTION_SWITCH, AT(resume) } },
	{ .option = { "restart", "restart a peer that fails, at most five times in ten seconds",
	              SL_OPTION_SWITCH, AT(restart) } },
	{ .option = { "history", "write the history to DB, instead of the database in run.conf",
	              .completes = SL_COMPLETE_FILE },
	  .value = "DB",
	  .take = take_history },
	{ .option = { "trainer",
	              "the command of the trainers, instead of that in run.conf; none: they are attached by hand",
	              SL_OPTION_BORROWED, AT(trainer) },
	  .value = "COMMAND" },
	SL_ARGUMENT_SET(struct sl_up, set),
	{ .option = { "plain", "print lines instead of a table", SL_OPTION_SWITCH, AT(plain) } },
	{ .option = { "until",
	              "stop the peers when the mean of their newest accuracies on the test data is at least ACCURACY (0: after run.rounds)",
	              SL_OPTION_REAL, AT(until), 0, 1, "0" },
	  .value = "ACCURACY" },
	SL_ARGUMENT_JSON(struct sl_up, json, "print the summary as JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_up = {
	"up",
	{ .program = "starling up",
	  .doc = "start the peers of a run on this machine, show progress and a summary",
	  .forms = (const char *const[]){ "RUN", NULL },
	  .text =
	      "Starts one starlingd per peer and shows their progress, as a table on a terminal and as lines elsewhere. When all\n"
	      "peers have completed their rounds, prints a summary. ^C stops the peers; completed rounds are kept in the\n"
	      "history. Logs are in RUN/log. If a peer fails, all peers are stopped, unless --restart is given.\n"
	      "\n"
	      "SIGHUP reloads the roster; starling roster RUN CHANGE --tell sends it. Added peers are started if their keys and\n"
	      "data are in RUN, all others reload the roster, and a removed peer may exit.\n"
	      "\n"
	      "Exits with status 0 if all peers finished or were stopped, 1 if a peer failed, 2 if the configuration of a peer\n"
	      "is invalid.\n",
	  .operands = operands_of_up,
	  .arguments = arguments_of_up },
	run
};
