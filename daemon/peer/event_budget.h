/* event_budget.h — limits on event rows, most of which a neighbour or a stranger can cause at will: of each kind
 * SL_EVENT_BURST at once, then one every SL_EVENT_EVERY_US. What is left out is counted, in a row of its own. */
#ifndef SL_DAEMON_PEER_EVENT_BUDGET_H
#define SL_DAEMON_PEER_EVENT_BUDGET_H

#include "base/row.h"

#include <stdbool.h>

enum {
	SL_EVENT_BURST = 64,
	SL_EVENT_EVERY_US = 10000000,
	SL_EVENT_REPORT_US = 60000000, /* after the first row that was left out */
	SL_EVENT_KINDS_MOST = 64,      /* kinds beyond share one budget */
};

struct sl_event_budgets {
	unsigned kinds;
	struct sl_time report_at; /* when sl_event_report has something to say; SL_TIME_NEVER: nothing */
	struct sl_event_budget {
		char kind[32];
		struct sl_time next;     /* when the burst has been earned back */
		uint64_t left_out;       /* since the last report */
		struct sl_time first_at; /* … of them */
		int64_t first_us;        /* the same since 1970 */
		enum sl_level level;     /* the gravest of them */
	} of[SL_EVENT_KINDS_MOST];
};

void sl_event_budgets_start(struct sl_event_budgets *);
/* Whether the row may be written; if not, it is counted. */
bool sl_event_allowed(struct sl_event_budgets *, const struct sl_event_row *, struct sl_time now);
/* The next row "rows-left-out" that is due, or with `all` any; fills kind, level and detail. False: none. */
bool sl_event_report(struct sl_event_budgets *, struct sl_time now, bool all, struct sl_event_row *out);

#endif
