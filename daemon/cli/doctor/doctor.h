/* doctor.h — starling doctor: what keeps a peer of this host from learning, and what to do about it. */
#ifndef SL_DAEMON_CLI_DOCTOR_DOCTOR_H
#define SL_DAEMON_CLI_DOCTOR_DOCTOR_H

#include "daemon/cli/common/command_line.h"
#include "daemon/run/run.h"

enum sl_finding {
	SL_FINDING_OK,
	SL_FINDING_UNKNOWN, /* it could not be found out */
	SL_FINDING_WARNING, /* the peer works, but something is lost or will be */
	SL_FINDING_FAULT,   /* the peer does not start, or cannot learn */
	SL_FINDINGS
};

enum { SL_DOCTOR_PEERS = 64 };

struct sl_doctor {
	bool json;
	unsigned count[SL_FINDINGS];
	char file[4096]; /* of run.conf */
	bool opened;     /* `run` is there, whole */
	struct sl_run run;
	/* The peers of this host, and which of them answer. */
	uint32_t peer[SL_DOCTOR_PEERS];
	bool running[SL_DOCTOR_PEERS];
	unsigned peers;
	bool unit; /* the run is that of starlingd@.service */
};

/* Prints a finding. `remedy`: a sentence, or NULL. */
__attribute__((format(printf, 5, 6))) void sl_doctor_say(struct sl_doctor *, enum sl_finding,
                                                         const char *subject, const char *remedy,
                                                         const char *format, ...);

/* Each looks at one thing, and prints what it finds. */
void sl_doctor_run(struct sl_doctor *);                /* configuration, roster, session, test data */
void sl_doctor_key(struct sl_doctor *, uint32_t peer); /* the peer's key, and whether the roster lists it */
void sl_doctor_data(struct sl_doctor *, uint32_t peer);
void sl_doctor_disk(struct sl_doctor *, uint32_t peer); /* where the state is written: permission, space */
void sl_doctor_links(struct sl_doctor *,
                     unsigned index); /* names and ports, of peer[index] and its neighbours */
void sl_doctor_unit(struct sl_doctor *, uint32_t peer);
void sl_doctor_host(struct sl_doctor *); /* clock, file descriptors, matrix kernels */

#endif
