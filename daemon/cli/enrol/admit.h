/* admit.h — the operator's side of enrolment: requests are read, collected until the first roster can be signed, and
 * answered with a bundle per host. */
#ifndef SL_DAEMON_CLI_ENROL_ADMIT_H
#define SL_DAEMON_CLI_ENROL_ADMIT_H

#include "daemon/run/request.h"
#include "daemon/run/roster.h"

struct sl_config;

/* Requests that own their memory, in the order in which they came. */
struct sl_requests {
	struct sl_request *item;
	size_t count;
};
/* Adds the lines of a file, "-" being standard input; empty ones are skipped. One that is there already is not added again.
 * Refuses two hosts of one name, one key or one endpoint. */
enum sl_status sl_requests_add(struct sl_requests *, const char *file, struct sl_error *error);
void sl_requests_free(struct sl_requests *);

/* Before the first roster: keeps the requests in RUN/requests beside those that came before; when there are as many as the
 * graph has peers, signs serial 1. With RUN/hosts, only the hosts it lists are admitted, at its endpoints, and in its order. */
struct sl_first {
	uint32_t left;             /* how many are still missing */
	char missing[SL_TEXT_MAX]; /* their names, as far as RUN/hosts lists them and there is room */
	bool more;                 /* some of `requests` are too many for the graph, which has its peers */
};
enum sl_status sl_admit_first(const struct sl_config *, const struct sl_requests *requests,
                              struct sl_first *out, struct sl_error *error);

/* Whether hosts of this run get bundles: RUN/bundles exists. */
bool sl_bundles_wanted(const struct sl_config *);
/* Writes RUN/bundles/NAME for every member, and removes those of names that only `before` has. */
enum sl_status sl_bundles_write(const struct sl_config *, const struct sl_roster *before,
                                const struct sl_roster *, const struct sl_identity *operator_identity,
                                struct sl_error *error);

#endif
