/* sd.h — sd_notify by hand: one datagram to the service manager, nothing if there is none. */
#ifndef SL_DAEMON_PEER_SD_H
#define SL_DAEMON_PEER_SD_H

#include <stdbool.h>
#include <stdint.h>

/* Sends "READY=1", "STATUS=…" and the like; false without a manager, or when it did not take it. */
__attribute__((format(printf, 1, 2))) bool sl_sd_notify(const char *format, ...);

/* Half of the watchdog's interval, in microseconds: interval of WATCHDOG=1. INT64_MAX: no watchdog. */
int64_t sl_sd_watchdog_us(void);

/* Whether anybody reads STATUS=. */
bool sl_sd_managed(void);

#endif
