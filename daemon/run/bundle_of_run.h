/* bundle_of_run.h — the parts of a bundle, read from the folder of a run. */
#ifndef SL_DAEMON_RUN_BUNDLE_OF_RUN_H
#define SL_DAEMON_RUN_BUNDLE_OF_RUN_H

#include "daemon/run/bundle.h"
#include "daemon/run/config.h"

/* What all bundles of a run have in common. */
struct sl_bundle_parts {
	uint8_t *owned[SL_BUNDLE_FILES];
};

/* Reads the parts, whatever the configuration calls their files; it must name them as bundles do. The caller frees them, on
 * failure too. */
enum sl_status sl_bundle_of_run(struct sl_bundle *, struct sl_bundle_parts *, const struct sl_config *,
                                struct sl_error *error);
void sl_bundle_parts_free(struct sl_bundle_parts *);

#endif
