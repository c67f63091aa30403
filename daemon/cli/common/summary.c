/* summary.c — what a run came to: the last words of `starling up`. */
#include "daemon/cli/common/summary.h"
#include "base/utf8.h"
#include "daemon/cli/common/command_line.h"
#include "daemon/run/status_view.h"
#include "history/history.h"

#include <math.h>
#include <string.h>

struct report {
	FILE *out;
	const char *database;
	bool json, found;
	uint32_t diverging;
};

void sl_summary_json(FILE *out, const char *database, const struct sl_history_summary *s)
{
	const struct {
		const char *key, *text;
	} texts[] = { { "run_id", s->run_id },       { "name", s->name },         { "topology", s->topology },
		      { "algorithm", s->algorithm }, { "compress", s->compress }, { "model", s->model },
		      { "dataset", s->dataset },     { "seed", s->seed },         { "kernel", s->kernel },
		      { "evaluated", s->evaluated }, { "history", database } };
	const struct {
		const char *key;
		double value;
	} numbers[] = { { "peers", s->peers },
		        { "present", s->present },
		        { "rounds", s->rounds },
		        { "dimension", s->dimension },
		        { "test_accuracy", s->test_accuracy },
		        { "worst_accuracy", s->worst_accuracy },
		        { "consensus_error", s->consensus_error },
		        { "payload_bytes", (double)s->payload_bytes },
		        { "wire_bytes", (double)s->wire_bytes },
		        { "saved", s->saved },
		        { "penalty", s->penalty },
		        { "objective", s->objective },
		        { "seconds", s->seconds },
		        { "events", (double)s->events },
		        { "diverging", s->diverging } };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		fprintf(out, "%s\"%s\": ", i ? ", " : "{", texts[i].key);
		sl_json_text(out, texts[i].text);
	}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		fprintf(out, ", \"%s\": ", numbers[i].key);
		bool signless =
		    strcmp(numbers[i].key, "saved") != 0 && strcmp(numbers[i].key, "objective") != 0;
		bool unknown = numbers[i].value < 0 && signless; /* those two may be below 0 */
		sl_json_real(out, unknown ? (double)NAN : numbers[i].value);
	}
	putc('}', out);
}

void sl_summary_shown(const struct sl_history_summary *s, struct sl_history_summary *out)
{
	*out = *s;
	sl_utf8_shown(s->run_id, out->run_id, sizeof out->run_id);
	sl_utf8_shown(s->name, out->name, sizeof out->name);
	sl_utf8_shown(s->topology, out->topology, sizeof out->topology);
	sl_utf8_shown(s->algorithm, out->algorithm, sizeof out->algorithm);
	sl_utf8_shown(s->compress, out->compress, sizeof out->compress);
	sl_utf8_shown(s->model, out->model, sizeof out->model);
	sl_utf8_shown(s->dataset, out->dataset, sizeof out->dataset);
	sl_utf8_shown(s->seed, out->seed, sizeof out->seed);
	sl_utf8_shown(s->kernel, out->kernel, sizeof out->kernel);
}

/* In single quotes, where nothing has a meaning to a shell. */
static void put_quoted(FILE *out, const char *text)
{
	putc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			putc(*text, out);
	putc('\'', out);
}

void sl_summary_events_line(FILE *out, const char *database, const char *run_id, const char *which)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
	char sql[256 + 4 * sizeof((struct sl_history_summary){ 0 }.run_id)], shown[4096];
	size_t used = (size_t)snprintf(sql, sizeof sql, "SELECT * FROM event WHERE run_id = ");
	bool simple = run_id[strspn(run_id, plain)] == '\0';
	used += (size_t)snprintf(sql + used, sizeof sql - used, simple ? "'" : "CAST(x'");
	for (const char *p = run_id; *p; p++)
		used += (size_t)snprintf(sql + used, sizeof sql - used, simple ? "%c" : "%02x",
		                         (unsigned char)*p);
	snprintf(sql + used, sizeof sql - used, "%s%s", simple ? "'" : "' AS TEXT)", which);
	fputs("sqlite3 ", out);
	sl_utf8_shown(database, shown, sizeof shown);
	if (shown[strspn(shown, plain)])
		put_quoted(out, shown);
	else
		fputs(shown, out);
	fprintf(out, " \"%s\"", sql);
}

static void print_traffic(const struct report *r, const struct sl_history_summary *s)
{
	char payload[32], wire[32];
	sl_bytes_text(s->payload_bytes, payload, sizeof payload);
	sl_bytes_text(s->wire_bytes, wire, sizeof wire);
	fprintf(r->out, "sent       %s of differences", payload);
	if (isfinite(s->saved))
		fprintf(r->out, ", %.2f %% less than float32 models in the same number of rounds",
		        100 * s->saved);
	if (s->wire_bytes > 0)
		fprintf(r->out, "; %s on the wire", wire);
	putc('\n', r->out);
}

/* A site's own history knows one peer of many. */
static void print_accuracy(const struct report *r, const struct sl_history_summary *s)
{
	fprintf(r->out, "accuracy   %.4f, ", s->test_accuracy);
	if (s->evaluated[0])
		fprintf(r->out, "on %s, ", s->evaluated);
	if (s->present == s->peers)
		fprintf(r->out, "the mean over the peers' own models; the worst has %.4f\n",
		        s->worst_accuracy);
	else if (s->present == 1)
		fprintf(r->out, "of the model of the only peer in this database\n");
	else
		fprintf(r->out, "mean over the models of the peers in this database; the worst has %.4f\n",
		        s->worst_accuracy);
}

static void print_text(const struct report *r, const struct sl_history_summary *raw)
{
	struct sl_history_summary shown;
	const struct sl_history_summary *s = &shown;
	sl_summary_shown(raw, &shown);
	fprintf(r->out, "run        %s: %s, %u peers on %s\n", s->run_id, s->algorithm, s->peers,
	        s->topology);
	if (s->present < s->peers)
		fprintf(r->out, "present    %u of %u peers: the values below are for %s\n", s->present,
		        s->peers, s->present == 1 ? "this one" : "these");
	fprintf(r->out, "learned    %s (%u parameters) from %s in %u rounds", s->model, s->dimension,
	        s->dataset, s->rounds);
	if (isfinite(s->seconds))
		fprintf(r->out, ", %.1f s", s->seconds);
	putc('\n', r->out);
	if (isfinite(s->test_accuracy))
		print_accuracy(r, s);
	if (isfinite(s->objective) && s->penalty > 0)
		fprintf(r->out,
		        "objective  %.4g, the training loss and an l1 term of %.3g, means over the peers\n",
		        s->objective, s->penalty);
	if (isfinite(s->consensus_error))
		fprintf(r->out, "consensus  %.4g, the mean squared distance from the average model\n",
		        s->consensus_error);
	if (s->payload_bytes >= 0)
		print_traffic(r, s);
	if (s->diverging)
		fprintf(
		    r->out,
		    "diverging  as %u of %u peers see it: gamma, eta or a step of the algorithm is too large\n",
		    s->diverging, s->present);
	fprintf(r->out, "compress   %s\n", s->compress);
	if (s->seed[0])
		fprintf(r->out, "seed       %s\n", s->seed);
	if (s->kernel[0])
		fprintf(r->out, "kernel     %s\n", s->kernel);
	if (s->events > 0) {
		fprintf(r->out, "warnings   %lld: ", (long long)s->events);
		sl_summary_events_line(r->out, r->database, raw->run_id, "");
		putc('\n', r->out);
	}
	fprintf(r->out, "history    %s\n", r->database);
}

static bool each(void *context, const struct sl_history_summary *s)
{
	struct report *r = context;
	r->found = true;
	r->diverging = s->diverging;
	if (r->json) {
		sl_summary_json(r->out, r->database, s);
		putc('\n', r->out);
	} else {
		print_text(r, s);
	}
	return false;
}

enum sl_status sl_summary_print(FILE *out, const char *database, const char *run_id, bool json,
                                uint32_t *diverging, struct sl_error *error)
{
	struct report report = { out, database, json, false, 0 };
	struct sl_history *history = sl_history_open(database, SL_HISTORY_READ, error);
	if (!history)
		return error->status;
	enum sl_status status = sl_history_summaries(history, run_id, each, &report, error);
	sl_history_close(history);
	if (diverging)
		*diverging = report.diverging;
	if (status == SL_OK && !report.found)
		return sl_fail(error, SL_NOT_FOUND, "%s contains no round of %s", database, run_id);
	return status;
}
