/* numpy's .npy: one array a file. Two streams: features (two dimensions or more; all but the first make one row) and labels
 * (one dimension, or a second of 1): whole numbers are classes, floats are real targets. Little-endian numbers, in C order.
 * Unsigned bytes stay bytes and count as 0 to 1, as those of idx files; everything else becomes float32.
 *
 * A file: 93 "NUMPY", version (1.0, 2.0 or 3.0), length of the header (u16, from 2.0 on u32), the header — a Python dict with
 * the keys descr, fortran_order and shape — the numbers. */
#include "learn/reader.h"

#include <math.h>
#include <stdio.h>

enum { FEATURES, LABELS, STREAMS, PREFIX = 12, HEADER_MAX = 65536, ELEMENT_MAX = 8 };

static const char *const stream_name[STREAMS] = { "features", "labels" };

struct stream {
	char what[SL_TEXT_MAX];
	struct sl_growing header; /* prefix included, until it is complete */
	uint64_t need;            /* bytes of prefix and header; 0: not known yet */
	bool headed;
	char kind; /* i, u, f */
	uint32_t size, samples, width;
	uint64_t body, taken;
	uint8_t half[ELEMENT_MAX]; /* a number of which not all bytes have come */
	uint32_t have;
	struct sl_growing value; /* uint8_t for bytes of features, int64_t for whole labels, else float */
};

struct sl_data_reader {
	struct stream stream[STREAMS];
	bool refused;
	char *names;
	size_t names_length;
	uint32_t classes;
};

static struct sl_data_reader *npy_open(const void *options, uint64_t seed, bool train, struct sl_error *error)
{
	(void)options, (void)seed, (void)train;
	struct sl_data_reader *r = calloc(1, sizeof *r);
	if (!r) {
		sl_fail(error, SL_NO_MEMORY, "no memory for an npy reader");
		return NULL;
	}
	for (unsigned i = 0; i < STREAMS; i++)
		sl_reader_name(r->stream[i].what, stream_name[i]);
	return r;
}

/* ---- the header ---- */

/* What follows "'key':" in the header; NULL: the key is missing, or there twice. */
static const char *value_of(const char *header, const char *key)
{
	char quoted[32];
	snprintf(quoted, sizeof quoted, "'%s':", key);
	const char *at = strstr(header, quoted);
	if (!at || strstr(at + 1, quoted))
		return NULL;
	at += strlen(quoted);
	return at + strspn(at, " ");
}

static enum sl_status read_type(struct stream *s, const char *at, struct sl_error *error)
{
	bool good = at && at[0] == '\'' && strchr("<|", at[1]) && at[1] && strchr("iuf", at[2]) && at[2] &&
	            at[3] >= '1' && at[3] <= '8' && at[4] == '\'';
	s->kind = good ? at[2] : 0;
	s->size = good ? (uint32_t)(at[3] - '0') : 0;
	good = good && (s->size == 4 || s->size == 8 || (s->kind != 'f' && (s->size == 1 || s->size == 2))) &&
	       (at[1] == '<' || s->size == 1);
	if (good)
		return SL_OK;
	char found[16] = "none";
	if (at)
		snprintf(found, sizeof found, "%.12s", at);
	for (char *p = found; *p; p++)
		*p = *p < ' ' || *p > 126 ? '?' : *p;
	return sl_fail(
	    error, SL_UNSUPPORTED,
	    "%s: descr %s: must be little-endian whole numbers or floats: <f4, <f8, |u1, |i1, <i2 … <u8",
	    s->what, found);
}

/* "(60000, 28, 28)" */
static enum sl_status read_shape(struct stream *s, unsigned kind, const char *at, struct sl_error *error)
{
	uint64_t width = 1, rank = 0;
	at = at ? at : "";
	bool good = *at == '(';
	for (at += good; good && *at != ')'; rank++) {
		uint64_t v = 0;
		const char *digits = at;
		for (; *at >= '0' && *at <= '9' && v <= UINT32_MAX; at++)
			v = 10 * v + (uint64_t)(*at - '0');
		good = at > digits && v >= 1 && v < UINT32_MAX && (*at == ',' || (*at == ')' && rank > 0));
		if (rank == 0)
			s->samples = (uint32_t)v;
		else
			width *= v; /* below 2^28 so far, times 2^32 */
		good = good && width <= SL_DIMENSION_MAX;
		at += *at == ',';
		at += *at == ' ';
	}
	s->width = (uint32_t)width;
	if (!good || (kind == FEATURES ? rank < 2 : rank < 1 || width != 1))
		return sl_fail(error, SL_MALFORMED, "%s: its shape must be %s", s->what,
		               kind == FEATURES ? "(samples, features) or (samples, …), without zeros"
		                                : "(samples,)");
	s->body = (uint64_t)s->samples * s->width * s->size;
	return SL_OK;
}

static enum sl_status read_header(struct stream *s, unsigned kind, struct sl_error *error)
{
	if (!sl_growing_add(&s->header, "", 1))
		return sl_fail(error, SL_NO_MEMORY, "%s: no memory for its header", s->what);
	const char *text = (const char *)s->header.bytes + (s->header.bytes[6] == 1 ? 10 : PREFIX);
	if (text + strlen(text) + 1 != (const char *)s->header.bytes + s->header.used)
		return sl_fail(error, SL_MALFORMED, "%s: a zero byte in its header", s->what);
	const char *order = value_of(text, "fortran_order");
	if (!order || strncmp(order, "False", 5) != 0)
		return sl_fail(error, SL_UNSUPPORTED, "%s: not in C order: save numpy.ascontiguousarray(x)",
		               s->what);
	enum sl_status status = read_type(s, value_of(text, "descr"), error);
	if (status == SL_OK)
		status = read_shape(s, kind, value_of(text, "shape"), error);
	s->headed = status == SL_OK;
	return status;
}

static enum sl_status read_prefix(struct stream *s, struct sl_error *error)
{
	const uint8_t *b = s->header.bytes;
	if (memcmp(b, "\x93NUMPY", 6) != 0)
		return sl_fail(error, SL_MALFORMED,
		               "%s: byte 0: not a .npy file, which begins with 93 'NUMPY'", s->what);
	if (b[6] < 1 || b[6] > 3 || b[7] != 0)
		return sl_fail(error, SL_UNSUPPORTED, "%s: byte 6: version %u.%u, must be 1.0, 2.0 or 3.0",
		               s->what, b[6], b[7]);
	s->need = b[6] == 1 ? 10 + (uint64_t)sl_load_u16(b + 8) : PREFIX + (uint64_t)sl_load_u32(b + 8);
	if (s->need > HEADER_MAX || s->need < PREFIX)
		return sl_fail(error, SL_MALFORMED, "%s: byte 8: a header of %llu bytes", s->what,
		               (unsigned long long)s->need);
	return SL_OK;
}

static enum sl_status take_header(struct stream *s, unsigned kind, const uint8_t **bytes, size_t *length,
                                  struct sl_error *error)
{
	enum sl_status status = SL_OK;
	while (!s->headed && *length > 0 && status == SL_OK) {
		if (!sl_growing_add(&s->header, *bytes, 1))
			return sl_fail(error, SL_NO_MEMORY, "%s: no memory for its header", s->what);
		++*bytes;
		--*length;
		if (s->header.used == PREFIX)
			status = read_prefix(s, error);
		if (status == SL_OK && s->need > 0 && s->header.used == s->need)
			status = read_header(s, kind, error);
	}
	return status;
}

/* ---- the numbers ---- */

static double number_of(const struct stream *s, const uint8_t *b)
{
	uint64_t bits = 0;
	double wide;
	for (uint32_t i = 0; i < s->size; i++)
		bits |= (uint64_t)b[i] << 8 * i;
	if (s->kind == 'u')
		return (double)bits;
	if (s->kind == 'i')
		return (double)((int64_t)(bits << (64 - 8 * s->size)) >> (64 - 8 * s->size));
	if (s->size == 4)
		return (double)sl_float_from_bits((uint32_t)bits);
	memcpy(&wide, &bits, sizeof wide);
	return wide;
}

static enum sl_status take_number(struct stream *s, unsigned kind, const uint8_t *b, struct sl_error *error)
{
	double v = number_of(s, b);
	float narrow = (float)v;
	int64_t label = kind == LABELS && s->kind != 'f' ? (int64_t)v : 0;
	uint64_t at = s->taken / s->size;
	bool added;
	if (kind == LABELS && s->kind != 'f' && fabs(v) > INT32_MAX)
		return sl_fail(error, SL_MALFORMED, "%s: sample %llu: label %.0f, must be a class", s->what,
		               (unsigned long long)at, v);
	if (!isfinite(narrow))
		return sl_fail(error, SL_MALFORMED,
		               "%s: sample %llu, number %llu: %g is missing or not finite", s->what,
		               (unsigned long long)(at / s->width), (unsigned long long)(at % s->width), v);
	if (kind == LABELS && s->kind != 'f')
		added = sl_growing_add(&s->value, &label, sizeof label);
	else if (kind == FEATURES && s->kind == 'u' && s->size == 1)
		added = sl_growing_add(&s->value, b, 1);
	else
		added = sl_growing_add(&s->value, &narrow, sizeof narrow);
	s->taken += s->size;
	return added ? SL_OK : sl_fail(error, SL_NO_MEMORY, "%s: no memory for more numbers", s->what);
}

static enum sl_status take(struct stream *s, unsigned kind, const uint8_t *bytes, size_t length,
                           struct sl_error *error)
{
	enum sl_status status = take_header(s, kind, &bytes, &length, error);
	for (size_t i = 0; i < length && status == SL_OK; i++) {
		if (s->taken == s->body)
			return sl_fail(error, SL_MALFORMED,
			               "%s: byte %llu: more bytes than its header promises (%u × %u)",
			               s->what, (unsigned long long)(s->need + s->body), s->samples,
			               s->width);
		s->half[s->have++] = bytes[i];
		if (s->have < s->size)
			continue;
		s->have = 0;
		status = take_number(s, kind, s->half, error);
	}
	return status;
}

static enum sl_status npy_push(struct sl_data_reader *r, unsigned stream, const uint8_t *bytes, size_t length,
                               const char *what, struct sl_error *error)
{
	SL_CHECK(stream < STREAMS && !r->refused);
	sl_reader_name(r->stream[stream].what, what);
	enum sl_status status = take(&r->stream[stream], stream, bytes, length, error);
	r->refused = status != SL_OK;
	return status;
}

/* ---- the data ---- */

static bool has_classes(const struct sl_data_reader *r)
{
	return r->stream[LABELS].kind != 'f';
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static enum sl_status name_classes(struct sl_data_reader *r, struct sl_error *error)
{
	enum { NUMBER_MOST = 13 };
	const struct stream *labels = &r->stream[LABELS];
	int64_t *sorted = malloc(labels->value.used);
	size_t count = 0;
	if (!sorted)
		return sl_fail(error, SL_NO_MEMORY, "%s: no memory for its labels", labels->what);
	memcpy(sorted, labels->value.bytes, labels->value.used);
	qsort(sorted, labels->samples, sizeof *sorted, compare);
	for (uint32_t i = 0; i < labels->samples; i++)
		if (i == 0 || sorted[i] != sorted[count - 1])
			sorted[count++] = sorted[i];
	free(r->names);
	r->names = count <= SL_CLASSES_MAX ? malloc(count * NUMBER_MOST + 2 * NUMBER_MOST) : NULL;
	if (r->names) {
		struct sl_classes_writer w = sl_classes_begin(r->names);
		for (size_t i = 0; i < count; i++)
			sl_classes_add_numbers(&w, sorted[i], sorted[i]);
		r->names_length = sl_classes_end(&w);
		r->classes = (uint32_t)count;
	}
	free(sorted);
	if (count > SL_CLASSES_MAX)
		return sl_fail(error, SL_TOO_BIG, "%s: %zu distinct labels, at most %d are classes",
		               labels->what, count, SL_CLASSES_MAX);
	return r->names
	           ? SL_OK
	           : sl_fail(error, SL_NO_MEMORY, "%s: no memory for the names of classes", labels->what);
}

static enum sl_status check_complete(const struct stream *s, struct sl_error *error)
{
	if (!s->headed)
		return sl_fail(error, SL_MALFORMED, "%s: ends at byte %zu, inside its header", s->what,
		               s->header.used);
	if (s->taken < s->body)
		return sl_fail(error, SL_MALFORMED,
		               "%s: ends at byte %llu, its header promises %llu (%u × %u)", s->what,
		               (unsigned long long)(s->need + s->taken + s->have),
		               (unsigned long long)(s->need + s->body), s->samples, s->width);
	return SL_OK;
}

static enum sl_status npy_survey(struct sl_data_reader *r, struct sl_survey *out, struct sl_error *error)
{
	const struct stream *features = &r->stream[FEATURES], *labels = &r->stream[LABELS];
	SL_CHECK(!r->refused);
	enum sl_status status = check_complete(features, error);
	if (status == SL_OK)
		status = check_complete(labels, error);
	if (status == SL_OK && features->samples != labels->samples)
		status = sl_fail(error, SL_MALFORMED, "%s: %u labels, but %s has %u samples", labels->what,
		                 labels->samples, features->what, features->samples);
	if (status == SL_OK && has_classes(r))
		status = name_classes(r, error);
	r->refused = status != SL_OK;
	if (status == SL_OK)
		*out = (struct sl_survey){ features->width, r->classes, r->names, r->names_length };
	return status;
}

static enum sl_status take_classes(const struct sl_data_reader *r, const struct sl_classes *classes,
                                   uint16_t *out, struct sl_error *error)
{
	const struct stream *labels = &r->stream[LABELS];
	const int64_t *label = (const void *)labels->value.bytes;
	bool numbered = sl_classes_numbered(classes);
	char brief[SL_CLASSES_BRIEF];
	sl_classes_brief(classes->text, classes->length, brief);
	if (classes->count < 2)
		return sl_fail(error, SL_MALFORMED, "%s: only the label %s, must have at least two classes",
		               labels->what, brief);
	for (uint32_t i = 0; i < labels->samples; i++) {
		uint32_t class = numbered ? sl_classes_number(classes, label[i])
		                 : label[i] >= 0 && label[i] < classes->count ? (uint32_t)label[i]
		                                                              : SL_CLASS_ABSENT;
		if (class == SL_CLASS_ABSENT)
			return sl_fail(error, SL_MALFORMED,
			               "%s: sample %u: label %lld is not in [data] classes = %s",
			               labels->what, i, (long long)label[i], brief);
		out[i] = (uint16_t) class;
	}
	return SL_OK;
}

static enum sl_status write_block(const struct sl_data_reader *r, const struct sl_classes *classes,
                                  uint8_t **block, size_t *length, struct sl_error *error)
{
	const struct stream *features = &r->stream[FEATURES], *labels = &r->stream[LABELS];
	bool bytes = features->kind == 'u' && features->size == 1;
	uint16_t *label = malloc((size_t)labels->samples * sizeof *label);
	enum sl_status status =
	    label ? SL_OK : sl_fail(error, SL_NO_MEMORY, "%s: no memory for labels", labels->what);
	if (status == SL_OK && classes)
		status = take_classes(r, classes, label, error);
	if (status == SL_OK) {
		struct sl_dataset data = {
			.kind = bytes ? SL_FEATURES_BYTE : SL_FEATURES_FLOAT,
			.samples = features->samples,
			.features = features->width,
			.classes = classes ? classes->count : 0,
			.scale = bytes ? 1.0f / 255 : 1,
			.byte = features->value.bytes,
			.dense = (const void *)features->value.bytes,
			.label = classes ? label : NULL,
			.target = classes ? NULL : (const void *)labels->value.bytes,
			.names = classes ? classes->text : NULL,
			.names_length = classes ? classes->length : 0,
		};
		status = sl_reader_prepare(&data, block, length, error);
	}
	free(label);
	return status;
}

static enum sl_status make_block(struct sl_data_reader *r, uint32_t features,
                                 const struct sl_classes *classes, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	struct sl_survey found;
	struct sl_reader_classes own = { 0 };
	enum sl_status status = npy_survey(r, &found, error);
	if (status == SL_OK && features > 0 && features != found.features)
		status = sl_fail(error, SL_MALFORMED, "%s: %u numbers per sample, must be %u",
		                 r->stream[FEATURES].what, found.features, features);
	if (status == SL_OK && classes && !has_classes(r))
		status = sl_fail(error, SL_MALFORMED, "%s: floats, must be whole numbers: classes",
		                 r->stream[LABELS].what);
	if (status == SL_OK && !classes)
		status = sl_reader_classes(&own, &found, &classes, error);
	if (status == SL_OK)
		status = write_block(r, classes, block, length, error);
	free(own.item);
	return status;
}

static void npy_abandon(struct sl_data_reader *r)
{
	for (unsigned i = 0; r && i < STREAMS; i++) {
		free(r->stream[i].header.bytes);
		free(r->stream[i].value.bytes);
	}
	if (r)
		free(r->names);
	free(r);
}

static enum sl_status npy_finish(struct sl_data_reader *r, uint32_t features,
                                 const struct sl_classes *classes, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	SL_CHECK(!r->refused);
	enum sl_status status = make_block(r, features, classes, block, length, error);
	npy_abandon(r);
	return status;
}

#define HEAD(dict, length) "\x93NUMPY\1\0" length "\0" dict
const struct sl_data_format sl_data_format_npy = {
	.name = "npy",
	.doc =
	    "numpy arrays: features (samples, …) and labels (whole numbers: classes; floats: real targets)",
	.streams = STREAMS,
	.example = { { HEAD("{'descr':'<f4','fortran_order':False,'shape':(3,2)}\n",
	                    "\x34") "\0\0\x80\x3f\0\0\0\x40\0\0\0\0\0\0\x80\xbf\0\0\0\x3f\0\0\0\0",
	               10 + 52 + 24 },
	             { HEAD("{'descr':'|i1','fortran_order':False,'shape':(3,)}\n", "\x33") "\0\1\xff",
	               10 + 51 + 3 } },
	.open = npy_open,
	.push = npy_push,
	.survey = npy_survey,
	.finish = npy_finish,
	.abandon = npy_abandon,
};
