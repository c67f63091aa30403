/* record.h — starling sim --record: a recording (compress/capture.h) of the run's messages. */
#ifndef SL_DAEMON_CLI_SIM_RECORD_H
#define SL_DAEMON_CLI_SIM_RECORD_H

#include "compress/capture.h"
#include "gossip/plan.h"

#include <stdio.h>

struct sl_sim_capture {
	const char *path; /* NULL: nothing is recorded */
	bool one, vectors;
	uint64_t peer; /* the one, where it is one */

	struct sl_capture_hook hook;
	const struct sl_plan *plan;
	uint32_t peers;
	FILE *file; /* PATH.tmp until it is whole */
	char temporary[4096];
	uint8_t *piece; /* one piece of the file */
	size_t bound;
	float **copy; /* peers × channels: the copy that a reader of the file has; NULL: none yet */
	uint64_t records, digest;
	struct sl_error error;
};

/* Begins the file; recorder is then for sl_sim_setup. The plan is borrowed. */
enum sl_status sl_sim_capture_open(struct sl_sim_capture *, const struct sl_plan *, uint32_t peers,
                                   struct sl_error *error);
/* Ends the file, which only now has its name; or the first error there was. */
enum sl_status sl_sim_capture_close(struct sl_sim_capture *, struct sl_error *error);
void sl_sim_capture_free(struct sl_sim_capture *);

#endif
