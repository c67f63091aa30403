/* shards.c — reads data in other formats, and writes one prepared file per peer. */
#include "daemon/cli/common/waiting.h"
#include "daemon/run/files.h"
#include "daemon/cli/init/init.h"
#include "daemon/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not synced: a shard that a power failure truncates is refused when it is opened, and quickly made again. */
static enum sl_status write_file(const char *path, const uint8_t *bytes, size_t length,
                                 struct sl_error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return sl_fail(error, SL_IO, "cannot create %s: %s", path, strerror(errno));
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		bytes += n;
		length -= (size_t)n;
	}
	bool ok = length == 0;
	int reason = errno;
	ok = close(fd) == 0 && ok;
	return ok ? SL_OK : sl_fail(error, SL_IO, "%s: %s", path, strerror(reason));
}

enum sl_status sl_shard_prepare(const struct sl_dataset *from, const uint32_t *pick, uint32_t count,
                                uint8_t **bytes, size_t *size, struct sl_error *error)
{
	*size = sl_dataset_prepared_size(from, pick, count);
	*bytes = aligned_alloc(64, (*size + 63) & ~(size_t)63);
	if (!*bytes)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu bytes of data", *size);
	sl_dataset_prepare(from, pick, count, *bytes);
	return SL_OK;
}

/* Peers come in ascending order. */
static enum sl_status pack_shard(struct sl_pack *pack, uint32_t peer, const struct sl_dataset *from,
                                 const uint32_t *pick, uint32_t count, struct sl_error *error)
{
	size_t size = (sl_dataset_prepared_size(from, pick, count) + 63) & ~(size_t)63;
	if (pack->length + size > pack->capacity) {
		size_t capacity = 2 * (pack->length + size);
		uint8_t *more = aligned_alloc(64, capacity);
		if (!more)
			return sl_fail(error, SL_NO_MEMORY, "no memory for the data of peer %u", peer);
		if (pack->length)
			memcpy(more, pack->bytes, pack->length);
		free(pack->bytes);
		pack->bytes = more;
		pack->capacity = capacity;
	}
	memset(pack->bytes + pack->length, 0, size);
	sl_dataset_prepare(from, pick, count, pack->bytes + pack->length);
	pack->at[peer] = pack->length;
	pack->size[peer] = sl_dataset_prepared_size(from, pick, count);
	pack->length += size;
	return SL_OK;
}

enum sl_status sl_pack_make(struct sl_pack *out, uint32_t peers, struct sl_error *error)
{
	*out = (struct sl_pack){ .at = calloc(peers, sizeof *out->at),
		                 .size = calloc(peers, sizeof *out->size) };
	return out->at && out->size
	           ? SL_OK
	           : sl_fail(error, SL_NO_MEMORY, "no memory for the data of %u peers", peers);
}

void sl_pack_free(struct sl_pack *pack)
{
	free(pack->bytes);
	free(pack->at);
	free(pack->size);
	*pack = (struct sl_pack){ 0 };
}

/* Writes the picked samples (pick NULL: all) as the data of `peer`, SL_RUN_TEST included. */
static enum sl_status write_shard(struct sl_shards *out, const struct sl_config *config, uint32_t peer,
                                  const struct sl_dataset *from, const uint32_t *pick, uint32_t count,
                                  struct sl_error *error)
{
	char path[4096];
	uint8_t *bytes;
	size_t size;
	if (sl_init_interrupted())
		return sl_fail(error, SL_IO, "interrupted");
	if (out->pack && peer != SL_RUN_TEST)
		return pack_shard(out->pack, peer, from, pick, count, error);
	sl_run_data_path(config, peer, path);
	enum sl_status status = sl_shard_prepare(from, pick, count, &bytes, &size, error);
	if (status == SL_OK)
		status = write_file(path, bytes, size, error);
	free(bytes);
	return status;
}

static void count_shard(struct sl_shards *out, uint32_t samples)
{
	out->samples += samples;
	out->most = samples > out->most ? samples : out->most;
	out->least = samples < out->least ? samples : out->least;
}

void sl_split_free(struct sl_split *s)
{
	free(s->kept);
	free(s->held);
	free(s->label);
	free(s->owner);
}

/* What a partition promises, it promises of the samples that peers get. */
enum sl_status sl_split_make(struct sl_split *out, const struct sl_source *source,
                             const struct sl_dataset *train, struct sl_error *error)
{
	uint32_t n = train->samples, most = source->hold_out ? (n + 9) / 10 : 0;
	uint64_t key = sl_mix64(source->seed ^ UINT64_C(0x74657374));
	*out = (struct sl_split){ .kept = calloc(n + (size_t)1, sizeof *out->kept),
		                  .held = calloc(most + (size_t)1, sizeof *out->held),
		                  .label = train->classes ? calloc(n + (size_t)1, sizeof *out->label) : NULL,
		                  .owner = calloc(n + (size_t)1, sizeof *out->owner) };
	if (!out->kept || !out->held || !out->owner || (train->classes && !out->label))
		return sl_fail(error, SL_NO_MEMORY, "no memory for the partition");
	for (uint32_t s = 0; s < n; s++) {
		if (most > 0 && sl_random_permutation(key, n, s) < most) {
			out->held[out->holds++] = s;
			continue;
		}
		if (out->label)
			out->label[out->keeps] = train->label[s];
		out->kept[out->keeps++] = s;
	}
	return SL_OK;
}

/* The samples of peer p, ascending, at pick[first[p]] … pick[first[p + 1] − 1]. */
static void sort_by_owner(const struct sl_split *s, uint32_t peers, uint32_t *first, uint32_t *pick)
{
	for (uint32_t i = 0; i < s->keeps; i++)
		first[s->owner[i] + 1]++;
	for (uint32_t p = 0; p < peers; p++)
		first[p + 1] += first[p];
	for (uint32_t i = 0; i < s->keeps; i++) /* first[p] moves up to first[p + 1] here … */
		pick[first[s->owner[i]]++] = s->kept[i];
	memmove(first + 1, first, peers * sizeof *first); /* … and back here */
	first[0] = 0;
}

/* Cuts the training set by owner. */
static enum sl_status write_owned(struct sl_shards *out, const struct sl_config *config, uint32_t peers,
                                  const struct sl_dataset *train, const struct sl_split *s, uint32_t *pick,
                                  struct sl_error *error)
{
	enum sl_status status = SL_OK;
	uint32_t *first = calloc(peers + (size_t)1, sizeof *first);
	if (!first)
		return sl_fail(error, SL_NO_MEMORY, "no memory for the partition");
	struct sl_waiting waiting;
	sort_by_owner(s, peers, first, pick);
	sl_waiting_begin(&waiting, "preparing data of peers");
	for (uint32_t peer = 0; peer < peers && status == SL_OK; peer++) {
		sl_waiting_show(&waiting, peer, peers);
		uint32_t count = first[peer + 1] - first[peer];
		SL_CHECK(count > 0); /* what a partition promises */
		count_shard(out, count);
		status = write_shard(out, config, peer, train, pick + first[peer], count, error);
	}
	sl_waiting_end(&waiting);
	free(first);
	return status;
}

/* Shares the kept samples out. */
static enum sl_status partition(const struct sl_run_settings *settings, const struct sl_dataset *train,
                                const struct sl_split *s, uint32_t peers, struct sl_error *error)
{
	struct sl_dataset shared = {
		.kind = train->kind,
		.samples = s->keeps,
		.features = train->features,
		.classes = train->classes,
		.label = s->label,
	};
	char name[SL_TEXT_MAX];
	_Alignas(8) unsigned char options[256];
	const char *arguments = sl_spec_name(settings->host.partition, name, sizeof name);
	for (const struct sl_partition *const *p = sl_partitions; *p; p++) {
		if (strcmp((*p)->name, name) != 0)
			continue;
		SL_CHECK((*p)->options_size <= sizeof options);
		enum sl_status status = sl_spec_arguments((*p)->options, options, name, arguments, error);
		if (status == SL_OK)
			status =
			    (*p)->assign(options, &shared, peers, settings->method.seed, s->owner, error);
		if (status != SL_OK && s->holds > 0)
			return sl_wrap(error, "%u samples, %u of them held out as test data", train->samples,
			               s->holds);
		return status;
	}
	return sl_fail(error, SL_NOT_FOUND,
	               "[data] partition: unknown partition '%s' (starling list partitions)", name);
}

/* Notes classes without samples; those of a generator were requested. */
static enum sl_status note_classes(struct sl_shards *out, const struct sl_source *source,
                                   const struct sl_dataset *train, const struct sl_split *s,
                                   struct sl_error *error)
{
	struct sl_tally tally;
	if (source->format->streams == 0 || train->classes == 0)
		return SL_OK;
	enum sl_status status = sl_tally_make(&tally, train->classes, error);
	if (status == SL_OK) {
		bool named = out->test.bytes != NULL;
		sl_tally_count(&tally, s->label, s->keeps);
		sl_tally_end(&tally, out, named ? &out->test.data : train, named ? NULL : s->held,
		             out->test_samples);
	}
	sl_tally_free(&tally);
	return status;
}

static enum sl_status write_parts(struct sl_shards *out, const struct sl_source *source,
                                  const struct sl_config *config, uint32_t peers,
                                  const struct sl_dataset *train, const struct sl_split *s, uint32_t *pick,
                                  struct sl_error *error)
{
	enum sl_status status = write_owned(out, config, peers, train, s, pick, error);
	if (status == SL_OK && out->test.bytes)
		status = write_shard(out, config, SL_RUN_TEST, &out->test.data, NULL, 0, error);
	else if (status == SL_OK)
		status = write_shard(out, config, SL_RUN_TEST, train, s->held, s->holds, error);
	out->test_samples = out->test.bytes ? out->test.data.samples : s->holds;
	return status == SL_OK ? note_classes(out, source, train, s, error) : status;
}

static enum sl_status cut(struct sl_shards *out, const struct sl_source *source,
                          const struct sl_config *config, uint32_t peers, const struct sl_dataset *train,
                          struct sl_error *error)
{
	struct sl_split s = { 0 };
	uint32_t *pick = calloc(train->samples + (size_t)1, sizeof *pick);
	enum sl_status status = pick ? sl_split_make(&s, source, train, error)
	                             : sl_fail(error, SL_NO_MEMORY, "no memory for the partition");
	if (status == SL_OK)
		status = partition(&config->settings, train, &s, peers, error);
	if (status == SL_OK)
		status = write_parts(out, source, config, peers, train, &s, pick, error);
	sl_split_free(&s);
	free(pick);
	return status;
}

/* Takes in what one part holds. Where a list is declared, it stays that. */
static enum sl_status widen(struct sl_shards *out, const struct sl_source *source,
                            const struct sl_reading *part, struct sl_error *error)
{
	const struct sl_survey *found = &part->found;
	out->features = found->features > out->features ? found->features : out->features;
	if (found->classes == 0 || source->classes.classes.count > 0)
		return SL_OK;
	enum sl_status status = sl_class_list_add(&out->classes, found->names, found->names_length, error);
	return status == SL_OK ? SL_OK : sl_wrap(error, "[data] classes = auto");
}

/* Fixes the classes of the run, after all files have been read. */
static enum sl_status settle(struct sl_shards *out, const struct sl_source *source, struct sl_error *error)
{
	const struct sl_classes *declared = &source->classes.classes, *list = &out->classes.classes;
	enum sl_status status = SL_OK;
	if (declared->count > 0)
		status = sl_class_list_make(&out->classes, declared->text, declared->length, error);
	if (status != SL_OK)
		return status;
	if (list->count == 1)
		return sl_fail(
		    error, SL_MALFORMED,
		    "[data] classes = auto: every label in %s is %s, but a run has at least two classes; list them in order, as in --set data.classes=-1,1",
		    source->train, list->text);
	sl_classes_setting(list->text, list->length, list->count, out->setting);
	return SL_OK;
}

static const struct sl_classes *list_of(const struct sl_shards *out)
{
	return out->classes.classes.count > 0 ? &out->classes.classes : NULL;
}

static bool is_tested(const struct sl_source *source)
{
	return source->test[0] || source->format->streams == 0;
}

/* One file, or a generator, for all: what it holds, then what the test set holds, then both with the shape of
 * the run. */
static enum sl_status read_common(struct sl_shards *out, const struct sl_source *source,
                                  struct sl_block *train, struct sl_error *error)
{
	struct sl_reading part = { 0 }, test = { 0 };
	enum sl_status status = sl_reading_begin(&part, source, true, 0, error);
	if (status == SL_OK)
		status = widen(out, source, &part, error);
	if (status == SL_OK && is_tested(source))
		status = sl_reading_begin(&test, source, false, 0, error);
	if (status == SL_OK && test.reader)
		status = widen(out, source, &test, error);
	if (status == SL_OK)
		status = settle(out, source, error);
	if (status == SL_OK)
		status = sl_reading_finish(&part, source, out->features, list_of(out), train, error);
	if (status == SL_OK && test.reader)
		status = sl_reading_finish(&test, source, out->features, list_of(out), &out->test, error);
	sl_reading_abandon(&part, source);
	sl_reading_abandon(&test, source);
	return status;
}

static enum sl_status write_common(struct sl_shards *out, const struct sl_source *source,
                                   const struct sl_config *config, uint32_t peers, struct sl_error *error)
{
	struct sl_block train = { 0 };
	enum sl_status status = read_common(out, source, &train, error);
	if (status == SL_OK)
		status = cut(out, source, config, peers, &train.data, error);
	sl_block_free(&train);
	return status;
}

/* Surveys every file of partition own, and reads the test set. */
static enum sl_status survey_own(struct sl_shards *out, const struct sl_source *source, uint32_t peers,
                                 struct sl_error *error)
{
	struct sl_reading part = { 0 }, test = { 0 };
	enum sl_status status = SL_OK;
	for (uint32_t peer = 0; peer < peers && status == SL_OK; peer++) {
		status = sl_reading_begin(&part, source, true, peer, error);
		if (status == SL_OK)
			status = widen(out, source, &part, error);
		sl_reading_abandon(&part, source);
	}
	if (status == SL_OK && is_tested(source))
		status = sl_reading_begin(&test, source, false, 0, error);
	if (status == SL_OK && test.reader)
		status = widen(out, source, &test, error);
	if (status == SL_OK)
		status = settle(out, source, error);
	if (status == SL_OK && test.reader)
		status = sl_reading_finish(&test, source, out->features, list_of(out), &out->test, error);
	sl_reading_abandon(&test, source);
	return status;
}

/* Reads one file again, now that the shape of the run is known. It stays in *block. */
static enum sl_status write_one_of_own(struct sl_shards *out, struct sl_block *block,
                                       const struct sl_source *source, const struct sl_config *config,
                                       uint32_t peer, struct sl_tally *tally, struct sl_error *error)
{
	struct sl_reading part = { 0 };
	char path[4096];
	sl_block_free(block);
	enum sl_status status = sl_reading_begin(&part, source, true, peer, error);
	if (status == SL_OK)
		status = sl_reading_finish(&part, source, out->features, list_of(out), block, error);
	if (status != SL_OK)
		return status;
	count_shard(out, block->data.samples);
	sl_tally_count(tally, block->data.label, block->data.samples);
	sl_source_file(source, true, source->format->streams - 1, peer, path);
	sl_tally_peer(tally, out, peer, path);
	return write_shard(out, config, peer, &block->data, NULL, block->data.samples, error);
}

/* One file per peer, each read twice: shape and classes of the run are known after the first pass. */
static enum sl_status write_own(struct sl_shards *out, const struct sl_source *source,
                                const struct sl_config *config, uint32_t peers, struct sl_error *error)
{
	struct sl_block block = { 0 };
	struct sl_tally tally = { 0 };
	const struct sl_dataset *test = &out->test.data;
	enum sl_status status = survey_own(out, source, peers, error);
	if (status == SL_OK)
		status = sl_tally_make(&tally, out->classes.classes.count, error);
	for (uint32_t peer = 0; peer < peers && status == SL_OK; peer++)
		status = write_one_of_own(out, &block, source, config, peer, &tally, error);
	if (status == SL_OK) {
		uint32_t none = 0;
		status = out->test.bytes
		             ? write_shard(out, config, SL_RUN_TEST, test, NULL, 0, error)
		             : write_shard(out, config, SL_RUN_TEST, &block.data, &none, 0, error);
	}
	if (status == SL_OK)
		sl_tally_end(&tally, out, test, NULL, test->samples);
	out->test_samples = test->samples;
	sl_tally_free(&tally);
	sl_block_free(&block);
	return status;
}

void sl_shards_free(struct sl_shards *s)
{
	sl_block_free(&s->test);
	sl_class_list_free(&s->classes);
}

enum sl_status sl_columns_write(const struct sl_columns *columns, const struct sl_config *config,
                                char setting[static SL_TEXT_MAX], struct sl_error *error)
{
	char path[4096], *text;
	size_t length;
	enum sl_status status = sl_columns_setting(columns, setting, error);
	if (status != SL_OK || columns->count == 0)
		return status;
	sl_columns_path(config, path);
	status = sl_columns_print(columns, &text, &length, error);
	if (status == SL_OK) {
		status = write_file(path, (const uint8_t *)text, length, error);
		free(text);
	}
	return status;
}

void sl_shards_weigh(const struct sl_shards *shards, struct sl_run_settings *s, uint32_t peers)
{
	char text[32];
	struct sl_error none;
	if (s->method.weigh != SL_WEIGH_SAMPLES || s->method.mean_samples > 0 || shards->samples == 0)
		return;
	snprintf(text, sizeof text, "%.17g", (double)shards->samples / peers);
	SL_CHECK(sl_run_settings_set(s, "algorithm", "mean_samples", text, &none) == SL_OK);
}

enum sl_status sl_shards_write(struct sl_shards *out, const struct sl_source *source,
                               const struct sl_config *config, uint32_t peers, struct sl_pack *pack,
                               struct sl_error *error)
{
	*out = (struct sl_shards){ .least = UINT32_MAX, .setting = "none", .pack = pack };
	enum sl_status status = source->own ? write_own(out, source, config, peers, error)
	                                    : write_common(out, source, config, peers, error);
	if (status == SL_OK)
		status = sl_columns_write(&source->columns, config, out->columns, error);
	if (status != SL_OK)
		sl_shards_free(out);
	return status;
}
