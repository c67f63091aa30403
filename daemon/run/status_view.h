/* status_view.h — the status line of a peer (status.h) taken apart again, for `up` and `status`. */
#ifndef SL_DAEMON_RUN_STATUS_VIEW_H
#define SL_DAEMON_RUN_STATUS_VIEW_H

#include "base/error.h"
#include "base/row.h"

#include <stdio.h>

enum { SL_STATUS_LINE = 256 * 1024, SL_STATUS_WAITS = 4 };

/* Numbers that the line does not give, or gives as null, are NaN and −1. */
struct sl_status_view {
	char phase[24];
	int64_t peer, pid, serial, round, rounds, nonzero, edges, edges_up, payload_tx, payload_rx, wire_tx,
	    wire_rx;
	double train_loss, test_accuracy;
	/* Neighbours that it waits for: the first few, how many there are, and how long the most silent one
	 * has been. */
	uint32_t wait[SL_STATUS_WAITS], waits;
	int64_t silent_ms;
	char waits_why[48];     /* of one of them, where more is known; else empty */
	bool checkpoint_failed; /* the last that was tried */
	bool diverging;
	/* The neighbour that lags most: number of rounds (0: none lags), duration, and reason. */
	uint32_t laggard;
	int64_t behind, behind_ms;
	char why[48];
	/* Neighbours in quarantine: how many, and the one that is longest to stay. */
	uint32_t quarantined, worst;
	int64_t quarantine_ms;
	char cause[16];
	/* Links with which something is wrong: how many, and of the first with whom, what, and since when
	 * (since 1970; −1: not known). */
	uint32_t troubles, troubled;
	char trouble[300];
	int64_t trouble_since_us;
	/* A byte budget: bits per second (−1: none), bytes charged in the last ten seconds, messages that wait; rounds of
	 * a day and bytes of a round at the present pace. */
	int64_t budget_rate, budget_used, budget_waiting;
	double rounds_a_day, bytes_a_round;
	/* Local differential privacy: NaN: none; no budget. */
	double epsilon, epsilon_budget;
	bool epsilon_spent; /* the peer no longer learns, and only mixes */
	/* Why the history cannot be written (empty: it can), since when, and how many rows are lost. */
	char history[200];
	int64_t history_since_us, rows_lost;
};

/* False where the line is not what status.h describes; *out is then empty. */
bool sl_status_view_parse(struct sl_status_view *out, const char *line);

/* What a link carries and how it is; −1: not known. The last four: its words true and false are 1 and 0. */
struct sl_status_link {
	int64_t neighbour, quarantine_ms, behind, resent, wire_tx, wire_resent, throughput, queue_us, srtt_us,
	    again[SL_AGAIN_KINDS];
	int64_t up, late, waited_for, heard;
};
/* Calls `each` for every link of the line; false: it is no status line. */
bool sl_status_view_links(const char *line, void (*each)(void *context, const struct sl_status_link *),
                          void *context);

/* "waiting for 2, 4 (3.1 s)", "computing" … */
void sl_status_view_doing(const struct sl_status_view *, char *text, size_t size);

/* "0.8312" or "-". */
void sl_status_real(double value, int digits, char *text, size_t size);

#endif
