/* bundle.h — what the operator sends to one host: configuration, roster, session and the shape of the data, in one
 * signed file that holds no secret, and nothing that the host would run.
 *
 *   starling-bundle 1
 *   peer 3 site-c
 *   operator <64 hex digits: Ed25519 public key>
 *   file run.conf 2312
 *   <2312 bytes>
 *   …
 *   signature <128 hex digits: Ed25519 over all bytes above this line>
 *
 * The files are those of sl_bundle_names, each at most once, in this order; the first SL_BUNDLE_NEEDED are always there. A
 * newline follows the bytes of each. */
#ifndef SL_DAEMON_RUN_BUNDLE_H
#define SL_DAEMON_RUN_BUNDLE_H

#include "daemon/run/keys.h"

enum { SL_BUNDLE_FILES = 6, SL_BUNDLE_NEEDED = 4, SL_BUNDLE_TEST = 3, SL_BUNDLE_COLUMNS = 4 };
/* Paths inside a run's folder: run.conf, roster, session, data/test.shard, data/columns, start.safetensors. */
extern const char *const sl_bundle_names[SL_BUNDLE_FILES];

struct sl_bundle {
	uint32_t peer;
	char name[64];
	uint8_t operator_key[SL_KEY_BYTES];
	struct sl_bundle_part {
		const uint8_t *bytes; /* borrowed; NULL: the part is not there */
		size_t length;
	} part[SL_BUNDLE_FILES];
};

/* Signs and writes it durably; sets operator_key to the signer's. */
enum sl_status sl_bundle_write(struct sl_bundle *, const char *path, const struct sl_identity *signer,
                               struct sl_error *error);

/* Checks form and signature; parts point into `bytes`. The key is the one that the bundle names: the caller decides
 * whether that is the operator. Errors begin with `what`. */
enum sl_status sl_bundle_parse(struct sl_bundle *out, const uint8_t *bytes, size_t length, const char *what,
                               struct sl_error *error);

#endif
