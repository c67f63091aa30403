/* read.c — the runs of a history, and their curves. */
#include "daemon/cli/report/report.h"

#include "history/cursor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HALF = SL_REPORT_POINTS / 2 - 1 };

/* Which of `rows` rows in order are taken: every `step`-th, and the last. */
struct choice {
	int64_t rows, step, seen;
};

static void choose_from(struct choice *c, int64_t rows)
{
	*c = (struct choice){ .rows = rows, .step = (rows + HALF - 1) / HALF };
	if (c->step < 1)
		c->step = 1;
}

static bool takes(struct choice *c)
{
	int64_t at = c->seen++;
	return at % c->step == 0 || at == c->rows - 1;
}

/* The peer that has the most rows stands for all: its rounds are chosen from. */
static enum sl_status ask_reference(struct sl_history *h, const char *run_id, int64_t *peer,
                                    struct choice *all, struct choice *tested, struct sl_error *error)
{
	struct sl_history_cursor *c =
	    sl_history_ask(h,
	                   "SELECT peer, count(*), count(test_accuracy) FROM peer_curve WHERE run_id = ?1 "
	                   "GROUP BY peer ORDER BY 2 DESC, peer LIMIT 1",
	                   run_id, error);
	if (!c)
		return error->status;
	bool more;
	enum sl_status status = sl_history_next(c, &more, error);
	*peer = status == SL_OK && more ? sl_history_integer_of(c, 0) : -1;
	choose_from(all, *peer >= 0 ? sl_history_integer_of(c, 1) : 0);
	choose_from(tested, *peer >= 0 ? sl_history_integer_of(c, 2) : 0);
	sl_history_done(c);
	return status;
}

/* The chosen rounds as "1,2,3", at most SL_REPORT_POINTS of them. */
static enum sl_status choose_rounds(struct sl_history *h, const char *run_id, char *text, size_t size,
                                    struct sl_error *error)
{
	int64_t peer = -1;
	struct choice all = { 0 }, tested = { 0 };
	char sql[160];
	text[0] = '\0';
	enum sl_status status = ask_reference(h, run_id, &peer, &all, &tested, error);
	if (status != SL_OK || peer < 0)
		return status;
	snprintf(
	    sql, sizeof sql,
	    "SELECT round, test_accuracy IS NOT NULL FROM peer_curve WHERE run_id = ?1 AND peer = %" PRId64
	    " ORDER BY round",
	    peer);
	struct sl_history_cursor *c = sl_history_ask(h, sql, run_id, error);
	if (!c)
		return error->status;
	size_t used = 0;
	bool more = true;
	for (int count = 0; count < SL_REPORT_POINTS && status == SL_OK;) {
		status = sl_history_next(c, &more, error);
		if (status != SL_OK || !more)
			break;
		bool is_tested = sl_history_integer_of(c, 1) > 0, take = takes(&all);
		if (is_tested && takes(&tested))
			take = true;
		if (!take)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, count++ ? "," : "",
		                         sl_history_integer_of(c, 0));
	}
	sl_history_done(c);
	return status;
}

/* Columns of the query below, behind round, payload, wire, seconds and peers; −1: the measure has no spread. */
static const struct {
	int mean, low, high;
} column[SL_MEASURES] = {
	[SL_MEASURE_ACCURACY] = { 5, 6, 7 },        [SL_MEASURE_TEST_LOSS] = { 8, 9, 10 },
	[SL_MEASURE_TRAIN_LOSS] = { 11, 12, 13 },   [SL_MEASURE_CONSENSUS] = { 14, -1, -1 },
	[SL_MEASURE_SPARSITY] = { 15, 16, 17 },     [SL_MEASURE_OBJECTIVE] = { 18, -1, -1 },
	[SL_MEASURE_DISAGREEMENT] = { 19, -1, -1 },
};

static void take_point(struct sl_report_curve *curve, const struct sl_history_cursor *c)
{
	struct sl_report_point *p = &curve->point[curve->count];
	for (int axis = 0; axis < SL_AXES; axis++)
		p->x[axis] = sl_history_real_of(c, axis);
	p->peers = sl_history_real_of(c, 4);
	for (int m = 0; m < SL_MEASURES; m++) {
		p->mean[m] = sl_history_real_of(c, column[m].mean);
		p->low[m] = column[m].low < 0 ? p->mean[m] : sl_history_real_of(c, column[m].low);
		p->high[m] = column[m].high < 0 ? p->mean[m] : sl_history_real_of(c, column[m].high);
	}
	curve->count++;
}

static enum sl_status read_curve(struct sl_report_run *run, struct sl_history *h, const char *rounds,
                                 struct sl_error *error)
{
	char sql[SL_REPORT_POINTS * 12 + 900];
	run->curve = calloc(1, sizeof *run->curve);
	if (!run->curve)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	snprintf(
	    sql, sizeof sql,
	    "SELECT c.round, b.payload, b.wire, b.seconds, peers, test_accuracy, test_accuracy_min, "
	    "test_accuracy_max, test_loss, test_loss_min, test_loss_max, train_loss, train_loss_min, "
	    "train_loss_max, consensus_error, sparsity, sparsity_min, sparsity_max, objective, disagreement "
	    "FROM curve AS c, (SELECT round AS at, max(payload_bytes) OVER w AS payload, max(wire_bytes) OVER w AS wire, "
	    "max(seconds) OVER w AS seconds FROM curve WHERE run_id = ?1 WINDOW w AS (ORDER BY round)) AS b "
	    "WHERE c.run_id = ?1 AND c.round IN (%s) AND b.at = c.round ORDER BY c.round",
	    rounds);
	struct sl_history_cursor *c = sl_history_ask(h, sql, run->summary.run_id, error);
	if (!c)
		return error->status;
	bool more = true;
	enum sl_status status = SL_OK;
	while (run->curve->count < SL_REPORT_POINTS && (status = sl_history_next(c, &more, error)) == SL_OK &&
	       more)
		take_point(run->curve, c);
	sl_history_done(c);
	return status;
}

static enum sl_status read_highs(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	struct sl_history_cursor *c = sl_history_ask(
	    h,
	    "SELECT round, payload, wire, seconds, accuracy FROM (SELECT round, max(payload_bytes) OVER w AS payload, "
	    "max(wire_bytes) OVER w AS wire, max(seconds) OVER w AS seconds, test_accuracy AS accuracy, "
	    "max(test_accuracy) OVER (ORDER BY round ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before "
	    "FROM curve WHERE run_id = ?1 WINDOW w AS (ORDER BY round)) "
	    "WHERE accuracy > coalesce(before, -1) ORDER BY round",
	    run->summary.run_id, error);
	if (!c)
		return error->status;
	bool more = true;
	enum sl_status status;
	while ((status = sl_history_next(c, &more, error)) == SL_OK && more) {
		struct sl_report_high *high = realloc(run->high, (run->highs + 1) * sizeof *high);
		if (!high) {
			status = sl_fail(error, SL_NO_MEMORY, "out of memory");
			break;
		}
		run->high = high;
		high += run->highs++;
		for (int axis = 0; axis < SL_AXES; axis++)
			high->x[axis] = sl_history_real_of(c, axis);
		high->accuracy = sl_history_real_of(c, SL_AXES);
	}
	sl_history_done(c);
	return status;
}

/* Keys that say who a run is, where its files are, and what it writes down: not what it does. */
static bool is_of_method(const char *section, const char *key)
{
	static const char *const left[] = { "run.name",   "run.seed",         "run.roster",
		                            "run.id",     "run.operator_key", "run.keys",
		                            "run.record", "data.shards",      "trainer.folder" };
	char whole[128];
	snprintf(whole, sizeof whole, "%s.%s", section, key);
	if (strcmp(section, "history") == 0 || strcmp(section, "checkpoint") == 0)
		return false;
	for (size_t i = 0; i < sizeof left / sizeof *left; i++)
		if (strcmp(whole, left[i]) == 0)
			return false;
	return true;
}

/* Adds "section.key=value" for each such line of a configuration. */
static void add_config(FILE *out, const char *config)
{
	char section[48] = "", key[48], line[512];
	while (*config) {
		size_t length = strcspn(config, "\n");
		snprintf(line, sizeof line, "%.*s", length < sizeof line ? (int)length : (int)sizeof line - 1,
		         config);
		config += length + (config[length] == '\n');
		char *equals = strstr(line, " =");
		if (sscanf(line, "[%47[^]]]", section) == 1 || line[0] == '#' || !equals)
			continue;
		snprintf(key, sizeof key, "%.*s", (int)(equals - line), line);
		if (is_of_method(section, key))
			fprintf(out, "%s.%s=%s\n", section, key, equals[2] == ' ' ? equals + 3 : equals + 2);
	}
}

static enum sl_status read_identity(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	size_t length;
	FILE *out = open_memstream(&run->identity, &length);
	struct sl_history_cursor *c =
	    out ? sl_history_ask(h,
	                         "SELECT driver, topology, algorithm, compress, model, dataset, peers, "
	                         "substr(config, 1, 60000) FROM run WHERE run_id = ?1",
	                         run->summary.run_id, error)
	        : NULL;
	if (!out)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	bool more = false;
	enum sl_status status = c ? sl_history_next(c, &more, error) : error->status;
	static const char *const name[] = { "driver", "topology", "algorithm", "compress",
		                            "model",  "dataset",  "peers" };
	for (int i = 0; more && i < 7; i++)
		fprintf(out, "%s=%.200s\n", name[i], sl_history_text_of(c, i));
	if (more)
		add_config(out, sl_history_text_of(c, 7));
	if (more)
		snprintf(run->driver, sizeof run->driver, "%s", sl_history_text_of(c, 0));
	sl_history_done(c);
	if (fclose(out) != 0 && status == SL_OK)
		status = sl_fail(error, SL_NO_MEMORY, "out of memory");
	return status;
}

static enum sl_status read_run(struct sl_report_run *run, struct sl_history *h, struct sl_error *error)
{
	char rounds[SL_REPORT_POINTS * 12];
	enum sl_status status = choose_rounds(h, run->summary.run_id, rounds, sizeof rounds, error);
	if (status == SL_OK)
		status = read_curve(run, h, rounds, error);
	if (status == SL_OK)
		status = read_highs(run, h, error);
	if (status == SL_OK)
		status = read_identity(run, h, error);
	if (status == SL_OK)
		status = sl_report_read_parts(run, h, error);
	return status;
}

struct gathering {
	struct sl_report *report;
	const char *database;
	struct sl_error *error;
	enum sl_status status;
};

static bool gather(void *context, const struct sl_history_summary *summary)
{
	struct gathering *g = context;
	struct sl_report *r = g->report;
	if (r->runs == SL_REPORT_RUNS) {
		g->status = sl_fail(g->error, SL_TOO_BIG, "%s: more than %d runs: choose some with --run",
		                    g->database, SL_REPORT_RUNS);
		return false;
	}
	struct sl_report_run *more = realloc(r->run, (r->runs + 1) * sizeof *more);
	if (!more) {
		g->status = sl_fail(g->error, SL_NO_MEMORY, "%s: out of memory", g->database);
		return false;
	}
	r->run = more;
	r->run[r->runs] = (struct sl_report_run){ .summary = *summary };
	snprintf(r->run[r->runs].database, sizeof r->run[r->runs].database, "%s", g->database);
	r->runs++;
	return true;
}

enum sl_status sl_report_read(struct sl_report *r, const char *database, const char *name,
                              struct sl_error *error)
{
	struct gathering g = { r, database, error, SL_OK };
	uint32_t first = r->runs;
	struct sl_history *h = sl_history_open(database, SL_HISTORY_READ, error);
	if (!h)
		return error->status;
	enum sl_status status = sl_history_summaries(h, name, gather, &g, error);
	if (status == SL_OK)
		status = g.status;
	for (uint32_t i = first; i < r->runs && status == SL_OK; i++)
		status = read_run(&r->run[i], h, error);
	sl_history_close(h);
	return status;
}

void sl_report_free(struct sl_report *r)
{
	for (uint32_t i = 0; i < r->runs; i++) {
		struct sl_report_run *run = &r->run[i];
		free(run->identity);
		free(run->curve);
		free(run->high);
		free(run->peer);
		free(run->link);
		free(run->event);
		if (run->drawn)
			sl_topology_free(&run->graph);
	}
	for (uint32_t i = 0; i < r->groups; i++)
		free(r->group[i].curve);
	free(r->run);
	free(r->group);
	*r = (struct sl_report){ 0 };
}
