/* founding.h — a run of remote hosts before its first roster: the graph that `starling init --remote` was given, kept in
 * RUN/topology until as many hosts have asked to take part as it has peers. */
#ifndef SL_DAEMON_RUN_FOUNDING_H
#define SL_DAEMON_RUN_FOUNDING_H

#include "daemon/run/config.h"
#include "daemon/run/keys.h"
#include "daemon/run/roster.h"

/* The graph of "ring:8" or "file:PATH". */
enum sl_status sl_topology_of_spec(struct sl_topology *out, const char *spec, uint64_t seed,
                                   struct sl_error *error);

/* Writes RUN/topology: the spec; of file:PATH, with a copy of the file in RUN/topology.graph. */
enum sl_status sl_founding_write(const struct sl_config *, const char *spec, struct sl_error *error);
/* Whether the run has such a graph and no roster yet. */
bool sl_founding_pending(const struct sl_config *);
/* The graph, with the spec that was given as its name. The caller frees it. */
enum sl_status sl_founding_topology(const struct sl_config *, struct sl_topology *out,
                                    struct sl_error *error);

/* The operator's secret key, RUN/operator.key; refuses another one than run.conf lists. The caller wipes it. */
enum sl_status sl_operator_read(const struct sl_config *, struct sl_identity *out, struct sl_error *error);

#endif
