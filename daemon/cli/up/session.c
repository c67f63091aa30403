/* session.c — the session for which peers are started: a new one, which sets old checkpoints aside, or the last
 * one. */
#include "daemon/run/aside.h"
#include "daemon/run/resume.h"
#include "daemon/cli/up/up.h"

#include <inttypes.h>
#include <string.h>

enum sl_status sl_up_begin(struct sl_up *up, struct sl_error *error)
{
	const struct sl_run *p = &up->run;
	uint32_t count = 0;
	for (uint32_t k = 0; k < p->roster.topology.peers; k++) {
		char stem[4096];
		bool kept;
		sl_resume_stem(&p->config, k, stem);
		enum sl_status status = sl_aside(stem, &kept, error);
		if (status != SL_OK)
			return status;
		count += kept;
	}
	if (count)
		fprintf(stderr,
		        "starling up: new session; the old checkpoints of %" PRIu32
		        " peer%s are kept as %s/*.old-1.* (--resume would continue from them)\n",
		        count, count > 1 ? "s" : "", p->config.settings.host.checkpoint);
	return sl_session_write(&p->config, p->plan.session, &p->config.settings, error);
}

/* What the checkpoints on this machine contain. */
struct found {
	uint32_t states, round; /* round: the latest */
	uint64_t session;       /* of the first */
	bool recorded;
	struct sl_run_settings settings;
};

static enum sl_status look(const struct sl_run *p, struct found *out, struct sl_error *error)
{
	struct sl_resume r;
	for (uint32_t k = 0; k < p->roster.topology.peers; k++) {
		enum sl_status status = sl_resume_look(&r, p, k, error);
		if (status != SL_OK)
			return status;
		if (r.kind != SL_RESUME_STATE)
			continue;
		out->round = r.round > out->round ? r.round : out->round;
		if (out->states++ == 0) {
			out->session = r.session;
			out->recorded = r.recorded;
			out->settings = r.settings;
		} else if (r.session != out->session) {
			return sl_fail(
			    error, SL_REFUSED,
			    "the file session is missing, and the checkpoints belong to several sessions (%016" PRIx64
			    "; that of peer %" PRIu32 " to %016" PRIx64 "): write the right one to the file",
			    out->session, k, r.session);
		}
	}
	return SL_OK;
}

static void say_change(void *context, const char *key, const char *then, const char *now)
{
	(void)context;
	fprintf(stderr, "starling up: %s = %s from now on; previously %s\n", key, now, then);
}

/* Without the file, the session is taken from the checkpoints. */
static enum sl_status recover_session(struct sl_up *up, const struct found *found, struct sl_error *error)
{
	struct sl_run *p = &up->run;
	if (p->session.number != 0)
		return SL_OK;
	if (!found->states)
		return sl_fail(
		    error, SL_NOT_FOUND,
		    "%s: nothing to resume: there is neither a file session nor a checkpoint; start the run without --resume",
		    up->folder);
	if (found->session == 0)
		return SL_OK; /* its peers were started without one */
	sl_run_session(p, found->session);
	fprintf(stderr,
	        "starling up: the file session is missing; using %016" PRIx64 " from the checkpoints\n",
	        found->session);
	return SL_OK;
}

enum sl_status sl_up_resume(struct sl_up *up, struct sl_error *error)
{
	static struct found found; /* large */
	struct sl_run *p = &up->run;
	const struct sl_run_settings *now = &p->config.settings, *then = NULL;
	enum sl_status status = look(p, &found, error);
	if (status == SL_OK)
		status = recover_session(up, &found, error);
	if (status != SL_OK)
		return status;
	if (p->session.recorded || found.recorded)
		then = p->session.recorded ? &p->session.settings : &found.settings;
	if (p->session.recorded &&
	    sl_shared_resume(now, then, found.round, p->plan.algorithm, error) != SL_OK)
		return sl_config_blame(&p->config, error);
	if (!found.states)
		fprintf(stderr, "starling up: there are no checkpoints: all peers start at round 0\n");
	if (then)
		sl_resume_changes(then, now, say_change, NULL);
	return sl_session_write(&p->config, p->plan.session, now, error);
}
