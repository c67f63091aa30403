/* export.c — starling export: a model of a run as a file. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/model/model.h"

#include <stdlib.h>
#include <string.h>

enum format { SAFETENSORS, NPZ, ONNX, FORMATS };
static const char *const names[] = { "safetensors", "npz", "onnx" };

struct export
{
	const char *output, *format;
	uint64_t peer;
	bool one, mean, json;
};

/* --format, or the ending of the file's name. */
static int find_format(const struct export *e)
{
	const char *dot = strrchr(e->output, '.'), *name = e->format ? e->format : dot ? dot + 1 : "";
	for (int f = 0; f < FORMATS; f++)
		if (strcmp(name, names[f]) == 0)
			return f;
	return -1;
}

static enum sl_status make(struct sl_bytes *out, const struct sl_model_taken *t, enum format format,
                           struct sl_error *error)
{
	enum sl_status status = SL_OK;
	if (format == SAFETENSORS)
		out->bytes = sl_model_file_make(&t->model.layout, &t->about, t->x, &out->used);
	else if (format == NPZ)
		sl_model_npz(out, t);
	else
		status = sl_model_onnx(out, t, error);
	if (status == SL_OK && (!out->bytes || out->failed))
		status =
		    sl_fail(error, SL_NO_MEMORY, "no memory for a file of this size (npz: at most 4 GB)");
	return status;
}

static void say(const struct export *e, const struct sl_model_taken *t)
{
	if (e->json)
		sl_json_object(stdout, (const struct sl_json_fact[]){
		                           { "file", e->output },
		                           { "model", t->about.model },
		                           { "run", t->about.run },
		                           { "peer", t->about.peer },
		                           { "round", .number = t->about.round },
		                           { "parameters", .number = t->model.layout.dimension },
		                           { "digest", t->about.digest },
		                           { NULL } });
	else
		printf("%s: %s of %s, %s%s, round %u, %u parameters, digest %.16s\n", e->output,
		       t->about.model, t->about.run, e->one ? "peer " : "", t->about.peer, t->about.round,
		       t->model.layout.dimension, t->about.digest);
}

static int export_model(const char *folder, const struct export *e, enum format format)
{
	struct sl_error error;
	struct sl_model_taken taken;
	struct sl_bytes bytes = { 0 };
	char note[SL_TEXT_MAX];
	if (sl_model_take(&taken, folder, (uint32_t)e->peer, !e->one, note, &error) != SL_OK)
		return sl_command_fail(&sl_command_export, &error);
	enum sl_status status = make(&bytes, &taken, format, &error);
	if (status == SL_OK)
		status = sl_file_replace(e->output, bytes.bytes, bytes.used, 0666, &error);
	if (status == SL_OK && note[0])
		fprintf(stderr, "starling export: note: %s\n", note);
	if (status == SL_OK)
		say(e, &taken);
	free(bytes.bytes);
	sl_model_taken_free(&taken);
	return status == SL_OK ? SL_EXIT_OK : sl_command_fail(&sl_command_export, &error);
}

static enum sl_status take_peer(const struct sl_argument *argument, void *record, const char *text,
                                struct sl_error *error)
{
	struct export *e = record;
	e->one = true;
	return sl_option_set(&argument->option, record, text, error);
}

static int run(int argc, char **argv)
{
	struct export e = { 0 };
	char **operands;
	int code = sl_command_parse(&sl_command_export, argc, argv, &e, &operands);
	if (code >= 0)
		return code;
	int format = find_format(&e);
	if (e.one && e.mean)
		return sl_command_misuse(&sl_command_export, "--peer and --mean cannot be used together");
	if (format < 0)
		return sl_command_misuse(
		    &sl_command_export,
		    "%s: unknown format; end the name in .safetensors, .npz or .onnx, or give --format",
		    e.format ? e.format : e.output);
	return export_model(operands[0], &e, (enum format)format);
}

#define AT(field) offsetof(struct export, field)
static const struct sl_operand operands_of_export[] = { { "RUN", "the folder of a run", SL_COMPLETE_RUN },
	                                                { NULL } };
static const struct sl_argument arguments_of_export[] = {
	{ .option = { "output", "the file to write", SL_OPTION_BORROWED, AT(output),
	              .completes = SL_COMPLETE_FILE },
	  .letter = 'o',
	  .value = "FILE",
	  .required = true },
	{ .option = { "peer", "the model of peer K", SL_OPTION_U64, AT(peer), 0, 65535 },
	  .value = "K",
	  .take = take_peer },
	{ .option = { "mean", "the mean of all peers' models (the default)", SL_OPTION_SWITCH, AT(mean) } },
	{ .option = { "format", "safetensors, npz or onnx; without it, as the file's name ends",
	              SL_OPTION_BORROWED, AT(format) },
	  .value = "FORMAT" },
	SL_ARGUMENT_JSON(struct export, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_export = {
	"export",
	{ .program = "starling export",
	  .doc = "write a model of a run to a file that other programs read",
	  .forms = (const char *const[]){ "RUN [--peer K | --mean] -o FILE", NULL },
	  .text =
	      "Reads RUN/model/K.safetensors, which a daemon replaces with each checkpoint and at the end (a simulation with\n"
	      "--models at the end), and writes one peer's model, or the mean of all. Weights are inputs by outputs; those of a\n"
	      "convolution are (line, column, channel) by filters. ONNX is for networks (softmax, mlp, conv): its input \"samples\"\n"
	      "takes features as the model sees them (bytes of idx files divided by 255).\n",
	  .operands = operands_of_export,
	  .arguments = arguments_of_export },
	run
};
