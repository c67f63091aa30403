/* init_shards.c — foreign formats in, one prepared file a peer out. */
#include "daemon/files.h"
#include "daemon/init.h"
#include "daemon/prepared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sl_block_free(struct sl_block *block)
{
	free(block->bytes);
	*block = (struct sl_block){ 0 };
}

/* One stream of a file on its way into a reader. */
struct feed {
	const struct sl_data_format *format;
	struct sl_data_reader *reader;
	unsigned stream;
	const char *what;
};

static enum sl_status feed(void *context, const uint8_t *bytes, size_t length, struct sl_error *error)
{
	const struct feed *f = context;
	if (sl_init_interrupted())
		return sl_fail(error, SL_IO, "interrupted");
	return f->format->push(f->reader, f->stream, bytes, length, f->what, error);
}

/* "images-%d.gz" for peer 3: "images-3.gz". */
static void expand(const char *pattern, size_t length, uint32_t peer, char out[static 4096])
{
	char copy[4096 - 32];
	snprintf(copy, sizeof copy, "%.*s", (int)length, pattern); /* cut, if ever: then it is not found */
	char *percent = strstr(copy, "%d");
	if (!percent) {
		snprintf(out, 4096, "%s", copy);
		return;
	}
	*percent = '\0';
	snprintf(out, 4096, "%s%u%s", copy, peer, percent + 2);
}

static enum sl_status feed_files(struct feed *f, const char *files, uint32_t peer, struct sl_error *error)
{
	char path[4096];
	for (f->stream = 0; f->stream < f->format->streams; f->stream++) {
		size_t length = f->format->streams > 1 ? strcspn(files, ",") : strlen(files);
		expand(files, length, peer, path);
		f->what = path;
		enum sl_status status = sl_file_stream(path, feed, f, error);
		if (status != SL_OK)
			return status;
		files += length + (files[length] == ',');
	}
	return SL_OK;
}

/* Reads one part into memory. `features` and `classes` as sl_data_format.finish takes them. */
static enum sl_status read_block(struct sl_block *out, const struct sl_source *source, bool train,
                                 uint32_t peer, uint32_t features, uint32_t classes, struct sl_error *error)
{
	*out = (struct sl_block){ 0 };
	struct feed f = { .format = source->format };
	f.reader = source->format->open(source->options, source->seed, train, error);
	if (!f.reader)
		return error->status;
	enum sl_status status = feed_files(&f, train ? source->train : source->test, peer, error);
	if (status == SL_OK) /* which ends the reader */
		status =
		    source->format->finish(f.reader, features, classes, &out->bytes, &out->length, error);
	else
		source->format->abandon(f.reader);
	if (status == SL_OK)
		status = sl_dataset_open(&out->data, out->bytes, out->length, error);
	if (status != SL_OK)
		sl_block_free(out);
	return status;
}

/* Not synced: a shard that a power failure cut is refused when it is opened, and made again in a second. */
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

/* Writes the picked samples (pick NULL: all) as the data of `peer`, SL_PREPARED_TEST included. */
static enum sl_status write_shard(const struct sl_config *config, uint32_t peer,
                                  const struct sl_dataset *from, const uint32_t *pick, uint32_t count,
                                  struct sl_error *error)
{
	char path[4096];
	if (sl_init_interrupted())
		return sl_fail(error, SL_IO, "interrupted");
	sl_prepared_data_path(config, peer, path);
	size_t size = sl_dataset_prepared_size(from, pick, count);
	uint8_t *bytes = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (!bytes)
		return sl_fail(error, SL_NO_MEMORY, "%s: no memory for %zu bytes", path, size);
	sl_dataset_prepare(from, pick, count, bytes);
	enum sl_status status = write_file(path, bytes, size, error);
	free(bytes);
	return status;
}

static void count_shard(struct sl_shards *out, uint32_t samples)
{
	out->samples += samples;
	out->most = samples > out->most ? samples : out->most;
	out->least = samples < out->least ? samples : out->least;
}

/* Which samples are held out for the test: the same on every machine. */
static bool is_held_out(const struct sl_source *source, uint32_t samples, uint32_t sample)
{
	uint64_t key = sl_mix64(source->seed ^ UINT64_C(0x74657374));
	return source->hold_out && sl_random_permutation(key, samples, sample) < (samples + 9) / 10;
}

/* Cuts the training set by owner; peers are written one after another through one list of picks. */
static enum sl_status write_owned(struct sl_shards *out, const struct sl_source *source,
                                  const struct sl_config *config, uint32_t peers,
                                  const struct sl_dataset *train, const uint32_t *owner, uint32_t *pick,
                                  struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (uint32_t peer = 0; peer < peers && status == SL_OK; peer++) {
		uint32_t count = 0;
		for (uint32_t s = 0; s < train->samples; s++)
			if (owner[s] == peer && !is_held_out(source, train->samples, s))
				pick[count++] = s;
		if (count == 0)
			return sl_fail(error, SL_OUT_OF_RANGE,
			               "%u samples are too few for %u peers: peer %u gets none",
			               train->samples, peers, peer);
		count_shard(out, count);
		status = write_shard(config, peer, train, pick, count, error);
	}
	return status;
}

static enum sl_status partition(const struct sl_settings *settings, const struct sl_dataset *train,
                                uint32_t peers, uint32_t *owner, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	_Alignas(8) unsigned char options[256];
	const char *arguments = sl_spec_name(settings->partition, name, sizeof name);
	for (const struct sl_partition *const *p = sl_partitions; *p; p++) {
		if (strcmp((*p)->name, name) != 0)
			continue;
		SL_CHECK((*p)->options_size <= sizeof options);
		enum sl_status status = sl_spec_arguments((*p)->options, options, name, arguments, error);
		return status == SL_OK ? (*p)->assign(options, train, peers, settings->seed, owner, error)
		                       : status;
	}
	return sl_fail(error, SL_NOT_FOUND,
	               "[data] partition: unknown partition '%s' (starling list partitions)", name);
}

/* The test set: read, held out, or empty with the shape of the training set. */
static enum sl_status write_test(struct sl_shards *out, const struct sl_source *source,
                                 const struct sl_config *config, const struct sl_dataset *train,
                                 uint32_t *pick, struct sl_error *error)
{
	uint32_t count = 0;
	if (out->test.bytes)
		return write_shard(config, SL_PREPARED_TEST, &out->test.data, NULL, out->test.data.samples,
		                   error);
	for (uint32_t s = 0; s < train->samples && pick; s++)
		if (is_held_out(source, train->samples, s))
			pick[count++] = s;
	out->test_samples = count;
	return write_shard(config, SL_PREPARED_TEST, train, pick ? pick : &count, count, error);
}

static enum sl_status cut(struct sl_shards *out, const struct sl_source *source,
                          const struct sl_config *config, uint32_t peers, const struct sl_dataset *train,
                          struct sl_error *error)
{
	uint32_t *owner = calloc(train->samples + (size_t)1, sizeof *owner);
	uint32_t *pick = calloc(train->samples + (size_t)1, sizeof *pick);
	enum sl_status status =
	    owner && pick ? SL_OK : sl_fail(error, SL_NO_MEMORY, "no memory for the partition");
	if (status == SL_OK)
		status = partition(&config->settings, train, peers, owner, error);
	if (status == SL_OK)
		status = write_owned(out, source, config, peers, train, owner, pick, error);
	if (status == SL_OK)
		status = write_test(out, source, config, train, pick, error);
	free(owner);
	free(pick);
	return status;
}

static void widen(struct sl_shards *out, const struct sl_dataset *data)
{
	out->features = data->features > out->features ? data->features : out->features;
	out->classes = data->classes > out->classes ? data->classes : out->classes;
}

/* Reads a part again with the final shape, where it came out smaller. */
static enum sl_status fit(const struct sl_shards *out, struct sl_block *block, const struct sl_source *source,
                          bool train, uint32_t peer, struct sl_error *error)
{
	if (block->data.features == out->features && block->data.classes == out->classes)
		return SL_OK;
	sl_block_free(block);
	return read_block(block, source, train, peer, out->features, out->classes, error);
}

static enum sl_status write_common(struct sl_shards *out, const struct sl_source *source,
                                   const struct sl_config *config, uint32_t peers, struct sl_error *error)
{
	struct sl_block train = { 0 };
	bool tested = source->test[0] || source->format->streams == 0;
	enum sl_status status = read_block(&train, source, true, 0, 0, 0, error);
	if (status == SL_OK && tested)
		status = read_block(&out->test, source, false, 0, 0, 0, error);
	if (status == SL_OK) {
		widen(out, &train.data);
		if (tested)
			widen(out, &out->test.data);
		status = fit(out, &train, source, true, 0, error);
	}
	if (status == SL_OK && tested)
		status = fit(out, &out->test, source, false, 0, error);
	if (status == SL_OK) {
		out->test_samples = out->test.data.samples;
		status = cut(out, source, config, peers, &train.data, error);
	}
	sl_block_free(&train);
	return status;
}

/* One file of partition own; stays in *block. With `again` only where its shape was not the final one. */
static enum sl_status write_one_of_own(struct sl_shards *out, struct sl_block *block,
                                       const struct sl_source *source, const struct sl_config *config,
                                       uint32_t peer, bool again, struct sl_error *error)
{
	sl_block_free(block);
	enum sl_status status =
	    read_block(block, source, true, peer, again ? out->features : 0, again ? out->classes : 0, error);
	if (status != SL_OK)
		return status;
	if (!again)
		count_shard(out, block->data.samples);
	return write_shard(config, peer, &block->data, NULL, block->data.samples, error);
}

/* A file a peer. The shape is known when all were read; those that came out smaller are read again. */
static enum sl_status write_own(struct sl_shards *out, const struct sl_source *source,
                                const struct sl_config *config, uint32_t peers, struct sl_error *error)
{
	struct sl_block block = { 0 };
	uint32_t(*shape)[2] = calloc(peers, sizeof *shape);
	enum sl_status status = shape ? SL_OK : sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", peers);
	if (status == SL_OK && source->test[0] &&
	    (status = read_block(&out->test, source, false, 0, 0, 0, error)) == SL_OK)
		widen(out, &out->test.data);
	for (uint32_t peer = 0; peer < peers && status == SL_OK; peer++) {
		status = write_one_of_own(out, &block, source, config, peer, false, error);
		if (status == SL_OK) {
			widen(out, &block.data);
			shape[peer][0] = block.data.features;
			shape[peer][1] = block.data.classes;
		}
	}
	for (uint32_t peer = 0; peer < peers && status == SL_OK; peer++)
		if (shape[peer][0] != out->features || shape[peer][1] != out->classes)
			status = write_one_of_own(out, &block, source, config, peer, true, error);
	if (status == SL_OK && out->test.bytes)
		status = fit(out, &out->test, source, false, 0, error);
	if (status == SL_OK)
		status = write_test(out, source, config, &block.data, NULL, error);
	out->test_samples = out->test.data.samples;
	sl_block_free(&block);
	free(shape);
	return status;
}

enum sl_status sl_shards_write(struct sl_shards *out, const struct sl_source *source,
                               const struct sl_config *config, uint32_t peers, struct sl_error *error)
{
	*out = (struct sl_shards){ .least = UINT32_MAX };
	enum sl_status status = source->own ? write_own(out, source, config, peers, error)
	                                    : write_common(out, source, config, peers, error);
	if (status != SL_OK)
		sl_block_free(&out->test);
	return status;
}
