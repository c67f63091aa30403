/* reads.h — which keys of run.conf a method reads, and what holds where it does not: no key is ignored in silence.
 * Method keys are those of [algorithm], except its name, and the pipeline. One that was not set takes the method's
 * own default. One that was set and is not read is refused, unless its value is what holds without it; so is one that
 * another key switches off, unless its value is the default. */
#ifndef SL_GOSSIP_READS_H
#define SL_GOSSIP_READS_H

#include "gossip/settings.h"

struct sl_algorithm;

/* The algorithm that a spec ("beer", "c-led:0.2") names, or NULL. */
const struct sl_algorithm *sl_algorithm_find(const char *spec);

/* Notes that a key was set, if it is a method key. A field that differs from its table's default counts as set. */
void sl_settings_note(struct sl_settings *, const char *section, const char *key);
bool sl_settings_noted(const struct sl_settings *, const char *section, const struct sl_option *);
/* Whether it is a method key. */
bool sl_settings_of_method(const char *section, const struct sl_option *);

/* Whether a key is read under these settings; true for keys that are not the method's. */
bool sl_settings_reads(const struct sl_settings *, const char *section, const struct sl_option *);
/* Whether some settings of that algorithm read the key. */
bool sl_algorithm_reads(const struct sl_algorithm *, const char *key);
/* The algorithm's own default of a key that it reads, or the table's. */
const char *sl_algorithm_default(const struct sl_algorithm *, const struct sl_option *);

/* Sets keys that were not set to the method's own defaults. Fails for a key that was set and is not read; the
 * error gives an alternative. */
enum sl_status sl_settings_resolve(struct sl_settings *, struct sl_error *error);

/* Puts method keys that are not read back to their tables' defaults, as if they had not been set: for programs that
 * choose settings and methods independently of each other. */
void sl_settings_drop_unread(struct sl_settings *);

#endif
