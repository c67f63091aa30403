#include "gossip/brief.h"

#include "base/random.h"

/* The first byte. */
enum { BRIEF = 0x80, TAG_ALONE = 0x40, TAG = 0x20, WANTS = 0x10, NEAR = 8, TERMS = 4, STEP = 2, ROUND = 1 };

static uint64_t add(uint64_t hash, uint64_t v)
{
	return sl_mix64(hash ^ v);
}

static uint64_t two(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

uint64_t sl_brief_key(const struct sl_brief_pair *p)
{
	uint64_t key = add(add(0, p->run), p->session);
	key = add(key, two(p->sender, p->receiver));
	key = add(key, p->sender_incarnation);
	key = add(key, p->receiver_incarnation);
	return add(key, p->epoch);
}

/* Of everything that the header stands for, whether it is in it or not; the digest apart, which has its own use. */
static uint16_t check_of(uint64_t key, uint8_t first, const struct sl_frame *f)
{
	key = add(key, two(f->version, f->step));
	key = add(key, two(f->round, f->durable));
	return (uint16_t)add(key, two(f->serial, first));
}

/* A difference is made in the round before its number, as long as no round was skipped. */
static uint32_t usual_round(const struct sl_frame *f)
{
	return f->version - 1;
}

static uint32_t zigzag(uint32_t v)
{
	return v << 1 ^ (v >> 31 ? UINT32_MAX : 0);
}

static uint32_t zagzig(uint32_t v)
{
	return v >> 1 ^ (v & 1 ? UINT32_MAX : 0);
}

static void write_number(struct sl_writer *w, bool near, uint32_t v)
{
	if (near)
		sl_write_u8(w, (uint8_t)v);
	else
		sl_write_varint(w, v);
}

size_t sl_brief_write(uint8_t out[static SL_BRIEF_MOST], const struct sl_frame *f, uint64_t key,
                      struct sl_brief_form form)
{
	struct sl_writer w = sl_writer(out, SL_BRIEF_MOST);
	bool round = f->round != usual_round(f), step = f->step != f->version;
	uint8_t first = (uint8_t)(BRIEF | (f->kind == SL_FRAME_TAG ? TAG_ALONE : 0) | (f->tag ? TAG : 0) |
	                          (f->wants ? WANTS : 0) | (form.near ? NEAR : 0) | (form.terms ? TERMS : 0) |
	                          (step ? STEP : 0) | (round ? ROUND : 0));
	sl_write_u8(&w, first);
	write_number(&w, form.near, f->version);
	if (step)
		write_number(&w, form.near, f->step);
	if (round)
		sl_write_varint(&w, zigzag(f->round - usual_round(f)));
	if (form.terms) {
		sl_write_varint(&w, f->durable + 1); /* none, 0xffffffff, is the shortest */
		sl_write_varint(&w, f->serial);
	}
	sl_write_u16(&w, check_of(key, first, f));
	sl_write_u32(&w, (uint32_t)f->digest);
	return sl_writer_length(&w);
}

bool sl_is_brief(const uint8_t *bytes, size_t length)
{
	return length > 0 && bytes[0] & BRIEF;
}

/* The number nearest to what is expected that ends in this byte. */
static uint32_t nearest(uint8_t low, uint32_t expected)
{
	int32_t ahead = (uint8_t)(low - (uint8_t)expected), away = ahead < 128 ? ahead : ahead - 256;
	return away < 0 && expected < (uint32_t)-away ? expected + (uint32_t)(away + 256)
	                                              : expected + (uint32_t)away;
}

static uint32_t read_number(struct sl_reader *r, bool near, uint32_t expected)
{
	return near ? nearest(sl_read_u8(r), expected) : sl_read_varint(r);
}

enum sl_brief sl_brief_read(struct sl_frame *out, struct sl_brief_form *form, const uint8_t *bytes,
                            size_t length, const struct sl_brief_base *base)
{
	struct sl_reader r = sl_reader(bytes, length);
	uint8_t first = sl_read_u8(&r);
	struct sl_frame f = { .kind = first & TAG_ALONE ? SL_FRAME_TAG : SL_FRAME_DIFFERENCE,
		              .tag = first & TAG,
		              .wants = first & WANTS };
	struct sl_brief_form as = { .near = first & NEAR, .terms = first & TERMS };
	f.version = read_number(&r, as.near, base->version);
	f.step = first & STEP ? read_number(&r, as.near, base->step) : f.version;
	f.round = usual_round(&f) + (first & ROUND ? zagzig(sl_read_varint(&r)) : 0);
	f.durable = as.terms ? sl_read_varint(&r) - 1 : base->durable;
	f.serial = as.terms ? sl_read_varint(&r) : base->serial;
	uint16_t check = sl_read_u16(&r);
	f.digest = sl_read_u32(&r);
	if (r.failed || !(first & BRIEF) || (f.kind == SL_FRAME_TAG && (!f.tag || sl_reader_left(&r))))
		return SL_BRIEF_MALFORMED;
	if ((!as.terms && !base->terms) || check != check_of(base->key, first, &f))
		return SL_BRIEF_UNKNOWN;
	if ((first & STEP && f.step == f.version) || (first & ROUND && f.round == usual_round(&f)))
		return SL_BRIEF_MALFORMED; /* every header has one encoding in its form */
	f.body = r;
	*out = f;
	if (form)
		*form = as;
	return SL_BRIEF_OK;
}
