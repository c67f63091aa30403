#include "learn/safetensors.h"

#include "base/bytes.h"
#include "linalg/vector.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { LENGTH_BYTES = 8 };

static const struct {
	const char *name;
	enum sl_stored_type type;
	uint32_t size;
} types[] = {
	{ "F32", SL_STORED_F32, 4 },    { "F64", SL_STORED_F64, 8 },   { "F16", SL_STORED_F16, 2 },
	{ "BF16", SL_STORED_BF16, 2 },  { "I64", SL_STORED_OTHER, 8 }, { "U64", SL_STORED_OTHER, 8 },
	{ "I32", SL_STORED_OTHER, 4 },  { "U32", SL_STORED_OTHER, 4 }, { "I16", SL_STORED_OTHER, 2 },
	{ "U16", SL_STORED_OTHER, 2 },  { "I8", SL_STORED_OTHER, 1 },  { "U8", SL_STORED_OTHER, 1 },
	{ "BOOL", SL_STORED_OTHER, 1 },
};

/* ---- JSON, as far as headers need it ---- */

struct scan {
	const char *start, *at, *end;
	struct sl_error *error;
	enum sl_status status;
};

struct slice {
	const char *text;
	size_t length;
	bool escaped;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct scan *s, const char *format, ...)
{
	char text[160];
	va_list arguments;
	if (s->status != SL_OK)
		return false;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	s->status = sl_fail(s->error, SL_MALFORMED, "byte %zu of the header: %s",
	                    (size_t)(s->at - s->start) + 1, text);
	return false;
}

static void blanks(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
		s->at++;
}

static bool looking_at(struct scan *s, char c)
{
	blanks(s);
	return s->at < s->end && *s->at == c;
}

static bool mark(struct scan *s, char c)
{
	if (!looking_at(s, c))
		return wrong(s, "must be '%c'", c);
	s->at++;
	return true;
}

static int hexadecimal(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* Behind a backslash: how many bytes the escape takes, 0 for none. */
static size_t escape(const struct scan *s)
{
	if (s->at == s->end)
		return 0;
	if (*s->at != 'u')
		return *s->at && strchr("\"\\/bfnrt", *s->at) ? 1 : 0;
	for (int i = 1; i <= 4; i++)
		if (s->end - s->at <= i || hexadecimal(s->at[i]) < 0)
			return 0;
	return 5;
}

static bool string(struct scan *s, struct slice *out)
{
	if (!mark(s, '"'))
		return false;
	*out = (struct slice){ .text = s->at };
	while (s->at < s->end && *s->at != '"') {
		if ((unsigned char)*s->at < ' ')
			return wrong(s, "a control character in a text");
		if (*s->at++ != '\\')
			continue;
		size_t length = escape(s);
		if (length == 0)
			return wrong(s, "an escape that is none");
		out->escaped = true;
		s->at += length;
	}
	out->length = (size_t)(s->at - out->text);
	return mark(s, '"');
}

static bool number(struct scan *s, uint64_t *out)
{
	blanks(s);
	uint64_t v = 0;
	const char *first = s->at;
	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
		if (v > (UINT64_MAX - 9) / 10)
			return wrong(s, "a number over 2^64");
		v = 10 * v + (uint64_t)(*s->at - '0');
	}
	*out = v;
	return s->at == first || (*first == '0' && s->at - first > 1) ? wrong(s, "must be a whole number")
	                                                              : true;
}

/* Up to `most` numbers in brackets; their count. */
static bool numbers(struct scan *s, uint64_t *out, uint32_t most, uint32_t *count)
{
	*count = 0;
	if (!mark(s, '['))
		return false;
	if (looking_at(s, ']'))
		return mark(s, ']');
	do {
		if (*count == most)
			return wrong(s, "more than %u numbers", most);
		if (!number(s, &out[(*count)++]))
			return false;
	} while (looking_at(s, ',') && mark(s, ','));
	return mark(s, ']');
}

static bool same(const struct slice *a, const char *text)
{
	return !a->escaped && a->length == strlen(text) && memcmp(a->text, text, a->length) == 0;
}

/* ---- one tensor ---- */

struct fields {
	uint64_t offset[2];
	uint32_t size; /* of an element */
	bool type, shape, place;
};

static bool read_type(struct scan *s, struct sl_stored_tensor *t, struct fields *f)
{
	struct slice name;
	if (!string(s, &name))
		return false;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (same(&name, types[i].name)) {
			t->type = types[i].type;
			f->size = types[i].size;
			return true;
		}
	return wrong(s, "a type that is not known");
}

static bool read_field(struct scan *s, struct sl_stored_tensor *t, struct fields *f)
{
	struct slice key;
	uint32_t count;
	if (!string(s, &key) || !mark(s, ':'))
		return false;
	if (same(&key, "dtype") && !f->type)
		return (f->type = true) && read_type(s, t, f);
	if (same(&key, "shape") && !f->shape)
		return (f->shape = true) && numbers(s, t->shape, SL_RANK_MAX, &t->rank);
	if (same(&key, "data_offsets") && !f->place)
		return (f->place = true) && numbers(s, f->offset, 2, &count) &&
		       (count == 2 || wrong(s, "must be two offsets"));
	return wrong(s, "must be dtype, shape or data_offsets, each once");
}

/* The bytes that its shape takes; false: over 2^64. */
static bool bytes_of(const struct sl_stored_tensor *t, uint32_t size, uint64_t *out)
{
	*out = size;
	for (uint32_t i = 0; i < t->rank; i++)
		if (__builtin_mul_overflow(*out, t->shape[i], out))
			return false;
	return true;
}

static bool read_tensor(struct scan *s, const struct sl_safetensors *file, uint64_t at,
                        struct sl_stored_tensor *t)
{
	struct fields f = { 0 };
	uint64_t bytes;
	if (!mark(s, '{'))
		return false;
	do {
		if (!read_field(s, t, &f))
			return false;
	} while (looking_at(s, ',') && mark(s, ','));
	if (!mark(s, '}'))
		return false;
	if (!f.type || !f.shape || !f.place)
		return wrong(s, "a tensor lacks its dtype, shape or data_offsets");
	if (!bytes_of(t, f.size, &bytes) || f.offset[0] != at || f.offset[1] < at ||
	    f.offset[1] - at != bytes)
		return wrong(
		    s,
		    "a tensor does not begin where the one before ends (%llu), or is not as long as its shape",
		    (unsigned long long)at);
	if (f.offset[1] > file->data_length)
		return wrong(s, "a tensor ends at %llu, but the file has %zu bytes of numbers",
		             (unsigned long long)f.offset[1], file->data_length);
	t->bytes = file->data + at;
	t->length = (size_t)bytes;
	return true;
}

/* ---- the header ---- */

static bool read_metadata(struct scan *s)
{
	struct slice key, value;
	if (!mark(s, '{'))
		return false;
	if (looking_at(s, '}'))
		return mark(s, '}');
	do {
		if (!string(s, &key) || !mark(s, ':') || !string(s, &value))
			return false;
	} while (looking_at(s, ',') && mark(s, ','));
	return mark(s, '}');
}

/* One entry of the outer object. `metadata`: how often that has come. */
static bool read_entry(struct scan *s, struct sl_safetensors *file, uint64_t *at, uint32_t *metadata)
{
	struct sl_stored_tensor t = { 0 };
	struct slice key;
	if (!string(s, &key) || !mark(s, ':'))
		return false;
	if (same(&key, "__metadata__"))
		return ++*metadata == 1 ? read_metadata(s) : wrong(s, "metadata for the second time");
	if (key.escaped || key.length == 0)
		return wrong(s, "a tensor's name is empty, or has escapes");
	if (!read_tensor(s, file, *at, &t))
		return false;
	*at += t.length;
	file->tensors++;
	return true;
}

static bool read_header(struct scan *s, struct sl_safetensors *file)
{
	uint64_t at = 0;
	uint32_t metadata = 0;
	if (s->at == s->end || *s->at != '{' || !mark(s, '{'))
		return wrong(s, "must begin with '{'");
	if (!looking_at(s, '}'))
		do {
			if (!read_entry(s, file, &at, &metadata))
				return false;
		} while (looking_at(s, ',') && mark(s, ','));
	if (!mark(s, '}'))
		return false;
	blanks(s);
	if (s->at != s->end)
		return wrong(s, "something follows the header's object");
	return at == file->data_length || wrong(s, "the tensors take %llu bytes, the file has %zu",
	                                        (unsigned long long)at, file->data_length);
}

enum sl_status sl_safetensors_open(struct sl_safetensors *out, const uint8_t *bytes, size_t length,
                                   struct sl_error *error)
{
	if (length < LENGTH_BYTES)
		return sl_fail(error, SL_MALFORMED, "%zu bytes are no safetensors file", length);
	uint64_t header = sl_load_u64(bytes);
	if (header > SL_SAFETENSORS_HEADER_MAX || header > length - LENGTH_BYTES)
		return sl_fail(
		    error, SL_MALFORMED,
		    "not a safetensors file, or cut: its first 8 bytes promise a header of %llu bytes, it has %zu",
		    (unsigned long long)header, length - LENGTH_BYTES);
	*out = (struct sl_safetensors){ .header = (const char *)bytes + LENGTH_BYTES,
		                        .header_length = (size_t)header,
		                        .data = bytes + LENGTH_BYTES + header,
		                        .data_length = length - LENGTH_BYTES - (size_t)header };
	struct scan s = { out->header, out->header, out->header + header, error, SL_OK };
	read_header(&s, out);
	return s.status;
}

/* ---- what a checked file holds ---- */

bool sl_safetensors_next(const struct sl_safetensors *file, size_t *cursor, struct sl_stored_tensor *out)
{
	struct scan s = { file->header, file->header + (*cursor ? *cursor : 1),
		          file->header + file->header_length, NULL, SL_OK };
	struct sl_stored_tensor t = { 0 };
	struct slice key;
	/* Where the one before ended: what was found so far ends there. */
	uint64_t at = *cursor ? (uint64_t)(out->bytes - file->data) + out->length : 0;
	for (;;) {
		if (looking_at(&s, ','))
			s.at++;
		if (looking_at(&s, '}') || !string(&s, &key) || !mark(&s, ':'))
			return false;
		if (!same(&key, "__metadata__"))
			break;
		read_metadata(&s);
	}
	SL_CHECK(read_tensor(&s, file, at, &t));
	t.name = key.text;
	t.name_length = key.length;
	*out = t;
	*cursor = (size_t)(s.at - file->header);
	return true;
}

static bool put(char **out, const char *end, const void *bytes, size_t length)
{
	if ((size_t)(end - *out) < length)
		return false;
	memcpy(*out, bytes, length);
	*out += length;
	return true;
}

/* The UTF-8 of \uXXXX; surrogates are not joined, and refused. */
static bool put_code(char **out, const char *end, const char *digits)
{
	uint32_t v = 0;
	for (int i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)hexadecimal(digits[i]);
	uint8_t one[] = { (uint8_t)v }, two[] = { (uint8_t)(0xc0 | v >> 6), (uint8_t)(0x80 | (v & 63)) },
	        three[] = { (uint8_t)(0xe0 | v >> 12), (uint8_t)(0x80 | (v >> 6 & 63)),
		            (uint8_t)(0x80 | (v & 63)) };
	if (v == 0 || (v >= 0xd800 && v < 0xe000))
		return false;
	return v < 0x80 ? put(out, end, one, 1) : v < 0x800 ? put(out, end, two, 2) : put(out, end, three, 3);
}

static bool unescape(const struct slice *from, char *out, size_t size)
{
	static const char code[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	const char *end = out + size - 1;
	for (size_t i = 0; i < from->length; i++) {
		bool good;
		if (from->text[i] != '\\') {
			good = put(&out, end, from->text + i, 1);
		} else if (from->text[++i] == 'u') {
			good = put_code(&out, end, from->text + i + 1);
			i += 4;
		} else {
			good = put(&out, end, plain + (strchr(code, from->text[i]) - code), 1);
		}
		if (!good)
			return false;
	}
	*out = '\0';
	return true;
}

bool sl_safetensors_text(const struct sl_safetensors *file, const char *key, char *out, size_t size)
{
	struct scan s = { file->header, file->header + 1, file->header + file->header_length, NULL, SL_OK };
	struct sl_stored_tensor t = { 0 };
	struct slice name, value;
	uint64_t at = 0;
	while (!looking_at(&s, '}') && string(&s, &name) && mark(&s, ':')) {
		bool metadata = same(&name, "__metadata__");
		if (!metadata && !read_tensor(&s, file, at, &t))
			return false;
		at += metadata ? 0 : t.length;
		if (metadata && mark(&s, '{'))
			while (!looking_at(&s, '}') && string(&s, &name) && mark(&s, ':') &&
			       string(&s, &value)) {
				if (same(&name, key))
					return unescape(&value, out, size);
				if (looking_at(&s, ','))
					s.at++;
			}
		if (metadata && !mark(&s, '}'))
			return false;
		if (looking_at(&s, ','))
			s.at++;
	}
	return false;
}

static uint32_t shape_of(const struct sl_tensor *t, uint64_t shape[static SL_RANK_MAX])
{
	uint32_t narrow[SL_RANK_MAX], rank = sl_tensor_shape(t, narrow);
	for (uint32_t i = 0; i < rank; i++)
		shape[i] = narrow[i];
	return rank;
}

static void print_shape(uint32_t rank, const uint64_t *shape, char out[static 64])
{
	size_t used = (size_t)snprintf(out, 64, "[");
	for (uint32_t i = 0; i < rank && used < 40; i++)
		used += (size_t)snprintf(out + used, 64 - used, "%s%llu", i ? ", " : "",
		                         (unsigned long long)shape[i]);
	snprintf(out + used, 64 - used, "]");
}

static float half(uint16_t h)
{
	uint32_t power = h >> 10 & 31, part = h & 1023;
	float sign = h >> 15 ? -1.0f : 1.0f;
	if (power == 31)
		return part ? NAN : sign * INFINITY;
	return sign * (power ? ldexpf((float)(part + 1024), (int)power - 25) : ldexpf((float)part, -24));
}

static float value_of(enum sl_stored_type type, const uint8_t *bytes, size_t k)
{
	double wide;
	uint64_t bits;
	switch (type) {
	case SL_STORED_F32:
		return sl_float_from_bits(sl_load_u32(bytes + 4 * k));
	case SL_STORED_F64:
		bits = sl_load_u64(bytes + 8 * k);
		memcpy(&wide, &bits, sizeof wide);
		return (float)wide;
	case SL_STORED_F16:
		return half(sl_load_u16(bytes + 2 * k));
	case SL_STORED_BF16:
		return sl_float_from_bits((uint32_t)sl_load_u16(bytes + 2 * k) << 16);
	case SL_STORED_OTHER:
		break;
	}
	return NAN;
}

static bool same_shape(const struct sl_stored_tensor *t, uint32_t rank, const uint64_t *shape)
{
	return t->rank == rank && memcmp(t->shape, shape, rank * sizeof *shape) == 0;
}

static enum sl_status take(const struct sl_stored_tensor *from, const struct sl_tensor *to, float *x,
                           struct sl_error *error)
{
	uint64_t shape[SL_RANK_MAX];
	uint32_t rank = shape_of(to, shape);
	/* One column may be said or not. */
	if (!same_shape(from, rank, shape) &&
	    !(rank == 1 && from->rank == 2 && from->shape[0] == shape[0] && from->shape[1] == 1)) {
		char found[64], right[64];
		print_shape(from->rank, from->shape, found);
		print_shape(rank, shape, right);
		return sl_fail(error, SL_OUT_OF_RANGE, "tensor '%s' has shape %s, must have %s", to->name,
		               found, right);
	}
	if (from->type == SL_STORED_OTHER)
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "tensor '%s' holds no floats, must be F32, F64, F16 or BF16", to->name);
	size_t size = (size_t)to->rows * to->columns;
	SL_CHECK(from->bytes);
	for (size_t k = 0; k < size; k++) {
		float v = value_of(from->type, from->bytes, k);
		if (!isfinite(v))
			return sl_fail(error, SL_OUT_OF_RANGE,
			               "tensor '%s': number %zu is %g, must be finite", to->name, k + 1,
			               (double)v);
		x[to->offset + k] = v + 0.0f;
	}
	return SL_OK;
}

static const struct sl_tensor *find_tensor(const struct sl_layout *layout, uint32_t guess, const char *name,
                                           size_t length)
{
	for (uint32_t i = 0; i < layout->tensors; i++) {
		const struct sl_tensor *t = sl_layout_tensor(layout, (guess + i) % layout->tensors);
		if (strlen(t->name) == length && memcmp(t->name, name, length) == 0)
			return t;
	}
	return NULL;
}

static bool file_has(const struct sl_safetensors *file, const char *name)
{
	struct sl_stored_tensor t = { 0 };
	for (size_t cursor = 0; sl_safetensors_next(file, &cursor, &t);)
		if (t.name_length == strlen(name) && memcmp(t.name, name, t.name_length) == 0)
			return true;
	return false;
}

/* As many tensors as the model has, all of them the model's and none of them missing: then none comes twice. */
enum sl_status sl_safetensors_load(const struct sl_safetensors *file, const struct sl_layout *layout,
                                   float *x, struct sl_error *error)
{
	struct sl_stored_tensor t = { 0 };
	uint32_t number = 0;
	for (size_t cursor = 0; sl_safetensors_next(file, &cursor, &t); number++) {
		const struct sl_tensor *to = find_tensor(layout, number, t.name, t.name_length);
		if (!to)
			return sl_fail(error, SL_OUT_OF_RANGE,
			               "tensor '%.*s' is not one of the model's, which begin with '%s'",
			               (int)(t.name_length < 60 ? t.name_length : 60), t.name,
			               sl_layout_tensor(layout, 0)->name);
		enum sl_status status = take(&t, to, x, error);
		if (status != SL_OK)
			return status;
	}
	for (uint32_t i = 0; i < layout->tensors; i++)
		if (!file_has(file, sl_layout_tensor(layout, i)->name))
			return sl_fail(error, SL_NOT_FOUND, "tensor '%s' is missing",
			               sl_layout_tensor(layout, i)->name);
	return number == layout->tensors
	           ? SL_OK
	           : sl_fail(error, SL_OUT_OF_RANGE, "%u tensors for the model's %u: one comes twice", number,
	                     layout->tensors);
}

/* ---- writing ---- */

/* Counts; writes where there is room. */
struct sink {
	uint8_t *out;
	size_t used;
};

static void emit(struct sink *s, const char *text, size_t length)
{
	if (s->out)
		memcpy(s->out + s->used, text, length);
	s->used += length;
}

__attribute__((format(printf, 2, 3))) static void print(struct sink *s, const char *format, ...)
{
	char text[128];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	SL_CHECK(length >= 0 && (size_t)length < sizeof text);
	emit(s, text, (size_t)length);
}

static void quote(struct sink *s, const char *text)
{
	emit(s, "\"", 1);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
			print(s, "\\u%04x", (unsigned)(unsigned char)*text);
		else
			emit(s, text, 1);
	}
	emit(s, "\"", 1);
}

static void write_tensor(struct sink *s, const struct sl_tensor *t)
{
	uint64_t shape[SL_RANK_MAX], size = (uint64_t)t->rows * t->columns;
	uint32_t rank = shape_of(t, shape);
	quote(s, t->name);
	print(s, ":{\"dtype\":\"F32\",\"shape\":[");
	for (uint32_t i = 0; i < rank; i++)
		print(s, "%s%llu", i ? "," : "", (unsigned long long)shape[i]);
	print(s, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)t->offset * 4,
	      (unsigned long long)(t->offset + size) * 4);
}

size_t sl_safetensors_begin(const struct sl_layout *layout, const char *const *text, uint8_t *out)
{
	struct sink s = { out, LENGTH_BYTES };
	print(&s, "{\"__metadata__\":{");
	for (size_t i = 0; text[i]; i += 2) {
		emit(&s, ",", i > 0);
		quote(&s, text[i]);
		emit(&s, ":", 1);
		quote(&s, text[i + 1]);
	}
	print(&s, "}");
	for (uint32_t t = 0; t < layout->tensors; t++) {
		emit(&s, ",", 1);
		write_tensor(&s, sl_layout_tensor(layout, t));
	}
	print(&s, "}");
	while (s.used % 8)
		emit(&s, " ", 1);
	if (out)
		sl_store_u64(out, s.used - LENGTH_BYTES);
	return s.used;
}
