/* units.h — quantities of bytes and their text: a rate ("64kbit"), a size ("1400B"), a volume per time
 * ("200MB/month"). Prefixes are decimal: 1 kB is 1000 bytes. A month has 30 days. */
#ifndef SL_BASE_UNITS_H
#define SL_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_volume {
	uint64_t bytes;   /* 0: no limit */
	uint32_t seconds; /* in which they may be sent; 0 only if bytes is 0 */
};

/* "64kbit", "8kB" and the same with "/s", in bits per second; false if the text is none of these, or over 10^12. */
bool sl_rate_parse(const char *text, uint64_t *bits);
/* "1400", "1400B" or "1.4kB", in bytes. */
bool sl_size_parse(const char *text, uint64_t *bytes);
/* "200MB/month", also /day and /hour. */
bool sl_volume_parse(const char *text, struct sl_volume *out);

/* Texts that parse back to the same value; 32 bytes always suffice. */
void sl_rate_print(uint64_t bits, char *text, size_t size);
void sl_size_print(uint64_t bytes, char *text, size_t size);
void sl_volume_print(struct sl_volume volume, char *text, size_t size);

/* Bits per second at which a volume lasts for its time, rounded down; 0: no limit. */
uint64_t sl_volume_rate(struct sl_volume volume);

#endif
