/* pace.c — byte budgets ([limits] rate and volume) and [run] period as rounds and timers see them. What waits at the driver is not lost,
 * and whoever waits for it is not dead: greetings carry how long a budget may delay a round, the sender's own or that of
 * somebody it waits for, and timers allow for that. A hop count ends what goes round in a circle after its origin has
 * gone. A neighbour's word counts up to a quarter of an hour: it could be a lie. */
#include "gossip/peer/state.h"

#include "gossip/outbox.h"

enum { HOPS_MOST = 64, BELIEVED_MS = 900000, GREETING_BYTES = 250, HANDSHAKES_BYTES = 1500 };

/* What may be made up for of the time in which steps were not completed, and so nothing was sent. */
enum { MADE_UP_SECONDS = 10 };

void sl_pace_start(struct sl_peer *p)
{
	uint64_t rate = sl_outbox_rate(&p->plan->settings);
	sl_budget_begin(&p->pacing, rate, (int64_t)(rate / 8 * MADE_UP_SECONDS), 0, p->now);
}

/* [run] period, or the time that the budget needs for the messages of a round for each neighbour, with a frame as long as it may be, two greetings, and what a connection each
 * way costs at its beginning. */
static uint32_t own_ms(const struct sl_peer *p)
{
	uint64_t rate = sl_outbox_rate(&p->plan->settings);
	uint64_t budget = p->plan->pipeline.budget ? p->plan->channels * p->plan->pipeline.budget : SIZE_MAX;
	size_t body = p->plan->body_bound < budget ? p->plan->body_bound : (size_t)budget;
	uint64_t bytes =
	    p->degree * (sl_budget_message(SL_FRAME_HEADER + body) +
	                 2 * sl_budget_message(SL_FRAME_HEADER + GREETING_BYTES) + HANDSHAKES_BYTES);
	uint64_t ms = rate ? 8000 * bytes / rate : 0;
	uint64_t period = (uint64_t)p->plan->settings.period_us / 1000;
	ms = ms > period ? ms : period;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

struct sl_delay sl_pace_announced(const struct sl_peer *p, const struct sl_edge *to)
{
	struct sl_delay most = { own_ms(p), 0 };
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (e != to && e->up && e->pace.ms > most.ms && e->pace.hops < HOPS_MOST)
			most = (struct sl_delay){ e->pace.ms, (uint8_t)(e->pace.hops + 1) };
	}
	return most;
}

/* A neighbour that announces something else each time must not make this end greet all others each time: a few greetings at
 * once, and one per link_timeout. */
bool sl_pace_is_news(const struct sl_peer *p, struct sl_edge *to)
{
	enum { AT_ONCE = 4 };
	struct sl_delay pace = sl_pace_announced(p, to);
	int64_t every_us = p->plan->settings.link_timeout_us;
	if (!to->greeted || (pace.ms == to->said_pace.ms && pace.hops == to->said_pace.hops) ||
	    sl_time_before(sl_time_after(p->now, (AT_ONCE - 1) * every_us), to->pace_news_at))
		return false;
	to->pace_news_at =
	    sl_time_after(sl_time_before(to->pace_news_at, p->now) ? p->now : to->pace_news_at, every_us);
	return true;
}

void sl_pace_heard(struct sl_edge *e, struct sl_delay pace)
{
	pace.ms = pace.hops > HOPS_MOST ? 0 : pace.ms < BELIEVED_MS ? pace.ms : BELIEVED_MS;
	e->pace = pace;
}

int64_t sl_pace_us(const struct sl_peer *p)
{
	uint32_t most = own_ms(p);
	for (uint32_t i = 0; i < p->degree; i++)
		most = p->edge[i].pace.ms > most ? p->edge[i].pace.ms : most;
	return (int64_t)most * 1000;
}

/* `us` and twice the pace, without overflow. */
static int64_t extended(const struct sl_peer *p, int64_t us)
{
	int64_t sum;
	return __builtin_add_overflow(us, 2 * sl_pace_us(p), &sum) ? INT64_MAX : sum;
}

int64_t sl_round_timeout_us(const struct sl_peer *p)
{
	return extended(p, p->plan->settings.round_timeout_us);
}

int64_t sl_link_timeout_us(const struct sl_peer *p)
{
	return extended(p, p->plan->settings.link_timeout_us);
}

void sl_pace_encoded(struct sl_peer *p, size_t body)
{
	int64_t bytes = (int64_t)sl_budget_message(SL_BRIEF_STEADY + body) + SL_BUDGET_HEAD;
	sl_budget_charge(&p->pacing, p->now, bytes * p->edges_up);
}
