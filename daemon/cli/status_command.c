/* status_command.c — starling status: what each peer of a run is doing, and which neighbour it waits for. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/status_ssh.h"
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

/* "-" or the number in that unit. */
static const char *in_units(int64_t value, double unit, int digits, char text[static 32])
{
	if (value < 0)
		return strcpy(text, "-");
	snprintf(text, 32, "%.*f", digits, (double)value / unit);
	return text;
}

/* "3: 2 connection, 1 drop" */
static void tell_again(const struct sl_status_link *l, char *text, size_t size)
{
	static const char *const why[SL_AGAIN_KINDS] = { "connection", "drop", "refusal", "digest" };
	int used = snprintf(text, size, "%lld", (long long)l->resent);
	for (unsigned k = 0, named = 0; k < SL_AGAIN_KINDS; k++)
		if (l->again[k] > 0)
			used += snprintf(text + used, size - (size_t)used, "%s %lld %s", named++ ? "," : ":",
			                 (long long)l->again[k], why[k]);
}

static void print_link(void *context, const struct sl_status_link *l)
{
	const uint32_t *peer = context;
	char sent[32], rate[32], queue[32], rtt[32], tcp[32], again[160];
	sl_bytes_text(l->wire_tx, sent, sizeof sent);
	sl_bytes_text(l->wire_resent, tcp, sizeof tcp);
	tell_again(l, again, sizeof again);
	printf("%5u %9lld %9s %10s %8s %8s %9s  %s\n", *peer, (long long)l->neighbour, sent,
	       in_units(l->throughput, 125, 1, rate), in_units(l->queue_us, 1000, 1, queue),
	       in_units(l->srtt_us, 1000, 1, rtt), tcp, again);
}

/* The phase of a peer that did not answer; `detail` is printed after it. */
static const char *absence(const struct sl_config *config, bool gone, uint32_t peer,
                           enum sl_status_reply reply, int64_t pid, char *detail, size_t size)
{
	char owner[80];
	enum sl_local_presence presence = SL_LOCAL_HERE;
	detail[0] = '\0';
	if (reply == SL_STATUS_ABSENT && gone)
		return "gone";
	if (reply == SL_STATUS_ABSENT)
		presence = sl_local_presence(config, peer);
	if (presence == SL_LOCAL_ELSEWHERE)
		return "on another host";
	if (reply == SL_STATUS_ABSENT && presence == SL_LOCAL_HERE)
		return "not running";
	if (reply == SL_STATUS_FORBIDDEN || presence == SL_LOCAL_UNSEEN) {
		sl_local_owner(config, peer, owner, sizeof owner);
		snprintf(detail, size, ": run as %s", owner);
		return "permission denied";
	}
	if (pid > 0)
		snprintf(detail, size, " (process %lld)", (long long)pid);
	return "not answering";
}

/* Returns whether the peer answered. */
static bool show_peer(const struct sl_config *config, bool gone, uint32_t k, bool json, bool links)
{
	static char line[SL_STATUS_LINE];
	struct sl_status_view view;
	char detail[128];
	int64_t pid;
	enum sl_status_reply reply = sl_local_ask(config, k, PATIENCE_MS, line, sizeof line, &pid);
	bool alive = reply == SL_STATUS_ANSWERED && sl_status_view_parse(&view, line);
	if (alive && json)
		printf("%s\n  %.*s", k ? "," : "", (int)strcspn(line, "\r\n"), line);
	else if (alive && links)
		sl_status_view_links(line, print_link, &k);
	else if (alive)
		print_peer(&view);
	if (alive || (links && !json))
		return alive;
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
static uint32_t show(const struct sl_config *config, const struct sl_roster *roster, bool json, bool links)
{
	uint32_t answered = 0;
	if (json)
		putchar('[');
	else if (links)
		printf("%5s %9s %9s %10s %8s %8s %9s  %s\n", "peer", "neighbour", "sent", "kbit/s",
		       "queue ms", "rtt ms", "tcp again", "frames again");
	else
		printf("%5s %13s %8s %9s %9s %7s  %s\n", "peer", "round", "loss", "accuracy", "sent", "links",
		       "doing");
	for (uint32_t k = 0; k < roster->topology.peers; k++)
		answered += show_peer(config, roster->peer[k].gone, k, json, links);
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
	bool json, links;
};

/* Only fails where it returns: ssh takes the place of this process. */
static int ask_elsewhere(const char *where, const struct request *request)
{
	struct sl_error error;
	char options[32];
	snprintf(options, sizeof options, "%s%s", request->json ? " --json" : "",
	         request->links ? " --links" : "");
	sl_status_by_ssh(where, options, &error);
	return sl_command_fail(&sl_command_status, &error);
}

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
	if (operands[0] && strncmp(operands[0], "ssh:", 4) == 0)
		return ask_elsewhere(operands[0], &request);
	const char *folder = run_of(operands[0]);
	if (!folder)
		return sl_command_misuse(&sl_command_status,
		                         "RUN is missing: the folder of a run (" SL_LOCAL_RUN
		                         " contains none)");
	snprintf(path, sizeof path, "%.4000s/run.conf", folder);
	if (sl_local_open(&config, &roster, path, &error) != SL_OK)
		return sl_command_fail(&sl_command_status, &error);
	uint32_t answered = show(&config, &roster, request.json, request.links);
	sl_roster_free(&roster);
	return answered ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static const struct sl_operand operands_of_status[] = {
	{ "RUN",
	  "the folder of a run; without it, the run of the service, " SL_LOCAL_RUN
	  "; ssh:HOST or ssh:HOST:RUN: asks there, by ssh(1)",
	  SL_COMPLETE_RUN, .optional = true },
	{ NULL }
};
static const struct sl_argument arguments_of_status[] = {
	SL_ARGUMENT_JSON(struct request, json,
	                 "print the peers' answers, with the state of every link, as one JSON array"),
	{ .option = { "links", "print what each link carries instead", SL_OPTION_SWITCH,
	              offsetof(struct request, links) } },
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_status = {
	"status",
	{ .program = "starling status",
	  .doc = "show what each peer of a run is doing, and which neighbour it waits for",
	  .forms = (const char *const[]){ "[RUN]", "ssh:HOST[:RUN]", NULL },
	  .text =
	      "Queries every peer of the run on this machine and prints one line per peer: round, training loss, accuracy of\n"
	      "its own model on the test data, bytes of differences sent, links that are up in both directions, and what it\n"
	      "is doing. If a link is down or the history cannot be written, the line shows since when and why. A peer that\n"
	      "runs but does not answer is shown as \"not answering\", one of another user as \"permission denied\", and one whose\n"
	      "key, samples and state are not here as \"on another host\". The peers of the service have their state in\n" SL_LOCAL_STATE
	      "/K, those of a job of Slurm in RUN/state/K. Exits with status 1 if no peer answers.\n"
	      "With --links: of the connection to each neighbour the bytes sent, the throughput while there was something to\n"
	      "send, how long a byte waits for its turn, the smoothed round trip, the bytes that TCP sent again, and how many\n"
	      "frames were sent again and why: the connection ended with them (connection), the queue was full (drop), they\n"
	      "came and were not taken (refusal); and how many snapshots replaced a copy that differed (digest).\n",
	  .operands = operands_of_status,
	  .arguments = arguments_of_status },
	run
};
