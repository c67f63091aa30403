/* keys.h — identity: one Ed25519 key per peer (libsodium); its X25519 form is the CURVE key.
 *
 * Key files are 0600, one line of text: "starling-key ed25519 <64 hex digits of the seed>". A file that
 * others can read is refused. Under systemd the key comes from $CREDENTIALS_DIRECTORY/identity. */
#ifndef SL_DAEMON_RUN_KEYS_H
#define SL_DAEMON_RUN_KEYS_H

#include "base/error.h"

enum { SL_KEY_BYTES = 32, SL_KEY_HEX = 65 };

/* A secret identity. Wiped by sl_identity_wipe; never copied elsewhere. */
struct sl_identity {
	uint8_t secret[64];               /* Ed25519 secret key */
	uint8_t public_key[SL_KEY_BYTES]; /* Ed25519 public key, as listed in a roster */
	uint8_t curve_secret[SL_KEY_BYTES], curve_public[SL_KEY_BYTES];
};

/* Calls sodium_init; call before anything else here. */
enum sl_status sl_keys_start(struct sl_error *error);
void sl_identity_make(struct sl_identity *out);
void sl_identity_wipe(struct sl_identity *);
/* Creates the file (0600, never over an existing one) durably. */
enum sl_status sl_identity_write(const struct sl_identity *, const char *path, struct sl_error *error);
/* Overwrites and removes the secret whose public half is `public_key`. *gone: it existed, with any mode. Any
 * other file at that path is kept, also one that cannot be read. */
enum sl_status sl_identity_destroy(const char *path, const uint8_t public_key[static SL_KEY_BYTES],
                                   bool *gone, struct sl_error *error);
/* What the noise of [privacy] is drawn from: a hash of the secret key, which tells nothing about it. */
void sl_identity_noise(const struct sl_identity *, uint8_t out[static SL_KEY_BYTES]);
enum sl_status sl_identity_read(struct sl_identity *out, const char *path, struct sl_error *error);

/* X25519 form of an Ed25519 public key; false for an invalid key. */
bool sl_key_to_curve(uint8_t curve[static SL_KEY_BYTES], const uint8_t public_key[static SL_KEY_BYTES]);
void sl_key_print(const uint8_t key[static SL_KEY_BYTES], char hex[static SL_KEY_HEX]);
bool sl_key_parse(const char *hex, uint8_t key[static SL_KEY_BYTES]);

/* Hex BLAKE2b-256 of a model, the bytes being little-endian float32. */
void sl_model_digest(const float *x, uint32_t dimension, char hex[static 65]);

#endif
