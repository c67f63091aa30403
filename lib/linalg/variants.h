/* variants.h — function multiversioning: one function body, compiled for plain x86-64, AVX2 and AVX-512; the
 * dynamic loader selects a variant.
 *
 * Use it only for kernels without reassociation: then all variants give the same bits (-ffp-contract=off excludes
 * fused multiply-adds). Empty where it is not available: clang 14 has no target_clones, and resolvers would run
 * before the sanitizers are initialised. */
#ifndef SL_LINALG_VARIANTS_H
#define SL_LINALG_VARIANTS_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&     \
    !defined(__SANITIZE_THREAD__) && !defined(SL_NO_VARIANTS)
#define SL_VARIANTS __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define SL_VARIANTS
#endif

/* The same, vectorised: gcc's -O2 leaves most loops of unknown length as they are. */
#if defined(__GNUC__) && !defined(__clang__)
#define SL_KERNEL SL_VARIANTS __attribute__((optimize("O3")))
#else
#define SL_KERNEL
#endif

#endif
