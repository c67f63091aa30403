/* terms.c — what the headers of differences and tags leave out: what both ends know of each other from their
 * greetings, and the sender's terms (`durable`, the roster's serial), which are said when they change.
 *
 * The sender may leave terms out once it is sure that the neighbour has them. Steps tell: who opens step s + 2 holds
 * the neighbour's tag of s + 1, so the neighbour has completed s, and to do so it took a tag of s. What the frames of
 * step s, and all since, have said is therefore known from step s + 2 on. A change is first noticed in a step whose
 * tag may have been sent before, so s is the step after that one.
 *
 * Whatever the neighbour then knows, it is either the same or the frame's check tells: it is dropped, and asked for
 * again. A question or a greeting from the neighbour makes this end say everything again. */
#include "gossip/peer/state.h"

enum { SAY_FOR = 3, NEAR_MOST = 100 };

static bool is_brief(const struct sl_frame *f)
{
	return f->kind == SL_FRAME_DIFFERENCE || f->kind == SL_FRAME_TAG;
}

/* Of frames from this peer to the neighbour. */
static uint64_t key_there(const struct sl_peer *p, const struct sl_edge *e, const struct sl_frame *f)
{
	struct sl_brief_pair pair = { f->run,         p->plan->session, p->id,   e->neighbour,
		                      p->incarnation, e->incarnation,   f->epoch };
	return sl_brief_key(&pair);
}

/* Of those that come. */
static uint64_t key_here(const struct sl_peer *p, const struct sl_edge *e)
{
	struct sl_brief_pair pair = { p->plan->run,   p->plan->session, e->neighbour,  p->id,
		                      e->incarnation, p->incarnation,   e->their_epoch };
	return sl_brief_key(&pair);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Whether v is near to everything from `least` to `most`. */
static bool is_near(uint32_t v, uint32_t least, uint32_t most)
{
	return (v <= least || v - least <= NEAR_MOST) && (v >= most || most - v <= NEAR_MOST);
}

/* Whether low bytes will do, wherever between what it has said and what was sent to it the neighbour is. */
static bool may_be_near(const struct sl_edge *e, const struct sl_frame *f)
{
	uint32_t version = larger(larger(e->sent, e->limit), larger(e->seen_version, e->acknowledged)),
	         step = larger(e->tagged, larger(e->told_step, e->seen_step));
	return f->step >= e->near_from && is_near(f->version, e->acknowledged, version) &&
	       (f->step == f->version || is_near(f->step, e->seen_step, step));
}

static bool are_known(struct sl_edge *e, const struct sl_frame *f)
{
	if (f->durable != e->said.durable || f->serial != e->said.serial) {
		e->said = (struct sl_terms){ f->durable, f->serial };
		e->terms_from = larger(e->terms_from, f->step + SAY_FOR);
	}
	return f->step >= e->terms_from;
}

size_t sl_terms_whole(const struct sl_peer *p, const struct sl_edge *e, const struct sl_frame *f,
                      uint32_t length, uint8_t out[static SL_FRAME_HEADER])
{
	if (is_brief(f))
		return sl_brief_write(out, f, key_there(p, e, f), (struct sl_brief_form){ .terms = true });
	sl_frame_header(out, f, length);
	return SL_FRAME_HEADER;
}

size_t sl_terms_header(const struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f, uint32_t length,
                       uint8_t out[static SL_FRAME_HEADER])
{
	if (!is_brief(f))
		return sl_terms_whole(p, e, f, length, out);
	struct sl_brief_form form = { .near = may_be_near(e, f), .terms = !are_known(e, f) };
	return sl_brief_write(out, f, key_there(p, e, f), form);
}

enum sl_brief sl_terms_read(const struct sl_peer *p, const struct sl_edge *e, const uint8_t *bytes,
                            size_t length, struct sl_frame *out)
{
	struct sl_brief_form form;
	struct sl_brief_base base = { .key = key_here(p, e),
		                      .version = (e->rx_held.used ? e->rx_held.last : e->their_version) + 1,
		                      .step = e->step + 1,
		                      .terms = e->agrees,
		                      .durable = e->agreed.durable,
		                      .serial = e->agreed.serial };
	enum sl_brief found = sl_brief_read(out, &form, bytes, length, &base);
	if (found != SL_BRIEF_OK)
		return found;
	out->channels = (uint8_t)p->plan->channels;
	out->incarnation16 = (uint16_t)e->incarnation;
	out->epoch = e->their_epoch;
	out->run = p->plan->run;
	out->says_terms = form.terms;
	return SL_BRIEF_OK;
}

/* One that was overtaken may say less than is known. */
void sl_terms_learn(struct sl_edge *e, const struct sl_frame *f)
{
	e->unknown = 0;
	if (!f->says_terms || (e->agrees && f->step < e->agreed_step))
		return;
	e->agreed = (struct sl_terms){ f->durable, f->serial };
	e->agreed_step = f->step;
	e->agrees = true;
}

void sl_terms_repeat(struct sl_edge *e)
{
	e->terms_from = e->near_from = e->tagged + SAY_FOR;
}

void sl_terms_drop(struct sl_edge *e)
{
	e->agrees = false;
	e->agreed_step = 0;
}
