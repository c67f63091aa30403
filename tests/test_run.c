/* A run's folder from its parts, opened as starlingd opens it; and each part broken in turn: one sentence
 * that names the file and what would be right, and nothing left behind. */
#include "daemon/peer/daemon.h"
#include "daemon/run/test_sample.h"
#include "tests/support/folder.h"
#include "tests/support/samples.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PEERS = 4 };

static struct sl_identity operator_identity, identity[PEERS];
static struct sl_daemon made; /* large */
static struct sl_error error;
static const char standard_conf[] =
    "[model]\nname = softmax\n[data]\ntrain = /some/where/digits.gz\nformat = libsvm\nclasses = -1..1\n";

static void write_shard(const char *name, uint32_t samples, uint32_t features, uint32_t classes)
{
	struct samples s = samples_make(SL_FEATURES_FLOAT, samples, features, classes, 1);
	folder_write(name, s.block, s.length);
	samples_free(&s);
}

/* The same with names, as init writes it. */
static void write_named(const char *name, const char *names)
{
	struct samples s = samples_make(SL_FEATURES_FLOAT, 10, 6, 3, 1);
	s.data.names = names;
	s.data.names_length = strlen(names);
	size_t length = sl_dataset_prepared_size(&s.data, NULL, 0);
	uint8_t *block = malloc(length);
	sl_dataset_prepare(&s.data, NULL, 0, block);
	folder_write(name, block, length);
	free(block);
	samples_free(&s);
}

static void write_conf(const char *text)
{
	char conf[4096], key[SL_KEY_HEX];
	sl_key_print(operator_identity.public_key, key);
	snprintf(conf, sizeof conf, "%s\n[run]\noperator_key = %s\n", text, key);
	folder_text("run.conf", conf);
}

static void write_roster(const struct sl_identity *signer)
{
	static const struct sl_edge_pair ring[] = { { 0, 1 }, { 0, 3 }, { 1, 2 }, { 2, 3 } };
	struct sl_roster_peer peer[PEERS];
	struct sl_roster roster = { .serial = 1, .peer = peer };
	memset(peer, 0, sizeof peer);
	for (unsigned i = 0; i < PEERS; i++) {
		snprintf(peer[i].name, sizeof peer[i].name, "peer-%u", i);
		snprintf(peer[i].endpoint, sizeof peer[i].endpoint, "ipc://%s", folder_path("peer-0"));
		peer[i].endpoint[strlen(peer[i].endpoint) - 1] = (char)('0' + i);
		memcpy(peer[i].public_key, identity[i].public_key, SL_KEY_BYTES);
	}
	assert_int_equal(sl_topology_from_edges(&roster.topology, "ring:4", PEERS, ring, NULL, PEERS, &error),
	                 SL_OK);
	assert_int_equal(sl_roster_write(&roster, folder_path("roster"), signer, &error), SL_OK);
	sl_topology_free(&roster.topology);
}

static int set_up(void **state)
{
	char name[32];
	(void)state;
	folder_make();
	mkdir(folder_path("keys"), 0700);
	mkdir(folder_path("data"), 0700);
	sl_identity_make(&operator_identity);
	for (unsigned i = 0; i < PEERS; i++) {
		sl_identity_make(&identity[i]);
		snprintf(name, sizeof name, "keys/%u.key", i);
		if (sl_identity_write(&identity[i], folder_path(name), &error) != SL_OK)
			return -1;
		snprintf(name, sizeof name, "data/train-%u.shard", i);
		write_shard(name, 10 + i, 6, 3);
	}
	write_shard("data/test.shard", 20, 6, 3);
	write_conf(standard_conf);
	write_roster(&operator_identity);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_remove();
	return 0;
}

static enum sl_status check(uint32_t peer, const char *override)
{
	const char *overrides[] = { override, NULL };
	struct sl_daemon_options options = { folder_path("run.conf"), peer,
		                             (char *const *)(uintptr_t)overrides };
	memset(&error, 0, sizeof error);
	enum sl_status status = sl_daemon_check(&made, &options, &error);
	assert_int_equal(status, status == SL_OK ? SL_OK : error.status);
	return status;
}

static void close_made(void)
{
	sl_file_unmap(&made.shard_file);
	sl_run_close(&made.run);
}

static void assert_refused(uint32_t peer, const char *override, const char *part)
{
	assert_int_not_equal(check(peer, override), SL_OK);
	assert_null(strchr(error.text, '\n'));
	if (!strstr(error.text, part))
		fail_msg("'%s' does not hold '%s'", error.text, part);
	close_made();
}

static unsigned files_in_folder(void)
{
	unsigned count = 0;
	DIR *d = opendir(folder_path("."));
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

static void a_sound_folder_opens(void **state)
{
	struct sl_history_run row;
	(void)state;
	unsigned before = files_in_folder();
	assert_int_equal(check(2, NULL), SL_OK);
	assert_int_equal(made.shard.samples, 12);
	assert_int_equal(made.run.test.samples, 20);
	assert_int_equal(made.run.plan.dimension, 3 * 6 + 3);
	assert_int_equal(made.degree, 2);
	assert_int_equal(made.neighbours[0].peer, 1);
	assert_int_equal(made.neighbours[1].peer, 3);
	assert_true(made.neighbours[0].weight[0].value == made.neighbours[1].weight[0].value);
	assert_memory_equal(&made.identity, &identity[2], sizeof identity[2]);
	sl_run_history_row(&made.run, "daemon", &row);
	assert_string_equal(row.dataset, "digits.gz");
	assert_string_equal(row.topology, "ring:4");
	assert_string_equal(row.compress, "topk:0.05 | dither:16 | golomb");
	assert_int_equal(row.peers, PEERS);
	assert_non_null(strstr(row.config, "\n# blas = "));
	assert_int_equal(files_in_folder(), before); /* checking makes nothing */
	close_made();
}

/* What -n prints is a configuration that means the same. */
static void the_printed_configuration_parses_back(void **state)
{
	static char first[sizeof made.run.printed];
	(void)state;
	assert_int_equal(check(0, "algorithm.eta=0.3333333333333333"), SL_OK);
	strcpy(first, made.run.printed);
	char id[sizeof made.run.run_id];
	strcpy(id, made.run.run_id);
	close_made();
	folder_text("run.conf", first);
	assert_int_equal(check(0, NULL), SL_OK);
	assert_string_equal(made.run.printed, first);
	assert_string_equal(made.run.run_id, id);
	close_made();
}

static void every_broken_part_is_named(void **state)
{
	(void)state;
	assert_refused(4, NULL, "-p 4: the roster lists 4 peers, 0 to 3");
	assert_refused(0, "algorithm.gamma=1.01",
	               "--set algorithm.gamma: gamma = 1.01: must be between 0 and 1");
	assert_refused(0, "run.roster=other", "/other: ");
	assert_refused(0, "run.operator_key=ab", "[run] operator_key = ab: must be 64 hex digits");
	assert_refused(0, "run.operator_key=", "[run] operator_key is missing");
	assert_refused(0, "run.keys=nokeys", "/nokeys/0.key: cannot read the identity key");
	assert_refused(0, "data.shards=nodata", "/nodata/test.shard: ");
	assert_refused(0, "model.name=mpl:4", "mpl");
	assert_refused(0, "compress.pipeline=topk:0.1 | float32 | golomb", "golomb");
	assert_refused(0, "run.max_degree=1", "max_degree");
}

static void a_key_that_is_not_the_rosters_is_refused(void **state)
{
	(void)state;
	unlink(folder_path("keys/1.key"));
	assert_int_equal(rename(folder_path("keys/3.key"), folder_path("keys/1.key")), 0);
	assert_refused(1, NULL, "keys/1.key: is the key ");
	assert_refused(1, NULL, " for peer 1; is it another peer's key, or of another roster?");
	chmod(folder_path("keys/1.key"), 0644);
	assert_refused(1, NULL, "keys/1.key: other users can read this secret key (mode 0644): chmod 600 it");
}

static void the_key_may_come_from_the_service_manager(void **state)
{
	(void)state;
	mkdir(folder_path("credentials"), 0700);
	assert_int_equal(rename(folder_path("keys/2.key"), folder_path("credentials/identity")), 0);
	chmod(folder_path("credentials/identity"), 0440);
	setenv("CREDENTIALS_DIRECTORY", folder_path("credentials"), 1);
	assert_int_equal(check(2, NULL), SL_OK);
	close_made();
	assert_refused(1, NULL, "credentials/identity: is the key ");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_roster_of_another_operator_is_refused(void **state)
{
	(void)state;
	write_roster(&identity[0]);
	assert_refused(0, NULL, "/roster: the signature is not that of the operator ");
}

static void shards_must_fit_the_test_set(void **state)
{
	(void)state;
	write_shard("data/train-1.shard", 10, 5, 3);
	assert_refused(1, NULL,
	               "data/train-1.shard: 5 features and 3 classes, but the run's test set has 6 and 3");
	write_shard("data/train-1.shard", 10, 6, 4);
	assert_refused(1, NULL, "6 features and 4 classes, but the run's test set has 6 and 3");
	folder_text("data/train-1.shard", "not a shard");
	assert_refused(1, NULL, "data/train-1.shard: ");
	unlink(folder_path("data/train-1.shard"));
	assert_refused(1, NULL, "data/train-1.shard: ");
	assert_int_equal(check(0, NULL), SL_OK); /* one's shard is no other's business */
	close_made();
}

static void gamma_that_diverges_names_its_line(void **state)
{
	(void)state;
	assert_int_equal(check(0, "algorithm.gamma=1"), SL_OK); /* ring:4 has β = 4/3 */
	close_made();
	write_conf("[algorithm]\nname = choco\n\ngamma = 0\n[data]\nclasses = -1..1\n");
	assert_refused(0, NULL, "run.conf:4: gamma = 0: must be above 0 and at most 1, or auto");
}

/* One list of classes for the run: prepared data of another are refused, and the fingerprint has it. */
static void shards_must_have_the_runs_classes(void **state)
{
	char fingerprint[33];
	(void)state;
	write_named("data/test.shard", "1..3");
	assert_refused(0, NULL, "[data] classes = -1..1: ");
	assert_refused(0, NULL, "run.conf:6: ");
	assert_refused(0, NULL, "data/test.shard was prepared with the classes 1..3");
	assert_refused(0, "data.classes=a,b,c", "--set data.classes: [data] classes = a,b,c: ");
	write_named("data/train-0.shard", "0..2");
	assert_refused(0, "data.classes=1..3", "data/train-0.shard was prepared with the classes 0..2");
	write_named("data/train-0.shard", "1..3");
	assert_int_equal(check(0, "data.classes=1,2,3"), SL_OK);
	strcpy(fingerprint, made.run.fingerprint);
	close_made();
	assert_int_equal(check(0, "data.classes=auto"), SL_OK);
	assert_string_equal(made.run.config.settings.host.classes, "1..3");
	assert_string_equal(made.run.fingerprint, fingerprint);
	close_made();
	write_named("data/train-0.shard", "0..2");
	write_named("data/test.shard", "0..2");
	assert_int_equal(check(0, "data.classes=auto"), SL_OK);
	assert_string_not_equal(made.run.fingerprint, fingerprint);
	close_made();
	assert_refused(0, "data.classes=file:names", "peers need the value that it wrote to run.conf");
}

/* Data of version 1 are still read: names come from run.conf, or are numbers where nothing else was possible.
 */
static void unnamed_classes_are_numbers_or_declared(void **state)
{
	(void)state;
	assert_int_equal(check(0, NULL), SL_OK);
	close_made();
	assert_refused(0, "data.classes=auto",
	               "data/test.shard has format version 1, which contains no class names");
	assert_refused(0, "data.classes=1,2", "[data] classes = 1,2: ");
	write_conf("[model]\nname = softmax\n[data]\nformat = idx\n");
	assert_int_equal(check(0, NULL), SL_OK);
	assert_string_equal(made.run.config.settings.host.classes, "0..2");
	close_made();
}

static void data_sets_are_called_by_their_names(void **state)
{
	static const char *const cases[][3] = {
		{ "synthetic:100,20", "auto", "synthetic:100,20" },
		{ "idx", "/usr/share/datasets/fashion-mnist/train-images.gz,/usr/share/x", "fashion-mnist" },
		{ "idx", "images,labels", "images" },
		{ "libsvm", "/data/a9a", "a9a" },
		{ "libsvm", "/data/a,b.svm", "a,b.svm" },
		{ "libsvm:one", "/da,ta/b.svm", "b.svm" },
		{ "libsvm", "part-%d.txt", "part-%d.txt" },
	};
	char name[SL_TEXT_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_host_settings s = { 0 };
		snprintf(s.format, sizeof s.format, "%s", cases[i][0]);
		snprintf(s.train, sizeof s.train, "%s", cases[i][1]);
		sl_run_dataset_name(&s, name);
		assert_string_equal(name, cases[i][2]);
	}
}

/* What a peer is given holds nothing that the host alone should know. */
static void a_plan_holds_no_path_and_no_key(void **state)
{
	(void)state;
	assert_int_equal(check(0, "run.name=a-run-by-name"), SL_OK);
	const struct sl_plan *plan = &made.run.plan;
	const struct sl_run_settings *s = &made.run.config.settings;
	const char *texts[] = { s->host.name,          s->host.roster,  s->host.operator_key,
		                s->host.keys,          s->host.train,   s->host.format,
		                s->host.classes,       s->host.history, s->host.checkpoint,
		                made.run.config.folder };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_true(texts[i][0]);
		assert_null(memmem(plan, sizeof *plan, texts[i], strlen(texts[i])));
	}
	assert_non_null(memmem(plan, sizeof *plan, s->method.algorithm, strlen(s->method.algorithm)));
	assert_null(memmem(plan, sizeof *plan, made.run.operator_key, SL_KEY_BYTES));
	close_made();
}

/* Distinct, ascending, of the seed; the sample of 60 has all of the sample of 20; spread over the whole set. */
static void test_samples_are_drawn_once(void **state)
{
	(void)state;
	enum { ALL = 1000, MORE = 60, FEW = 20 };
	uint32_t more[MORE], few[FEW], other[FEW], found = 0, upper = 0;
	sl_test_sample_pick(ALL, 7, MORE, more);
	sl_test_sample_pick(ALL, 7, FEW, few);
	sl_test_sample_pick(ALL, 8, FEW, other);
	assert_memory_not_equal(few, other, sizeof few);
	for (unsigned i = 0; i < MORE; i++) {
		assert_true(more[i] < ALL && (i == 0 || more[i] > more[i - 1]));
		upper += more[i] >= ALL / 2;
		for (unsigned k = 0; k < FEW; k++)
			found += few[k] == more[i];
	}
	assert_int_equal(found, FEW);
	assert_in_range(upper, MORE / 4, MORE * 3 / 4);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_are_drawn_once),
		IN_FOLDER(a_sound_folder_opens),
		IN_FOLDER(the_printed_configuration_parses_back),
		IN_FOLDER(a_plan_holds_no_path_and_no_key),
		IN_FOLDER(every_broken_part_is_named),
		IN_FOLDER(a_key_that_is_not_the_rosters_is_refused),
		IN_FOLDER(the_key_may_come_from_the_service_manager),
		IN_FOLDER(a_roster_of_another_operator_is_refused),
		IN_FOLDER(shards_must_fit_the_test_set),
		IN_FOLDER(shards_must_have_the_runs_classes),
		IN_FOLDER(unnamed_classes_are_numbers_or_declared),
		IN_FOLDER(gamma_that_diverges_names_its_line),
		cmocka_unit_test(data_sets_are_called_by_their_names),
	};
	if (sl_keys_start(&error) != SL_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
