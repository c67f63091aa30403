/* Any bytes as a message of golomb's form for many nonzeros: refused, or ascending positions and symbols in range. The first
 * bytes choose the domain and the largest symbol. */
#include "compress/pairs.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 15, HEAD = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint32_t index[MOST];
	static int32_t symbol[MOST];
	static struct sl_pairs_scratch scratch;
	if (size < HEAD)
		return 0;
	uint32_t domain = 1 + 8 * (uint32_t)sl_load_u16(data);
	struct sl_symbols s = { .domain = domain,
		                .count_max = domain < MOST ? domain : MOST,
		                .symbol_max = 1 + data[2],
		                .index = index,
		                .symbol = symbol };
	struct sl_bit_reader b = sl_bit_reader(sl_reader(data + HEAD, size - HEAD));
	uint32_t count = sl_get_omega(&b), largest = s.symbol_max;
	if (!sl_pairs_get(&s, count, &b, &scratch))
		return 0;
	if (s.count != count || count > s.count_max)
		abort();
	for (uint32_t i = 0; i < count; i++)
		if (index[i] >= domain || (i && index[i] <= index[i - 1]) || symbol[i] == 0 ||
		    (uint32_t)abs(symbol[i]) > largest)
			abort();
	return 0;
}
