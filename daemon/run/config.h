/* config.h — run.conf: an INI file (run/ini.h) into settings, with file and line in every error. */
#ifndef SL_DAEMON_RUN_CONFIG_H
#define SL_DAEMON_RUN_CONFIG_H

#include "gossip/settings.h"

enum { SL_CONFIG_SECTIONS = 16, SL_CONFIG_KEYS = 32, SL_CONFIG_OVERRIDDEN = UINT16_MAX };

/* Settings and where they came from. Paths inside are as written; sl_config_path resolves them. */
struct sl_config {
	struct sl_run_settings settings;
	char file[4096];   /* of run.conf; empty where there is none (`starling sim --topology …`) */
	char folder[4096]; /* relative paths that are read start here: run.conf's folder */
	char state[4096];  /* relative paths that are written start here: $STATE_DIRECTORY if set, else
	                      `folder` */
	/* The line that sets each option, in the order of the tables: 0: none; SL_CONFIG_OVERRIDDEN: an
	 * override did. */
	uint16_t line[SL_CONFIG_SECTIONS][SL_CONFIG_KEYS];
};

/* Reads a file over the defaults, then applies `overrides` ("section.key=value", NULL-terminated, may be
 * NULL), then checks. Errors: "run.conf:12: eta = 12: must be between …". */
enum sl_status sl_config_load(struct sl_config *out, const char *file, char *const *overrides,
                              struct sl_error *error);

/* Prepends the place to an error text about settings from a later check: "run.conf:12: " or "--set
 * algorithm.gamma: " if it begins with "[section] key", else "run.conf: ". Returns its status. */
enum sl_status sl_config_blame(const struct sl_config *, struct sl_error *error);

/* The same from a text that a file holds, without overrides: what a checkpoint or RUN/session has recorded.
 */
enum sl_status sl_config_text(struct sl_run_settings *out, const char *name, const char *text, size_t length,
                              struct sl_error *error);

/* As above without a file: defaults and overrides. */
enum sl_status sl_config_standard(struct sl_config *out, char *const *overrides, struct sl_error *error);

/* `name` as an absolute or working path in `out` (4096 bytes): relative to folder, or to state where
 * `written`. */
void sl_config_path(const struct sl_config *, const char *name, bool written, char out[static 4096]);

/* Fingerprint of a run: BLAKE2b-128 over the settings of scope RUN, the model's tensors and given start, SL_RUN_VERSION and
 * the operator's key. Hex, NUL-terminated; the first 8 bytes (little-endian) are in every frame's header. */
struct sl_model_instance;
void sl_config_fingerprint(const struct sl_run_settings *, const struct sl_model_instance *,
                           char hex[static 33], uint64_t *run);

/* run_id = name + '-' + hex(BLAKE2b-64(fingerprint ‖ session)). */
void sl_config_run_id(const struct sl_run_settings *, const char *fingerprint_hex, uint64_t session,
                      char out[static SL_TEXT_MAX + 32]);

#endif
