/* convolution.h — the convolutional front of a network: convolutions (each rectified) and pooling, as products of
 * unrolled patches with the weights. The model conv is its face; what follows is the network of network.h.
 *
 * Images are height × width × channels inside; data with several channels has them one after the other (channels ×
 * height × width, as files of images do). Tensors: for each convolution c1, c2, … its weights (size · size · channels ×
 * filters, row-major: line, column and channel of the window, then the filter) and its bias. */
#ifndef SL_LEARN_CONVOLUTION_H
#define SL_LEARN_CONVOLUTION_H

#include "learn/network.h"

enum {
	SL_CONVOLUTIONS_MAX = 7, /* with eight hidden layers and the last, 32 tensors */
	SL_CONVOLUTION_LAYERS_MAX = 14
};

enum sl_convolution_kind { SL_CONVOLUTION, SL_POOL_MAX, SL_POOL_MEAN };

/* Lives in an instance's `parameters`. */
struct sl_convolution {
	uint32_t channels, height, width; /* of the data's images */
	uint32_t layers;
	struct sl_convolution_layer {
		uint16_t filters; /* of SL_CONVOLUTION */
		uint8_t kind, size, stride, pad;
	} layer[SL_CONVOLUTION_LAYERS_MAX];
};

struct sl_convolution sl_convolution_of(const struct sl_model_instance *);

/* The window of layer l (0 …), over the image that it sees, and how many channels come out. */
struct sl_window sl_convolution_window(const struct sl_convolution *, uint32_t l, uint32_t *channels_out);

/* Makes it the front of a network, whose layout it begins; before sl_network_lay_out. Refuses windows that are larger
 * than their image. */
enum sl_status sl_convolution_lay_out(struct sl_model_instance *out, const struct sl_convolution *,
                                      struct sl_error *error);

#endif
