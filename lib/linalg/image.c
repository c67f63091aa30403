#include "linalg/image.h"

#include "linalg/variants.h"

#include <string.h>

/* The part of a window's row that lies inside the image: places [from, to) of the window, and where it begins. */
struct span {
	uint32_t from, to;
	ptrdiff_t at; /* first float of place `from` in the image */
};

static inline bool span_of(const struct sl_window *w, uint32_t row, uint32_t column, uint32_t line,
                           struct span *out)
{
	int64_t y = (int64_t)row * w->stride + line - w->pad, x = (int64_t)column * w->stride - w->pad;
	int64_t from = x < 0 ? -x : 0, to = (int64_t)w->width - x;
	to = to < w->size ? to : w->size;
	if (y < 0 || y >= w->height || from >= to)
		return false;
	*out = (struct span){ (uint32_t)from, (uint32_t)to,
		              (ptrdiff_t)((y * w->width + x + from) * w->channels) };
	return true;
}

SL_VARIANTS void sl_image_patches(const struct sl_window *w, const float *restrict image,
                                  float *restrict patches)
{
	size_t line_floats = (size_t)w->size * w->channels;
	struct span s;
	for (uint32_t row = 0; row < w->rows; row++)
		for (uint32_t column = 0; column < w->columns; column++)
			for (uint32_t line = 0; line < w->size; line++, patches += line_floats) {
				bool inside = span_of(w, row, column, line, &s);
				if (!inside || s.to - s.from < w->size)
					memset(patches, 0, line_floats * sizeof *patches);
				if (!inside)
					continue;
				size_t floats = (size_t)(s.to - s.from) * w->channels;
				for (size_t k = 0; k < floats; k++)
					patches[s.from * w->channels + k] = image[s.at + (ptrdiff_t)k];
			}
}

SL_VARIANTS void sl_image_unpatch(const struct sl_window *w, const float *restrict patches,
                                  float *restrict image)
{
	size_t line_floats = (size_t)w->size * w->channels;
	struct span s;
	for (uint32_t row = 0; row < w->rows; row++)
		for (uint32_t column = 0; column < w->columns; column++)
			for (uint32_t line = 0; line < w->size; line++, patches += line_floats) {
				if (!span_of(w, row, column, line, &s))
					continue;
				size_t floats = (size_t)(s.to - s.from) * w->channels;
				for (size_t k = 0; k < floats; k++)
					image[s.at + (ptrdiff_t)k] += patches[s.from * w->channels + k];
			}
}

/* The first float of a place that a pooling window covers. */
static inline size_t place(const struct sl_window *w, uint32_t row, uint32_t column, uint32_t k)
{
	size_t y = (size_t)row * w->size + k / w->size, x = (size_t)column * w->size + k % w->size;
	return (y * w->width + x) * w->channels;
}

SL_VARIANTS void sl_image_pool_max(const struct sl_window *w, const float *restrict image,
                                   float *restrict out)
{
	for (uint32_t row = 0; row < w->rows; row++)
		for (uint32_t column = 0; column < w->columns; column++, out += w->channels) {
			memcpy(out, image + place(w, row, column, 0), w->channels * sizeof *out);
			for (uint32_t k = 1; k < w->size * w->size; k++) {
				const float *in = image + place(w, row, column, k);
				for (uint32_t c = 0; c < w->channels; c++)
					out[c] = in[c] > out[c] || in[c] != in[c] ? in[c] : out[c];
			}
		}
}

SL_VARIANTS void sl_image_pool_mean(const struct sl_window *w, const float *restrict image,
                                    float *restrict out)
{
	float share = 1.0f / (float)(w->size * w->size);
	for (uint32_t row = 0; row < w->rows; row++)
		for (uint32_t column = 0; column < w->columns; column++, out += w->channels) {
			memset(out, 0, w->channels * sizeof *out);
			for (uint32_t k = 0; k < w->size * w->size; k++) {
				const float *in = image + place(w, row, column, k);
				for (uint32_t c = 0; c < w->channels; c++)
					out[c] += share * in[c];
			}
		}
}

/* Places behind the last window take no part. */
static void clear(const struct sl_window *w, float *image)
{
	if (w->rows * w->size < w->height || w->columns * w->size < w->width)
		memset(image, 0, (size_t)w->height * w->width * w->channels * sizeof *image);
}

SL_VARIANTS void sl_image_pool_max_back(const struct sl_window *w, const float *restrict image,
                                        const float *restrict out, float *restrict delta,
                                        float *restrict image_delta)
{
	clear(w, image_delta);
	for (uint32_t row = 0; row < w->rows; row++)
		for (uint32_t column = 0; column < w->columns;
		     column++, out += w->channels, delta += w->channels)
			for (uint32_t k = 0; k < w->size * w->size; k++) {
				size_t at = place(w, row, column, k);
				for (uint32_t c = 0; c < w->channels; c++) {
					float rest = delta[c];
					bool hit = image[at + c] == out[c];
					image_delta[at + c] = hit ? rest : 0;
					delta[c] = hit ? 0 : rest;
				}
			}
}

SL_VARIANTS void sl_image_pool_mean_back(const struct sl_window *w, const float *restrict delta,
                                         float *restrict image_delta)
{
	float share = 1.0f / (float)(w->size * w->size);
	clear(w, image_delta);
	for (uint32_t row = 0; row < w->rows; row++)
		for (uint32_t column = 0; column < w->columns; column++, delta += w->channels)
			for (uint32_t k = 0; k < w->size * w->size; k++) {
				float *to = image_delta + place(w, row, column, k);
				for (uint32_t c = 0; c < w->channels; c++)
					to[c] = share * delta[c];
			}
}
