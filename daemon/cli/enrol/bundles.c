/* bundles.c — one signed file per host in RUN/bundles: everything that it needs but its key and its data. */
#include "daemon/cli/enrol/admit.h"
#include "daemon/run/bundle_of_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
                                const struct sl_roster *r, const struct sl_identity *operator_identity,
                                struct sl_error *error)
{
	struct sl_bundle b = { 0 };
	struct sl_bundle_parts parts = { 0 };
	char path[4096];
	enum sl_status status = check_names(r, error);
	sl_config_path(config, "bundles", false, path);
	if (status == SL_OK && mkdir(path, 0777) != 0 && errno != EEXIST)
		status = sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	if (status == SL_OK)
		status = sl_bundle_of_run(&b, &parts, config, error);
	if (status == SL_OK)
		status = write_all(config, r, &b, operator_identity, error);
	if (status == SL_OK)
		remove_former(config, before, r);
	sl_bundle_parts_free(&parts);
	return status;
}
