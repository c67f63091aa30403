#include "gossip/budget.h"

static const int64_t a_byte = 8000000; /* in millionths of a bit */

void sl_budget_begin(struct sl_budget *b, uint64_t rate, int64_t burst, int64_t level, struct sl_time now)
{
	*b = (struct sl_budget){
		.rate = rate, .burst = burst, .level = (level < burst ? level : burst) * a_byte, .at = now
	};
}

static void advance(struct sl_budget *b, struct sl_time now)
{
	if (!sl_time_before(b->at, now))
		return;
	int64_t most = b->burst * a_byte, added;
	if (b->rate && (__builtin_mul_overflow(now.us - b->at.us, (int64_t)b->rate, &added) ||
	                __builtin_add_overflow(b->level, added, &b->level) || b->level > most))
		b->level = most;
	b->at = now;
}

static int64_t floor_bytes(int64_t level)
{
	return level >= 0 ? level / a_byte : -((-level + a_byte - 1) / a_byte);
}

int64_t sl_budget_level(struct sl_budget *b, struct sl_time now)
{
	advance(b, now);
	return b->rate ? floor_bytes(b->level) : INT64_MAX;
}

bool sl_budget_is_open(struct sl_budget *b, struct sl_time now, int64_t credit)
{
	advance(b, now);
	return b->rate == 0 || b->level >= -credit * a_byte;
}

void sl_budget_charge(struct sl_budget *b, struct sl_time now, int64_t bytes)
{
	advance(b, now);
	b->charged_bytes += bytes;
	if (b->rate == 0)
		return;
	b->level -= bytes * a_byte;
	if (b->level > b->burst * a_byte)
		b->level = b->burst * a_byte;
}

struct sl_time sl_budget_opens(const struct sl_budget *b, int64_t credit)
{
	int64_t lacking = -credit * a_byte - b->level;
	if (b->rate == 0 || lacking <= 0)
		return b->at;
	return sl_time_after(b->at, (int64_t)(((uint64_t)lacking + b->rate - 1) / b->rate));
}

size_t sl_budget_sealed(size_t message)
{
	size_t sealed = 33 + message;
	return sealed + (sealed > 255 ? 9 : 2);
}

size_t sl_budget_message(size_t message)
{
	size_t bytes = sl_budget_sealed(message);
	return bytes + (bytes + SL_BUDGET_SEGMENT - 1) / SL_BUDGET_SEGMENT * SL_BUDGET_HEAD;
}
