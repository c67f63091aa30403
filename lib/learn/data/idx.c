/* The IDX format of MNIST and similar data sets: big-endian header, then bytes. Two streams: images (unsigned bytes of
 * any rank from 2 up; all dimensions but the first make one row of features) and labels (unsigned bytes of
 * rank 1).
 *
 * Header: 0, 0, type (8: unsigned byte), rank, then the dimensions as u32. */
#include "learn/reader.h"

enum { IMAGES, LABELS, STREAMS, TYPE_BYTE = 8, HEADER_MAX = 4 + 4 * 255 };

static const char *const stream_name[STREAMS] = { "images", "labels" };

struct stream {
	char what[SL_TEXT_MAX];
	uint8_t header[HEADER_MAX];
	uint32_t have, need;      /* bytes of the header */
	uint32_t samples, width;  /* known once the header is complete */
	uint64_t body;            /* length after the header, as the header says */
	struct sl_growing values; /* bytes received so far */
};

struct sl_data_reader {
	struct stream stream[STREAMS];
	bool refused;   /* a push failed: nothing can follow */
	char names[16]; /* canonical list of the labels found, by the survey */
	size_t names_length;
	uint32_t classes;
};

static struct sl_data_reader *idx_open(const void *options, uint64_t seed, bool train, struct sl_error *error)
{
	(void)options, (void)seed, (void)train;
	struct sl_data_reader *reader = calloc(1, sizeof *reader);
	if (!reader) {
		sl_fail(error, SL_NO_MEMORY, "no memory for an idx reader");
		return NULL;
	}
	for (unsigned i = 0; i < STREAMS; i++) {
		reader->stream[i].need = 4;
		sl_reader_name(reader->stream[i].what, stream_name[i]);
	}
	return reader;
}

static uint32_t load_big(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static enum sl_status check_magic(struct stream *s, unsigned kind, struct sl_error *error)
{
	const uint8_t *h = s->header;
	if (h[0] == 0x1f && h[1] == 0x8b)
		return sl_fail(error, SL_MALFORMED, "%s: byte 0: still compressed by gzip", s->what);
	if (h[0] != 0 || h[1] != 0)
		return sl_fail(error, SL_MALFORMED, "%s: byte 0: %02x %02x, an idx file begins with 00 00",
		               s->what, h[0], h[1]);
	if (h[2] != TYPE_BYTE)
		return sl_fail(error, SL_UNSUPPORTED,
		               "%s: byte 2: values of type 0x%02x, must be 0x08 (unsigned bytes)", s->what,
		               h[2]);
	if (kind == LABELS ? h[3] != 1 : h[3] < 2)
		return sl_fail(error, SL_MALFORMED, "%s: byte 3: %u dimensions, %s", s->what, h[3],
		               kind == LABELS ? "labels have 1" : "images have at least 2");
	s->need = 4 + 4 * (uint32_t)h[3];
	return SL_OK;
}

static enum sl_status check_dimensions(struct stream *s, struct sl_error *error)
{
	uint64_t width = 1;
	for (uint32_t at = 4; at < s->need; at += 4) {
		uint32_t size = load_big(s->header + at);
		if (size == 0)
			return sl_fail(error, SL_MALFORMED, "%s: byte %u: a dimension of 0", s->what, at);
		if (at == 4)
			s->samples = size;
		else
			width *= size; /* no overflow: below 2^28 so far, times 2^32 */
		if (width > SL_DIMENSION_MAX)
			return sl_fail(error, SL_TOO_BIG, "%s: byte %u: over %u values per sample", s->what,
			               at, SL_DIMENSION_MAX);
	}
	s->width = (uint32_t)width;
	s->body = s->samples * width;
	return SL_OK;
}

/* Consumes header bytes until both parts of it are complete; advances *bytes. */
static enum sl_status take_header(struct stream *s, unsigned kind, const uint8_t **bytes, size_t *length,
                                  struct sl_error *error)
{
	while (s->have<s->need && * length> 0) {
		s->header[s->have++] = *(*bytes)++;
		--*length;
		if (s->have < s->need)
			continue;
		enum sl_status status =
		    s->need == 4 ? check_magic(s, kind, error) : check_dimensions(s, error);
		if (status != SL_OK)
			return status;
	}
	return SL_OK;
}

static enum sl_status take(struct stream *s, unsigned kind, const uint8_t *bytes, size_t length,
                           const char *what, struct sl_error *error)
{
	sl_reader_name(s->what, what);
	enum sl_status status = take_header(s, kind, &bytes, &length, error);
	if (status != SL_OK || length == 0)
		return status;
	if (length > s->body - s->values.used)
		return sl_fail(error, SL_MALFORMED,
		               "%s: byte %llu: more bytes than its header promises (%u × %u)", s->what,
		               (unsigned long long)(s->need + s->body), s->samples, s->width);
	if (!sl_growing_add(&s->values, bytes, length))
		return sl_fail(error, SL_NO_MEMORY, "%s: no memory for %zu bytes", s->what,
		               s->values.used + length);
	return SL_OK;
}

static enum sl_status idx_push(struct sl_data_reader *reader, unsigned stream, const uint8_t *bytes,
                               size_t length, const char *what, struct sl_error *error)
{
	SL_CHECK(stream < STREAMS && !reader->refused);
	enum sl_status status = take(&reader->stream[stream], stream, bytes, length, what, error);
	reader->refused = status != SL_OK;
	return status;
}

static enum sl_status check_complete(const struct stream *s, struct sl_error *error)
{
	if (s->have < s->need)
		return sl_fail(error, SL_MALFORMED, "%s: ends at byte %u, inside its header", s->what,
		               s->have);
	if (s->values.used < s->body)
		return sl_fail(error, SL_MALFORMED,
		               "%s: ends at byte %llu, its header promises %llu (%u × %u)", s->what,
		               (unsigned long long)(s->need + s->values.used),
		               (unsigned long long)(s->need + s->body), s->samples, s->width);
	return SL_OK;
}

/* All bytes up to the largest label, and at least two classes. */
static void find_classes(struct sl_data_reader *reader)
{
	const struct stream *labels = &reader->stream[LABELS];
	uint32_t last = 1;
	for (uint32_t i = 0; i < labels->samples; i++)
		last = labels->values.bytes[i] > last ? labels->values.bytes[i] : last;
	struct sl_classes_writer w = sl_classes_begin(reader->names);
	sl_classes_add_numbers(&w, 0, last);
	reader->names_length = sl_classes_end(&w);
	reader->classes = last + 1;
}

/* The class of each byte: its number's place in the list, or, where the names are no numbers, its own value.
 */
static enum sl_status take_classes(const struct stream *labels, const struct sl_classes *classes,
                                   uint16_t *out, struct sl_error *error)
{
	bool numbered = sl_classes_numbered(classes);
	uint32_t class[UINT8_MAX + 1];
	for (uint32_t b = 0; b <= UINT8_MAX; b++)
		class[b] = numbered             ? sl_classes_number(classes, b)
		           : b < classes->count ? b
		                                : SL_CLASS_ABSENT;
	for (uint32_t i = 0; i < labels->samples; i++) {
		uint32_t label = labels->values.bytes[i];
		if (class[label] == SL_CLASS_ABSENT) {
			char brief[SL_CLASSES_BRIEF];
			sl_classes_brief(classes->text, classes->length, brief);
			return sl_fail(error, SL_MALFORMED,
			               "%s: byte %llu: label %u is not in [data] classes = %s", labels->what,
			               (unsigned long long)labels->need + i, label, brief);
		}
		out[i] = (uint16_t) class[label];
	}
	return SL_OK;
}

static enum sl_status check_shape(const struct sl_data_reader *reader, uint32_t features,
                                  struct sl_error *error)
{
	const struct stream *images = &reader->stream[IMAGES], *labels = &reader->stream[LABELS];
	enum sl_status status = check_complete(images, error);
	if (status == SL_OK)
		status = check_complete(labels, error);
	if (status != SL_OK)
		return status;
	if (images->samples != labels->samples)
		return sl_fail(error, SL_MALFORMED, "%s: byte 4: %u labels, but %s has %u images",
		               labels->what, labels->samples, images->what, images->samples);
	/* An image of another size is another image: unlike sparse features it cannot be filled up with
	 * zeros. */
	if (features > 0 && images->width != features)
		return sl_fail(error, SL_MALFORMED, "%s: byte 8: %u values per sample, must be %u",
		               images->what, images->width, features);
	return SL_OK;
}

static enum sl_status idx_survey(struct sl_data_reader *reader, struct sl_survey *out, struct sl_error *error)
{
	SL_CHECK(!reader->refused);
	enum sl_status status = check_shape(reader, 0, error);
	reader->refused = status != SL_OK;
	if (status != SL_OK)
		return status;
	find_classes(reader);
	*out = (struct sl_survey){ reader->stream[IMAGES].width, reader->classes, reader->names,
		                   reader->names_length };
	return SL_OK;
}

static enum sl_status write_block(const struct sl_data_reader *reader, const struct sl_classes *classes,
                                  uint8_t **block, size_t *length, struct sl_error *error)
{
	const struct stream *images = &reader->stream[IMAGES], *labels = &reader->stream[LABELS];
	uint16_t *wide = malloc((size_t)labels->samples * sizeof *wide);
	if (!wide)
		return sl_fail(error, SL_NO_MEMORY, "%s: no memory for %u labels", labels->what,
		               labels->samples);
	enum sl_status status = take_classes(labels, classes, wide, error);
	if (status == SL_OK) {
		struct sl_dataset data = {
			.kind = SL_FEATURES_BYTE,
			.samples = images->samples,
			.features = images->width,
			.classes = classes->count,
			.scale = 1.0f / 255,
			.byte = images->values.bytes,
			.label = wide,
			.names = classes->text,
			.names_length = classes->length,
		};
		status = sl_reader_prepare(&data, block, length, error);
	}
	free(wide);
	return status;
}

static enum sl_status make_block(struct sl_data_reader *reader, uint32_t features,
                                 const struct sl_classes *classes, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	struct sl_survey found;
	struct sl_reader_classes own = { 0 };
	enum sl_status status = idx_survey(reader, &found, error);
	if (status == SL_OK)
		status = check_shape(reader, features, error);
	if (status == SL_OK && !classes)
		status = sl_reader_classes(&own, &found, &classes, error);
	if (status == SL_OK)
		status = write_block(reader, classes, block, length, error);
	free(own.item);
	return status;
}

static void idx_abandon(struct sl_data_reader *reader)
{
	for (unsigned i = 0; reader && i < STREAMS; i++)
		free(reader->stream[i].values.bytes);
	free(reader);
}

static enum sl_status idx_finish(struct sl_data_reader *reader, uint32_t features,
                                 const struct sl_classes *classes, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	SL_CHECK(!reader->refused);
	enum sl_status status = make_block(reader, features, classes, block, length, error);
	idx_abandon(reader);
	return status;
}

const struct sl_data_format sl_data_format_idx = {
	.name = "idx",
	.doc = "images and labels in the format of MNIST, unsigned bytes",
	.streams = STREAMS,
	.example = { { "\0\0\x08\2\0\0\0\3\0\0\0\2\1\2\3\4\5\xff", 18 }, { "\0\0\x08\1\0\0\0\3\0\1\0", 11 } },
	.open = idx_open,
	.push = idx_push,
	.survey = idx_survey,
	.finish = idx_finish,
	.abandon = idx_abandon,
};
