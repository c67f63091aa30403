/* bundles.c — a bundle per peer, from the files of the run. */
#include "daemon/cli/deploy/deploy.h"
#include "daemon/cli/enrol/admit.h"
#include "daemon/run/bundle.h"

#include <inttypes.h>
#include <stdlib.h>
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

static enum sl_status write_bundle(const struct sl_deploy *d, const struct sl_deploy_peer *peer,
                                   struct sl_bundle *bundle, const struct sl_identity *signer,
                                   struct sl_error *error)
{
	char path[4200];
	bundle->peer = peer->number;
	strcpy(bundle->name, peer->name);
	snprintf(path, sizeof path, "%.4000s/bundles/%" PRIu32 ".bundle", d->to, peer->number);
	return sl_bundle_write(bundle, path, signer, error);
}

enum sl_status sl_deploy_bundles(const struct sl_deploy *d, struct sl_error *error)
{
	struct sl_identity signer;
	struct sl_bundle bundle = { 0 };
	uint8_t *owned[SL_BUNDLE_FILES] = { 0 };
	enum sl_status status = read_signer(d, &signer, error);
	if (status != SL_OK)
		return status;
	status = sl_bundle_of_run(d->config, &bundle, owned, error);
	for (uint32_t i = 0; i < d->hosts.peers && status == SL_OK; i++)
		if (d->hosts.peer[i].number != SL_DEPLOY_NOBODY && !d->hosts.peer[i].gone)
			status = write_bundle(d, &d->hosts.peer[i], &bundle, &signer, error);
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++)
		free(owned[i]);
	sl_identity_wipe(&signer);
	return status;
}
