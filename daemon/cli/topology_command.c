/* topology_command.c — starling topology: a graph, its mixing weights, and its speed of convergence. */
#include "daemon/cli/common/command_line.h"
#include "daemon/run/files.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 64 << 20, PAGE_WIDTH = 100 };

struct request {
	const char *spec;
	uint64_t seed;
	bool json;
};

static enum sl_status open_topology(struct sl_topology *out, const struct request *request,
                                    struct sl_error *error)
{
	if (strncmp(request->spec, "file:", 5) != 0)
		return sl_topology_make(out, request->spec, request->seed, error);
	const char *path = request->spec + 5;
	uint8_t *text;
	size_t length;
	enum sl_status status = sl_file_read(path, FILE_MAX, &text, &length, error);
	if (status != SL_OK)
		return status;
	status = sl_topology_parse(out, (const char *)text, length, path, error);
	free(text);
	return status;
}

/* Rounds of uncompressed gossip until the distance to agreement has halved, as |λ|₂ᵏ ≈ e^(−k·gap). */
static double halving(const struct sl_spectrum *s)
{
	return 0.69314718055994531 / s->gap;
}

static int digits(uint32_t v)
{
	return snprintf(NULL, 0, "%" PRIu32, v);
}

static void print_peers(const struct sl_topology *t)
{
	int number = digits(t->peers - 1), column = number > 4 ? number : 4;
	int cell = number + 11; /* "  7 0.333333" with the blanks in front */
	unsigned a_line = (unsigned)(PAGE_WIDTH - column - 10) / (unsigned)cell;
	printf("%*s  %-8s  neighbours and their weights\n", column, "peer", "itself");
	for (uint32_t i = 0; i < t->peers; i++) {
		printf("%*" PRIu32 "  %.6f", column, i, t->self[i]);
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++) {
			if (k > t->first[i] && (k - t->first[i]) % a_line == 0)
				printf("\n%*s", column + 10, "");
			printf("  %*" PRIu32 " %.6f", number, t->neighbour[k], t->weight[t->edge_of[k]]);
		}
		putchar('\n');
	}
}

/* The incoming arcs of every peer in each round of the period. */
static void print_phases(const struct sl_topology *t)
{
	int number = digits(t->peers - 1), column = number > 4 ? number : 4;
	printf("phase  %*s  senders and their weights\n", column, "peer");
	for (uint32_t phase = 0; phase < t->period; phase++)
		for (uint32_t i = 0; i < t->peers; i++) {
			bool first = true;
			for (uint32_t r = t->first[i]; r < t->first[i + 1]; r++)
				for (uint32_t k = t->active_first[r]; k < t->active_first[r + 1]; k++) {
					const struct sl_activity *a = &t->activity[k];
					if (a->phase != phase || !(a->in > 0))
						continue;
					if (first)
						printf("%5" PRIu32 "  %*" PRIu32, phase, column, i);
					printf("  %*" PRIu32 " %.6f", number, t->neighbour[r], a->in);
					first = false;
				}
			if (!first)
				putchar('\n');
		}
}

static void print_summary(const struct sl_topology *t, const struct sl_spectrum *s)
{
	printf("\ntopology         %s\n", t->spec);
	printf("peers            %" PRIu32 "\n", t->peers);
	printf("edges            %" PRIu32 "\n", t->edges);
	if (s->degree_least == s->degree_most)
		printf("neighbours       %" PRIu32 " each\n", s->degree_least);
	else
		printf("neighbours       %" PRIu32 " to %" PRIu32 ", %.3g on average\n", s->degree_least,
		       s->degree_most, 2.0 * t->edges / t->peers);
	if (t->period > 1)
		printf("period           %" PRIu32 " rounds%s\n", t->period,
		       s->second == 0 ? ", each of which computes the exact average" : "");
	if (t->directed)
		printf("directed         %s\n",
		       t->balanced ? "yes, balanced: the weights into and out of each peer are equal"
		                   : "yes, not balanced: needs push-sum");
	printf("diameter         %s%" PRIu32 "\n", s->wider ? "at least " : "", s->diameter);
	printf("spectral gap     %.6g\n", s->gap);
	printf("beta             %.6g\n", s->beta);
	if (s->second > 0)
		printf("rounds to halve  %.3g  (the distance to agreement, by gossip without compression)\n",
		       halving(s));
}

static void json_number(const char *key, double value)
{
	printf(", \"%s\": ", key);
	sl_json_real(stdout, value);
}

static void json_arc(void *context, struct sl_arc arc)
{
	bool *first = context;
	printf("%s\n  {\"from\": %" PRIu32 ", \"to\": %" PRIu32 ", \"phase\": %" PRIu32, *first ? "" : ",",
	       arc.from, arc.to, arc.phase);
	json_number("weight", arc.weight);
	putchar('}');
	*first = false;
}

static void print_json(const struct sl_topology *t, const struct sl_spectrum *s, uint64_t seed)
{
	fputs("{\"topology\": ", stdout);
	sl_json_text(stdout, t->spec);
	printf(", \"seed\": %" PRIu64 ", \"peers\": %" PRIu32 ", \"edges\": %" PRIu32, seed, t->peers,
	       t->edges);
	printf(", \"degree_least\": %" PRIu32 ", \"degree_most\": %" PRIu32 ", \"diameter\": %" PRIu32,
	       s->degree_least, s->degree_most, s->diameter);
	printf(", \"diameter_exact\": %s", s->wider ? "false" : "true");
	json_number("spectral_gap", s->gap);
	json_number("second_eigenvalue", s->second);
	json_number("beta", s->beta);
	json_number("rounds_to_halve", halving(s));
	printf(", \"period\": %" PRIu32 ", \"directed\": %s, \"balanced\": %s", t->period,
	       t->directed ? "true" : "false", t->balanced ? "true" : "false");
	if (t->activity) {
		bool first = true;
		fputs(", \"arcs\": [", stdout);
		sl_topology_each_arc(t, json_arc, &first);
		puts("]}");
		return;
	}
	fputs(", \"weights\": [", stdout);
	for (uint32_t i = 0; i < t->peers; i++) {
		printf("%s\n  {\"peer\": %" PRIu32, i ? "," : "", i);
		json_number("itself", t->self[i]);
		fputs(", \"neighbours\": [", stdout);
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++) {
			printf("%s{\"peer\": %" PRIu32, k > t->first[i] ? ", " : "", t->neighbour[k]);
			json_number("weight", t->weight[t->edge_of[k]]);
			putchar('}');
		}
		fputs("]}", stdout);
	}
	puts("]}");
}

static int show(const struct request *request)
{
	struct sl_topology topology;
	struct sl_spectrum spectrum;
	struct sl_error error;
	if (open_topology(&topology, request, &error) != SL_OK)
		return sl_command_fail(&sl_command_topology, &error);
	sl_topology_spectrum(&topology, &spectrum);
	if (request->json) {
		print_json(&topology, &spectrum, request->seed);
	} else {
		if (topology.activity)
			print_phases(&topology);
		else
			print_peers(&topology);
		print_summary(&topology, &spectrum);
	}
	sl_topology_free(&topology);
	return SL_EXIT_OK;
}

static int run(int argc, char **argv)
{
	struct request request = { 0 };
	char **operands;
	int code = sl_command_parse(&sl_command_topology, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	request.spec = operands[0];
	return show(&request);
}

static const struct sl_operand operands_of_topology[] = {
	{ "SPEC",
	  "a graph such as ring:8 (starling list topologies), or file:PATH for a file of edges or arcs",
	  SL_COMPLETE_TOPOLOGY },
	{ NULL }
};
static const struct sl_argument arguments_of_topology[] = {
	{ .option = { "seed", "seed of random graphs: random-regular and erdos-renyi", SL_OPTION_U64,
	              offsetof(struct request, seed), 0, 1.9e19, "1" },
	  .letter = 's',
	  .value = "S" },
	SL_ARGUMENT_JSON(struct request, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_topology = {
	"topology",
	{ .program = "starling topology",
	  .doc = "show a graph, its mixing weights and its spectral gap",
	  .forms = (const char *const[]){ "SPEC", NULL },
	  .text =
	      "Prints the neighbours of every peer with their mixing weights, then the figures that determine how fast gossip\n"
	      "over this graph converges: the diameter, the spectral gap 1 - |lambda| (lambda: the second largest eigenvalue of\n"
	      "the weight matrix W by modulus), and beta = ||I - W||; the consensus step size gamma must satisfy gamma beta < 2.\n"
	      "Of a graph that changes from round to round, it prints the incoming weights in each round of the period.\n",
	  .operands = operands_of_topology,
	  .arguments = arguments_of_topology },
	run
};
