#include "linalg/blas.h"

#include "linalg/vector.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cblas.h>

/* Instruction sets that kernels need, in ascending order. */
enum level { LEVEL_SSE3, LEVEL_SSE42, LEVEL_AVX, LEVEL_AVX2, LEVEL_AVX512, LEVEL_BF16, LEVEL_FMA4 };

/* In order of preference, the fastest first. Cooperlake and SapphireRapids multiply floats as SkylakeX does; only their
 * bfloat16 products differ. */
enum { CHOICES = 5 };
static const struct kernel {
	const char *name;
	enum level level;
} kernels[] = {
	{ "SkylakeX", LEVEL_AVX512 },     { "Haswell", LEVEL_AVX2 },    { "Sandybridge", LEVEL_AVX },
	{ "Nehalem", LEVEL_SSE42 },       { "Prescott", LEVEL_SSE3 },   { "Cooperlake", LEVEL_BF16 },
	{ "SapphireRapids", LEVEL_BF16 }, { "Zen", LEVEL_AVX2 },        { "Excavator", LEVEL_FMA4 },
	{ "Steamroller", LEVEL_FMA4 },    { "Piledriver", LEVEL_FMA4 }, { "Bulldozer", LEVEL_FMA4 },
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

#ifdef __x86_64__
static bool has(enum level level)
{
	__builtin_cpu_init();
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	              __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
	              __builtin_cpu_supports("avx512vl");
	switch (level) {
	case LEVEL_SSE3:
		return __builtin_cpu_supports("sse3");
	case LEVEL_SSE42:
		return __builtin_cpu_supports("sse4.2");
	case LEVEL_AVX:
		return __builtin_cpu_supports("avx");
	case LEVEL_AVX2:
		return avx2;
	case LEVEL_AVX512:
		return avx512;
	case LEVEL_BF16:
		return avx512 && __builtin_cpu_supports("avx512bf16");
	case LEVEL_FMA4:
		return __builtin_cpu_supports("fma4");
	}
	return false;
}
#else
static bool has(enum level level)
{
	(void)level;
	return false;
}
#endif

const char *sl_blas_kernel(unsigned place)
{
	if (!strstr(openblas_get_config(), "DYNAMIC_ARCH"))
		return NULL;
	for (unsigned i = 0; i < CHOICES; i++)
		if (has(kernels[i].level) && place-- == 0)
			return kernels[i].name;
	return NULL;
}

bool sl_blas_runs(const char *kernel)
{
	for (unsigned i = 0; i < KERNELS; i++)
		if (strcasecmp(kernels[i].name, kernel) == 0)
			return has(kernels[i].level);
	return true;
}

/* Multiples of 1/512 below 1, which bfloat16 cannot represent. A sum of a hundred products is a multiple of 2⁻¹⁸ below
 * 2⁶, which a float represents exactly. */
static void fill(size_t n, uint32_t state, float *x)
{
	for (size_t i = 0; i < n; i++) {
		state = state * 1664525 + 1013904223;
		x[i] = (float)((int32_t)(state >> 22) - 512) / 512;
	}
}

struct shape {
	bool transpose_a, transpose_b;
	unsigned m, n, k;
};
/* Shapes as in models: forward, gradients, backward; one large enough to be split into blocks; and odd ones. */
static const struct shape shapes[] = {
	{ false, false, 32, 10, 101 }, { false, true, 32, 100, 10 },  { true, false, 33, 71, 32 },
	{ true, true, 17, 19, 65 },    { false, true, 102, 99, 100 }, { false, false, 1, 64, 80 },
};
enum { ELEMENTS = 102 * 101 };

static void add_product(const struct shape *s, const float *a, size_t lda, const float *b, size_t ldb,
                        float *c)
{
	for (size_t i = 0; i < s->m; i++)
		for (size_t j = 0; j < s->n; j++)
			for (size_t t = 0; t < s->k; t++)
				c[i * s->n + j] += a[s->transpose_a ? t * lda + i : i * lda + t] *
				                   b[s->transpose_b ? j * ldb + t : t * ldb + j];
}

static bool multiplies(const struct shape *s)
{
	float a[ELEMENTS] = { 0 }, b[ELEMENTS] = { 0 }, found[ELEMENTS], right[ELEMENTS] = { 0 };
	size_t lda = s->transpose_a ? s->m : s->k, ldb = s->transpose_b ? s->k : s->n,
	       n = (size_t)s->m * s->n;
	fill((size_t)s->m * s->k, 1, a);
	fill((size_t)s->k * s->n, 2, b);
	fill(n, 3, right);
	memcpy(found, right, n * sizeof *found);
	add_product(s, a, lda, b, ldb, right);
	sl_matrix_multiply(s->transpose_a, s->transpose_b, s->m, s->n, s->k, 1, a, lda, b, ldb, 1, found,
	                   s->n);
	for (size_t i = 0; i < n; i++)
		if (found[i] != right[i]) /* true for NaN too */
			return false;
	return true;
}

enum sl_status sl_blas_check(const char *kernel, struct sl_error *error)
{
	const char *found = sl_blas_start();
	if (kernel && strcasecmp(found, kernel) != 0)
		return sl_fail(error, SL_NOT_FOUND, "this OpenBLAS has no matrix kernel %s: it took %s",
		               kernel, found);
	for (const struct shape *s = shapes; s < shapes + sizeof shapes / sizeof *shapes; s++)
		if (!multiplies(s))
			return sl_fail(
			    error, SL_UNSUPPORTED,
			    "the matrix kernel %s of this OpenBLAS multiplies wrongly (%u x %u times %u x %u)",
			    found, s->m, s->k, s->k, s->n);
	return SL_OK;
}

const char *sl_blas_version(char text[static 16])
{
	if (sscanf(openblas_get_config(), "OpenBLAS %15s", text) != 1)
		strcpy(text, "unknown");
	return text;
}
