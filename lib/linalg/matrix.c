#include "linalg/vector.h"

#include <string.h>

#include <cblas.h>

/* Up to this size OpenBLAS's kernels for AVX-512 multiply without first packing the operands into buffers. For a
 * mini-batch, packing costs a quarter of the product's time, and evicts half of the cache. */
enum { SMALL = 1000000, PIECES_MAX = 4, WIDTH = 16 };

static bool knows_small(void)
{
	const char *core = openblas_get_corename();
	return strcmp(core, "Cooperlake") == 0 || strcmp(core, "SkylakeX") == 0 ||
	       strcmp(core, "SapphireRapids") == 0;
}

static void multiply(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                     const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
	cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
	            transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, alpha, a,
	            (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

void sl_matrix_multiply(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                        const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                        size_t ldc)
{
	size_t pieces = (m * n * k + SMALL - 1) / SMALL, longer = m > n ? m : n;
	if (pieces <= 1 || pieces > PIECES_MAX || !knows_small()) {
		multiply(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
		return;
	}
	size_t width = ((longer + pieces - 1) / pieces + WIDTH - 1) / WIDTH * WIDTH;
	for (size_t at = 0; at < longer; at += width) {
		size_t here = longer - at < width ? longer - at : width;
		if (m > n)
			multiply(transpose_a, transpose_b, here, n, k, alpha,
			         a + at * (transpose_a ? 1 : lda), lda, b, ldb, beta, c + at * ldc, ldc);
		else
			multiply(transpose_a, transpose_b, m, here, k, alpha, a, lda,
			         b + at * (transpose_b ? ldb : 1), ldb, beta, c + at, ldc);
	}
}

const char *sl_blas_start(void)
{
	openblas_set_num_threads(1);
	return openblas_get_corename();
}
