/* bundles.c — a bundle per peer, from the files of the run. */
#include "daemon/cli/deploy/deploy.h"
#include "daemon/run/bundle_of_run.h"
#include "daemon/run/founding.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum sl_status write_bundle(const struct sl_deploy *d, const struct sl_hosts_peer *peer,
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
	struct sl_bundle_parts parts = { 0 };
	enum sl_status status = sl_operator_read(d->config, &signer, error);
	if (status != SL_OK)
		return status;
	status = sl_bundle_of_run(&bundle, &parts, d->config, error);
	for (uint32_t i = 0; i < d->hosts.peers && status == SL_OK; i++)
		if (d->hosts.peer[i].number != SL_HOSTS_NOBODY && !d->hosts.peer[i].gone)
			status = write_bundle(d, &d->hosts.peer[i], &bundle, &signer, error);
	sl_bundle_parts_free(&parts);
	sl_identity_wipe(&signer);
	return status;
}
