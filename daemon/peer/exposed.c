#include "daemon/peer/exposed.h"

#include "base/log.h"

#include <sys/stat.h>

static void check(const char *path, const char *what)
{
	struct stat about;
	if (stat(path, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & S_IROTH))
		sl_log(SL_LEVEL_WARNING, "%s: every user may read %s (mode %04o); chmod o= it", path, what,
		       (unsigned)about.st_mode & 0777);
}

void sl_exposed_warn(const struct sl_run *p, uint32_t peer)
{
	char path[4096];
	sl_run_data_path(&p->config, peer, path);
	check(path, "these samples");
	sl_run_data_path(&p->config, SL_RUN_TEST, path);
	check(path, "these samples");
	sl_config_path(&p->config, p->config.settings.host.history, true, path);
	check(path, "this history, which holds projections of the model");
}
