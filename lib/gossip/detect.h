/* detect.h — a neighbour whose updates are not what they were. Every `detect` frames, what the neighbour's
 * copy took in is coded once more by this end, with the coder `context` and a memory of its own for each
 * neighbour: the code is short where coordinates, signs and sizes come as they came before. Its length a
 * symbol, and the update's size, are compared with their own history: the score is by how many mean
 * deviations they are off. Nothing is done about it but an event row `anomaly`, one a burst. */
#ifndef SL_GOSSIP_DETECT_H
#define SL_GOSSIP_DETECT_H

#include "compress/pipeline.h"

struct sl_plan;
struct sl_peer;
struct sl_edge;
struct sl_absorption;

/* A running mean and mean deviation, slow to believe what is far off. */
struct sl_running_stats {
	double mean, deviation;
};

struct sl_detector {
	void *memory; /* sl_detect_memory bytes */
	uint32_t seen;
	struct sl_running_stats length, size; /* binary logarithms: bits a symbol; Euclidean norm */
	double score;                         /* of the newest; 0 before there is a history */
	uint32_t quiet_until;                 /* of seen: no event row before */
	uint32_t held_back;
};

/* Parses the judge for the model of the plan; nothing where the detector is off. */
void sl_detect_plan(struct sl_plan *);
size_t sl_detect_memory(const struct sl_plan *);

/* Room of a thread. */
struct sl_detect_scratch {
	struct sl_workspace *workspace;
	float *change;
	uint8_t *bytes;
};
void sl_detect_scratch(struct sl_detect_scratch *, const struct sl_plan *, struct sl_arena *);

/* Just before frame `version` of the neighbour is applied to its copy. */
void sl_detect(struct sl_peer *, struct sl_edge *, uint32_t version, const struct sl_absorption *);

#endif
