/* Messages and starts of a trainer from anywhere: an odd first byte is a start, an even one a message. What is taken is
 * consistent, and a message that is written again is the same. */
#include "trainer/message.h"
#include "trainer/start.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void read_message(const uint8_t *bytes, size_t length)
{
	static struct sl_trainer_message m, again;
	uint8_t out[SL_TRAINER_BYTES];
	if (sl_trainer_decode(&m, bytes, length))
		return;
	SL_CHECK(m.metrics <= SL_METRICS_MAX);
	size_t n = sl_trainer_encode(&m, out);
	SL_CHECK(!sl_trainer_decode(&again, out, n));
	SL_CHECK(again.kind == m.kind && again.round == m.round && again.metrics == m.metrics);
	for (unsigned i = 0; i < m.metrics; i++)
		SL_CHECK(strcmp(again.metric[i].name, m.metric[i].name) == 0);
}

static void read_start(const uint8_t *bytes, size_t length)
{
	struct sl_start start, filled;
	struct sl_error error = { 0 };
	char text[512];
	if (sl_start_read(&start, bytes, length, NULL, 0, &error) != SL_OK) {
		SL_CHECK(error.text[0] && !strchr(error.text, '\n'));
		return;
	}
	struct sl_tensor *room = calloc(start.vector, sizeof *room);
	SL_CHECK(sl_start_read(&filled, bytes, length, room, start.vector, &error) == SL_OK);
	uint64_t sum = 0;
	for (uint32_t t = 0; t < filled.layout.tensors; t++) {
		const struct sl_tensor *tensor = sl_layout_tensor(&filled.layout, t);
		SL_CHECK(tensor->offset == sum && tensor->name[0]);
		sum += sl_tensor_size(tensor);
	}
	SL_CHECK(sum == filled.dimension);
	SL_CHECK(sl_start_fits(&filled, &start, text, sizeof text));
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length == 0)
		return 0;
	uint8_t *aligned = aligned_alloc(64, (length + 63) / 64 * 64);
	memcpy(aligned, bytes + 1, length - 1);
	if (bytes[0] & 1)
		read_start(aligned, length - 1);
	else
		read_message(aligned, length - 1);
	free(aligned);
	return 0;
}
