/* blas.h — the matrix kernel of a process, and its one thread: both are settled before OpenBLAS is loaded. */
#ifndef SL_DAEMON_RUN_BLAS_H
#define SL_DAEMON_RUN_BLAS_H

#include "base/error.h"

/* Call at the start of main, with its arguments and before anything is opened. Where the environment does not
 * have what OpenBLAS reads when it is loaded, the program is started again (execv, the same process) with
 * OPENBLAS_NUM_THREADS=1 and OPENBLAS_CORETYPE, the kernel for this processor (linalg/blas.h). Then the kernel
 * is checked; where it is missing or multiplies wrongly the program is started again with the next slower one,
 * and a warning says so. OPENBLAS_CORETYPE from outside takes precedence, and is an error where it cannot be
 * had. Without /proc the kernel remains OpenBLAS's own choice, checked. Child processes inherit the choice. */
enum sl_status sl_blas_settle(char **argv, struct sl_error *);

/* "OpenBLAS 0.3.21, matrix kernel Haswell, chosen for this processor" */
enum { SL_BLAS_TEXT = 160 };
const char *sl_blas_describe(char text[static SL_BLAS_TEXT]);

#endif
