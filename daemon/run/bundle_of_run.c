#include "daemon/run/bundle_of_run.h"

#include "daemon/run/files.h"

#include <stdlib.h>
#include <string.h>

enum { PART_MOST = 1 << 29 };

enum sl_status sl_bundle_of_run(struct sl_bundle *b, struct sl_bundle_parts *parts,
                                const struct sl_config *config, struct sl_error *error)
{
	const struct sl_host_settings *s = &config->settings.host;
	const char *const names[SL_BUNDLE_FILES] = { "run.conf",        s->roster,      "session",
		                                     "data/test.shard", "data/columns", s->model_start };
	*parts = (struct sl_bundle_parts){ 0 };
	if (strcmp(s->roster, "roster") != 0 || strcmp(s->shards, "data") != 0 ||
	    strcmp(s->keys, "keys") != 0 ||
	    (s->model_start[0] && strcmp(s->model_start, "start.safetensors") != 0))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "%s: a bundle needs [run] roster = roster, keys = keys, [data] shards = data, and [model] start = start.safetensors or none",
		    config->file);
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++) {
		char path[4096];
		size_t length;
		if (!names[i][0] || (i == SL_BUNDLE_COLUMNS && strcmp(s->columns, "none") == 0))
			continue;
		sl_config_path(config, names[i], false, path);
		enum sl_status status = sl_file_read(path, PART_MOST, &parts->owned[i], &length, error);
		if (status != SL_OK)
			return status;
		b->part[i] = (struct sl_bundle_part){ parts->owned[i], length };
	}
	return SL_OK;
}

void sl_bundle_parts_free(struct sl_bundle_parts *parts)
{
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++)
		free(parts->owned[i]);
	*parts = (struct sl_bundle_parts){ 0 };
}
