/* roster_command.c — starling roster: shows the peers of a run, or changes and signs the roster. */
#include "daemon/cli/common/command_line.h"
#include "daemon/run/curvature.h"
#include "daemon/run/endpoint.h"
#include "daemon/run/local.h"
#include "daemon/run/roster_of_run.h"
#include "daemon/run/run.h"
#include "daemon/cli/common/ports.h"
#include "daemon/cli/roster_admit.h"
#include "daemon/cli/roster_edit.h"
#include "daemon/run/founding.h"
#include "daemon/run/status_view.h"
#include "daemon/cli/up/lock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHANGES_MAX = 64, PATIENCE_MS = 500 };
enum change_kind { ADD, REMOVE, ROTATE, MOVE, RENAME, JOIN, PART };

struct change {
	enum change_kind kind;
	const char *argument, *name, *key, *neighbours; /* name, key, neighbours: of the options after it */
	uint32_t peer;                                  /* the peer that it concerns */
	uint8_t old_key[SL_KEY_BYTES];                  /* of a peer that is removed or rotated */
	bool made;                                      /* its key was created here, in keys/K.key.new */
};

struct roster_command {
	char run[4096], conf[4096 + 16];
	bool signal, again, json; /* again: sign it also without a change */
	struct change change[CHANGES_MAX];
	unsigned changes;
	const char *admit[CHANGES_MAX]; /* files of --admit; more may follow as operands */
	unsigned admits;
	struct sl_requests requests;  /* in all of them */
	struct sl_admitted *admitted; /* one per request */
	size_t updates;               /* requests that changed something */
	struct sl_config config;
	uint8_t operator_key[SL_KEY_BYTES];
	struct sl_roster roster;
	struct sl_roster_draft draft;
	char note[SL_TEXT_MAX * 2], gamma[128], eta[SL_TEXT_MAX]; /* of the run under the new roster */
};

static enum sl_status open_roster(struct roster_command *c, struct sl_error *error)
{
	if (!sl_key_parse(c->config.settings.host.operator_key, c->operator_key))
		return sl_fail(error, SL_MALFORMED, "%s: [run] operator_key must be 64 hex digits", c->conf);
	return sl_roster_to_sign(&c->roster, &c->config, c->operator_key, error);
}

/* Configuration and requests. */
static enum sl_status open_run(struct roster_command *c, char **files, struct sl_error *error)
{
	enum sl_status status = sl_keys_start(error);
	if (status == SL_OK)
		status = sl_config_load(&c->config, c->conf, NULL, error);
	if (status == SL_OK && *files && !c->admits)
		status = sl_fail(error, SL_MALFORMED,
		                 "unexpected argument '%s': files of requests follow --admit", *files);
	for (unsigned i = 0; i < c->admits && status == SL_OK; i++)
		status = sl_requests_add(&c->requests, c->admit[i], error);
	for (; *files && status == SL_OK; files++)
		status = sl_requests_add(&c->requests, *files, error);
	return status;
}

/* ---- showing ---- */

static void show(const struct sl_roster *r)
{
	const struct sl_topology *t = &r->topology;
	char key[SL_KEY_HEX];
	printf("serial %" PRIu32 ", %s\n", r->serial, t->spec);
	for (uint32_t i = 0; i < t->peers; i++) {
		const struct sl_roster_peer *p = &r->peer[i];
		if (p->gone) {
			printf("%5" PRIu32 "  %-16s gone\n", i, p->name);
			continue;
		}
		sl_key_print(p->public_key, key);
		printf("%5" PRIu32 "  %-16s %-28s %.16s…  neighbours", i, p->name, p->endpoint, key);
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++)
			printf(" %" PRIu32, t->neighbour[k]);
		if (p->since)
			printf("  (since serial %" PRIu32 ")", p->since);
		putchar('\n');
	}
}

static void show_json(const struct sl_roster *r)
{
	const struct sl_topology *t = &r->topology;
	char key[SL_KEY_HEX];
	printf("{\"serial\": %" PRIu32 ", \"topology\": ", r->serial);
	sl_json_text(stdout, t->spec);
	fputs(", \"peers\": [", stdout);
	for (uint32_t i = 0; i < t->peers; i++) {
		const struct sl_roster_peer *p = &r->peer[i];
		printf("%s\n  {\"peer\": %" PRIu32 ", \"name\": ", i ? "," : "", i);
		sl_json_text(stdout, p->name);
		printf(", \"gone\": %s", p->gone ? "true" : "false");
		if (!p->gone) {
			sl_key_print(p->public_key, key);
			fputs(", \"endpoint\": ", stdout);
			sl_json_text(stdout, p->endpoint);
			printf(", \"key\": \"%s\", \"since\": %" PRIu32 ", \"neighbours\": [", key, p->since);
			for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++)
				printf("%s%" PRIu32, k > t->first[i] ? ", " : "", t->neighbour[k]);
			putchar(']');
		}
		putchar('}');
	}
	puts("\n]}");
}

/* ---- changing ---- */

static bool number_at(const char *text, char end, uint32_t *out, const char **rest)
{
	char *stop;
	unsigned long v = strtoul(text, &stop, 10);
	*out = (uint32_t)v;
	*rest = stop + (*stop != '\0');
	return text[0] >= '0' && text[0] <= '9' && *stop == end && v < SL_PEERS_MAX;
}

static enum sl_status parse_peer(const char *option, const char *text, uint32_t *out, struct sl_error *error)
{
	const char *rest;
	return number_at(text, '\0', out, &rest)
	           ? SL_OK
	           : sl_fail(error, SL_MALFORMED, "--%s %s: must be the number of a peer", option, text);
}

static enum sl_status parse_pair(const char *option, const char *text, uint32_t *a, uint32_t *b,
                                 struct sl_error *error)
{
	const char *rest;
	return number_at(text, ':', a, &rest) && number_at(rest, '\0', b, &rest) && *a != *b
	           ? SL_OK
	           : sl_fail(error, SL_MALFORMED, "--%s %s: must be the numbers of two peers, such as 2:5",
	                     option, text);
}

static void key_path(const struct roster_command *c, uint32_t peer, const char *ending, char out[static 4096])
{
	char name[SL_TEXT_MAX + 32];
	snprintf(name, sizeof name, "%s/%" PRIu32 ".key%s", c->config.settings.host.keys, peer, ending);
	sl_config_path(&c->config, name, false, out);
}

/* The key that was given, or a new one, which is kept in K.key.new until the roster is signed. */
static enum sl_status take_key(struct roster_command *c, struct change *change,
                               uint8_t key[static SL_KEY_BYTES], struct sl_error *error)
{
	char path[4096];
	struct sl_identity identity;
	if (change->key)
		return sl_key_parse(change->key, key)
		           ? SL_OK
		           : sl_fail(error, SL_MALFORMED, "--key %s: must be 64 hex digits", change->key);
	key_path(c, change->peer, ".new", path);
	unlink(path); /* of an attempt that failed */
	sl_identity_make(&identity);
	memcpy(key, identity.public_key, SL_KEY_BYTES);
	enum sl_status status = sl_identity_write(&identity, path, error);
	sl_identity_wipe(&identity);
	change->made = status == SL_OK;
	return status;
}

static enum sl_status choose_endpoint(const char *given, char out[static SL_TEXT_MAX], struct sl_error *error)
{
	uint16_t port;
	struct sl_endpoint form;
	enum sl_status status;
	if (strcmp(given, "auto") != 0) {
		status = sl_endpoint_parse(&form, given, error);
		snprintf(out, SL_TEXT_MAX, "%s", given);
		return status == SL_OK ? SL_OK : sl_wrap(error, "--add");
	}
	status = sl_ports_choose(&port, 1, error);
	snprintf(out, SL_TEXT_MAX, "tcp://127.0.0.1:%u", port);
	return status;
}

static enum sl_status join_listed(struct roster_command *c, const struct change *change,
                                  struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (const char *at = change->neighbours; at && *at && status == SL_OK;) {
		uint32_t peer;
		const char *rest;
		if (!number_at(at, ',', &peer, &rest) && !number_at(at, '\0', &peer, &rest))
			return sl_fail(error, SL_MALFORMED,
			               "--neighbours %s: must be numbers of peers, such as 0,4",
			               change->neighbours);
		status = sl_roster_draft_join(&c->draft, change->peer, peer, error);
		at = rest;
	}
	return status;
}

static enum sl_status add(struct roster_command *c, struct change *change, struct sl_error *error)
{
	char endpoint[SL_TEXT_MAX];
	uint8_t key[SL_KEY_BYTES];
	change->peer = c->draft.peers;
	enum sl_status status = choose_endpoint(change->argument, endpoint, error);
	if (status == SL_OK)
		status = take_key(c, change, key, error);
	if (status == SL_OK)
		status = sl_roster_draft_add(&c->draft, change->name, endpoint, key, &change->peer, error);
	return status == SL_OK ? join_listed(c, change, error) : status;
}

/* A peer that this command has added has no old key. */
static void keep_old_key(const struct roster_command *c, struct change *change)
{
	if (change->peer < c->roster.topology.peers)
		memcpy(change->old_key, c->roster.peer[change->peer].public_key, SL_KEY_BYTES);
}

static enum sl_status rotate(struct roster_command *c, struct change *change, struct sl_error *error)
{
	uint8_t key[SL_KEY_BYTES];
	enum sl_status status = parse_peer("rotate", change->argument, &change->peer, error);
	if (status == SL_OK)
		status = take_key(c, change, key, error);
	if (status == SL_OK)
		status = sl_roster_draft_rotate(&c->draft, change->peer, key, error);
	if (status == SL_OK)
		keep_old_key(c, change);
	return status;
}

static enum sl_status expel(struct roster_command *c, struct change *change, struct sl_error *error)
{
	enum sl_status status = parse_peer("remove", change->argument, &change->peer, error);
	if (status == SL_OK)
		status = sl_roster_draft_remove(&c->draft, change->peer, error);
	if (status == SL_OK)
		keep_old_key(c, change);
	return status;
}

static enum sl_status apply(struct roster_command *c, struct change *change, struct sl_error *error)
{
	uint32_t a, b;
	const char *rest;
	enum sl_status status;
	switch (change->kind) {
	case ADD:
		return add(c, change, error);
	case ROTATE:
		return rotate(c, change, error);
	case REMOVE:
		return expel(c, change, error);
	case MOVE:
		if (!number_at(change->argument, '=', &change->peer, &rest))
			return sl_fail(error, SL_MALFORMED, "--endpoint %s: must be K=ENDPOINT",
			               change->argument);
		status = sl_roster_draft_move(&c->draft, change->peer, rest, error);
		return status == SL_OK ? SL_OK : sl_wrap(error, "--endpoint");
	case RENAME:
		if (!number_at(change->argument, '=', &change->peer, &rest))
			return sl_fail(error, SL_MALFORMED, "--rename %s: must be K=NAME", change->argument);
		status = sl_roster_draft_rename(&c->draft, change->peer, rest, error);
		return status == SL_OK ? SL_OK : sl_wrap(error, "--rename");
	case JOIN:
		status = parse_pair("link", change->argument, &a, &b, error);
		return status == SL_OK ? sl_roster_draft_join(&c->draft, a, b, error) : status;
	case PART:
		break;
	}
	status = parse_pair("unlink", change->argument, &a, &b, error);
	return status == SL_OK ? sl_roster_draft_part(&c->draft, a, b, error) : status;
}

/* After the roster is signed, K.key.new becomes K.key. */
static enum sl_status place_keys(struct roster_command *c, struct sl_error *error)
{
	char from[4096], to[4096], old[4096];
	for (unsigned i = 0; i < c->changes; i++) {
		if (!c->change[i].made)
			continue;
		key_path(c, c->change[i].peer, ".new", from);
		key_path(c, c->change[i].peer, "", to);
		key_path(c, c->change[i].peer, ".old", old);
		if ((rename(to, old) != 0 && errno != ENOENT) || rename(from, to) != 0)
			return sl_fail(error, SL_IO, "%s: %s; the new key is in %s", to, strerror(errno),
			               from);
	}
	return SL_OK;
}

/* The secrets of keys that were rotated or removed, in K.key or K.key.old. A file with another key is kept: with
 * --key, the new one may be there already. */
static enum sl_status destroy_secrets(const struct roster_command *c, struct sl_error *error)
{
	static const char *const endings[] = { "", ".old" };
	char path[4096];
	enum sl_status status = SL_OK;
	for (unsigned i = 0; i < 2 * c->changes && status == SL_OK; i++) {
		const struct change *change = &c->change[i / 2];
		bool gone;
		if (change->kind != REMOVE && change->kind != ROTATE)
			continue;
		key_path(c, change->peer, endings[i % 2], path);
		status = sl_identity_destroy(path, change->old_key, &gone, error);
		if (gone)
			printf("destroyed  the old secret key of peer %" PRIu32 " in %s\n", change->peer,
			       path);
	}
	return status;
}

/* What the new graph does to the run, where the run's data are here to tell; peers judge it again. */
static void look_ahead(struct roster_command *c, const struct sl_roster *next)
{
	static struct sl_run run;
	static struct sl_plan plan;
	struct sl_error error;
	if (sl_run_open(&run, c->conf, NULL, SL_SESSION_NEW, &error) != SL_OK)
		return;
	double before = run.plan.gamma;
	if (sl_run_plan(&plan, &run, next, c->note, &error) != SL_OK)
		snprintf(c->note, sizeof c->note, "peers will refuse this roster: %.300s", error.text);
	else if (plan.gamma_follows && plan.gamma != before)
		snprintf(c->gamma, sizeof c->gamma, "auto takes %g under serial %" PRIu32 ", instead of %g",
		         plan.gamma, next->serial, before);
	sl_curvature_of_run(&run, next, c->roster.topology.peers, c->eta); /* first those that are added */
	sl_run_close(&run);
}

static enum sl_status sign(struct roster_command *c, struct sl_error *error)
{
	char path[4096];
	struct sl_roster made;
	struct sl_identity signer = { 0 };
	enum sl_status status = sl_roster_draft_finish(&c->draft, &made, error);
	if (status != SL_OK)
		return status;
	look_ahead(c, &made);
	status = sl_operator_read(&c->config, &signer, error);
	sl_config_path(&c->config, c->config.settings.host.roster, false, path);
	if (status == SL_OK)
		status = sl_roster_write(&made, path, &signer, error);
	if (status == SL_OK && (c->admits || sl_bundles_wanted(&c->config)))
		status = sl_bundles_write(&c->config, &c->roster, &made, &signer, error);
	sl_identity_wipe(&signer);
	if (status != SL_OK) {
		sl_roster_free(&made);
		return status;
	}
	sl_roster_free(&c->roster);
	c->roster = made;
	return SL_OK;
}

/* Sends SIGHUP to the peers of this machine. A starling up passes it on to its own peers, and starts added
 * peers. */
static void signal_peers(const struct roster_command *c)
{
	static char line[SL_STATUS_LINE];
	int64_t pid;
	unsigned signalled = 0;
	pid_t up = sl_up_process(c->run);
	if (up > 0 && kill(up, SIGHUP) == 0)
		printf(
		    "signalled  starling up (process %ld), which signals its peers and starts added ones\n",
		    (long)up);
	else
		up = 0;
	for (uint32_t k = 0; k < c->roster.topology.peers; k++)
		if (sl_local_ask(&c->config, k, PATIENCE_MS, line, sizeof line, &pid) == SL_STATUS_ANSWERED &&
		    pid > 1 && (!up || sl_up_parent((pid_t)pid) != up))
			signalled += kill((pid_t)pid, SIGHUP) == 0;
	if (signalled || !up)
		printf("signalled  %u peers on this machine\n", signalled);
}

/* A key that was created here must be copied to its peer; one made elsewhere is there already. */
static void report_added(const struct roster_command *c, const struct change *change)
{
	const struct sl_host_settings *s = &c->config.settings.host;
	uint32_t k = change->peer;
	printf("added      peer %" PRIu32 " at %s: ", k, c->roster.peer[k].endpoint);
	if (change->made)
		printf("copy %s/%" PRIu32 ".key and its data (%s/train-%" PRIu32
		       ".shard) to its host, and start it\n",
		       s->keys, k, s->shards, k);
	else
		printf("copy its data (%s/train-%" PRIu32
		       ".shard) to its host, and start it with the key file of this public key\n",
		       s->shards, k);
}

static void report_admitted(const struct roster_command *c)
{
	for (size_t i = 0; i < c->requests.count && c->admitted; i++) {
		const struct sl_admitted *a = &c->admitted[i];
		const struct sl_roster_peer *peer = &c->roster.peer[a->peer];
		char key[SL_KEY_HEX];
		sl_key_print(peer->public_key, key);
		printf("%s  %s as peer %" PRIu32 " at %s, key %s\n",
		       a->added                 ? "admitted "
		       : a->moved || a->renamed ? "changed  "
		                                : "unchanged",
		       peer->name, a->peer, peer->endpoint, key);
	}
}

static void print_signed(const struct roster_command *c, uint32_t serial)
{
	printf("signed     serial %" PRIu32 "; bundles of all hosts are in %s/bundles\n", serial, c->run);
	printf(
	    "next       on each host: starling install BUNDLE; on one that runs: systemctl reload 'starlingd@*'\n");
}

static void report(const struct roster_command *c)
{
	for (unsigned i = 0; i < c->changes; i++) {
		const struct change *change = &c->change[i];
		if (change->kind == ADD)
			report_added(c, change);
		else if (change->kind == REMOVE)
			printf("removed    peer %" PRIu32 ": peers with this roster refuse its key\n",
			       change->peer);
		else if (change->kind == ROTATE)
			printf("rotated    the key of peer %" PRIu32 "%s\n", change->peer,
			       change->made ? ""
			                    : ": install its secret key before the peer reads this roster");
	}
	report_admitted(c);
	if (c->gamma[0])
		printf("gamma      %s\n", c->gamma);
	if (c->note[0])
		fprintf(stderr, "starling roster: note: %s\n", c->note);
	if (c->eta[0])
		fprintf(stderr, "starling roster: note: %s\n", c->eta);
	if (c->admits || sl_bundles_wanted(&c->config)) {
		print_signed(c, c->roster.serial);
		return;
	}
	printf("signed     serial %" PRIu32
	       "; copy the roster to every host, then run systemctl reload 'starlingd@*' or send SIGHUP\n",
	       c->roster.serial);
}

static enum sl_status admit(struct roster_command *c, struct sl_error *error)
{
	c->admitted = calloc(c->requests.count, sizeof *c->admitted);
	if (!c->admitted)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu requests", c->requests.count);
	return sl_roster_draft_admit(&c->draft, &c->requests, c->admitted, &c->updates, error);
}

/* All that were to be admitted are members already: their bundles are written again. */
static int finish_unchanged(struct roster_command *c, struct sl_error *error)
{
	struct sl_identity signer;
	enum sl_status status = sl_operator_read(&c->config, &signer, error);
	sl_roster_draft_free(&c->draft);
	if (status == SL_OK) {
		status = sl_bundles_write(&c->config, &c->roster, &c->roster, &signer, error);
		sl_identity_wipe(&signer);
	}
	if (status != SL_OK)
		return sl_command_fail(&sl_command_roster, error);
	report_admitted(c);
	print_signed(c, c->roster.serial);
	return SL_EXIT_OK;
}

/* Of a run of remote hosts without a roster: collects requests until it can be signed. Returns the exit code; -1: there is a
 * roster now, to which requests are added that came on top. */
static int found(struct roster_command *c, struct sl_error *error)
{
	struct sl_first first;
	if (c->changes || c->again || c->signal)
		return sl_command_misuse(&sl_command_roster,
		                         "%s has no roster yet: first --admit the requests of its hosts",
		                         c->run);
	if (sl_admit_first(&c->config, &c->requests, &first, error) != SL_OK)
		return sl_command_fail(&sl_command_roster, error);
	for (size_t i = 0; i < c->requests.count; i++) {
		const struct sl_request *r = &c->requests.item[i];
		char key[SL_KEY_HEX];
		sl_key_print(r->public_key, key);
		printf("admitted   %s at %s, key %s\n", r->name, r->endpoint, key);
	}
	if (first.left > 0) {
		printf("waiting    for the requests of %" PRIu32
		       " more hosts%s%s%s; the roster is signed when they are here\n",
		       first.left, first.missing[0] ? " (" : "", first.missing, first.missing[0] ? ")" : "");
		return SL_EXIT_OK;
	}
	if (open_roster(c, error) != SL_OK)
		return sl_command_fail(&sl_command_roster, error);
	return first.more ? -1 : finish_unchanged(c, error);
}

static int change_roster(struct roster_command *c, struct sl_error *error)
{
	char path[4096];
	enum sl_status status = sl_roster_draft(&c->draft, &c->roster, error);
	for (unsigned i = 0; i < c->changes && status == SL_OK; i++)
		status = apply(c, &c->change[i], error);
	if (status == SL_OK && c->requests.count > 0)
		status = admit(c, error);
	if (status == SL_OK && c->changes == 0 && c->updates == 0 && !c->again)
		return finish_unchanged(c, error);
	if (status == SL_OK)
		status = sign(c, error);
	for (unsigned i = 0; i < c->changes && status != SL_OK; i++)
		if (c->change[i].made) {
			key_path(c, c->change[i].peer, ".new", path);
			unlink(path);
		}
	sl_roster_draft_free(&c->draft);
	if (status != SL_OK)
		return sl_command_fail(&sl_command_roster, error);
	report(c);
	int code = SL_EXIT_OK;
	if (place_keys(c, error) != SL_OK || destroy_secrets(c, error) != SL_OK)
		code = sl_command_fail(&sl_command_roster, error);
	if (c->signal)
		signal_peers(c);
	return code;
}

/* ---- the command line ---- */

/* --name, --key and --neighbours describe the change before them. */
static enum sl_status take_detail(const struct sl_argument *argument, void *record, const char *text,
                                  struct sl_error *error)
{
	struct roster_command *c = record;
	struct change *last = c->changes ? &c->change[c->changes - 1] : NULL;
	bool key = strcmp(argument->option.name, "--key") == 0, added = last && last->kind == ADD;
	if (!added && !(key && last && last->kind == ROTATE))
		return sl_fail(error, SL_MALFORMED, "%s must follow --add%s", argument->option.name,
		               key ? " or --rotate" : "");
	const char **field = key                                            ? &last->key
	                     : strcmp(argument->option.name, "--name") == 0 ? &last->name
	                                                                    : &last->neighbours;
	*field = text;
	return SL_OK;
}

static enum sl_status take_requests(const struct sl_argument *argument, void *record, const char *text,
                                    struct sl_error *error)
{
	struct roster_command *c = record;
	(void)argument;
	if (c->admits == CHANGES_MAX)
		return sl_fail(error, SL_TOO_BIG, "more than %d times: files may follow the last one",
		               CHANGES_MAX);
	c->admit[c->admits++] = text;
	return SL_OK;
}

static enum sl_status take_change(const struct sl_argument *argument, void *record, const char *text,
                                  struct sl_error *error)
{
	static const char *const names[] = {
		[ADD] = "add",       [REMOVE] = "remove", [ROTATE] = "rotate", [MOVE] = "endpoint",
		[RENAME] = "rename", [JOIN] = "link",     [PART] = "unlink"
	};
	struct roster_command *c = record;
	enum change_kind kind = ADD;
	while (strcmp(names[kind], argument->option.name + 2) != 0)
		kind++;
	if (c->changes == CHANGES_MAX)
		return sl_fail(error, SL_TOO_BIG, "at most %d changes at a time", CHANGES_MAX);
	c->change[c->changes++] = (struct change){ .kind = kind, .argument = text };
	return SL_OK;
}

static int run(int argc, char **argv)
{
	static struct roster_command c;
	struct sl_error error = { 0 };
	char **operands;
	int code = sl_command_parse(&sl_command_roster, argc, argv, &c, &operands);
	if (code >= 0)
		return code;
	if (c.json && (c.changes || c.again || c.signal))
		return sl_command_misuse(&sl_command_roster,
		                         "--json lists the peers: it cannot be used with a change");
	snprintf(c.run, sizeof c.run, "%s", operands[0]);
	snprintf(c.conf, sizeof c.conf, "%.4095s/run.conf", operands[0]);
	if (open_run(&c, operands + 1, &error) != SL_OK)
		return sl_command_fail(&sl_command_roster, &error);
	if (sl_founding_pending(&c.config)) {
		code = found(&c, &error);
		if (code >= 0)
			return code;
	} else if (open_roster(&c, &error) != SL_OK) {
		return sl_command_fail(&sl_command_roster, &error);
	}
	code = SL_EXIT_OK;
	if (c.changes || c.again || c.admits)
		code = change_roster(&c, &error);
	else if (c.signal)
		signal_peers(&c);
	else if (c.json)
		show_json(&c.roster);
	else
		show(&c.roster);
	sl_roster_free(&c.roster);
	return code;
}

#define CHANGE(name, text, argument)                                                                         \
	{                                                                                                    \
		.option = { name, text }, .value = argument, .take = take_change                             \
	}
#define DETAIL(name, text, argument)                                                                         \
	{                                                                                                    \
		.option = { name, text }, .value = argument, .take = take_detail                             \
	}

static const struct sl_operand operands_of_roster[] = { { "RUN", "the folder of a run", SL_COMPLETE_RUN },
	                                                { "FILE", "after --admit, more files of requests",
	                                                  SL_COMPLETE_FILE, .optional = true, .many = true },
	                                                { NULL } };
static const struct sl_argument arguments_of_roster[] = {
	CHANGE("add",
	       "add a peer at tcp://ADDRESS:PORT or tcp://NAME:PORT; auto: at a free port of this machine",
	       "ENDPOINT"),
	DETAIL("name", "name of the added peer; without it, peer-NUMBER", "NAME"),
	DETAIL(
	    "neighbours",
	    "neighbours of the added peer; without it, all peers of a complete graph, else the two with the fewest neighbours",
	    "A,B"),
	CHANGE("remove", "remove peer K and destroy its secret key in keys/K.key", "K"),
	CHANGE("rotate", "give peer K a new key and destroy the old secret key in keys/K.key", "K"),
	DETAIL(
	    "key",
	    "public key of the peer of --add or --rotate, made elsewhere by starling keygen; without it, a new key is created in keys/K.key",
	    "HEX"),
	{ .option = { "admit",
	              "add the hosts whose requests are in FILE (-: standard input): the lines that starling enrol prints; a host that is a member gets the endpoint and name of its request. Writes RUN/bundles",
	              .completes = SL_COMPLETE_FILE },
	  .value = "FILE",
	  .take = take_requests,
	  .many = true },
	CHANGE("endpoint", "change the endpoint of peer K", "K=ENDPOINT"),
	CHANGE("rename", "change the name of peer K", "K=NAME"),
	CHANGE("link", "make peers A and B neighbours", "A:B"),
	CHANGE("unlink", "remove the link between peers A and B", "A:B"),
	{ .option = { "sign",
	              "sign the roster again under the next serial, also without a change: a roster that names no run (version 1) then names that of [run] id",
	              SL_OPTION_SWITCH, offsetof(struct roster_command, again) } },
	{ .option = { "tell",
	              "send SIGHUP to the peers on this machine; starling up passes it on to its peers, and starts added peers whose key and data are in RUN",
	              SL_OPTION_SWITCH, offsetof(struct roster_command, signal) } },
	SL_ARGUMENT_JSON(struct roster_command, json, "list the peers as JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_roster = {
	"roster",
	{ .program = "starling roster",
	  .doc = "show the peers of a run; add, remove and rekey peers, and sign the roster",
	  .forms = (const char *const[]){ "RUN", "RUN --admit FILE...", NULL },
	  .text =
	      "Without a change, lists the peers of a run and their neighbours. With changes, which may be combined and\n"
	      "repeated, writes a roster with the next serial, signed with RUN/operator.key. Peers reload their roster on\n"
	      "SIGHUP: links and keys change at once, and the run continues. A removed peer cannot return; its neighbours are\n"
	      "linked to each other if the graph would otherwise fall apart. An added peer starts from the mean of its\n"
	      "neighbours' models. With --admit, and for every later change, RUN/bundles has one signed file per host, for\n"
	      "starling install: configuration, roster, session and the shape of the data, no secret. Algorithms whose state spans all peers (such as lead and diana) accept changes of keys, but\n"
	      "not of members.\n",
	  .operands = operands_of_roster,
	  .arguments = arguments_of_roster },
	run
};
