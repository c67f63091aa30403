#include "daemon/peer/loop.h"

#include "daemon/peer/desk.h"
#include "daemon/peer/loop_report.h"
#include "daemon/run/memory.h"
#include "daemon/peer/sd.h"
#include "daemon/run/status.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	ITEM_SIGNALS,
	ITEM_WAKE,
	ITEM_LISTENER,
	ITEM_METRICS,
	ITEMS_FIXED = ITEM_METRICS + SL_EXPORTER_ITEMS,
	MESSAGES_A_TURN = 64,
	/* A job that keeps the loop from its neighbours for longer goes to a thread of its own. */
	INLINE_JOB_MOST_US = 5000,
	STATUS_EVERY_US = 2000000,
	LISTEN_EVERY_US = 4000000,
	AWAIT_MS = 500,
	COPY_FROM = 1 << 20, /* bytes of a message */
	AWAIT_EXTENDED_US = 30000000,
	/* Before the first evaluation maps the test set, and once more when all that a round needs was there.
	 */
	TRIM_FIRST_US = 100000,
	TRIM_AFTER_US = 1000000,
};

static int64_t wall_us(void)
{
	struct timeval t;
	gettimeofday(&t, NULL);
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

/* ---- actions ---- */

static void say(struct sl_loop *l, const struct sl_event_row *row)
{
	unsigned i = 0;
	while (i + 1 < SL_LOOP_KINDS && l->said[i].kind[0] && strcmp(l->said[i].kind, row->kind) != 0)
		i++;
	snprintf(l->said[i].kind, sizeof l->said[i].kind, "%s", row->kind);
	if (row->level <= SL_LEVEL_WARNING)
		sl_log_rarely(&l->said[i].burst, sl_clock(), row->level, row->kind, row->detail);
	else
		sl_log(row->level, "%s: %s", row->kind, row->detail);
}

static void keep_event(struct sl_loop *l, struct sl_event_row *row)
{
	row->at_us = wall_us();
	l->metrics.events[row->level]++;
	if (!l->budgeted)
		sl_event_budgets_start(&l->events);
	l->budgeted = true;
	bool allowed = sl_event_allowed(&l->events, row, sl_clock());
	if (allowed)
		sl_store_event(l->store, row);
	if (allowed || row->level <= SL_LEVEL_WARNING) /* those lines have a limit of their own */
		say(l, row);
}

/* What was left out of the history, in rows that are never left out. */
static void report_events(struct sl_loop *l, bool all)
{
	struct sl_event_row row = { .peer = l->number, .round = sl_peer_round(l->peer) };
	while (l->budgeted && sl_event_report(&l->events, sl_clock(), all, &row)) {
		row.at_us = wall_us();
		sl_store_event(l->store, &row);
		say(l, &row);
	}
}

void sl_loop_events_end(struct sl_loop *l)
{
	report_events(l, true);
}

void sl_loop_event(struct sl_loop *l, enum sl_level level, const char *kind, const char *format, ...)
{
	struct sl_event_row row = { .peer = l->number, .round = sl_peer_round(l->peer), .level = level };
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(row.detail, sizeof row.detail, format, arguments);
	va_end(arguments);
	snprintf(row.kind, sizeof row.kind, "%s", kind);
	keep_event(l, &row);
}

static void keep_round(struct sl_loop *l, struct sl_round_row *row)
{
	row->at_us = wall_us();
	struct sl_traffic_sum sum = sl_traffic_total(&l->net->traffic);
	row->wire_tx = sum.tx;
	row->wire_rx = sum.rx;
	row->wire_resent = sum.resent;
	row->compute_us = l->compute_us;
	row->compress_us = l->compress_us;
	row->wait_us = l->wait_us;
	l->metrics.compute_us += l->compute_us;
	l->metrics.compress_us += l->compress_us;
	l->metrics.wait_us += l->wait_us;
	l->metrics.disagreement = row->disagreement;
	l->compute_us = l->compress_us = l->wait_us = 0;
	sl_pacer_row(&l->pacer, row, l->now);
	sl_store_round(l->store, row);
}

static void mark(struct sl_loop *l, unsigned which)
{
	SL_CHECK(which < 4);
	l->mark[which] = sl_clock();
	if (which == 1)
		l->compress_us += l->mark[1].us - l->mark[0].us;
	if (which == 3)
		l->wait_us += l->mark[3].us - l->mark[2].us;
}

static void halt(struct sl_loop *l, bool ok, const char *detail)
{
	l->halted = true;
	l->ok = ok;
	snprintf(l->detail, sizeof l->detail, "%s", detail ? detail : "");
}

/* NULL: no memory. */
static uint8_t *copy_message(const struct sl_action *a)
{
	uint8_t *bytes = sl_memory_buffer(a->header_length + a->body_length);
	if (bytes) {
		memcpy(bytes, a->header, a->header_length);
		memcpy(bytes + a->header_length, a->body, a->body_length);
	}
	return bytes;
}

/* On the thread that steps the peer: what takes a pass over much memory. */
static void prepare(void *driver, const struct sl_action *a)
{
	struct sl_loop *l = driver;
	struct sl_kept kept = { .session = l->plan->session,
		                .settings = l->settings,
		                .settings_length = (uint32_t)strlen(l->settings) };
	l->copied = a->kind == SL_ACTION_SEND && a->body_length >= COPY_FROM ? copy_message(a) : NULL;
	if (a->kind == SL_ACTION_CHECKPOINT)
		sl_saving_copy(&l->saving, l->peer, &kept, l->run, l->number);
}

/* False: no checkpoint is being made, which the peer learns as its next event. */
static bool save(struct sl_loop *l)
{
	struct sl_traffic_sum sum = sl_traffic_total(&l->net->traffic);
	if (l->saving.unsound.status != SL_OK)
		sl_loop_event(l, SL_LEVEL_ERROR, "checkpoint-unsound", "%s", l->saving.unsound.text);
	return sl_saving_hand_over(&l->saving, l->store, sum.tx, sum.rx);
}

static void act(void *driver, const struct sl_action *a)
{
	struct sl_loop *l = driver;
	if (l->recording)
		sl_recording_action(l->recording, a);
	switch (a->kind) {
	case SL_ACTION_SEND:
		sl_pacer_send(&l->pacer, l->net, a, l->copied, l->now);
		break;
	case SL_ACTION_JOB:
		l->job = true;
		l->job_kind = a->job;
		l->job_at = a->job == SL_JOB_STEPS
		                ? sl_cadence_due(&l->cadence, sl_cadence_cpu_us(&l->cadence))
		                : l->now;
		break;
	case SL_ACTION_ROUND_ROW:
		keep_round(l, a->round);
		break;
	case SL_ACTION_LINK_ROW:
		sl_net_measure(l->net, a->edge, a->link);
		sl_store_link(l->store, a->link);
		break;
	case SL_ACTION_SKETCH_ROW:
		sl_store_sketch(l->store, a->sketch);
		break;
	case SL_ACTION_EVENT_ROW:
		keep_event(l, a->event);
		break;
	case SL_ACTION_METRIC_ROW:
		sl_store_metric(l->store, a->metric);
		break;
	case SL_ACTION_MARK:
		mark(l, a->mark);
		break;
	case SL_ACTION_CHECKPOINT:
		l->checkpoint_failed = !save(l);
		if (l->door && !l->checkpoint_failed)
			sl_door_checkpoint(l->door, sl_peer_round(l->peer));
		break;
	case SL_ACTION_QUARANTINE:
		sl_net_close_edge(l->net, a->edge, a->ok);
		break;
	case SL_ACTION_FINISHED:
		l->finished = true;
		sl_log(SL_LEVEL_NOTICE, "all rounds are done; serving the neighbours until they finish");
		break;
	case SL_ACTION_HALT:
		halt(l, a->ok, a->detail);
		break;
	case SL_ACTION_KINDS:
		break;
	}
}

/* ---- events ---- */

static void record(struct sl_loop *l, const struct sl_event *event)
{
	sl_recording_event(l->recording, event);
	const char *stopped = sl_recording_stopped(l->recording);
	if (stopped)
		sl_loop_event(l, SL_LEVEL_WARNING, "record-ended", "%s: %s", sl_recording_path(l->recording),
		              stopped);
}

static void perform(void *driver, const struct sl_action *a)
{
	prepare(driver, a);
	act(driver, a);
}

/* Returns when the peer has taken the event; meanwhile everybody who asks is answered. */
static void step(struct sl_loop *l, struct sl_event event)
{
	event.now = l->now;
	if (l->stepper) {
		sl_view_keep(&l->view, l->peer);
		sl_stepper_begin(l->stepper, &event, l->view.status.degree, sl_clock());
		sl_desk_attend(l);
		sl_view_release(&l->view);
	} else {
		sl_peer_step(l->peer, &event, l->scratch, perform, l);
	}
	if (l->recording)
		record(l, &event);
}

static void follow_links(struct sl_loop *l)
{
	struct sl_event event = { .kind = SL_EVENT_LINK };
	while (!l->halted && sl_net_change_of(l->net, &event.edge, &event.link)) {
		if (event.link == SL_LINK_UP || event.link == SL_LINK_DOWN || event.link == SL_LINK_FULL)
			sl_pacer_drop(&l->pacer, event.edge, l->now);
		step(l, event);
	}
}

static void receive(struct sl_loop *l)
{
	struct sl_event event = { .kind = SL_EVENT_RECEIVE };
	for (unsigned budget = MESSAGES_A_TURN; budget > 0 && !l->halted; budget--) {
		if (!sl_net_receive(l->net, &event.edge, &event.bytes, &event.length))
			return;
		follow_links(l); /* receiving looks at connections too */
		step(l, event);
	}
}

static void job_done(struct sl_loop *l, int64_t took_us)
{
	int64_t *smoothed = &l->job_us[l->job_kind];
	l->compute_us += took_us;
	*smoothed += (took_us - *smoothed) / 4;
	if (l->plan->settings.pace == SL_PACE_FREE) {
		sl_net_watch_queues(l->net, l->now);
		follow_links(l);
	}
	if (l->halted)
		return;
	step(l, (struct sl_event){ .kind = SL_EVENT_JOB_DONE });
}

static bool worth_a_thread(struct sl_loop *l)
{
	struct sl_error error;
	if (l->job_us[l->job_kind] <= INLINE_JOB_MOST_US && !l->door)
		return false;
	if (!l->worker)
		l->worker = sl_worker_start(l->peer, l->plan, l->scratch->parallel, l->wake, &error);
	if (!l->worker) {
		sl_log(SL_LEVEL_WARNING, "%s; continuing without", error.text);
		for (unsigned i = 0; i < SL_JOB_KINDS; i++)
			l->job_us[i] = INT64_MIN / 2; /* never again */
	}
	return l->worker != NULL;
}

/* No noisy gradient that is not on disk as taken. */
static void reserve(struct sl_loop *l)
{
	struct sl_error error;
	if (l->job_kind == SL_JOB_STEPS && !sl_ledger_reserve(&l->ledger, l->peer, &error))
		sl_loop_event(l, SL_LEVEL_ERROR, "privacy-unrecorded",
		              "%s; until then this peer does not learn, and continues to mix", error.text);
}

static void start_job(struct sl_loop *l)
{
	l->job = false;
	reserve(l);
	if (l->job_kind == SL_JOB_STEPS)
		sl_cadence_began(&l->cadence, l->now, sl_cadence_cpu_us(&l->cadence));
	if (worth_a_thread(l)) {
		sl_worker_run(l->worker);
		return;
	}
	if (l->door) { /* the loop itself must not wait for a trainer */
		halt(l, false, "no thread to wait for the trainer");
		return;
	}
	struct sl_time begin = sl_clock();
	sl_peer_run_job(l->peer, l->scratch);
	l->now = sl_clock();
	job_done(l, l->now.us - begin.us);
}

static void hear_trainer(struct sl_loop *l)
{
	struct sl_door_event event;
	struct sl_metric_row metric;
	while (l->door && sl_door_event(l->door, &event))
		sl_loop_event(l, event.level, event.kind, "%s", event.text);
	while (l->door && sl_door_metric(l->door, &metric))
		sl_store_metric(l->store, &metric);
}

static void woken(struct sl_loop *l)
{
	eventfd_t count;
	int64_t took_us;
	bool ok;
	eventfd_read(l->wake, &count);
	hear_trainer(l);
	if (sl_store_checkpointed(l->store, &ok))
		step(l, (struct sl_event){ .kind = SL_EVENT_CHECKPOINTED, .ok = ok });
	if (sl_worker_done(l->worker, &took_us))
		job_done(l, took_us);
}

static void stop(struct sl_loop *l)
{
	l->stopping = true;
	sl_log(SL_LEVEL_NOTICE, "asked to stop in round %u", (unsigned)sl_peer_round(l->peer));
	sl_sd_notify("STOPPING=1\nSTATUS=stopping");
	if (l->door)
		sl_door_stop(l->door);
	if (l->started)
		step(l, (struct sl_event){ .kind = SL_EVENT_STOP });
	if (!l->halted)
		halt(l, true, "asked to stop");
}

/* What signals have asked for; a reload comes when no turn holds on to the links. */
static void obey(struct sl_loop *l)
{
	char line[256];
	if (l->stop_asked && !l->stopping)
		stop(l);
	if (!l->summary_asked)
		return;
	l->summary_asked = false;
	sl_loop_summary(l, line, sizeof line);
	sl_log(SL_LEVEL_NOTICE, "%s", line);
	sl_sd_notify("STATUS=%s", line);
}

/* ---- the loop ---- */

static void note_pace(struct sl_loop *l)
{
	enum { EVERY_US = 60000000 };
	if (l->next_was.at.us && sl_time_before(l->now, sl_time_after(l->next_was.at, EVERY_US)))
		return;
	l->was = l->next_was.at.us ? l->next_was : l->was;
	l->next_was =
	    (struct sl_loop_was){ l->now, sl_peer_round(l->peer), sl_outbox_total(&l->pacer.outbox) };
	if (l->was.at.us == 0)
		l->was = l->next_was;
}

static void housekeep(struct sl_loop *l)
{
	char line[256];
	note_pace(l);
	if (!sl_time_before(l->now, l->trim_at)) {
		l->trim_at = l->trimmed ? SL_TIME_NEVER : sl_time_after(l->now, TRIM_AFTER_US);
		l->trimmed = true;
		sl_memory_trim();
	}
	sl_desk_watchdog(l, l->now);
	if (l->listener < 0 && !sl_time_before(l->now, l->listen_at)) {
		struct sl_error error;
		l->listen_at = sl_time_after(l->now, LISTEN_EVERY_US);
		l->listener = sl_status_listen(l->state, l->number, &error);
	}
	if (l->budgeted && !sl_time_before(l->now, l->events.report_at))
		report_events(l, false);
	if (!sl_time_before(l->now, l->status_at)) {
		l->status_at = sl_time_after(l->now, STATUS_EVERY_US);
		sl_loop_summary(l, line, sizeof line);
		sl_sd_notify("STATUS=%s", line);
	}
}

static void turn(struct sl_loop *l, const struct pollfd *items)
{
	l->attended_us = 0;
	if (items[ITEM_SIGNALS].revents)
		sl_desk_signals(l);
	obey(l);
	if (items[ITEM_WAKE].revents && !l->halted)
		woken(l);
	sl_desk_answer(l, items[ITEM_LISTENER].revents);
	sl_exporter_turn(&l->exporter, items + ITEM_METRICS, l->now);
	sl_net_turn(l->net, items + ITEMS_FIXED, l->now);
	follow_links(l);
	if (!l->halted)
		receive(l);
	if (!l->halted && !sl_time_before(l->now, sl_peer_deadline(l->peer)))
		step(l, (struct sl_event){ .kind = SL_EVENT_TIMER });
	if (!l->halted && l->checkpoint_failed) {
		l->checkpoint_failed = false;
		step(l, (struct sl_event){ .kind = SL_EVENT_CHECKPOINTED, .ok = false });
	}
	sl_pacer_turn(&l->pacer, l->net, l->now);
	follow_links(l); /* what was not taken */
	if (!l->halted && l->job && !sl_time_before(l->now, l->job_at))
		start_job(l);
	housekeep(l);
	int64_t took_us = sl_clock().us - l->now.us - l->attended_us;
	l->worst_turn_us = took_us > l->worst_turn_us ? took_us : l->worst_turn_us;
}

/* When to wake up though nothing happens. */
static struct sl_time deadline(const struct sl_loop *l)
{
	if (l->checkpoint_failed || l->summary_asked || (l->stop_asked && !l->stopping))
		return l->now;
	struct sl_time due = sl_time_earlier(sl_peer_deadline(l->peer), sl_net_deadline(l->net));
	if (l->job)
		due = sl_time_earlier(due, l->job_at);
	due = sl_time_earlier(due, sl_time_earlier(l->watchdog_at, l->status_at));
	due = sl_time_earlier(due, sl_pacer_deadline(&l->pacer));
	due = sl_time_earlier(due, sl_exporter_deadline(&l->exporter));
	if (l->budgeted)
		due = sl_time_earlier(due, l->events.report_at);
	if (l->listener < 0)
		due = sl_time_earlier(due, l->listen_at);
	return sl_time_earlier(due, l->trim_at);
}

static bool wait_for(const struct sl_loop *l, struct pollfd *items, nfds_t count)
{
	struct sl_time due = deadline(l);
	int64_t us = due.us == INT64_MAX ? INT64_MAX : due.us - sl_clock().us;
	us = us < 0 ? 0 : us;
	struct timespec timeout = { us / 1000000, us % 1000000 * 1000 };
	return ppoll(items, count, due.us == INT64_MAX ? NULL : &timeout, NULL) >= 0 || errno == EINTR;
}

/* Before the first job has shown how long it takes: 50 flops a nanosecond, six a parameter and sample for a
 * gradient, two for an evaluation. */
static void guess_jobs(struct sl_loop *l)
{
	const struct sl_settings *s = &l->plan->settings;
	double a_us = (double)l->plan->dimension / 50e3;
	l->job_us[SL_JOB_STEPS] = (int64_t)(6 * a_us * s->batch * s->local_steps);
	l->job_us[SL_JOB_EVALUATION] = l->plan->test ? (int64_t)(2 * a_us * l->plan->test->samples) : 0;
}

/* What to poll; NULL: there is no memory for it, and the loop has ended. */
static struct pollfd *descriptors(struct sl_loop *l, nfds_t *count)
{
	*count = ITEMS_FIXED + sl_net_descriptors(l->net);
	struct pollfd *items = calloc(*count, sizeof *items);
	if (!items) {
		halt(l, false, "out of memory");
		return NULL;
	}
	items[ITEM_SIGNALS] = (struct pollfd){ .fd = l->signals, .events = POLLIN };
	items[ITEM_WAKE] = (struct pollfd){ .fd = l->wake, .events = POLLIN };
	items[ITEM_LISTENER] = (struct pollfd){ .fd = l->listener, .events = POLLIN };
	sl_exporter_poll(&l->exporter, items + ITEM_METRICS);
	sl_net_poll(l->net, items + ITEMS_FIXED);
	return items;
}

void sl_loop_roster(struct sl_loop *l, const struct sl_peer_roster *roster)
{
	sl_pacer_renumber(&l->pacer, l->net, l->now);
	step(l, (struct sl_event){ .kind = SL_EVENT_ROSTER, .roster = roster });
}

void sl_loop_leave(struct sl_loop *l, const char *why)
{
	l->stopping = true;
	step(l, (struct sl_event){ .kind = SL_EVENT_STOP });
	halt(l, true, why);
}

static void begin_budget(struct sl_loop *l)
{
	const struct sl_settings *s = &l->plan->settings;
	sl_pacer_begin(&l->pacer, s, l->state, l->number, l->now);
	/* A quarter more than the budget, for what it makes up for. */
	sl_traffic_pace(&l->net->traffic, s->limit_rate * 5 / 4 * SL_BUDGET_SEGMENT /
	                                      (8 * (SL_BUDGET_SEGMENT + SL_BUDGET_HEAD)));
	if (s->limit_volume.bytes && !l->pacer.clean)
		sl_loop_event(
		    l, SL_LEVEL_NOTICE, "budget-unknown",
		    "no orderly end has left word of limits.volume: what it saves up counts as used");
}

/* Passes over a large model would keep everybody waiting. */
static void start_stepper(struct sl_loop *l)
{
	struct sl_error error;
	if (l->plan->copy_floats < SL_STEPPER_FROM || l->stepper)
		return;
	if (sl_view_make(&l->view))
		l->stepper = sl_stepper_start(l->peer, l->plan, l->scratch, prepare, act, l, &error);
	else
		sl_fail(&error, SL_NO_MEMORY, "no memory for a thread");
	if (!l->stepper)
		sl_log(SL_LEVEL_WARNING, "%s; status waits for passes over the model", error.text);
}

static void start(struct sl_loop *l)
{
	guess_jobs(l);
	start_stepper(l);
	sl_cadence_set(&l->cadence, &l->plan->settings);
	l->now = sl_clock();
	l->watchdog_us = sl_sd_watchdog_us();
	l->watchdog_at = sl_time_after(l->now, l->watchdog_us);
	l->trim_at = sl_time_after(l->now, TRIM_FIRST_US);
	l->status_at = sl_sd_managed() ? l->now : SL_TIME_NEVER;
	l->started = true;
	begin_budget(l);
	sl_sd_notify("READY=1\nSTATUS=greeting the neighbours");
	step(l, (struct sl_event){ .kind = SL_EVENT_START });
}

static bool awaits_trainer(const struct sl_loop *l)
{
	struct sl_door_status status;
	if (!l->door || l->relays || l->started)
		return false;
	sl_door_status(l->door, &status);
	return !status.ready;
}

/* Nobody is greeted, and no service manager told that this peer is ready, before its trainer is. */
static void await_trainer(struct sl_loop *l, struct pollfd *items)
{
	sl_sd_notify("STATUS=waiting for a trainer");
	l->watchdog_us = sl_sd_watchdog_us();
	l->trim_at = l->status_at = SL_TIME_NEVER;
	while (!l->halted && awaits_trainer(l)) {
		sl_sd_notify("EXTEND_TIMEOUT_USEC=%d", AWAIT_EXTENDED_US); /* nobody knows when one comes */
		poll(items, ITEMS_FIXED, AWAIT_MS);
		l->now = sl_clock();
		if (items[ITEM_SIGNALS].revents)
			sl_desk_signals(l);
		obey(l);
		if (items[ITEM_WAKE].revents && !l->halted)
			woken(l);
		sl_desk_answer(l, items[ITEM_LISTENER].revents);
		sl_exporter_turn(&l->exporter, items + ITEM_METRICS, l->now);
		housekeep(l);
		items[ITEM_LISTENER].fd = l->listener;
		sl_exporter_poll(&l->exporter, items + ITEM_METRICS);
	}
}

enum sl_loop_result sl_loop_run(struct sl_loop *l)
{
	nfds_t count;
	struct pollfd *items = l->halted ? NULL : descriptors(l, &count);
	if (items && awaits_trainer(l))
		await_trainer(l, items);
	if (!l->halted && !l->started)
		start(l);
	while (!l->halted && !l->reload_asked) {
		if (!wait_for(l, items, count)) {
			halt(l, false, strerror(errno));
			break;
		}
		l->now = sl_clock();
		turn(l, items);
		items[ITEM_LISTENER].fd = l->listener;
		sl_exporter_poll(&l->exporter, items + ITEM_METRICS);
	}
	free(items);
	if (l->halted) {
		hear_trainer(l); /* what it said of the answer that ended the run */
		sl_pacer_end(&l->pacer, l->net, sl_clock());
	}
	if (!l->halted) {
		l->reload_asked = false;
		return SL_LOOP_RELOAD;
	}
	return l->ok ? SL_LOOP_DONE : SL_LOOP_FAILED;
}
