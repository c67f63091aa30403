/* Recordings: whatever is accepted can be read to its end, and its messages coded where their symbols make
 * values. */
#include "compress/capture.h"

#include "tests/support/compress.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { DIMENSION_MAX = 4096, HEADER = 28, TENSOR = 33, END = 21 };

static void read_all(struct sl_capture *f)
{
	size_t d = f->layout.dimension;
	struct sl_capture_room room = { malloc(d * sizeof(uint32_t)), malloc(d * sizeof(int32_t)),
		                        malloc(d * sizeof(float)) };
	struct rig rig;
	struct sl_error error;
	struct sl_captured m;
	bool coded = rig_make(&rig, f->text, &f->layout, &error);
	for (enum sl_capture_kind kind; (kind = sl_capture_next(f, &room, &m)) != SL_CAPTURE_END;) {
		struct sl_message_context address = { .seed = f->seed,
			                              .peer = m.peer,
			                              .version = m.version,
			                              .channel = m.channel,
			                              .layout = &f->layout,
			                              .copy = room.floats };
		struct sl_update u;
		if (!coded || kind != SL_CAPTURE_MESSAGE)
			continue;
		address.memory = rig.memory[0];
		struct sl_writer w = sl_writer(rig.body, rig.bound);
		if (!sl_pipeline_encode_symbols(&rig.pipeline, &address, m.count, m.position, m.symbol,
		                                m.side, &w, &u, rig.send))
			continue;
		struct sl_update received;
		address.memory = rig.memory[1];
		SL_CHECK(sl_pipeline_decode(&rig.pipeline, &address,
		                            sl_reader(rig.body, sl_writer_length(&w)), &received,
		                            rig.receive));
		SL_CHECK(received.count == u.count);
	}
	if (coded)
		rig_free(&rig);
	free(room.position);
	free(room.symbol);
	free(room.floats);
}

static void open_one(const uint8_t *bytes, size_t length)
{
	struct sl_capture f;
	struct sl_error error = { 0 };
	if (sl_capture_open(&f, bytes, length, NULL, 0, &error) != SL_OK)
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	else if (f.layout.dimension <= DIMENSION_MAX)
		read_all(&f);
}

/* Header and whole records of the input, and an end that fits them: no fuzzer would find a digest. */
static size_t with_end(const uint8_t *bytes, size_t length, uint8_t *out)
{
	struct sl_reader r = sl_reader(bytes, length);
	uint64_t digest, records = 0;
	const uint8_t *head = sl_read_bytes(&r, HEADER);
	if (head)
		sl_read_bytes(&r, sl_load_u16(head + HEADER - 4) * (size_t)TENSOR +
		                      sl_load_u16(head + HEADER - 2));
	if (!head || r.failed)
		return 0;
	digest = sl_capture_digest(0, bytes, (size_t)(r.at - bytes));
	const uint8_t *whole = r.at;
	while (sl_read_u8(&r) != SL_CAPTURE_END && sl_read_bytes(&r, sl_read_u32(&r)) && !r.failed) {
		digest = sl_capture_digest(digest, whole, (size_t)(r.at - whole));
		whole = r.at;
		records++;
	}
	memcpy(out, bytes, (size_t)(whole - bytes));
	struct sl_writer w = sl_writer(out + (whole - bytes), END);
	sl_capture_end(&w, records, digest);
	return (size_t)(whole - bytes) + END;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint8_t *ended = malloc(length + END);
	open_one(bytes, length);
	size_t n = with_end(bytes, length, ended);
	uint8_t *exact = malloc(n + 1);
	memcpy(exact, ended, n);
	open_one(exact, n);
	free(exact);
	free(ended);
	return 0;
}
