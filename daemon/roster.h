/* roster.h — who is in a run: names, endpoints, keys, edges, a serial; a text file signed by the operator.
 *
 *   starling-roster 1
 *   serial 7
 *   topology ring:8
 *   peer 0 peer-0 tcp://127.0.0.1:41000 <64 hex digits: Ed25519 public key>
 *   …
 *   edge 0 1 0.33333333333333331
 *   …
 *   or instead of edges, where they change from round to round or have a direction (topologies/README.md),
 *   arc FROM TO 0.5 PHASE
 *   …
 *   signature <128 hex digits: Ed25519 over all bytes above this line>
 */
#ifndef SL_DAEMON_ROSTER_H
#define SL_DAEMON_ROSTER_H

#include "daemon/keys.h"
#include "topology/topology.h"

struct sl_roster_peer {
	char name[64], endpoint[SL_TEXT_MAX];
	uint8_t public_key[SL_KEY_BYTES], curve_public[SL_KEY_BYTES];
};

struct sl_roster {
	uint32_t serial;
	struct sl_topology topology; /* peers, edges, weights */
	struct sl_roster_peer *peer; /* topology.peers of them; owned */
};

/* Parses and verifies against the operator's key. Errors name `what`, the line, what was found, what would be
 * right; a wrong signature says so and that the file may have been changed. */
enum sl_status sl_roster_parse(struct sl_roster *out, const char *text, size_t length, const char *what,
                               const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);
enum sl_status sl_roster_read(struct sl_roster *out, const char *path,
                              const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);
/* Signs and writes it durably (temporary + fsync + rename). */
enum sl_status sl_roster_write(const struct sl_roster *, const char *path,
                               const struct sl_identity *operator_identity, struct sl_error *error);
void sl_roster_free(struct sl_roster *);

#endif
