/* blas.h — which of its matrix kernels OpenBLAS uses, and whether that one multiplies right.
 *
 * OpenBLAS picks a kernel by a table of processor models when it is loaded, and takes its slowest one where it
 * does not know the model. The choice here is by what the processor can do, so that machines with the same
 * features compute the same bits, whatever their model. A program makes it through the environment variable
 * OPENBLAS_CORETYPE, before the library is loaded: daemon/run/blas.h. */
#ifndef SL_LINALG_BLAS_H
#define SL_LINALG_BLAS_H

#include "base/error.h"

/* The fastest kernel that this processor can run (place 0), then the slower ones; NULL after the last. No
 * kernel at all where the choice is left to OpenBLAS: not on x86-64, or in a build with a single kernel. */
const char *sl_blas_kernel(unsigned place);

/* Whether this processor has the instructions of this kernel; a name that is not known here counts as one that
 * needs none. */
bool sl_blas_runs(const char *kernel);

/* The kernel in use is this one (NULL: any), and its products of a few shapes are those of a plain loop, bit
 * for bit: the factors are such that no order of additions rounds. */
enum sl_status sl_blas_check(const char *kernel, struct sl_error *);

/* "0.3.21", or "unknown". */
const char *sl_blas_version(char text[static 16]);

#endif
