/* install.c — starling install: checks a bundle whole, then puts its files where starlingd@.service reads them. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/enrol/enrol.h"
#include "daemon/run/bundle.h"
#include "daemon/run/columns.h"
#include "daemon/run/run.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUNDLE_MOST = 1 << 30 };

struct installation {
	bool json;
	const char *file, *to, *operator_key, *key; /* of the command line; to: the folder */
	char stage[4096];                           /* a folder inside `to`, for what is not checked yet */
	uint8_t *bytes;
	struct sl_bundle bundle;
	bool keyed;                    /* the peer's key is in its place already */
	bool changed[SL_BUNDLE_FILES]; /* the part is new, or differs from the installed one */
	bool tested;                   /* a test set of this host's own is there, and stays */
	bool again;                    /* a run is installed already */
};

/* A bundle of another operator is refused where a run is installed already, or a key was given to compare with. */
static enum sl_status check_operator(const struct installation *in, struct sl_error *error)
{
	static struct sl_config present;
	char path[4096], hex[SL_KEY_HEX];
	sl_key_print(in->bundle.operator_key, hex);
	if (in->operator_key && strcasecmp(in->operator_key, hex) != 0)
		return sl_fail(error, SL_REFUSED, "%s: is signed by operator %s, not by %s", in->file, hex,
		               in->operator_key);
	snprintf(path, sizeof path, "%.4000s/run.conf", in->to);
	if (access(path, F_OK) != 0)
		return SL_OK;
	enum sl_status status = sl_config_load(&present, path, NULL, error);
	if (status == SL_OK && strcasecmp(present.settings.host.operator_key, hex) != 0)
		return sl_fail(
		    error, SL_REFUSED,
		    "%s: is signed by operator %s, but %s is of operator %s: move the files of that run away first",
		    in->file, hex, path, present.settings.host.operator_key);
	return status;
}

/* An operator decides what is learned, not what runs here nor which files are read: paths stay inside, and a command is
 * refused. */
static enum sl_status check_settings(const struct installation *in, const struct sl_run *run,
                                     struct sl_error *error)
{
	struct sl_columns columns;
	const struct sl_host_settings *s = &run->config.settings.host;
	const char *const path[] = { s->roster,     s->keys,        s->shards, s->history,
		                     s->checkpoint, s->model_start, s->record, s->start };
	for (size_t i = 0; i < sizeof path / sizeof *path; i++)
		if (path[i][0] == '/' || strstr(path[i], ".."))
			return sl_fail(
			    error, SL_REFUSED,
			    "%s: its run.conf has the path %s: a bundle can have only paths inside the run's folder",
			    in->file, path[i]);
	if (s->trainer[0])
		return sl_fail(
		    error, SL_REFUSED,
		    "%s: its run.conf has [trainer] command = %s: a bundle cannot say what runs on this host",
		    in->file, s->trainer);
	enum sl_status status = sl_columns_of_run(&columns, &run->config, error);
	sl_columns_free(&columns);
	return status;
}

/* Writes the parts into the stage, and opens them as a peer would. */
static enum sl_status check_parts(struct installation *in, struct sl_run *run, struct sl_error *error)
{
	char path[4200];
	snprintf(in->stage, sizeof in->stage, "%.4000s/.install-XXXXXX", in->to);
	if (!mkdtemp(in->stage))
		return sl_fail(error, SL_IO, "%s: %s", in->to, strerror(errno));
	snprintf(path, sizeof path, "%s/data", in->stage);
	enum sl_status status = sl_enrol_folder(path, 0700, error);
	for (unsigned i = 0; i < SL_BUNDLE_FILES && status == SL_OK; i++) {
		if (!in->bundle.part[i].bytes)
			continue;
		snprintf(path, sizeof path, "%s/%s", in->stage, sl_bundle_names[i]);
		status =
		    sl_file_replace(path, in->bundle.part[i].bytes, in->bundle.part[i].length, 0644, error);
	}
	snprintf(path, sizeof path, "%s/run.conf", in->stage);
	if (status == SL_OK)
		status = sl_run_open(run, path, NULL, SL_SESSION_KEPT, error);
	if (status == SL_OK && (status = check_settings(in, run, error)) != SL_OK)
		sl_run_close(run);
	return status;
}

static enum sl_status check_key(struct installation *in, const struct sl_run *run, struct sl_error *error)
{
	char path[4096], own[4096];
	struct sl_identity identity;
	const struct sl_bundle *b = &in->bundle;
	if (b->peer >= run->roster.topology.peers || run->roster.peer[b->peer].gone)
		return sl_fail(error, SL_REFUSED, "%s: its roster has no peer %" PRIu32, in->file, b->peer);
	snprintf(path, sizeof path, "%.4000s/keys/%" PRIu32 ".key", in->to, b->peer);
	in->keyed =
	    access(path, F_OK) == 0 && (!in->key || access(in->key, F_OK) != 0); /* moved by the first one */
	const char *file = in->keyed ? path : sl_enrol_key_file(in->key, own);
	if (sl_identity_read(&identity, file, error) != SL_OK)
		return sl_wrap(error, "the key of this host");
	bool same = memcmp(identity.public_key, run->roster.peer[b->peer].public_key, SL_KEY_BYTES) == 0;
	sl_identity_wipe(&identity);
	if (!same)
		return sl_fail(error, SL_REFUSED,
		               "%s: is for peer %" PRIu32
		               " (%s), whose key is not that in %s: is it another host's bundle?",
		               in->file, b->peer, b->name, file);
	return SL_OK;
}

/* An older roster would bring removed keys back, and that of another run puts its members in force. */
static enum sl_status check_serial(struct installation *in, const struct sl_run *run, struct sl_error *error)
{
	char path[4096];
	struct sl_roster present;
	snprintf(path, sizeof path, "%.4000s/roster", in->to);
	if (access(path, F_OK) != 0)
		return SL_OK;
	in->again = true;
	enum sl_status status = sl_roster_read(&present, path, in->bundle.operator_key, error);
	if (status != SL_OK)
		return status;
	const struct sl_roster *next = &run->roster;
	if (present.bound && (!next->bound || memcmp(present.run, next->run, sizeof next->run) != 0))
		status = sl_fail(
		    error, SL_REFUSED,
		    "%s: is of another run than %s, by the same operator: move the files of that run away first",
		    in->file, path);
	else if (present.serial > next->serial)
		status = sl_fail(error, SL_REFUSED,
		                 "%s: its roster has serial %" PRIu32 ", and %s has %" PRIu32
		                 " already: ask the operator for the newest bundle",
		                 in->file, next->serial, path, present.serial);
	sl_roster_free(&present);
	return status;
}

/* Samples are for the account of the peers alone, where it exists. */
static void give_to_peers(const char *path)
{
	const struct group *group = getgrnam("starling");
	if (group && chown(path, (uid_t)-1, group->gr_gid) != 0)
		fprintf(stderr, "starling install: note: %s: %s\n", path, strerror(errno));
}

/* Whether a file has other contents than the part, or cannot be read. */
static bool differs(const char *path, const struct sl_bundle_part *part)
{
	struct sl_mapping present;
	struct sl_error error;
	if (sl_file_map(&present, path, &error) != SL_OK)
		return true;
	bool same = present.length == part->length &&
	            (!part->length || memcmp(present.bytes, part->bytes, part->length) == 0);
	sl_file_unmap(&present);
	return !same;
}

/* A test set of this host's own stays: what comes with the bundle has its shape, and no samples. */
static bool keeps_test(const struct installation *in, const struct sl_run *run)
{
	char path[4200];
	struct sl_error error;
	struct sl_mapping file;
	struct sl_dataset own;
	snprintf(path, sizeof path, "%.4000s/data/test.shard", in->to);
	if (run->test_total > 0 || sl_file_map(&file, path, &error) != SL_OK)
		return false;
	bool same = sl_dataset_open(&own, file.bytes, file.length, &error) == SL_OK &&
	            own.features == run->test.features && own.classes == run->test.classes &&
	            own.names_length == run->test.names_length &&
	            (!own.names || memcmp(own.names, run->test.names, own.names_length) == 0);
	sl_file_unmap(&file);
	return same;
}

static enum sl_status move_parts(struct installation *in, struct sl_error *error)
{
	char from[4200], to[4200];
	snprintf(to, sizeof to, "%.4000s/data", in->to);
	enum sl_status status = sl_enrol_folder(to, 0750, error);
	give_to_peers(to);
	for (unsigned i = 0; i < SL_BUNDLE_FILES && status == SL_OK; i++) {
		if (!in->bundle.part[i].bytes || (i == SL_BUNDLE_TEST && in->tested))
			continue;
		snprintf(from, sizeof from, "%s/%s", in->stage, sl_bundle_names[i]);
		snprintf(to, sizeof to, "%.4000s/%s", in->to, sl_bundle_names[i]);
		in->changed[i] = differs(to, &in->bundle.part[i]);
		if (!in->changed[i])
			continue; /* so that its time tells since when it is what it is */
		if (rename(from, to) != 0)
			status = sl_fail(error, SL_IO, "%s: %s", to, strerror(errno));
		else
			chmod(to, 0644);
	}
	return status;
}

static enum sl_status move_key(const struct installation *in, struct sl_error *error)
{
	char to[4200], own[4096];
	snprintf(to, sizeof to, "%.4000s/keys", in->to);
	enum sl_status status = in->keyed ? SL_OK : sl_enrol_folder(to, 0700, error);
	snprintf(to, sizeof to, "%.4000s/keys/%" PRIu32 ".key", in->to, in->bundle.peer);
	if (status == SL_OK && !in->keyed && rename(sl_enrol_key_file(in->key, own), to) != 0)
		return sl_fail(error, SL_IO, "%s: %s", to, strerror(errno));
	return status;
}

static void leave_stage(const struct installation *in)
{
	char path[4200];
	if (!in->stage[0])
		return;
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++) {
		snprintf(path, sizeof path, "%s/%s", in->stage, sl_bundle_names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/data", in->stage);
	rmdir(path);
	rmdir(in->stage);
}

static enum sl_status install(struct installation *in, struct sl_error *error)
{
	static struct sl_run run;
	size_t length;
	enum sl_status status = sl_keys_start(error);
	if (status == SL_OK)
		status = sl_file_read(in->file, BUNDLE_MOST, &in->bytes, &length, error);
	if (status == SL_OK)
		status = sl_bundle_parse(&in->bundle, in->bytes, length, in->file, error);
	if (status == SL_OK)
		status = sl_enrol_folder(in->to, 0755, error);
	if (status == SL_OK)
		status = check_operator(in, error);
	bool opened = status == SL_OK && (status = check_parts(in, &run, error)) == SL_OK;
	if (opened)
		status = check_key(in, &run, error);
	if (status == SL_OK)
		status = check_serial(in, &run, error);
	if (status == SL_OK)
		in->tested = keeps_test(in, &run);
	if (opened)
		sl_run_close(&run);
	if (status == SL_OK)
		status = move_parts(in, error);
	if (status == SL_OK)
		status = move_key(in, error);
	leave_stage(in);
	return status;
}

/* For scripts too: they restart or reload the peer by what this line names. */
static void report_changes(const struct installation *in)
{
	bool any = !in->keyed;
	fputs("changed    ", stdout);
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++) {
		any |= in->changed[i];
		printf("%s", in->changed[i] ? sl_bundle_names[i] : "");
		fputs(in->changed[i] ? " " : "", stdout);
	}
	puts(!in->keyed ? "key" : any ? "" : "nothing");
}

static void print_json(const struct installation *in, const char *operator_key, bool shard)
{
	const char *changed[SL_BUNDLE_FILES + 2];
	size_t count = 0;
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++)
		if (in->changed[i])
			changed[count++] = sl_bundle_names[i];
	if (!in->keyed)
		changed[count++] = "key";
	changed[count] = NULL;
	sl_json_object(stdout, (const struct sl_json_fact[]){ { "peer", .number = in->bundle.peer },
	                                                      { "name", in->bundle.name },
	                                                      { "folder", in->to },
	                                                      { "operator_key", operator_key },
	                                                      { "changed", .list = changed },
	                                                      { "shards", .number = shard },
	                                                      { NULL } });
}

static void report(const struct installation *in)
{
	char path[4200], hex[SL_KEY_HEX];
	uint32_t k = in->bundle.peer;
	sl_key_print(in->bundle.operator_key, hex);
	snprintf(path, sizeof path, "%.4000s/data/train-%" PRIu32 ".shard", in->to, k);
	bool shard = access(path, F_OK) == 0;
	if (in->json) {
		print_json(in, hex, shard);
		return;
	}
	printf("installed  peer %" PRIu32 " (%s) in %s\n", k, in->bundle.name, in->to);
	printf("operator   %s\n", hex);
	report_changes(in);
	if (!shard)
		printf("next       starling shard --data FORMAT:FILES\n");
	if (in->again && shard)
		printf("next       systemctl reload starlingd@%" PRIu32 "\n", k);
	else
		printf("next       systemctl enable --now starlingd@%" PRIu32 "\n", k);
}

static int run(int argc, char **argv)
{
	static struct installation in;
	struct sl_error error;
	char **operands;
	in.to = SL_ENROL_FOLDER;
	int code = sl_command_parse(&sl_command_install, argc, argv, &in, &operands);
	if (code >= 0)
		return code;
	in.file = operands[0];
	enum sl_status status = install(&in, &error);
	free(in.bytes);
	if (status != SL_OK)
		return sl_command_fail(&sl_command_install, &error);
	report(&in);
	return SL_EXIT_OK;
}

#define AT(field) offsetof(struct installation, field)
static const struct sl_operand operands_of_install[] = {
	{ "BUNDLE", "the bundle of this host", SL_COMPLETE_FILE }, { NULL }
};
static const struct sl_argument arguments_of_install[] = {
	{ .option = { "to", "the folder to install into; without it, " SL_ENROL_FOLDER, SL_OPTION_BORROWED,
	              AT(to), .completes = SL_COMPLETE_FOLDER },
	  .value = "FOLDER" },
	{ .option = { "key", "file of this host's secret key; without it, where starling enrol put it",
	              SL_OPTION_BORROWED, AT(key), .completes = SL_COMPLETE_FILE },
	  .letter = 'k',
	  .value = "FILE" },
	{ .option = { "operator", "refuse a bundle of any other operator than this one, 64 hex digits",
	              SL_OPTION_BORROWED, AT(operator_key) },
	  .value = "KEY" },
	SL_ARGUMENT_JSON(struct installation, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_install = {
	"install",
	{ .program = "starling install",
	  .doc = "check the bundle of this host, and install it for starlingd@.service",
	  .forms = (const char *const[]){ "BUNDLE", NULL },
	  .text =
	      "Checks the operator's signature, that all parts belong together, that the roster lists this host's key, and that\n"
	      "nothing newer is installed. Then it installs configuration, roster, session and the shape of the data, and moves\n"
	      "the key to its place. If anything fails, nothing is changed. Install each new bundle in the same way.\n",
	  .operands = operands_of_install,
	  .arguments = arguments_of_install },
	run
};
