/* Tables as CSV (RFC 4180): fields with commas between them, in quotes where they hold commas, quotes (doubled) or line ends.
 * One column is the label, by its name in the first line, or by its number; all others are features, and must be numbers.
 * Missing values are refused: what to put in their place is a decision about the data.
 *
 * One field is kept between chunks, so a chunk may end anywhere. */
#include "learn/reader.h"

#include <math.h>
#include <stdio.h>

enum { FIELD_MAX = 4095, COLUMNS_MAX = 1 << 24 };
enum { PART_COMMA, PART_SEMICOLON, PART_TAB };
enum { TARGET_CLASS, TARGET_NUMBER };

struct csv_options {
	char label[SL_TEXT_MAX];
	uint32_t target, part;
	bool header;
};

#define AT(field) offsetof(struct csv_options, field)
static const struct sl_option csv_options[] = {
	{ "label", "the label's column: its name in the first line, or its number, from 1", SL_OPTION_TEXT,
	  AT(label), 0, 0, "label", NULL, true },
	{ "target", "what labels are: the name of a class, or a real number", SL_OPTION_CHOICE, AT(target), 0,
	  0, "class", "class|number", true },
	{ "part", "what lies between fields", SL_OPTION_CHOICE, AT(part), 0, 0, "comma",
	  "comma|semicolon|tab", true },
	{ "header", "the first line names the columns", SL_OPTION_SWITCH, AT(header), 0, 0, "yes", NULL,
	  true },
	{ 0 },
};

enum state { START, PLAIN, QUOTED, QUOTE }; /* of a field; QUOTE: behind a quote inside quotes */

struct sl_data_reader {
	struct csv_options options;
	char what[SL_TEXT_MAX];
	bool refused, complete, headed, returned; /* returned: a carriage return came last */
	enum state state;
	uint64_t line, record; /* of the file, from 1; where the record began */
	char field[FIELD_MAX + 1];
	uint32_t letters, marks; /* marks: letters of a byte order mark that have come */
	uint32_t column;         /* of the field, from 0 */
	uint32_t columns, label; /* known after the first record; the label's column */
	uint32_t samples;
	struct sl_growing names, name_at; /* of columns: NUL-terminated; u32 offsets */
	struct sl_growing value, target;  /* float */
	struct sl_growing text, where;    /* labels: NUL-terminated; struct place of each sample */
	char *features;                   /* names of the features, by the survey; NULL: no header */
	char *classes;                    /* canonical list of the labels found, by the survey */
	size_t classes_length;
	uint32_t class_count;
};

struct place {
	uint64_t text, line;
};

/* The label's column as a number, from 0; UINT32_MAX: it is none. */
static uint32_t label_number(const struct sl_data_reader *r)
{
	char *end;
	unsigned long v = strtoul(r->options.label, &end, 10);
	bool digits = r->options.label[0] >= '0' && r->options.label[0] <= '9' && !*end;
	return digits && v >= 1 && v <= COLUMNS_MAX ? (uint32_t)v - 1 : UINT32_MAX;
}

static struct sl_data_reader *csv_open(const void *options, uint64_t seed, bool train, struct sl_error *error)
{
	(void)seed, (void)train;
	struct sl_data_reader *r = calloc(1, sizeof *r);
	if (!r) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a csv reader");
		return NULL;
	}
	sl_options_standard(csv_options, &r->options);
	if (options)
		r->options = *(const struct csv_options *)options;
	r->line = r->record = 1;
	r->label = UINT32_MAX;
	sl_reader_name(r->what, "csv");
	if (!r->options.header && (r->label = label_number(r)) == UINT32_MAX) {
		sl_fail(error, SL_MALFORMED,
		        "csv: label = %s: without a header, must be the number of a column, from 1",
		        r->options.label);
		free(r);
		return NULL;
	}
	return r;
}

static enum sl_status no_memory(struct sl_error *error)
{
	return sl_fail(error, SL_NO_MEMORY, "no memory for more samples");
}

/* A field as error texts show it. */
static void show(const char *text, char out[static 40])
{
	snprintf(out, 40, "%.30s%s", text, strlen(text) > 30 ? "…" : "");
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p == 127)
			*p = '?';
}

/* "column 3 ('height')" */
static void show_column(const struct sl_data_reader *r, uint32_t column, char out[static 80])
{
	char name[40] = "";
	if (((size_t)column + 1) * sizeof(uint32_t) <= r->name_at.used) {
		const uint32_t *at = (const void *)r->name_at.bytes;
		show((const char *)r->names.bytes + at[column], name);
	}
	snprintf(out, 80, name[0] ? "column %u ('%s')" : "column %u", column + 1, name);
}

/* ---- the first line ---- */

static enum sl_status take_name(struct sl_data_reader *r, struct sl_error *error)
{
	uint32_t at = (uint32_t)r->names.used;
	char column[80];
	if (r->names.used > UINT32_MAX - FIELD_MAX - 1 || !sl_growing_add(&r->name_at, &at, sizeof at) ||
	    !sl_growing_add(&r->names, r->field, r->letters + 1))
		return no_memory(error);
	if (strcmp(r->field, r->options.label) != 0)
		return SL_OK;
	if (r->label != UINT32_MAX) {
		show_column(r, r->label, column);
		return sl_fail(error, SL_MALFORMED, "column %u has the name '%s', as %s has", r->column + 1,
		               r->options.label, column);
	}
	r->label = r->column;
	return SL_OK;
}

/* After the first record. */
static enum sl_status settle_columns(struct sl_data_reader *r, struct sl_error *error)
{
	char first[80], last[80];
	r->columns = r->column + 1;
	if (r->label == UINT32_MAX)
		r->label = label_number(r);
	if (r->columns < 2)
		return sl_fail(error, SL_MALFORMED,
		               "one column, must be a label and features; see part=comma|semicolon|tab");
	if (r->label < r->columns)
		return SL_OK;
	show_column(r, 0, first);
	show_column(r, r->columns - 1, last);
	return sl_fail(error, SL_MALFORMED,
	               "no label '%s' in %s to %s: say which with csv:label=NAME or its number",
	               r->options.label, first, last);
}

/* ---- samples ---- */

static bool missing(const char *field)
{
	static const char *const words[] = { "", "NA", "N/A", "nan", "NaN", "?" };
	const char *at = field + strspn(field, " \t");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(at, words[i]) == 0)
			return true;
	return false;
}

/* A number, with blanks around it allowed. */
static bool number(const char *field, float *out)
{
	char *end;
	double v = strtod(field, &end);
	*out = (float)v;
	end += strspn(end, " \t");
	return end > field && !*end && isfinite(*out) && !strpbrk(field, "xXpP");
}

static enum sl_status take_label(struct sl_data_reader *r, struct sl_error *error)
{
	struct place place = { r->text.used, r->record };
	uint32_t count = 0;
	char shown[40];
	float v;
	show(r->field, shown);
	if (r->options.target == TARGET_NUMBER) {
		if (!number(r->field, &v))
			return sl_fail(error, SL_MALFORMED, "'%s' is no finite number", shown);
		return sl_growing_add(&r->target, &v, sizeof v) ? SL_OK : no_memory(error);
	}
	if (strpbrk(r->field, ",;\r\n") || sl_classes_count(r->field, r->letters, &count, NULL) != SL_OK ||
	    count != 1)
		return sl_fail(
		    error, SL_MALFORMED,
		    "'%s' is no name of a class: 1 to 63 bytes of UTF-8, without commas, semicolons, ranges, or "
		    "blanks at its ends",
		    shown);
	return sl_growing_add(&r->where, &place, sizeof place) &&
	               sl_growing_add(&r->text, r->field, r->letters + 1)
	           ? SL_OK
	           : no_memory(error);
}

static enum sl_status take_value(struct sl_data_reader *r, struct sl_error *error)
{
	char shown[40];
	float v;
	show(r->field, shown);
	if (!number(r->field, &v))
		return sl_fail(error, SL_MALFORMED, "'%s' is no finite number, as features must be", shown);
	return sl_growing_add(&r->value, &v, sizeof v) ? SL_OK : no_memory(error);
}

/* Puts "file:line: column K ('name')" in front of a failure. */
static enum sl_status at_column(const struct sl_data_reader *r, enum sl_status status, struct sl_error *error)
{
	char column[80];
	show_column(r, r->column, column);
	return status == SL_NO_MEMORY ? status : (sl_wrap(error, "%s", column), status);
}

static enum sl_status end_field(struct sl_data_reader *r, struct sl_error *error)
{
	enum sl_status status;
	r->field[r->letters] = '\0';
	if (strlen(r->field) != r->letters)
		return sl_fail(error, SL_MALFORMED, "a zero byte: not a text file");
	if (r->options.header && !r->headed) {
		status = take_name(r, error);
	} else {
		if (missing(r->field))
			status =
			    sl_fail(error, SL_MALFORMED,
			            "a missing value ('%s'): fill it in, or leave the line out", r->field);
		else
			status = r->column == r->label ? take_label(r, error) : take_value(r, error);
		if (status != SL_OK)
			return at_column(r, status, error);
	}
	r->letters = 0;
	r->state = START;
	return status;
}

static enum sl_status end_record(struct sl_data_reader *r, struct sl_error *error)
{
	bool names = r->options.header && !r->headed;
	enum sl_status status = end_field(r, error);
	if (status == SL_OK && !r->headed)
		status = settle_columns(r, error);
	if (status == SL_OK && r->column + 1 != r->columns)
		status = sl_fail(error, SL_MALFORMED, "%u fields, must be %u, as in the first line",
		                 r->column + 1, r->columns);
	if (status == SL_OK && !names && ++r->samples == UINT32_MAX)
		status = sl_fail(error, SL_TOO_BIG, "over %u samples", UINT32_MAX - 1);
	r->headed = true;
	r->column = 0;
	r->state = START;
	r->record = r->line;
	return status;
}

/* ---- letters ---- */

static enum sl_status keep(struct sl_data_reader *r, char c, struct sl_error *error)
{
	if (r->letters == FIELD_MAX)
		return sl_fail(error, SL_TOO_BIG, "a field of over %d bytes", FIELD_MAX);
	r->field[r->letters++] = c;
	return SL_OK;
}

static enum sl_status take_quoted(struct sl_data_reader *r, char c, struct sl_error *error)
{
	if (r->state == QUOTED && c == '"') {
		r->state = QUOTE;
		return SL_OK;
	}
	r->state = QUOTED; /* a doubled quote is one */
	return keep(r, c, error);
}

/* A letter outside of quotes. */
static enum sl_status take_plain(struct sl_data_reader *r, char c, struct sl_error *error)
{
	static const char parts[] = ",;\t";
	if (c == '\n')
		return r->state == START && r->column == 0 ? (r->record = r->line, SL_OK)
		                                           : end_record(r, error);
	if (c == parts[r->options.part]) {
		enum sl_status status = end_field(r, error);
		if (status == SL_OK && ++r->column == COLUMNS_MAX)
			status = sl_fail(error, SL_TOO_BIG, "over %d columns", COLUMNS_MAX);
		/* So that an empty field at the end of a line is one. */
		return status;
	}
	if (c == '"' && r->state == START) {
		r->state = QUOTED;
		return SL_OK;
	}
	if (c == '"' || r->state == QUOTE)
		return sl_fail(error, SL_MALFORMED,
		               "a quote inside a field: quote the whole field, and double the quotes in it");
	r->state = PLAIN;
	return keep(r, c, error);
}

/* A carriage return counts before a line's end only; elsewhere it is refused. */
static enum sl_status take_letter(struct sl_data_reader *r, char c, struct sl_error *error)
{
	static const char mark[] = "\xef\xbb\xbf";
	if (r->marks < 3 && c == mark[r->marks]) {
		r->marks++;
		return SL_OK;
	}
	if (r->marks > 0 && r->marks < 3)
		return sl_fail(error, SL_MALFORMED, "half of a byte order mark");
	r->marks = 4;
	r->line += c == '\n';
	if (r->state == QUOTED || (r->state == QUOTE && c == '"'))
		return take_quoted(r, c, error);
	bool returned = r->returned;
	r->returned = c == '\r';
	if (returned && c != '\n')
		return sl_fail(error, SL_MALFORMED, "a carriage return without a line feed");
	return c == '\r' ? SL_OK : take_plain(r, c, error);
}

static enum sl_status csv_push(struct sl_data_reader *r, unsigned stream, const uint8_t *bytes, size_t length,
                               const char *what, struct sl_error *error)
{
	SL_CHECK(stream == 0 && !r->refused);
	sl_reader_name(r->what, what);
	for (size_t i = 0; i < length; i++) {
		uint64_t line = r->record;
		enum sl_status status = take_letter(r, (char)bytes[i], error);
		if (status != SL_OK) {
			r->refused = true;
			return sl_wrap(error, "%s:%llu", r->what, (unsigned long long)line), status;
		}
	}
	return SL_OK;
}

/* ---- classes ---- */

/* A whole number as lists of classes have it; false: a name. */
static bool whole(const char *text, int64_t *out)
{
	const char *digits = text + (*text == '-' || *text == '+');
	if (!*digits || digits[strspn(digits, "0123456789")] || strlen(digits) > 9)
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}

/* Numbers ascending, then names ascending by their bytes. */
static int compare(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int64_t v, w;
	bool number_x = whole(x, &v), number_y = whole(y, &w);
	if (number_x && number_y)
		return (v > w) - (v < w);
	return number_x != number_y ? (number_x ? -1 : 1) : strcmp(x, y);
}

static const struct place *place_of(const struct sl_data_reader *r, uint32_t sample)
{
	return (const struct place *)(const void *)r->where.bytes + sample;
}

static const char *label_of(const struct sl_data_reader *r, uint32_t sample)
{
	return (const char *)r->text.bytes + place_of(r, sample)->text;
}

static enum sl_status name_classes(struct sl_data_reader *r, const char **sorted, struct sl_error *error)
{
	size_t room = 64, count = 0;
	for (uint32_t s = 0; s < r->samples; s++)
		sorted[s] = label_of(r, s);
	qsort(sorted, r->samples, sizeof *sorted, compare);
	for (uint32_t s = 0; s < r->samples; s++)
		if (s == 0 || compare(&sorted[s - 1], &sorted[s]) != 0) {
			sorted[count++] = sorted[s];
			room += strlen(sorted[s]) + 26;
		}
	if (count > SL_CLASSES_MAX)
		return sl_fail(
		    error, SL_TOO_BIG,
		    "%s: %zu distinct labels, at most %d are classes; are they numbers (target=number)?",
		    r->what, count, SL_CLASSES_MAX);
	r->classes = malloc(room);
	if (!r->classes)
		return no_memory(error);
	struct sl_classes_writer w = sl_classes_begin(r->classes);
	for (size_t i = 0; i < count; i++) {
		int64_t v;
		if (whole(sorted[i], &v))
			sl_classes_add_numbers(&w, v, v);
		else
			sl_classes_add_name(&w, sorted[i], strlen(sorted[i]));
	}
	r->classes_length = sl_classes_end(&w);
	r->class_count = (uint32_t)count;
	return SL_OK;
}

/* The names of all columns but the label's. */
static enum sl_status name_columns(struct sl_data_reader *r, struct sl_error *error)
{
	const uint32_t *at = (const void *)r->name_at.bytes;
	const char *names = (const char *)r->names.bytes;
	if (!r->options.header)
		return SL_OK;
	char *out = r->features = malloc(r->names.used + 1);
	if (!out)
		return no_memory(error);
	for (uint32_t c = 0; c < r->columns; c++)
		if (c != r->label)
			out = stpcpy(out, names + at[c]) + 1;
	return SL_OK;
}

/* Ends a last line that has no newline. */
static enum sl_status complete(struct sl_data_reader *r, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	if (r->state == QUOTED)
		status = sl_fail(error, SL_MALFORMED, "a quoted field that does not end");
	else if (r->returned)
		status = sl_fail(error, SL_MALFORMED, "a carriage return without a line feed");
	else if (r->state != START || r->column > 0)
		status = end_record(r, error);
	if (status != SL_OK)
		return sl_wrap(error, "%s:%llu", r->what, (unsigned long long)r->record), status;
	if (r->samples == 0)
		return sl_fail(error, SL_MALFORMED, "%s: holds no samples", r->what);
	status = name_columns(r, error);
	if (status != SL_OK || r->options.target == TARGET_NUMBER)
		return status;
	const char **sorted = malloc(r->samples * sizeof *sorted);
	status = sorted ? name_classes(r, sorted, error) : no_memory(error);
	free(sorted);
	return status;
}

static enum sl_status csv_survey(struct sl_data_reader *r, struct sl_survey *out, struct sl_error *error)
{
	SL_CHECK(!r->refused);
	enum sl_status status = r->complete ? SL_OK : complete(r, error);
	r->complete = status == SL_OK;
	r->refused = !r->complete;
	if (status == SL_OK)
		*out = (struct sl_survey){ r->columns - 1, r->class_count, r->classes, r->classes_length,
			                   r->features };
	return status;
}

static enum sl_status take_classes(const struct sl_data_reader *r, const struct sl_classes *classes,
                                   uint16_t *out, struct sl_error *error)
{
	char brief[SL_CLASSES_BRIEF], shown[40];
	sl_classes_brief(classes->text, classes->length, brief);
	if (classes->count < 2)
		return sl_fail(error, SL_MALFORMED, "%s: only the label %s, must have at least two classes",
		               r->what, brief);
	for (uint32_t s = 0; s < r->samples; s++) {
		const char *label = label_of(r, s);
		int64_t v;
		uint32_t class = whole(label, &v) ? sl_classes_number(classes, v)
		                                  : sl_classes_find(classes, label, strlen(label));
		if (class == SL_CLASS_ABSENT) {
			show(label, shown);
			return sl_fail(error, SL_MALFORMED,
			               "%s:%llu: label '%s' is not in [data] classes = %s", r->what,
			               (unsigned long long)place_of(r, s)->line, shown, brief);
		}
		out[s] = (uint16_t) class;
	}
	return SL_OK;
}

static enum sl_status write_block(const struct sl_data_reader *r, const struct sl_classes *classes,
                                  uint8_t **block, size_t *length, struct sl_error *error)
{
	uint16_t *label = malloc(r->samples * sizeof *label);
	enum sl_status status = label ? SL_OK : no_memory(error);
	if (status == SL_OK && classes)
		status = take_classes(r, classes, label, error);
	if (status == SL_OK) {
		struct sl_dataset data = {
			.kind = SL_FEATURES_FLOAT,
			.samples = r->samples,
			.features = r->columns - 1,
			.classes = classes ? classes->count : 0,
			.scale = 1,
			.dense = (const void *)r->value.bytes,
			.label = classes ? label : NULL,
			.target = classes ? NULL : (const void *)r->target.bytes,
			.names = classes ? classes->text : NULL,
			.names_length = classes ? classes->length : 0,
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
	struct sl_reader_classes own = { 0 };
	enum sl_status status = csv_survey(r, &found, error);
	if (status == SL_OK && features > 0 && features != found.features)
		status = sl_fail(error, SL_MALFORMED, "%s:1: %u columns of features, must be %u", r->what,
		                 found.features, features);
	if (status == SL_OK && classes && r->options.target == TARGET_NUMBER)
		status = sl_fail(error, SL_MALFORMED, "%s: real targets, must be classes", r->what);
	if (status == SL_OK && !classes)
		status = sl_reader_classes(&own, &found, &classes, error);
	if (status == SL_OK)
		status = write_block(r, classes, block, length, error);
	free(own.item);
	return status;
}

static void csv_abandon(struct sl_data_reader *r)
{
	if (!r)
		return;
	free(r->names.bytes);
	free(r->name_at.bytes);
	free(r->value.bytes);
	free(r->target.bytes);
	free(r->text.bytes);
	free(r->where.bytes);
	free(r->features);
	free(r->classes);
	free(r);
}

static enum sl_status csv_finish(struct sl_data_reader *r, uint32_t features,
                                 const struct sl_classes *classes, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	SL_CHECK(!r->refused);
	enum sl_status status = make_block(r, features, classes, block, length, error);
	csv_abandon(r);
	return status;
}

const struct sl_data_format sl_data_format_csv = {
	.name = "csv",
	.doc = "tables as text: a column is the label, by name, all others are numbers",
	.streams = 1,
	.example = { { "a,label,b\n1,x,-2\n0.5,\"y \"\"1\"\"\",3e-2\r\n7,x,8\n", 43 } },
	.options = csv_options,
	.options_size = sizeof(struct csv_options),
	.open = csv_open,
	.push = csv_push,
	.survey = csv_survey,
	.finish = csv_finish,
	.abandon = csv_abandon,
};
