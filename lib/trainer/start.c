#include "trainer/start.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const uint8_t magic[8] = { 'S', 'L', 's', 't', 'a', 'r', 't', '\n' };
enum { UNPENALISED = 1 };

bool sl_start_next(struct sl_reader *r, struct sl_start_tensor *out)
{
	memset(out, 0, sizeof *out);
	if (sl_reader_done(r))
		return false;
	uint8_t role = sl_read_u8(r), dtype = sl_read_u8(r), flags = sl_read_u8(r), rank = sl_read_u8(r);
	if (role >= SL_ROLES || dtype >= SL_DTYPES || flags > UNPENALISED || rank > SL_RANK_MAX)
		r->failed = true;
	for (uint32_t i = 0; i < rank && !r->failed; i++)
		out->tensor.shape[i] = sl_read_u32(r);
	out->digest = sl_read_bytes(r, SL_START_DIGEST);
	uint16_t length = sl_read_u16(r);
	const uint8_t *name = sl_read_bytes(r, length);
	if (r->failed || !name || length < 2 || name[length - 1] ||
	    strlen((const char *)name) + 1 != length) {
		r->failed = true;
		return false;
	}
	out->tensor.name = (const char *)name;
	out->tensor.role = (enum sl_role)role;
	out->tensor.dtype = (enum sl_dtype)dtype;
	out->tensor.bias = flags & UNPENALISED;
	out->tensor.rank = rank;
	return true;
}

static bool named_before(const struct sl_start *s, const char *name, uint32_t before)
{
	struct sl_reader r = s->list;
	struct sl_start_tensor t;
	for (uint32_t i = 0; i < before && sl_start_next(&r, &t); i++)
		if (strcmp(t.tensor.name, name) == 0)
			return true;
	return false;
}

/* Quadratic, and so not of lists as long as no model's that is known. */
enum { NAMES_COMPARED = 4096 };

static enum sl_status read_list(struct sl_start *s, struct sl_tensor *room, uint32_t rooms,
                                struct sl_error *error)
{
	struct sl_reader r = s->list;
	struct sl_start_tensor t;
	uint32_t count = 0;
	for (; sl_start_next(&r, &t); count++) {
		if (count < NAMES_COMPARED && named_before(s, t.tensor.name, count))
			return sl_fail(error, SL_MALFORMED, "two tensors are called '%s'", t.tensor.name);
		if (t.tensor.role == SL_ROLE_FROZEN)
			continue;
		if (!sl_tensor_place(&t.tensor, &s->dimension))
			return sl_fail(error, SL_TOO_BIG, "tensor '%s': empty, or over %u coordinates in all",
			               t.tensor.name, SL_DIMENSION_MAX);
		if (room && s->vector < rooms)
			room[s->vector] = t.tensor;
		s->vector++;
	}
	if (r.failed || count != s->tensors)
		return sl_fail(error, SL_MALFORMED, "the list of tensors is malformed at number %" PRIu32,
		               count);
	if (s->dimension == 0)
		return sl_fail(error, SL_OUT_OF_RANGE, "no tensor is to be learnt");
	if (room)
		s->layout = (struct sl_layout){ .dimension = s->dimension,
			                        .tensors = s->vector < rooms ? s->vector : rooms,
			                        .more = room };
	return SL_OK;
}

static enum sl_status check_values(const struct sl_start *s, struct sl_error *error)
{
	for (uint32_t k = 0; k < s->dimension; k++)
		if (!isfinite(s->start[k]))
			return sl_fail(error, SL_OUT_OF_RANGE,
			               "the start is not finite at coordinate %" PRIu32, k);
	return SL_OK;
}

enum sl_status sl_start_read(struct sl_start *out, const uint8_t *bytes, size_t length,
                             struct sl_tensor *room, uint32_t rooms, struct sl_error *error)
{
	struct sl_reader r = sl_reader(bytes, length);
	memset(out, 0, sizeof *out);
	const uint8_t *found = sl_read_bytes(&r, sizeof magic);
	if (!found || memcmp(found, magic, sizeof magic) != 0)
		return sl_fail(error, SL_MALFORMED, "not the start of a model");
	uint32_t version = sl_read_u32(&r);
	out->tensors = sl_read_u32(&r);
	uint64_t list = sl_read_u64(&r), floats = sl_read_u64(&r);
	if (version != SL_START_VERSION)
		return sl_fail(error, SL_UNSUPPORTED, "version %" PRIu32 "; this starling reads %d", version,
		               SL_START_VERSION);
	if (r.failed || out->tensors > SL_TENSORS_MAX || list > length - SL_START_HEAD || floats > length ||
	    floats < SL_START_HEAD + list || floats % SL_START_ALIGNED)
		return sl_fail(error, SL_MALFORMED, "list and values do not fit %zu bytes", length);
	out->list = sl_reader(bytes + SL_START_HEAD, (size_t)list);
	enum sl_status status = read_list(out, room, rooms, error);
	if (status != SL_OK)
		return status;
	if (length - floats != 4 * (uint64_t)out->dimension)
		return sl_fail(error, SL_MALFORMED,
		               "holds %" PRIu64 " bytes of values, and its tensors need %" PRIu64,
		               length - floats, 4 * (uint64_t)out->dimension);
	out->start = (const float *)(const void *)(bytes + floats);
	return check_values(out, error);
}

static void shape_text(const struct sl_tensor *t, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "[");
	for (uint32_t i = 0; i < t->rank && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32, i ? ", " : "", t->shape[i]);
	if (used < size)
		snprintf(text + used, size - used, "]");
}

static bool same_shape(const struct sl_tensor *a, const struct sl_tensor *b)
{
	return a->rank == b->rank && memcmp(a->shape, b->shape, sizeof a->shape) == 0;
}

/* True: the same; else `text` says what is not. */
static bool same(const struct sl_start_tensor *a, const struct sl_start_tensor *b, uint32_t at, char *text,
                 size_t size)
{
	const struct sl_tensor *x = &a->tensor, *y = &b->tensor;
	char shape[2][96];
	if (strcmp(x->name, y->name) != 0)
		snprintf(text, size, "tensor %" PRIu32 " is '%.80s' here and '%.80s' there", at, x->name,
		         y->name);
	else if (!same_shape(x, y)) {
		shape_text(x, shape[0], sizeof shape[0]);
		shape_text(y, shape[1], sizeof shape[1]);
		snprintf(text, size, "tensor '%.80s' has shape %s here and %s there", x->name, shape[0],
		         shape[1]);
	} else if (x->role != y->role || x->bias != y->bias)
		snprintf(text, size, "tensor '%.80s' is %s%s here and %s%s there", x->name,
		         sl_role_name(x->role), x->bias ? ", not penalised," : "", sl_role_name(y->role),
		         y->bias ? ", not penalised," : "");
	else if (x->dtype != y->dtype)
		snprintf(text, size, "tensor '%.80s' is %s here and %s there", x->name,
		         sl_dtype_name(x->dtype), sl_dtype_name(y->dtype));
	else if (x->role == SL_ROLE_FROZEN && memcmp(a->digest, b->digest, SL_START_DIGEST) != 0)
		snprintf(text, size, "the frozen tensor '%.80s' has other contents", x->name);
	else
		return true;
	return false;
}

bool sl_start_fits(const struct sl_start *ours, const struct sl_start *theirs, char *text, size_t size)
{
	struct sl_reader a = ours->list, b = theirs->list;
	struct sl_start_tensor x, y;
	for (uint32_t at = 0;; at++) {
		bool one = sl_start_next(&a, &x), other = sl_start_next(&b, &y);
		if (!one && !other)
			return true;
		if (one && other && same(&x, &y, at, text, size))
			continue;
		if (one != other)
			snprintf(text, size, "tensor '%.80s' is %s", one ? x.tensor.name : y.tensor.name,
			         one ? "missing there" : "not known here");
		return false;
	}
}
