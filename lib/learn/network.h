/* network.h — feed-forward networks with rectified hidden layers and softmax cross-entropy on top: without
 * hidden layers it is multinomial logistic regression. The models softmax and mlp are its two faces.
 *
 * Layout: for each layer w (inputs × outputs, row-major) and b (outputs × 1). With a row for each input, the
 * products of a small batch need no transposed copy of the weights (sgemm at batch 32 is 10 % faster than the
 * other way round), and a sparse sample touches one short contiguous row for each non-zero. */
#ifndef SL_LEARN_NETWORK_H
#define SL_LEARN_NETWORK_H

#include "learn/model.h"

/* What a network may have before its first layer: it turns `rows` samples of `features` floats into as many of
 * `front_width`, which the first layer then takes as its inputs. Its tensors are the first `front_tensors` of the layout.
 * Pure; `scratch` holds what forward leaves for backward. */
struct sl_network_front {
	size_t (*scratch)(const struct sl_model_instance *, uint32_t rows);
	/* Returns rows × front_width, in scratch. */
	const float *(*forward)(const struct sl_model_instance *, uint32_t rows, const float *x,
	                        const float *in, float *scratch);
	/* out ← add·out + factor·gradient of the front's tensors, biases as if add were 1; `delta` is the derivative by what
	 * forward returned. out may be x. */
	void (*backward)(const struct sl_model_instance *, uint32_t rows, const float *x, const float *in,
	                 const float *delta, float factor, float add, float *out, float *scratch);
};

/* Adds a matrix and its bias to the layout; names are borrowed. */
enum sl_status sl_network_add(struct sl_model_instance *out, const char *weights, const char *bias,
                              uint32_t inputs, uint32_t outputs, struct sl_error *error);

/* Lays out the tensors w1, b1, w2, … from features (or what the front gives), hidden and classes of the instance. Needs
 * classes. A front has laid out its tensors before. */
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
/* Without a front. */
double sl_network_clipped(const struct sl_model_instance *instance, const struct sl_dataset *data,
                          const uint32_t *pick, uint32_t count, const float *x, double clip, float *out,
                          float *scratch);
double sl_network_evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                           uint32_t first, uint32_t count, const float *x, int64_t *correct, float *scratch);
void sl_network_predict(const struct sl_model_instance *instance, const struct sl_dataset *data,
                        uint32_t first, uint32_t count, const float *x, float *out, float *scratch);

#endif
