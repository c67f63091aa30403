/* A trainer in plain C: each peer pulls the model towards its own number. Without starling's sources: only its header. */
#include "starling_trainer.h"

#include <math.h>

int main(void)
{
	static float start[6], scale[1];
	const struct starling_tensor tensors[] = {
		{ .name =
		      "a.tensor.with.a.name.that.is.longer.than.any.that.this.program.would.need.otherwise",
		  .rank = 2,
		  .shape = { 2, 3 },
		  .start = start },
		{ .name = "base", .rank = 1, .shape = { 1000 }, .frozen = 1, .digest = { 1, 2, 3 } },
		{ .name = "scale", .rank = 0, .start = scale, .unpenalised = 1 },
	};
	struct starling_peer peer;
	struct starling_task task;
	if (starling_attach(&peer, NULL, tensors, 3,
	                    STARLING_STEPS | STARLING_GRADIENT | STARLING_EVALUATE) != 0) {
		fprintf(stderr, "%s\n", peer.error);
		return 1;
	}
	int code;
	while ((code = starling_next(&peer, &task)) == 1) {
		double loss = 0;
		for (uint64_t k = 0; k < peer.dimension; k++) {
			float off = task.x[k] - (float)task.peer;
			loss += (double)(off * off) / 2;
			if (task.kind == STARLING_TASK_GRADIENT)
				task.g[k] = off;
		}
		for (uint32_t s = 0; task.kind == STARLING_TASK_STEPS && s < task.steps; s++)
			for (uint64_t k = 0; k < peer.dimension; k++)
				task.x[k] -= 0.1f * (task.x[k] - (float)task.peer);
		struct starling_metric first = { "first", (double)task.x[0] };
		starling_done(&peer, &task, loss, (double)NAN, 1, &first,
		              task.kind == STARLING_TASK_EVALUATE);
	}
	if (code < 0)
		fprintf(stderr, "%s\n", peer.error);
	starling_close(&peer);
	return code < 0;
}
