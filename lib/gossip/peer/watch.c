/* watch.c — whether the run diverges, as far as one peer can see: the loss of its batches, how far its neighbours'
 * copies are from its own, and how large its model has become, each against its own past.
 *
 * A healthy run disagrees most in its first rounds, and its loss falls; both are noisy, and both may jump where a
 * peer or an edge comes back. So a look is the mean over some rounds, and nothing is said before a value is far
 * above its least and has grown in several looks on end. */
#include "gossip/peer/state.h"

#include "linalg/blocks.h"

#include <math.h>

enum { LOOK = 8, WARM_UP = 2, GROWING = 6 };
static const double far_apart = 100, large_share = 0.05, far_loss = 1e5, near_limit = 0.5;
/* What was diverging has settled far below that only. */
static const double ease = 0.2;

static void take(struct sl_watched *w, double value)
{
	if (value != value)
		return;
	w->sum += value;
	w->seen++;
}

static void close_look(struct sl_watched *w, bool settled)
{
	if (!w->seen)
		return;
	double mean = w->sum / w->seen;
	w->growing = w->looks > 0 && mean > w->last ? w->growing + 1 : 0;
	if (w->looks == 0)
		w->first = mean;
	if (settled && (!w->known || mean < w->least))
		w->least = mean;
	w->known = w->known || settled;
	w->last = mean;
	w->looks++;
	w->sum = 0;
	w->seen = 0;
}

static bool apart_is_far(const struct sl_peer *p, double square, double by)
{
	const struct sl_watched *w = &p->watch.apart;
	return w->known && w->last > by * far_apart * w->least && w->last > by * large_share * square;
}

/* Against how far it had come down, or where it began: a loss near 0 may well be a hundred times its least. The loss
 * of one peer's own data may also rise for long, and far, while all together learn: accelerated methods on unlike
 * quadratics were seen at a thousand times what one peer began with. */
static bool loss_is_far(const struct sl_peer *p, double by)
{
	const struct sl_watched *w = &p->watch.loss;
	double scale = fmax(fabs(w->first), w->first - w->least);
	return w->known && w->last - w->least > by * far_loss * scale;
}

static void say(struct sl_peer *p, const char *what, const struct sl_watched *w)
{
	sl_peer_note(
	    p, SL_LEVEL_ERROR, "diverging",
	    "%s is %.3g, up from a minimum of %.3g, and has grown for %u rounds: gamma, eta or a step of the algorithm is too large",
	    what, w->last, w->least, w->growing * LOOK);
}

/* Again and again, while what is wrong goes on growing. */
static void halve_gamma(struct sl_peer *p)
{
	enum { HALVINGS_MOST = 32 };
	if (p->plan->settings.on_divergence != SL_DIVERGENCE_HALVE || p->watch.halvings == HALVINGS_MOST)
		return;
	p->watch.halvings++;
	p->watch.apart.growing = p->watch.loss.growing = 0;
	sl_peer_note(p, SL_LEVEL_WARNING, "gamma", "halved to %g from here on", sl_peer_gamma(p, p->serial));
}

static void begin(struct sl_peer *p)
{
	p->watch.diverging = true;
	if (p->plan->settings.on_divergence == SL_DIVERGENCE_STOP)
		sl_peer_halt(p, false, "the run diverges, and run.on_divergence = stop");
	halve_gamma(p);
}

static void judge(struct sl_peer *p)
{
	struct sl_watch *w = &p->watch;
	double most = (double)sl_blocks_largest(p->scratch->parallel, p->plan->dimension, p->learner.x);
	double square = sl_blocks_square(p->scratch->parallel, p->plan->dimension, p->learner.x);
	double by = w->diverging ? ease : 1;
	bool apart = apart_is_far(p, square, by), loss = loss_is_far(p, by),
	     large = most > by * near_limit * p->plan->settings.limit_value;
	if (w->diverging && !apart && !loss && !large) {
		w->diverging = false;
		sl_peer_note(p, SL_LEVEL_NOTICE, "settled",
		             "loss %.3g, disagreement %.3g: no longer diverging", w->loss.last,
		             w->apart.last);
	}
	if (w->diverging && (w->apart.growing >= GROWING || w->loss.growing >= GROWING))
		halve_gamma(p);
	if (w->diverging)
		return;
	if (apart && w->apart.growing >= GROWING)
		say(p, "disagreement with the neighbours", &w->apart);
	else if (loss && w->loss.growing >= GROWING)
		say(p, "the training loss", &w->loss);
	else if (large)
		sl_peer_note(p, SL_LEVEL_ERROR, "diverging",
		             "a coordinate of the model is %.3g, and limits.value is %g", most,
		             p->plan->settings.limit_value);
	else
		return;
	begin(p);
}

void sl_watch_round(struct sl_peer *p)
{
	struct sl_watch *w = &p->watch;
	if (!p->learner.privacy
	         .on) /* what a peer does must not depend on a loss of its samples that has no noise */
		take(&w->loss, p->train_loss);
	take(&w->apart, p->disagreement);
	if (++w->rounds < LOOK)
		return;
	w->rounds = 0;
	if (w->loss.seen + w->apart.seen == 0)
		return;
	close_look(&w->loss, true);
	close_look(&w->apart, w->apart.looks >= WARM_UP);
	judge(p);
}

void sl_watch_broken(struct sl_peer *p)
{
	p->watch.diverging = true;
}
