/* A trainer with as many parameters as $DIMENSION says (10 million), which costs as little as can be: one pass over the model per
 * task. Each peer pulls the model towards numbers of its own, other ones in each coordinate, so that changes differ in size. */
#include "starling_trainer.h"

#include <math.h>

static float target(uint64_t k, uint32_t peer)
{
	uint32_t h = (uint32_t)k * 2654435761U + peer * 40503U;
	h ^= h >> 15;
	h *= 2246822519U;
	return (float)(h >> 8) / 16777216.0f - 0.5f;
}

int main(void)
{
	const char *text = getenv("DIMENSION");
	uint32_t rows = (text ? (uint32_t)strtoul(text, NULL, 10) : 10000000U) / 1000;
	float *start = calloc((size_t)rows * 1000, sizeof *start);
	struct starling_tensor tensors[] = {
		{ .name = "w", .rank = 2, .shape = { rows, 1000 }, .start = start }
	};
	static struct starling_peer peer;
	struct starling_task task;
	if (!start || starling_attach(&peer, NULL, tensors, 1, STARLING_STEPS) != 0) {
		fprintf(stderr, "%s\n", start ? peer.error : "no memory for the start");
		return 1;
	}
	int code;
	while ((code = starling_next(&peer, &task)) == 1) {
		double loss = 0;
		for (uint64_t k = 0; k < peer.dimension; k++) {
			float off = task.x[k] - target(k, task.peer);
			loss += (double)(off * off);
			task.x[k] -= 0.2f * off;
		}
		starling_done(&peer, &task, loss / (double)peer.dimension, (double)NAN, 1, NULL, 0);
	}
	if (code < 0)
		fprintf(stderr, "%s\n", peer.error);
	starling_close(&peer);
	return code < 0;
}
