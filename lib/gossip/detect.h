/* detect.h — anomaly detection on a neighbour's updates. Every `detect` frames this end encodes the
 * neighbour's update again, with the coder `context` and separate coder memory per neighbour: the code is
 * short if coordinates, signs and sizes are distributed as before. The length per symbol and the update's
 * size are compared with their running statistics: the score is the distance from the mean in mean
 * deviations. The only consequence is an event row `anomaly`, one per burst. */
#ifndef SL_GOSSIP_DETECT_H
#define SL_GOSSIP_DETECT_H

#include "compress/pipeline.h"

struct sl_plan;
struct sl_peer;
struct sl_edge;
struct sl_absorption;

/* A running mean and mean deviation; outliers have limited influence. */
struct sl_running_stats {
	double mean, deviation;
};

struct sl_detector {
	void *memory; /* sl_detect_memory bytes */
	uint32_t seen;
	struct sl_running_stats length, size; /* binary logarithms: bits per symbol; Euclidean norm */
	double score;                         /* of the newest; 0 before there is a history */
	uint32_t quiet_until;                 /* no event row before `seen` reaches this */
	uint32_t held_back;
};

/* Parses plan->detector_pipeline for the plan's model; does nothing if the detector is off. */
void sl_detect_plan(struct sl_plan *);
size_t sl_detect_memory(const struct sl_plan *);

/* Scratch of one thread. */
struct sl_detect_scratch {
	struct sl_workspace *workspace;
	float *change;
	uint8_t *bytes;
};
void sl_detect_scratch(struct sl_detect_scratch *, const struct sl_plan *, struct sl_arena *);

/* Call just before frame `version` of the neighbour is applied to its copy. */
void sl_detect(struct sl_peer *, struct sl_edge *, uint32_t version, const struct sl_absorption *);

#endif
