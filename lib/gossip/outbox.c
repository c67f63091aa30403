#include "gossip/outbox.h"

enum {
	LANE_MOST = 256 << 10, /* bytes; one message always has room */
	CREDIT_LEAST = 600,    /* a greeting on the wire */
	REFUND = 8,
	VOLUME_SAVED = 20,
};

bool sl_outbox_is_needed(const struct sl_settings *s)
{
	return s->limit_rate || s->limit_volume.bytes;
}

uint64_t sl_outbox_rate(const struct sl_settings *s)
{
	uint64_t volume = sl_volume_rate(s->limit_volume);
	return s->limit_rate == 0 || (volume && volume < s->limit_rate) ? volume : s->limit_rate;
}

int64_t sl_outbox_volume_burst(struct sl_volume v)
{
	return (int64_t)(v.bytes / VOLUME_SAVED);
}

/* A bucket that saves 1/20 and earns 19/20 in its time never gives more than the volume in any such time. */
static uint64_t volume_rate(struct sl_volume v)
{
	uint64_t rate = sl_volume_rate(v);
	return rate - rate / VOLUME_SAVED;
}

/* A third of a second may be made up for, in which there was nothing to send: with the credit of a greeting, a tenth, that
 * keeps ten seconds within 5 %. */
static int64_t rate_burst(uint64_t rate)
{
	return (int64_t)(rate / 24);
}

void sl_outbox_begin(struct sl_outbox *o, const struct sl_settings *s, int64_t volume_level,
                     struct sl_time now)
{
	*o = (struct sl_outbox){ .since = now };
	for (uint32_t i = 0; i < SL_DEGREE_MAX; i++)
		o->lane[i].last = &o->lane[i].first;
	sl_budget_begin(&o->rate, s->limit_rate, rate_burst(s->limit_rate), rate_burst(s->limit_rate), now);
	sl_budget_begin(&o->volume, volume_rate(s->limit_volume), sl_outbox_volume_burst(s->limit_volume),
	                volume_level, now);
}

bool sl_outbox_put(struct sl_outbox *o, struct sl_outbox_message *m, struct sl_time now)
{
	struct sl_outbox_lane *lane = &o->lane[m->edge];
	if (lane->first && lane->bytes + m->length > LANE_MOST)
		return false;
	if (o->count++ == 0)
		o->since = now;
	m->next = NULL;
	*lane->last = m;
	lane->last = &m->next;
	lane->bytes += m->length;
	return true;
}

static struct sl_outbox_message *remove_first(struct sl_outbox *o, uint32_t edge, struct sl_time now)
{
	struct sl_outbox_lane *lane = &o->lane[edge];
	struct sl_outbox_message *m = lane->first;
	if (!m)
		return NULL;
	lane->first = m->next;
	lane->last = lane->first ? lane->last : &lane->first;
	lane->bytes -= m->length;
	if (--o->count == 0)
		o->waited_us += now.us - o->since.us;
	return m;
}

struct sl_outbox_message *sl_outbox_discard(struct sl_outbox *o, uint32_t edge, struct sl_time now)
{
	return remove_first(o, edge, now);
}

static int64_t credit_of(const struct sl_outbox *o, const struct sl_outbox_message *m)
{
	int64_t tenth = (int64_t)(o->rate.rate / 80);
	return !m->control ? 0 : tenth > CREDIT_LEAST ? tenth : CREDIT_LEAST;
}

/* The lane whose message leaves next; SL_DEGREE_MAX: all are empty. */
static uint32_t next_lane(const struct sl_outbox *o)
{
	uint32_t best = SL_DEGREE_MAX;
	for (uint32_t k = 0; k < SL_DEGREE_MAX; k++) {
		uint32_t i = (o->turn + k) % SL_DEGREE_MAX;
		const struct sl_outbox_message *m = o->lane[i].first;
		if (m && m->control)
			return i;
		if (m && best == SL_DEGREE_MAX)
			best = i;
	}
	return best;
}

/* Puts what was charged long ago out of the window. */
static void turn_seconds(struct sl_outbox *o, struct sl_time now)
{
	int64_t second = now.us / 1000000;
	if (second - o->second > SL_OUTBOX_SECONDS)
		o->second = second - SL_OUTBOX_SECONDS - 1;
	while (o->second < second)
		o->used[++o->second % (SL_OUTBOX_SECONDS + 1)] = 0;
}

void sl_outbox_charge(struct sl_outbox *o, int64_t bytes, struct sl_time now)
{
	sl_budget_charge(&o->rate, now, bytes);
	sl_budget_charge(&o->volume, now, bytes);
	turn_seconds(o, now);
	o->used[o->second % (SL_OUTBOX_SECONDS + 1)] += bytes;
}

struct sl_outbox_message *sl_outbox_take(struct sl_outbox *o, struct sl_time now)
{
	uint32_t i = o->count ? next_lane(o) : SL_DEGREE_MAX;
	if (i == SL_DEGREE_MAX)
		return NULL;
	int64_t credit = credit_of(o, o->lane[i].first);
	if (!sl_budget_is_open(&o->rate, now, credit) || !sl_budget_is_open(&o->volume, now, credit))
		return NULL;
	struct sl_outbox_message *m = remove_first(o, i, now);
	int64_t bytes = (int64_t)sl_budget_message(m->length);
	o->turn = m->control ? o->turn : (i + 1) % SL_DEGREE_MAX;
	o->estimated += bytes;
	sl_outbox_charge(o, bytes, now);
	return m;
}

struct sl_time sl_outbox_due(const struct sl_outbox *o)
{
	uint32_t i = o->count ? next_lane(o) : SL_DEGREE_MAX;
	if (i == SL_DEGREE_MAX)
		return SL_TIME_NEVER;
	int64_t credit = credit_of(o, o->lane[i].first);
	struct sl_time rate = sl_budget_opens(&o->rate, credit), volume = sl_budget_opens(&o->volume, credit);
	return sl_time_before(rate, volume) ? volume : rate;
}

void sl_outbox_settle(struct sl_outbox *o, int64_t left, struct sl_time now)
{
	int64_t more = left - o->settled - o->estimated;
	if (more < -o->estimated / REFUND)
		more = -o->estimated / REFUND;
	o->settled += o->estimated + more;
	o->estimated = 0;
	if (more)
		sl_outbox_charge(o, more, now);
}

int64_t sl_outbox_used(struct sl_outbox *o, struct sl_time now)
{
	int64_t sum = 0;
	turn_seconds(o, now);
	for (unsigned i = 0; i <= SL_OUTBOX_SECONDS; i++)
		sum += i == o->second % (SL_OUTBOX_SECONDS + 1) ? 0 : o->used[i];
	return sum;
}

int64_t sl_outbox_total(const struct sl_outbox *o)
{
	return o->rate.charged_bytes;
}

int64_t sl_outbox_waited_us(const struct sl_outbox *o, struct sl_time now)
{
	return o->waited_us + (o->count ? now.us - o->since.us : 0);
}
