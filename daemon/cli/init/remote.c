/* remote.c — starling init --remote: a run without data and keys of peers. */
#include "daemon/cli/init/init.h"
#include "daemon/run/endpoint.h"
#include "daemon/run/files.h"
#include "daemon/run/overrides.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 22 };

enum sl_status sl_remote_hosts(struct sl_init_remote *in, struct sl_error *error)
{
	if (!in->given[0] || in->given[strspn(in->given, "0123456789")] != '\0') {
		enum sl_status status = sl_hosts_read(&in->listed, in->given, NULL, error);
		if (status == SL_NOT_FOUND)
			return sl_fail(
			    error, SL_NOT_FOUND,
			    "--remote %.200s: neither a number of hosts nor a file that lists them",
			    in->given);
		if (status != SL_OK)
			return status;
		in->hosts = in->listed.peers;
	} else if (strlen(in->given) < 10) {
		in->hosts = (uint32_t)strtoul(in->given, NULL, 10);
	}
	return in->hosts >= 2 && in->hosts <= SL_PEERS_MAX
	           ? SL_OK
	           : sl_fail(error, SL_OUT_OF_RANGE, "--remote %.200s: must be 2 to %d hosts", in->given,
	                     SL_PEERS_MAX);
}

enum sl_status sl_remote_reachable(const struct sl_init_remote *in, const struct sl_topology *topology,
                                   struct sl_error *error)
{
	const struct sl_hosts_peer *peer = in->listed.peer;
	for (uint32_t e = 0; e < topology->edges && in->listed.peers; e++) {
		const struct sl_edge_pair *edge = &topology->edge[e];
		if (sl_endpoint_dials(peer[edge->a].endpoint) && sl_endpoint_dials(peer[edge->b].endpoint))
			return sl_fail(
			    error, SL_MALFORMED,
			    "%.200s: %s and %s are neighbours in %.200s, and both dial-only: one end of a link must be reachable; list the hosts in another order, or choose another --topology",
			    in->given, peer[edge->a].name, peer[edge->b].name, topology->spec);
	}
	return SL_OK;
}

enum sl_status sl_remote_hosts_write(const struct sl_init_remote *in, const struct sl_config *config,
                                     struct sl_error *error)
{
	char path[4096];
	uint8_t *text;
	size_t length;
	if (!in->listed.peers)
		return SL_OK;
	enum sl_status status = sl_file_read(in->given, FILE_MOST, &text, &length, error);
	if (status != SL_OK)
		return status;
	sl_config_path(config, "hosts", false, path);
	status = sl_file_replace(path, text, length, 0666, error);
	free(text);
	return status;
}

enum sl_status sl_shape_settings(const struct sl_init_remote *in, struct sl_overrides *set,
                                 struct sl_error *error)
{
	if (in->features && !in->hosts)
		return sl_fail(error, SL_MALFORMED,
		               "--features %u: without --remote, the data say how many there are",
		               in->features);
	if (in->classes && sl_overrides_add(set, error, "data.classes=%s", in->classes) != SL_OK)
		return error->status;
	return in->columns ? sl_overrides_add(set, error, "data.columns=file:%s", in->columns) : SL_OK;
}

enum sl_status sl_remote_settings(const struct sl_init_remote *in, struct sl_overrides *set, bool others,
                                  struct sl_error *error)
{
	static const char *const standard[] = { "data.partition=own", "data.train=", "data.test=" };
	if (others)
		return sl_fail(
		    error, SL_MALFORMED,
		    "--remote: data and trainers are the hosts': --data, --test and --trainer cannot be given");
	for (size_t i = 0; i < set->count; i++)
		if (strncmp(set->item[i], "run.roster=", 11) == 0 ||
		    strncmp(set->item[i], "run.keys=", 9) == 0 ||
		    (strncmp(set->item[i], "data.", 5) == 0 &&
		     strncmp(set->item[i], "data.classes=", 13) != 0 &&
		     strncmp(set->item[i], "data.columns=", 13) != 0))
			return sl_fail(
			    error, SL_MALFORMED,
			    "--set %.100s: cannot be set with --remote: bundles have their own paths",
			    set->item[i]);
	enum sl_status status = SL_OK;
	for (size_t i = 0; i < sizeof standard / sizeof *standard && status == SL_OK; i++)
		status = sl_overrides_add(set, error, "%s", standard[i]);
	return status == SL_OK ? sl_shape_settings(in, set, error) : status;
}

enum sl_status sl_remote_source(struct sl_init_remote *in, struct sl_source *out,
                                const struct sl_host_settings *s, struct sl_error *error)
{
	enum sl_status status = sl_class_list_declared(&out->classes, s->classes, error);
	out->real = strcmp(s->classes, "none") == 0;
	if (status == SL_OK && !out->real && out->classes.classes.count == 0)
		status = sl_fail(
		    error, SL_MALFORMED,
		    "--remote needs --classes LIST, the names of all classes in order, or --classes none for real targets");
	if (status == SL_OK)
		status = sl_columns_declared(&out->columns, s->columns, error);
	uint32_t columns = out->columns.count;
	if (status == SL_OK && columns == 0 && in->features == 0)
		status =
		    sl_fail(error, SL_MALFORMED,
		            "--remote needs --features N, or --columns FILE with the names of the features");
	else if (status == SL_OK && columns > 0 && in->features > 0 && columns != in->features)
		status = sl_fail(error, SL_MALFORMED, "--features %u: %s names %u columns", in->features,
		                 s->columns, columns);
	if (columns > 0)
		in->features = columns;
	return status;
}
