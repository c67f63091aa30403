/* numpy's .npz: a ZIP archive of .npy arrays. Two of them, chosen by name, are read as npy.c reads them: features and labels.
 *
 * The directory of an archive is at its end, so the file is kept until all of it is there. A member is stored or deflated
 * (numpy.savez, savez_compressed); its bytes go to the reader of npy in pieces, so that memory follows the array that its
 * header promises, not what deflated bytes could grow to. */
#include "learn/reader.h"

#include <stdio.h>
#include <zlib.h>

extern const struct sl_data_format sl_data_format_npy;

enum { FEATURES, LABELS, STREAMS };
/* Sizes of ZIP's records, without what follows them. */
enum { LOCAL = 30, CENTRAL = 46, END = 22, LOCATOR = 20, END64 = 56, COMMENT_MAX = 65535 };
enum {
	LOCAL_MARK = 0x04034b50,
	CENTRAL_MARK = 0x02014b50,
	END_MARK = 0x06054b50,
	LOCATOR_MARK = 0x07064b50,
	END64_MARK = 0x06064b50
};
enum { ENCRYPTED = 1, STORED = 0, DEFLATED = 8, ZIP64 = 1, PIECE = 65536, NAME_SHOWN = 40 };

struct npz_options {
	char name[STREAMS][SL_TEXT_MAX], test[STREAMS][SL_TEXT_MAX];
};

#define AT(field) offsetof(struct npz_options, field)
static const struct sl_option npz_options[] = {
	{ "features", "name of the array of features", SL_OPTION_TEXT, AT(name[FEATURES]), 0, 0, "x", NULL,
	  true },
	{ "labels", "name of the array of labels", SL_OPTION_TEXT, AT(name[LABELS]), 0, 0, "y", NULL, true },
	{ "test_features", "their name in the file of test data (empty: the same)", SL_OPTION_TEXT,
	  AT(test[FEATURES]), 0, 0, "", NULL, true },
	{ "test_labels", "likewise, of the labels", SL_OPTION_TEXT, AT(test[LABELS]), 0, 0, "", NULL, true },
	{ 0 },
};

struct sl_data_reader {
	char what[SL_TEXT_MAX];
	bool refused, complete;
	char wanted[STREAMS][SL_TEXT_MAX];
	struct sl_growing file;
	struct sl_data_reader *arrays; /* npy's */
};

/* A member as the directory has it. */
struct member {
	const char *name;
	size_t name_length;
	uint32_t flags, method, crc;
	uint64_t packed, size, at; /* bytes in the archive and out of it; where its local header is */
};

static enum sl_status no_memory(const struct sl_data_reader *r, struct sl_error *error)
{
	return sl_fail(error, SL_NO_MEMORY, "%s: no memory for it", r->what);
}

static struct sl_data_reader *npz_open(const void *options, uint64_t seed, bool train, struct sl_error *error)
{
	struct npz_options standard = { 0 };
	const struct npz_options *o = options ? options : &standard;
	struct sl_data_reader *r = calloc(1, sizeof *r);
	sl_options_standard(npz_options, &standard);
	if (!r) {
		sl_fail(error, SL_NO_MEMORY, "no memory for an npz reader");
		return NULL;
	}
	sl_reader_name(r->what, "npz");
	for (unsigned i = 0; i < STREAMS; i++)
		sl_reader_name(r->wanted[i], !train && o->test[i][0] ? o->test[i] : o->name[i]);
	r->arrays = sl_data_format_npy.open(NULL, seed, train, error);
	if (r->arrays)
		return r;
	free(r);
	return NULL;
}

static enum sl_status npz_push(struct sl_data_reader *r, unsigned stream, const uint8_t *bytes, size_t length,
                               const char *what, struct sl_error *error)
{
	SL_CHECK(stream == 0 && !r->refused && !r->complete);
	sl_reader_name(r->what, what);
	if (sl_growing_add(&r->file, bytes, length))
		return SL_OK;
	r->refused = true;
	return no_memory(r, error);
}

/* ---- the directory ---- */

/* `length` bytes at `at` of the file; NULL: it has not that many. */
static const uint8_t *bytes_at(const struct sl_data_reader *r, uint64_t at, uint64_t length)
{
	return at <= r->file.used && length <= r->file.used - at ? r->file.bytes + at : NULL;
}

/* Where the directory begins, and its members; in ZIP64's record where they do not fit that of ZIP. */
struct directory {
	uint64_t at, length, members;
};

static enum sl_status read_end64(const struct sl_data_reader *r, uint64_t end, struct directory *out,
                                 struct sl_error *error)
{
	const uint8_t *b = end >= LOCATOR ? bytes_at(r, end - LOCATOR, LOCATOR) : NULL;
	if (!b || sl_load_u32(b) != LOCATOR_MARK)
		return SL_OK; /* as large as fits without */
	b = bytes_at(r, sl_load_u64(b + 8), END64);
	if (!b || sl_load_u32(b) != END64_MARK)
		return sl_fail(error, SL_MALFORMED,
		               "%s: byte %llu: no end record of ZIP64 where it is said to be", r->what,
		               (unsigned long long)end - LOCATOR);
	*out = (struct directory){ sl_load_u64(b + 48), sl_load_u64(b + 40), sl_load_u64(b + 32) };
	return SL_OK;
}

static enum sl_status read_end(const struct sl_data_reader *r, struct directory *out, struct sl_error *error)
{
	uint64_t used = r->file.used, least = used > END + COMMENT_MAX ? used - END - COMMENT_MAX : 0;
	for (uint64_t at = used >= END ? used - END : 0; used >= END; at--) {
		const uint8_t *b = r->file.bytes + at;
		if (sl_load_u32(b) == END_MARK && at + END + sl_load_u16(b + 20) == used) {
			*out = (struct directory){ sl_load_u32(b + 16), sl_load_u32(b + 12),
				                   sl_load_u16(b + 10) };
			return read_end64(r, at, out, error);
		}
		if (at == least)
			break;
	}
	return sl_fail(error, SL_MALFORMED,
	               "%s: not an .npz file, or not all of it: no ZIP directory at its end", r->what);
}

/* Sizes that do not fit 32 bits are in an extra field, in this order, each only where the header's is full. */
static void read_sizes64(struct member *m, const uint8_t *extra, size_t length)
{
	uint64_t *field[] = { &m->size, &m->packed, &m->at };
	while (length >= 4) {
		size_t id = sl_load_u16(extra), n = sl_load_u16(extra + 2);
		extra += 4;
		length -= 4;
		if (n > length)
			return;
		for (size_t i = 0, at = 0; id == ZIP64 && i < 3; i++)
			if (*field[i] == UINT32_MAX && n - at >= 8) {
				*field[i] = sl_load_u64(extra + at);
				at += 8;
			}
		extra += n;
		length -= n;
	}
}

/* Reads the member at `at`, and moves it to the next one. */
static enum sl_status read_member(const struct sl_data_reader *r, uint64_t *at, struct member *out,
                                  struct sl_error *error)
{
	const uint8_t *b = bytes_at(r, *at, CENTRAL);
	uint64_t name = b ? sl_load_u16(b + 28) : 0, extra = b ? sl_load_u16(b + 30) : 0;
	uint64_t all = CENTRAL + name + extra + (b ? sl_load_u16(b + 32) : 0U);
	if (!b || sl_load_u32(b) != CENTRAL_MARK || !bytes_at(r, *at, all))
		return sl_fail(error, SL_MALFORMED, "%s: byte %llu: its ZIP directory is damaged", r->what,
		               (unsigned long long)*at);
	*out = (struct member){
		.name = (const char *)b + CENTRAL,
		.name_length = name,
		.flags = sl_load_u16(b + 8),
		.method = sl_load_u16(b + 10),
		.crc = sl_load_u32(b + 16),
		.packed = sl_load_u32(b + 20),
		.size = sl_load_u32(b + 24),
		.at = sl_load_u32(b + 42),
	};
	read_sizes64(out, b + CENTRAL + name, extra);
	*at += all;
	return SL_OK;
}

/* numpy adds ".npy" to the names of arrays. */
static bool is_named(const struct member *m, const char *name)
{
	size_t n = strlen(name);
	return m->name_length == n + 4 && memcmp(m->name, name, n) == 0 &&
	       memcmp(m->name + n, ".npy", 4) == 0;
}

/* The names that there are, for an error's text. */
static enum sl_status not_there(const struct sl_data_reader *r, const struct directory *d, const char *name,
                                struct sl_error *error)
{
	char list[SL_TEXT_MAX / 2] = "";
	uint64_t at = d->at;
	struct member m;
	for (uint64_t i = 0; i < d->members && read_member(r, &at, &m, error) == SL_OK; i++) {
		size_t used = strlen(list), n = m.name_length < NAME_SHOWN ? m.name_length : NAME_SHOWN;
		n -= n > 4 && memcmp(m.name + n - 4, ".npy", 4) == 0 ? 4 : 0;
		if (used + n + 8 > sizeof list) {
			snprintf(list + used, sizeof list - used, ", …");
			break;
		}
		snprintf(list + used, sizeof list - used, "%s%.*s", i ? ", " : "", (int)n, m.name);
	}
	for (char *p = list; *p; p++)
		*p = (unsigned char)*p < ' ' || *p == 127 ? '?' : *p;
	return sl_fail(error, SL_NOT_FOUND,
	               "%s: no array '%s'; there are: %s. Use npz:features=NAME,labels=NAME:FILE", r->what,
	               name, list);
}

static enum sl_status find_member(const struct sl_data_reader *r, const struct directory *d, const char *name,
                                  struct member *out, struct sl_error *error)
{
	uint64_t at = d->at, found = 0;
	for (uint64_t i = 0; i < d->members; i++) {
		struct member m;
		enum sl_status status = read_member(r, &at, &m, error);
		if (status != SL_OK)
			return status;
		if (!is_named(&m, name))
			continue;
		*out = m;
		found++;
	}
	if (found > 1)
		return sl_fail(error, SL_MALFORMED, "%s: has the array '%s' %llu times", r->what, name,
		               (unsigned long long)found);
	return found ? SL_OK : not_there(r, d, name, error);
}

/* ---- a member ---- */

/* Where a member's bytes go: npy's reader, which counts them, too. */
struct sink {
	struct sl_data_reader *arrays;
	unsigned stream;
	const char *what;
	uint64_t taken;
	uint32_t crc;
};

static enum sl_status pass(struct sink *s, const uint8_t *bytes, size_t length, struct sl_error *error)
{
	s->crc = (uint32_t)crc32_z(s->crc, bytes, length);
	s->taken += length;
	return sl_data_format_npy.push(s->arrays, s->stream, bytes, length, s->what, error);
}

static enum sl_status pass_stored(struct sink *s, const uint8_t *bytes, uint64_t length,
                                  struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (size_t n; length > 0 && status == SL_OK; bytes += n, length -= n) {
		n = length < PIECE ? (size_t)length : PIECE;
		status = pass(s, bytes, n, error);
	}
	return status;
}

static enum sl_status inflate_all(z_stream *z, struct sink *s, const uint8_t *bytes, uint64_t length,
                                  uint8_t piece[PIECE], struct sl_error *error)
{
	enum sl_status status = SL_OK;
	int code = Z_OK;
	while (code == Z_OK && status == SL_OK) {
		if (z->avail_in == 0 && length > 0) {
			z->next_in = (Bytef *)(uintptr_t)bytes; /* zlib does not write there */
			z->avail_in = length < PIECE ? (unsigned)length : PIECE;
			bytes += z->avail_in;
			length -= z->avail_in;
		}
		z->next_out = piece;
		z->avail_out = PIECE;
		code = inflate(z, Z_NO_FLUSH);
		status = pass(s, piece, PIECE - z->avail_out, error);
	}
	if (status == SL_OK && (code != Z_STREAM_END || length > 0 || z->avail_in > 0))
		return sl_fail(error, SL_MALFORMED, "%s: its deflated bytes are damaged after %llu bytes",
		               s->what, (unsigned long long)s->taken);
	return status;
}

static enum sl_status pass_deflated(struct sink *s, const uint8_t *bytes, uint64_t length,
                                    struct sl_error *error)
{
	z_stream z = { 0 };
	uint8_t *piece = malloc(PIECE);
	enum sl_status status = SL_NO_MEMORY;
	if (piece && inflateInit2(&z, -MAX_WBITS) == Z_OK) {
		status = inflate_all(&z, s, bytes, length, piece, error);
		inflateEnd(&z);
	} else {
		sl_fail(error, SL_NO_MEMORY, "%s: no memory to inflate it", s->what);
	}
	free(piece);
	return status;
}

/* The member's bytes in the archive, after its local header; NULL: they are not there. */
static const uint8_t *packed_bytes(const struct sl_data_reader *r, const struct member *m)
{
	const uint8_t *b = bytes_at(r, m->at, LOCAL);
	if (!b || sl_load_u32(b) != LOCAL_MARK)
		return NULL;
	uint64_t before = LOCAL + (uint64_t)sl_load_u16(b + 26) + sl_load_u16(b + 28);
	return bytes_at(r, m->at, before) ? bytes_at(r, m->at + before, m->packed) : NULL;
}

static enum sl_status take_member(struct sl_data_reader *r, unsigned stream, const struct member *m,
                                  struct sl_error *error)
{
	char what[SL_TEXT_MAX];
	snprintf(what, sizeof what, "%.120s: %.60s.npy", r->what, r->wanted[stream]);
	struct sink s = { .arrays = r->arrays, .stream = stream, .what = what };
	const uint8_t *bytes = packed_bytes(r, m);
	if (m->flags & ENCRYPTED)
		return sl_fail(error, SL_UNSUPPORTED, "%s: is encrypted", what);
	if (m->method != STORED && m->method != DEFLATED)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "%s: compressed by method %u of ZIP: save it with numpy.savez or savez_compressed", what,
		    m->method);
	if (!bytes)
		return sl_fail(error, SL_MALFORMED,
		               "%s: byte %llu of the archive: its %llu bytes are not there", what,
		               (unsigned long long)m->at, (unsigned long long)m->packed);
	enum sl_status status = m->method == STORED ? pass_stored(&s, bytes, m->packed, error)
	                                            : pass_deflated(&s, bytes, m->packed, error);
	if (status == SL_OK && (s.taken != m->size || s.crc != m->crc))
		return sl_fail(error, SL_MALFORMED,
		               "%s: damaged: its %s is not that of the archive's directory", what,
		               s.taken != m->size ? "length" : "checksum");
	return status;
}

/* ---- the data ---- */

static enum sl_status complete(struct sl_data_reader *r, struct sl_error *error)
{
	struct directory d = { 0 };
	struct member m[STREAMS] = { 0 };
	enum sl_status status = read_end(r, &d, error);
	for (unsigned i = 0; i < STREAMS && status == SL_OK; i++)
		status = find_member(r, &d, r->wanted[i], &m[i], error);
	for (unsigned i = 0; i < STREAMS && status == SL_OK; i++)
		status = take_member(r, i, &m[i], error);
	free(r->file.bytes);
	r->file = (struct sl_growing){ 0 };
	return status;
}

static enum sl_status npz_survey(struct sl_data_reader *r, struct sl_survey *out, struct sl_error *error)
{
	SL_CHECK(!r->refused);
	enum sl_status status = r->complete ? SL_OK : complete(r, error);
	if (status == SL_OK)
		status = sl_data_format_npy.survey(r->arrays, out, error);
	r->complete = true;
	r->refused = status != SL_OK;
	return status;
}

static void npz_abandon(struct sl_data_reader *r)
{
	if (!r)
		return;
	sl_data_format_npy.abandon(r->arrays);
	free(r->file.bytes);
	free(r);
}

static enum sl_status npz_finish(struct sl_data_reader *r, uint32_t features,
                                 const struct sl_classes *classes, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	struct sl_survey found;
	enum sl_status status = npz_survey(r, &found, error);
	if (status == SL_OK) {
		status = sl_data_format_npy.finish(r->arrays, features, classes, block, length, error);
		r->arrays = NULL; /* freed, whatever came of it */
	}
	npz_abandon(r);
	return status;
}

/* x.npy, stored, and y.npy, deflated: those of npy.c's example. */
#define EXAMPLE                                                                                              \
	"PK\003\004\024\0\0\0\0\0\0\0!\0\001C\233lV\0\0\0V\0\0\0\005\0\0\0x.npy\223NUMPY\001"                \
	"\0\064\0{'descr':'<f4','fortran_order':False,'shape':(3,2)}\012\0\0\200?\0\0\0@\0\0"                \
	"\0\0\0\0\200\277\0\0\0?\0\0\0\0PK\003\004\024\0\0\0\010\0\0\0!\0\300g\213\343A\0\0\0"               \
	"@\0\0\0\005\0\0\0y.npy\233\354\027\352\033\020\311\310`\314P\255\236\222Z\234\134"                  \
	"\244n\245^\223i\250\256\243\236\226_TR\224\230\027\237_\224\222\012\024uK\314)N\325Q"               \
	"/\316H,HU\267\3220\326\321\254\345b`\374\017\0PK\001\002\024\0\024\0\0\0\0\0\0\0!\0"                \
	"\001C\233lV\0\0\0V\0\0\0\005\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x.npyPK\001\002\024\0"                \
	"\024\0\0\0\010\0\0\0!\0\300g\213\343A\0\0\0@\0\0\0\005\0\0\0\0\0\0\0\0\0\0\0\0\0y\0"                \
	"\0\0y.npyPK\005\006\0\0\0\0\002\0\002\0f\0\0\0\335\0\0\0\0\0"

const struct sl_data_format sl_data_format_npz = {
	.name = "npz",
	.doc = "numpy archives: an array of features and one of labels, as for npy",
	.streams = 1,
	.example = { { EXAMPLE, sizeof EXAMPLE - 1 } },
	.options = npz_options,
	.options_size = sizeof(struct npz_options),
	.open = npz_open,
	.push = npz_push,
	.survey = npz_survey,
	.finish = npz_finish,
	.abandon = npz_abandon,
};
