#include "daemon/run/blas.h"

#include "base/log.h"
#include "linalg/blas.h"
#include "linalg/vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Read by OpenBLAS; and the value of it that was chosen here, not by the user. */
static const char threads_of[] = "OPENBLAS_NUM_THREADS", kernel_of[] = "OPENBLAS_CORETYPE",
                  choice_of[] = "STARLING_BLAS_CHOICE";

/* An empty value counts as none, also for OpenBLAS: it would take it for a name that it does not know. */
static const char *value_of(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

static bool set_by_user(void)
{
	const char *kernel = value_of(kernel_of), *choice = value_of(choice_of);
	return kernel && !(choice && strcmp(kernel, choice) == 0);
}

/* Returns where that is not possible. */
static void start_again(char **argv)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return;
	self[n] = '\0';
	execv(self, argv);
}

static bool choose(const char *kernel)
{
	return setenv(kernel_of, kernel, 1) == 0 && setenv(choice_of, kernel, 1) == 0;
}

static void bind(char **argv)
{
	const char *threads = value_of(threads_of), *kernel = sl_blas_kernel(0);
	bool threads_missing = !threads || strcmp(threads, "1") != 0;
	bool kernel_missing = !value_of(kernel_of) && kernel;
	if (!threads_missing && !kernel_missing)
		return;
	if ((!threads_missing || setenv(threads_of, "1", 1) == 0) && (!kernel_missing || choose(kernel)))
		start_again(argv);
	if (kernel_missing) /* the one in use is OpenBLAS's own */
		unsetenv(kernel_of);
}

/* The kernel that is one step slower; NULL where there is none. */
static const char *next_after(const char *kernel)
{
	const char *at;
	for (unsigned i = 0; (at = sl_blas_kernel(i)) != NULL; i++)
		if (strcmp(at, kernel) == 0)
			return sl_blas_kernel(i + 1);
	return NULL;
}

static enum sl_status check_user(const char *kernel, struct sl_error *error)
{
	struct sl_error why;
	if (!sl_blas_runs(kernel))
		sl_fail(&why, SL_UNSUPPORTED, "this processor lacks instructions of the matrix kernel %s",
		        kernel);
	else if (sl_blas_check(kernel, &why) == SL_OK)
		return SL_OK;
	const char *better = sl_blas_kernel(0);
	return sl_fail(error, why.status, "%s=%s: %s; unset it%s%s", kernel_of, kernel, why.text,
	               better ? ", or set it to " : "", better ? better : "");
}

enum sl_status sl_blas_settle(char **argv, struct sl_error *error)
{
	bind(argv);
	const char *kernel = value_of(kernel_of);
	if (kernel && set_by_user())
		return check_user(kernel, error);
	enum sl_status status = sl_blas_check(kernel, error);
	const char *next = status != SL_OK && kernel ? next_after(kernel) : NULL;
	if (next && choose(next)) {
		sl_log(SL_LEVEL_WARNING, "%s; %s is used instead", error->text, next);
		start_again(argv);
	}
	return status;
}

const char *sl_blas_describe(char text[static SL_BLAS_TEXT])
{
	char version[16];
	snprintf(text, SL_BLAS_TEXT, "OpenBLAS %s, matrix kernel %s, %s", sl_blas_version(version),
	         sl_blas_start(),
	         set_by_user()         ? "set by OPENBLAS_CORETYPE"
	         : value_of(kernel_of) ? "chosen for this processor"
	                               : "chosen by OpenBLAS");
	return text;
}
