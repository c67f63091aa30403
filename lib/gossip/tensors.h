/* tensors.h — digests of a model's tensors and of the start that they were given, as greetings carry them: two peers of
 * other models can both name the first tensor that differs. */
#ifndef SL_GOSSIP_TENSORS_H
#define SL_GOSSIP_TENSORS_H

#include "learn/model.h"

/* Of longer lists, each digest covers as many tensors in a row as needed. */
enum { SL_TENSOR_DIGESTS = 255 };
struct sl_tensor_digests {
	uint8_t count; /* 0: the start follows from the seed, and the shapes from the settings */
	uint16_t of[SL_TENSOR_DIGESTS];
};

void sl_tensors_digest(const struct sl_model_instance *, struct sl_tensor_digests *out);
/* The first digest that differs; SL_TENSOR_DIGESTS: none. */
unsigned sl_tensors_differ(const struct sl_tensor_digests *, const struct sl_tensor_digests *);
/* "tensor 'w'", or "a tensor from 'w' to 'b'", of which digest `at` is; "a tensor behind 'b', the last one here". */
void sl_tensors_name(const struct sl_model_instance *, unsigned at, char *text, size_t size);

#endif
