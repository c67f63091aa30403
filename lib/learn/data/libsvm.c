/* The text format of LIBSVM: a sample a line, "label index:value index:value …", indices from 1 up and
 * ascending; "#" begins a comment. Rows stay sparse.
 *
 * Words are short and are all that is kept between chunks, so a chunk may end anywhere and a line may be as
 * long as the features allow. */
#include "learn/reader.h"

#include <math.h>

enum { WORD_MAX = 63 };
enum { LABELS_SORTED, LABELS_ZERO, LABELS_ONE };

struct libsvm_options {
	uint32_t labels;
};

static const struct sl_option libsvm_options[] = {
	{ "labels",
	  "how labels become classes: the distinct ones in ascending order, or counted from zero or one in "
	  "every file",
	  SL_OPTION_CHOICE, offsetof(struct libsvm_options, labels), 0, 0, "sorted", "sorted|zero|one",
	  true },
	{ 0 },
};

struct sl_data_reader {
	struct libsvm_options options;
	char what[SL_TEXT_MAX];
	bool refused, in_comment;
	uint64_t line; /* of the file, from 1 */
	char word[WORD_MAX + 1];
	uint32_t letters;
	bool begun;        /* this line's label has come */
	uint32_t last;     /* its last index */
	uint32_t features; /* the largest index of all, and the line where it stands */
	uint64_t features_line, samples;
	struct sl_growing row, column, value, label,
	    where; /* u64, u32, float, int32_t, u64: the label's line */
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

/* Puts "file:line: " in front of a failure. */
static enum sl_status at_line(const struct sl_data_reader *r, uint64_t line, enum sl_status status,
                              struct sl_error *error)
{
	sl_wrap(error, "%s:%llu", r->what, (unsigned long long)line);
	return status;
}

/* A word is printed in error texts: nothing in it may disturb a terminal. */
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
		return sl_fail(error, SL_TOO_BIG, "a word of over %d bytes: '%.20s…'", WORD_MAX, r->word);
	}
	if (c == '\0')
		return sl_fail(error, SL_MALFORMED, "a zero byte: this is no text");
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

/* The distinct labels in ascending order, into sorted[]; returns how many. */
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

/* What sorted labels mean must not depend on which of them a file happens to hold: −1 and +1 are always 0 and
 * 1, and a file that lacks some of the known number of classes is refused, as nobody could say which. */
static enum sl_status check_sorted(const struct sl_data_reader *r, const int32_t *sorted, size_t count,
                                   uint32_t classes, struct sl_error *error)
{
	if (count > SL_CLASSES_MAX)
		return sl_fail(error, SL_TOO_BIG, "%s: %zu distinct labels, at most %d are classes", r->what,
		               count, SL_CLASSES_MAX);
	if (classes > 0 && count > classes)
		return sl_fail(error, SL_MALFORMED, "%s: %zu distinct labels, but there are %u classes",
		               r->what, count, classes);
	if (classes > 0 && count < classes)
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s: holds %zu of %u classes, which of them is unclear: use libsvm:labels=one for labels "
		    "1 … %u, libsvm:labels=zero for 0 … %u",
		    r->what, count, classes, classes, classes - 1);
	if (count == 1)
		return sl_fail(error, SL_MALFORMED, "%s: only the label %d, must have at least two classes",
		               r->what, sorted[0]);
	return SL_OK;
}

static enum sl_status sorted_classes(const struct sl_data_reader *r, uint32_t *classes, uint16_t *out,
                                     int32_t *sorted, struct sl_error *error)
{
	const int32_t *label = (const void *)r->label.bytes;
	size_t count = distinct(label, r->samples, sorted);
	bool signs = (*classes == 0 || *classes == 2) && count <= 2;
	for (size_t i = 0; i < count; i++)
		signs = signs && (sorted[i] == -1 || sorted[i] == 1);
	if (signs) {
		sorted[0] = -1;
		sorted[1] = 1;
		count = 2;
	}
	enum sl_status status = check_sorted(r, sorted, count, *classes, error);
	if (status != SL_OK)
		return status;
	*classes = (uint32_t)count;
	for (uint64_t s = 0; s < r->samples; s++) {
		const int32_t *found = bsearch(&label[s], sorted, count, sizeof *sorted, compare_labels);
		out[s] = (uint16_t)(found - sorted);
	}
	return SL_OK;
}

/* Labels counted from `first`. */
static enum sl_status counted_classes(const struct sl_data_reader *r, int32_t first, uint32_t *classes,
                                      uint16_t *out, struct sl_error *error)
{
	const int32_t *label = (const void *)r->label.bytes;
	const uint64_t *where = (const void *)r->where.bytes;
	uint32_t limit = *classes ? *classes : SL_CLASSES_MAX, found = 2;
	for (uint64_t s = 0; s < r->samples; s++) {
		int64_t number = (int64_t)label[s] - first;
		if (number < 0 || number >= limit)
			return at_line(r, where[s],
			               sl_fail(error, SL_MALFORMED, "label %d, must be between %d and %lld",
			                       label[s], first, (long long)first + limit - 1),
			               error);
		out[s] = (uint16_t)number;
		found = number >= found ? (uint32_t)number + 1 : found;
	}
	*classes = *classes > found ? *classes : found;
	return SL_OK;
}

static enum sl_status make_classes(const struct sl_data_reader *r, uint32_t *classes, uint16_t *out,
                                   struct sl_error *error)
{
	if (r->options.labels != LABELS_SORTED)
		return counted_classes(r, r->options.labels == LABELS_ONE, classes, out, error);
	int32_t *sorted = malloc((r->samples + 1) * sizeof *sorted);
	if (!sorted)
		return no_memory(error);
	enum sl_status status = sorted_classes(r, classes, out, sorted, error);
	free(sorted);
	return status;
}

/* Ends a last line that has no newline, and adds the offset behind the last row. */
static enum sl_status complete(struct sl_data_reader *r, uint32_t features, struct sl_error *error)
{
	enum sl_status status = end_word(r, error);
	if (status != SL_OK)
		return at_line(r, r->line, status, error);
	if (r->samples == 0)
		return sl_fail(error, SL_MALFORMED, "%s: holds no samples", r->what);
	if (features > 0 && r->features > features)
		return at_line(r, r->features_line,
		               sl_fail(error, SL_MALFORMED, "index %u, but there are %u features",
		                       r->features, features),
		               error);
	uint64_t end = r->value.used / sizeof(float);
	return sl_growing_add(&r->row, &end, sizeof end) ? SL_OK : no_memory(error);
}

static enum sl_status make_block(struct sl_data_reader *r, uint32_t features, uint32_t classes,
                                 uint8_t **block, size_t *length, struct sl_error *error)
{
	enum sl_status status = complete(r, features, error);
	if (status != SL_OK)
		return status;
	uint16_t *label = malloc(r->samples * sizeof *label);
	status = label ? make_classes(r, &classes, label, error) : no_memory(error);
	if (status == SL_OK) {
		uint32_t found = r->features ? r->features : 1;
		struct sl_dataset data = {
			.kind = SL_FEATURES_SPARSE,
			.samples = (uint32_t)r->samples,
			.features = features ? features : found,
			.classes = classes,
			.scale = 1,
			.row = (const void *)r->row.bytes,
			.column = (const void *)r->column.bytes,
			.value = (const void *)r->value.bytes,
			.label = label,
		};
		status = sl_reader_prepare(&data, block, length, error);
	}
	free(label);
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
	free(r);
}

static enum sl_status libsvm_finish(struct sl_data_reader *r, uint32_t features, uint32_t classes,
                                    uint8_t **block, size_t *length, struct sl_error *error)
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
	.options = libsvm_options,
	.options_size = sizeof(struct libsvm_options),
	.open = libsvm_open,
	.push = libsvm_push,
	.finish = libsvm_finish,
	.abandon = libsvm_abandon,
};
