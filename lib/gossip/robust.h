/* robust.h — mixing that tolerates a few Byzantine neighbours: each edge's term replaces the neighbour's copy
 * by a vector nearer to the own one. The terms of the two ends are no longer opposite, so the mean of all
 * models is not preserved.
 *
 *   clip:B      self-centred clipping (He, Karimireddy & Jaggi 2022, ClippedGossip): x̂_j − x̂_i is clipped
 *               to length τ. Their rule for τ: with S the neighbours except the B farthest, and δ the weight
 *               of these B, τ² = (1/δ) Σ_{j∈S} w_ij ‖x̂_j − x̂_i‖².
 *   clip-at:T   the same with τ = T.
 *   trim:B      coordinate-wise trimmed mean (Yang & Bajwa 2019, BRIDGE): in each coordinate the B largest
 *               and the B smallest of the neighbours' values are replaced by the own one. Needs more than
 *               2B neighbours. */
#ifndef SL_GOSSIP_ROBUST_H
#define SL_GOSSIP_ROBUST_H

#include "base/error.h"
#include "base/limits.h"

#include <stddef.h>

enum sl_robust_kind { SL_ROBUST_NONE, SL_ROBUST_CLIP, SL_ROBUST_CLIP_AT, SL_ROBUST_TRIM };

struct sl_robust {
	enum sl_robust_kind kind;
	uint32_t byzantine; /* B */
	double threshold;   /* T */
};

/* "none", "clip:1", "clip-at:0.5", "trim:1" */
enum sl_status sl_robust_parse(struct sl_robust *, const char *text, struct sl_error *error);

/* Floats of scratch that mixing needs for a model of that dimension. */
size_t sl_robust_scratch(const struct sl_robust *, uint32_t dimension);

struct sl_peer;
/* Reads all neighbours' copies; call before the first edge of a round is completed. */
void sl_robust_prepare(struct sl_peer *);
/* The vector that replaces `theirs` in this edge's term; in scratch, valid until the next call. */
/* The mean of neighbours' values of one coordinate, count > 0 (reordered): with trim or clip without the `byzantine` least
 * and the `byzantine` largest, their median where none would be left or the number is not known. */
float sl_robust_mean(const struct sl_peer *, float *value, uint32_t count);
/* The median; of an even number the mean of the two in the middle. */
float sl_robust_median(float *value, uint32_t count);
const float *sl_robust_view(const struct sl_peer *, const float *mine, const float *theirs);

#endif
