#include "daemon/run/resume.h"

#include "daemon/run/checkpoint.h"
#include "daemon/run/kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sl_resume_stem(const struct sl_config *config, uint32_t peer, char out[static 4096])
{
	char name[SL_TEXT_MAX + 16];
	snprintf(name, sizeof name, "%s/%" PRIu32, config->settings.host.checkpoint, peer);
	sl_config_path(config, name, true, out);
}

/* No checkpoint where it is expected: checks whether they were kept in another folder before. */
static enum sl_status check_folder(const struct sl_run *p, uint32_t peer, struct sl_error *error)
{
	struct sl_config before = p->config;
	char stem[4096], path[4096 + 8];
	const char *then = p->session.settings.host.checkpoint;
	if (!p->session.recorded || strcmp(then, p->config.settings.host.checkpoint) == 0)
		return SL_OK;
	snprintf(before.settings.host.checkpoint, sizeof before.settings.host.checkpoint, "%s", then);
	sl_resume_stem(&before, peer, stem);
	for (unsigned g = 0; g < 2; g++) {
		snprintf(path, sizeof path, "%s.%u", stem, g);
		if (access(path, F_OK) != 0)
			continue;
		sl_fail(
		    error, SL_REFUSED,
		    "[checkpoint] path = %s: the run's checkpoints are in %s: move them, or give that path",
		    p->config.settings.host.checkpoint, then);
		return sl_config_blame(&p->config, error);
	}
	return SL_OK;
}

static enum sl_status judge(struct sl_resume *out, const struct sl_run *p, const struct sl_kept *kept,
                            struct sl_error *error)
{
	struct sl_error unread;
	out->session = kept->session;
	out->round = kept->round;
	out->kind = SL_RESUME_STATE;
	out->laid_out_for = sl_peer_saved_for(kept->state, kept->state_length);
	bool lost = p->session.number == 0;
	if (!lost && kept->session != p->session.number) {
		out->kind = SL_RESUME_OTHER;
		return SL_OK;
	}
	out->recorded = sl_config_text(&out->settings, "checkpoint", kept->settings, kept->settings_length,
	                               &unread) == SL_OK;
	if (!out->recorded)
		return SL_OK; /* of another version: loading the state decides whether it can be used */
	if (sl_shared_resume(&p->config.settings, &out->settings, kept->round, p->plan.algorithm, error) !=
	    SL_OK)
		return sl_config_blame(&p->config, error);
	return SL_OK;
}

/* The newest generation that verifies. */
static int newest_of(const struct sl_generation *g, struct sl_kept kept[2])
{
	int newest = -1;
	for (int i = 0; i < 2; i++)
		if (g[i].there && !g[i].wrong[0] && sl_kept_read(&kept[i], g[i].state, g[i].length) &&
		    (newest < 0 || g[i].version > g[newest].version))
			newest = i;
	return newest;
}

enum sl_status sl_resume_look(struct sl_resume *out, const struct sl_run *p, uint32_t peer,
                              struct sl_error *error)
{
	char stem[4096];
	struct sl_checkpoint_pair pair;
	struct sl_kept kept[2];
	*out = (struct sl_resume){ 0 };
	sl_resume_stem(&p->config, peer, stem);
	enum sl_status status = sl_checkpoint_open(stem, &pair, error);
	if (status != SL_OK)
		return status;
	int newest = newest_of(pair.generation, kept);
	if (newest >= 0)
		status = judge(out, p, &kept[newest], error);
	else if (!pair.generation[0].there && !pair.generation[1].there)
		status = check_folder(p, peer, error);
	sl_checkpoint_close(&pair);
	return status;
}

void sl_resume_take(const struct sl_resume *r, struct sl_run *p)
{
	if (r->kind != SL_RESUME_STATE)
		return;
	if (r->session != p->plan.session)
		sl_run_session(p, r->session);
	sl_plan_make_room(&p->plan, r->laid_out_for);
}

void sl_resume_changes(const struct sl_run_settings *then, const struct sl_run_settings *now,
                       void (*say)(void *context, const char *key, const char *then, const char *now),
                       void *context)
{
	uint64_t differ = sl_shared_differ(then, now);
	struct sl_shared_key key;
	for (unsigned i = 0; sl_shared_key(i, &key); i++) {
		char name[SL_TEXT_MAX], was[SL_TEXT_MAX + 32], is[SL_TEXT_MAX + 32];
		if (!(differ >> i & 1))
			continue;
		snprintf(name, sizeof name, "%s.%s", key.section, key.option->name);
		sl_option_print(key.option, then, was, sizeof was);
		sl_option_print(key.option, now, is, sizeof is);
		say(context, name, was, is);
	}
}
