/* shard.c — starling shard: on the host that has the data, cuts them into the shape that the operator has signed. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/enrol/enrol.h"
#include "daemon/cli/init/init.h"
#include "daemon/run/run.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct shard {
	const char *data, *test;
	uint32_t peer;
	bool json, chosen, whole; /* --peer was given; all samples are for training */
	char folder[4096 - 64];
	struct sl_run run;
	struct sl_overrides set;
	struct sl_source source;
	struct sl_shards written;
};

/* The peer of this host: the one whose key is here. */
static enum sl_status find_peer(struct shard *s, struct sl_error *error)
{
	char path[4096];
	if (s->chosen)
		return SL_OK;
	sl_config_path(&s->run.config, s->run.config.settings.host.keys, false, path);
	int found = sl_enrol_keys_in(path, &s->peer);
	if (found == 1)
		return SL_OK;
	return found < 0 ? sl_fail(error, errno == ENOENT ? SL_NOT_FOUND : SL_IO,
	                           "%s: %s: which peer is it? --peer K", path, strerror(errno))
	                 : sl_fail(error, SL_NOT_FOUND, "%s has the keys of %d peers: which is it? --peer K",
	                           path, found);
}

/* The classes of the run are known by name from its test set, also where run.conf has only their digest. */
static enum sl_status take_shape(struct shard *s, struct sl_error *error)
{
	const struct sl_dataset *shape = &s->run.test;
	enum sl_status status = SL_OK;
	s->source.real = shape->classes == 0;
	if (shape->classes > 0 && !shape->names)
		return sl_fail(error, SL_UNSUPPORTED,
		               "the run's data have classes without names: prepare the run again");
	if (shape->classes > 0)
		status = sl_class_list_make(&s->source.classes, shape->names, shape->names_length, error);
	return status == SL_OK ? sl_columns_of_run(&s->source.columns, &s->run.config, error) : status;
}

static enum sl_status resolve(struct shard *s, struct sl_error *error)
{
	static struct sl_config config;
	char note[SL_TEXT_MAX];
	enum sl_status status = sl_init_data(&s->set, s->data, s->test, error);
	if (status == SL_OK)
		status = sl_overrides_add(&s->set, error, "data.partition=iid");
	if (status == SL_OK)
		status =
		    sl_overrides_add(&s->set, error, "run.seed=%" PRIu64, s->run.config.settings.method.seed);
	if (status == SL_OK)
		status = sl_config_standard(&config, s->set.item, error);
	if (status == SL_OK)
		status = sl_source_resolve(&s->source, &config.settings, note, error);
	if (status == SL_OK && s->source.format->streams == 0)
		status = sl_fail(error, SL_UNSUPPORTED, "--data %s: a generator has no data of this host",
		                 s->data);
	/* A test set that came with the run is everybody's. */
	const struct sl_host_settings *host = &s->run.config.settings.host;
	bool bring = strcmp(host->partition, "own") == 0 && !host->test[0];
	if (status == SL_OK && s->test && !bring)
		status = sl_fail(error, SL_UNSUPPORTED, "--test %s: this run has test data for all peers",
		                 s->test);
	if (s->whole || !bring)
		s->source.hold_out = false;
	return status;
}

static enum sl_status cut(struct shard *s, struct sl_error *error)
{
	char conf[4096];
	snprintf(conf, sizeof conf, "%s/run.conf", s->folder);
	enum sl_status status = sl_run_open(&s->run, conf, NULL, SL_SESSION_KEPT, error);
	if (status != SL_OK)
		return status;
	if (sl_run_outside(&s->run.config.settings))
		return sl_fail(error, SL_UNSUPPORTED, "%s: its trainers have the data", conf);
	status = find_peer(s, error);
	if (status == SL_OK && (s->peer >= s->run.roster.topology.peers || s->run.roster.peer[s->peer].gone))
		status = sl_fail(error, SL_OUT_OF_RANGE, "%s has no peer %" PRIu32, conf, s->peer);
	if (status == SL_OK)
		status = resolve(s, error);
	if (status == SL_OK)
		status = take_shape(s, error);
	return status == SL_OK ? sl_site_write(&s->written, &s->source, &s->run.config, s->peer,
	                                       s->run.test.features, error)
	                       : status;
}

static void print_json(const struct shard *s, const char *path)
{
	const struct sl_shards *d = &s->written;
	sl_json_object(stdout,
	               (const struct sl_json_fact[]){ { "file", path },
	                                              { "peer", .number = s->peer },
	                                              { "samples", .number = (double)d->samples },
	                                              { "features", .number = d->features },
	                                              { "classes", .number = d->classes.classes.count },
	                                              { "test_samples", .number = d->test_samples },
	                                              { NULL } });
}

static void print_text(const struct shard *s, const char *path)
{
	const struct sl_shards *d = &s->written;
	char brief[SL_CLASSES_BRIEF];
	printf("shard      %s: %" PRIu64 " samples of %u features", path, d->samples, d->features);
	if (d->classes.classes.count) {
		sl_classes_brief(d->classes.classes.text, d->classes.classes.length, brief);
		printf(", %u classes (%s)", d->classes.classes.count, brief);
	}
	printf("\n");
	if (d->test_samples)
		printf("test       %u samples%s\n", d->test_samples, s->test ? "" : " held out");
}

static void report(const struct shard *s)
{
	char path[4096];
	sl_run_data_path(&s->run.config, s->peer, path);
	if (s->json)
		print_json(s, path);
	else
		print_text(s, path);
	if (s->written.lacking[0])
		fprintf(stderr, "starling shard: note: %s\n", s->written.lacking);
	if (s->source.columns.count && strcmp(s->source.format->name, "csv") != 0)
		fprintf(
		    stderr,
		    "starling shard: note: files in format %s do not name their columns: their order is taken to be the run's\n",
		    s->source.format->name);
	if (!s->json)
		printf("next       systemctl enable --now starlingd@%" PRIu32 "\n", s->peer);
}

static int run(int argc, char **argv)
{
	static struct shard s;
	struct sl_error error;
	char **operands;
	int code = sl_command_parse(&sl_command_shard, argc, argv, &s, &operands);
	if (code >= 0)
		return code;
	snprintf(s.folder, sizeof s.folder, "%s", operands[0] ? operands[0] : SL_ENROL_FOLDER);
	sl_init_catch_signals();
	enum sl_status status = cut(&s, &error);
	if (status == SL_OK)
		report(&s);
	sl_shards_free(&s.written);
	sl_source_free(&s.source);
	sl_run_close(&s.run);
	sl_overrides_free(&s.set);
	return status == SL_OK ? SL_EXIT_OK : sl_command_fail(&sl_command_shard, &error);
}

static enum sl_status take_peer(const struct sl_argument *argument, void *record, const char *text,
                                struct sl_error *error)
{
	struct shard *s = record;
	s->chosen = true;
	return sl_option_set(&argument->option, record, text, error);
}

#define AT(field) offsetof(struct shard, field)
static const struct sl_operand operands_of_shard[] = {
	{ "RUN", "the folder of the run; without it, " SL_ENROL_FOLDER, SL_COMPLETE_RUN, .optional = true },
	{ NULL }
};
static const struct sl_argument arguments_of_shard[] = {
	{ .option = { "data",
	              "this host's data: csv:FILE; libsvm:FILE; idx:IMAGES,LABELS; npy:FEATURES,LABELS; npz:FILE; with arguments of the format as in csv:label=NAME:FILE (starling list datasets)",
	              SL_OPTION_BORROWED, AT(data), .completes = SL_COMPLETE_FORMAT },
	  .value = "DATA",
	  .required = true },
	{ .option = { "test",
	              "test data in the same format; without it, a tenth of the samples is held out, unless the run has test data",
	              SL_OPTION_BORROWED, AT(test), .completes = SL_COMPLETE_FILE },
	  .value = "FILES" },
	{ .option = { "all", "hold out no test data: learn from all samples", SL_OPTION_SWITCH, AT(whole) } },
	{ .option = { "peer", "the peer; without it, the one whose key is in the run's folder", SL_OPTION_U32,
	              AT(peer), 0, SL_PEERS_MAX - 1 },
	  .value = "K",
	  .take = take_peer },
	SL_ARGUMENT_JSON(struct shard, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_shard = {
	"shard",
	{ .program = "starling shard",
	  .doc = "prepare this host's own data for a run; they do not leave it",
	  .forms = (const char *const[]){ "[RUN] --data DATA", NULL },
	  .text =
	      "Reads the data of this host, checks them against the shape that the operator has signed, and writes the shard of\n"
	      "this host's peer. Labels must be among the classes of the run; some may be missing here. If the run declares\n"
	      "columns, those of a table are found by name, in any order, and one that is missing or unknown is refused. A file\n"
	      "of sparse samples may lack features. A peer that runs reads the new data when it is restarted.\n",
	  .operands = operands_of_shard,
	  .arguments = arguments_of_shard },
	run
};
