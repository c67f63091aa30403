/* image_model.h — a local autoregressive model of grey images and its lossless code, after Zhang, Zhang and
 * McDonagh, "On the Out-of-distribution Generalization of Probabilistic Image Modelling" (NeLLoC, NeurIPS
 * 2021), in small.
 *
 * A pixel's distribution depends on the 24 pixels before it (rows from the top, each from the left) at most
 * three rows and columns away: p(x) = Π p(x_ij | causal neighbourhood). A linear predictor says where the
 * pixel lies, and a histogram, one for each class of neighbourhoods, how far from there it falls; a share α
 * of the uniform distribution keeps every value codable (the paper's (1 − α)·MoL + α·U). Local: one predictor
 * for all places, a convolution. With positions: a predictor of its own for each place, which knows what
 * images of the training set look like as a whole.
 *
 * Everything that decides an interval is an integer, so the decoder sees the encoder's numbers on every
 * machine. */
#ifndef SL_TESTS_IMAGE_MODEL_H
#define SL_TESTS_IMAGE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_SIDE = 28, IMAGE_PIXELS = IMAGE_SIDE * IMAGE_SIDE };

struct image_model;

/* Learns from `count` images (each IMAGE_PIXELS bytes, row by row), at most 2^15. NULL: no memory. */
struct image_model *image_model_fit(const uint8_t *images, uint32_t count, bool positions);
void image_model_free(struct image_model *);

/* −log2 p(image), with the probabilities that the coder uses. */
double image_model_bits(const struct image_model *, const uint8_t *image);

/* One stream of all images; returns its length, or 0 where `room` bytes are too few. */
size_t image_model_encode(const struct image_model *, const uint8_t *images, uint32_t count, uint8_t *out,
                          size_t room);
/* False where the bytes are not exactly what the encoder writes for some `count` images. */
bool image_model_decode(const struct image_model *, const uint8_t *bytes, size_t length, uint8_t *images,
                        uint32_t count);

#endif
