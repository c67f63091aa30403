#include "daemon/peer/desk.h"

#include "daemon/peer/sd.h"
#include "daemon/run/status.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { ITEM_STEPPER, ITEM_SIGNALS, ITEM_LISTENER, ITEM_METRICS, ITEMS = ITEM_METRICS + SL_EXPORTER_ITEMS };

void sl_desk_signals(struct sl_loop *l)
{
	struct signalfd_siginfo info;
	while (read(l->signals, &info, sizeof info) == sizeof info)
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			if (l->stop_asked || l->stopping)
				_exit(1);
			l->stop_asked = true;
			break;
		case SIGUSR1:
			l->summary_asked = true;
			break;
		case SIGHUP:
			l->reload_asked = true;
			break;
		default:
			break;
		}
}

void sl_desk_answer(struct sl_loop *l, bool readable)
{
	if (readable)
		sl_status_answer(l->listener, sl_loop_status(l));
}

void sl_desk_watchdog(struct sl_loop *l, struct sl_time now)
{
	if (sl_time_before(now, l->watchdog_at))
		return;
	l->watchdog_at = sl_time_after(now, l->watchdog_us);
	bool stepping = l->view.kept;
	if (sl_store_stuck_ms(l->store) < l->watchdog_us / 500 &&
	    !(stepping && sl_stepper_hangs(l->stepper, now)))
		sl_sd_notify("WATCHDOG=1");
}

/* False: interrupted, or nothing to do yet. */
static bool wait_for(const struct sl_loop *l, struct pollfd *items)
{
	struct sl_time due = sl_time_earlier(l->watchdog_at, sl_exporter_deadline(&l->exporter));
	int64_t us = due.us - sl_clock().us;
	us = us < 0 ? 0 : us;
	struct timespec timeout = { us / 1000000, us % 1000000 * 1000 };
	items[ITEM_STEPPER] = (struct pollfd){ .fd = sl_stepper_descriptor(l->stepper), .events = POLLIN };
	items[ITEM_SIGNALS] = (struct pollfd){ .fd = l->signals, .events = POLLIN };
	items[ITEM_LISTENER] = (struct pollfd){ .fd = l->listener, .events = POLLIN };
	sl_exporter_poll(&l->exporter, items + ITEM_METRICS);
	return ppoll(items, ITEMS, due.us == INT64_MAX ? NULL : &timeout, NULL) >= 0;
}

void sl_desk_attend(struct sl_loop *l)
{
	struct sl_time begin = sl_clock();
	for (bool ended = false; !ended;) {
		struct pollfd items[ITEMS] = { { 0 } };
		bool any = wait_for(l, items);
		struct sl_time now = sl_clock();
		if (any) {
			if (items[ITEM_SIGNALS].revents)
				sl_desk_signals(l);
			sl_desk_answer(l, items[ITEM_LISTENER].revents);
			sl_exporter_turn(&l->exporter, items + ITEM_METRICS, now);
		}
		sl_desk_watchdog(l, now);
		ended = any && items[ITEM_STEPPER].revents && sl_stepper_turn(l->stepper);
		int64_t took_us = sl_clock().us - now.us;
		l->worst_turn_us = took_us > l->worst_turn_us ? took_us : l->worst_turn_us;
	}
	l->attended_us += sl_clock().us - begin.us;
}
