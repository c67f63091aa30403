/* enrol.h — how a host joins a run: it asks (starling enrol), the operator admits it, it installs its bundle. */
#ifndef SL_DAEMON_CLI_ENROL_ENROL_H
#define SL_DAEMON_CLI_ENROL_ENROL_H

#include "daemon/run/local.h"

#define SL_ENROL_FOLDER SL_LOCAL_RUN

/* The file of this host's key before it has a number: the given one, else where starling enrol puts it. */
const char *sl_enrol_key_file(const char *given);

#endif
