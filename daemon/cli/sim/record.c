/* record.c — writes a recording as the messages come. */
#include "daemon/cli/sim/record.h"

#include "compress/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void failed(struct sl_sim_capture *r)
{
	if (r->error.status == SL_OK)
		sl_fail(&r->error, SL_IO, "cannot write %s: %s", r->temporary, strerror(errno));
}

static void put(struct sl_sim_capture *r, const struct sl_writer *w)
{
	size_t length = sl_writer_length(w);
	if (r->error.status == SL_OK && fwrite(r->piece, 1, length, r->file) != length)
		failed(r);
}

/* Tells the reader what the copy is, unless it knows. */
static float *follow_copy(struct sl_sim_capture *r, const struct sl_message_context *m)
{
	size_t size = m->layout->dimension * sizeof(float);
	float **copy = &r->copy[(size_t)m->peer * r->plan->channels + m->channel];
	if (*copy && memcmp(*copy, m->copy, size) == 0)
		return *copy;
	if (!*copy)
		*copy = malloc(size);
	if (!*copy) {
		sl_fail(&r->error, SL_NO_MEMORY, "no memory for a copy of the model");
		return NULL;
	}
	memcpy(*copy, m->copy, size);
	struct sl_writer w = sl_writer(r->piece, r->bound);
	sl_capture_copy(&w, m->peer, m->channel, m->layout->dimension, m->copy, &r->digest);
	put(r, &w);
	r->records++;
	return *copy;
}

static void on_encoded(void *context, const struct sl_message_context *m, uint32_t round, float factor,
                       const float *vector, const struct sl_workspace *workspace,
                       const struct sl_update *update, const uint8_t *body, size_t length)
{
	struct sl_sim_capture *r = context;
	if (r->error.status != SL_OK || (r->one && m->peer != r->peer))
		return;
	float *copy = follow_copy(r, m);
	if (!copy)
		return;
	const struct sl_symbols *s = sl_workspace_symbols(workspace);
	struct sl_captured record = {
		.peer = m->peer,
		.channel = m->channel,
		.version = m->version,
		.round = round,
		.factor = factor,
		.domain = s->domain,
		.count = s->count,
		.position = s->index,
		.symbol = s->symbol,
		.side = body,
		.vector = r->vectors ? vector : NULL,
		.body_length = (uint32_t)length,
		.body_digest = sl_capture_digest(0, body, length),
	};
	struct sl_writer w = sl_writer(r->piece, r->bound);
	sl_capture_message(&w, &r->plan->pipeline, &record, &r->digest);
	put(r, &w);
	r->records++;
	sl_capture_absorb(factor, update, copy);
}

enum sl_status sl_sim_capture_open(struct sl_sim_capture *r, const struct sl_plan *plan, uint32_t peers,
                                   struct sl_error *error)
{
	if (r->one && r->peer >= peers)
		return sl_fail(error, SL_OUT_OF_RANGE, "--record-peer %llu: there are peers 0 to %u",
		               (unsigned long long)r->peer, peers - 1);
	int n = snprintf(r->temporary, sizeof r->temporary, "%s.tmp", r->path);
	if (n < 0 || (size_t)n >= sizeof r->temporary)
		return sl_fail(error, SL_TOO_BIG, "--record: path too long");
	r->plan = plan;
	r->peers = peers;
	r->hook = (struct sl_capture_hook){ r, on_encoded };
	r->bound = sl_capture_bound(&plan->pipeline, &plan->model.layout);
	r->piece = malloc(r->bound);
	r->copy = calloc((size_t)peers * plan->channels, sizeof *r->copy);
	if (!r->piece || !r->copy)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a recording");
	r->file = fopen(r->temporary, "wb");
	if (!r->file)
		return sl_fail(error, SL_IO, "cannot create %s: %s", r->temporary, strerror(errno));
	struct sl_writer w = sl_writer(r->piece, r->bound);
	sl_capture_begin(&w, &plan->pipeline, &plan->model.layout, plan->settings.seed, &r->digest);
	put(r, &w);
	return SL_OK;
}

enum sl_status sl_sim_capture_close(struct sl_sim_capture *r, struct sl_error *error)
{
	struct sl_writer w = sl_writer(r->piece, r->bound);
	sl_capture_end(&w, r->records, r->digest);
	put(r, &w);
	if (r->error.status == SL_OK && (fflush(r->file) != 0 || fsync(fileno(r->file)) != 0))
		failed(r);
	if (fclose(r->file) != 0)
		failed(r);
	r->file = NULL;
	if (r->error.status == SL_OK && rename(r->temporary, r->path) != 0)
		sl_fail(&r->error, SL_IO, "cannot rename %s to %s: %s", r->temporary, r->path,
		        strerror(errno));
	if (r->error.status == SL_OK)
		return SL_OK;
	unlink(r->temporary);
	*error = r->error;
	return error->status;
}

void sl_sim_capture_free(struct sl_sim_capture *r)
{
	if (r->file) { /* it never became whole */
		fclose(r->file);
		unlink(r->temporary);
	}
	for (size_t i = 0; r->copy && i < (size_t)r->peers * r->plan->channels; i++)
		free(r->copy[i]);
	free(r->copy);
	free(r->piece);
	r->file = NULL;
	r->copy = NULL;
	r->piece = NULL;
}
