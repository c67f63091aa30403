/* status_command.c — starling status: what each peer of a run is doing now, and whom it waits for. */
#include "daemon/command_line.h"
#include "daemon/config.h"
#include "daemon/roster.h"
#include "daemon/status.h"
#include "daemon/status_view.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 500 };

static enum sl_status read_run(const char *run, struct sl_config *config, struct sl_roster *roster,
                               struct sl_error *error)
{
	char path[4096];
	uint8_t key[SL_KEY_BYTES];
	if (snprintf(path, sizeof path, "%s/run.conf", run) >= (int)sizeof path)
		return sl_fail(error, SL_TOO_BIG, "%.60s…: too long a path", run);
	enum sl_status status = sl_keys_start(error);
	if (status == SL_OK)
		status = sl_config_load(config, path, NULL, error);
	if (status != SL_OK)
		return status;
	if (!sl_key_parse(config->settings.operator_key, key))
		return sl_fail(error, SL_MALFORMED, "%s: [run] operator_key must be 64 hex digits", path);
	sl_config_path(config, config->settings.roster, false, path);
	return sl_roster_read(roster, path, key, error);
}

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

/* Returns how many answered. */
static uint32_t show(const struct sl_config *config, const struct sl_roster *roster, bool json)
{
	static char line[SL_STATUS_LINE];
	struct sl_status_view view;
	uint32_t answered = 0;
	if (json)
		putchar('[');
	else
		printf("%5s %13s %8s %9s %9s %7s  %s\n", "peer", "round", "loss", "accuracy", "sent", "links",
		       "doing");
	for (uint32_t k = 0; k < roster->topology.peers; k++) {
		const char *absent = roster->peer[k].gone ? "gone" : "not running";
		bool alive = sl_status_ask(config->state, k, PATIENCE_MS, line, sizeof line) &&
		             sl_status_view_parse(&view, line);
		answered += alive;
		if (json && alive)
			printf("%s\n  %.*s", k ? "," : "", (int)strcspn(line, "\r\n"), line);
		else if (json)
			printf("%s\n  {\"peer\": %u, \"phase\": \"%s\"}", k ? "," : "", k, absent);
		else if (alive)
			print_peer(&view);
		else
			printf("%5u %13s %8s %9s %9s %7s  %s\n", k, "-", "-", "-", "-", "-", absent);
	}
	if (json)
		puts("\n]");
	return answered;
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct sl_config config;
	struct sl_error error;
	struct sl_roster roster;
	bool json = false;
	optind = 0;
	for (int letter; (letter = sl_command_option(&sl_command_status, argc, argv, "h", table)) != -1;) {
		if (letter == '?')
			return SL_EXIT_MISUSE;
		if (letter == 'h')
			return sl_command_help(&sl_command_status);
		json = true;
	}
	if (optind + 1 != argc)
		return optind == argc
		           ? sl_command_misuse(&sl_command_status, "RUN is missing: the folder of a run")
		           : sl_command_misuse(&sl_command_status, "'%s' is one argument too many",
		                               argv[optind + 1]);
	if (read_run(argv[optind], &config, &roster, &error) != SL_OK)
		return sl_command_fail(&sl_command_status, &error);
	uint32_t answered = show(&config, &roster, json);
	sl_roster_free(&roster);
	return answered ? SL_EXIT_OK : SL_EXIT_FAILED;
}

const struct sl_command sl_command_status = {
	"status", "status RUN [--json]", "what each peer of a run is doing now, and whom it waits for",
	"Asks every peer of the run on this machine, and prints a line each: round, loss, accuracy of its "
	"own model on the\n"
	"test data, bytes of differences sent, links that are up in both directions, and what it is doing; "
	"also "
	"since when and why\n"
	"a link is not, or its history cannot be written, where that is so. Exits 1 if no peer "
	"answers.\n"
	"\n"
	"  --json  the peers' own answers, which say more (each link's state), as one array\n"
	"  --help  this text\n",
	run
};
