/* Dense kernels: against plain loops, bit for bit where rounding is fixed, and across compiled variants. */
#include "base/random.h"
#include "linalg/blas.h"
#include "linalg/mask.h"
#include "linalg/sparse.h"
#include "linalg/vector.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LENGTH = 1000 };
static const size_t lengths[] = { 0, 1, 15, 16, 17, 63, 64, 65, 333, LENGTH };
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static uint32_t bits_of(float v)
{
	uint32_t b;
	memcpy(&b, &v, sizeof b);
	return b;
}

static void fill(float *x, uint64_t seed)
{
	struct sl_random g = sl_random_stream(seed, 0, "vector", 0);
	for (size_t i = 0; i < LENGTH; i++) {
		float u = sl_random_unit(&g);
		x[i] = u < 0.1F    ? 0
		       : u < 0.15F ? -0.0F
		       : u < 0.2F  ? 1e-41F
		                   : (float)sl_random_normal(&g) * powf(10, 6 * u - 3);
	}
}

/* The reduction as the contract has it: sixteen lanes, then halves. */
static double lanes(size_t n, const double *term)
{
	double lane[16] = { 0 };
	for (size_t k = 0; k < n; k++)
		lane[k % 16] += term[k];
	for (int width = 8; width > 0; width /= 2)
		for (int l = 0; l < width; l++)
			lane[l] += lane[l + width];
	return lane[0];
}

static void same(size_t n, const float *a, const float *b)
{
	assert_memory_equal(a, b, n * sizeof *a);
}

/* The expectations are computed one element at a time through volatile: no vector instruction, no fused
 * operation. */
static void test_elementwise(void **state)
{
	(void)state;
	static float x[LENGTH], y[LENGTH], out[LENGTH], expected[LENGTH];
	fill(x, 1);
	for (int i = 0; i < LENGTHS; i++) {
		size_t n = lengths[i];
		volatile float a = 0.3F;
		fill(y, 2);
		for (size_t k = 0; k < n; k++) {
			volatile float product = a * x[k];
			expected[k] = y[k] + product;
		}
		sl_vector_axpy(n, a, x, y);
		same(n, y, expected);
		fill(y, 3);
		for (size_t k = 0; k < n; k++)
			expected[k] = x[k] - y[k];
		sl_vector_subtract(n, x, y, out);
		same(n, out, expected);
		sl_vector_subtract(n, x, y, y); /* in place */
		same(n, y, expected);
		memcpy(y, x, sizeof y);
		for (size_t k = 0; k < n; k++)
			expected[k] = a * x[k];
		sl_vector_scale(n, a, y);
		same(n, y, expected);
		assert_memory_equal(y + n, x + n, (LENGTH - n) * sizeof *y); /* nothing beyond the end */
	}
}

static void test_reductions(void **state)
{
	(void)state;
	static float x[LENGTH], y[LENGTH];
	static double term[LENGTH];
	fill(x, 4);
	fill(y, 5);
	for (int i = 0; i < LENGTHS; i++) {
		size_t n = lengths[i], nonzero = 0;
		float largest = 0;
		uint64_t digest = 0;
		for (size_t k = 0; k < n; k++) {
			term[k] = (double)x[k] * (double)y[k];
			nonzero += x[k] != 0;
			largest = fmaxf(largest, fabsf(x[k]));
			digest += sl_digest_term(7 + k, x[k]);
		}
		assert_true(sl_vector_dot(n, x, y) == lanes(n, term));
		for (size_t k = 0; k < n; k++)
			term[k] = (double)x[k] * (double)x[k];
		assert_true(sl_vector_square(n, x) == lanes(n, term));
		for (size_t k = 0; k < n; k++)
			term[k] = fabs((double)x[k]);
		assert_true(sl_vector_absolute(n, x) == lanes(n, term));
		for (size_t k = 0; k < n; k++) {
			volatile float difference = x[k] - y[k];
			term[k] = (double)difference * (double)difference;
		}
		assert_true(sl_vector_distance(n, x, y) == lanes(n, term));
		assert_int_equal(sl_vector_nonzero(n, x), nonzero);
		assert_true(sl_vector_largest(n, x) == largest);
		assert_true(sl_vector_digest(n, 7, x) == digest);
	}
}

static void test_mix(void **state)
{
	(void)state;
	static float a[LENGTH], b[LENGTH], x[LENGTH], zero[LENGTH], back[LENGTH], expected[LENGTH];
	static double term[LENGTH];
	fill(a, 6);
	fill(b, 7);
	for (int i = 0; i < LENGTHS; i++) {
		size_t n = lengths[i];
		fill(x, 8);
		for (size_t k = 0; k < n; k++) {
			volatile float difference = b[k] - a[k];
			volatile float increment = 0.17F * difference;
			expected[k] = x[k] + increment;
			term[k] = (double)difference * (double)difference;
		}
		assert_true(sl_vector_mix(n, 0.17F, a, b, x) == lanes(n, term));
		same(n, x, expected);
		memset(zero, 0, sizeof zero);
		memset(back, 0, sizeof back);
		sl_vector_mix(n, 0.17F, a, b, zero);
		sl_vector_mix(n, 0.17F, b, a, back);
		for (size_t k = 0; k < n; k++)
			assert_true(zero[k] == -back[k]); /* what one end gains the other loses */
	}
}

/* In one pass, what one after the other gives. */
static void test_mix_all(void **state)
{
	(void)state;
	static float a[LENGTH], b[SL_MIX_TERMS][LENGTH], x[LENGTH], y[LENGTH];
	fill(a, 16);
	for (int t = 0; t < SL_MIX_TERMS; t++)
		fill(b[t], 17 + (unsigned)t);
	for (int i = 0; i < LENGTHS; i++)
		for (unsigned terms = 1; terms <= SL_MIX_TERMS; terms++) {
			struct sl_mix_term term[SL_MIX_TERMS];
			double square[SL_MIX_TERMS], expected[SL_MIX_TERMS];
			fill(x, 15);
			memcpy(y, x, sizeof y);
			for (unsigned t = 0; t < terms; t++) {
				term[t] =
				    (struct sl_mix_term){ 0.1F * (float)(t + 1), t % 3 ? a : b[0], b[t] };
				expected[t] = sl_vector_mix(lengths[i], term[t].c, term[t].a, term[t].b, y);
			}
			sl_vector_mix_all(lengths[i], terms, term, x, square);
			assert_memory_equal(square, expected, terms * sizeof *square);
			assert_memory_equal(x, y, sizeof x);
		}
}

/* The same over several of the parts that it works in, and a piece of one. */
static void test_mix_long(void **state)
{
	(void)state;
	enum { LONG = 3 * 4096 + 333 };
	static float a[LONG], b[3][LONG], x[LONG], y[LONG];
	struct sl_mix_term term[3];
	double square[3], expected[3];
	for (int k = 0; k < LONG; k++) {
		x[k] = y[k] = (float)(k % 97) / 7;
		a[k] = (float)(k % 89) / 11;
		for (int t = 0; t < 3; t++)
			b[t][k] = (float)(k % (53 + t)) / 13;
	}
	for (int t = 0; t < 3; t++) {
		term[t] = (struct sl_mix_term){ 0.1F * (float)(t + 1), a, b[t] };
		expected[t] = sl_vector_mix(LONG, term[t].c, a, b[t], y);
	}
	sl_vector_mix_all(LONG, 3, term, x, square);
	assert_memory_equal(square, expected, sizeof square);
	assert_memory_equal(x, y, sizeof x);
}

static void test_finite(void **state)
{
	(void)state;
	static float x[LENGTH];
	fill(x, 9);
	x[1] = FLT_MAX;
	for (int i = 0; i < LENGTHS; i++) {
		size_t n = lengths[i];
		assert_true(sl_vector_finite(n, x));
		static float zero[LENGTH], out[LENGTH];
		assert_true(sl_vector_difference(n, x, zero, out));
		same(n, out, x);
		static const float bad[] = { NAN, INFINITY, -INFINITY };
		for (size_t k = 0; k < 3 * n; k++) {
			float keep = x[k / 3];
			x[k / 3] = bad[k % 3];
			assert_false(sl_vector_finite(n, x));
			assert_false(sl_vector_difference(n, x, zero, out));
			x[k / 3] = keep;
		}
	}
}

/* The proximal operator of t|x| is the minimiser of ½(u − x)² + t|u|; exact zeros have one sign. */
static void test_soft_threshold(void **state)
{
	(void)state;
	static float x[LENGTH], y[LENGTH];
	static const float thresholds[] = { 0, 1e-41F, 0.1F, 10 };
	for (size_t i = 0; i < 4; i++) {
		float t = thresholds[i];
		fill(x, 10);
		memcpy(y, x, sizeof y);
		sl_vector_soft_threshold(LENGTH, t, y);
		for (size_t k = 0; k < LENGTH; k++) {
			float magnitude = fabsf(x[k]) > t ? fabsf(x[k]) - t : 0;
			assert_true(y[k] == copysignf(magnitude, x[k]));
			assert_true(bits_of(y[k]) != 0x80000000);
		}
	}
}

/* In parts, what soft threshold and sum give over the whole. */
static void test_shrink_part(void **state)
{
	(void)state;
	static float x[LENGTH], y[LENGTH];
	static const float thresholds[] = { 0, 0.1F };
	static const size_t parts[] = { 1, 7, 16, 50, 333, LENGTH };
	for (size_t i = 0; i < 12; i++) {
		float t = thresholds[i % 2];
		size_t part = parts[i / 2];
		double lane[SL_LANES] = { 0 };
		fill(x, 12);
		memcpy(y, x, sizeof y);
		if (t > 0)
			sl_vector_soft_threshold(LENGTH, t, y);
		size_t nonzero = 0;
		for (size_t at = 0; at < LENGTH; at += part)
			nonzero += sl_vector_shrink_part(at + part < LENGTH ? part : LENGTH - at, at, t,
			                                 x + at, lane);
		assert_int_equal(nonzero, sl_vector_nonzero(LENGTH, y));
		assert_memory_equal(x, y, sizeof x);
		assert_true(sl_vector_lanes(lane) == sl_vector_absolute(LENGTH, y));
	}
}

/* The digest follows single changes, and a moved value changes it. */
static void test_digest(void **state)
{
	(void)state;
	static float x[LENGTH];
	fill(x, 11);
	uint64_t digest = sl_vector_digest(LENGTH, 0, x);
	uint64_t parts = sl_vector_digest(400, 0, x) + sl_vector_digest(LENGTH - 400, 400, x + 400);
	assert_true(digest == parts);
	digest += sl_digest_term(5, 2.5F) - sl_digest_term(5, x[5]);
	x[5] = 2.5F;
	assert_true(digest == sl_vector_digest(LENGTH, 0, x));
	float other = x[6];
	x[6] = x[5];
	x[5] = other;
	assert_true(digest != sl_vector_digest(LENGTH, 0, x));
}

/* Sums as one would write them, the digest of the vector they make, and the one value that must not come. */
static void test_sparse(void **state)
{
	(void)state;
	static float x[LENGTH], value[LENGTH], sum[LENGTH];
	static uint32_t index[LENGTH];
	const float largest = 0x1.fffffep127F;
	for (uint64_t seed = 21; seed < 25; seed++)
		for (uint32_t step = 1; step < 40; step += 7) {
			size_t count = 0;
			fill(x, seed);
			fill(value, seed + 100);
			for (uint32_t k = step / 2; k < LENGTH; k += step) {
				value[count] =
				    count % 5 == 0 ? -x[k] / 0.5F : fminf(fmaxf(value[count], -1e30F), 1e30F);
				index[count++] = k;
			}
			uint64_t digest = sl_vector_digest(LENGTH, 9, x);
			assert_true(sl_sparse_sum(count, index, 0.5F, value, x, 9, sum, &digest));
			for (size_t i = 0; i < count; i++) {
				float expected = x[index[i]] + 0.5F * value[i];
				assert_int_equal(bits_of(sum[i]), expected == 0 ? 0 : bits_of(expected));
			}
			sl_sparse_put(count, index, sum, x);
			assert_true(digest == sl_vector_digest(LENGTH, 9, x));
			x[index[count - 1]] = value[count - 1] = largest;
			assert_false(sl_sparse_sum(count, index, 0.5F, value, x, 9, value, &digest));
		}
}

static void test_masks(void **state)
{
	(void)state;
	static float x[LENGTH];
	static uint64_t mask[LENGTH / 64 + 1];
	static uint32_t position[LENGTH + 4];
	static const uint32_t thresholds[] = { 0, 1, 0x3f800000, 0x7f800000 };
	fill(x, 12);
	for (int i = 0; i < LENGTHS * 4; i++) {
		size_t n = lengths[i / 4];
		uint32_t threshold = thresholds[i % 4], count = 0;
		memset(mask, 0xa5, sizeof mask);
		sl_mask_reach(n, x, threshold, mask);
		for (size_t k = 0; k < (n + 63) / 64 * 64; k++) {
			bool reaches = k < n && (bits_of(x[k]) & 0x7fffffff) >= threshold;
			assert_int_equal(mask[k / 64] >> k % 64 & 1, reaches);
		}
		uint32_t found = sl_mask_positions((n + 63) / 64, mask, position);
		for (size_t k = 0; k < n; k++)
			if (mask[k / 64] >> k % 64 & 1)
				assert_int_equal(position[count++], k);
		assert_int_equal(found, count);
		static uint32_t at[LENGTH + 16], what[LENGTH + 16];
		static float zero[LENGTH];
		for (int which = 0; which < 4; which++) {
			bool finite = false, portable = which % 2;
			const float *y = which / 2 ? zero : NULL;
			found = (portable ? sl_mask_collect_portable : sl_mask_collect)(n, x, y, threshold,
			                                                                at, what, &finite);
			assert_true(finite);
			assert_int_equal(found, count);
			for (uint32_t k = 0; k < count; k++) {
				assert_int_equal(at[k], position[k]);
				assert_int_equal(what[k], bits_of(x[position[k]] - (y ? 0.0F : 0)));
			}
			found =
			    (portable ? sl_mask_keep_portable : sl_mask_keep)(found, 0x3f8ccccd, at, what);
			uint32_t of = 0;
			for (uint32_t k = 0; k < count; k++) {
				if ((bits_of(x[position[k]]) & 0x7fffffff) < 0x3f8ccccd)
					continue;
				assert_true(of < found && at[of] == position[k]);
				assert_int_equal(what[of++], bits_of(x[position[k]] - (y ? 0.0F : 0)));
			}
			assert_int_equal(of, found);
			if (n == 0)
				continue;
			float keep = x[n - 1];
			x[n - 1] = which / 2 ? -INFINITY : NAN;
			(portable ? sl_mask_collect_portable : sl_mask_collect)(n, x, y, threshold, at, what,
			                                                        &finite);
			assert_false(finite);
			x[n - 1] = keep;
		}
		struct sl_mask_variant variants[4];
		static uint64_t other[LENGTH / 64 + 1];
		for (const struct sl_mask_variant *v = sl_mask_variants(variants); v->reach; v++) {
			if (!v->supported)
				continue;
			v->reach(n / 64, (const uint8_t *)x, threshold, other);
			assert_memory_equal(other, mask, n / 64 * sizeof *mask);
		}
	}
}

/* Of differences; every implementation that this processor has takes the same ones. */
static void test_collected_differences(void **state)
{
	(void)state;
	static float x[LENGTH], y[LENGTH];
	static uint32_t at[2][LENGTH + 16], what[2][LENGTH + 16];
	static const uint32_t thresholds[] = { 0, 1, 0x3f800000, 0x40400000 };
	fill(x, 14);
	fill(y, 15);
	for (int i = 0; i < LENGTHS * 4; i++) {
		size_t n = lengths[i / 4];
		uint32_t count[2], expected = 0, threshold = thresholds[i % 4];
		bool finite[2];
		count[0] = sl_mask_collect(n, x, y, threshold, at[0], what[0], &finite[0]);
		count[1] = sl_mask_collect_portable(n, x, y, threshold, at[1], what[1], &finite[1]);
		assert_true(finite[0] && finite[1]);
		for (size_t k = 0; k < n; k++)
			if ((bits_of(x[k] - y[k]) & 0x7fffffff) >= threshold) {
				for (int w = 0; w < 2; w++) {
					assert_int_equal(at[w][expected], k);
					assert_int_equal(what[w][expected], bits_of(x[k] - y[k]));
				}
				expected++;
			}
		assert_true(count[0] == expected && count[1] == expected);
		for (size_t k = 0; k < n; k += 37) {
			float keep = y[k];
			y[k] = INFINITY;
			sl_mask_collect(n, x, y, threshold, at[0], what[0], &finite[0]);
			assert_false(finite[0]);
			y[k] = keep;
		}
	}
}

static void test_matrix(void **state)
{
	(void)state;
	assert_non_null(sl_blas_start());
	float a[2 * 3] = { 1, 2, 3, 4, 5, 6 }, b[3 * 2] = { 1, 0, 0, 1, 1, 1 }, c[4] = { 1, 1, 1, 1 };
	sl_matrix_multiply(false, false, 2, 2, 3, 1, a, 3, b, 2, 2, c, 2); /* [[4 5] [10 11]] + 2 */
	assert_true(c[0] == 6 && c[1] == 7 && c[2] == 12 && c[3] == 13);
	float d[9];
	sl_matrix_multiply(true, true, 3, 3, 2, 1, a, 3, b, 2, 0, d, 3); /* aᵀ·bᵀ, row 0: (1 4)·bᵀ = 1 4 5 */
	assert_true(d[0] == 1 && d[1] == 4 && d[2] == 5 && d[8] == 9);
}

/* The fastest first, each one that this machine can run; the one in use multiplies right. */
static void test_matrix_kernels(void **state)
{
	(void)state;
	struct sl_error error;
	const char *at, *before = NULL;
	for (unsigned i = 0; (at = sl_blas_kernel(i)) != NULL; i++) {
		assert_true(sl_blas_runs(at));
		assert_true(!before || strcmp(at, before) != 0);
		before = at;
	}
	assert_true(sl_blas_runs("no such kernel"));
	assert_int_equal(sl_blas_check(NULL, &error), SL_OK);
	assert_int_equal(sl_blas_check(sl_blas_start(), &error), SL_OK);
	assert_int_equal(sl_blas_check("no such kernel", &error), SL_NOT_FOUND);
	assert_non_null(strstr(error.text, "no such kernel"));
}

/* Products small and large enough to be cut, either way, against sums of products. */
static void test_large_matrix(void **state)
{
	(void)state;
	static const size_t sizes[][3] = {
		{ 32, 129, 300 }, { 301, 128, 33 }, { 200, 200, 70 }, { 3, 5, 7 }
	};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int how = 0; how < 4; how++) {
			bool ta = how & 1, tb = how & 2;
			size_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
			size_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 2, ldc = n + 1;
			float *a = malloc((ta ? k : m) * lda * sizeof *a),
			      *b = malloc((tb ? n : k) * ldb * sizeof *b);
			float *c = malloc(m * ldc * sizeof *c);
			struct sl_random g = sl_random_stream(i, 0, "matrix", (uint64_t)how);
			for (size_t at = 0; at < (ta ? k : m) * lda; at++)
				a[at] = sl_random_unit(&g) - 0.5F;
			for (size_t at = 0; at < (tb ? n : k) * ldb; at++)
				b[at] = sl_random_unit(&g) - 0.5F;
			for (size_t at = 0; at < m * ldc; at++)
				c[at] = (float)(at % 5);
			sl_matrix_multiply(ta, tb, m, n, k, 0.5F, a, lda, b, ldb, 1, c, ldc);
			for (size_t r = 0; r < m; r++) {
				for (size_t s = 0; s < n; s++) {
					double sum = (double)((r * ldc + s) % 5);
					for (size_t l = 0; l < k; l++)
						sum += 0.5 * (double)(ta ? a[l * lda + r] : a[r * lda + l]) *
						       (double)(tb ? b[s * ldb + l] : b[l * ldb + s]);
					assert_true(fabs((double)c[r * ldc + s] - sum) < 1e-4);
				}
				assert_true(c[r * ldc + n] == (float)((r * ldc + n) % 5));
			}
			free(a);
			free(b);
			free(c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elementwise),
		cmocka_unit_test(test_reductions),
		cmocka_unit_test(test_mix),
		cmocka_unit_test(test_mix_all),
		cmocka_unit_test(test_mix_long),
		cmocka_unit_test(test_finite),
		cmocka_unit_test(test_soft_threshold),
		cmocka_unit_test(test_shrink_part),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_collected_differences),
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_matrix_kernels),
		cmocka_unit_test(test_large_matrix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
