/* command.c — starling init: keys, roster, prepared data and run.conf of a run on this machine. */
#include "base/utf8.h"
#include "daemon/cli/common/command_line.h"
#include "daemon/run/curvature.h"
#include "daemon/run/option_text.h"
#include "daemon/run/files.h"
#include "daemon/run/founding.h"
#include "daemon/run/model_file.h"
#include "daemon/cli/init/init.h"
#include "daemon/cli/common/ports.h"
#include "daemon/run/roster_of_run.h"
#include "daemon/run/run.h"
#include "trainer/message.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct init_command {
	char run[4096];       /* as typed, without a slash at the end */
	char temporary[4096]; /* the folder that becomes it; empty: none yet */
	const char *topology_spec, *data, *test, *trainer;
	struct sl_init_remote remote;
	char ring[32]; /* the topology of --remote N that was given none */
	struct sl_overrides set;
	bool json;
	struct sl_config config; /* folder and state are `temporary` */
	struct sl_topology topology;
	struct sl_spectrum spectrum;
	struct sl_source source;
	struct sl_shards shards;
	struct sl_run start; /* of a run with a trainer: only what describes its model */
	char dimension[64], gamma[32], plan_note[SL_TEXT_MAX * 2], eta_note[SL_TEXT_MAX];
};

static enum sl_status make_topology(struct init_command *in, struct sl_error *error)
{
	uint64_t seed = in->config.settings.method.seed;
	enum sl_status status = sl_topology_of_spec(&in->topology, in->topology_spec, seed, error);
	if (status == SL_OK)
		sl_topology_spectrum(&in->topology, &in->spectrum);
	if (status == SL_OK && in->remote.hosts > 0 && in->topology.peers != in->remote.hosts)
		return sl_fail(error, SL_MALFORMED, "--remote %u: topology %s has %u peers", in->remote.hosts,
		               in->topology_spec, in->topology.peers);
	return status == SL_OK ? sl_remote_reachable(&in->remote, &in->topology, error) : status;
}

static bool is_set(const struct init_command *in, const char *key)
{
	for (size_t i = 0; i < in->set.count; i++)
		if (strncmp(in->set.item[i], key, strlen(key)) == 0)
			return true;
	return false;
}

/* The path of something in the folder that is being made. */
static void inside(const struct init_command *in, const char *name, char out[static 4096])
{
	sl_config_path(&in->config, name, false, out);
}

/* A run without a name of its own is named after its folder. */
static enum sl_status name_run(struct init_command *in, struct sl_error *error)
{
	char name[64];
	for (size_t i = 0; i < in->set.count; i++)
		if (strncmp(in->set.item[i], "run.name=", 9) == 0)
			return sl_utf8_valid(in->config.settings.host.name)
			           ? SL_OK
			           : sl_fail(error, SL_MALFORMED,
			                     "run.name: not valid UTF-8; use another name");
	const char *slash = strrchr(in->run, '/');
	snprintf(name, sizeof name, "%.63s", slash ? slash + 1 : in->run);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._+-", *p))
			*p = '-';
	if (!isalnum((unsigned char)name[0]))
		return SL_OK; /* ".", "..": keep the default name */
	return sl_run_settings_set(&in->config.settings, "run", "name", name, error);
}

/* What init writes stays inside the run's folder. */
static enum sl_status check_inside(const char *key, const char *path, struct sl_error *error)
{
	if (path[0] && path[0] != '/' && !strstr(path, ".."))
		return SL_OK;
	return sl_fail(error, SL_OUT_OF_RANGE, "%s = %s: must be a relative path inside the run's folder",
	               key, path);
}

/* --trainer is short for three keys. */
static enum sl_status set_trainer(struct init_command *in, struct sl_error *error)
{
	char here[SL_TEXT_MAX];
	if (in->data || in->test)
		return sl_fail(error, SL_MALFORMED,
		               "--trainer: its data are its own: --data and --test cannot be given");
	if (!getcwd(here, sizeof here))
		return sl_fail(error, SL_TOO_BIG, "the path of the working directory is longer than %d bytes",
		               SL_TEXT_MAX - 1);
	enum sl_status status = sl_overrides_add(&in->set, error, "trainer.command=%s", in->trainer);
	if (status == SL_OK)
		status = sl_overrides_add(&in->set, error, "trainer.folder=%s", here);
	return status == SL_OK && !is_set(in, "model.name=")
	           ? sl_overrides_add(&in->set, error, "model.name=trainer")
	           : status;
}

/* What the trainer can do, where nobody has said what it shall. */
static enum sl_status take_trainer(struct init_command *in, struct sl_error *error)
{
	char path[4096], folder[4096];
	uint32_t can = 0;
	inside(in, in->config.settings.host.start, path);
	inside(in, "trainer", folder);
	enum sl_status status = sl_init_trainer(in->config.settings.host.trainer, folder, path, &can, error);
	rmdir(folder);
	if (status != SL_OK)
		return status;
	if (strcmp(in->config.settings.method.model, "trainer") == 0)
		snprintf(in->config.settings.method.model, sizeof in->config.settings.method.model,
		         "trainer:%s", can & SL_TRAINER_STEPS ? "steps" : "gradient");
	in->start = (struct sl_run){ .config = in->config };
	return sl_run_start(&in->start, error);
}

static enum sl_status configure(struct init_command *in, struct sl_error *error)
{
	char note[SL_TEXT_MAX];
	struct sl_run_settings *settings = &in->config.settings;
	enum sl_status status =
	    in->remote.hosts
	        ? sl_remote_settings(&in->remote, &in->set, in->data || in->test || in->trainer, error)
	    : in->trainer ? set_trainer(in, error)
	                  : sl_init_data(&in->set, in->data, in->test, error);
	if (status == SL_OK && !in->remote.hosts)
		status = sl_shape_settings(&in->remote, &in->set, error);
	if (status == SL_OK)
		status = sl_config_standard(&in->config, in->set.item, error);
	if (status == SL_OK)
		status = name_run(in, error);
	if (status == SL_OK)
		status = check_inside("[run] roster", settings->host.roster, error);
	if (status == SL_OK)
		status = check_inside("[run] keys", settings->host.keys, error);
	if (status == SL_OK)
		status = check_inside("[data] shards", settings->host.shards, error);
	if (status == SL_OK)
		status = make_topology(in, error);
	note[0] = '\0';
	if (status == SL_OK && in->trainer && !sl_run_outside(settings))
		status = sl_fail(
		    error, SL_MALFORMED,
		    "[model] name = %s: with --trainer it must be trainer, trainer:steps or trainer:gradient",
		    settings->method.model);
	if (status == SL_OK && !in->trainer && sl_run_outside(settings))
		status = sl_fail(error, SL_MALFORMED, "[model] name = %s: needs --trainer COMMAND",
		                 settings->method.model);
	if (status == SL_OK && in->remote.hosts)
		status = sl_remote_source(&in->remote, &in->source, &settings->host, error);
	else if (status == SL_OK && !in->trainer)
		status = sl_source_resolve(&in->source, settings, note, error);
	if (status == SL_OK && note[0])
		fprintf(stderr, "starling init: note: %s\n", note);
	return status;
}

static enum sl_status make_folders(struct init_command *in, struct sl_error *error)
{
	const char *names[] = { in->config.settings.host.keys, in->config.settings.host.shards };
	enum sl_status status = sl_folder_begin(in->run, in->temporary, error);
	if (status != SL_OK) {
		in->temporary[0] = '\0';
		return status;
	}
	snprintf(in->config.folder, sizeof in->config.folder, "%s", in->temporary);
	snprintf(in->config.state, sizeof in->config.state, "%s", in->temporary);
	for (unsigned i = in->remote.hosts ? 1 : 0; i < 2; i++) { /* keys of remote hosts stay there */
		char path[4096];
		inside(in, names[i], path);
		if (mkdir(path, i == 0 ? 0700 : 0777) != 0 && errno != EEXIST)
			return sl_fail(error, SL_IO, "cannot create %s: %s", path, strerror(errno));
	}
	return SL_OK;
}

static enum sl_status make_key(struct init_command *in, const char *name,
                               uint8_t public_key[static SL_KEY_BYTES], uint8_t curve[static SL_KEY_BYTES],
                               struct sl_error *error)
{
	char path[4096];
	struct sl_identity identity;
	inside(in, name, path);
	sl_identity_make(&identity);
	memcpy(public_key, identity.public_key, SL_KEY_BYTES);
	memcpy(curve, identity.curve_public, SL_KEY_BYTES);
	enum sl_status status = sl_identity_write(&identity, path, error);
	sl_identity_wipe(&identity);
	return status;
}

static enum sl_status make_peers(struct init_command *in, struct sl_roster *roster, struct sl_error *error)
{
	uint32_t peers = in->topology.peers;
	uint16_t *port = calloc(peers, sizeof *port);
	enum sl_status status = port ? sl_ports_choose(port, peers, error)
	                             : sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", peers);
	for (uint32_t k = 0; k < peers && status == SL_OK; k++) {
		char name[SL_TEXT_MAX + 32];
		struct sl_roster_peer *peer = &roster->peer[k];
		snprintf(peer->name, sizeof peer->name, "peer-%u", k);
		snprintf(peer->endpoint, sizeof peer->endpoint, "tcp://127.0.0.1:%u", port[k]);
		snprintf(name, sizeof name, "%s/%u.key", in->config.settings.host.keys, k);
		status = make_key(in, name, peer->public_key, peer->curve_public, error);
		if (status == SL_OK && sl_init_interrupted())
			status = sl_fail(error, SL_IO, "interrupted");
	}
	free(port);
	return status;
}

/* The keys of all peers, and the roster that the operator signs; of remote hosts, the operator's key and their graph. */
static enum sl_status make_roster(struct init_command *in, struct sl_error *error)
{
	char path[4096], hex[SL_KEY_HEX], id[SL_RUN_ID_HEX];
	uint8_t public_key[SL_KEY_BYTES], curve[SL_KEY_BYTES];
	struct sl_identity operator_identity;
	struct sl_roster roster = { .serial = 1, .bound = true, .topology = in->topology };
	sl_run_id_draw(roster.run, id);
	roster.peer = calloc(in->topology.peers, sizeof *roster.peer);
	enum sl_status status = roster.peer ? make_key(in, "operator.key", public_key, curve, error)
	                                    : sl_fail(error, SL_NO_MEMORY, "no memory for the roster");
	sl_key_print(public_key, hex);
	if (status == SL_OK && !in->remote.hosts)
		status = make_peers(in, &roster, error);
	if (status == SL_OK && in->remote.hosts) {
		status = sl_founding_write(&in->config, in->topology_spec, error);
		if (status == SL_OK)
			status = sl_remote_hosts_write(&in->remote, &in->config, error);
	} else if (status == SL_OK) {
		inside(in, "operator.key", path);
		status = sl_identity_read(&operator_identity, path, error);
	}
	if (status == SL_OK && !in->remote.hosts) {
		inside(in, in->config.settings.host.roster, path);
		status = sl_roster_write(&roster, path, &operator_identity, error);
		sl_identity_wipe(&operator_identity);
	}
	free(roster.peer); /* the topology stays ours */
	if (status == SL_OK)
		status = sl_run_settings_set(&in->config.settings, "run", "id", id, error);
	return status == SL_OK ? sl_run_settings_set(&in->config.settings, "run", "operator_key", hex, error)
	                       : status;
}

/* Whether the shards just written can stand the step size. */
static enum sl_status look_at_shards(struct init_command *in, const struct sl_plan *plan,
                                     struct sl_error *error)
{
	struct sl_curvature curvature = { 0 };
	enum sl_status status = SL_OK;
	for (uint32_t i = 0; i < plan->peers && sl_curvature_wants(&curvature, plan) && status == SL_OK;
	     i++) {
		char path[4096];
		struct sl_mapping file;
		struct sl_dataset shard;
		sl_run_data_path(&in->config, i, path);
		if (sl_file_map(&file, path, error) != SL_OK)
			return error->status;
		status = sl_dataset_open(&shard, file.bytes, file.length, error);
		if (status == SL_OK)
			sl_curvature_look(&curvature, plan, i, &shard);
		sl_file_unmap(&file);
	}
	sl_curvature_note(&curvature, plan, in->eta_note);
	return status;
}

static enum sl_status check_plan(struct init_command *in, struct sl_error *error)
{
	static struct sl_plan plan; /* too large for a stack */
	struct sl_plan_graph graph = sl_plan_graph_of(&in->topology, &in->spectrum);
	struct sl_dataset none = { .features = in->shards.features,
		                   .classes = in->shards.classes.classes.count };
	enum sl_status status =
	    in->trainer
	        ? sl_run_plan_outside(&plan, &in->start, &graph, in->plan_note, error)
	        : sl_plan_make(&plan, &in->config.settings, &graph, none.features, none.classes,
	                       in->shards.test.bytes ? &in->shards.test.data : &none, in->plan_note, error);
	if (status == SL_OK)
		snprintf(in->dimension, sizeof in->dimension, "%u parameters", plan.dimension);
	if (status == SL_OK && in->config.settings.host.model_start[0]) {
		float *start;
		if (sl_model_start_read(in->config.settings.host.model_start, &plan.model.layout, &start,
		                        error) != SL_OK)
			return sl_wrap(error, "[model] start");
		free(start);
	}
	if (status == SL_OK && plan.gamma_follows)
		snprintf(in->gamma, sizeof in->gamma, ", gamma %g (auto)", plan.gamma);
	if (status == SL_OK && !in->trainer && !in->remote.hosts)
		status = look_at_shards(in, &plan, error);
	return status;
}

/* [model] start: a copy in the run's folder, so that the folder is whole where it is copied to. */
static enum sl_status copy_start(struct init_command *in, struct sl_error *error)
{
	static const char name[] = "start.safetensors";
	char *start = in->config.settings.host.model_start, path[4096];
	struct sl_mapping map;
	if (!start[0])
		return SL_OK;
	if (sl_file_map(&map, start, error) != SL_OK)
		return sl_wrap(error, "[model] start");
	inside(in, name, path);
	enum sl_status status = sl_file_replace(path, map.bytes, map.length, 0666, error);
	sl_file_unmap(&map);
	memcpy(start, name, sizeof name);
	return status;
}

/* Writes run.conf, and reads it back to check that peers will see the same settings. */
static enum sl_status write_configuration(struct init_command *in, struct sl_error *error)
{
	static struct sl_config again;
	static char meant[16384], found[16384];
	char path[4096], *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return sl_fail(error, SL_NO_MEMORY, "no memory for run.conf");
	sl_option_text_write(out, &in->config.settings);
	enum sl_status status =
	    fclose(out) == 0 ? SL_OK : sl_fail(error, SL_NO_MEMORY, "no memory for run.conf");
	inside(in, "run.conf", path);
	if (status == SL_OK)
		status = sl_file_replace(path, text, length, 0666, error);
	free(text);
	if (status == SL_OK)
		status = sl_config_load(&again, path, NULL, error);
	if (status != SL_OK)
		return status;
	sl_run_settings_print(&in->config.settings, SL_SCOPES_ALL, meant, sizeof meant);
	sl_run_settings_print(&again.settings, SL_SCOPES_ALL, found, sizeof found);
	for (size_t i = 0; meant[i] || found[i]; i++)
		if (meant[i] != found[i]) {
			while (i > 0 && meant[i - 1] != '\n')
				i--;
			return sl_fail(
			    error, SL_MALFORMED,
			    "'%.*s' cannot be written to run.conf: a value cannot contain ' ;' or begin or end with a blank",
			    (int)strcspn(meant + i, "\n"), meant + i);
		}
	snprintf(again.state, sizeof again.state, "%s", in->temporary);
	return sl_session_write(&again, sl_session_draw(), NULL, error);
}

static enum sl_status build(struct init_command *in, struct sl_error *error)
{
	enum sl_status status = make_folders(in, error);
	if (status == SL_OK && in->trainer)
		status = take_trainer(in, error);
	if (status == SL_OK && !in->trainer) {
		status = in->remote.hosts ? sl_shape_write(&in->shards, &in->source, &in->config,
		                                           in->remote.features, error)
		                          : sl_shards_write(&in->shards, &in->source, &in->config,
		                                            in->topology.peers, NULL, error);
		memcpy(in->config.settings.host.classes, in->shards.setting, sizeof in->shards.setting);
		memcpy(in->config.settings.host.columns, in->shards.columns, sizeof in->shards.columns);
		sl_shards_weigh(&in->shards, &in->config.settings, in->topology.peers);
	}
	if (status == SL_OK)
		status = check_plan(in, error);
	if (status == SL_OK)
		status = make_roster(in, error);
	if (status == SL_OK)
		status = copy_start(in, error);
	if (status == SL_OK)
		status = write_configuration(in, error);
	if (status == SL_OK && sl_init_interrupted())
		status = sl_fail(error, SL_IO, "interrupted");
	return status == SL_OK ? sl_folder_finish(in->temporary, in->run, error) : status;
}

/* For one file per peer, the names of the first and the last. */
static void print_source(const struct init_command *in)
{
	char first[4096], last[4096];
	printf("data       %s", in->source.name);
	if (!in->source.own)
		return;
	sl_source_file(&in->source, true, 0, 0, first);
	sl_source_file(&in->source, true, 0, in->topology.peers - 1, last);
	const char *from = strrchr(first, '/'), *to = strrchr(last, '/');
	printf(" (%s to %s)", from ? from + 1 : first, to ? to + 1 : last);
}

static void print_note(const char *note)
{
	if (note[0])
		fprintf(stderr, "starling init: note: %s\n", note);
}

static void print_data(const struct init_command *in)
{
	const struct sl_shards *d = &in->shards;
	const struct sl_classes *classes = &d->classes.classes;
	if (in->remote.hosts)
		printf("data       the hosts' own: ");
	else
		print_source(in);
	if (!in->remote.hosts)
		printf(": %llu samples of ", (unsigned long long)d->samples);
	printf("%u features, ", d->features);
	if (classes->count) {
		char brief[SL_CLASSES_BRIEF];
		sl_classes_brief(classes->text, classes->length, brief);
		printf("%u classes (%s)%s", classes->count, brief, in->remote.hosts ? "" : "; ");
	}
	if (in->remote.hosts) {
		printf("%s%s\n", classes->count ? "" : "real targets",
		       in->source.columns.count ? ", columns by name" : "");
		return;
	}
	printf("%u test samples%s\n", d->test_samples, in->source.hold_out ? " held out" : "");
	printf("partition  %s: %u to %u samples per peer\n", in->config.settings.host.partition, d->least,
	       d->most);
}

static void print_json(const struct init_command *in)
{
	const struct sl_run_settings *s = &in->config.settings;
	const struct sl_shards *d = &in->shards;
	const bool here = !in->trainer && !in->remote.hosts;
	sl_json_object(stdout,
	               (const struct sl_json_fact[]){
	                   { "run", in->run },
	                   { "name", s->host.name },
	                   { "operator_key", s->host.operator_key },
	                   { "topology", in->topology_spec },
	                   { "peers", .number = in->topology.peers },
	                   { "links", .number = in->topology.edges },
	                   { "spectral_gap", .number = in->spectrum.gap },
	                   { "diameter", .number = in->spectrum.diameter },
	                   { "trainer", in->trainer, .number = (double)NAN },
	                   { "data", here ? in->source.name : NULL, .number = (double)NAN },
	                   { "features", .number = in->trainer ? (double)NAN : d->features },
	                   { "classes", .number = in->trainer ? (double)NAN : d->classes.classes.count },
	                   { "samples", .number = here ? (double)d->samples : (double)NAN },
	                   { "test_samples", .number = here ? d->test_samples : (double)NAN },
	                   { "model", s->method.model },
	                   { "parameters", .number = strtod(in->dimension, NULL) }, /* it begins the text */
	                   { "algorithm", s->method.algorithm },
	                   { "pipeline", s->method.pipeline },
	                   { "rounds", .number = s->method.rounds },
	                   { "local_steps", .number = s->method.local_steps },
	                   { NULL } });
}

static void print_text(const struct init_command *in)
{
	const struct sl_run_settings *s = &in->config.settings;
	printf("created    %s: run.conf, %s\n", in->run,
	       in->remote.hosts ? "operator.key, the shape of the data" : "roster, keys, data");
	printf("topology   %s: %u peers, %u links, spectral gap %.3g, diameter %s%u\n", in->topology_spec,
	       in->topology.peers, in->topology.edges, in->spectrum.gap,
	       in->spectrum.wider ? "at least " : "", in->spectrum.diameter);
	if (in->trainer)
		printf("trainer    %s: %u tensors, of which %u are learnt\n", in->trainer,
		       in->start.start.tensors, in->start.start.vector);
	else
		print_data(in);
	printf("model      %s, %s\n", s->method.model, in->dimension);
	printf("algorithm  %s%s, %u rounds of %u local steps, %s\n", s->method.algorithm, in->gamma,
	       s->method.rounds, s->method.local_steps, s->method.pipeline);
	if (in->remote.hosts)
		printf(
		    "next       on each host: starling enrol --name NAME --endpoint %s\n"
		    "           then here: starling roster %s --admit FILE... with the lines that they print\n",
		    in->remote.listed.peers ? "ENDPOINT, both as listed" : "tcp://ADDRESS:PORT", in->run);
	else
		printf("next       starling up %s\n", in->run);
}

static void report(const struct init_command *in)
{
	if (in->json)
		print_json(in);
	else
		print_text(in);
	print_note(in->shards.lacking);
	print_note(in->shards.unseen);
	print_note(in->plan_note);
	print_note(in->eta_note);
}

static enum sl_status init(struct init_command *in, struct sl_error *error)
{
	enum sl_status status = sl_keys_start(error);
	if (status == SL_OK)
		status = configure(in, error);
	if (status == SL_OK) {
		sl_init_catch_signals();
		status = build(in, error);
	}
	if (status != SL_OK && in->temporary[0])
		sl_folder_abandon(in->temporary);
	return status;
}

static int set_run(struct init_command *in, const char *run)
{
	if (!run[0] || strlen(run) > sizeof in->run - 256)
		return sl_command_misuse(&sl_command_init, "RUN is %s", run[0] ? "too long a path" : "empty");
	snprintf(in->run, sizeof in->run, "%s", run);
	for (size_t n = strlen(in->run); n > 1 && in->run[n - 1] == '/'; n--)
		in->run[n - 1] = '\0';
	return -1;
}

static int run(int argc, char **argv)
{
	static struct init_command in; /* large: paths and settings */
	struct sl_error error;
	char **operands;
	memset(&in, 0, sizeof in);
	int code = sl_command_parse(&sl_command_init, argc, argv, &in, &operands);
	if (code < 0)
		code = set_run(&in, operands[0]);
	if (code < 0 && in.remote.given && sl_remote_hosts(&in.remote, &error) != SL_OK)
		code = sl_command_fail(&sl_command_init, &error);
	if (code < 0 && !in.topology_spec && !in.remote.hosts)
		code =
		    sl_command_misuse(&sl_command_init, "--topology SPEC is missing: the graph of the peers");
	if (code < 0 && !in.topology_spec) {
		snprintf(in.ring, sizeof in.ring, "ring:%u", in.remote.hosts);
		in.topology_spec = in.ring;
	}
	if (code < 0 && init(&in, &error) != SL_OK)
		code = sl_command_fail(&sl_command_init, &error);
	if (code < 0) {
		report(&in);
		code = SL_EXIT_OK;
	}
	sl_shards_free(&in.shards);
	sl_source_free(&in.source);
	sl_run_close(&in.start);
	sl_topology_free(&in.topology);
	sl_overrides_free(&in.set);
	sl_hosts_free(&in.remote.listed);
	return code;
}

#define AT(field) offsetof(struct init_command, field)
static const struct sl_operand operands_of_init[] = { { "RUN", "the folder to create", SL_COMPLETE_FOLDER },
	                                              { NULL } };
static const struct sl_argument arguments_of_init[] = {
	{ .option = { "topology",
	              "the graph of the peers, such as ring:8 or torus:4x4 (starling list topologies), or file:PATH",
	              SL_OPTION_BORROWED, AT(topology_spec), .completes = SL_COMPLETE_TOPOLOGY },
	  .letter = 't',
	  .value = "SPEC" },
	{ .option = { "remote",
	              "a run of N remote hosts, which bring their own keys and data (starling enrol); without --topology, a ring. Instead of N, a file that lists them, a line HOST NAME ENDPOINT each, as starling deploy --hosts takes it: peers have the numbers of its order, and only listed hosts are admitted to the first roster",
	              SL_OPTION_BORROWED, AT(remote.given), .completes = SL_COMPLETE_FILE },
	  .value = "N|FILE" },
	{ .option = { "features", "with --remote, the number of features of a sample", SL_OPTION_U32,
	              AT(remote.features), 1, SL_DIMENSION_MAX },
	  .value = "N" },
	{ .option = { "classes",
	              "the names of all classes in order, such as -1,1 or 0..9 or file:PATH; none: real targets; as --set data.classes",
	              SL_OPTION_BORROWED, AT(remote.classes) },
	  .value = "LIST" },
	{ .option = { "columns",
	              "the names of the features, one per line, each with offset and divisor after tabs if its values are to be scaled; as --set data.columns=file:FILE",
	              SL_OPTION_BORROWED, AT(remote.columns), .completes = SL_COMPLETE_FILE },
	  .value = "FILE" },
	{ .option = { "data",
	              "auto (Fashion-MNIST if it is installed, else synthetic); idx:IMAGES,LABELS; libsvm:FILE; csv:FILE; npy:FEATURES,LABELS; npz:FILE; with arguments of the format libsvm:labels=one:FILE or csv:label=NAME:FILE; synthetic:ARGUMENTS (starling list datasets)",
	              SL_OPTION_BORROWED, AT(data), .completes = SL_COMPLETE_FORMAT },
	  .value = "DATA" },
	{ .option = { "test", "test data in the same format; without it, a tenth of the samples is held out",
	              SL_OPTION_BORROWED, AT(test), .completes = SL_COMPLETE_FILE },
	  .value = "FILES" },
	{ .option = { "trainer",
	              "a command that trains a model of yours (lib/trainer/PROTOCOL.md, Python package starling): it is asked once for its tensors and their start, and starling up starts one beside each peer",
	              SL_OPTION_BORROWED, AT(trainer) },
	  .value = "COMMAND" },
	SL_ARGUMENT_SET(struct init_command, set),
	SL_ARGUMENT_JSON(struct init_command, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_init = {
	"init",
	{ .program = "starling init",
	  .doc = "create the folder of a run: keys, roster, prepared data, configuration",
	  .forms = (const char *const[]){ "RUN --topology SPEC", "RUN --remote N|FILE", NULL },
	  .text =
	      "Creates the folder RUN, which must be empty or not exist, with run.conf (all settings, each explained), the\n"
	      "operator's key and one key per peer, the signed roster with free ports of localhost, and the data of each peer.\n"
	      "With --remote: run.conf, the operator's key and the shape of the data; hosts bring keys and data, and\n"
	      "starling roster RUN --admit signs the roster when all have asked.\n"
	      "If anything fails, nothing is created.\n",
	  .operands = operands_of_init,
	  .arguments = arguments_of_init },
	run
};
