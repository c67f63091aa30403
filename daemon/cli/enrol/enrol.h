/* enrol.h — how a host joins a run: it asks (starling enrol), the operator admits it, it installs its bundle. */
#ifndef SL_DAEMON_CLI_ENROL_ENROL_H
#define SL_DAEMON_CLI_ENROL_ENROL_H

#include "daemon/run/local.h"

#include <sys/stat.h>

#define SL_ENROL_FOLDER SL_LOCAL_RUN

/* The file of this host's key: the given one; of root, the one in SL_ENROL_FOLDER/keys, which is identity.key before it has a
 * number; else identity.key in the working directory. */
const char *sl_enrol_key_file(const char *given, char path[static 4096]);

/* Creates a folder, unless it exists, with that mode whatever the umask is: the account of the peers must get through. */
enum sl_status sl_enrol_folder(const char *path, mode_t mode, struct sl_error *error);
/* How many keys K.key a folder has; *peer ← the K of one of them. −1: the folder cannot be read, and errno says why. */
int sl_enrol_keys_in(const char *folder, uint32_t *peer);

#endif
