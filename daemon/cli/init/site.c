/* site.c — data where they are: the shape of a run without samples, and the shard of the one host that has them. */
#include "daemon/cli/init/init.h"
#include "daemon/run/files.h"
#include "daemon/run/run.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Durable, and never truncated: a peer may have the old one mapped. Samples are for the account of the peers alone, where it
 * exists and this is root. */
static enum sl_status replace(const struct sl_config *config, uint32_t peer, const struct sl_dataset *from,
                              const uint32_t *pick, uint32_t count, struct sl_error *error)
{
	char path[4096];
	uint8_t *bytes;
	size_t size;
	const struct group *group = geteuid() == 0 ? getgrnam("starling") : NULL;
	sl_run_data_path(config, peer, path);
	enum sl_status status = sl_shard_prepare(from, pick, count, &bytes, &size, error);
	if (status == SL_OK)
		status = sl_file_replace(path, bytes, size, 0640, error);
	free(bytes);
	if (status == SL_OK && group && chown(path, (uid_t)-1, group->gr_gid) != 0)
		return sl_fail(error, SL_IO, "%s: cannot be given to the group starling", path);
	return status;
}

static const struct sl_classes *list_of(const struct sl_source *source)
{
	return source->classes.classes.count > 0 ? &source->classes.classes : NULL;
}

static enum sl_status read_part(struct sl_block *out, const struct sl_source *source, bool train,
                                uint32_t features, struct sl_error *error)
{
	struct sl_reading part = { 0 };
	enum sl_status status = sl_reading_begin(&part, source, train, 0, error);
	return status == SL_OK ? sl_reading_finish(&part, source, features, list_of(source), out, error)
	                       : status;
}

/* Classes of which this host has no sample are allowed: others have them. */
static enum sl_status note_lacking(struct sl_shards *out, const struct sl_source *source, uint32_t peer,
                                   const struct sl_dataset *train, struct sl_error *error)
{
	struct sl_tally tally = { 0 };
	if (train->classes == 0)
		return SL_OK;
	enum sl_status status = sl_tally_make(&tally, train->classes, error);
	if (status == SL_OK) {
		sl_tally_count(&tally, train->label, train->samples);
		sl_tally_peer(&tally, out, peer, source->train);
	}
	sl_tally_free(&tally);
	return status;
}

static enum sl_status write_parts(struct sl_shards *out, const struct sl_source *source,
                                  const struct sl_config *config, uint32_t peer,
                                  const struct sl_dataset *train, struct sl_error *error)
{
	struct sl_split s;
	const struct sl_dataset *test = &out->test.data;
	enum sl_status status = sl_split_make(&s, source, train, error);
	if (status == SL_OK && s.keeps == 0)
		status = sl_fail(error, SL_OUT_OF_RANGE, "%s: %u samples, all of them held out as test data",
		                 source->train, train->samples);
	if (status == SL_OK)
		status = replace(config, peer, train, s.kept, s.keeps, error);
	if (status == SL_OK && source->test[0])
		status = replace(config, SL_RUN_TEST, test, NULL, 0, error);
	else if (status == SL_OK && source->hold_out)
		status = replace(config, SL_RUN_TEST, train, s.held, s.holds, error);
	out->samples = s.keeps;
	out->test_samples = source->test[0] ? test->samples : s.holds;
	sl_split_free(&s);
	return status;
}

enum sl_status sl_site_write(struct sl_shards *out, const struct sl_source *source,
                             const struct sl_config *config, uint32_t peer, uint32_t features,
                             struct sl_error *error)
{
	struct sl_block train = { 0 };
	*out = (struct sl_shards){ .features = features };
	const struct sl_classes *list = &source->classes.classes;
	enum sl_status status =
	    source->real ? SL_OK : sl_class_list_make(&out->classes, list->text, list->length, error);
	if (status == SL_OK)
		status = read_part(&train, source, true, features, error);
	if (status == SL_OK && source->test[0])
		status = read_part(&out->test, source, false, features, error);
	if (status == SL_OK)
		status = note_lacking(out, source, peer, &train.data, error);
	if (status == SL_OK)
		status = write_parts(out, source, config, peer, &train.data, error);
	sl_block_free(&train);
	return status;
}

enum sl_status sl_shape_write(struct sl_shards *out, const struct sl_source *source,
                              const struct sl_config *config, uint32_t features, struct sl_error *error)
{
	static const float nothing[1];
	static const uint16_t no_label[1];
	const struct sl_classes *declared = &source->classes.classes;
	struct sl_dataset shape = {
		.kind = SL_FEATURES_FLOAT,
		.features = features,
		.classes = declared->count,
		.scale = 1,
		.dense = nothing,
		.label = declared->count ? no_label : NULL,
		.target = declared->count ? NULL : nothing,
		.names = declared->count ? declared->text : NULL,
		.names_length = declared->count ? declared->length : 0,
	};
	*out = (struct sl_shards){ .features = features, .setting = "none" };
	enum sl_status status = SL_OK;
	if (declared->count)
		status = sl_class_list_make(&out->classes, declared->text, declared->length, error);
	if (status == SL_OK) {
		sl_classes_setting(declared->text, declared->length, declared->count, out->setting);
		status = replace(config, SL_RUN_TEST, &shape, NULL, 0, error);
	}
	return status == SL_OK ? sl_columns_write(&source->columns, config, out->columns, error) : status;
}
