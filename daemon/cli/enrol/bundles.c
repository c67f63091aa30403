/* bundles.c — one signed file per host in RUN/bundles: everything that it needs but its key and its data. */
#include "daemon/cli/enrol/admit.h"
#include "daemon/run/bundle.h"
#include "daemon/run/config.h"
#include "daemon/run/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART_MOST = 1 << 29 };

static void bundle_path(const struct sl_config *config, const char *name, char out[static 4096])
{
	char inside[SL_TEXT_MAX + 16];
	snprintf(inside, sizeof inside, "bundles/%s", name);
	sl_config_path(config, inside, false, out);
}

bool sl_bundles_wanted(const struct sl_config *config)
{
	char path[4096];
	sl_config_path(config, "bundles", false, path);
	return access(path, F_OK) == 0;
}

/* Names become file names; those of rosters that were made without requests may have any form. */
static enum sl_status check_names(const struct sl_roster *r, struct sl_error *error)
{
	for (uint32_t i = 0; i < r->topology.peers; i++) {
		const char *name = r->peer[i].name;
		if (r->peer[i].gone)
			continue;
		if (name[0] == '.' || strchr(name, '/'))
			return sl_fail(error, SL_OUT_OF_RANGE,
			               "peer %u: no bundle can have the name '%s': change it with --rename",
			               i, name);
		for (uint32_t k = 0; k < i; k++)
			if (!r->peer[k].gone && strcmp(r->peer[k].name, name) == 0)
				return sl_fail(
				    error, SL_OUT_OF_RANGE,
				    "peers %u and %u are both called %s: change one name with --rename", k, i,
				    name);
	}
	return SL_OK;
}

/* The files of the run, as its configuration calls them, under the names that bundles have. */
enum sl_status sl_bundle_of_run(const struct sl_config *config, struct sl_bundle *b, uint8_t *owned[],
                                struct sl_error *error)
{
	const struct sl_host_settings *s = &config->settings.host;
	const char *names[SL_BUNDLE_FILES] = { "run.conf",        s->roster,      "session",
		                               "data/test.shard", "data/columns", s->model_start };
	if (strcmp(s->roster, "roster") != 0 || strcmp(s->shards, "data") != 0 ||
	    strcmp(s->keys, "keys") != 0 ||
	    (s->model_start[0] && strcmp(s->model_start, "start.safetensors") != 0))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "%s: a bundle needs [run] roster = roster, keys = keys, [data] shards = data, and [model] start = start.safetensors or none",
		    config->file);
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++) {
		char path[4096];
		size_t length;
		if (!names[i][0] || (i == SL_BUNDLE_COLUMNS && strcmp(s->columns, "none") == 0))
			continue;
		sl_config_path(config, names[i], false, path);
		enum sl_status status = sl_file_read(path, PART_MOST, &owned[i], &length, error);
		if (status != SL_OK)
			return status;
		b->part[i] = (struct sl_bundle_part){ owned[i], length };
	}
	return SL_OK;
}

static enum sl_status write_all(const struct sl_config *config, const struct sl_roster *r,
                                struct sl_bundle *b, const struct sl_identity *signer, struct sl_error *error)
{
	char path[4096];
	enum sl_status status = SL_OK;
	for (uint32_t i = 0; i < r->topology.peers && status == SL_OK; i++) {
		if (r->peer[i].gone)
			continue;
		b->peer = i;
		snprintf(b->name, sizeof b->name, "%s", r->peer[i].name);
		bundle_path(config, b->name, path);
		status = sl_bundle_write(b, path, signer, error);
	}
	return status;
}

static bool has_name(const struct sl_roster *r, const char *name)
{
	for (uint32_t i = 0; i < r->topology.peers; i++)
		if (!r->peer[i].gone && strcmp(r->peer[i].name, name) == 0)
			return true;
	return false;
}

static void remove_former(const struct sl_config *config, const struct sl_roster *before,
                          const struct sl_roster *now)
{
	char path[4096];
	for (uint32_t i = 0; i < before->topology.peers; i++) {
		const char *name = before->peer[i].name;
		if (has_name(now, name) || name[0] == '.' || strchr(name, '/'))
			continue;
		bundle_path(config, name, path);
		unlink(path);
	}
}

enum sl_status sl_bundles_write(const struct sl_config *config, const struct sl_roster *before,
                                const struct sl_roster *r, const struct sl_identity *signer,
                                struct sl_error *error)
{
	struct sl_bundle b = { 0 };
	uint8_t *owned[SL_BUNDLE_FILES] = { 0 };
	char path[4096];
	enum sl_status status = check_names(r, error);
	sl_config_path(config, "bundles", false, path);
	if (status == SL_OK && mkdir(path, 0777) != 0 && errno != EEXIST)
		status = sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	if (status == SL_OK)
		status = sl_bundle_of_run(config, &b, owned, error);
	if (status == SL_OK)
		status = write_all(config, r, &b, signer, error);
	if (status == SL_OK)
		remove_former(config, before, r);
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++)
		free(owned[i]);
	return status;
}
