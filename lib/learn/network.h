/* network.h — feed-forward networks with rectified hidden layers and softmax cross-entropy on top: without
 * hidden layers it is multinomial logistic regression. The models softmax and mlp are its two faces.
 *
 * Layout: for each layer w (inputs × outputs, row-major) and b (outputs × 1). With a row for each input, the
 * products of a small batch need no transposed copy of the weights (sgemm at batch 32 is 10 % faster than the
 * other way round), and a sparse sample touches one short contiguous row for each non-zero. */
#ifndef SL_LEARN_NETWORK_H
#define SL_LEARN_NETWORK_H

#include "learn/model.h"

/* Lays out the tensors w1, b1, w2, … from features, hidden and classes of the instance. Needs classes. */
enum sl_status sl_network_lay_out(struct sl_model_instance *out, struct sl_error *error);

/* The other functions are as in struct sl_model. */
void sl_network_init(const struct sl_model_instance *instance, uint64_t seed, float *x);
size_t sl_network_scratch(const struct sl_model_instance *instance, uint32_t count);
double sl_network_gradient(const struct sl_model_instance *instance, const struct sl_dataset *data,
                           const uint32_t *pick, uint32_t count, const float *x, float *gradient,
                           float *scratch);
double sl_network_descend(const struct sl_model_instance *instance, const struct sl_dataset *data,
                          const uint32_t *pick, uint32_t count, float eta, float *x, float *gradient,
                          float *scratch);
double sl_network_evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                           uint32_t first, uint32_t count, const float *x, int64_t *correct, float *scratch);

#endif
