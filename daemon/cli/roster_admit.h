/* roster_admit.h — requests of hosts as changes of a roster. */
#ifndef SL_DAEMON_CLI_ROSTER_ADMIT_H
#define SL_DAEMON_CLI_ROSTER_ADMIT_H

#include "daemon/cli/enrol/admit.h"
#include "daemon/cli/roster_edit.h"

/* What a request did: in the order of the requests. */
struct sl_admitted {
	uint32_t peer;
	bool added, moved, renamed;
};

/* A key that the roster does not list is a new peer; a member's key with another endpoint or name moves or renames that
 * member. Refuses a new key under a member's name: that would replace the member. `out` has room for all requests;
 * *changes ← how many changed something. */
enum sl_status sl_roster_draft_admit(struct sl_roster_draft *, const struct sl_requests *,
                                     struct sl_admitted *out, size_t *changes, struct sl_error *error);

#endif
