/* roster_of_run.h — the roster that a configuration names: of that run and no other, and not an older one than was in
 * force before. */
#ifndef SL_DAEMON_RUN_ROSTER_OF_RUN_H
#define SL_DAEMON_RUN_ROSTER_OF_RUN_H

#include "daemon/run/config.h"
#include "daemon/run/roster.h"

/* Draws the id of a new run, as bytes and as hex digits. */
void sl_run_id_draw(uint8_t id[static SL_RUN_ID_BYTES], char hex[static SL_RUN_ID_HEX]);

/* The id that [run] id says; `named`: whether it says one. */
enum sl_status sl_run_id_of(const struct sl_config *, uint8_t id[static SL_RUN_ID_BYTES], bool *named,
                            struct sl_error *error);

/* Reads and verifies the roster of `config`. A roster of another run than [run] id says is refused, and so is one that
 * names no run (version 1 of its text) where [run] id names one. */
enum sl_status sl_roster_of_run(struct sl_roster *out, const struct sl_config *config,
                                const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);
/* The same for the operator who signs the next one: a roster of version 1 is accepted, and `out` gets the id of
 * `config`, so that its successor is of version 2. */
enum sl_status sl_roster_to_sign(struct sl_roster *out, const struct sl_config *config,
                                 const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);

/* The highest serial that was in force at a peer lies in serial.K of its state folder, with the signature of that
 * roster: a peer that starts without its checkpoints still refuses an older roster. The record of another run or operator
 * is none. SL_REFUSED: an older roster, or another one of the same serial. SL_MALFORMED: the record is damaged. */
enum sl_status sl_serial_check(const struct sl_config *, uint32_t peer, const struct sl_roster *,
                               const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);
/* The text of a record; `ours`: whether its first three lines are `whose`. */
enum sl_status sl_serial_parse(const char *text, size_t length, const char *what, const char *whose,
                               bool *ours, uint32_t *serial, uint8_t signature[static SL_SIGNATURE_BYTES],
                               struct sl_error *error);
/* Records it durably, unless it is recorded already. */
enum sl_status sl_serial_keep(const struct sl_config *, uint32_t peer, const struct sl_roster *,
                              const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error);

#endif
