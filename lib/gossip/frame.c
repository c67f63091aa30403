#include "gossip/frame.h"

enum { MAGIC = 0x4c53 }; /* "SL" */

/* Offset and field:
 *    0 magic            2 version          3 kind             4 channels         5 flags
 *    6 incarnation16    8 epoch           12 version         16 step            20 round
 *   24 durable         28 length          32 run             40 digest          48 serial
 *   52 body */
void sl_frame_header(uint8_t header[static SL_FRAME_HEADER], const struct sl_frame *f, uint32_t length)
{
	struct sl_writer w = sl_writer(header, SL_FRAME_HEADER);
	sl_write_u16(&w, MAGIC);
	sl_write_u8(&w, SL_WIRE_VERSION);
	sl_write_u8(&w, f->kind);
	sl_write_u8(&w, f->channels);
	sl_write_u8(&w, (uint8_t)(f->tag | f->wants << 1));
	sl_write_u16(&w, f->incarnation16);
	sl_write_u32(&w, f->epoch);
	sl_write_u32(&w, f->version);
	sl_write_u32(&w, f->step);
	sl_write_u32(&w, f->round);
	sl_write_u32(&w, f->durable);
	sl_write_u32(&w, length);
	sl_write_u64(&w, f->run);
	sl_write_u64(&w, f->digest);
	sl_write_u32(&w, f->serial);
	SL_CHECK(w.at == w.end);
}

unsigned sl_frame_version(const uint8_t *bytes, size_t length)
{
	struct sl_reader r = sl_reader(bytes, length);
	bool magic = sl_read_u16(&r) == MAGIC;
	unsigned version = sl_read_u8(&r);
	return magic && !r.failed ? version : 0;
}

bool sl_frame_parse(struct sl_frame *out, const uint8_t *bytes, size_t length)
{
	struct sl_reader r = sl_reader(bytes, length);
	if (sl_read_u16(&r) != MAGIC || sl_read_u8(&r) != SL_WIRE_VERSION)
		return false;
	struct sl_frame f = { .kind = sl_read_u8(&r) };
	f.channels = sl_read_u8(&r);
	unsigned flags = sl_read_u8(&r);
	f.incarnation16 = sl_read_u16(&r);
	f.epoch = sl_read_u32(&r);
	f.version = sl_read_u32(&r);
	f.step = sl_read_u32(&r);
	f.round = sl_read_u32(&r);
	f.durable = sl_read_u32(&r);
	uint32_t body = sl_read_u32(&r);
	f.run = sl_read_u64(&r);
	f.digest = sl_read_u64(&r);
	f.serial = sl_read_u32(&r);
	if (r.failed || flags > 3 || f.kind >= SL_FRAME_KINDS || sl_reader_left(&r) != body)
		return false;
	f.tag = flags & 1;
	f.wants = flags >> 1;
	f.body = r;
	*out = f;
	return true;
}
