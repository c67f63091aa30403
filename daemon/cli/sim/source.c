/* source.c — opens what `starling sim` simulates: a run's folder, or a graph without one. */
#include "daemon/cli/common/waiting.h"
#include "daemon/cli/init/init.h"
#include "daemon/cli/sim/sim.h"
#include "daemon/run/curvature.h"
#include "daemon/run/founding.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum sl_status make_folder(struct sl_sim_command *s, struct sl_error *error)
{
	struct sl_config *config = &s->run.config;
	char path[4096];
	const char *folder = getenv("TMPDIR");
	snprintf(s->temporary, sizeof s->temporary, "%s/starling-sim-XXXXXX", folder ? folder : "/tmp");
	if (!mkdtemp(s->temporary)) {
		s->temporary[0] = '\0';
		return sl_fail(error, SL_IO, "cannot create a temporary folder: %s", strerror(errno));
	}
	snprintf(config->folder, sizeof config->folder, "%s", s->temporary);
	snprintf(config->state, sizeof config->state, "%s", s->temporary);
	sl_config_path(config, config->settings.host.shards, true, path);
	if (mkdir(path, 0700) != 0)
		return sl_fail(error, SL_IO, "cannot create %s: %s", path, strerror(errno));
	return SL_OK;
}

static enum sl_status make_shards(struct sl_sim_command *s, struct sl_error *error)
{
	struct sl_config *config = &s->run.config;
	struct sl_source source;
	struct sl_shards shards = { 0 };
	char note[SL_TEXT_MAX];
	enum sl_status status = sl_source_resolve(&source, &config->settings, note, error);
	if (status == SL_OK && note[0])
		fprintf(stderr, "starling sim: note: %s\n", note);
	if (status == SL_OK)
		status = make_folder(s, error);
	if (status == SL_OK)
		status = sl_pack_make(&s->pack, s->run.roster.topology.peers, error);
	if (status == SL_OK)
		status =
		    sl_shards_write(&shards, &source, config, s->run.roster.topology.peers, &s->pack, error);
	if (status == SL_OK)
		memcpy(config->settings.host.classes, shards.setting, sizeof shards.setting);
	if (status == SL_OK)
		sl_shards_weigh(&shards, &config->settings, s->run.roster.topology.peers);
	if (status == SL_OK)
		memcpy(config->settings.host.columns, shards.columns, sizeof shards.columns);
	sl_shards_free(&shards);
	sl_source_free(&source);
	return status;
}

/* Without a run's folder: makes settings, graph and shards. */
static enum sl_status open_temporary(struct sl_sim_command *s, struct sl_error *error)
{
	enum sl_status status = sl_keys_start(error);
	if (status == SL_OK)
		status = sl_float_check(error);
	if (status == SL_OK)
		status = sl_config_standard(&s->run.config, s->set.item, error);
	if (status == SL_OK)
		status = sl_topology_of_spec(&s->run.roster.topology, s->topology_spec,
		                             s->run.config.settings.method.seed, error);
	if (status == SL_OK)
		status = make_shards(s, error);
	if (status == SL_OK)
		status = sl_run_complete(&s->run, SL_SESSION_NEW, error);
	return status;
}

static enum sl_status open_run(struct sl_sim_command *s, struct sl_error *error)
{
	struct stat about;
	bool folder = stat(s->folder, &about) == 0 && S_ISDIR(about.st_mode);
	snprintf(s->conf, sizeof s->conf, "%s%s", s->folder, folder ? "/run.conf" : "");
	enum sl_status status = sl_run_open(&s->run, s->conf, s->set.item, SL_SESSION_NEW, error);
	if (status != SL_OK)
		return status;
	if (!s->database) {
		sl_config_path(&s->run.config, s->run.config.settings.host.history, true, s->history_path);
		s->database = s->history_path;
	}
	return SL_OK;
}

static enum sl_status open_shards(struct sl_sim_command *s, struct sl_error *error)
{
	uint32_t peers = s->run.roster.topology.peers;
	s->file = calloc(peers, sizeof *s->file);
	s->shard = calloc(peers, sizeof *s->shard);
	s->accuracy = calloc(peers, sizeof *s->accuracy);
	if (!s->file || !s->shard || !s->accuracy)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", peers);
	enum sl_status status = SL_OK;
	struct sl_curvature curvature = { 0 };
	char note[SL_TEXT_MAX];
	struct sl_waiting waiting;
	sl_waiting_begin(&waiting, "opening data of peers");
	for (uint32_t i = 0; i < peers && status == SL_OK; i++) {
		s->accuracy[i] = (double)NAN;
		if (sl_topology_degree(&s->run.roster.topology, i) == 0)
			continue; /* a member that has left */
		sl_waiting_show(&waiting, i, peers);
		status = s->pack.at ? sl_dataset_open(&s->shard[i], s->pack.bytes + s->pack.at[i],
		                                      s->pack.size[i], error)
		                    : sl_run_shard(&s->run, i, &s->file[i], &s->shard[i], error);
		if (status == SL_OK)
			sl_curvature_look(&curvature, &s->run.plan, i, &s->shard[i]);
	}
	sl_waiting_end(&waiting);
	sl_curvature_note(&curvature, &s->run.plan, note);
	if (status == SL_OK && note[0])
		fprintf(stderr, "starling sim: note: %s\n", note);
	return status;
}

/* Noise as the daemons' where the keys are here; else it is drawn from the seed. */
static enum sl_status read_secrets(struct sl_sim_command *s, struct sl_error *error)
{
	uint32_t peers = s->run.roster.topology.peers, found = 0;
	if (!s->folder || !(s->run.plan.settings.noise > 0))
		return SL_OK;
	s->secret = calloc(peers, sizeof *s->secret);
	s->secrets = calloc(peers, sizeof *s->secrets);
	if (!s->secret || !s->secrets)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", peers);
	for (uint32_t i = 0; i < peers; i++) {
		bool own;
		sl_run_noise(&s->run, i, s->secret[i], &own);
		s->secrets[i] = own ? s->secret[i] : NULL;
		found += own;
	}
	if (found < peers)
		fprintf(
		    stderr,
		    "starling sim: note: [privacy] noise of %u peers is drawn from the seed: their keys are not here\n",
		    peers - found);
	return SL_OK;
}

enum sl_status sl_sim_command_open(struct sl_sim_command *s, struct sl_error *error)
{
	enum sl_status status = s->folder ? open_run(s, error) : open_temporary(s, error);
	if (status == SL_OK && s->run.note[0])
		fprintf(stderr, "starling sim: note: %s\n", s->run.note);
	if (status == SL_OK)
		status = read_secrets(s, error);
	return status == SL_OK ? open_shards(s, error) : status;
}
