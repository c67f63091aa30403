#include "linalg/vector.h"

#include <cblas.h>

void sl_matrix_multiply(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                        const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                        size_t ldc)
{
	cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
	            transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, alpha, a,
	            (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

const char *sl_blas_start(void)
{
	openblas_set_num_threads(1);
	return openblas_get_corename();
}
