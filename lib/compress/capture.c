#include "compress/capture.h"

#include "compress/stage.h"

#include <stdio.h>

enum { NAME_BYTES = 24, PADDING_BITS = 7, HAS_VECTOR = 1, VARINT_MAX = 5, FIXED = 64 };
static const uint8_t magic[8] = { 'S', 'L', 'r', 'e', 'c', 'r', '\r', '\n' };

uint64_t sl_capture_digest(uint64_t so_far, const uint8_t *bytes, size_t length)
{
	uint64_t digest = sl_mix64(so_far ^ (length + UINT64_C(0x9e3779b97f4a7c15)));
	size_t at = 0;
	for (; at + 8 <= length; at += 8)
		digest = sl_mix64(digest ^ sl_load_u64(bytes + at));
	uint8_t last[8] = { 0 };
	if (at < length)
		memcpy(last, bytes + at, length - at);
	return sl_mix64(digest ^ sl_load_u64(last));
}

/* ---- writing ---- */

size_t sl_capture_bound(const struct sl_pipeline *p, const struct sl_layout *layout)
{
	size_t most = p->select->count_max(p->select_options, p->dimension);
	size_t record = FIXED + sl_pipeline_side(p) + 4 * (size_t)p->dimension + 2 * VARINT_MAX * most;
	size_t header = FIXED + 2 * SL_TEXT_MAX + layout->tensors * (size_t)(NAME_BYTES + 9);
	return record > header ? record : header;
}

static void write_varint(struct sl_writer *w, uint32_t v)
{
	for (; v >= 128; v >>= PADDING_BITS)
		sl_write_u8(w, (uint8_t)(v | 128));
	sl_write_u8(w, (uint8_t)v);
}

static uint32_t zigzag(int32_t v)
{
	return (uint32_t)v << 1 ^ (uint32_t)(v >> 31);
}

static int32_t unzigzag(uint32_t z)
{
	return (int32_t)(z >> 1 ^ (0 - (z & 1)));
}

static void write_floats(struct sl_writer *w, uint32_t count, const float *v)
{
	uint8_t *p = sl_write_room(w, 4 * (size_t)count);
	for (uint32_t i = 0; i < count; i++)
		sl_store_u32(p + 4 * (size_t)i, sl_float_bits(v[i]));
}

void sl_capture_begin(struct sl_writer *w, const struct sl_pipeline *p, const struct sl_layout *layout,
                      uint64_t seed, uint64_t *digest)
{
	char text[SL_TEXT_MAX * 2];
	uint8_t *start = w->at;
	sl_pipeline_print(p, text, sizeof text);
	sl_write_bytes(w, magic, sizeof magic);
	sl_write_u32(w, SL_CAPTURE_VERSION);
	sl_write_u32(w, layout->dimension);
	sl_write_u64(w, seed);
	sl_write_u16(w, (uint16_t)layout->tensors);
	sl_write_u16(w, (uint16_t)strlen(text));
	for (uint32_t t = 0; t < layout->tensors; t++) {
		const struct sl_tensor *tensor = sl_layout_tensor(layout, t);
		char name[NAME_BYTES] = { 0 };
		memcpy(name, tensor->name, strnlen(tensor->name, sizeof name - 1));
		sl_write_bytes(w, name, sizeof name);
		sl_write_u32(w, tensor->rows);
		sl_write_u32(w, tensor->columns);
		sl_write_u8(w, tensor->bias);
	}
	sl_write_bytes(w, text, strlen(text));
	*digest = sl_capture_digest(0, start, (size_t)(w->at - start));
}

/* Writes a record: kind, length, content. */
static uint8_t *begin_record(struct sl_writer *w, enum sl_capture_kind kind)
{
	uint8_t *start = w->at;
	sl_write_u8(w, (uint8_t)kind);
	sl_write_u32(w, 0);
	return start;
}

static void end_record(const struct sl_writer *w, uint8_t *start, uint64_t *digest)
{
	size_t length = (size_t)(w->at - start);
	sl_store_u32(start + 1, (uint32_t)(length - 5));
	*digest = sl_capture_digest(*digest, start, length);
}

void sl_capture_copy(struct sl_writer *w, uint32_t peer, uint32_t channel, uint32_t dimension,
                     const float *copy, uint64_t *digest)
{
	uint8_t *start = begin_record(w, SL_CAPTURE_COPY);
	sl_write_u32(w, peer);
	sl_write_u32(w, channel);
	write_floats(w, dimension, copy);
	end_record(w, start, digest);
}

void sl_capture_message(struct sl_writer *w, const struct sl_pipeline *p, const struct sl_captured *m,
                        uint64_t *digest)
{
	uint8_t *start = begin_record(w, SL_CAPTURE_MESSAGE);
	sl_write_u32(w, m->peer);
	sl_write_u32(w, m->channel);
	sl_write_u32(w, m->version);
	sl_write_u32(w, m->round);
	sl_write_f32(w, m->factor);
	sl_write_u32(w, m->body_length);
	sl_write_u64(w, m->body_digest);
	sl_write_u8(w, m->vector ? HAS_VECTOR : 0);
	sl_write_u32(w, m->domain);
	sl_write_u32(w, m->count);
	if (m->count && sl_pipeline_side(p))
		sl_write_bytes(w, m->side, sl_pipeline_side(p));
	for (uint32_t i = 0, next = 0; i < m->count; next = m->position[i++] + 1)
		write_varint(w, m->position[i] - next);
	for (uint32_t i = 0; i < m->count; i++)
		write_varint(w, zigzag(m->symbol[i]));
	if (m->vector)
		write_floats(w, p->dimension, m->vector);
	end_record(w, start, digest);
}

void sl_capture_end(struct sl_writer *w, uint64_t records, uint64_t digest)
{
	sl_write_u8(w, SL_CAPTURE_END);
	sl_write_u32(w, 16);
	sl_write_u64(w, records);
	sl_write_u64(w, digest);
}

/* ---- reading ---- */

/* Accepts only the form that write_varint writes; any other makes the reader fail. */
static uint32_t read_varint(struct sl_reader *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < VARINT_MAX * PADDING_BITS; shift += PADDING_BITS) {
		uint8_t byte = sl_read_u8(r);
		v |= (uint64_t)(byte & 127) << shift;
		if (byte >= 128)
			continue;
		if ((byte == 0 && shift > 0) || v > UINT32_MAX)
			break;
		return (uint32_t)v;
	}
	r->failed = true;
	return 0;
}

/* Reads floats, all of which must be finite; `out` NULL: only checks them. */
static void read_floats(struct sl_reader *r, uint32_t count, float *out)
{
	const uint8_t *p = sl_read_bytes(r, 4 * (size_t)count);
	bool finite = true;
	for (uint32_t i = 0; p && i < count; i++) {
		uint32_t bits = sl_load_u32(p + 4 * (size_t)i);
		finite = finite && (bits & UINT32_C(0x7f800000)) != UINT32_C(0x7f800000);
		if (out)
			out[i] = sl_float_from_bits(bits);
	}
	r->failed = r->failed || !finite;
}

static bool read_symbols(const struct sl_capture *f, struct sl_reader *r, const struct sl_capture_room *room,
                         const struct sl_captured *m)
{
	const struct sl_pipeline *p = &f->pipeline;
	uint32_t largest = p->quantise->symbol_max ? p->quantise->symbol_max(p->quantise_options) : 0;
	uint64_t next = 0;
	for (uint32_t i = 0; i < m->count && !r->failed; i++) {
		next += read_varint(r);
		if (next >= m->domain)
			return false;
		if (room)
			room->position[i] = (uint32_t)next;
		next++;
	}
	for (uint32_t i = 0; i < m->count && !r->failed; i++) {
		int32_t symbol = unzigzag(read_varint(r));
		int64_t size = symbol < 0 ? -(int64_t)symbol : symbol;
		if (symbol == 0 || (largest && size > largest))
			return false;
		if (room)
			room->symbol[i] = symbol;
	}
	return !r->failed;
}

/* Reads a message's record of known length; false if the writer cannot have written it. */
static bool read_message(const struct sl_capture *f, struct sl_reader r, const struct sl_capture_room *room,
                         struct sl_captured *m)
{
	const struct sl_pipeline *p = &f->pipeline;
	uint32_t most = p->select->count_max(p->select_options, p->dimension);
	*m = (struct sl_captured){ .peer = sl_read_u32(&r) };
	m->channel = sl_read_u32(&r);
	m->version = sl_read_u32(&r);
	m->round = sl_read_u32(&r);
	m->factor = sl_read_f32(&r);
	m->body_length = sl_read_u32(&r);
	m->body_digest = sl_read_u64(&r);
	uint8_t flags = sl_read_u8(&r);
	m->domain = sl_read_u32(&r);
	m->count = sl_read_u32(&r);
	if (r.failed || flags > HAS_VECTOR || m->domain > p->dimension || m->count > most ||
	    m->count > m->domain)
		return false;
	if (m->count)
		m->side = sl_read_bytes(&r, sl_pipeline_side(p));
	if (r.failed || !read_symbols(f, &r, room, m))
		return false;
	if (flags & HAS_VECTOR)
		read_floats(&r, p->dimension, room ? room->floats : NULL);
	if (room) {
		m->position = room->position;
		m->symbol = room->symbol;
		m->vector = flags & HAS_VECTOR ? room->floats : NULL;
	}
	return sl_reader_done(&r);
}

static bool read_copy(const struct sl_capture *f, struct sl_reader r, const struct sl_capture_room *room,
                      struct sl_captured *m)
{
	*m = (struct sl_captured){ .peer = sl_read_u32(&r) };
	m->channel = sl_read_u32(&r);
	read_floats(&r, f->layout.dimension, room ? room->floats : NULL);
	return sl_reader_done(&r);
}

/* Reads one record; *why ← NULL, or what is wrong with it. */
static enum sl_capture_kind read_record(struct sl_capture *f, const struct sl_capture_room *room,
                                        struct sl_captured *m, const char **why)
{
	const uint8_t *start = f->rest.at;
	uint8_t kind = sl_read_u8(&f->rest);
	struct sl_reader r = sl_read_part(&f->rest, sl_read_u32(&f->rest));
	bool good = false;
	*why = NULL;
	if (r.failed)
		*why = "the file is truncated";
	else if (kind == SL_CAPTURE_MESSAGE)
		good = read_message(f, r, room, m);
	else if (kind == SL_CAPTURE_COPY)
		good = read_copy(f, r, room, m);
	else if (kind == SL_CAPTURE_END)
		good = sl_read_u64(&r) == f->records && sl_read_u64(&r) == f->digest && sl_reader_done(&r) &&
		       sl_reader_done(&f->rest);
	if (!good && !*why)
		*why = kind > SL_CAPTURE_MESSAGE ? "a record of unknown kind"
		       : kind == SL_CAPTURE_END
		           ? "number or digest of the records does not match, or bytes follow"
		           : "a malformed record";
	f->digest = sl_capture_digest(f->digest, start, (size_t)(f->rest.at - start));
	f->records++;
	return (enum sl_capture_kind)kind;
}

static bool read_tensors(struct sl_reader *r, struct sl_layout *layout, struct sl_tensor *list)
{
	uint64_t offset = 0;
	for (uint32_t t = 0; t < layout->tensors; t++) {
		struct sl_tensor *tensor = &list[t];
		const uint8_t *name = sl_read_bytes(r, NAME_BYTES);
		if (!name)
			return false;
		tensor->name = (const char *)name;
		tensor->rows = sl_read_u32(r);
		tensor->columns = sl_read_u32(r);
		uint8_t bias = sl_read_u8(r);
		uint64_t size = (uint64_t)tensor->rows * tensor->columns;
		if (name[NAME_BYTES - 1] || bias > 1 || size == 0 || size > layout->dimension - offset)
			return false;
		tensor->bias = bias;
		tensor->offset = (uint32_t)offset;
		offset += size;
	}
	return !r->failed && offset == layout->dimension;
}

static enum sl_status read_header(struct sl_capture *f, const uint8_t *bytes, struct sl_tensor *room,
                                  uint32_t rooms, struct sl_error *error)
{
	struct sl_reader *r = &f->rest;
	const uint8_t *found = sl_read_bytes(r, sizeof magic);
	if (!found || memcmp(found, magic, sizeof magic) != 0)
		return sl_fail(error, SL_MALFORMED, "not a recording of starling sim --record");
	uint32_t version = sl_read_u32(r);
	f->layout.dimension = sl_read_u32(r);
	f->seed = sl_read_u64(r);
	f->layout.tensors = sl_read_u16(r);
	f->layout.more = room;
	uint16_t length = sl_read_u16(r);
	if (!r->failed && version != SL_CAPTURE_VERSION)
		return sl_fail(error, SL_MALFORMED, "recording of version %u; this starling reads %d",
		               version, SL_CAPTURE_VERSION);
	if (r->failed || f->layout.dimension == 0 || f->layout.dimension > SL_DIMENSION_MAX ||
	    length >= sizeof f->text || f->layout.tensors > (room ? rooms : SL_TENSORS_OWN) ||
	    !read_tensors(r, &f->layout, room ? room : f->layout.own))
		return sl_fail(error, SL_MALFORMED,
		               "byte %zu: tensors must fill a vector of 1 to %d coordinates",
		               (size_t)((r->failed ? r->end : r->at) - bytes), SL_DIMENSION_MAX);
	const uint8_t *text = sl_read_bytes(r, length);
	if (!text)
		return sl_fail(error, SL_MALFORMED, "the file is truncated in its header");
	bool printable = true;
	for (uint16_t i = 0; i < length; i++)
		printable = printable && text[i] >= ' ' && text[i] < 127;
	if (!printable)
		return sl_fail(error, SL_MALFORMED, "byte %zu: expected a pipeline, in printable characters",
		               (size_t)(text - bytes));
	memcpy(f->text, text, length);
	f->text[length] = '\0';
	if (sl_pipeline_parse(&f->pipeline, f->text, &f->layout, error) != SL_OK)
		return sl_wrap(error, "the pipeline of the recording");
	f->digest = sl_capture_digest(0, bytes, (size_t)(r->at - bytes));
	return SL_OK;
}

enum sl_status sl_capture_open(struct sl_capture *out, const uint8_t *bytes, size_t length,
                               struct sl_tensor *room, uint32_t rooms, struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	out->rest = sl_reader(bytes, length);
	enum sl_status status = read_header(out, bytes, room, rooms, error);
	if (status != SL_OK)
		return status;
	struct sl_capture all = *out;
	enum sl_capture_kind kind;
	do {
		struct sl_captured record;
		const char *why;
		size_t at = (size_t)(all.rest.at - bytes);
		kind = read_record(&all, NULL, &record, &why);
		if (why)
			return sl_fail(error, SL_MALFORMED, "byte %zu, record %llu: %s", at,
			               (unsigned long long)all.records, why);
	} while (kind != SL_CAPTURE_END);
	return SL_OK;
}

enum sl_capture_kind sl_capture_next(struct sl_capture *f, const struct sl_capture_room *room,
                                     struct sl_captured *out)
{
	const char *why;
	enum sl_capture_kind kind = read_record(f, room, out, &why);
	SL_CHECK(!why);
	return kind;
}

void sl_capture_absorb(float factor, const struct sl_update *u, float *copy)
{
	for (uint32_t i = 0; i < u->count; i++) {
		float sum = copy[u->index[i]] + factor * u->value[i];
		copy[u->index[i]] = sum == 0 ? 0 : sum;
	}
}
