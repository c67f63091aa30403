#include "daemon/run/kept.h"

#include "base/bytes.h"

enum { FIXED = 32, SETTINGS_MOST = 16384 };

size_t sl_kept_head(const struct sl_kept *k)
{
	return FIXED + (size_t)k->settings_length;
}

void sl_kept_write(const struct sl_kept *k, uint8_t *out)
{
	struct sl_writer w = sl_writer(out, sl_kept_head(k));
	sl_write_u64(&w, (uint64_t)k->wire_tx);
	sl_write_u64(&w, (uint64_t)k->wire_rx);
	sl_write_u64(&w, k->session);
	sl_write_u32(&w, k->round);
	sl_write_u32(&w, k->settings_length);
	sl_write_bytes(&w, k->settings, k->settings_length);
	SL_CHECK(w.at == w.end);
}

bool sl_kept_read(struct sl_kept *out, const uint8_t *bytes, size_t length)
{
	struct sl_reader r = sl_reader(bytes, length);
	*out = (struct sl_kept){ .wire_tx = (int64_t)sl_read_u64(&r), .wire_rx = (int64_t)sl_read_u64(&r) };
	out->session = sl_read_u64(&r);
	out->round = sl_read_u32(&r);
	out->settings_length = sl_read_u32(&r);
	if (r.failed || out->settings_length > SETTINGS_MOST)
		return false;
	out->settings = (const char *)sl_read_bytes(&r, out->settings_length);
	if (!out->settings)
		return false;
	out->state = r.at;
	out->state_length = sl_reader_left(&r);
	return true;
}
