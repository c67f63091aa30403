/* list_command.c — starling list: every plug-in with its options, from the registries. */
#include "daemon/cli/common/command_line.h"
#include "daemon/run/option_text.h"
#include "compress/stage.h"
#include "gossip/algorithm.h"
#include "gossip/reads.h"
#include "topology/topology.h"

#include <string.h>

/* A plug-in of any registry, as a line of the list. Unknown texts are NULL. */
struct entry {
	const char *name, *usage, *doc;
	const struct sl_option *options;
	const char *formula, *bytes, *exchanges, *needs, *graphs, *steps, *paper;
	char class[320]; /* guarantee of a compressor: exact, unbiased, contractive, … */
	char reads[320]; /* keys of run.conf that not every algorithm reads */
};

/* The graphs of topologies/README.md that an algorithm supports. */
static const char *graphs_of(const struct sl_algorithm *a)
{
	if (a->aggregate)
		return "complete:N";
	if (a->graphs & SL_GRAPHS_DIRECTED)
		return "any, also directed ones and those that change from round to round";
	if (a->graphs & SL_GRAPHS_CHANGING)
		return "undirected, or directed and balanced; also those that change from round to round";
	return "undirected, the same in every round";
}

/* "local_steps (default 4), gamma, …": of the keys that some algorithm does not read, those that this one does. */
static void fill_reads(struct entry *e, const struct sl_algorithm *a)
{
	size_t used = 0;
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		for (const struct sl_option *o = s->options; o->name && used < sizeof e->reads; o++) {
			bool all = true;
			for (size_t i = 0; sl_algorithms[i]; i++)
				all = all && sl_algorithm_reads(sl_algorithms[i], o->name);
			if (!sl_settings_of_method(s->name, o) || all || !sl_algorithm_reads(a, o->name))
				continue;
			used +=
			    (size_t)snprintf(e->reads + used, sizeof e->reads - used, "%s%s.%s (default %s)",
			                     used ? ", " : "", s->name, o->name, sl_algorithm_default(a, o));
		}
}

/* Each gives entry i of its registry, or false after the last. */
static bool algorithm_at(size_t i, struct entry *out)
{
	const struct sl_algorithm *a = sl_algorithms[i];
	if (a)
		*out = (struct entry){ .name = a->name,
			               .doc = a->doc,
			               .options = a->options,
			               .exchanges = a->exchanges,
			               .needs = a->needs,
			               .graphs = graphs_of(a),
			               .steps = a->steps ? a->steps : "no computable rule",
			               .paper = a->paper };
	if (a)
		fill_reads(out, a);
	return a != NULL;
}

static bool topology_at(size_t i, struct entry *out)
{
	const struct sl_graph *g = sl_graphs[i];
	if (g)
		*out = (struct entry){ .name = g->name, .usage = g->usage, .doc = g->doc };
	return g != NULL;
}

enum { CLASS_DIMENSION = 10000 }; /* for which classes are computed */

/* Adds the class that a stage has with the arguments of one pipeline, once, and its constant there. */
static void add_class(struct entry *e, const char *select, const char *quantise, const char *word)
{
	static const char *const names[] = { "exact", "unbiased", "contractive",
		                             "absolute, kappa² = d·least²", "none proved" };
	static const struct sl_layout layout = {
		.dimension = CLASS_DIMENSION,
		.tensors = 1,
		.own = { { .name = "x", .rows = CLASS_DIMENSION, .columns = 1 } }
	};
	char text[3 * SL_TEXT_MAX], constant[3 * SL_TEXT_MAX] = "";
	struct sl_pipeline p;
	snprintf(text, sizeof text, "%s | %s | raw", select, quantise);
	if (sl_pipeline_parse(&p, text, &layout, NULL) != SL_OK)
		return;
	struct sl_guarantee guarantee = sl_pipeline_guarantee(&p);
	const char *name = names[guarantee.kind];
	size_t used = strlen(e->class);
	if (strstr(e->class, name))
		return;
	if (guarantee.kind == SL_CLASS_UNBIASED || guarantee.kind == SL_CLASS_CONTRACTIVE)
		snprintf(constant, sizeof constant, ", %s %.3g for %s",
		         guarantee.kind == SL_CLASS_UNBIASED ? "omega" : "delta",
		         guarantee.kind == SL_CLASS_UNBIASED ? guarantee.omega : guarantee.delta, word);
	snprintf(e->class + used, sizeof e->class - used, "%s%s%s", used ? "; " : "", name, constant);
}

/* The classes of a stage's examples: of a select with float32, of a quantiser with all. */
static void fill_class(struct entry *e, const char *examples, bool quantiser)
{
	for (size_t n; *examples; examples += n) {
		char word[SL_TEXT_MAX];
		examples += strspn(examples, " ");
		n = strcspn(examples, " ");
		snprintf(word, sizeof word, "%.*s", (int)n, examples);
		add_class(e, quantiser ? "all" : word, quantiser ? word : "float32", word);
	}
	size_t used = strlen(e->class);
	if (strstr(e->class, " for "))
		snprintf(e->class + used, sizeof e->class - used, " (of %d coordinates)", CLASS_DIMENSION);
}

static bool selector_at(size_t i, struct entry *out)
{
	const struct sl_select *s = sl_selects[i];
	if (!s)
		return false;
	*out = (struct entry){
		.name = s->name,
		.doc = s->doc,
		.options = s->options,
		.formula = s->formula,
		.bytes = s->shared_support ? "none for indices: both ends know them" : NULL,
	};
	fill_class(out, s->examples, false);
	return true;
}

static bool quantiser_at(size_t i, struct entry *out)
{
	const struct sl_quantise *q = sl_quantisers[i];
	if (q)
		*out = (struct entry){ .name = q->name,
			               .doc = q->doc,
			               .options = q->options,
			               .formula = q->formula,
			               .bytes = q->bytes };
	if (q)
		fill_class(out, q->examples, true);
	return q != NULL;
}

#define PLAIN(kind, registry)                                                                                \
	static bool kind##_at(size_t i, struct entry *out)                                                   \
	{                                                                                                    \
		if (registry[i])                                                                             \
			*out = (struct entry){ .name = registry[i]->name,                                    \
				               .doc = registry[i]->doc,                                      \
				               .options = registry[i]->options };                            \
		return registry[i] != NULL;                                                                  \
	}
PLAIN(coder, sl_codes)
PLAIN(model, sl_models)
PLAIN(dataset, sl_data_formats)
PLAIN(partition, sl_partitions)

static const struct kind {
	const char *word, *title, *array; /* the argument, the heading, the JSON key */
	bool (*at)(size_t i, struct entry *out);
} kinds[] = {
	{ "algorithms", "Algorithms: [algorithm] name", "algorithms", algorithm_at },
	{ "compressors", "Compressors, first stage: [compress] pipeline = SELECT | quantise | code",
	  "selectors", selector_at },
	{ "compressors", "Compressors, second stage: [compress] pipeline = select | QUANTISE | code",
	  "quantisers", quantiser_at },
	{ "coders", "Coders: [compress] pipeline = select | quantise | CODE", "coders", coder_at },
	{ "models", "Models: [model] name", "models", model_at },
	{ "datasets", "Data sets: [data] format", "datasets", dataset_at },
	{ "partitions", "Partitions: [data] partition", "partitions", partition_at },
	{ "topologies", "Topologies: --topology", "topologies", topology_at },
};
enum { KINDS = sizeof kinds / sizeof *kinds, LISTED = 3 };

/* "topk:fraction", "all", or the plug-in's own text. */
static void usage_text(const struct entry *e, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s", e->usage ? e->usage : e->name);
	unsigned count = 0;
	for (const struct sl_option *o = e->options; o && o->name && !e->usage && used < size; o++, count++) {
		if (count == LISTED) {
			snprintf(text + used, size - used, ",...");
			break;
		}
		used += (size_t)snprintf(text + used, size - used, o->standard ? "[%c%s]" : "%c%s",
		                         count ? ',' : ':', o->name);
	}
}

static void print_option(const struct sl_option *o, size_t width)
{
	char indent[32], details[2 * SL_TEXT_MAX], text[1024], head[64];
	sl_option_text_details(o, details, sizeof details);
	snprintf(text, sizeof text, "%s%s", o->doc, details);
	int used = snprintf(head, sizeof head, "      %-14s  ", o->name);
	snprintf(indent, sizeof indent, "%22s  ", "");
	fputs(head, stdout);
	sl_option_text_wrap(stdout, text, (size_t)used, indent, width);
}

static void print_more(const char *label, const char *text, size_t width)
{
	char line[1024];
	if (!text)
		return;
	snprintf(line, sizeof line, "%s: %s", label, text);
	fputs("      ", stdout);
	sl_option_text_wrap(stdout, line, 6, "        ", width);
}

static void print_entry(const struct entry *e, size_t column, size_t width)
{
	char usage[SL_TEXT_MAX], indent[64];
	usage_text(e, usage, sizeof usage);
	size_t used = strlen(usage) > column ? strlen(usage) : column;
	snprintf(indent, sizeof indent, "%*s", (int)column + 4, "");
	printf("  %-*s  ", (int)column, usage);
	sl_option_text_wrap(stdout, e->doc, used + 4, indent, width);
	for (const struct sl_option *o = e->options; o && o->name; o++)
		print_option(o, width);
	print_more("formula", e->formula, width);
	print_more("class", e->class[0] ? e->class : NULL, width);
	print_more("bytes", e->bytes, width);
	print_more("reads", e->reads[0] ? e->reads : NULL, width);
	print_more("exchanges", e->exchanges, width);
	print_more("needs", e->needs, width);
	print_more("graphs", e->graphs, width);
	print_more("eta = theory", e->steps, width);
	print_more("paper", e->paper, width);
}

static void print_kind(const struct kind *kind, size_t width)
{
	struct entry e;
	char usage[SL_TEXT_MAX];
	size_t column = 0;
	for (size_t i = 0; kind->at(i, &e); i++) {
		usage_text(&e, usage, sizeof usage);
		if (strlen(usage) > column && strlen(usage) <= 28)
			column = strlen(usage);
	}
	puts(kind->title);
	for (size_t i = 0; kind->at(i, &e); i++)
		print_entry(&e, column, width);
}

static void json_text(const char *key, const char *text)
{
	if (!text)
		return;
	printf(", \"%s\": ", key);
	sl_json_text(stdout, text);
}

static void json_option(const struct sl_option *o)
{
	static const char *const types[] = {
		[SL_OPTION_U32] = "whole",     [SL_OPTION_U64] = "whole",
		[SL_OPTION_REAL] = "real",     [SL_OPTION_TEXT] = "text",
		[SL_OPTION_CHOICE] = "choice", [SL_OPTION_DURATION] = "duration",
		[SL_OPTION_SWITCH] = "switch", [SL_OPTION_RATE] = "rate",
		[SL_OPTION_VOLUME] = "volume", [SL_OPTION_SIZE] = "size",
		[SL_OPTION_BORROWED] = "text",
	};
	fputs("{\"name\": ", stdout);
	sl_json_text(stdout, o->name);
	json_text("type", types[o->type]);
	json_text("doc", o->doc);
	json_text("default", o->standard);
	if (o->type <= SL_OPTION_REAL) {
		fputs(", \"min\": ", stdout);
		sl_json_real(stdout, o->min);
		fputs(", \"max\": ", stdout);
		sl_json_real(stdout, o->max);
	}
	json_text("choices", o->type == SL_OPTION_CHOICE ? o->choices : NULL);
	if (o->zero)
		json_text("or", o->zero);
	putchar('}');
}

static void json_kind(const struct kind *kind)
{
	struct entry e;
	printf("\"%s\": [", kind->array);
	for (size_t i = 0; kind->at(i, &e); i++) {
		fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", stdout);
		sl_json_text(stdout, e.name);
		json_text("usage", e.usage);
		json_text("doc", e.doc);
		json_text("formula", e.formula);
		json_text("class", e.class[0] ? e.class : NULL);
		json_text("bytes", e.bytes);
		json_text("reads", e.reads[0] ? e.reads : NULL);
		json_text("exchanges", e.exchanges);
		json_text("needs", e.needs);
		json_text("graphs", e.graphs);
		json_text("steps", e.steps);
		json_text("paper", e.paper);
		fputs(", \"options\": [", stdout);
		for (const struct sl_option *o = e.options; o && o->name; o++) {
			fputs(o == e.options ? "" : ", ", stdout);
			json_option(o);
		}
		fputs("]}", stdout);
	}
	puts("]");
}

static void json_settings(void)
{
	bool first = true;
	fputs("\"settings\": [", stdout);
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		for (const struct sl_option *o = s->options; o->name; o++, first = false) {
			printf("%s\n  {\"section\": \"%s\", \"shared\": %s, \"resume\": \"%s\", \"option\": ",
			       first ? "" : ",", s->name, o->scope == SL_SCOPE_HOST ? "false" : "true",
			       sl_option_text_scope(o->scope));
			json_option(o);
			putchar('}');
		}
	puts("]");
}

static void print_settings(void)
{
	struct sl_run_settings settings;
	sl_run_settings_standard(&settings);
	sl_option_text_reference(stdout, &settings);
}

/* word NULL: everything but the settings. */
static void list(const char *word, bool json)
{
	bool settings = word && strcmp(word, "settings") == 0, first = true;
	if (json)
		putchar('{');
	for (size_t i = 0; i < KINDS && !settings; i++) {
		if (word && strcmp(word, kinds[i].word) != 0)
			continue;
		fputs(first ? "" : json ? "," : "\n", stdout);
		first = false;
		if (json)
			json_kind(&kinds[i]);
		else
			print_kind(&kinds[i], sl_option_text_page());
	}
	if (settings && json)
		json_settings();
	else if (settings)
		print_settings();
	if (json)
		puts("}");
}

/* The kinds in the order of the table, then the settings. Compressors are two tables. */
static const char *kind_word(size_t i)
{
	for (size_t k = 0; k < KINDS; k++)
		if ((k == 0 || strcmp(kinds[k].word, kinds[k - 1].word) != 0) && i-- == 0)
			return kinds[k].word;
	return i == 0 ? "settings" : NULL;
}

struct request {
	bool json;
};

static int run(int argc, char **argv)
{
	struct request request = { 0 };
	char **operands;
	int code = sl_command_parse(&sl_command_list, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	list(operands[0], request.json);
	return SL_EXIT_OK;
}

static const struct sl_operand operands_of_list[] = {
	{ "KIND", "what to list", .words = kind_word, .optional = true }, { NULL }
};
static const struct sl_argument arguments_of_list[] = { SL_ARGUMENT_JSON(struct request, json, "print JSON"),
	                                                SL_ARGUMENT_HELP,
	                                                { .value = NULL } };

const struct sl_command sl_command_list = {
	"list",
	{ .program = "starling list",
	  .doc = "show every plug-in with its options",
	  .forms = (const char *const[]){ "[KIND]", NULL },
	  .text =
	      "Prints the plug-ins of one kind, or of all kinds, with their options. Arguments of a plug-in follow after a\n"
	      "colon, in the order shown or as key=value: topk:0.05 is the same as topk:keep=0.05. `starling list settings`\n"
	      "prints a run.conf with all default values and an explanation of every key.\n",
	  .operands = operands_of_list,
	  .arguments = arguments_of_list },
	run
};
