/* units.h — rates and sizes as options of a link: "256kbit", "64kB". Private to this folder. */
#ifndef SL_DAEMON_CLI_SIM_UNITS_H
#define SL_DAEMON_CLI_SIM_UNITS_H

#include "base/error.h"

#include <stdint.h>

/* Bits per second: a number and bit, kbit, Mbit or Gbit, of a thousand each; as tc(8), in any case. At least 1 bit/s, at
 * most 1000 Gbit/s. On failure *out is untouched. */
enum sl_status sl_units_rate(const char *text, uint64_t *out, struct sl_error *error);
/* Bytes: a number and B, kB, MB or GB, of a thousand each. At least 1 byte, at most 1000 GB. */
enum sl_status sl_units_size(const char *text, uint64_t *out, struct sl_error *error);

#endif
