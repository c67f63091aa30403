/* status_command.c — starling status: what each peer of a run is doing, and which neighbour it waits for. */
#include "daemon/cli/common/command_line.h"
#include "daemon/run/local.h"
#include "daemon/run/status_view.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 500 };

static void print_peer(const struct sl_status_view *v)
{
	char round[48], loss[32], accuracy[32], links[32], sent[32], doing[900];
	snprintf(round, sizeof round, "%lld/%lld", (long long)v->round, (long long)v->rounds);
	snprintf(links, sizeof links, "%lld/%lld", (long long)v->edges_up, (long long)v->edges);
	sl_status_real(v->train_loss, 4, loss, sizeof loss);
	sl_status_real(v->test_accuracy, 4, accuracy, sizeof accuracy);
	sl_bytes_text(v->payload_tx, sent, sizeof sent);
	sl_status_view_doing(v, doing, sizeof doing);
	printf("%5lld %13s %8s %9s %9s %7s  %s\n", (long long)v->peer, round, loss, accuracy, sent, links,
	       doing);
}

/* The phase of a peer that did not answer; `detail` is printed after it. */
static const char *absence(const struct sl_config *config, bool gone, uint32_t peer,
                           enum sl_status_reply reply, int64_t pid, char *detail, size_t size)
{
	char owner[80];
	detail[0] = '\0';
	if (reply == SL_STATUS_ABSENT)
		return gone ? "gone" : "not running";
	if (reply == SL_STATUS_FORBIDDEN) {
		sl_local_owner(config, peer, owner, sizeof owner);
		snprintf(detail, size, ": run as %s", owner);
		return "permission denied";
	}
	if (pid > 0)
		snprintf(detail, size, " (process %lld)", (long long)pid);
	return "not answering";
}

/* Returns whether the peer answered. */
static bool show_peer(const struct sl_config *config, bool gone, uint32_t k, bool json)
{
	static char line[SL_STATUS_LINE];
	struct sl_status_view view;
	char detail[128];
	int64_t pid;
	enum sl_status_reply reply = sl_local_ask(config, k, PATIENCE_MS, line, sizeof line, &pid);
	bool alive = reply == SL_STATUS_ANSWERED && sl_status_view_parse(&view, line);
	if (alive && json)
		printf("%s\n  %.*s", k ? "," : "", (int)strcspn(line, "\r\n"), line);
	else if (alive)
		print_peer(&view);
	if (alive)
		return true;
	const char *phase = absence(config, gone, k, reply, pid, detail, sizeof detail);
	if (!json)
		printf("%5u %13s %8s %9s %9s %7s  %s%s\n", k, "-", "-", "-", "-", "-", phase, detail);
	else if (pid > 0)
		printf("%s\n  {\"peer\": %u, \"phase\": \"%s\", \"pid\": %lld}", k ? "," : "", k, phase,
		       (long long)pid);
	else
		printf("%s\n  {\"peer\": %u, \"phase\": \"%s\"}", k ? "," : "", k, phase);
	return false;
}

/* Returns the number of peers that answered. */
static uint32_t show(const struct sl_config *config, const struct sl_roster *roster, bool json)
{
	uint32_t answered = 0;
	if (json)
		putchar('[');
	else
		printf("%5s %13s %8s %9s %9s %7s  %s\n", "peer", "round", "loss", "accuracy", "sent", "links",
		       "doing");
	for (uint32_t k = 0; k < roster->topology.peers; k++)
		answered += show_peer(config, roster->peer[k].gone, k, json);
	if (json)
		puts("\n]");
	return answered;
}

/* The run that was named, else that of the service, or NULL. */
static const char *run_of(const char *named)
{
	if (named)
		return named;
	return access(SL_LOCAL_RUN "/run.conf", F_OK) == 0 ? SL_LOCAL_RUN : NULL;
}

struct request {
	bool json;
};

static int run(int argc, char **argv)
{
	static struct sl_config config;
	struct request request = { 0 };
	struct sl_error error;
	struct sl_roster roster;
	char path[4096], **operands;
	int code = sl_command_parse(&sl_command_status, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	const char *folder = run_of(operands[0]);
	if (!folder)
		return sl_command_misuse(&sl_command_status,
		                         "RUN is missing: the folder of a run (" SL_LOCAL_RUN
		                         " contains none)");
	snprintf(path, sizeof path, "%.4000s/run.conf", folder);
	if (sl_local_open(&config, &roster, path, &error) != SL_OK)
		return sl_command_fail(&sl_command_status, &error);
	uint32_t answered = show(&config, &roster, request.json);
	sl_roster_free(&roster);
	return answered ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static const struct sl_operand operands_of_status[] = {
	{ "RUN", "the folder of a run; without it, the run of the service, " SL_LOCAL_RUN, SL_COMPLETE_RUN,
	  .optional = true },
	{ NULL }
};
static const struct sl_argument arguments_of_status[] = {
	SL_ARGUMENT_JSON(struct request, json,
	                 "print the peers' answers, with the state of every link, as one JSON array"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_status = {
	"status",
	{ .program = "starling status",
	  .doc = "show what each peer of a run is doing, and which neighbour it waits for",
	  .forms = (const char *const[]){ "[RUN]", NULL },
	  .text =
	      "Queries every peer of the run on this machine and prints one line per peer: round, training loss, accuracy of\n"
	      "its own model on the test data, bytes of differences sent, links that are up in both directions, and what it\n"
	      "is doing. If a link is down or the history cannot be written, the line shows since when and why. A peer that\n"
	      "runs but does not answer is shown as \"not answering\", one of another user as \"permission denied\". The peers of\n"
	      "the service have their state in " SL_LOCAL_STATE
	      "/K. Exits with status 1 if no peer answers.\n",
	  .operands = operands_of_status,
	  .arguments = arguments_of_status },
	run
};
