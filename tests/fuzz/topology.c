/* Topology files and specs from strangers: whatever is accepted is a connected graph with a doubly stochastic
 * matrix. The first byte chooses between a file (even) and a spec (odd). */
#include "topology/topology.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const struct sl_topology *t)
{
	SL_CHECK(t->peers >= 2 && t->peers <= SL_PEERS_MAX && t->first[t->peers] == 2 * t->edges);
	SL_CHECK(t->edges >= t->peers - 1);
	for (uint32_t i = 0; i < t->peers; i++) {
		double row = t->self[i];
		SL_CHECK(row >= 0);
		SL_CHECK(sl_topology_degree(t, i) >= 1 && sl_topology_degree(t, i) <= SL_DEGREE_MAX);
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++) {
			SL_CHECK(t->neighbour[k] < t->peers && t->neighbour[k] != i &&
			         t->edge_of[k] < t->edges);
			row += t->weight[t->edge_of[k]];
		}
		SL_CHECK(fabs(row - 1) < 1e-8);
	}
	if (t->peers > 64)
		return; /* a fuzzer has better uses of its time */
	struct sl_spectrum s;
	sl_topology_spectrum(t, &s);
	SL_CHECK(s.gap > -1e-12 && s.gap <= 1 && s.beta > 0 && s.beta < 2 + 1e-9 && s.diameter < t->peers);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_topology t;
	struct sl_error error;
	char spec[SL_TEXT_MAX + 8];
	if (length == 0)
		return 0;
	bool file = bytes[0] % 2 == 0;
	bytes++;
	length--;
	if (!file && length >= sizeof spec)
		return 0;
	enum sl_status status;
	if (file) {
		status = sl_topology_parse(&t, (const char *)bytes, length, "fuzz", &error);
	} else {
		memcpy(spec, bytes, length);
		spec[length] = '\0';
		status = sl_topology_make(&t, spec, length, &error);
	}
	if (status == SL_OK)
		check(&t);
	else
		SL_CHECK(error.text[0] && !strchr(error.text, '\n'));
	sl_topology_free(&t);
	return 0;
}
