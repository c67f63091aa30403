/* hash.h — BLAKE2b-256 (RFC 7693, no key): for what others vote on, or could forge a mere checksum of. lib/ has its own
 * because it is apart from libsodium; test_base_bytes compares the two. */
#ifndef SL_BASE_HASH_H
#define SL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { SL_HASH_BYTES = 32 };

void sl_hash(uint8_t out[static SL_HASH_BYTES], const void *bytes, size_t length);

#endif
