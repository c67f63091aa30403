#include "narrator.h"

#include "gossip/peer/state.h" /* greetings and requests: their bodies */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(const struct narrator *n, const char *who, const char *text)
{
	if (!n->quiet)
		printf("%8.1f ms  %-6s  %s\n", 1e-3 * (double)sl_sim_now(n->sim).us, who, text);
}

static void flush_line(struct narrator *n)
{
	char who[32], text[2 * LINE_MOST + 10 * SWARM_PEERS_MAX];
	if (n->line.count == 0)
		return;
	snprintf(who, sizeof who, "peer %u", n->line.peer);
	int used =
	    snprintf(text, sizeof text, "%s%s", n->line.before, n->line.count > 1 ? "peers " : "peer ");
	for (uint32_t i = 0; i < n->line.count; i++)
		used += snprintf(text + used, sizeof text - (size_t)used, "%s%u",
		                 i == 0                   ? ""
		                 : i + 1 == n->line.count ? " and "
		                                          : ", ",
		                 n->line.receivers[i]);
	snprintf(text + used, sizeof text - (size_t)used, "%s", n->line.after);
	n->line.count = 0;
	print(n, who, text);
}

void narrator_say(struct narrator *n, const char *format, ...)
{
	char text[2 * LINE_MOST];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	flush_line(n);
	print(n, "------", text);
}

__attribute__((format(printf, 3, 4))) static void tell(struct narrator *n, uint32_t peer, const char *format,
                                                       ...)
{
	char text[2 * LINE_MOST], who[32];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	flush_line(n);
	snprintf(who, sizeof who, "peer %u", peer);
	print(n, who, text);
}

/* "BEFORE peer TO AFTER": the same to several receivers, one after another, is one line. */
static void tell_sent(struct narrator *n, uint32_t peer, uint32_t to, const char *before, const char *after)
{
	bool same = n->line.count && n->line.peer == peer && strcmp(n->line.before, before) == 0 &&
	            strcmp(n->line.after, after) == 0;
	if (!same)
		flush_line(n);
	n->line.peer = peer;
	n->line.receivers[n->line.count++] = to;
	snprintf(n->line.before, sizeof n->line.before, "%s", before);
	snprintf(n->line.after, sizeof n->line.after, "%s", after);
}

static void tell_rows(struct narrator *n)
{
	const struct swarm *w = &n->scenario->swarm;
	for (; n->rows < w->events; n->rows++) {
		const struct sl_event_row *row = &w->event[n->rows];
		if (strcmp(row->kind, "snapshot") != 0) /* with its size in bytes */
			tell(n, row->peer, "event %s: %s", row->kind, row->detail);
	}
}

static void look(struct narrator *n, uint32_t peer)
{
	struct known *k = &n->known[peer];
	const struct sl_peer *p = sl_sim_peer(n->sim, peer);
	sl_peer_inspect(p, &k->peer);
	memset(k->has_edge, 0, sizeof k->has_edge);
	for (uint32_t i = 0; i < k->peer.degree; i++) {
		uint32_t other = sl_peer_edge_neighbour(p, i);
		sl_peer_inspect_edge(p, i, &k->edge[other]);
		k->has_edge[other] = true;
	}
}

void narrator_forget(struct narrator *n, uint32_t peer)
{
	tell_rows(n);
	memset(&n->known[peer], 0, sizeof n->known[peer]);
	look(n, peer);
}

/* The header of the message that is the event in hand; NULL: it is none, or was injected. */
static const struct sl_frame *frame_in_hand(const struct narrator *n)
{
	if (!n->step || n->step->kind != SL_SIM_RECEIVES || n->step->message == 0)
		return NULL;
	SL_CHECK(n->step->message <= n->frames);
	return &n->frame[n->step->message - 1];
}

static bool received(const struct narrator *n, enum sl_frame_kind kind)
{
	const struct sl_frame *f = frame_in_hand(n);
	return f && f->kind == kind;
}

static void tell_copy(struct narrator *n, uint32_t peer, const struct sl_edge_view *was,
                      const struct sl_edge_view *is)
{
	if (is->diverged && !was->diverged)
		tell(n, peer, "cannot follow peer %u with the copy it has: it needs a snapshot",
		     is->neighbour);
	else if (received(n, SL_FRAME_SNAPSHOT) &&
	         (is->their_version != was->their_version || (was->diverged && !is->diverged)))
		tell(n, peer, "takes over the snapshot: its copy of peer %u is at version %u", is->neighbour,
		     is->their_version);
	else if (is->their_epoch != was->their_epoch)
		tell(n, peer, "follows peer %u into its new epoch: its copy at version %u is still right",
		     is->neighbour, is->their_version);
	else if (is->their_version == was->their_version + 1)
		tell(n, peer, "applies frame %u of peer %u", is->their_version, is->neighbour);
	else if (is->their_version > was->their_version)
		tell(n, peer, "applies frames %u to %u of peer %u", was->their_version + 1, is->their_version,
		     is->neighbour);
}

static void tell_edge(struct narrator *n, uint32_t peer, const struct sl_edge_view *was,
                      const struct sl_edge_view *is)
{
	if (is->greeted && !was->greeted)
		tell(n, peer, "has exchanged greetings with peer %u", is->neighbour);
	if (was->reset && !is->reset)
		tell(n, peer, "continues the edge to peer %u after step %u", is->neighbour, is->step);
	tell_copy(n, peer, was, is);
	if (received(n, SL_FRAME_TAG) && is->theirs_open && !was->theirs_open)
		tell(n, peer, "takes the tag of step %u of peer %u, at version %u", is->step + 1,
		     is->neighbour, is->their_version);
	if (is->finished && !was->finished)
		tell(n, peer, "knows that peer %u has finished", is->neighbour);
	if (is->knows_finished && !was->knows_finished)
		tell(n, peer, "knows that peer %u knows that it has finished", is->neighbour);
}

static void tell_steps(struct narrator *n, uint32_t peer, const struct sl_edge_view *was,
                       const struct sl_edge_view *is)
{
	if (is->step > was->step && !was->reset)
		tell(n, peer, "holds both tags of step %u and mixes with peer %u", is->step, is->neighbour);
}

static void tell_phase(struct narrator *n, uint32_t peer, const struct sl_peer_view *was,
                       const struct sl_peer_view *is)
{
	if (is->round > was->round && is->round - was->round == 1)
		tell(n, peer, "has done round %u", is->round);
	else if (is->round != was->round)
		tell(n, peer, "has the state after round %u", is->round);
	if (is->phase == was->phase && (is->phase != SL_PHASE_COMPUTING || is->round == was->round))
		return;
	switch (is->phase) {
	case SL_PHASE_COMPUTING:
		if (was->phase != SL_PHASE_EVALUATING || is->round != was->round)
			tell(n, peer, "begins round %u", is->round + 1);
		break;
	case SL_PHASE_SAVING:
		tell(n, peer, "waits until a checkpoint is written");
		break;
	case SL_PHASE_EVALUATING:
		tell(n, peer, "evaluates its model");
		break;
	case SL_PHASE_SERVING:
		tell(n, peer, "has no rounds left, and answers its neighbours");
		break;
	case SL_PHASE_HALTED:
		tell(n, peer, "leaves");
		break;
	case SL_PHASE_GREETING:
	case SL_PHASE_RECOVERING:
	case SL_PHASE_WAITING:
	case SL_PHASES:
		break;
	}
}

/* What the peer's state shows since it was last looked at. */
static void tell_changes(struct narrator *n, uint32_t peer)
{
	struct known was = n->known[peer];
	struct known *is = &n->known[peer];
	look(n, peer);
	for (uint32_t j = 0; j < SWARM_PEERS_MAX; j++)
		if (was.has_edge[j] && is->has_edge[j])
			tell_edge(n, peer, &was.edge[j], &is->edge[j]);
		else if (was.has_edge[j] && was.peer.incarnation)
			tell(n, peer, "drops its edge to peer %u", j);
		else if (is->has_edge[j] && was.peer.incarnation)
			tell(n, peer,
			     "adds an edge to peer %u, and does not wait for it before its first frame", j);
	if (is->peer.version == was.peer.version + 1 && is->peer.epoch == was.peer.epoch &&
	    is->peer.round + 1 >= is->peer.version)
		tell(n, peer, "makes frame %u", is->peer.version);
	for (uint32_t j = 0; j < SWARM_PEERS_MAX; j++)
		if (was.has_edge[j] && is->has_edge[j])
			tell_steps(n, peer, &was.edge[j], &is->edge[j]);
	tell_rows(n);
	tell_phase(n, peer, &was.peer, &is->peer);
}

/* What became of a DIFFERENCE that was not applied. */
static void explain(struct narrator *n, uint32_t peer, uint32_t from, const struct sl_edge_view *was)
{
	const struct sl_frame *f = frame_in_hand(n);
	const struct sl_edge_view *is = &n->known[peer].edge[from];
	if (was->quarantined)
		tell(n, peer, "does not look at a message of peer %u: it is in quarantine", from);
	else if (is->refused > was->refused)
		tell(n, peer, "refuses a message of peer %u", from);
	if (!f || f->kind != SL_FRAME_DIFFERENCE || is->refused > was->refused || is->quarantined)
		return;
	if (is->rx_held > was->rx_held)
		tell(n, peer, "keeps frame %u of peer %u until step %u is complete", f->version, from,
		     is->step + 1);
	else if (is->repeated > was->repeated && was->greeted && f->version > was->their_version)
		tell(n, peer, "cannot read the header of a frame of peer %u: it leaves out what was lost",
		     from);
	else if (is->repeated > was->repeated)
		tell(n, peer, "ignores frame %u of peer %u: %s", f->version, from,
		     was->greeted ? "it has it already" : "that has not greeted yet");
	else if (is->their_version < f->version && f->version > was->their_version + 1)
		tell(n, peer, "cannot apply frame %u of peer %u: frame %u is missing", f->version, from,
		     was->their_version + 1);
	else if (is->their_version < f->version && was->reset)
		tell(n, peer, "ignores frame %u of peer %u: its step counter is not known yet", f->version,
		     from);
}

/* Call before anything else is told of the step in hand. */
static void explain_once(struct narrator *n, uint32_t peer, const struct known *was)
{
	if (n->explained || !n->step || n->step->kind != SL_SIM_RECEIVES)
		return;
	n->explained = true;
	if (was->has_edge[n->step->from] && n->known[peer].has_edge[n->step->from])
		explain(n, peer, n->step->from, &was->edge[n->step->from]);
}

static void catch_up(struct narrator *n, uint32_t peer)
{
	struct known was = n->known[peer];
	if (!n->explained && n->step && n->step->kind == SL_SIM_RECEIVES) {
		look(n, peer);
		explain_once(n, peer, &was);
		n->known[peer] = was;
	}
	tell_changes(n, peer);
}

static void add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

static void describe_greeting(const struct narrator *n, const struct sl_action *a, char *after, size_t size)
{
	static const struct {
		unsigned flag;
		const char *text;
	} flags[] = { { SL_HELLO_RESET, "my step counter is lost" },
		      { SL_HELLO_CANNOT, "what you requested is gone" },
		      { SL_HELLO_NOTHING, "there is nothing new for you" },
		      { SL_HELLO_FINISHED, "I have finished" },
		      { SL_HELLO_KNOWS_FINISHED, "I know that you have finished" },
		      { SL_HELLO_ANSWER, "please answer" } };
	struct sl_hello h;
	SL_CHECK(sl_hello_parse(&n->scenario->swarm.plan, &h, sl_reader(a->body, a->body_length)));
	add(after, size, ": I hold your version %u, mine is %u, step %u is complete", h.held_version,
	    a->frame->version, h.step);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (h.flags & flags[i].flag)
			add(after, size, "; %s", flags[i].text);
}

static void describe_request(const struct sl_action *a, char *after, size_t size)
{
	struct sl_reader r = sl_reader(a->body, a->body_length);
	uint8_t what = sl_read_u8(&r);
	uint32_t version = sl_read_u32(&r), offset = sl_read_u32(&r);
	if (what == SL_WANT_FRAMES)
		add(after, size, " for what follows version %u, and the tag of step %u", version,
		    a->frame->step + 1);
	else
		add(after, size, " for %s%s", offset ? "the next piece of " : "",
		    what == SL_WANT_SELF ? "its copy of me" : "a snapshot of its copy");
}

static void describe(struct narrator *n, const struct sl_sim_message *m, char *before, char *after)
{
	enum { size = LINE_MOST };
	const struct sl_action *a = m->send;
	const struct sl_frame *f = a->frame;
	struct known *k = &n->known[m->from];
	before[0] = after[0] = '\0';
	switch ((enum sl_frame_kind)f->kind) {
	case SL_FRAME_HELLO:
		add(before, size, "greets ");
		describe_greeting(n, a, after, size);
		break;
	case SL_FRAME_DIFFERENCE: {
		bool again = k->sent_epoch[m->to] == f->epoch && f->version <= k->sent[m->to];
		add(before, size, "sends frame %u%s to ", f->version, again ? " again" : "");
		if (f->tag)
			add(after, size, ", tagged for step %u", f->step);
		k->sent[m->to] = again ? k->sent[m->to] : f->version;
		k->sent_epoch[m->to] = f->epoch;
		break;
	}
	case SL_FRAME_TAG:
		add(before, size, "sends the tag of step %u, at version %u, to ", f->step, f->version);
		break;
	case SL_FRAME_SNAPSHOT: {
		struct sl_reader r = sl_reader(a->body, a->body_length);
		bool self = sl_read_u8(&r) == SL_WANT_SELF;
		add(before, size, "sends a snapshot of its %s at version %u to ",
		    self ? "copy of the receiver" : "own copy", f->version);
		break;
	}
	case SL_FRAME_REQUEST:
		add(before, size, "asks ");
		describe_request(a, after, size);
		break;
	case SL_FRAME_KINDS:
		break;
	}
}

static enum sl_sim_fate fate_of(struct narrator *n, struct sl_sim_message *m)
{
	const struct sl_frame *f = m->send->frame;
	for (uint32_t i = 0; i < n->scenario->fates; i++) {
		struct fate *x = &n->scenario->fate[i];
		bool hit = x->tag ? f->kind == SL_FRAME_TAG && f->step == x->version
		                  : f->kind == SL_FRAME_DIFFERENCE && f->version == x->version;
		if (!hit || x->from != m->from || x->to != m->to || x->times == 0)
			continue;
		x->times--;
		m->delay_us = x->delay_us;
		return x->delay_us ? SL_SIM_DELAY : SL_SIM_LOSE;
	}
	return SL_SIM_PASS;
}

static void remember(struct narrator *n, const struct sl_sim_message *m)
{
	if (n->frames % 1024 == 0)
		n->frame = realloc(n->frame, (n->frames + 1024) * sizeof *n->frame);
	SL_CHECK(n->frame && m->number == n->frames + 1);
	n->frame[n->frames++] = *m->send->frame;
}

static enum sl_sim_fate on_sent(void *context, struct sl_sim_message *m)
{
	struct narrator *n = context;
	char before[LINE_MOST], after[LINE_MOST];
	remember(n, m);
	catch_up(n, m->from);
	describe(n, m, before, after);
	enum sl_sim_fate fate = fate_of(n, m);
	if (fate == SL_SIM_LOSE)
		add(after, sizeof after, " — the network loses it");
	else if (fate == SL_SIM_DELAY)
		add(after, sizeof after, " — the network delays it");
	else if (n->cut[m->from][m->to])
		add(after, sizeof after, " — the link is cut");
	else if (n->scenario->swarm.network.rate && !n->open[m->from][m->to])
		add(after, sizeof after, " — there is no connection");
	else if (!sl_sim_alive(n->sim, m->to))
		add(after, sizeof after, " — that is down");
	tell_sent(n, m->from, m->to, before, after);
	return fate;
}

static void tell_link(struct narrator *n, const struct sl_sim_step *step)
{
	static const char *const text[][2] = {
		[SL_LINK_UP] = { "has a new connection to", "" },
		[SL_LINK_DOWN] = { "hears that its connection to", " has ended" },
		[SL_LINK_FULL] = { "hears that the queue to", " is full: a message was dropped" },
		[SL_LINK_ROOM] = { "hears that the queue to", " has room again" },
	};
	if (step->link == SL_LINK_UP || step->link == SL_LINK_DOWN)
		n->open[step->peer][step->from] = step->link == SL_LINK_UP;
	if (step->link == SL_LINK_MOVES)
		return;
	tell(n, step->peer, "%s peer %u%s", text[step->link][0], step->from, text[step->link][1]);
}

static void on_before(void *context, const struct sl_sim_step *step)
{
	struct narrator *n = context;
	n->step = step;
	n->explained = false;
	tell_rows(n);
	if (step->kind == SL_SIM_HEARS_LINK)
		tell_link(n, step);
	if (step->kind == SL_SIM_STARTS)
		narrator_forget(n, step->peer);
	if (step->kind == SL_SIM_STARTS && n->known[step->peer].peer.round)
		tell(n, step->peer, "starts from its checkpoint of round %u",
		     n->known[step->peer].peer.round);
	else if (step->kind == SL_SIM_STARTS)
		tell(n, step->peer, "starts without a checkpoint");
	else if (step->kind == SL_SIM_SAVED)
		tell(n, step->peer, "has a checkpoint of round %u on its disk",
		     sl_sim_durable_rounds(n->sim, step->peer));
	else if (step->kind == SL_SIM_SAVE_FAILED)
		tell(n, step->peer, "could not write its checkpoint");
}

static void on_after(void *context, const struct sl_sim_step *step)
{
	struct narrator *n = context;
	catch_up(n, step->peer);
	flush_line(n);
	n->step = NULL;
}

void narrator_end(struct narrator *n)
{
	flush_line(n);
	free(n->frame);
}

void narrator_start(struct narrator *n, struct scenario *c)
{
	memset(n, 0, sizeof *n);
	n->scenario = c;
	n->sim = c->swarm.sim;
	n->quiet = c->quiet;
	for (uint32_t i = 0; i < c->swarm.topology.peers; i++)
		look(n, i);
	sl_sim_watch(n->sim, &(struct sl_sim_watch){ n, on_sent, on_before, on_after });
}
