/* Any bytes as a recording of what a peer was fed: read to its end without a step beside it, whatever they
 * are. An odd last byte has the checks of lengths made true first, which chance would never do. */
#include "daemon/run/recording.h"
#include "daemon/run/recording_format.h"

#include <string.h>

enum { LONGEST = 1 << 16 };

static void make_true(uint8_t *bytes, size_t length)
{
	for (size_t at = SL_RECORDING_MAGIC_BYTES, skip; at + SL_RECORDING_RECORD_BYTES <= length;
	     at += skip) {
		uint32_t record = sl_load_u32(bytes + at + 1);
		sl_store_u32(bytes + at + 5, sl_recording_check(bytes[at], record));
		skip = SL_RECORDING_RECORD_BYTES + (size_t)record;
	}
}

static volatile uint64_t read_to_here; /* so that no byte is left unread */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct sl_recording_reader f;
	static uint8_t copy[LONGEST];
	struct sl_error error = { 0 };
	if (length > 0 && length <= sizeof copy && bytes[length - 1] & 1) {
		memcpy(copy, bytes, length);
		make_true(copy, length);
		bytes = copy;
	}
	if (sl_recording_read(&f, bytes, length, &error) != SL_OK) {
		SL_CHECK(error.text[0]);
		return 0;
	}
	struct sl_event e;
	struct sl_peer_roster roster;
	static struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	uint64_t digest, sum = 0;
	while (sl_recording_next(&f, &e, &digest, &roster, neighbours, &error)) {
		SL_CHECK(e.kind < SL_EVENT_KINDS && (e.kind != SL_EVENT_RECEIVE || e.edge < f.head.capacity));
		for (size_t i = 0; i < e.length; i++)
			sum += e.bytes[i];
		if (e.kind == SL_EVENT_ROSTER)
			SL_CHECK(e.roster->degree <= f.head.capacity);
	}
	/* ended: told why, or at the edge of a record, as of a peer that was killed */
	bool left = sl_reader_left(&f.in) > 0, told = error.text[0] != '\0';
	SL_CHECK(f.ended && !(f.has_end && (left || told || f.cut)) && (!f.cut || left) &&
	         (!left || f.cut || told));
	read_to_here = sum;
	return 0;
}
