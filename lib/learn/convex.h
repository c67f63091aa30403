/* convex.h — shared by the linear models with a penalty of their own: f(x) = mean over samples of ℓ(⟨a_s, x⟩,
 * s) + (λ/2)‖x‖², one parameter a feature, no bias. Sums are in double, so that experiments reach the limit
 * of float32 parameters and not that of float32 sums. */
#ifndef SL_LEARN_CONVEX_H
#define SL_LEARN_CONVEX_H

#include "learn/model.h"

/* The loss of sample s at the prediction ⟨a_s, x⟩, and its derivative there. */
typedef double sl_convex_loss(const struct sl_dataset *, uint32_t sample, double prediction,
                              double *derivative);

/* Options of such a model: lambda, in the instance's first parameter. */
extern const struct sl_option sl_convex_options[];
enum sl_status sl_convex_lay_out(struct sl_model_instance *, uint32_t dimension, struct sl_error *);
void sl_convex_init(const struct sl_model_instance *, uint64_t seed, float *x); /* zeros */
size_t sl_convex_scratch(const struct sl_model_instance *, uint32_t count);
double sl_convex_gradient(const struct sl_model_instance *, const struct sl_dataset *, const uint32_t *pick,
                          uint32_t count, const float *x, float *gradient, float *scratch, sl_convex_loss *);
double sl_convex_clipped(const struct sl_model_instance *, const struct sl_dataset *, const uint32_t *pick,
                         uint32_t count, const float *x, double clip, float *out, float *scratch,
                         sl_convex_loss *);
void sl_convex_penalty(const struct sl_model_instance *, const float *x, float *out);
double sl_convex_evaluate(const struct sl_model_instance *, const struct sl_dataset *, uint32_t first,
                          uint32_t count, const float *x, int64_t *correct, float *scratch, sl_convex_loss *);

#endif
