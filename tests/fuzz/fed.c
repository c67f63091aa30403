/* Any bytes as a recording of what a peer was fed: read to its end without a step beside it, whatever they
 * are. */
#include "daemon/fed.h"

#include <stddef.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct sl_fed_reader f;
	struct sl_error error = { 0 };
	if (sl_fed_read(&f, bytes, length, &error) != SL_OK) {
		SL_CHECK(error.text[0]);
		return 0;
	}
	struct sl_event e;
	struct sl_peer_roster roster;
	static struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	uint64_t digest, sum = 0;
	while (sl_fed_next(&f, &e, &digest, &roster, neighbours, &error)) {
		SL_CHECK(e.kind < SL_EVENT_KINDS && (e.kind != SL_EVENT_RECEIVE || e.edge < f.head.capacity));
		for (size_t i = 0; i < e.length; i++)
			sum += e.bytes[i];
		if (e.kind == SL_EVENT_ROSTER)
			SL_CHECK(e.roster->degree <= f.head.capacity);
	}
	SL_CHECK(f.ended && (f.has_end || f.cut || error.text[0] || sum == sum));
	return 0;
}
