/* vector.h — dense kernels over float vectors.
 *
 * Every kernel gives bit-identical results on every x86-64 machine and from every compiled variant (function
 * multiversioning): element-wise ones have no reassociation, reductions use a fixed number of explicit lanes
 * that are added in a fixed order. Lengths are element counts; pointers need no alignment; vectors may not
 * overlap unless said. */
#ifndef SL_LINALG_VECTOR_H
#define SL_LINALG_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* y ← y + a·x */
void sl_vector_axpy(size_t n, float a, const float *x, float *y);
/* out ← a − b (out may be a or b) */
void sl_vector_subtract(size_t n, const float *a, const float *b, float *out);
/* out ← a − b, and whether that has neither NaN nor infinity; no overlap */
bool sl_vector_difference(size_t n, const float *a, const float *b, float *out);
/* x ← a·x */
void sl_vector_scale(size_t n, float a, float *x);
/* Σ x_k·y_k, ‖x‖² and ‖a−b‖² in double lanes */
double sl_vector_dot(size_t n, const float *x, const float *y);
double sl_vector_square(size_t n, const float *x);
double sl_vector_distance(size_t n, const float *a, const float *b);
/* max |x_k|; 0 for n = 0. The vector must hold no NaN. */
float sl_vector_largest(size_t n, const float *x);
/* How many x_k are not exactly zero. */
size_t sl_vector_nonzero(size_t n, const float *x);
/* No NaN, no infinity. */
bool sl_vector_finite(size_t n, const float *x);

/* x ← x + c·(b − a), returning ‖b − a‖²: one edge's mixing step (CHOCO-GOSSIP, Koloskova et al. 2019, Alg.
 * 1). Swapping a and b gives the bitwise opposite increment, which is what keeps the mean of all peers. */
double sl_vector_mix(size_t n, float c, const float *a, const float *b, float *x);

/* Several such steps in one pass, with the same bits as one after the other; square[t] ← ‖b − a‖² of term t.
 */
enum { SL_MIX_TERMS = 8 };
struct sl_mix_term {
	float c;
	const float *a, *b;
};
void sl_vector_mix_all(size_t n, unsigned terms, const struct sl_mix_term *, float *x, double *square);

/* x_k ← sign(x_k)·max(|x_k| − t, 0), t ≥ 0: prox of t‖·‖₁. Results are never −0. */
void sl_vector_soft_threshold(size_t n, float t, float *x);

/* Digest of a vector: Σ_k mix64(k<<32 | bits(x_k)) mod 2⁶⁴, k counted from `offset`. A sum, so that it can be
 * kept up in O(changed): subtract the old term, add the new one. */
uint64_t sl_vector_digest(size_t n, uint64_t offset, const float *x);
uint64_t sl_digest_term(uint64_t k, float v);

/* C ← alpha·op(A)·op(B) + beta·C, row-major, single-threaded BLAS. op is transposition where the flag is set.
 * op(A) is m×k, op(B) is k×n, C is m×n; lda, ldb, ldc are row strides of the matrices as stored. */
void sl_matrix_multiply(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                        const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                        size_t ldc);

/* Binds BLAS to one thread and returns the name of its kernel ("Haswell", "SkylakeX" …), which decides the
 * last bits of matrix products and so is recorded with a run. Call once before any product. */
const char *sl_blas_start(void);

#endif
