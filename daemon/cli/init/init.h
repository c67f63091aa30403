/* init.h — the parts of `starling init`: the data, and the folder, which is created completely or not at
 * all. */
#ifndef SL_DAEMON_CLI_INIT_INIT_H
#define SL_DAEMON_CLI_INIT_INIT_H

#include "daemon/cli/common/hosts.h"
#include "daemon/run/classes.h"
#include "daemon/run/columns.h"
#include "daemon/run/config.h"
#include "learn/dataset.h"

/* Set by SIGINT, SIGTERM and SIGHUP: long steps stop with an error, and incomplete output is removed. */
bool sl_init_interrupted(void);
void sl_init_catch_signals(void);

/* Where samples come from: a format with its arguments, and files. */
struct sl_source {
	const struct sl_data_format *format;
	_Alignas(8) unsigned char options[SL_DATA_OPTIONS_MAX];
	char train[4096],
	    test[4096];         /* paths; of a format with two streams two, with a comma; %d: a peer's own */
	char name[SL_TEXT_MAX]; /* for display: "Fashion-MNIST", "synthetic" … */
	bool own;               /* one file per peer */
	bool hold_out;          /* no test data given: a tenth of the training samples becomes the test set */
	uint64_t seed;
	struct sl_class_list classes; /* declared by [data] classes; count 0: none */
	bool real;                    /* classes = none: targets are real */
	struct sl_columns
	    columns; /* declared by [data] columns; count 0: none. Readings are put into their order */
};
void sl_source_free(struct sl_source *);

/* Resolves `auto`, finds the format, and checks that the files can be read. Updates the settings with the
 * result, with absolute paths. `note` (SL_TEXT_MAX bytes) gets a line for the user, or an empty string. */
enum sl_status sl_source_resolve(struct sl_source *out, struct sl_run_settings *settings, char *note,
                                 struct sl_error *error);

/* The path of a file: of peer `peer` if every peer has its own; else `peer` is ignored. */
void sl_source_file(const struct sl_source *, bool train, unsigned stream, uint32_t peer,
                    char out[static 4096]);

/* One data set in the prepared form. `block` is owned (sl_block_free); `data` points into it. */
struct sl_block {
	uint8_t *bytes;
	size_t length;
	struct sl_dataset data;
};
void sl_block_free(struct sl_block *);

/* A part whose files have been read but not yet converted to the prepared form: its reader, and the reader's
 * survey, valid until the reader is freed. */
struct sl_reading {
	struct sl_data_reader *reader; /* NULL: none */
	struct sl_survey found;
	uint32_t *order; /* of declared columns in the file; owned; NULL: the declared one */
	char what[4096]; /* the file with the features, for error texts */
};
enum sl_status sl_reading_begin(struct sl_reading *out, const struct sl_source *, bool train, uint32_t peer,
                                struct sl_error *error);
/* Frees the reader, also on failure. Arguments as sl_data_format.finish takes them. */
enum sl_status sl_reading_finish(struct sl_reading *, const struct sl_source *, uint32_t features,
                                 const struct sl_classes *classes, struct sl_block *out,
                                 struct sl_error *error);
void sl_reading_abandon(struct sl_reading *, const struct sl_source *);

/* Prepared data of peers in memory: peer p's are size[p] bytes at bytes + at[p]. */
struct sl_pack {
	uint8_t *bytes;
	size_t length, capacity, *at, *size;
};
enum sl_status sl_pack_make(struct sl_pack *, uint32_t peers, struct sl_error *error);
void sl_pack_free(struct sl_pack *);

/* Properties of the written shards. */
struct sl_shards {
	uint32_t features, test_samples;
	struct sl_class_list classes;  /* owned; declared, or the union of what all files hold */
	char setting[SL_TEXT_MAX];     /* [data] classes for run.conf */
	char columns[SL_TEXT_MAX];     /* [data] columns for run.conf */
	char unseen[SL_TEXT_MAX * 2];  /* for display: classes without training samples; may be empty */
	char lacking[SL_TEXT_MAX * 2]; /* for display: peers whose own file has no samples of some class */
	uint64_t samples;              /* of all peers */
	uint32_t least, most;          /* samples of one peer */
	struct sl_block test;          /* owned; samples 0: none */
	struct sl_pack *pack;          /* borrowed; NULL: data of peers are files */
};

/* Reads the data and writes every peer's shard and the test set (empty if there is none: it still holds the
 * shape) to their places below config->folder. The training set is in memory once, and during conversion also
 * in its reader. With a pack, only the test set becomes a file. */
enum sl_status sl_shards_write(struct sl_shards *out, const struct sl_source *,
                               const struct sl_config *config, uint32_t peers, struct sl_pack *,
                               struct sl_error *error);

void sl_shards_free(struct sl_shards *);

/* Sets [algorithm] mean_samples, where the settings weigh by samples and do not say it, and the shards are known. */
void sl_shards_weigh(const struct sl_shards *, struct sl_run_settings *, uint32_t peers);

/* Writes declared columns beside the prepared data; `setting` ← [data] columns for run.conf. */
enum sl_status sl_columns_write(const struct sl_columns *, const struct sl_config *,
                                char setting[static SL_TEXT_MAX], struct sl_error *error);

/* The samples of a training set that peers share out, and those that are held out for the test: a tenth where the source
 * says so, the same on every machine. */
struct sl_split {
	uint32_t *kept, *held;
	uint32_t keeps, holds;
	uint16_t *label; /* of the kept; NULL without classes */
	uint32_t *owner; /* of the kept */
};
enum sl_status sl_split_make(struct sl_split *out, const struct sl_source *, const struct sl_dataset *train,
                             struct sl_error *error);
void sl_split_free(struct sl_split *);
/* The picked samples (pick NULL: all) in the prepared form, in memory that the caller frees. */
enum sl_status sl_shard_prepare(const struct sl_dataset *from, const uint32_t *pick, uint32_t count,
                                uint8_t **bytes, size_t *size, struct sl_error *error);

/* On the host that has the data: reads them in the shape of the run, which source->classes, source->columns and `features`
 * give, and replaces the shard of `peer`; the test set too, from the source's test data or from a tenth of the samples, as
 * the source says. */
enum sl_status sl_site_write(struct sl_shards *out, const struct sl_source *, const struct sl_config *,
                             uint32_t peer, uint32_t features, struct sl_error *error);

/* Of a run whose hosts bring their data: writes a test set of no samples, which holds features and classes, and the
 * columns. Sets all fields of `out` that describe the shape. */
enum sl_status sl_shape_write(struct sl_shards *out, const struct sl_source *, const struct sl_config *,
                              uint32_t features, struct sl_error *error);

/* Samples per class, of the training data as far as they have been counted (cli/init/notes.c). */
struct sl_tally {
	uint32_t *all, *one, classes; /* of all peers, of the one counted last */
	uint32_t lacking;             /* peers without samples of some class */
};
enum sl_status sl_tally_make(struct sl_tally *, uint32_t classes, struct sl_error *error);
void sl_tally_free(struct sl_tally *);
void sl_tally_count(struct sl_tally *, const uint16_t *label, uint32_t count);
/* After the count of one peer's own file: adds its missing classes to out->lacking. */
void sl_tally_peer(struct sl_tally *, struct sl_shards *out, uint32_t peer, const char *path);
/* After all counts: sets out->unseen to the classes without training samples; the test set consists of the
 * samples `pick` of `test` (NULL: all `count` samples). */
void sl_tally_end(const struct sl_tally *, struct sl_shards *out, const struct sl_dataset *test,
                  const uint32_t *pick, uint32_t count);

/* --data and --test of a command line as overrides of [data]; refuses them beside a --set of the same keys.
 */
struct sl_overrides;
enum sl_status sl_init_data(struct sl_overrides *, const char *data, const char *test,
                            struct sl_error *error);

/* --remote, and what says the shape of data that are not here. Texts are borrowed; NULL: not given. */
struct sl_init_remote {
	const char *given;        /* a number, or a hosts file */
	uint32_t hosts, features; /* 0: not given */
	const char *classes, *columns;
	struct sl_hosts listed; /* of a hosts file */
};
/* Sets remote->hosts and remote->listed from what was given. The caller frees `listed`, also on failure. */
enum sl_status sl_remote_hosts(struct sl_init_remote *, struct sl_error *error);
/* Whether the listed peers can be linked as the graph says: of two neighbours, one must be reachable. */
enum sl_status sl_remote_reachable(const struct sl_init_remote *, const struct sl_topology *,
                                   struct sl_error *error);
/* RUN/hosts: a copy of the hosts file, from which the numbers of the peers follow. Nothing without a file. */
enum sl_status sl_remote_hosts_write(const struct sl_init_remote *, const struct sl_config *,
                                     struct sl_error *error);
/* --classes and --columns as overrides of [data]; refuses --features without hosts. */
enum sl_status sl_shape_settings(const struct sl_init_remote *, struct sl_overrides *,
                                 struct sl_error *error);
/* The same and all that a run of remote hosts sets; `others`: an option was given that needs data or trainers here. */
enum sl_status sl_remote_settings(const struct sl_init_remote *, struct sl_overrides *, bool others,
                                  struct sl_error *error);
/* Classes and columns that are declared, as a source without files. Sets remote->features from the columns. */
enum sl_status sl_remote_source(struct sl_init_remote *, struct sl_source *, const struct sl_host_settings *,
                                struct sl_error *error);

/* Starts the command of a trainer, asks it for its tensors and their start, and writes these to `path`; its socket lies in
 * `folder`. *can ← what it can do (SL_TRAINER_…). Waits as long as it runs. */
enum sl_status sl_init_trainer(const char *command, const char *folder, const char *path, uint32_t *can,
                               struct sl_error *error);

/* Creates "RUN.new-XXXXXX" beside RUN, which must not exist or be empty. */
enum sl_status sl_folder_begin(const char *run, char temporary[static 4096], struct sl_error *error);
/* Makes it RUN. */
enum sl_status sl_folder_finish(const char *temporary, const char *run, struct sl_error *error);
/* Removes it and everything inside. */
void sl_folder_abandon(const char *temporary);

#endif
