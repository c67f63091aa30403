/* bundles.c — a bundle per peer, from the files of the run. */
#include "daemon/cli/deploy/deploy.h"
#include "daemon/run/bundle.h"
#include "daemon/run/files.h"
#include "daemon/run/run.h"

#include <inttypes.h>
#include <string.h>

static enum sl_status read_signer(const struct sl_deploy *d, struct sl_identity *signer,
                                  struct sl_error *error)
{
	char path[4096];
	uint8_t key[SL_KEY_BYTES];
	sl_config_path(d->config, "operator.key", false, path);
	enum sl_status status = sl_identity_read(signer, path, error);
	if (status == SL_OK && (!sl_key_parse(d->config->settings.host.operator_key, key) ||
	                        memcmp(signer->public_key, key, SL_KEY_BYTES) != 0)) {
		sl_identity_wipe(signer);
		status =
		    sl_fail(error, SL_REFUSED, "%s: is not the operator's key that run.conf lists", path);
	}
	return status;
}

/* The files of the run, in the order of sl_bundle_names. */
static enum sl_status map_parts(const struct sl_deploy *d, struct sl_mapping part[static SL_BUNDLE_FILES],
                                struct sl_error *error)
{
	const char *const names[] = { "run.conf", d->config->settings.host.roster, "session", NULL };
	char path[4096];
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++) {
		if (names[i])
			sl_config_path(d->config, names[i], false, path);
		else
			sl_run_data_path(d->config, SL_RUN_TEST, path);
		enum sl_status status = sl_file_map(&part[i], path, error);
		if (status != SL_OK)
			return status;
	}
	return SL_OK;
}

static enum sl_status write_bundle(const struct sl_deploy *d, const struct sl_deploy_peer *peer,
                                   const struct sl_mapping *part, const struct sl_identity *signer,
                                   struct sl_error *error)
{
	char path[4200];
	struct sl_bundle bundle = { .peer = peer->number };
	strcpy(bundle.name, peer->name);
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++)
		bundle.part[i] = (struct sl_bundle_part){ part[i].bytes, part[i].length };
	snprintf(path, sizeof path, "%.4000s/bundles/%" PRIu32 ".bundle", d->to, peer->number);
	return sl_bundle_write(&bundle, path, signer, error);
}

enum sl_status sl_deploy_bundles(const struct sl_deploy *d, struct sl_error *error)
{
	struct sl_identity signer;
	struct sl_mapping part[SL_BUNDLE_FILES] = { 0 };
	enum sl_status status = read_signer(d, &signer, error);
	if (status != SL_OK)
		return status;
	status = map_parts(d, part, error);
	for (uint32_t i = 0; i < d->hosts.peers && status == SL_OK; i++)
		if (d->hosts.peer[i].number != SL_DEPLOY_NOBODY && !d->hosts.peer[i].gone)
			status = write_bundle(d, &d->hosts.peer[i], part, &signer, error);
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++)
		if (part[i].bytes)
			sl_file_unmap(&part[i]);
	sl_identity_wipe(&signer);
	return status;
}
