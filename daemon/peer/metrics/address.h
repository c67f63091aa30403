/* address.h — [metrics] listen and textfile: where a peer's numbers are to be had. */
#ifndef SL_DAEMON_PEER_METRICS_ADDRESS_H
#define SL_DAEMON_PEER_METRICS_ADDRESS_H

#include "daemon/run/config.h"

#include <sys/socket.h>

struct sl_metrics_places {
	bool listens;                    /* else the next three are zero */
	struct sockaddr_storage address; /* of AF_UNIX, AF_INET or AF_INET6 */
	socklen_t address_length;
	char text[SL_TEXT_MAX + 16]; /* the address, for people */
	char textfile[4096];         /* path; empty: none */
};

/* From the settings of peer `peer`: "%d" replaced, paths resolved. The error begins with "[metrics]". */
enum sl_status sl_metrics_places(struct sl_metrics_places *out, const struct sl_config *, uint32_t peer,
                                 struct sl_error *error);

#endif
