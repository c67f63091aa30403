/* report.h — starling report: what is read of the runs of some histories, for figures, tables and findings.
 *
 * Everything comes from views of lib/history/schema.sql, and memory is bounded: curves are read at no more than
 * SL_REPORT_POINTS rounds, chosen evenly, the last one and rounds with an evaluation among them. */
#ifndef SL_DAEMON_CLI_REPORT_REPORT_H
#define SL_DAEMON_CLI_REPORT_REPORT_H

#include "history/history.h"
#include "topology/topology.h"

enum {
	SL_REPORT_POINTS = 400,
	SL_REPORT_RUNS = 256,
	SL_REPORT_PEERS = 4096,
	SL_REPORT_LINKS = 65536,
	SL_REPORT_EVENTS = 4000, /* drawn and listed; all are counted */
	SL_REPORT_DRAWN = 128,   /* a graph of more peers is not drawn */
	SL_REPORT_DETAILED = 8,
	SL_REPORT_KINDS = 64,
	SL_REPORT_ABSENCES = 64,
	SL_REPORT_TARGETS = 6,
	SL_REPORT_LABEL = 256,
};

/* What a curve can have on its axes. */
enum sl_axis { SL_AXIS_ROUND, SL_AXIS_PAYLOAD, SL_AXIS_WIRE, SL_AXIS_SECONDS, SL_AXES };
enum sl_measure {
	SL_MEASURE_ACCURACY,
	SL_MEASURE_TEST_LOSS,
	SL_MEASURE_TRAIN_LOSS,
	SL_MEASURE_CONSENSUS,
	SL_MEASURE_SPARSITY,
	SL_MEASURE_OBJECTIVE,
	SL_MEASURE_DISAGREEMENT,
	SL_MEASURES
};

/* A point of a curve; NaN: not measured. Bytes are those of all peers together, and never fall: a round of which fewer
 * peers have a row keeps the largest sum so far. */
struct sl_report_point {
	double x[SL_AXES];
	double mean[SL_MEASURES], low[SL_MEASURES], high[SL_MEASURES];
	double peers;
};

/* An evaluation at which the mean accuracy was higher than at all before, of all rounds and not of those of the curve alone. */
struct sl_report_high {
	double x[SL_AXES], accuracy;
};

struct sl_report_curve {
	struct sl_report_point point[SL_REPORT_POINTS];
	uint32_t count;
};

struct sl_report_peer {
	uint32_t peer;
	int64_t rounds, last_round;
	double seconds, compute, compress, wait; /* seconds; NaN: not measured */
	double held; /* share of all waiting that fell into rounds in which this peer waited least … */
	double held_rounds; /* … and the share of the rounds that these are */
	int64_t exit;       /* −1: unknown */
	double epsilon;     /* of privacy, at the last evaluation; NaN: off, or unknown */
	bool stopped;
};

struct sl_report_link {
	uint32_t from, to;
	double payload, frames, resent; /* at its last row */
};

struct sl_report_event {
	double seconds; /* since the first start of a peer of the run */
	int64_t peer, round;
	char level[12], kind[32], detail[256];
};

/* A peer that wrote no row until it was started again. */
struct sl_report_absence {
	uint32_t peer;
	double from, to; /* seconds since the first start of a peer of the run */
};

/* Byte budgets, over all rows that have one and all peers; peers 0: none. */
struct sl_report_budget {
	uint32_t peers;
	double rate, used, waited, rounds_a_day; /* bits per second of a peer; shares of it and of the time */
};

/* Whom most events of a kind name, whose details begin with "peer N". */
struct sl_report_blame {
	int64_t peer, events, all, by; /* peer −1: nobody; of `all` such events, written by `by` peers */
};

struct sl_report_kind {
	char kind[32], level[12];
	int64_t count, peers;
};

struct sl_report_run {
	struct sl_history_summary summary;
	char database[256], driver[32];
	char *identity; /* owned: "key=value" lines that make two runs the same but for their seed */
	struct sl_report_curve *curve;
	struct sl_report_high *high; /* owned, ascending */
	uint32_t highs;
	struct sl_report_peer *peer;
	struct sl_report_link *link;
	struct sl_report_event *event;
	uint32_t peers, links, events;
	struct sl_report_kind kind[SL_REPORT_KINDS];
	uint32_t kinds;
	struct sl_report_absence absence[SL_REPORT_ABSENCES];
	uint32_t absences;
	struct sl_report_blame late, quarantined;
	struct sl_report_budget budget;
	double epsilon,
	    delta;      /* of privacy: the largest of the peers, and the δ for which it holds; NaN: off */
	uint32_t spent; /* peers whose budget of privacy is spent */
	double waited;  /* seconds of all peers in the rounds that `held` was computed from */
	struct sl_topology graph;
	bool drawn; /* `graph` is filled in */
	bool
	    own_weights; /* they are those of the run's topology; else Metropolis-Hastings over the links found */
	uint32_t group;
};

/* Runs that differ in nothing but their seed. */
struct sl_report_group {
	char label[SL_REPORT_LABEL];
	uint32_t runs, first; /* first: a run of it */
	/* The mean over its runs of the rounds that all of them have; low and high: over the runs, or, of a single run, over
	 * its peers. */
	struct sl_report_curve *curve;
	/* Until the mean accuracy over the peers passed each target: means over the runs. */
	struct sl_report_reach {
		uint32_t runs; /* that reached it */
		double round, payload, wire, seconds;
	} reach[SL_REPORT_TARGETS];
};

struct sl_report {
	struct sl_report_run *run;
	struct sl_report_group *group;
	uint32_t runs, groups, targets;
	double target[SL_REPORT_TARGETS];
	bool accuracies; /* some run has test accuracies */
};

/* Appends the runs of a database with that name or run_id (NULL: all). The database may come from anywhere. */
enum sl_status sl_report_read(struct sl_report *, const char *database, const char *name,
                              struct sl_error *error);
/* The parts of a run, from an open history: peers with their times, links and graph, events. */
struct sl_history;
enum sl_status sl_report_read_parts(struct sl_report_run *, struct sl_history *, struct sl_error *error);

/* Puts the runs into groups, names them by what differs, and computes their curves. `targets`: accuracies to reach, count of
 * them 0: chosen from what the groups reached. */
enum sl_status sl_report_group(struct sl_report *, const double *target, uint32_t targets,
                               struct sl_error *error);
void sl_report_free(struct sl_report *);

/* The group of a run, and whether the report compares several. */
static inline bool sl_report_compares(const struct sl_report *r)
{
	return r->groups > 1;
}

/* The run that is shown in detail as the i-th: the first of each group, of the first SL_REPORT_DETAILED groups; runs
 * behind the last. */
uint32_t sl_report_detail(const struct sl_report *, uint32_t i);

#endif
