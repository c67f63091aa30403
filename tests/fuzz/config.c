/* run.conf from anywhere: refused with one line, or accepted and then printed as a text that parses back to
 * itself. */
#include "daemon/run/config.h"
#include "daemon/run/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static enum sl_status load(struct sl_config *config, const void *bytes, size_t length, struct sl_error *error)
{
	char path[64];
	int fd = memfd_create("run.conf", MFD_CLOEXEC);
	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum sl_status status = sl_config_load(config, path, NULL, error);
	close(fd);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct sl_config config;
	static char first[16384], second[16384];
	struct sl_error error = { 0 };
	if (load(&config, bytes, length, &error) != SL_OK) {
		SL_CHECK(error.text[0] && !strchr(error.text, '\n'));
		return 0;
	}
	SL_CHECK(sl_run_settings_print(&config.settings, SL_SCOPES_ALL, first, sizeof first) < sizeof first);
	SL_CHECK(load(&config, first, strlen(first), &error) == SL_OK);
	SL_CHECK(sl_run_settings_print(&config.settings, SL_SCOPES_ALL, second, sizeof second) <
	         sizeof second);
	SL_CHECK(strcmp(first, second) == 0);
	return 0;
}
