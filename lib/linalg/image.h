/* image.h — windows that slide over images of floats. An image is height × width × channels, the channels of a
 * place side by side, so that every inner loop runs over neighbouring floats. Element-wise or summed in one fixed
 * order: the same bits on every machine. */
#ifndef SL_LINALG_IMAGE_H
#define SL_LINALG_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A square window of size × size places that moves by `stride`, over an image with `pad` places of zeros around it. */
struct sl_window {
	uint32_t height, width, channels; /* of the image */
	uint32_t size, stride, pad;
	uint32_t rows, columns; /* how many windows there are: those that lie inside whole */
};

/* patches ← what each window covers: rows·columns × size·size·channels */
void sl_image_patches(const struct sl_window *, const float *image, float *patches);
/* image ← image + Σ of the windows at their places: the transposed operation */
void sl_image_unpatch(const struct sl_window *, const float *patches, float *image);

/* Pooling, where pad = 0 and stride = size: windows do not overlap. out is rows·columns × channels. A NaN in a window
 * stays one. */
void sl_image_pool_max(const struct sl_window *, const float *image, float *out);
void sl_image_pool_mean(const struct sl_window *, const float *image, float *out);
/* image_delta ← what delta, the derivative by out, is by the image; the first of equal largest values takes all. delta is
 * used up. */
void sl_image_pool_max_back(const struct sl_window *, const float *image, const float *out, float *delta,
                            float *image_delta);
void sl_image_pool_mean_back(const struct sl_window *, const float *delta, float *image_delta);

#endif
