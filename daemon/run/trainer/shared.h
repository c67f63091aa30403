/* shared.h — sockets and memory that a peer and its trainer share. */
#ifndef SL_DAEMON_RUN_TRAINER_SHARED_H
#define SL_DAEMON_RUN_TRAINER_SHARED_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Memory behind a descriptor, mapped. bytes NULL: none. */
struct sl_shared {
	int descriptor;
	uint8_t *bytes;
	size_t length;
};

/* Zeroed memory that can neither grow nor shrink. */
enum sl_status sl_shared_make(struct sl_shared *out, size_t length, struct sl_error *error);
/* Maps memory that somebody else made, for reading; refuses what its maker could still change. The descriptor stays the
 * caller's. NULL: good; else what is wrong. */
const char *sl_shared_take(struct sl_shared *out, int descriptor);
void sl_shared_free(struct sl_shared *);

/* Listens at folder/name, both of any length: the socket's address goes through /proc/self/fd. */
enum sl_status sl_shared_listen(const char *folder, const char *name, int *folder_out, int *listener,
                                struct sl_error *error);
/* One message, with a descriptor unless that is −1. */
bool sl_shared_send(int fd, const uint8_t *bytes, size_t length, int descriptor);
/* As recv; *descriptor ← the one that came with it, or −1. */
ssize_t sl_shared_receive(int fd, uint8_t *bytes, size_t room, int *descriptor);

#endif
