/* out.c — actions for the driver, and event rows. */
#include "gossip/peer/state.h"

#include <stdarg.h>
#include <stdio.h>

void sl_peer_emit(struct sl_peer *p, struct sl_action *a)
{
	p->act(p->driver, a);
}

void sl_peer_mark(struct sl_peer *p, unsigned mark)
{
	struct sl_action a = { .kind = SL_ACTION_MARK, .mark = mark };
	sl_peer_emit(p, &a);
}

void sl_peer_note(struct sl_peer *p, enum sl_level level, const char *kind, const char *format, ...)
{
	struct sl_event_row row = { .peer = p->id, .round = p->round, .level = level };
	snprintf(row.kind, sizeof row.kind, "%s", kind);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(row.detail, sizeof row.detail, format, arguments);
	va_end(arguments);
	struct sl_action a = { .kind = SL_ACTION_EVENT_ROW, .event = &row };
	sl_peer_emit(p, &a);
}

void sl_peer_halt(struct sl_peer *p, bool ok, const char *detail)
{
	if (p->phase == SL_PHASE_HALTED)
		return;
	if (!ok)
		sl_peer_note(p, SL_LEVEL_ERROR, "halted", "%s", detail);
	p->phase = SL_PHASE_HALTED;
	snprintf(p->halt_detail, sizeof p->halt_detail, "%s", detail);
	struct sl_action a = { .kind = SL_ACTION_HALT, .ok = ok, .detail = p->halt_detail };
	sl_peer_emit(p, &a);
}
