/* test_history.c — the history: what goes in comes out, and views against numbers computed here. */
#include "base/random.h"
#include "tests/support/history.h"

#include <stdio.h>
#include <string.h>

static void names_are_as_documented(void **state)
{
	(void)state;
	static const char *const query[] = {
		"run_id, name, driver, started_at, version, topology, peers, dim, algorithm, compress, model, dataset, seed, "
		"fingerprint, config FROM run",
		"run_id, peer, name, public_key, endpoint, host, pid, started_at, stopped_at, exit, "
		"model_digest FROM peer",
		"run_id, peer, round, at_us, train_loss, test_loss, test_accuracy, nonzero, disagreement, payload_tx, "
		"payload_rx, wire_tx, wire_rx, compute_us, compress_us, wait_us, penalty, objective, wire_resent FROM round",
		"run_id, peer, neighbour, round, payload_tx, payload_rx, frames_tx, frames_rx, resent, repeated, refused, "
		"snapshots, rtt_us, wire_tx, wire_resent, throughput, queue_us, srtt_us, again_connection, again_drop, "
		"again_refusal, again_digest FROM link",
		"run_id, peer, round, k, value FROM sketch",
		"run_id, peer, round, rate, tx, waited_us FROM budget",
		"run_id, round, error FROM consensus_exact",
		"run_id, peer, at_us, round, level, kind, detail FROM event",
		"run_id, round, peers, error FROM consensus",
		"run_id, round, peers, payload_bytes, wire_bytes, saved FROM traffic",
		"run_id, name, peers, rounds, test_accuracy, worst_accuracy, consensus_error, payload_bytes, wire_bytes, "
		"saved, seconds, present, seed, penalty, objective FROM summary",
	};
	sl_history_close(must_open("h.db"));
	for (size_t i = 0; i < sizeof query / sizeof *query; i++) {
		char sql[512];
		snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT %s)", query[i]);
		assert_int_equal(count_from("h.db", sql), 0);
	}
}

static void rows_come_back(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	begin_run(h, "unit-1", 2, 1000);
	add_peers(h, 2, 1);
	struct sl_round_row r = {
		1, 5, 11, 0.1, 0.2, 0.3, 12, 0.4, 13, 14, 15, 16, 17, 18, 19, 0.5, 20, false
	};
	struct sl_link_row l = { 1,  0,  5,  21, 22, 23, 24, 25, 26, 27, 28, -1, { 33, 34, 35, 36 },
		                 37, 38, 39, 40, 41 };
	struct sl_sketch_row s = {
		.peer = 1, .round = 5, .count = 3, .value = { 0x1.fffffep-100f, -0.1f, 16777215 }
	};
	struct sl_event_row e = { 1, 5, 31, SL_LEVEL_WARNING, "edge-late", "it's 'late'" };
	assert_ok(sl_history_round(h, &r, &test_error));
	assert_ok(sl_history_link(h, &l, &test_error));
	assert_ok(sl_history_sketch(h, &s, &test_error));
	assert_ok(sl_history_event(h, &e, &test_error));
	assert_ok(sl_history_exact(h, 5, 0.25, &test_error));
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 0); /* not before the commit */
	assert_ok(sl_history_commit(h, false, &test_error));
	sl_history_close(h);
	assert_int_equal(
	    count_from(
	        "h.db",
	        "SELECT count(*) FROM round WHERE run_id = 'unit-1' AND peer = 1 AND round = 5 AND "
	        "at_us = 11 AND train_loss = 0.1 AND test_loss = 0.2 AND test_accuracy = 0.3 AND nonzero = 12 AND disagreement = 0.4 AND payload_tx = 13 AND payload_rx = 14 AND wire_tx = 15 AND wire_rx = 16 AND compute_us = 17 AND compress_us = 18 AND wait_us = 19 AND penalty = 0.5 AND objective = 0.1 + 0.5 AND wire_resent = 20"),
	    1);
	assert_int_equal(
	    count_from(
	        "h.db",
	        "SELECT count(*) FROM link WHERE peer = 1 AND neighbour = 0 AND round = 5 AND "
	        "payload_tx = 21 AND payload_rx = 22 AND frames_tx = 23 AND frames_rx = 24 AND resent = 25 AND repeated = 26 AND refused = 27 AND snapshots = 28 AND rtt_us IS NULL AND again_connection = 33 AND again_drop = 34 AND again_refusal = 35 AND again_digest = 36 AND wire_tx = 37 AND wire_resent = 38 AND throughput = 39 AND queue_us = 40 AND srtt_us = 41"),
	    1);
	for (int k = 0; k < 3; k++) {
		char sql[128];
		snprintf(sql, sizeof sql, "SELECT value FROM sketch WHERE peer = 1 AND round = 5 AND k = %d",
		         k);
		assert_true((float)real_from("h.db", sql) == s.value[k]);
	}
	assert_int_equal(
	    count_from(
	        "h.db",
	        "SELECT count(*) FROM event WHERE run_id = 'unit-1' AND peer = 1 AND at_us = 31 AND "
	        "round = 5 AND level = 'warning' AND kind = 'edge-late' AND detail = 'it''s ''late'''"),
	    1);
	assert_true(real_from("h.db", "SELECT error FROM consensus_exact WHERE round = 5") == 0.25);
	assert_int_equal(count_from("h.db", "SELECT seed = '18446744073709551615' FROM run"), 1);
}

static void what_is_not_finite_is_null(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	begin_run(h, "unit-1", 1, 10);
	add_peers(h, 1, 1);
	struct sl_round_row r = { 0,
		                  0,
		                  -1,
		                  NOTHING,
		                  (double)INFINITY,
		                  -(double)INFINITY,
		                  -1,
		                  NOTHING,
		                  -1,
		                  -1,
		                  -1,
		                  -1,
		                  -1,
		                  -1,
		                  -1,
		                  NOTHING,
		                  -1,
		                  false };
	struct sl_sketch_row s = { .count = 2, .value = { INFINITY, 1 } };
	assert_ok(sl_history_round(h, &r, &test_error));
	assert_ok(sl_history_sketch(h, &s, &test_error));
	assert_ok(sl_history_exact(h, 3, NOTHING, &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));
	sl_history_close(h);
	assert_int_equal(
	    count_from(
	        "h.db",
	        "SELECT coalesce(at_us, train_loss, test_loss, test_accuracy, nonzero, disagreement, "
	        "payload_tx, payload_rx, wire_tx, wire_rx, compute_us, compress_us, wait_us, penalty, objective, wire_resent) IS NULL "
	        "FROM round"),
	    1);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM sketch WHERE value IS NULL"), 1);
	/* The diverged peer is not left out of the estimate: there is none. */
	assert_int_equal(
	    count_from("h.db", "SELECT count(*) FROM consensus WHERE round = 0 AND error IS NULL"), 1);
	assert_int_equal(
	    count_from("h.db", "SELECT count(*) FROM consensus WHERE round = 3 AND error IS NULL"), 1);
}

static void reopening_keeps_what_is_there(void **state)
{
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		struct sl_history *h = must_open("h.db");
		begin_run(h, "unit-1", turn ? 99 : 2, 10);
		struct sl_history_peer peer = {
			.peer = 0, .pid = 10 + turn, .started_at_us = 100 + turn, .degree = 1
		};
		assert_ok(sl_history_peer(h, &peer, &test_error));
		for (uint32_t k = 0; k < 10; k++) {
			struct sl_round_row r = row_of(0, k + 5 * (uint32_t)turn);
			r.nonzero = turn;
			assert_ok(sl_history_round(h, &r, &test_error));
		}
		assert_ok(sl_history_commit(h, turn, &test_error));
		if (turn == 0)
			assert_ok(sl_history_peer_stopped(h, 0, 500, 3, "abcd", &test_error));
		sl_history_close(h);
		if (turn == 0)
			assert_int_equal(
			    count_from(
			        "h.db",
			        "SELECT stopped_at = 500 AND exit = 3 AND model_digest = 'abcd' FROM peer"),
			    1);
	}
	assert_int_equal(count_from("h.db", "SELECT peers FROM run"), 2);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 15);
	assert_int_equal(count_from("h.db", "SELECT sum(nonzero) FROM round"), 5);
	/* A peer that starts again keeps its first start, and runs. */
	assert_int_equal(
	    count_from(
	        "h.db",
	        "SELECT started_at = 100 AND pid = 11 AND stopped_at IS NULL AND exit IS NULL FROM peer"),
	    1);
}

/* Two runs in one file; every figure of the views computed here as well. */
static void views_agree_with_arithmetic(void **state)
{
	(void)state;
	enum { PEERS = 3, ROUNDS = 20, DIM = 500 };
	struct sl_history *h = must_open("h.db");
	begin_run(h, "other", 1, 7);
	add_peers(h, 1, 1);
	struct sl_round_row other = row_of(0, 50);
	assert_ok(sl_history_round(h, &other, &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));
	begin_run(h, "unit-1", PEERS, DIM);
	struct sl_random g = sl_random_stream(1, 0, "views", 0);
	double accuracy[PEERS] = { 0 };
	int64_t payload[PEERS][ROUNDS], wire[PEERS][ROUNDS], last_us = 0;
	for (uint32_t p = 0; p < PEERS; p++) {
		int64_t bytes = 0, clock = p * INT64_C(100000000000); /* of its host, days ahead */
		struct sl_history_peer peer = { .peer = p,
			                        .degree = p + 1,
			                        .started_at_us = clock + 1000000 };
		assert_ok(sl_history_peer(h, &peer, &test_error));
		for (uint32_t k = 0; k < ROUNDS - p; k++) { /* peer 2 ends two rounds early */
			struct sl_round_row r = row_of(p, k);
			payload[p][k] = r.payload_tx = bytes += sl_random_below(&g, 1000);
			wire[p][k] = r.wire_tx = 2 * bytes;
			if (k % 7 == 0)
				accuracy[p] = r.test_accuracy = sl_random_unit_double(&g);
			last_us = r.at_us > last_us ? r.at_us : last_us;
			r.at_us += clock;
			assert_ok(sl_history_round(h, &r, &test_error));
		}
	}
	assert_ok(sl_history_commit(h, false, &test_error));
	sl_history_close(h);

	for (uint32_t k = 0; k < ROUNDS; k++) {
		double bytes = 0, on_wire = 0, cost = 0;
		char sql[160];
		int peers = 0;
		for (uint32_t p = 0; p < PEERS; p++)
			if (k < ROUNDS - p) {
				peers++;
				bytes += (double)payload[p][k];
				on_wire += (double)wire[p][k];
				cost += 4.0 * DIM * (k + 1) * (p + 1);
			}
		static const char *const column[] = { "peers", "payload_bytes", "wire_bytes", "saved" };
		const double expected[] = { peers, bytes, on_wire, 1 - bytes / cost };
		for (int i = 0; i < 4; i++) {
			snprintf(sql, sizeof sql,
			         "SELECT %s FROM traffic WHERE run_id = 'unit-1' AND round = %u", column[i],
			         k);
			assert_near(real_from("h.db", sql), expected[i], 1e-14);
		}
	}
	double bytes = 0, on_wire = 0, cost = 0, mean = 0, worst = 1;
	for (uint32_t p = 0; p < PEERS; p++) {
		bytes += (double)payload[p][ROUNDS - p - 1];
		on_wire += (double)wire[p][ROUNDS - p - 1];
		cost += 4.0 * DIM * (ROUNDS - p) * (p + 1);
		mean += accuracy[p] / PEERS;
		worst = fmin(worst, accuracy[p]);
	}
	static const char *const column[] = { "peers",          "rounds",        "test_accuracy",
		                              "worst_accuracy", "payload_bytes", "wire_bytes",
		                              "saved",          "seconds",       "present" };
	const double expected[] = { PEERS,
		                    ROUNDS,
		                    mean,
		                    worst,
		                    bytes,
		                    on_wire,
		                    1 - bytes / cost,
		                    (double)(last_us - 1000000) / 1e6,
		                    PEERS };
	for (int i = 0; i < 9; i++) {
		char sql[160];
		snprintf(sql, sizeof sql, "SELECT %s FROM summary WHERE run_id = 'unit-1'", column[i]);
		assert_near(real_from("h.db", sql), expected[i], 1e-14);
	}
	assert_int_equal(count_from("h.db", "SELECT rounds FROM summary WHERE run_id = 'other'"), 51);
}

/* A count sketch as the peers make it: bucket and sign of a coordinate are the same at all peers. */
static void sketch_of(const double *x, uint32_t d, struct sl_sketch_row *out)
{
	struct sl_random g = sl_random_stream(9, UINT32_MAX, "sketch", 0);
	out->count = 64;
	double bucket[64] = { 0 };
	for (uint32_t i = 0; i < d; i++) {
		uint64_t bits = sl_random_at(&g, i);
		bucket[bits % 64] += bits >> 63 ? x[i] : -x[i];
	}
	for (int k = 0; k < 64; k++)
		out->value[k] = (float)bucket[k];
}

static void consensus_is_estimated_from_sketches(void **state)
{
	(void)state;
	enum { PEERS = 8, ROUNDS = 100, DIM = 300 };
	static double x[PEERS][DIM];
	static double exact[ROUNDS];
	struct sl_history *h = must_open("h.db");
	begin_run(h, "unit-1", PEERS, DIM);
	struct sl_random g = sl_random_stream(2, 0, "consensus", 0);
	for (uint32_t k = 0; k < ROUNDS; k++) {
		double spread =
		    ldexp(1, -(int)k / 5); /* from peers apart to peers that agree to six digits */
		for (int i = 0; i < DIM; i++) {
			double mean = 0, common = sl_random_normal(&g);
			for (int p = 0; p < PEERS; p++)
				mean += (x[p][i] = common + spread * sl_random_normal(&g)) / PEERS;
			for (int p = 0; p < PEERS; p++)
				exact[k] += (x[p][i] - mean) * (x[p][i] - mean) / PEERS;
		}
		for (uint32_t p = 0; p < PEERS; p++) {
			struct sl_sketch_row s = { .peer = p, .round = k };
			sketch_of(x[p], DIM, &s);
			assert_ok(sl_history_sketch(h, &s, &test_error));
		}
	}
	struct sl_sketch_row alone = { .peer = 3, .round = ROUNDS, .count = 64 };
	assert_ok(sl_history_sketch(h, &alone, &test_error));
	for (uint32_t p = 0; p < PEERS; p++) {
		struct sl_sketch_row equal = {
			.peer = p, .round = ROUNDS + 1, .count = 3, .value = { 0.1f, -0.7f, 1e9f }
		};
		assert_ok(sl_history_sketch(h, &equal, &test_error));
	}
	assert_ok(sl_history_exact(h, 10, 42, &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));

	int close = 0;
	for (uint32_t k = 0; k < ROUNDS; k++) {
		char sql[96];
		snprintf(sql, sizeof sql, "SELECT error FROM consensus WHERE round = %u", k);
		double found = real_from("h.db", sql);
		if (k == 10)
			assert_true(found == 42); /* exact where it is known */
		else
			close += fabs(found / exact[k] - 1) <= 3 * sqrt(2.0 / 64);
	}
	assert_true(close >= 95);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM consensus"),
	                 ROUNDS + 1); /* not the one of peer 3 alone */
	assert_int_equal(count_from("h.db", "SELECT min(peers) = 8 AND max(peers) = 8 FROM consensus"), 1);
	/* Equal sketches: nothing but rounding of the mean, squared, against values of 1e9. */
	assert_true(real_from("h.db", "SELECT error FROM consensus WHERE round = 101") < 1e-12);
	assert_true(real_from("h.db", "SELECT consensus_error FROM summary") < 1e-12);
	assert_ok(sl_history_exact(h, ROUNDS + 2, 0.5, &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));
	assert_true(real_from("h.db", "SELECT consensus_error FROM summary") == 0.5);
	sl_history_close(h);
}

static bool collect_names(void *context, const struct sl_history_summary *s)
{
	char *out = context;
	snprintf(out + strlen(out), 256 - strlen(out), "%s ", s->run_id);
	return strcmp(s->run_id, "unit-2") != 0;
}

static void summaries_are_filtered_and_stop(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	static const char *const id[] = { "unit-1", "unit-2", "unit-3" };
	for (int i = 0; i < 3; i++) {
		begin_run(h, id[i], 1, 10);
		add_peers(h, 1, 1);
	}
	struct sl_event_row e = { .kind = "edge-late" };
	for (int level = 0; level < SL_LEVEL_COUNT; level++) {
		e.level = (enum sl_level)level;
		assert_ok(sl_history_event(h, &e, &test_error));
	}
	assert_ok(sl_history_commit(h, false, &test_error));
	char found[256] = "";
	assert_ok(sl_history_summaries(h, NULL, collect_names, found, &test_error));
	assert_string_equal(found, "unit-1 unit-2 ");
	*found = 0;
	assert_ok(sl_history_summaries(h, "unit-3", collect_names, found, &test_error));
	assert_string_equal(found, "unit-3 ");
	*found = 0;
	assert_ok(sl_history_summaries(h, "nobody", collect_names, found, &test_error));
	assert_string_equal(found, "");
	sl_history_close(h);
}

static bool copy_summary(void *context, const struct sl_history_summary *s)
{
	*(struct sl_history_summary *)context = *s;
	return true;
}

static void a_summary_of_nothing_is_unknown(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	begin_run(h, "unit-1", 4, 10);
	struct sl_history_summary s = { 0 };
	assert_ok(sl_history_summaries(h, NULL, copy_summary, &s, &test_error));
	assert_string_equal(s.algorithm, "malcom");
	assert_int_equal(s.peers, 4);
	assert_int_equal(s.rounds, 0);
	assert_int_equal(s.payload_bytes, -1);
	assert_true(isnan(s.test_accuracy) && isnan(s.consensus_error) && isnan(s.saved) && isnan(s.seconds));
	assert_int_equal(s.events, 0);
	sl_history_close(h);
}

int main(void)
{
#define in_folder(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)
	const struct CMUnitTest tests[] = {
		in_folder(names_are_as_documented),         in_folder(rows_come_back),
		in_folder(what_is_not_finite_is_null),      in_folder(reopening_keeps_what_is_there),
		in_folder(views_agree_with_arithmetic),     in_folder(consensus_is_estimated_from_sketches),
		in_folder(summaries_are_filtered_and_stop), in_folder(a_summary_of_nothing_is_unknown),
	};
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
