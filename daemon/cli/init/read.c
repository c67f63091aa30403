/* read.c — the files of one part, from the disk through the reader of their format. */
#include "daemon/run/files.h"
#include "daemon/cli/init/init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void sl_source_file(const struct sl_source *source, bool train, unsigned stream, uint32_t peer,
                    char out[static 4096])
{
	const char *list = train ? source->train : source->test;
	char copy[4096 - 32];
	size_t length = source->format->streams > 1 ? strcspn(list, ",") : strlen(list);
	if (stream > 0) {
		list += length + (list[length] == ',');
		length = strlen(list);
	}
	snprintf(copy, sizeof copy, "%.*s", (int)length, list); /* cut, if ever: then it is not found */
	char *percent = train && source->own ? strstr(copy, "%d") : NULL;
	if (!percent) {
		snprintf(out, 4096, "%s", copy);
		return;
	}
	*percent = '\0';
	snprintf(out, 4096, "%s%u%s", copy, peer, percent + 2); /* "images-%d.gz" of peer 3: "images-3.gz" */
}

/* The empty chunk names the file to the reader, even if the file is empty. */
static enum sl_status feed_files(struct feed *f, const struct sl_source *source, bool train, uint32_t peer,
                                 struct sl_error *error)
{
	char path[4096];
	enum sl_status status = SL_OK;
	for (f->stream = 0; f->stream < f->format->streams && status == SL_OK; f->stream++) {
		sl_source_file(source, train, f->stream, peer, path);
		f->what = path;
		status = f->format->push(f->reader, f->stream, NULL, 0, path, error);
		if (status == SL_OK)
			status = sl_file_stream(path, feed, f, error);
	}
	f->what = NULL; /* `path` ends here */
	return status;
}

/* Compares what was found with [data] classes, as far as one part allows it. */
static enum sl_status check_kind(const struct sl_source *source, const struct sl_survey *found,
                                 struct sl_error *error)
{
	if (source->real && found->classes > 0)
		return sl_fail(error, SL_MALFORMED, "[data] classes = none: data in format %s have classes",
		               source->format->name);
	if (source->classes.classes.count > 0 && found->classes == 0)
		return sl_fail(error, SL_MALFORMED,
		               "[data] classes: data in format %s have real targets; set classes = none",
		               source->format->name);
	return SL_OK;
}

/* Declared columns are found by their names; a file without names has them in the declared order. */
static enum sl_status find_columns(struct sl_reading *out, const struct sl_source *source,
                                   struct sl_error *error)
{
	const struct sl_columns *columns = &source->columns;
	if (columns->count == 0)
		return SL_OK;
	if (!out->found.columns)
		return out->found.features == columns->count
		           ? SL_OK
		           : sl_fail(error, SL_REFUSED,
		                     "%s: has %u features, but the run declares %u columns", out->what,
		                     out->found.features, columns->count);
	out->order = calloc(columns->count, sizeof *out->order);
	if (!out->order)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u columns", columns->count);
	return sl_columns_match(columns, out->found.columns, out->found.features, out->order, out->what,
	                        error);
}

enum sl_status sl_reading_begin(struct sl_reading *out, const struct sl_source *source, bool train,
                                uint32_t peer, struct sl_error *error)
{
	struct feed f = { .format = source->format };
	*out = (struct sl_reading){ 0 };
	if (source->format->streams > 0)
		sl_source_file(source, train, 0, peer, out->what);
	else
		snprintf(out->what, sizeof out->what, "%s", source->format->name);
	out->reader = f.reader = source->format->open(source->options, source->seed, train, error);
	if (!f.reader)
		return error->status;
	enum sl_status status = feed_files(&f, source, train, peer, error);
	if (status == SL_OK)
		status = source->format->survey(f.reader, &out->found, error);
	if (status == SL_OK)
		status = check_kind(source, &out->found, error);
	if (status == SL_OK)
		status = find_columns(out, source, error);
	if (status != SL_OK)
		sl_reading_abandon(out, source);
	return status;
}

/* The block's own numbers. */
static enum sl_status order_columns(const struct sl_reading *reading, const struct sl_source *source,
                                    struct sl_block *block, struct sl_error *error)
{
	const struct sl_dataset *data = &block->data;
	const struct sl_columns *columns = &source->columns;
	if (columns->count == 0 || (!reading->order && !columns->scaled))
		return SL_OK;
	if (data->kind != SL_FEATURES_FLOAT)
		return sl_fail(error, SL_UNSUPPORTED,
		               "%s: [data] columns scale numbers, which format %s has not", reading->what,
		               source->format->name);
	float *rows = (void *)(block->bytes + ((const uint8_t *)data->dense - block->bytes));
	return sl_columns_apply(columns, reading->order, rows, data->samples, reading->what, error);
}

enum sl_status sl_reading_finish(struct sl_reading *reading, const struct sl_source *source,
                                 uint32_t features, const struct sl_classes *classes, struct sl_block *out,
                                 struct sl_error *error)
{
	*out = (struct sl_block){ 0 };
	enum sl_status status =
	    source->format->finish(reading->reader, features, classes, &out->bytes, &out->length, error);
	reading->reader = NULL;
	if (status == SL_OK)
		status = sl_dataset_open(&out->data, out->bytes, out->length, error);
	if (status == SL_OK)
		status = order_columns(reading, source, out, error);
	sl_reading_abandon(reading, source); /* what is left of it */
	if (status != SL_OK)
		sl_block_free(out);
	return status;
}

void sl_reading_abandon(struct sl_reading *reading, const struct sl_source *source)
{
	if (reading->reader)
		source->format->abandon(reading->reader);
	free(reading->order);
	reading->order = NULL;
	reading->reader = NULL;
}
