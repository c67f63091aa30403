#include "tests/support/format.h"

#include <string.h>

static enum sl_status push_all(const struct sl_data_format *f, struct sl_data_reader *reader,
                               const struct format_input *in, unsigned streams, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	size_t at = 0;
	for (unsigned stream = 0; stream < streams; stream++)
		for (size_t n; at < in->end[stream] && status == SL_OK; at += n) {
			n = in->chunk < in->end[stream] - at ? in->chunk : in->end[stream] - at;
			status = f->push(reader, stream, in->bytes + at, n, "input", error);
		}
	return status;
}

bool format_read(const struct sl_data_format *f, const struct format_input *in, unsigned streams,
                 struct sl_dataset *data, uint8_t **block)
{
	struct sl_error error = { 0 };
	size_t size = 0;
	struct sl_data_reader *reader = f->open(in->options, 0, !in->of_test, &error);
	enum sl_status status = push_all(f, reader, in, streams, &error);
	*block = NULL;
	if (status == SL_OK)
		status = f->finish(reader, in->features, in->classes, block, &size, &error);
	else
		f->abandon(reader);
	if (status != SL_OK) {
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
		return false;
	}
	SL_CHECK(sl_dataset_open(data, *block, size, &error) == SL_OK);
	SL_CHECK(in->features == 0 || data->features == in->features);
	return true;
}
