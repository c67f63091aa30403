/* request.h — what a host that wants to take part tells the operator: one line with its name, its endpoint and its
 * public key, signed with the secret key, so that nobody can ask for a key that is not theirs.
 *
 *   starling-request 1 NAME ENDPOINT <64 hex digits: Ed25519 public key> <128 hex digits: signature>
 *
 * The signature covers everything before the blank in front of it. */
#ifndef SL_DAEMON_RUN_REQUEST_H
#define SL_DAEMON_RUN_REQUEST_H

#include "daemon/run/keys.h"
#include "daemon/run/endpoint.h"

enum { SL_REQUEST_MOST = 1024 };

struct sl_request {
	char name[64], endpoint[SL_TEXT_MAX];
	uint8_t public_key[SL_KEY_BYTES];
	char line[SL_REQUEST_MOST]; /* as it came, without its newline */
};

/* Writes the line, without a newline. Refuses names with blanks and endpoints that others cannot reach. */
enum sl_status sl_request_write(char line[static SL_REQUEST_MOST], const struct sl_identity *,
                                const char *name, const char *endpoint, struct sl_error *error);

/* Checks a line, with or without its newline, form and signature. Errors begin with `what`. */
enum sl_status sl_request_parse(struct sl_request *out, const char *line, size_t length, const char *what,
                                struct sl_error *error);

#endif
