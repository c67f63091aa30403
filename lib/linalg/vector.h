/* vector.h — dense kernels over float vectors.
 *
 * Every kernel gives identical bits on every machine and in every compiled variant (variants.h): element-wise
 * kernels are not reassociated, and reductions use a fixed number of lanes, added in a fixed order. Lengths count
 * elements. Pointers need no alignment. Vectors must not overlap unless stated. */
#ifndef SL_LINALG_VECTOR_H
#define SL_LINALG_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* y ← y + a·x */
void sl_vector_axpy(size_t n, float a, const float *x, float *y);
/* out ← a − b (out may be a or b) */
void sl_vector_subtract(size_t n, const float *a, const float *b, float *out);
/* out ← a − b; returns whether all of it is finite; no overlap */
bool sl_vector_difference(size_t n, const float *a, const float *b, float *out);
/* x ← a·x */
void sl_vector_scale(size_t n, float a, float *x);
/* Σ x_k·y_k, ‖x‖² and ‖a − b‖², summed in double precision */
double sl_vector_dot(size_t n, const float *x, const float *y);
double sl_vector_square(size_t n, const float *x);
double sl_vector_distance(size_t n, const float *a, const float *b);
/* Σ |x_k| in double lanes */
double sl_vector_absolute(size_t n, const float *x);
/* max |x_k|; 0 for n = 0. The vector must hold no NaN. */
float sl_vector_largest(size_t n, const float *x);
/* Number of x_k that are not zero. */
size_t sl_vector_nonzero(size_t n, const float *x);
/* Whether x has neither NaN nor infinity. */
bool sl_vector_finite(size_t n, const float *x);

/* x ← x + c·(b − a); returns ‖b − a‖². The mixing step of one edge (CHOCO-GOSSIP, Koloskova et al. 2019, Alg. 1).
 * Swapping a and b gives the bitwise opposite increment, so the mean over all peers is preserved. */
double sl_vector_mix(size_t n, float c, const float *a, const float *b, float *x);

/* Several such steps in one pass, with the same bits as in sequence; square[t] ← ‖b − a‖² of term t. */
enum { SL_MIX_TERMS = 8 };
struct sl_mix_term {
	float c;
	const float *a, *b;
};
void sl_vector_mix_all(size_t n, unsigned terms, const struct sl_mix_term *, float *x, double *square);

/* x_k ← sign(x_k)·max(|x_k| − t, 0), t ≥ 0: prox of t‖·‖₁. Results are never −0. */
void sl_vector_soft_threshold(size_t n, float t, float *x);

/* The same two, and Σ |x_k|, over parts of a vector, so that a part is still in the cache when the next operation comes
 * to it; all with the bits of the whole. Sums stand in lanes, zero before the first part: element k of the whole in lane
 * k mod SL_LANES. sl_vector_lanes adds them up. */
enum { SL_LANES = 16 };
double sl_vector_lanes(const double lane[static SL_LANES]);
/* Elements at … at + n of every vector; `at` is a multiple of SL_LANES. lane[t] gets the squares of term t. */
void sl_vector_mix_part(size_t n, size_t at, unsigned terms, const struct sl_mix_term *, float *x,
                        double (*lane)[SL_LANES]);
/* The n elements at x, below 2³², the first of which is element `at` of the whole. t = 0: they stay as they are. Returns how
 * many are not zero then. */
size_t sl_vector_shrink_part(size_t n, size_t at, float t, float *x, double lane[static SL_LANES]);

/* Digest of a vector: Σ_k mix64(k<<32 | bits(x_k)) mod 2⁶⁴, k counted from `offset`. As a sum it can be updated
 * in O(changed coordinates): subtract the old term, add the new one. */
uint64_t sl_vector_digest(size_t n, uint64_t offset, const float *x);
uint64_t sl_digest_term(uint64_t k, float v);

/* C ← alpha·op(A)·op(B) + beta·C, row-major, single-threaded BLAS. op transposes if the flag is set.
 * op(A) is m×k, op(B) is k×n, C is m×n; lda, ldb, ldc are row strides of the matrices as stored. */
void sl_matrix_multiply(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                        const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                        size_t ldc);

/* Restricts BLAS to one thread and returns the name of its kernel ("Haswell", "SkylakeX" …). The kernel decides the
 * last bits of matrix products, so it is recorded with a run. Call once before any product. */
const char *sl_blas_start(void);

#endif
