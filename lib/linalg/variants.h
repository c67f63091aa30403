/* variants.h — function multiversioning: one body, compiled for plain x86-64, AVX2 and AVX-512; the loader
 * picks.
 *
 * Only for kernels without reassociation, so that whichever variant runs gives the same bits
 * (-ffp-contract=off keeps fused multiply-adds out). Empty where it cannot work: clang 14 has no
 * target_clones, and sanitizers do not survive the resolvers that run before them. */
#ifndef SL_LINALG_VARIANTS_H
#define SL_LINALG_VARIANTS_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&     \
    !defined(__SANITIZE_THREAD__) && !defined(SL_NO_VARIANTS)
#define SL_VARIANTS __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define SL_VARIANTS
#endif

#endif
