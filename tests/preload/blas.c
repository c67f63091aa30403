/* blas.c — loaded in front of OpenBLAS: with one of the kernels that BLAS_WRONG lists, products are wrong by the
 * last bit of a bfloat16; one that BLAS_MISSING lists is not there, and another one is used instead. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

char *openblas_get_corename(void);
void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

static char *real_corename(void)
{
	char *(*next)(void);
	*(void **)&next = dlsym(RTLD_NEXT, "openblas_get_corename");
	return next();
}

static bool listed(const char *variable)
{
	const char *list = getenv(variable);
	return list && strstr(list, real_corename());
}

char *openblas_get_corename(void)
{
	static char other[] = "Atom";
	return listed("BLAS_MISSING") ? other : real_corename();
}

void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
	void (*next)(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
	             float *, int);
	*(void **)&next = dlsym(RTLD_NEXT, "cblas_sgemm");
	next(order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
	if (listed("BLAS_WRONG"))
		c[(m - 1) * ldc + n - 1] *= 1 + 1.0F / 256;
}
