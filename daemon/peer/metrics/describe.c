#include "daemon/peer/metrics/describe.h"

#include "daemon/peer/metrics/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#define GAUGE   SL_METRIC_GAUGE
#define COUNTER SL_METRIC_COUNTER

static double seconds(int64_t us)
{
	return (double)us / 1e6;
}

/* A count, of which a negative one is not known. */
static double count(int64_t v)
{
	return v < 0 ? (double)NAN : (double)v;
}

static void one(struct sl_metrics_text *t, const char *name, enum sl_metric_type type, double value,
                const char *doc)
{
	sl_metrics_one(t, name, type, doc, value);
}

/* ---- the peer ---- */

static void add_run(struct sl_metrics_text *t, const struct sl_loop *l)
{
	const struct sl_run *run = l->run;
	const char *labels[] = { "version",   SL_VERSION,
		                 "run_id",    run->run_id,
		                 "algorithm", l->plan->settings.algorithm,
		                 "compress",  run->compress,
		                 "model",     l->plan->settings.model,
		                 "topology",  run->roster.topology.spec,
		                 NULL };
	sl_metrics_family(t, "starling_run_info", SL_METRIC_INFO, "The run, and the version of starlingd.");
	sl_metrics_sample(t, labels, 1);
}

static void add_phase(struct sl_metrics_text *t, const char *phase)
{
	static const char *const phases[] = { "greeting",   "recovering", "computing", "waiting",
		                              "evaluating", "saving",     "serving",   "halted" };
	sl_metrics_family(t, "starling_phase", SL_METRIC_GAUGE,
	                  "1 for what the peer is doing now, 0 for the other phases.");
	for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
		sl_metrics_sample(t, (const char *const[]){ "phase", phases[i], NULL },
		                  strcmp(phases[i], phase) == 0);
}

static void add_learning(struct sl_metrics_text *t, const struct sl_loop *l, const struct sl_peer_status *s)
{
	one(t, "starling_rounds_total", COUNTER, s->round,
	    "Rounds completed, those before a restart included.");
	one(t, "starling_rounds_target", GAUGE, s->rounds, "Rounds of the whole run.");
	one(t, "starling_train_loss", GAUGE, s->train_loss, "Training loss of the last round.");
	one(t, "starling_test_accuracy_ratio", GAUGE, s->test_accuracy,
	    "Accuracy of the peer's own model on the test data, when it was last evaluated.");
	one(t, "starling_disagreement", GAUGE, l->metrics.disagreement,
	    "Weighted squared distance of the neighbours' copies from the peer's own in the last round: its part of the consensus error.");
	one(t, "starling_parameters", GAUGE, l->plan->dimension, "Parameters of the model.");
	one(t, "starling_nonzero_parameters", GAUGE, count(s->nonzero),
	    "Parameters of the peer's model that are not exactly zero.");
	one(t, "starling_gamma", GAUGE, s->gamma, "Consensus step size.");
	one(t, "starling_diverging", GAUGE, s->diverging, "1 while the peer finds that the run diverges.");
	one(t, "starling_compute_seconds_total", COUNTER, seconds(l->metrics.compute_us),
	    "Time spent in local steps and evaluations, since the process started.");
	one(t, "starling_compress_seconds_total", COUNTER, seconds(l->metrics.compress_us),
	    "Time spent in compressing differences, since the process started.");
	one(t, "starling_wait_seconds_total", COUNTER, seconds(l->metrics.wait_us),
	    "Time spent in waiting for neighbours, since the process started.");
}

static void add_traffic(struct sl_metrics_text *t, struct sl_loop *l, const struct sl_peer_status *s)
{
	struct sl_traffic_sum sum = sl_traffic_total(&l->net->traffic);
	sl_store_add_earlier(l->store, &sum.tx, &sum.rx);
	one(t, "starling_payload_sent_bytes_total", COUNTER, count(s->payload_tx),
	    "Bytes of frames sent, each frame once per link.");
	one(t, "starling_payload_received_bytes_total", COUNTER, count(s->payload_rx),
	    "Bytes of frames received, each frame once per link.");
	one(t, "starling_wire_sent_bytes_total", COUNTER, count(sum.tx),
	    "Bytes sent by the TCP connections, each byte once.");
	one(t, "starling_wire_received_bytes_total", COUNTER, count(sum.rx),
	    "Bytes received by the TCP connections.");
	one(t, "starling_wire_retransmitted_bytes_total", COUNTER, count(sum.resent),
	    "Bytes that TCP sent again, since the process started.");
}

static void add_storage(struct sl_metrics_text *t, struct sl_loop *l, const struct sl_peer_status *s)
{
	struct sl_store_trouble trouble;
	bool failing = sl_store_failing(l->store, &trouble);
	one(t, "starling_history_failing", GAUGE, failing, "1 while the history cannot be written.");
	one(t, "starling_history_failing_since_timestamp_seconds", GAUGE,
	    failing ? seconds(trouble.since_us) : (double)NAN, "When that began.");
	one(t, "starling_history_dropped_rows_total", COUNTER, (double)sl_store_dropped(l->store),
	    "Rows of the history that were lost for lack of room, since the process started.");
	one(t, "starling_checkpoint_failing", GAUGE, s->save_failed,
	    "1 while the last attempted checkpoint could not be written.");
	sl_metrics_family(t, "starling_events_total", SL_METRIC_COUNTER,
	                  "Events by level, since the process started.");
	for (int i = 0; i < SL_LEVEL_COUNT; i++)
		sl_metrics_sample(t, (const char *const[]){ "level", sl_level_name((enum sl_level)i), NULL },
		                  (double)l->metrics.events[i]);
}

static void add_privacy(struct sl_metrics_text *t, const struct sl_peer_status *s)
{
	if (isnan(s->epsilon))
		return;
	one(t, "starling_privacy_epsilon", GAUGE, s->epsilon,
	    "Epsilon of differential privacy for each sample of the peer, so far.");
	one(t, "starling_privacy_delta", GAUGE, s->delta, "The delta for which it holds.");
	one(t, "starling_privacy_epsilon_budget", GAUGE, s->budget > 0 ? s->budget : (double)NAN,
	    "The epsilon at which the peer stops learning.");
	one(t, "starling_privacy_spent", GAUGE, s->spent,
	    "1 when the budget is spent: the peer no longer learns, and continues to mix.");
}

static void add_budget(struct sl_metrics_text *t, const struct sl_loop *l, struct sl_time now)
{
	const struct sl_pacer *p = &l->pacer;
	if (!p->on)
		return;
	one(t, "starling_budget_bytes_per_second", GAUGE, (double)p->rate / 8,
	    "Bytes per second that the byte budget allows in the long run.");
	one(t, "starling_budget_charged_bytes_total", COUNTER, count(sl_outbox_total(&p->outbox)),
	    "Bytes charged to the budget, with all headers, since the process started.");
	one(t, "starling_budget_wait_seconds_total", COUNTER, seconds(sl_outbox_waited_us(&p->outbox, now)),
	    "Time in which messages waited for the budget, since the process started.");
	one(t, "starling_budget_waiting_messages", GAUGE, p->outbox.count,
	    "Messages that wait for the budget.");
}

static void add_trainer(struct sl_metrics_text *t, const struct sl_loop *l)
{
	struct sl_door_status s;
	if (!l->door)
		return;
	sl_door_status(l->door, &s);
	one(t, "starling_trainer_up", GAUGE, s.ready, "1 while a trainer is attached and ready.");
	one(t, "starling_trainer_task_seconds", GAUGE, s.median_us < 0 ? (double)NAN : seconds(s.median_us),
	    "Median time of the trainer's last tasks.");
	one(t, "starling_trainer_busy_seconds", GAUGE, s.busy ? seconds(s.since_us) : 0,
	    "How long the trainer has worked on its present task.");
}

static void add_process(struct sl_metrics_text *t, const struct sl_loop *l)
{
	struct rusage u;
	char text[128] = "", *size_end;
	FILE *statm = fopen("/proc/self/statm", "re");
	if (statm && !fgets(text, sizeof text, statm))
		text[0] = '\0';
	if (statm)
		fclose(statm);
	strtoul(text, &size_end, 10); /* pages of the address space; the second number: those in memory */
	unsigned long resident = strtoul(size_end, NULL, 10);
	getrusage(RUSAGE_SELF, &u);
	one(t, "process_cpu_seconds_total", COUNTER,
	    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	        (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
	    "Processor time of this process.");
	one(t, "process_resident_memory_bytes", GAUGE,
	    resident ? (double)resident * (double)sysconf(_SC_PAGESIZE) : (double)NAN,
	    "Resident memory of this process.");
	one(t, "process_start_time_seconds", GAUGE, seconds(l->metrics.started_us),
	    "When this process started, since 1970.");
}

/* ---- its links ---- */

struct link {
	struct sl_peer_edge_status e;
	struct sl_link_row row; /* with what the connection carries */
	char neighbour[16];
	bool up;
	double heard_at; /* seconds since 1970 */
};

struct family {
	const char *name;
	enum sl_metric_type type;
	double (*value)(const struct link *);
	const char *doc;
};

#define LINK_VALUE(name, expression)                                                                         \
	static double name(const struct link *k)                                                             \
	{                                                                                                    \
		return expression;                                                                           \
	}
LINK_VALUE(up_of, k->up)
LINK_VALUE(late_of, k->e.late)
LINK_VALUE(awaited_of, k->e.waited_for)
LINK_VALUE(quarantined_of, k->e.quarantined)
LINK_VALUE(behind_of, k->e.behind)
LINK_VALUE(round_of, k->e.their_round)
LINK_VALUE(heard_of, k->heard_at)
LINK_VALUE(payload_tx_of, count(k->row.payload_tx))
LINK_VALUE(payload_rx_of, count(k->row.payload_rx))
LINK_VALUE(frames_tx_of, count(k->row.frames_tx))
LINK_VALUE(frames_rx_of, count(k->row.frames_rx))
LINK_VALUE(refused_of, count(k->row.refused))
LINK_VALUE(snapshots_of, count(k->row.snapshots))
LINK_VALUE(wire_tx_of, count(k->row.wire_tx))
LINK_VALUE(throughput_of, count(k->row.throughput))
LINK_VALUE(queue_of, k->row.queue_us < 0 ? (double)NAN : seconds(k->row.queue_us))
LINK_VALUE(rtt_of, k->row.srtt_us <= 0 ? (double)NAN : seconds(k->row.srtt_us))
LINK_VALUE(anomaly_of, k->e.anomaly > 0 ? k->e.anomaly : (double)NAN)

static const struct family link_families[] = {
	{ "starling_link_up", GAUGE, up_of, "1 while messages come from the neighbour and can go to it." },
	{ "starling_link_late", GAUGE, late_of,
	  "1 while the neighbour has missed a deadline and is not waited for." },
	{ "starling_link_waited_for", GAUGE, awaited_of, "1 while the peer waits for the neighbour." },
	{ "starling_link_quarantined", GAUGE, quarantined_of, "1 while the neighbour is in quarantine." },
	{ "starling_link_behind_rounds", GAUGE, behind_of,
	  "Rounds since the exchange that the neighbour has not answered yet." },
	{ "starling_link_neighbour_round", GAUGE, round_of, "Round that the neighbour was last in." },
	{ "starling_link_heard_timestamp_seconds", GAUGE, heard_of,
	  "When the last message of the neighbour came." },
	{ "starling_link_payload_sent_bytes_total", COUNTER, payload_tx_of,
	  "Bytes of frames sent to the neighbour." },
	{ "starling_link_payload_received_bytes_total", COUNTER, payload_rx_of,
	  "Bytes of frames received from the neighbour." },
	{ "starling_link_sent_frames_total", COUNTER, frames_tx_of, "Frames sent to the neighbour." },
	{ "starling_link_received_frames_total", COUNTER, frames_rx_of,
	  "Frames received from the neighbour." },
	{ "starling_link_refused_frames_total", COUNTER, refused_of, "Malformed frames of the neighbour." },
	{ "starling_link_snapshots_total", COUNTER, snapshots_of,
	  "Whole copies sent to the neighbour instead of differences." },
	{ "starling_link_wire_sent_bytes_total", COUNTER, wire_tx_of,
	  "Bytes sent by the connection to the neighbour, since the process started." },
	{ "starling_link_throughput_bytes_per_second", GAUGE, throughput_of,
	  "Throughput of the connection while there was something to send." },
	{ "starling_link_queue_seconds", GAUGE, queue_of,
	  "How long a byte waits for its turn, here and in the network." },
	{ "starling_link_round_trip_seconds", GAUGE, rtt_of, "Smoothed round-trip time of TCP." },
	{ "starling_link_anomaly_score", GAUGE, anomaly_of,
	  "Score of the newest update that the anomaly detector checked." },
};

static double wall(void)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void read_link(struct sl_loop *l, uint32_t edge, struct sl_time now, struct link *k)
{
	sl_view_edge(&l->view, l->peer, edge, &k->e);
	k->row = k->e.totals;
	k->row.wire_tx = k->row.wire_resent = k->row.throughput = k->row.queue_us = k->row.srtt_us = -1;
	sl_net_measure(l->net, edge, &k->row);
	k->up = k->e.up && edge < l->net->degree && l->net->link[edge].up;
	k->heard_at = k->e.heard_at.us > 0 ? wall() - seconds(now.us - k->e.heard_at.us) : (double)NAN;
	snprintf(k->neighbour, sizeof k->neighbour, "%" PRIu32, k->e.neighbour);
}

static void add_resent(struct sl_metrics_text *t, const struct link *link, uint32_t degree)
{
	static const char *const cause[SL_AGAIN_KINDS] = { "connection", "drop", "refusal", "digest" };
	sl_metrics_family(t, "starling_link_resent_frames_total", SL_METRIC_COUNTER,
	                  "Frames sent again to the neighbour, by reason (starling status --links).");
	for (uint32_t i = 0; i < degree; i++)
		for (unsigned j = 0; j < SL_AGAIN_KINDS; j++)
			sl_metrics_sample(
			    t,
			    (const char *const[]){ "neighbour", link[i].neighbour, "cause", cause[j], NULL },
			    count(link[i].row.again[j]));
}

static void add_links(struct sl_metrics_text *t, struct sl_loop *l, uint32_t degree, struct sl_time now)
{
	static struct link link[SL_DEGREE_MAX];
	uint32_t up = 0;
	for (uint32_t i = 0; i < degree; i++) {
		read_link(l, i, now, &link[i]);
		up += link[i].up;
	}
	one(t, "starling_links", GAUGE, degree, "Links that the roster gives the peer.");
	one(t, "starling_links_up", GAUGE, up, "Of these, the ones that are up in both directions.");
	for (size_t f = 0; f < sizeof link_families / sizeof *link_families; f++) {
		sl_metrics_family(t, link_families[f].name, link_families[f].type, link_families[f].doc);
		for (uint32_t i = 0; i < degree; i++)
			sl_metrics_sample(t, (const char *const[]){ "neighbour", link[i].neighbour, NULL },
			                  link_families[f].value(&link[i]));
	}
	add_resent(t, link, degree);
}

char *sl_metrics_describe(void *context, bool openmetrics, size_t *length)
{
	struct sl_loop *l = context;
	struct sl_metrics_text text;
	struct sl_peer_status s;
	struct sl_time now = sl_clock();
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, length);
	if (!out)
		return NULL;
	sl_view_status(&l->view, l->peer, &s);
	sl_metrics_begin(&text, out, openmetrics, l->run->config.settings.host.name, l->number);
	add_run(&text, l);
	add_phase(&text, s.phase);
	add_learning(&text, l, &s);
	add_traffic(&text, l, &s);
	add_storage(&text, l, &s);
	add_privacy(&text, &s);
	add_budget(&text, l, now);
	add_trainer(&text, l);
	add_links(&text, l, s.degree, now);
	add_process(&text, l);
	sl_metrics_end(&text);
	if (fclose(out) == 0)
		return bytes;
	free(bytes);
	return NULL;
}
