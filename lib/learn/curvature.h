/* curvature.h — how curved a convex model's loss is on given data: what a step size must stay below. */
#ifndef SL_LEARN_CURVATURE_H
#define SL_LEARN_CURVATURE_H

#include "learn/model.h"

/* Floats of room that sl_model_curvature needs. */
size_t sl_model_curvature_room(const struct sl_model_instance *);

/* The largest eigenvalue of ∇² of the mean loss at x (`dimension` floats, penalties included), by power iteration with
 * differences of gradients, over a few hundred samples spread evenly over the set; mostly 1 to 5 % too small. 0: the model is not
 * convex, so that this says nothing, or the set is empty. For least squares it is the same everywhere, for logistic
 * regression largest at x = 0; for softmax it may be twice as much elsewhere as at 0 (of two classes: half, never more). */
double sl_model_curvature(const struct sl_model_instance *, const struct sl_dataset *, const float *x,
                          float *room);

#endif
