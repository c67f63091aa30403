/* The prepared form of a data set: one block of little-endian bytes that is used in place. All arrays begin at a
 * multiple of 8; the bytes between them are zero.
 *
 *      0  magic "SLDATA\r\n"
 *      8  u32 version (2; 1 where classes have no names, or there are none)
 *     12  u32 kind (0 bytes, 1 floats, 2 sparse)
 *     16  u32 samples
 *     20  u32 features
 *     24  u32 classes (0: real targets)
 *     28  f32 scale (1 unless the kind is 0)
 *     32  u64 non-zeros (0 unless the kind is 2)
 *     40  u64 length of the whole block
 *     48  u32 length of the names (0 in version 1)
 *     52  12 zero bytes
 *     64  bytes: u8[samples × features] | floats: f32[samples × features]
 *         | sparse: u64 row[samples + 1], u32 column[non-zeros], f32 value[non-zeros]
 *         labels: u16[samples] | without classes, targets: f32[samples]
 *         names: the list of classes, canonical UTF-8 without a NUL (class_list.h) */
#include "learn/dataset.h"

#include "linalg/elementwise.h"
#include "linalg/vector.h"

#include <math.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "shard files are mapped and used in place: this needs a little-endian machine"
#endif

static const uint8_t magic[8] = "SLDATA\r\n";
enum { UNNAMED = 1, NAMED = 2, HEADER = 64, RESERVED = 12 };

/* Offsets of the arrays. The only place that computes sizes from counts, for reading and for writing. */
struct plan {
	uint64_t first, second, third, label, names, length; /* offsets; dense features have only the first */
};

static bool place(uint64_t *end, uint64_t *at, uint64_t count, uint64_t size)
{
	uint64_t bytes;
	*at = *end;
	return !__builtin_mul_overflow(count, size, &bytes) && !__builtin_add_overflow(bytes, 7, &bytes) &&
	       !__builtin_add_overflow(*end, bytes & ~UINT64_C(7), end);
}

static bool plan_arrays(struct plan *p, enum sl_feature_kind kind, uint32_t samples, uint32_t features,
                        uint32_t classes, uint64_t nonzeros, uint64_t names)
{
	uint64_t end = HEADER, cells = (uint64_t)samples * features;
	bool fits;
	*p = (struct plan){ 0 };
	if (kind == SL_FEATURES_SPARSE)
		fits = place(&end, &p->first, (uint64_t)samples + 1, sizeof(uint64_t)) &&
		       place(&end, &p->second, nonzeros, sizeof(uint32_t)) &&
		       place(&end, &p->third, nonzeros, sizeof(float));
	else
		fits =
		    place(&end, &p->first, cells, kind == SL_FEATURES_BYTE ? sizeof(uint8_t) : sizeof(float));
	fits = fits && place(&end, &p->label, samples, classes ? sizeof(uint16_t) : sizeof(float)) &&
	       place(&end, &p->names, names, 1);
	p->length = end;
	return fits && end <= SIZE_MAX;
}

static enum sl_status check_header(const struct sl_dataset *d, uint32_t kind, uint64_t nonzeros,
                                   struct sl_error *error)
{
	if (kind >= SL_FEATURE_KINDS)
		return sl_fail(error, SL_MALFORMED, "prepared data: kind %u, must be 0, 1 or 2", kind);
	if (d->features < 1)
		return sl_fail(error, SL_MALFORMED, "prepared data: no features");
	if (d->classes == 1 || d->classes > SL_CLASSES_MAX)
		return sl_fail(error, SL_MALFORMED,
		               "prepared data: %u classes, must be 0 or between 2 and %d", d->classes,
		               SL_CLASSES_MAX);
	if (!isfinite(d->scale * 255) || !(d->scale > 0) || (kind != SL_FEATURES_BYTE && d->scale != 1))
		return sl_fail(error, SL_MALFORMED, "prepared data: scale %g", (double)d->scale);
	if (kind != SL_FEATURES_SPARSE && nonzeros != 0)
		return sl_fail(error, SL_MALFORMED, "prepared data: dense, but counts non-zeros");
	return SL_OK;
}

/* The version says whether there are names. */
static enum sl_status check_version(const struct sl_dataset *d, uint32_t version, struct sl_error *error)
{
	if ((version == NAMED) != (d->names_length > 0) || (version == NAMED && d->classes == 0))
		return sl_fail(error, SL_MALFORMED,
		               "prepared data: version %u with %zu bytes of names for %u classes", version,
		               d->names_length, d->classes);
	return SL_OK;
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	uint8_t any = 0;
	for (size_t i = 0; i < length; i++)
		any |= bytes[i];
	return any == 0;
}

static enum sl_status check_labels(const struct sl_dataset *d, struct sl_error *error)
{
	if (d->classes == 0) {
		if (!sl_vector_finite(d->samples, d->target))
			return sl_fail(error, SL_MALFORMED, "prepared data: a target is not finite");
		return SL_OK;
	}
	uint32_t most = sl_vector_label_max(d->samples, d->label);
	if (most >= d->classes)
		return sl_fail(error, SL_MALFORMED, "prepared data: label %u, but there are %u classes", most,
		               d->classes);
	return SL_OK;
}

static enum sl_status check_names(const struct sl_dataset *d, struct sl_error *error)
{
	uint32_t count = 0;
	if (!d->names)
		return SL_OK;
	if (sl_classes_count(d->names, d->names_length, &count, error) != SL_OK)
		return sl_wrap(error, "prepared data: names of classes");
	return count == d->classes ? SL_OK
	                           : sl_fail(error, SL_MALFORMED, "prepared data: %u names for %u classes",
	                                     count, d->classes);
}

/* Checks row offsets first: the arrays after them may be read only once the offsets are known to be ascending and within
 * bounds. */
static enum sl_status check_sparse(const struct sl_dataset *d, uint64_t nonzeros, struct sl_error *error)
{
	bool ordered = d->row[0] == 0 && d->row[d->samples] == nonzeros;
	for (uint32_t s = 0; s < d->samples; s++)
		ordered &= d->row[s] <= d->row[s + 1];
	if (!ordered)
		return sl_fail(error, SL_MALFORMED, "prepared data: row offsets are not ascending to %llu",
		               (unsigned long long)nonzeros);
	for (uint32_t s = 0; s < d->samples; s++)
		if (!sl_vector_ascending(d->row[s + 1] - d->row[s], d->column + d->row[s], d->features))
			return sl_fail(error, SL_MALFORMED,
			               "prepared data: columns of sample %u do not ascend below %u", s,
			               d->features);
	if (!sl_vector_finite(nonzeros, d->value))
		return sl_fail(error, SL_MALFORMED, "prepared data: a value is not finite");
	return SL_OK;
}

/* Points the arrays into the block. */
static void point(struct sl_dataset *d, const struct plan *plan, const uint8_t *bytes)
{
	const void *first = bytes + plan->first, *label = bytes + plan->label;
	if (d->kind == SL_FEATURES_BYTE)
		d->byte = first;
	else if (d->kind == SL_FEATURES_FLOAT)
		d->dense = first;
	else
		d->row = first;
	if (d->kind == SL_FEATURES_SPARSE) {
		d->column = (const void *)(bytes + plan->second);
		d->value = (const void *)(bytes + plan->third);
	}
	if (d->classes)
		d->label = label;
	else
		d->target = label;
	if (d->names_length)
		d->names = (const char *)(bytes + plan->names);
}

/* The bytes that round an array's end up to a multiple of 8. */
static bool padding_is_zero(const uint8_t *bytes, uint64_t at, uint64_t count, uint64_t size)
{
	uint64_t end = at + count * size;
	return all_zero(bytes + end, -end & 7);
}

static enum sl_status check_padding(const struct sl_dataset *d, const struct plan *p, uint64_t nonzeros,
                                    const uint8_t *bytes, struct sl_error *error)
{
	uint64_t cells = (uint64_t)d->samples * d->features;
	bool zero =
	    padding_is_zero(bytes, p->label, d->samples, d->classes ? sizeof(uint16_t) : sizeof(float)) &&
	    padding_is_zero(bytes, p->names, d->names_length, 1);
	if (d->kind == SL_FEATURES_SPARSE)
		zero = zero && padding_is_zero(bytes, p->second, nonzeros, sizeof(uint32_t)) &&
		       padding_is_zero(bytes, p->third, nonzeros, sizeof(float));
	else
		zero = zero && padding_is_zero(bytes, p->first, cells,
		                               d->kind == SL_FEATURES_BYTE ? 1 : sizeof(float));
	return zero ? SL_OK
	            : sl_fail(error, SL_MALFORMED, "prepared data: bytes between the arrays are not zero");
}

static enum sl_status check_arrays(const struct sl_dataset *d, uint64_t nonzeros, struct sl_error *error)
{
	enum sl_status status = check_labels(d, error);
	if (status == SL_OK)
		status = check_names(d, error);
	if (status == SL_OK && d->kind == SL_FEATURES_SPARSE)
		status = check_sparse(d, nonzeros, error);
	if (status == SL_OK && d->kind == SL_FEATURES_FLOAT &&
	    !sl_vector_finite((size_t)d->samples * d->features, d->dense))
		status = sl_fail(error, SL_MALFORMED, "prepared data: a feature is not finite");
	return status;
}

enum sl_status sl_dataset_open(struct sl_dataset *out, const uint8_t *bytes, size_t length,
                               struct sl_error *error)
{
	struct sl_reader r = sl_reader(bytes, length);
	const uint8_t *start = sl_read_bytes(&r, sizeof magic);
	if (!start || memcmp(start, magic, sizeof magic) != 0)
		return sl_fail(error, SL_MALFORMED, "not prepared data: it does not begin with SLDATA");
	SL_CHECK(((uintptr_t)bytes & 7) == 0);
	uint32_t version = sl_read_u32(&r);
	if (!r.failed && version != NAMED && version != UNNAMED)
		return sl_fail(error, SL_UNSUPPORTED,
		               "prepared data of version %u, must be %d or %d: prepare it again", version,
		               UNNAMED, NAMED);
	uint32_t kind = sl_read_u32(&r);
	struct sl_dataset d = { .samples = sl_read_u32(&r), .features = 0 };
	d.features = sl_read_u32(&r);
	d.classes = sl_read_u32(&r);
	d.scale = sl_read_f32(&r);
	uint64_t nonzeros = sl_read_u64(&r), promised = sl_read_u64(&r);
	d.names_length = sl_read_u32(&r);
	const uint8_t *reserved = sl_read_bytes(&r, RESERVED);
	if (r.failed || !all_zero(reserved, RESERVED))
		return sl_fail(error, SL_MALFORMED,
		               "prepared data: the header is damaged or truncated (%zu bytes)", length);
	enum sl_status status = check_version(&d, version, error);
	if (status == SL_OK)
		status = check_header(&d, kind, nonzeros, error);
	if (status != SL_OK)
		return status;
	d.kind = (enum sl_feature_kind)kind;
	struct plan plan;
	if (!plan_arrays(&plan, d.kind, d.samples, d.features, d.classes, nonzeros, d.names_length) ||
	    plan.length != promised || plan.length != length)
		return sl_fail(error, SL_MALFORMED, "prepared data: %zu bytes, but its header promises %llu",
		               length, (unsigned long long)promised);
	point(&d, &plan, bytes);
	status = check_arrays(&d, nonzeros, error);
	if (status == SL_OK)
		status = check_padding(&d, &plan, nonzeros, bytes, error);
	if (status == SL_OK)
		*out = d;
	return status;
}

static uint32_t picked(const uint32_t *pick, uint32_t i)
{
	return pick ? pick[i] : i;
}

static uint64_t count_nonzeros(const struct sl_dataset *from, const uint32_t *pick, uint32_t count)
{
	uint64_t sum = 0;
	if (from->kind == SL_FEATURES_SPARSE)
		for (uint32_t i = 0; i < count; i++)
			sum += from->row[picked(pick, i) + 1] - from->row[picked(pick, i)];
	return sum;
}

/* The sizes of a data set in memory always fit: a failure here is a bug. */
static struct plan plan_of(const struct sl_dataset *from, uint32_t count, uint64_t nonzeros)
{
	struct plan plan;
	SL_CHECK(plan_arrays(&plan, from->kind, count, from->features, from->classes, nonzeros,
	                     from->names ? from->names_length : 0));
	return plan;
}

size_t sl_dataset_prepared_size(const struct sl_dataset *from, const uint32_t *pick, uint32_t count)
{
	count = pick ? count : from->samples;
	return plan_of(from, count, count_nonzeros(from, pick, count)).length;
}

static void write_header(const struct sl_dataset *from, uint32_t count, uint64_t nonzeros, uint64_t length,
                         uint8_t *out)
{
	struct sl_writer w = sl_writer(out, HEADER);
	sl_write_bytes(&w, magic, sizeof magic);
	sl_write_u32(&w, from->names ? NAMED : UNNAMED);
	sl_write_u32(&w, from->kind);
	sl_write_u32(&w, count);
	sl_write_u32(&w, from->features);
	sl_write_u32(&w, from->classes);
	sl_write_f32(&w, from->kind == SL_FEATURES_BYTE ? from->scale : 1);
	sl_write_u64(&w, nonzeros);
	sl_write_u64(&w, length);
	sl_write_u32(&w, from->names ? (uint32_t)from->names_length : 0);
	memset(sl_write_room(&w, RESERVED), 0, RESERVED);
}

static void write_sparse(const struct sl_dataset *from, const uint32_t *pick, uint32_t count,
                         const struct plan *plan, uint8_t *out)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t start = from->row[picked(pick, i)], n = from->row[picked(pick, i) + 1] - start;
		sl_store_u64(out + plan->first + sizeof at * i, at);
		if (n > 0) { /* a set without non-zeros may have no arrays */
			memcpy(out + plan->second + sizeof(uint32_t) * at, from->column + start,
			       n * sizeof(uint32_t));
			memcpy(out + plan->third + sizeof(float) * at, from->value + start,
			       n * sizeof(float));
		}
		at += n;
	}
	sl_store_u64(out + plan->first + sizeof at * count, at);
}

static void write_rows(const void *from, size_t width, const uint32_t *pick, uint32_t count, uint8_t *out)
{
	for (size_t i = 0; i < count; i++)
		memcpy(out + i * width, (const uint8_t *)from + picked(pick, (uint32_t)i) * width, width);
}

void sl_dataset_prepare(const struct sl_dataset *from, const uint32_t *pick, uint32_t count, uint8_t *out)
{
	count = pick ? count : from->samples;
	uint64_t nonzeros = count_nonzeros(from, pick, count);
	struct plan plan = plan_of(from, count, nonzeros);
	/* Zeros for the padding: the last eight bytes of each array's space, before the array is written. */
	memset(out + plan.length - 8, 0, 8);
	memset(out + plan.label - 8, 0, 8);
	memset(out + plan.names - 8, 0, 8);
	if (plan.second)
		memset(out + plan.second - 8, 0, 8);
	if (plan.third)
		memset(out + plan.third - 8, 0, 8);
	write_header(from, count, nonzeros, plan.length, out);
	size_t width = from->features;
	if (from->kind == SL_FEATURES_BYTE)
		write_rows(from->byte, width, pick, count, out + plan.first);
	else if (from->kind == SL_FEATURES_FLOAT)
		write_rows(from->dense, width * sizeof(float), pick, count, out + plan.first);
	else
		write_sparse(from, pick, count, &plan, out);
	if (from->classes)
		write_rows(from->label, sizeof *from->label, pick, count, out + plan.label);
	else
		write_rows(from->target, sizeof *from->target, pick, count, out + plan.label);
	if (from->names)
		memcpy(out + plan.names, from->names, from->names_length);
}
