/* roster_write.c — queries a roster, and writes one: signed, and parsed again before it is published. */
#include "daemon/run/endpoint.h"
#include "daemon/run/files.h"
#include "daemon/run/roster.h"
#include "gossip/gamma.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- queries ---- */

bool sl_roster_same(const struct sl_roster *a, const struct sl_roster *b)
{
	return memcmp(a->signature, b->signature, sizeof a->signature) == 0;
}

struct sl_roster_edge sl_roster_edge(const struct sl_roster *roster, uint32_t edge)
{
	if (roster->edge)
		return roster->edge[edge];
	return (struct sl_roster_edge){ .weights = 1, .weight = { { 0, roster->topology.weight[edge] } } };
}

uint32_t sl_roster_neighbours(const struct sl_roster *roster, uint32_t peer, struct sl_peer_neighbour *out)
{
	const struct sl_topology *t = &roster->topology;
	uint32_t degree = sl_topology_degree(t, peer), first = t->first[peer];
	SL_CHECK(degree <= SL_DEGREE_MAX);
	for (uint32_t i = 0; i < degree; i++) {
		struct sl_roster_edge e = sl_roster_edge(roster, t->edge_of[first + i]);
		out[i] = (struct sl_peer_neighbour){ .peer = t->neighbour[first + i],
			                             .weights = e.weights,
			                             .added = e.added };
		memcpy(out[i].weight, e.weight, sizeof e.weight);
		sl_peer_neighbour_schedule(t, first + i, &out[i]);
	}
	return degree;
}

void sl_roster_gammas(const struct sl_roster *r, const struct sl_plan *plan, struct sl_gammas *out)
{
	*out = (struct sl_gammas){ 1, { { r->serial, plan->gamma } } };
	for (unsigned i = 0; i < r->mixings && plan->gamma_follows; i++) {
		const struct sl_roster_mixing *m = &r->mixing[i];
		struct sl_plan_graph graph = { .given = m->given, .beta = m->beta, .gap = m->gap };
		double gamma = sl_gamma_of(plan, &graph);
		out->count = i + 1;
		out->of[i] = (struct sl_weight){ m->since, gamma > 0 ? gamma : plan->gamma };
	}
}

/* ---- writing ---- */

static void print_edge(FILE *f, const struct sl_edge_pair *pair, struct sl_roster_edge e)
{
	fprintf(f, "edge %" PRIu32 " %" PRIu32 " %.17g", pair->a, pair->b, e.weight[0].value);
	if (e.added || e.weights > 1 || e.weight[0].since)
		fprintf(f, " %" PRIu32 " %" PRIu32, e.added, e.weight[0].since);
	for (unsigned i = 1; i < e.weights; i++)
		fprintf(f, " %.17g %" PRIu32, e.weight[i].value, e.weight[i].since);
	fputc('\n', f);
}

static void print_arc(void *file, struct sl_arc arc)
{
	fprintf(file, "arc %" PRIu32 " %" PRIu32 " %.17g %" PRIu32 "\n", arc.from, arc.to, arc.weight,
	        arc.phase);
}

static bool dials(const struct sl_roster *r)
{
	for (uint32_t i = 0; i < r->topology.peers; i++)
		if (!r->peer[i].gone && sl_endpoint_dials(r->peer[i].endpoint))
			return true;
	return false;
}

static void print(FILE *f, const struct sl_roster *r)
{
	char key[SL_KEY_HEX], run[SL_RUN_ID_HEX];
	sodium_bin2hex(run, sizeof run, r->run, sizeof r->run);
	fprintf(f, "starling-roster %d\n", dials(r) ? 3 : r->bound ? 2 : 1);
	if (r->bound)
		fprintf(f, "run %s\n", run);
	fprintf(f, "serial %" PRIu32 "\ntopology %s\n", r->serial, r->topology.spec);
	for (unsigned i = 0; i < r->mixings; i++)
		fprintf(f, "mixing %" PRIu32 " %.17g %.17g %.17g\n", r->mixing[i].since, r->mixing[i].given,
		        r->mixing[i].beta, r->mixing[i].gap);
	for (uint32_t i = 0; i < r->topology.peers; i++) {
		const struct sl_roster_peer *peer = &r->peer[i];
		if (peer->gone) {
			fprintf(f, "gone %" PRIu32 " %s\n", i, peer->name);
			continue;
		}
		sl_key_print(peer->public_key, key);
		fprintf(f, "peer %" PRIu32 " %s %s %s", i, peer->name, peer->endpoint, key);
		if (peer->since)
			fprintf(f, " %" PRIu32, peer->since);
		fputc('\n', f);
	}
	if (r->topology.activity)
		sl_topology_each_arc(&r->topology, print_arc, f);
	for (uint32_t e = 0; e < r->topology.edges && !r->topology.activity; e++)
		print_edge(f, &r->topology.edge[e], sl_roster_edge(r, e));
}

enum sl_status sl_roster_write(struct sl_roster *roster, const char *path,
                               const struct sl_identity *operator_identity, struct sl_error *error)
{
	char *text = NULL, hex[2 * crypto_sign_BYTES + 1];
	size_t length = 0;
	uint8_t signature[crypto_sign_BYTES];
	if (dials(roster) && !roster->bound)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "%s: a dial-only peer needs a roster that names its run: add [run] id (32 hex digits) to run.conf on every host",
		    path);
	FILE *f = open_memstream(&text, &length);
	if (!f)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
	print(f, roster);
	bool good = fflush(f) == 0;
	if (good) {
		crypto_sign_detached(signature, NULL, (const uint8_t *)text, length,
		                     operator_identity->secret);
		sodium_bin2hex(hex, sizeof hex, signature, sizeof signature);
		fprintf(f, "signature %s\n", hex);
	}
	good = fclose(f) == 0 && good;
	struct sl_roster again;
	enum sl_status status = good ? SL_OK : sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
	if (status == SL_OK) /* a roster that peers would refuse, as for a blank in a name, is not written */
		status = sl_roster_parse(&again, text, length, path, operator_identity->public_key, error);
	if (status == SL_OK) {
		memcpy(roster->signature, again.signature, sizeof roster->signature);
		sl_roster_free(&again);
		mode_t mask = umask(022); /* not secret: every account that runs a peer must read it */
		status = sl_file_replace(path, text, length, 0644, error);
		umask(mask);
	}
	free(text);
	return status;
}
