/* budget.h — a token bucket that counts bytes. It knows no clock: callers give the time.
 *
 * The level rises with time at `rate`, up to `burst`, and falls by each charge, below zero if need be. A message
 * may leave while the level is not below zero. So if the messages that left in any time t are charged when they
 * begin to leave, all but the last of them are at most burst + rate·t bytes. A driver that spreads a message over
 * length/rate (the daemon lets the kernel do that) keeps below burst + rate·t with the last one included. */
#ifndef SL_GOSSIP_BUDGET_H
#define SL_GOSSIP_BUDGET_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_budget {
	uint64_t rate;         /* bits per second; 0: no limit */
	int64_t burst;         /* bytes */
	int64_t level;         /* millionths of a bit */
	struct sl_time at;     /* when the level was that */
	int64_t charged_bytes; /* since sl_budget_begin, less what was given back */
};

/* `level` in bytes, at most burst. burst ≥ 0. */
void sl_budget_begin(struct sl_budget *, uint64_t rate, int64_t burst, int64_t level, struct sl_time now);
/* Bytes, rounded down; INT64_MAX without a limit. A time before the last one counts as the last one. */
int64_t sl_budget_level(struct sl_budget *, struct sl_time now);
/* Whether a message may leave; `credit`: although the level is up to that many bytes below zero. */
bool sl_budget_is_open(struct sl_budget *, struct sl_time now, int64_t credit);
/* Takes bytes away, or gives back what was charged too much (bytes < 0). */
void sl_budget_charge(struct sl_budget *, struct sl_time now, int64_t bytes);
/* The earliest time at which it is open, if nothing more is charged. */
struct sl_time sl_budget_opens(const struct sl_budget *, int64_t credit);

/* Bytes of a message on a device of Ethernet with an MTU of 1500: 49 of CURVE and ZMTP, and the heads of its
 * segments (Ethernet, IPv4, TCP with timestamps: 66 per 1448 bytes). `sl_budget_sealed`: before TCP. */
size_t sl_budget_message(size_t message);
size_t sl_budget_sealed(size_t message);
enum { SL_BUDGET_SEGMENT = 1448, SL_BUDGET_HEAD = 66 };

#endif
