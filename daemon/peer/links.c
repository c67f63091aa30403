/* links.c — the links of a peer as a roster lists them, opened with the key that lies on the disk. */
#include "daemon/peer/daemon.h"

#include "daemon/run/roster_of_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum sl_status sl_daemon_identity(const struct sl_daemon *d, const struct sl_roster *roster,
                                  struct sl_identity *out, struct sl_error *error)
{
	char path[4096], name[SL_TEXT_MAX + 16], found[SL_KEY_HEX], hex[SL_KEY_HEX];
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	if (credentials && credentials[0]) {
		if (snprintf(path, sizeof path, "%s/identity", credentials) >= (int)sizeof path)
			return sl_fail(error, SL_TOO_BIG, "$CREDENTIALS_DIRECTORY is too long");
	} else {
		snprintf(name, sizeof name, "%s/%" PRIu32 ".key", d->run.config.settings.host.keys,
		         d->number);
		sl_config_path(&d->run.config, name, false, path);
	}
	enum sl_status status = sl_identity_read(out, path, error);
	if (status != SL_OK)
		return status;
	const uint8_t *listed = roster->peer[d->number].public_key;
	if (memcmp(out->public_key, listed, SL_KEY_BYTES) == 0)
		return SL_OK;
	sl_key_print(out->public_key, found);
	sl_key_print(listed, hex);
	sl_identity_wipe(out);
	return sl_fail(error, SL_REFUSED,
	               "%s: is the key %.16s…, but the roster lists %.16s… for peer %" PRIu32
	               "; is it another peer's key, or of another roster?",
	               path, found, hex, d->number);
}

uint32_t sl_daemon_neighbours(const struct sl_roster *roster, uint32_t peer, struct sl_net_neighbour *out)
{
	const struct sl_topology *t = &roster->topology;
	uint32_t degree = sl_topology_degree(t, peer);
	for (uint32_t i = 0; i < degree; i++) {
		uint32_t other = t->neighbour[t->first[peer] + i];
		out[i] = (struct sl_net_neighbour){ other, roster->peer[other].endpoint,
			                            roster->peer[other].curve_public };
	}
	return degree;
}

/* A full disk is no reason not to run: what is not recorded is that an older roster would be accepted. */
void sl_daemon_keep_serial(struct sl_daemon *d, const struct sl_roster *roster)
{
	struct sl_error error = { 0 };
	if (sl_serial_keep(&d->run.config, d->number, roster, d->run.operator_key, &error) != SL_OK)
		sl_loop_event(&d->loop, SL_LEVEL_WARNING, "serial-not-kept",
		              "%s; after a restart a roster older than serial %" PRIu32 " would be accepted",
		              error.text, roster->serial);
}

static void on_notice(void *context, enum sl_level level, const char *kind, const char *detail)
{
	sl_loop_event(context, level, kind, "%s", detail);
}

enum sl_status sl_daemon_links(struct sl_daemon *d, const struct sl_roster *roster,
                               struct sl_identity *identity, struct sl_error *error)
{
	struct sl_net_neighbour neighbours[SL_DEGREE_MAX];
	uint32_t degree = sl_daemon_neighbours(roster, d->number, neighbours);
	struct sl_net_setup setup = { .endpoint = roster->peer[d->number].endpoint,
		                      .identity = identity,
		                      .neighbours = neighbours,
		                      .degree = degree,
		                      .frame_max = d->run.plan.frame_max,
		                      .notice = on_notice,
		                      .context = &d->loop };
	enum sl_status status = sl_net_reopen(&d->net, &setup, error);
	sl_identity_wipe(identity); /* libzmq has its own copy of what it needs */
	return status;
}
