/* agree.h — the keys of run.conf that all peers share, counted in table order, and which of them differ
 * between two peers or between two starts of a run. Sets of keys are bit masks. */
#ifndef SL_GOSSIP_AGREE_H
#define SL_GOSSIP_AGREE_H

#include "gossip/settings.h"

enum { SL_SHARED_MOST = 64 };

/* Key i, of scope RUN or LATER. False: i is too large. */
struct sl_shared_key {
	const char *section;
	const struct sl_option *option;
};
bool sl_shared_key(unsigned i, struct sl_shared_key *out);

/* The keys of a scope. */
uint64_t sl_shared_of(enum sl_option_scope);

/* Two bytes for each key, a hash of its name and value, as greetings carry them; returns how many keys. Equal
 * values have equal digests; of different ones, one in 65536 has by chance. */
unsigned sl_shared_digests(const struct sl_run_settings *, uint16_t out[static SL_SHARED_MOST]);

/* The keys whose values differ. */
uint64_t sl_shared_differ(const struct sl_run_settings *, const struct sl_run_settings *);

/* Whether a run started with `then`, after that many rounds, may continue with `now`: SL_REFUSED names the
 * first key that may not change, with both values. `method`: its algorithm. */
struct sl_algorithm;
enum sl_status sl_shared_resume(const struct sl_run_settings *now, const struct sl_run_settings *then,
                                uint32_t round, const struct sl_algorithm *method, struct sl_error *error);

/* "algorithm.lambda, run.seed", ending in "…" if not all fit. */
void sl_shared_names(uint64_t keys, char *text, size_t size);

#endif
