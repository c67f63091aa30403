/* The text format of LIBSVM: one sample per line, "label index:value index:value …", indices ascending from 1; "#"
 * begins a comment. Rows stay sparse.
 *
 * Only the current word is kept between chunks, so a chunk may end anywhere, and the length of a line is not limited. */
#include "learn/reader.h"

#include <math.h>

enum { WORD_MAX = 63 };
enum { LABELS_SORTED, LABELS_ZERO, LABELS_ONE };

struct libsvm_options {
	uint32_t labels;
};

static const struct sl_option libsvm_options[] = {
	{ "labels",
	  "classes if [data] classes is auto: the labels found, in ascending order, or all numbers from zero or one up to the largest found",
	  SL_OPTION_CHOICE, offsetof(struct libsvm_options, labels), 0, 0, "sorted", "sorted|zero|one",
	  true },
	{ 0 },
};

struct sl_data_reader {
	struct libsvm_options options;
	char what[SL_TEXT_MAX];
	bool refused, in_comment, complete;
	uint64_t line; /* of the file, from 1 */
	char word[WORD_MAX + 1];
	uint32_t letters;
	bool begun;        /* the label of this line was read */
	uint32_t last;     /* its last index */
	uint32_t features; /* the largest index of all, and the line where it stands */
	uint64_t features_line, samples;
	struct sl_growing row, column, value, label,
	    where;   /* u64, u32, float, int32_t, u64: the label's line */
	char *names; /* canonical list of the labels found, by the survey */
	size_t names_length;
	uint32_t classes;
};

static struct sl_data_reader *libsvm_open(const void *options, uint64_t seed, bool train,
                                          struct sl_error *error)
{
	(void)seed, (void)train;
	struct sl_data_reader *r = calloc(1, sizeof *r);
	if (!r) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a libsvm reader");
		return NULL;
	}
	if (options)
		r->options = *(const struct libsvm_options *)options;
	r->line = 1;
	sl_reader_name(r->what, "libsvm");
	return r;
}

/* Prefixes an error with "file:line: ". */
static enum sl_status at_line(const struct sl_data_reader *r, uint64_t line, enum sl_status status,
                              struct sl_error *error)
{
	sl_wrap(error, "%s:%llu", r->what, (unsigned long long)line);
	return status;
}

/* Error texts contain the word: whatever is not printable ASCII is replaced. */
static void make_printable(char *word)
{
	for (; *word; word++)
		if ((unsigned char)*word < ' ' || (unsigned char)*word > 126)
			*word = '?';
}

static enum sl_status no_memory(struct sl_error *error)
{
	return sl_fail(error, SL_NO_MEMORY, "no memory for more samples");
}

static enum sl_status take_label(struct sl_data_reader *r, struct sl_error *error)
{
	char *end;
	double v = strtod(r->word, &end);
	if (end == r->word || *end || !(fabs(v) <= INT32_MAX) || v != floor(v)) {
		make_printable(r->word);
		return sl_fail(error, SL_MALFORMED, "label '%s' must be a whole number", r->word);
	}
	if (r->samples == UINT32_MAX - 1)
		return sl_fail(error, SL_TOO_BIG, "over %u samples", UINT32_MAX - 1);
	int32_t label = (int32_t)v;
	uint64_t start = r->value.used / sizeof(float);
	if (!sl_growing_add(&r->row, &start, sizeof start) ||
	    !sl_growing_add(&r->label, &label, sizeof label) ||
	    !sl_growing_add(&r->where, &r->line, sizeof r->line))
		return no_memory(error);
	r->begun = true;
	r->last = 0;
	r->samples++;
	return SL_OK;
}

static enum sl_status take_index(struct sl_data_reader *r, uint32_t *index, char **value,
                                 struct sl_error *error)
{
	char *at = r->word;
	uint64_t v = 0;
	for (; *at >= '0' && *at <= '9' && v <= SL_DIMENSION_MAX; at++)
		v = v * 10 + (uint64_t)(*at - '0');
	if (v > SL_DIMENSION_MAX)
		return sl_fail(error, SL_TOO_BIG, "index in '%s' is over %u", r->word, SL_DIMENSION_MAX);
	if (at == r->word || *at != ':')
		return sl_fail(error, SL_MALFORMED, "'%s' must be index:value", r->word);
	if (v == 0)
		return sl_fail(error, SL_MALFORMED, "index 0 in '%s': indices begin at 1", r->word);
	if (v <= r->last)
		return sl_fail(error, SL_MALFORMED, "index %u after index %u: they must ascend", (unsigned)v,
		               r->last);
	*index = (uint32_t)v;
	*value = at + 1;
	return SL_OK;
}

static enum sl_status take_feature(struct sl_data_reader *r, struct sl_error *error)
{
	make_printable(r->word);
	uint32_t index = 0;
	char *text = r->word, *end;
	enum sl_status status = take_index(r, &index, &text, error);
	if (status != SL_OK)
		return status;
	float v = (float)strtod(text, &end);
	if (end == text || *end || !isfinite(v))
		return sl_fail(error, SL_MALFORMED, "value '%s' of index %u must be a finite number", text,
		               index);
	r->last = index;
	if (index > r->features) {
		r->features = index;
		r->features_line = r->line;
	}
	uint32_t column = index - 1;
	if (v != 0 &&
	    (!sl_growing_add(&r->column, &column, sizeof column) || !sl_growing_add(&r->value, &v, sizeof v)))
		return no_memory(error);
	return SL_OK;
}

static enum sl_status end_word(struct sl_data_reader *r, struct sl_error *error)
{
	if (r->letters == 0)
		return SL_OK;
	r->word[r->letters] = '\0';
	r->letters = 0;
	return r->begun ? take_feature(r, error) : take_label(r, error);
}

static enum sl_status take_letter(struct sl_data_reader *r, char c, struct sl_error *error)
{
	if (c == '\n' || c == '#' || c == ' ' || c == '\t' || c == '\r') {
		enum sl_status status = end_word(r, error);
		r->in_comment = c == '#' || (r->in_comment && c != '\n');
		if (c == '\n' && status == SL_OK) {
			r->begun = false;
			r->line++;
		}
		return status;
	}
	if (r->in_comment)
		return SL_OK;
	if (r->letters == WORD_MAX) {
		r->word[WORD_MAX] = '\0';
		make_printable(r->word);
		return sl_fail(error, SL_TOO_BIG, "a token of over %d bytes: '%.20s…'", WORD_MAX, r->word);
	}
	if (c == '\0')
		return sl_fail(error, SL_MALFORMED, "a zero byte: not a text file");
	r->word[r->letters++] = c;
	return SL_OK;
}

static enum sl_status libsvm_push(struct sl_data_reader *r, unsigned stream, const uint8_t *bytes,
                                  size_t length, const char *what, struct sl_error *error)
{
	SL_CHECK(stream == 0 && !r->refused);
	sl_reader_name(r->what, what);
	for (size_t i = 0; i < length; i++) {
		enum sl_status status = take_letter(r, (char)bytes[i], error);
		if (status != SL_OK) {
			r->refused = true;
			return at_line(r, r->line, status, error);
		}
	}
	return SL_OK;
}

static int compare_labels(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return (x > y) - (x < y);
}

/* Writes the distinct labels to sorted[], ascending; returns their number. */
static size_t distinct(const int32_t *label, size_t samples, int32_t *sorted)
{
	memcpy(sorted, label, samples * sizeof *sorted);
	qsort(sorted, samples, sizeof *sorted, compare_labels);
	size_t count = 0;
	for (size_t i = 0; i < samples; i++)
		if (count == 0 || sorted[i] != sorted[count - 1])
			sorted[count++] = sorted[i];
	return count;
}

/* The labels found, in ascending order. */
static void name_sorted(struct sl_classes_writer *w, const int32_t *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sl_classes_add_numbers(w, sorted[i], sorted[i]);
}

/* Every number from `first` to the largest label, which is at least the second class. */
static enum sl_status name_counted(struct sl_data_reader *r, struct sl_classes_writer *w, int32_t first,
                                   struct sl_error *error)
{
	const int32_t *label = (const void *)r->label.bytes;
	const uint64_t *where = (const void *)r->where.bytes;
	int64_t last = (int64_t)first + 1, limit = (int64_t)first + SL_CLASSES_MAX;
	for (uint64_t s = 0; s < r->samples; s++) {
		if (label[s] < first || label[s] >= limit)
			return at_line(r, where[s],
			               sl_fail(error, SL_MALFORMED, "label %d, must be between %d and %lld",
			                       label[s], first, (long long)limit - 1),
			               error);
		last = label[s] > last ? label[s] : last;
	}
	sl_classes_add_numbers(w, first, last);
	r->classes = (uint32_t)(last - first + 1);
	return SL_OK;
}

/* Finds the classes of this file alone. */
static enum sl_status find_classes(struct sl_data_reader *r, int32_t *sorted, struct sl_error *error)
{
	enum { NUMBER_MOST = 12 }; /* "-2147483648," */
	size_t count = distinct((const void *)r->label.bytes, r->samples, sorted);
	r->classes = (uint32_t)count;
	if (r->options.labels == LABELS_SORTED && count > SL_CLASSES_MAX)
		return sl_fail(error, SL_TOO_BIG, "%s: %zu distinct labels, at most %d are classes", r->what,
		               count, SL_CLASSES_MAX);
	r->names = malloc(count * NUMBER_MOST + 2 * NUMBER_MOST);
	if (!r->names)
		return no_memory(error);
	struct sl_classes_writer w = sl_classes_begin(r->names);
	if (r->options.labels == LABELS_SORTED)
		name_sorted(&w, sorted, count);
	else if (name_counted(r, &w, r->options.labels == LABELS_ONE, error) != SL_OK)
		return error->status;
	r->names_length = sl_classes_end(&w);
	return SL_OK;
}

/* Ends a last line without a newline, and adds the offset after the last row. */
static enum sl_status complete(struct sl_data_reader *r, struct sl_error *error)
{
	enum sl_status status = end_word(r, error);
	if (status != SL_OK)
		return at_line(r, r->line, status, error);
	if (r->samples == 0)
		return sl_fail(error, SL_MALFORMED, "%s: holds no samples", r->what);
	uint64_t end = r->value.used / sizeof(float);
	if (!sl_growing_add(&r->row, &end, sizeof end))
		return no_memory(error);
	int32_t *sorted = malloc(r->samples * sizeof *sorted);
	status = sorted ? find_classes(r, sorted, error) : no_memory(error);
	free(sorted);
	return status;
}

static enum sl_status libsvm_survey(struct sl_data_reader *r, struct sl_survey *out, struct sl_error *error)
{
	SL_CHECK(!r->refused);
	enum sl_status status = r->complete ? SL_OK : complete(r, error);
	r->complete = status == SL_OK;
	r->refused = !r->complete;
	if (status == SL_OK)
		*out = (struct sl_survey){ r->features ? r->features : 1, r->classes, r->names,
			                   r->names_length };
	return status;
}

/* The class of a label: its name in the list, or, where the names are no numbers, its place as counted. */
static uint32_t class_of(const struct sl_data_reader *r, const struct sl_classes *classes, int32_t label)
{
	if (sl_classes_numbered(classes) || r->options.labels == LABELS_SORTED)
		return sl_classes_number(classes, label);
	int64_t place = (int64_t)label - (r->options.labels == LABELS_ONE);
	return place >= 0 && place < classes->count ? (uint32_t)place : SL_CLASS_ABSENT;
}

static enum sl_status take_classes(const struct sl_data_reader *r, const struct sl_classes *classes,
                                   uint16_t *out, struct sl_error *error)
{
	const int32_t *label = (const void *)r->label.bytes;
	const uint64_t *where = (const void *)r->where.bytes;
	for (uint64_t s = 0; s < r->samples; s++) {
		uint32_t class = class_of(r, classes, label[s]);
		if (class == SL_CLASS_ABSENT) {
			char brief[SL_CLASSES_BRIEF];
			sl_classes_brief(classes->text, classes->length, brief);
			sl_fail(error, SL_MALFORMED, "label %d is not in [data] classes = %s", label[s],
			        brief);
			return at_line(r, where[s], SL_MALFORMED, error);
		}
		out[s] = (uint16_t) class;
	}
	return SL_OK;
}

/* A list of names takes counted labels only: those of LABELS_SORTED would mean whatever a file happens to
 * hold. */
static enum sl_status check_list(const struct sl_data_reader *r, const struct sl_classes *classes,
                                 struct sl_error *error)
{
	char brief[SL_CLASSES_BRIEF];
	sl_classes_brief(classes->text, classes->length, brief);
	if (classes->count < 2)
		return sl_fail(error, SL_MALFORMED, "%s: only the label %s, must have at least two classes",
		               r->what, brief);
	if (sl_classes_numbered(classes) || r->options.labels != LABELS_SORTED)
		return SL_OK;
	return sl_fail(
	    error, SL_MALFORMED,
	    "%s: libsvm labels are numbers, and the classes %s are not: use libsvm:labels=zero or libsvm:labels=one to number them",
	    r->what, brief);
}

static enum sl_status write_block(struct sl_data_reader *r, uint32_t features,
                                  const struct sl_classes *classes, uint8_t **block, size_t *length,
                                  struct sl_error *error)
{
	uint16_t *label = malloc(r->samples * sizeof *label);
	enum sl_status status = label ? take_classes(r, classes, label, error) : no_memory(error);
	if (status == SL_OK) {
		struct sl_dataset data = {
			.kind = SL_FEATURES_SPARSE,
			.samples = (uint32_t)r->samples,
			.features = features,
			.classes = classes->count,
			.scale = 1,
			.row = (const void *)r->row.bytes,
			.column = (const void *)r->column.bytes,
			.value = (const void *)r->value.bytes,
			.label = label,
			.names = classes->text,
			.names_length = classes->length,
		};
		status = sl_reader_prepare(&data, block, length, error);
	}
	free(label);
	return status;
}

static enum sl_status make_block(struct sl_data_reader *r, uint32_t features,
                                 const struct sl_classes *classes, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	struct sl_survey found;
	enum sl_status status = libsvm_survey(r, &found, error);
	if (status != SL_OK)
		return status;
	if (features > 0 && found.features > features)
		return at_line(r, r->features_line,
		               sl_fail(error, SL_MALFORMED, "index %u, but there are %u features",
		                       found.features, features),
		               error);
	features = features ? features : found.features;
	struct sl_reader_classes own = { 0 };
	if (!classes)
		status = sl_reader_classes(&own, &found, &classes, error);
	if (status == SL_OK)
		status = check_list(r, classes, error);
	if (status == SL_OK)
		status = write_block(r, features, classes, block, length, error);
	free(own.item);
	return status;
}

static void libsvm_abandon(struct sl_data_reader *r)
{
	if (!r)
		return;
	free(r->row.bytes);
	free(r->column.bytes);
	free(r->value.bytes);
	free(r->label.bytes);
	free(r->where.bytes);
	free(r->names);
	free(r);
}

static enum sl_status libsvm_finish(struct sl_data_reader *r, uint32_t features,
                                    const struct sl_classes *classes, uint8_t **block, size_t *length,
                                    struct sl_error *error)
{
	SL_CHECK(!r->refused);
	enum sl_status status = make_block(r, features, classes, block, length, error);
	libsvm_abandon(r);
	return status;
}

const struct sl_data_format sl_data_format_libsvm = {
	.name = "libsvm",
	.doc = "sparse rows as text, \"label index:value …\"",
	.streams = 1,
	.example = { { "1 1:0.5 3:-2\n-1 2:1e-3\n1 # no feature\n", 38 } },
	.options = libsvm_options,
	.options_size = sizeof(struct libsvm_options),
	.open = libsvm_open,
	.push = libsvm_push,
	.survey = libsvm_survey,
	.finish = libsvm_finish,
	.abandon = libsvm_abandon,
};
