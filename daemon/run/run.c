#include "daemon/run/run.h"

#include "daemon/run/classes.h"
#include "daemon/run/model_file.h"
#include "daemon/run/roster_of_run.h"
#include "daemon/run/test_sample.h"

#include "linalg/vector.h"

#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

void sl_run_data_path(const struct sl_config *config, uint32_t peer, char out[static 4096])
{
	char name[SL_TEXT_MAX + 32];
	if (peer == SL_RUN_TEST)
		snprintf(name, sizeof name, "%s/test.shard", config->settings.host.shards);
	else
		snprintf(name, sizeof name, "%s/train-%" PRIu32 ".shard", config->settings.host.shards, peer);
	sl_config_path(config, name, false, out);
}

void sl_run_dataset_name(const struct sl_host_settings *settings, char name[static SL_TEXT_MAX])
{
	char path[SL_TEXT_MAX];
	if (settings->trainer[0]) {
		snprintf(name, SL_TEXT_MAX, "the trainer's");
		return;
	}
	if (strcmp(settings->partition, "own") == 0 && !settings->train[0]) {
		snprintf(name, SL_TEXT_MAX, "the hosts' own");
		return;
	}
	if (strncmp(settings->format, "synthetic", strlen("synthetic")) == 0) {
		snprintf(name, SL_TEXT_MAX, "%s", settings->format);
		return;
	}
	bool idx = strncmp(settings->format, "idx", 3) == 0; /* two files, with a comma */
	size_t length = idx ? strcspn(settings->train, ",") : strlen(settings->train);
	snprintf(path, sizeof path, "%.*s", (int)length, settings->train);
	char *slash = strrchr(path, '/');
	if (slash && slash > path && idx) {
		*slash = '\0'; /* all idx files have the same names: their folder tells them apart */
		slash = strrchr(path, '/');
	}
	snprintf(name, SL_TEXT_MAX, "%s", slash ? slash + 1 : path);
}

enum sl_status sl_float_check(struct sl_error *error)
{
	volatile float least = FLT_MIN, denormal = 0x1p-140f;
	if (fegetround() == FE_TONEAREST && least * 0.5f > 0 && denormal * 0x1p30f > 0)
		return SL_OK;
	return sl_fail(
	    error, SL_UNSUPPORTED,
	    "the floating-point environment is not the default one (rounding to nearest, denormals kept)");
}

static enum sl_status open_roster(struct sl_run *p, struct sl_error *error)
{
	const char *key = p->config.settings.host.operator_key;
	if (!sl_key_parse(key, p->operator_key)) {
		if (key[0])
			sl_fail(error, SL_MALFORMED, "[run] operator_key = %s: must be 64 hex digits", key);
		else
			sl_fail(
			    error, SL_MALFORMED,
			    "[run] operator_key is missing: the public key of the operator who signs the roster, 64 hex digits");
		return sl_config_blame(&p->config, error);
	}
	return sl_roster_of_run(&p->roster, &p->config, p->operator_key, error);
}

static enum sl_status open_data(struct sl_mapping *file, struct sl_dataset *out, const char *path,
                                struct sl_error *error)
{
	enum sl_status status = sl_file_map(file, path, error);
	if (status != SL_OK)
		return status;
	if (sl_dataset_open(out, file->bytes, file->length, error) == SL_OK)
		return SL_OK;
	sl_file_unmap(file);
	return sl_wrap(error, "%s", path);
}

bool sl_run_outside(const struct sl_run_settings *settings)
{
	char name[SL_TEXT_MAX];
	sl_spec_name(settings->method.model, name, sizeof name);
	return strcmp(name, "trainer") == 0;
}

enum sl_status sl_run_start(struct sl_run *p, struct sl_error *error)
{
	char path[4096];
	sl_config_path(&p->config, p->config.settings.host.start, false, path);
	enum sl_status status = sl_file_map(&p->start_file, path, error);
	if (status != SL_OK)
		return status;
	const struct sl_mapping *file = &p->start_file;
	status = sl_start_read(&p->start, file->bytes, file->length, NULL, 0, error);
	if (status == SL_OK) {
		p->tensor = calloc(p->start.vector, sizeof *p->tensor);
		status = p->tensor
		             ? sl_start_read(&p->start, file->bytes, file->length, p->tensor, p->start.vector,
		                             error)
		             : sl_fail(error, SL_NO_MEMORY, "no memory for %u tensors", p->start.vector);
	}
	return status == SL_OK ? SL_OK : sl_wrap(error, "%s", path);
}

enum sl_status sl_run_plan_outside(struct sl_plan *out, const struct sl_run *p,
                                   const struct sl_plan_graph *graph, char *note, struct sl_error *error)
{
	struct sl_outside outside = { .layout = p->start.layout,
		                      .start = p->start.start,
		                      .described = p->start.list.at,
		                      .described_length = sl_reader_left(&p->start.list),
		                      .guest = &p->guest };
	return sl_plan_make_outside(out, &p->config.settings, graph, &outside, note, error);
}

enum sl_status sl_run_plan(struct sl_plan *out, const struct sl_run *p, const struct sl_roster *roster,
                           char *note, struct sl_error *error)
{
	const struct sl_topology *graph_of = &roster->topology;
	struct sl_topology members = { 0 };
	struct sl_spectrum spectrum;
	if (!graph_of->activity) { /* graphs with activities have fixed members */
		enum sl_status status = sl_topology_members(&members, graph_of, error);
		if (status != SL_OK)
			return status;
		graph_of = &members;
	}
	sl_topology_spectrum(graph_of, &spectrum);
	struct sl_plan_graph graph = sl_plan_graph_of(graph_of, &spectrum);
	sl_topology_free(&members);
	if (sl_run_outside(&p->config.settings)
	        ? sl_run_plan_outside(out, p, &graph, note, error)
	        : sl_plan_make(out, &p->config.settings, &graph, p->test.features, p->test.classes, &p->test,
	                       note, error))
		return sl_config_blame(&p->config, error);
	if (p->model_start)
		out->model.start = p->model_start;
	return SL_OK;
}

/* [model] start, which must fit the model. */
static enum sl_status read_start(struct sl_run *p, struct sl_error *error)
{
	const char *name = p->config.settings.host.model_start;
	char path[4096];
	if (!name[0])
		return SL_OK;
	sl_config_path(&p->config, name, false, path);
	if (sl_model_start_read(path, &p->plan.model.layout, &p->model_start, error) != SL_OK) {
		sl_wrap(error, "[model] start");
		return sl_config_blame(&p->config, error);
	}
	p->plan.model.start = p->model_start;
	return SL_OK;
}

static enum sl_status make_plan(struct sl_run *p, struct sl_error *error)
{
	enum sl_status status = sl_run_plan(&p->plan, p, &p->roster, p->note, error);
	if (status == SL_OK)
		status = read_start(p, error);
	if (status != SL_OK)
		return status;
	sl_plan_described(&p->plan);
	sl_config_fingerprint(&p->config.settings, &p->plan.model, p->fingerprint, &p->plan.run);
	return status;
}

static void name_things(struct sl_run *p)
{
	const struct sl_run_settings *settings = &p->config.settings;
	sl_config_run_id(settings, p->fingerprint, p->plan.session, p->run_id);
	sl_run_dataset_name(&settings->host, p->dataset);
	sl_pipeline_print(&p->plan.pipeline, p->compress, sizeof p->compress);
	size_t length = sl_run_settings_print(settings, SL_SCOPES_ALL, p->printed, sizeof p->printed);
	length += (size_t)snprintf(p->printed + length, sizeof p->printed - length, "# blas = %s\n",
	                           sl_blas_start());
	if (p->test.samples < p->test_total)
		length += (size_t)snprintf(p->printed + length, sizeof p->printed - length,
		                           "# evaluated on %u of %u test samples\n", p->test.samples,
		                           p->test_total);
	SL_CHECK(length < sizeof p->printed);
}

static enum sl_status sample_test(struct sl_run *p, struct sl_error *error)
{
	const struct sl_settings *s = &p->config.settings.method;
	p->test_total = p->test.samples;
	if (s->evaluate_samples == 0 || s->evaluate_samples >= p->test.samples)
		return SL_OK;
	enum sl_status status = sl_test_sample(&p->test, s->seed, s->evaluate_samples, &p->test_block, error);
	if (status == SL_OK)
		sl_file_unmap(&p->test_file);
	return status;
}

static enum sl_status open_test(struct sl_run *out, struct sl_error *error)
{
	char path[4096];
	struct sl_host_settings *host = &out->config.settings.host;
	if (strncmp(host->columns, "file:", 5) == 0) {
		sl_fail(
		    error, SL_MALFORMED,
		    "[data] columns = %s: only `starling init` reads the file; peers need the value that it wrote to run.conf",
		    host->columns);
		return sl_config_blame(&out->config, error);
	}
	sl_run_data_path(&out->config, SL_RUN_TEST, path);
	enum sl_status status = open_data(&out->test_file, &out->test, path, error);
	if (status == SL_OK &&
	    sl_classes_check(host->classes, host->format, &out->test, path, error) != SL_OK)
		status = sl_config_blame(&out->config, error);
	return status;
}

enum sl_status sl_run_complete(struct sl_run *out, enum sl_session_choice session, struct sl_error *error)
{
	enum sl_status status =
	    sl_run_outside(&out->config.settings) ? sl_run_start(out, error) : open_test(out, error);
	if (status == SL_OK)
		status = sample_test(out, error);
	if (status == SL_OK)
		status = make_plan(out, error);
	if (status == SL_OK && session == SL_SESSION_KEPT)
		status = sl_session_read(&out->config, &out->session, error);
	out->plan.session = session == SL_SESSION_NEW ? sl_session_draw() : out->session.number;
	if (status == SL_OK)
		name_things(out);
	return status;
}

void sl_run_session(struct sl_run *p, uint64_t session)
{
	p->plan.session = session;
	sl_config_run_id(&p->config.settings, p->fingerprint, session, p->run_id);
}

enum sl_status sl_run_open(struct sl_run *out, const char *conf_file, char *const *overrides,
                           enum sl_session_choice session, struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	enum sl_status status = sl_keys_start(error);
	if (status == SL_OK)
		status = sl_float_check(error);
	if (status == SL_OK)
		status = sl_config_load(&out->config, conf_file, overrides, error);
	if (status == SL_OK)
		status = open_roster(out, error);
	if (status == SL_OK)
		status = sl_run_complete(out, session, error);
	if (status != SL_OK)
		sl_run_close(out);
	return status;
}

void sl_run_close(struct sl_run *p)
{
	sl_file_unmap(&p->test_file);
	free(p->test_block);
	sl_file_unmap(&p->start_file);
	free(p->tensor);
	sl_roster_free(&p->roster);
	free(p->model_start);
	memset(p, 0, sizeof *p);
}

/* The run's classes are known by now, never auto. */
static enum sl_status check_shard_classes(const struct sl_run *p, const struct sl_dataset *shard,
                                          const char *path, struct sl_error *error)
{
	char setting[SL_TEXT_MAX];
	memcpy(setting, p->config.settings.host.classes, sizeof setting);
	return sl_classes_check(setting, p->config.settings.host.format, shard, path, error) == SL_OK
	           ? SL_OK
	           : sl_config_blame(&p->config, error);
}

enum sl_status sl_run_shard(const struct sl_run *p, uint32_t peer, struct sl_mapping *file,
                            struct sl_dataset *out, struct sl_error *error)
{
	char path[4096];
	if (sl_run_outside(&p->config.settings)) { /* its trainer has them */
		*out = (struct sl_dataset){ .samples = 1 };
		return SL_OK;
	}
	sl_run_data_path(&p->config, peer, path);
	enum sl_status status = open_data(file, out, path, error);
	if (status != SL_OK)
		return status;
	if (out->samples == 0)
		status = sl_fail(error, SL_OUT_OF_RANGE, "%s: contains no samples", path);
	else if (out->features != p->test.features || out->classes != p->test.classes)
		status = sl_fail(error, SL_OUT_OF_RANGE,
		                 "%s: %" PRIu32 " features and %" PRIu32
		                 " classes, but the run's test set has %" PRIu32 " and %" PRIu32,
		                 path, out->features, out->classes, p->test.features, p->test.classes);
	else
		status = check_shard_classes(p, out, path, error);
	if (status != SL_OK)
		sl_file_unmap(file);
	return status;
}

void sl_run_noise(const struct sl_run *p, uint32_t peer, uint8_t out[static SL_KEY_BYTES], bool *own)
{
	char path[4096], name[SL_TEXT_MAX + 16];
	struct sl_identity identity;
	struct sl_error none;
	snprintf(name, sizeof name, "%s/%" PRIu32 ".key", p->config.settings.host.keys, peer);
	sl_config_path(&p->config, name, false, path);
	*own = sl_identity_read(&identity, path, &none) == SL_OK;
	if (*own) {
		sl_identity_noise(&identity, out);
		sl_identity_wipe(&identity);
	}
}

uint32_t sl_run_neighbours(const struct sl_run *p, uint32_t peer, struct sl_peer_neighbour *out)
{
	return sl_roster_neighbours(&p->roster, peer, out);
}

void sl_run_history_row(const struct sl_run *p, const char *driver, struct sl_history_run *out)
{
	const struct sl_run_settings *settings = &p->config.settings;
	struct timeval now;
	gettimeofday(&now, NULL);
	*out = (struct sl_history_run){ .run_id = p->run_id,
		                        .name = settings->host.name,
		                        .driver = driver,
		                        .version = SL_VERSION,
		                        .topology = p->roster.topology.spec,
		                        .algorithm = settings->method.algorithm,
		                        .compress = p->compress,
		                        .model = settings->method.model,
		                        .dataset = p->dataset,
		                        .fingerprint = p->fingerprint,
		                        .config = p->printed,
		                        .peers = p->plan.peers,
		                        .dimension = p->plan.dimension,
		                        .seed = settings->method.seed,
		                        .started_at_us = (int64_t)now.tv_sec * 1000000 + now.tv_usec };
}
