#include "daemon/run/founding.h"

#include "daemon/run/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GRAPH_MOST = 64 << 20 };
static const char graph_name[] = "topology.graph";

enum sl_status sl_topology_of_spec(struct sl_topology *out, const char *spec, uint64_t seed,
                                   struct sl_error *error)
{
	uint8_t *text;
	size_t length;
	if (strncmp(spec, "file:", 5) != 0)
		return sl_topology_make(out, spec, seed, error);
	enum sl_status status = sl_file_read(spec + 5, GRAPH_MOST, &text, &length, error);
	if (status != SL_OK)
		return status;
	status = sl_topology_parse(out, (const char *)text, length, spec + 5, error);
	free(text);
	return status;
}

enum sl_status sl_founding_write(const struct sl_config *config, const char *spec, struct sl_error *error)
{
	char path[4096], line[SL_TEXT_MAX + 16];
	uint8_t *text;
	size_t length;
	if (strncmp(spec, "file:", 5) == 0) {
		enum sl_status status = sl_file_read(spec + 5, GRAPH_MOST, &text, &length, error);
		if (status != SL_OK)
			return status;
		sl_config_path(config, graph_name, false, path);
		status = sl_file_replace(path, text, length, 0666, error);
		free(text);
		if (status != SL_OK)
			return status;
		snprintf(line, sizeof line, "file:%s\n", graph_name);
	} else {
		snprintf(line, sizeof line, "%s\n", spec);
	}
	sl_config_path(config, "topology", false, path);
	return sl_file_replace(path, line, strlen(line), 0666, error);
}

bool sl_founding_pending(const struct sl_config *config)
{
	char roster[4096], graph[4096];
	sl_config_path(config, config->settings.host.roster, false, roster);
	sl_config_path(config, "topology", false, graph);
	return access(roster, F_OK) != 0 && access(graph, F_OK) == 0;
}

enum sl_status sl_founding_topology(const struct sl_config *config, struct sl_topology *out,
                                    struct sl_error *error)
{
	char path[4096], spec[4096 + 8];
	uint8_t *text;
	size_t length;
	sl_config_path(config, "topology", false, path);
	enum sl_status status = sl_file_read(path, SL_TEXT_MAX + 16, &text, &length, error);
	if (status != SL_OK)
		return status;
	snprintf(spec, sizeof spec, "%.*s", (int)strcspn((const char *)text, "\n"), (const char *)text);
	free(text);
	if (strncmp(spec, "file:", 5) == 0) {
		sl_config_path(config, graph_name, false, path);
		snprintf(spec, sizeof spec, "file:%s", path);
	}
	return sl_topology_of_spec(out, spec, config->settings.method.seed, error);
}

enum sl_status sl_operator_read(const struct sl_config *config, struct sl_identity *out,
                                struct sl_error *error)
{
	char path[4096], hex[SL_KEY_HEX];
	sl_config_path(config, "operator.key", false, path);
	enum sl_status status = sl_identity_read(out, path, error);
	if (status != SL_OK)
		return status;
	sl_key_print(out->public_key, hex);
	if (strcmp(hex, config->settings.host.operator_key) == 0)
		return SL_OK;
	sl_identity_wipe(out);
	return sl_fail(error, SL_REFUSED, "%s: is not the operator's key that run.conf lists", path);
}
