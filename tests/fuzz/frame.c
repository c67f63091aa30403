/* Any bytes as a frame: refused, or a header that writes back to the same bytes. Those of a brief header are read as
 * they are, and as fields of one, which must be read as it was written where the receiver is near. */
#include "gossip/brief.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { BASE_BYTES = 26 };

static void read_as_it_is(const uint8_t *bytes, size_t length, const struct sl_brief_base *base)
{
	struct sl_frame f;
	struct sl_brief_form form;
	uint8_t header[SL_BRIEF_MOST];
	if (sl_brief_read(&f, &form, bytes, length, base) != SL_BRIEF_OK)
		return;
	size_t written = sl_brief_write(header, &f, base->key, form);
	SL_CHECK(written + sl_reader_left(&f.body) == length && memcmp(header, bytes, written) == 0);
}

static bool same(const struct sl_frame *a, const struct sl_frame *b)
{
	return a->kind == b->kind && a->tag == b->tag && a->wants == b->wants && a->version == b->version &&
	       a->step == b->step && a->round == b->round && a->durable == b->durable &&
	       a->serial == b->serial && sl_frame_fits(a, b->digest);
}

/* Near where the base is near enough, and with terms where it does not have them. */
static void write_and_read(struct sl_reader *r, struct sl_brief_base *base)
{
	uint8_t about = sl_read_u8(r), header[SL_BRIEF_MOST];
	struct sl_frame f = { .kind = about & 1 ? SL_FRAME_TAG : SL_FRAME_DIFFERENCE,
		              .tag = about & 3,
		              .wants = about & 4,
		              .version = base->version + (about & 8 ? sl_read_u32(r) : sl_read_u8(r)),
		              .round = sl_read_u32(r),
		              .digest = sl_read_u64(r) };
	f.step = about & 16 ? f.version : sl_read_u32(r);
	f.durable = base->terms ? base->durable : sl_read_u32(r);
	f.serial = base->terms ? base->serial : sl_read_u32(r);
	bool near = f.version - base->version < 100 && (f.step == f.version || f.step - base->step < 100);
	struct sl_frame back;
	struct sl_brief_form form = { .near = near, .terms = !base->terms };
	size_t length = sl_brief_write(header, &f, base->key, form);
	SL_CHECK(length <= SL_BRIEF_MOST && sl_is_brief(header, length));
	SL_CHECK(sl_brief_read(&back, NULL, header, length, base) == SL_BRIEF_OK && same(&f, &back));
	base->key ^= 1; /* one of 65536 keys has the same check; what is read must be the same then */
	SL_CHECK(sl_brief_read(&back, NULL, header, length, base) != SL_BRIEF_OK || same(&f, &back));
}

static void brief(struct sl_reader r)
{
	struct sl_brief_base base = { .key = sl_read_u64(&r),
		                      .version = sl_read_u32(&r),
		                      .step = sl_read_u32(&r),
		                      .terms = sl_read_u16(&r) & 1,
		                      .durable = sl_read_u32(&r),
		                      .serial = sl_read_u32(&r) };
	read_as_it_is(r.at, sl_reader_left(&r), &base);
	write_and_read(&r, &base);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_frame f;
	uint8_t header[SL_FRAME_HEADER];
	if (sl_is_brief(bytes, length) && length > BASE_BYTES)
		brief(sl_reader(bytes + 1, length - 1));
	if (!sl_frame_parse(&f, bytes, length))
		return 0;
	SL_CHECK(sl_reader_left(&f.body) + SL_FRAME_HEADER == length && f.kind < SL_FRAME_KINDS);
	SL_CHECK(!sl_is_brief(bytes, length) && sl_frame_version(bytes, length) == SL_WIRE_VERSION);
	sl_frame_header(header, &f, (uint32_t)(length - SL_FRAME_HEADER));
	SL_CHECK(memcmp(header, bytes, sizeof header) == 0);
	return 0;
}
