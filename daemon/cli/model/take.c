/* take.c — the model of a peer, or the mean of all. */
#include "daemon/cli/model/model.h"

#include "daemon/run/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sl_model_taken_free(struct sl_model_taken *t)
{
	sl_model_about_free(&t->about);
	free(t->x);
	t->x = NULL;
	if (t->run)
		sl_run_close(t->run);
	t->run = NULL;
}

static const struct sl_model_instance *outside_of(const struct sl_run *run)
{
	return sl_run_outside(&run->config.settings) ? &run->plan.model : NULL;
}

void sl_bytes_add(struct sl_bytes *b, const void *bytes, size_t length)
{
	size_t need = b->used + length, capacity = b->capacity ? b->capacity : 4096;
	while (capacity < need)
		capacity *= 2;
	uint8_t *grown = b->failed ? NULL : capacity == b->capacity ? b->bytes : realloc(b->bytes, capacity);
	if (!grown) {
		b->failed = true;
		return;
	}
	b->bytes = grown;
	b->capacity = capacity;
	if (length > 0)
		memcpy(b->bytes + b->used, bytes, length);
	b->used = need;
}

/* Adds another peer's model; its layout and run must be the same. */
static enum sl_status add(struct sl_model_taken *sum, double *total, const char *path,
                          const struct sl_model_instance *outside, bool *unlike, struct sl_error *error)
{
	struct sl_model_taken one = { .x = NULL };
	enum sl_status status = sl_model_file_read(path, outside, &one.about, &one.model, &one.x, error);
	if (status == SL_OK &&
	    (strcmp(one.about.model, sum->about.model) != 0 || strcmp(one.about.run, sum->about.run) != 0 ||
	     one.model.layout.dimension != sum->model.layout.dimension))
		status =
		    sl_fail(error, SL_OUT_OF_RANGE, "%s: a model (%s) of run %s, but others are of %s (%s)",
		            path, one.about.model, one.about.run, sum->about.run, sum->about.model);
	*unlike |= status == SL_OK && one.about.round != sum->about.round;
	for (uint32_t k = 0; status == SL_OK && k < sum->model.layout.dimension; k++)
		total[k] += (double)one.x[k];
	sl_model_taken_free(&one);
	return status;
}

static enum sl_status take_mean(struct sl_model_taken *out, const struct sl_run *run, char *note,
                                struct sl_error *error)
{
	char path[4096];
	uint32_t peers = run->roster.topology.peers, found = 0;
	bool unlike = false;
	double *total = NULL;
	enum sl_status status = SL_OK;
	for (uint32_t k = 0; k < peers && status == SL_OK; k++) {
		sl_model_path(&run->config, k, path);
		if (access(path, F_OK) != 0)
			continue;
		if (found++ == 0) {
			status = sl_model_file_read(path, outside_of(run), &out->about, &out->model, &out->x,
			                            error);
			total = status == SL_OK ? calloc(out->model.layout.dimension, sizeof *total) : NULL;
			if (status == SL_OK && !total)
				status = sl_fail(error, SL_NO_MEMORY, "no memory for a mean");
		}
		if (status == SL_OK)
			status = add(out, total, path, outside_of(run), &unlike, error);
	}
	sl_model_folder(&run->config, path);
	if (status == SL_OK && found == 0)
		status = sl_fail(
		    error, SL_NOT_FOUND,
		    "%s: holds no models: daemons write them with checkpoints and at the end, `starling sim --models` at the end",
		    path);
	for (uint32_t k = 0; status == SL_OK && k < out->model.layout.dimension; k++)
		out->x[k] = (float)(total[k] / found);
	free(total);
	if (status == SL_OK && (found < peers || unlike))
		snprintf(note, SL_TEXT_MAX, "the mean of %u of %u peers%s", found, peers,
		         unlike ? ", of unlike rounds" : "");
	return status;
}

enum sl_status sl_model_take(struct sl_model_taken *out, const char *run_folder, uint32_t peer, bool mean,
                             char *note, struct sl_error *error)
{
	static struct sl_run run; /* large */
	char conf[4096 + 16], path[4096];
	*out = (struct sl_model_taken){ .x = NULL };
	note[0] = '\0';
	snprintf(conf, sizeof conf, "%s/run.conf", run_folder);
	enum sl_status status = sl_run_open(&run, conf, NULL, SL_SESSION_KEPT, error);
	if (status != SL_OK)
		return status;
	if (mean) {
		status = take_mean(out, &run, note, error);
		snprintf(out->about.peer, sizeof out->about.peer, "mean");
		if (status == SL_OK)
			sl_model_digest(out->x, out->model.layout.dimension, out->about.digest);
	} else if (peer >= run.roster.topology.peers) {
		status = sl_fail(error, SL_OUT_OF_RANGE, "peer %u: the run has peers 0 to %u", peer,
		                 run.roster.topology.peers - 1);
	} else {
		sl_model_path(&run.config, peer, path);
		status = sl_model_file_read(path, outside_of(&run), &out->about, &out->model, &out->x, error);
	}
	if (outside_of(&run))
		out->run = &run;
	else
		sl_run_close(&run);
	if (status != SL_OK)
		sl_model_taken_free(out);
	return status;
}
