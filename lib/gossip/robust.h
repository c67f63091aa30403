/* robust.h — mixing that a few lying neighbours cannot bend far: each edge's term is taken towards another
 * vector than the neighbour's copy, one that lies nearer. The terms of the two ends are no longer opposite:
 * the mean of all models is not kept, which is the price.
 *
 *   clip:B      self-centred clipping (He, Karimireddy & Jaggi 2022, ClippedGossip): of x̂_j − x̂_i no more
 *               than a length τ counts. Theirs is the rule for τ: with S the neighbours but for the B
 *               farthest, and δ the weight of those, τ² = (1/δ) Σ_{j∈S} w_ij ‖x̂_j − x̂_i‖².
 *   clip-at:T   the same with τ = T.
 *   trim:B      coordinate-wise trimmed mean (Yang & Bajwa 2019, BRIDGE): of each coordinate the B largest
 *               and the B smallest of the neighbours' values count as one's own. Needs more than 2B
 *               neighbours. */
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
/* Looks at all neighbours' copies as they stand, before the first edge of a round is completed. */
void sl_robust_prepare(struct sl_peer *);
/* What stands for `theirs` in the term of this edge; in scratch until the next call. */
const float *sl_robust_view(const struct sl_peer *, const float *mine, const float *theirs);

#endif
