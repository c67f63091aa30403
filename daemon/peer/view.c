#include "daemon/peer/view.h"

#include <stdlib.h>

bool sl_view_make(struct sl_view *v)
{
	v->edge = calloc(SL_DEGREE_MAX, sizeof *v->edge);
	return v->edge;
}

void sl_view_free(struct sl_view *v)
{
	free(v->edge);
	*v = (struct sl_view){ 0 };
}

void sl_view_keep(struct sl_view *v, const struct sl_peer *peer)
{
	sl_peer_status(peer, &v->status);
	v->serial = sl_peer_serial(peer);
	for (uint32_t i = 0; i < v->status.degree; i++)
		sl_peer_edge_status(peer, i, &v->edge[i]);
	v->kept = true;
}

void sl_view_release(struct sl_view *v)
{
	v->kept = false;
}
