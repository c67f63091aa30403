/* dataset.h — samples in their stored form: image bytes stay bytes until a batch is gathered.
 *
 * The prepared form ("shard file") is one block that is mapped, not copied; see shard.c for its layout.
 * Readers of foreign formats (the registry learn/data) take bytes in chunks and build the same structure; lib
 * opens no file. */
#ifndef SL_LEARN_DATASET_H
#define SL_LEARN_DATASET_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/option.h"
#include "learn/class_list.h"

enum sl_feature_kind {
	SL_FEATURES_BYTE,   /* dense uint8_t, value = scale · byte */
	SL_FEATURES_FLOAT,  /* dense float */
	SL_FEATURES_SPARSE, /* compressed sparse rows of (uint32_t column, float value) */
	SL_FEATURE_KINDS
};

/* Labels are class numbers (classes ≥ 2), or real targets (classes = 0; `target` set, `label` NULL). All
 * pointers are borrowed from the block that holds the data set. */
struct sl_dataset {
	enum sl_feature_kind kind;
	uint32_t samples, features, classes;
	float scale;            /* of SL_FEATURES_BYTE */
	const uint8_t *byte;    /* samples × features */
	const float *dense;     /* samples × features */
	const uint64_t *row;    /* samples + 1 offsets into column/value */
	const uint32_t *column; /* ascending inside a row, < features */
	const float *value;
	const uint16_t *label;
	const float *target;
	const char
	    *names; /* the list of classes (class_list.h), canonical; NULL: no classes, or unnamed ones */
	size_t names_length;
};

/* Reads the prepared form. `bytes` must be 8-aligned and outlive the result. Everything is validated: sizes,
 * labels < classes, as many names as classes, columns ascending and < features, finite floats. */
enum sl_status sl_dataset_open(struct sl_dataset *out, const uint8_t *bytes, size_t length,
                               struct sl_error *error);

/* Size in bytes of the prepared form of the chosen samples (rows `pick[0…count)` of `from`; pick NULL: all).
 */
size_t sl_dataset_prepared_size(const struct sl_dataset *from, const uint32_t *pick, uint32_t count);
/* Writes it; `out` has room for exactly that size. */
void sl_dataset_prepare(const struct sl_dataset *from, const uint32_t *pick, uint32_t count, uint8_t *out);

/* Gathers rows as floats: out is count × features, zero-filled first for sparse rows. */
void sl_dataset_gather(const struct sl_dataset *data, const uint32_t *pick, uint32_t count, float *out);

enum { SL_COLUMNS_MAX = 1 << 20 };   /* names of features that a run can declare */
enum { SL_DATA_OPTIONS_MAX = 1024 }; /* bytes that the options of a format take at most */

/* A reader of a foreign format: bytes in, a data set out. Not for the core: it allocates (learn/data only).
 * Order of calls: open → push (any number of chunks) for the features stream and, where `streams` is 2, for
 * the labels stream → survey, if wanted → finish, which gives a prepared-form block that the caller frees
 * with free(), and frees the reader even if it fails. abandon frees a reader without finishing; after a
 * failed push or survey only abandon may be called. */
struct sl_data_reader;

/* Content of a reader's files. */
struct sl_survey {
	uint32_t features;
	uint32_t classes;  /* 0: real targets; 1: every label is the same */
	const char *names; /* canonical list of the labels found; borrowed from the reader */
	size_t names_length;
	const char
	    *columns; /* names of the features, each NUL-terminated; borrowed; NULL: the file has none */
};
struct sl_data_format {
	const char *name, *doc;
	unsigned streams; /* files per part: idx has 2 (images, labels), libsvm 1, synthetic 0 */
	const struct sl_option *options; /* NULL: none; libsvm and synthetic have some */
	size_t options_size;
	/* The smallest files that it reads, one per stream; the contract tests run over them. */
	struct sl_data_example {
		const char *bytes;
		size_t length;
	} example[2];
	/* `options` has been filled by sl_spec_arguments, or is NULL for the defaults; `seed`: for
	 * generators; `train`: training or test part of generated data. */
	struct sl_data_reader *(*open)(const void *options, uint64_t seed, bool train,
	                               struct sl_error *error);
	/* `what` is the file's name. Error texts begin with it and give line or byte offset, what was found,
	 * and what is expected. An empty chunk passes the name of a file that may be empty. */
	enum sl_status (*push)(struct sl_data_reader *, unsigned stream, const uint8_t *bytes, size_t length,
	                       const char *what, struct sl_error *error);
	/* After the last push. */
	enum sl_status (*survey)(struct sl_data_reader *, struct sl_survey *out, struct sl_error *error);
	/* `features` of 0 means "as found"; otherwise the result has exactly that many (so that a test file
	 * without the last feature matches its training file), and a larger index is an error. `classes` is
	 * the run's list, and a label outside it is an error; NULL: as found, or real targets. */
	enum sl_status (*finish)(struct sl_data_reader *, uint32_t features, const struct sl_classes *classes,
	                         uint8_t **block, size_t *length, struct sl_error *error);
	void (*abandon)(struct sl_data_reader *);
};
extern const struct sl_data_format *const sl_data_formats[]; /* the registry, ends with NULL */

/* A partition decides which peer owns which training sample. */
struct sl_partition {
	const char *name, *doc;
	const struct sl_option *options;
	size_t options_size;
	/* owner[s] ← a peer < peers for every sample s. Every peer gets at least one sample (error if samples
	 * < peers). The result depends on the seed alone, on every machine. `data` has only counts, labels
	 * and targets, not features: do not read them. NULL for `own` (one file per peer). */
	enum sl_status (*assign)(const void *options, const struct sl_dataset *data, uint32_t peers,
	                         uint64_t seed, uint32_t *owner, struct sl_error *error);
};
extern const struct sl_partition *const sl_partitions[];

#endif
