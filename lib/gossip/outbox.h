/* outbox.h — messages that wait for the byte budget of a peer: which of them leaves next, and when.
 *
 * A lane per edge, first in, first out: the order of an edge's messages must not change, since both ends count
 * them. Among lanes, one whose next message is control (a greeting or a request) comes first, and may leave on a
 * small credit; the others take turns. Allocates nothing: the driver owns the messages. */
#ifndef SL_GOSSIP_OUTBOX_H
#define SL_GOSSIP_OUTBOX_H

#include "gossip/budget.h"
#include "gossip/settings.h"

#include "base/limits.h"

/* First in the driver's own struct of a message. */
struct sl_outbox_message {
	struct sl_outbox_message *next;
	uint32_t edge;
	size_t length;
	bool control;
};

struct sl_outbox_lane {
	struct sl_outbox_message *first, **last;
	size_t bytes;
};

enum { SL_OUTBOX_SECONDS = 10 };

struct sl_outbox {
	struct sl_budget rate, volume;
	struct sl_outbox_lane lane[SL_DEGREE_MAX];
	uint32_t turn;  /* lane that comes first among equals */
	unsigned count; /* of messages that wait */
	struct sl_time since;
	int64_t waited_us;
	int64_t settled;   /* bytes that have left, when it was last settled */
	int64_t estimated; /* charged by estimate since then */
	/* what was charged in each of the last seconds, for display */
	int64_t second, used[SL_OUTBOX_SECONDS + 1];
};

/* Whether these settings limit what a peer sends; else no outbox is needed. */
bool sl_outbox_is_needed(const struct sl_settings *);
/* `volume_level`: bytes of the volume that may be sent at once, as sl_outbox_volume_level gave it at the end of the
 * last run, with what has been earned since; 0 if that is unknown. */
void sl_outbox_begin(struct sl_outbox *, const struct sl_settings *, int64_t volume_level,
                     struct sl_time now);
/* False: the lane is full, and the message was not taken. */
bool sl_outbox_put(struct sl_outbox *, struct sl_outbox_message *, struct sl_time now);
/* The message that leaves now, charged by estimate; NULL: none may. It is the caller's again. */
struct sl_outbox_message *sl_outbox_take(struct sl_outbox *, struct sl_time now);
/* Whatever waits on an edge, for the caller to discard; NULL: nothing is left. */
struct sl_outbox_message *sl_outbox_discard(struct sl_outbox *, uint32_t edge, struct sl_time now);
/* The earliest time at which sl_outbox_take gives a message. */
struct sl_time sl_outbox_due(const struct sl_outbox *);
/* Corrects what was charged: `left` bytes have left this host since the beginning, or wait in the kernel, as far as
 * is known. All that exceeds the estimates is charged; of what is missing from them at most an eighth is given back. */
void sl_outbox_settle(struct sl_outbox *, int64_t left, struct sl_time now);
/* Charges bytes that no message accounts for, such as acknowledgements. */
void sl_outbox_charge(struct sl_outbox *, int64_t bytes, struct sl_time now);

/* Bits per second that the settings allow in the long run; 0: no limit. */
uint64_t sl_outbox_rate(const struct sl_settings *);
/* Largest level of a volume's bucket: what it saves up. */
int64_t sl_outbox_volume_burst(struct sl_volume);
/* Bytes that were charged in the last ten whole seconds, and in total. */
int64_t sl_outbox_used(struct sl_outbox *, struct sl_time now);
int64_t sl_outbox_total(const struct sl_outbox *);
/* Time in which messages waited for the budget. */
int64_t sl_outbox_waited_us(const struct sl_outbox *, struct sl_time now);

#endif
