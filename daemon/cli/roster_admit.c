#include "daemon/cli/roster_admit.h"

#include <inttypes.h>
#include <string.h>

static uint32_t member_with_key(const struct sl_roster_draft *d, const uint8_t *key)
{
	uint32_t i = 0;
	while (i < d->peers && (d->peer[i].gone || memcmp(d->peer[i].public_key, key, SL_KEY_BYTES) != 0))
		i++;
	return i;
}

static enum sl_status check_name(const struct sl_roster_draft *d, const struct sl_request *r, uint32_t self,
                                 struct sl_error *error)
{
	char key[SL_KEY_HEX];
	for (uint32_t i = 0; i < d->peers; i++) {
		if (i == self || d->peer[i].gone || strcmp(d->peer[i].name, r->name) != 0)
			continue;
		sl_key_print(r->public_key, key);
		return sl_fail(error, SL_REFUSED,
		               "%s is the name of peer %" PRIu32
		               ", whose key is another one. If that host was replaced: --rotate %" PRIu32
		               " --key %s; else this host needs another name",
		               r->name, i, i, key);
	}
	return SL_OK;
}

static enum sl_status update(struct sl_roster_draft *d, const struct sl_request *r, struct sl_admitted *out,
                             struct sl_error *error)
{
	enum sl_status status = SL_OK;
	out->moved = strcmp(d->peer[out->peer].endpoint, r->endpoint) != 0;
	out->renamed = strcmp(d->peer[out->peer].name, r->name) != 0;
	if (out->moved)
		status = sl_roster_draft_move(d, out->peer, r->endpoint, error);
	return status == SL_OK && out->renamed ? sl_roster_draft_rename(d, out->peer, r->name, error)
	                                       : status;
}

enum sl_status sl_roster_draft_admit(struct sl_roster_draft *d, const struct sl_requests *requests,
                                     struct sl_admitted *out, size_t *changes, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	*changes = 0;
	for (size_t i = 0; i < requests->count && status == SL_OK; i++) {
		const struct sl_request *r = &requests->item[i];
		uint32_t known = member_with_key(d, r->public_key);
		out[i] = (struct sl_admitted){ .peer = known, .added = known == d->peers };
		status = check_name(d, r, known, error);
		if (status == SL_OK)
			status = out[i].added ? sl_roster_draft_add(d, r->name, r->endpoint, r->public_key,
			                                            &out[i].peer, error)
			                      : update(d, r, &out[i], error);
		if (status != SL_OK)
			return sl_wrap(error, "--admit");
		*changes += out[i].added || out[i].moved || out[i].renamed;
	}
	return status;
}
