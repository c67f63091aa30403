/* predict.c — starling predict: what a model says of samples, as CSV. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/init/init.h"
#include "daemon/cli/model/model.h"
#include "linalg/vector.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct predict {
	const char *data;
	uint64_t peer;
	bool one, mean, json;
	struct sl_overrides set;
	struct sl_config config; /* of the data */
	struct sl_model_taken taken;
	struct sl_block block;
	struct sl_mapping file; /* the run's own test set, without --data */
	struct sl_dataset samples;
};

static bool is_folder(const char *path)
{
	struct stat s;
	return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static enum sl_status take(struct predict *p, const char *from, struct sl_error *error)
{
	char note[SL_TEXT_MAX] = "";
	enum sl_status status =
	    is_folder(from)
	        ? sl_model_take(&p->taken, from, (uint32_t)p->peer, !p->one, note, error)
	        : sl_model_file_read(from, NULL, &p->taken.about, &p->taken.model, &p->taken.x, error);
	if (status == SL_OK && note[0])
		fprintf(stderr, "starling predict: note: %s\n", note);
	if (status == SL_OK && !p->taken.model.model->predict)
		status = sl_fail(error, SL_UNSUPPORTED, "model %s gives no probabilities of classes",
		                 p->taken.about.model);
	return status;
}

/* Of a run that declares columns, samples are put into their order and scaled, as those it learnt from were. */
static enum sl_status take_columns(struct sl_source *source, const char *from, struct sl_error *error)
{
	static struct sl_config config;
	char conf[4096 + 16];
	if (!is_folder(from))
		return SL_OK;
	snprintf(conf, sizeof conf, "%s/run.conf", from);
	sl_columns_free(&source->columns);
	enum sl_status status = sl_config_load(&config, conf, NULL, error);
	return status == SL_OK ? sl_columns_of_run(&source->columns, &config, error) : status;
}

/* The samples of --data, with the classes and as many features as the model has. */
static enum sl_status read_files(struct predict *p, const char *from, struct sl_error *error)
{
	struct sl_source source = { 0 };
	struct sl_reading reading = { 0 };
	struct sl_class_list list = { 0 };
	char note[SL_TEXT_MAX];
	const char *names = p->taken.about.classes;
	enum sl_status status = sl_init_data(&p->set, p->data, NULL, error);
	if (status == SL_OK)
		status = sl_config_standard(&p->config, p->set.item, error);
	if (status == SL_OK)
		status = sl_source_resolve(&source, &p->config.settings, note, error);
	if (status == SL_OK)
		status = take_columns(&source, from, error);
	if (status == SL_OK)
		status = sl_class_list_make(&list, names, strlen(names), error);
	if (status == SL_OK)
		status = sl_reading_begin(&reading, &source, true, 0, error);
	if (status == SL_OK)
		status = sl_reading_finish(&reading, &source, p->taken.model.features, &list.classes,
		                           &p->block, error);
	if (status == SL_OK)
		p->samples = p->block.data;
	sl_class_list_free(&list);
	sl_source_free(&source);
	return status;
}

/* Without --data: the run's test set. */
static enum sl_status read_test(struct predict *p, const char *from, struct sl_error *error)
{
	char path[4096], conf[4096 + 16];
	if (!is_folder(from))
		return sl_fail(error, SL_MALFORMED, "%s is no run: --data is needed", from);
	snprintf(conf, sizeof conf, "%s/run.conf", from);
	enum sl_status status = sl_config_load(&p->config, conf, NULL, error);
	if (status != SL_OK)
		return status;
	sl_run_data_path(&p->config, SL_RUN_TEST, path);
	status = sl_file_map(&p->file, path, error);
	if (status == SL_OK && sl_dataset_open(&p->samples, p->file.bytes, p->file.length, error) != SL_OK)
		return sl_wrap(error, "%s", path);
	if (status == SL_OK &&
	    (p->samples.features != p->taken.model.features || p->samples.classes != p->taken.model.classes))
		status = sl_fail(
		    error, SL_OUT_OF_RANGE, "%s: %u features and %u classes, the model has %u and %u", path,
		    p->samples.features, p->samples.classes, p->taken.model.features, p->taken.model.classes);
	return status;
}

/* A field of CSV: in quotes where it needs them. */
static void field(FILE *out, const char *text)
{
	if (!strpbrk(text, "\",\r\n")) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void name_of(const struct predict *p, uint32_t class, char out[static SL_CLASS_NAME_MAX + 1])
{
	const char *names = p->taken.about.classes;
	sl_classes_name(names, strlen(names), class, out);
}

static void print_json(const struct predict *p, uint32_t sample, const char *best, const float *probability)
{
	printf("{\"sample\":%u,\"class\":", sample);
	sl_json_text(stdout, best);
	fputs(",\"probability\":{", stdout);
	for (uint32_t c = 0; c < p->taken.model.classes; c++) {
		char name[SL_CLASS_NAME_MAX + 1];
		name_of(p, c, name);
		fputs(c ? "," : "", stdout);
		sl_json_text(stdout, name);
		putchar(':');
		sl_json_real(stdout, (double)probability[c]);
	}
	fputs("}}\n", stdout);
}

static void print_row(const struct predict *p, uint32_t sample, const float *probability)
{
	char name[SL_CLASS_NAME_MAX + 1];
	uint32_t classes = p->taken.model.classes, best = 0;
	for (uint32_t c = 1; c < classes; c++)
		best = probability[c] > probability[best] ? c : best;
	name_of(p, best, name);
	if (p->json) {
		print_json(p, sample, name, probability);
		return;
	}
	printf("%u,", sample);
	field(stdout, name);
	for (uint32_t c = 0; c < classes; c++)
		printf(",%.9g", (double)probability[c]);
	putchar('\n');
}

static void print_head(const struct predict *p)
{
	fputs("sample,class", stdout);
	for (uint32_t c = 0; c < p->taken.model.classes; c++) {
		char name[SL_CLASS_NAME_MAX + 1], column[SL_CLASS_NAME_MAX + 4];
		name_of(p, c, name);
		snprintf(column, sizeof column, "p(%s)", name);
		putchar(',');
		field(stdout, column);
	}
	putchar('\n');
}

static enum sl_status predict(const struct predict *p, struct sl_error *error)
{
	const struct sl_model_instance *m = &p->taken.model;
	float *scratch = malloc(m->model->scratch(m, SL_EVALUATE_CHUNK) * sizeof *scratch),
	      *out = malloc((size_t)SL_EVALUATE_CHUNK * m->classes * sizeof *out);
	enum sl_status status =
	    scratch && out ? SL_OK : sl_fail(error, SL_NO_MEMORY, "no memory for the model's layers");
	if (status == SL_OK && !p->json)
		print_head(p);
	for (uint32_t at = 0; at < p->samples.samples && status == SL_OK; at += SL_EVALUATE_CHUNK) {
		uint32_t left = p->samples.samples - at,
		         count = left < SL_EVALUATE_CHUNK ? left : SL_EVALUATE_CHUNK;
		m->model->predict(m, &p->samples, at, count, p->taken.x, out, scratch);
		for (uint32_t i = 0; i < count; i++)
			print_row(p, at + i, out + (size_t)i * m->classes);
	}
	if (status == SL_OK && p->samples.samples > 0) {
		double accuracy, loss = sl_model_evaluate_all(m, &p->samples, p->taken.x, &accuracy, scratch);
		fprintf(stderr, "starling predict: %u samples, accuracy %.17g, loss %.17g, by their labels\n",
		        p->samples.samples, accuracy, loss);
	}
	if (status == SL_OK && (fflush(stdout) != 0 || ferror(stdout)))
		status = sl_fail(error, SL_IO, "cannot write to standard output");
	free(scratch);
	free(out);
	return status;
}

static enum sl_status take_peer(const struct sl_argument *argument, void *record, const char *text,
                                struct sl_error *error)
{
	struct predict *p = record;
	p->one = true;
	return sl_option_set(&argument->option, record, text, error);
}

static int run(int argc, char **argv)
{
	static struct predict p; /* large: settings */
	struct sl_error error;
	char **operands;
	memset(&p, 0, sizeof p);
	int code = sl_command_parse(&sl_command_predict, argc, argv, &p, &operands);
	if (code < 0 && p.one && p.mean)
		code = sl_command_misuse(&sl_command_predict, "--peer and --mean cannot be used together");
	if (code < 0) {
		enum sl_status status = take(&p, operands[0], &error);
		sl_blas_start();
		if (status == SL_OK)
			status =
			    p.data ? read_files(&p, operands[0], &error) : read_test(&p, operands[0], &error);
		if (status == SL_OK)
			status = predict(&p, &error);
		code = status == SL_OK ? SL_EXIT_OK : sl_command_fail(&sl_command_predict, &error);
	}
	sl_model_taken_free(&p.taken);
	sl_block_free(&p.block);
	sl_file_unmap(&p.file);
	sl_overrides_free(&p.set);
	return code;
}

#define AT(field) offsetof(struct predict, field)
static const struct sl_operand operands_of_predict[] = {
	{ "MODEL", "the folder of a run, or a safetensors file of starling export", SL_COMPLETE_FILE },
	{ NULL }
};
static const struct sl_argument arguments_of_predict[] = {
	{ .option = { "data",
	              "the samples, as init takes them: FORMAT:FILES; without it, the run's test data",
	              SL_OPTION_BORROWED, AT(data), .completes = SL_COMPLETE_FORMAT },
	  .value = "DATA" },
	{ .option = { "peer", "of a run, the model of peer K", SL_OPTION_U64, AT(peer), 0, 65535 },
	  .value = "K",
	  .take = take_peer },
	{ .option = { "mean", "of a run, the mean of all peers' models (the default)", SL_OPTION_SWITCH,
	              AT(mean) } },
	SL_ARGUMENT_SET(struct predict, set),
	SL_ARGUMENT_JSON(struct predict, json, "print JSON: an object for each sample"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_predict = {
	"predict",
	{ .program = "starling predict",
	  .doc = "say the classes of samples, with their probabilities",
	  .forms = (const char *const[]){ "RUN | FILE [--data DATA]", NULL },
	  .text =
	      "Prints a line of CSV for each sample: its number, the likeliest class, the probability of every class. By the labels of\n"
	      "the data, accuracy and loss are said on standard error. For networks (softmax, mlp, conv).\n",
	  .operands = operands_of_predict,
	  .arguments = arguments_of_predict },
	run
};
