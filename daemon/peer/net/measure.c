/* measure.c — what a link carries: bytes, how fast, how long they wait. */
#include "daemon/peer/net/link.h"

struct sl_traffic_whose sl_net_whose(const struct sl_net *net, const struct sl_net_link *l)
{
	return (struct sl_traffic_whose){ l->inward ? 0 : l->user + 1, (uint32_t)(l - net->link) };
}

void sl_net_remember(struct sl_net *net, struct sl_net_link *l)
{
	struct sl_traffic_link *past = &l->past;
	sl_traffic_measure(&net->traffic, sl_net_whose(net, l), past);
	past->unsent = past->srtt_us = past->least_rtt_us = 0;
}

void sl_net_measure(const struct sl_net *net, uint32_t edge, struct sl_link_row *row)
{
	if (edge >= net->degree)
		return;
	const struct sl_net_link *l = &net->link[edge];
	struct sl_traffic_link now = l->past;
	bool open = sl_traffic_measure(&net->traffic, sl_net_whose(net, l), &now);
	if (!open && now.tx == 0)
		return; /* no connection yet, or none of TCP */
	row->wire_tx = now.tx;
	row->wire_resent = now.resent;
	if (now.busy_us > 0)
		row->throughput = (int64_t)((double)now.tx * 1e6 / (double)now.busy_us);
	if (!open || now.srtt_us == 0)
		return;
	row->srtt_us = now.srtt_us;
	row->queue_us = now.srtt_us > now.least_rtt_us ? now.srtt_us - now.least_rtt_us : 0;
	if (row->throughput > 0)
		row->queue_us += now.unsent * 1000000 / row->throughput;
}
