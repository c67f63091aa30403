#include "topology/topology.h"

#include <stdlib.h>
#include <string.h>

void sl_topology_free(struct sl_topology *t)
{
	free(t->edge);
	free(t->weight);
	free(t->self);
	free(t->first);
	free(t->neighbour);
	free(t->edge_of);
	free(t->active_first);
	free(t->activity);
	memset(t, 0, sizeof *t);
}
