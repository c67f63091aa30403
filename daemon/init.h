/* init.h — the parts of `starling init`: the data, and the folder that is there whole or not at all. */
#ifndef SL_DAEMON_INIT_H
#define SL_DAEMON_INIT_H

#include "daemon/config.h"
#include "learn/dataset.h"

/* Set by SIGINT, SIGTERM and SIGHUP: the long steps stop with an error, and what was begun is removed. */
bool sl_init_interrupted(void);
void sl_init_catch_signals(void);

/* Where samples come from: a format with its arguments, and files. */
struct sl_source {
	const struct sl_data_format *format;
	_Alignas(8) unsigned char options[256];
	char train[4096],
	    test[4096];         /* paths; of a format with two streams two, with a comma; %d: a peer's own */
	char name[SL_TEXT_MAX]; /* for people: "Fashion-MNIST", "synthetic" … */
	bool own;               /* a file a peer */
	bool hold_out; /* no test data were named: a tenth of the training samples becomes the test set */
	uint64_t seed;
};

/* Resolves `auto`, finds the format, and checks that the files can be read. The settings are rewritten to say
 * what was found, with absolute paths. `note` (SL_TEXT_MAX bytes) gets a line for people, or an empty string.
 */
enum sl_status sl_source_resolve(struct sl_source *out, struct sl_settings *settings, char *note,
                                 struct sl_error *error);

/* One data set in the prepared form. `block` is owned (sl_block_free); `data` points into it. */
struct sl_block {
	uint8_t *bytes;
	size_t length;
	struct sl_dataset data;
};
void sl_block_free(struct sl_block *);

/* What the shards turned out to be. */
struct sl_shards {
	uint32_t features, classes, test_samples;
	uint64_t samples;     /* of all peers */
	uint32_t least, most; /* samples of one peer */
	struct sl_block test; /* owned; samples 0: none */
};

/* Reads the data and writes every peer's shard and the test set (empty where there is none: it still says the
 * shape) to their places below config->folder. The training set is in memory once. */
enum sl_status sl_shards_write(struct sl_shards *out, const struct sl_source *,
                               const struct sl_config *config, uint32_t peers, struct sl_error *error);

/* Creates "RUN.new-XXXXXX" beside RUN, which must not exist or be empty. */
enum sl_status sl_folder_begin(const char *run, char temporary[static 4096], struct sl_error *error);
/* Makes it RUN. */
enum sl_status sl_folder_finish(const char *temporary, const char *run, struct sl_error *error);
/* Removes it and everything inside. */
void sl_folder_abandon(const char *temporary);

#endif
