/* host.c — what starling doctor finds about the machine: clock, file descriptors, matrix kernels, the unit. */
#include "daemon/cli/doctor/doctor.h"
#include "linalg/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_clock(struct sl_doctor *d)
{
	struct timex about = { 0 };
	if (adjtimex(&about) < 0)
		sl_doctor_say(d, SL_FINDING_UNKNOWN, "clock", NULL, "its state cannot be read: %s",
		              strerror(errno));
	else if (about.status & STA_UNSYNC)
		sl_doctor_say(
		    d, SL_FINDING_WARNING, "clock",
		    "install systemd-timesyncd or chrony; learning does not depend on the clock",
		    "it is not synchronised: times in the histories of several hosts cannot be compared");
	else
		sl_doctor_say(d, SL_FINDING_OK, "clock", NULL, "synchronised");
}

/* The unit sets its own limit; what a peer needs itself is checked when it starts. */
static void check_descriptors(struct sl_doctor *d)
{
	enum { FEW = 1024 };
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	if (!d->unit && files.rlim_max < FEW)
		sl_doctor_say(d, SL_FINDING_WARNING, "descriptors", "raise the hard limit (ulimit -Hn)",
		              "at most %llu files may be open; a peer with many neighbours needs more",
		              (unsigned long long)files.rlim_max);
	else
		sl_doctor_say(d, SL_FINDING_OK, "descriptors", NULL, "%llu files may be open",
		              (unsigned long long)files.rlim_max);
}

void sl_doctor_host(struct sl_doctor *d)
{
	check_clock(d);
	check_descriptors(d);
	sl_doctor_say(d, SL_FINDING_OK, "kernels", NULL, "matrix products by OpenBLAS, %s", sl_blas_start());
}

/* Starts systemctl without a shell; returns the descriptor of its output, or -1. */
static int start_systemctl(const char *verb, const char *unit, pid_t *child)
{
	char *const argv[] = { (char *)"systemctl", (char *)verb, (char *)unit, NULL };
	posix_spawn_file_actions_t files;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	int failure = posix_spawnp(child, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(ends[1]);
	if (failure == 0)
		return ends[0];
	close(ends[0]);
	return -1;
}

/* The first line that systemctl prints: "enabled", "active", …; empty if it cannot be run. */
static void ask_systemctl(const char *verb, uint32_t peer, char answer[static 64])
{
	char unit[64];
	pid_t child;
	ssize_t got;
	size_t length = 0;
	snprintf(unit, sizeof unit, "starlingd@%" PRIu32, peer);
	answer[0] = '\0';
	int from = start_systemctl(verb, unit, &child);
	if (from < 0)
		return;
	while (length < 63 && (got = read(from, answer + length, 63 - length)) > 0)
		length += (size_t)got;
	answer[length] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	close(from);
	waitpid(child, NULL, 0);
}

void sl_doctor_unit(struct sl_doctor *d, uint32_t peer)
{
	char enabled[64], active[64], about[32], remedy[96];
	snprintf(about, sizeof about, "unit %" PRIu32, peer);
	ask_systemctl("is-enabled", peer, enabled);
	ask_systemctl("is-active", peer, active);
	if (!*enabled && !*active) {
		sl_doctor_say(d, SL_FINDING_UNKNOWN, about, NULL, "systemd does not answer here");
		return;
	}
	bool failed = strcmp(active, "failed") == 0;
	if (strcmp(enabled, "enabled") == 0 && !failed) {
		sl_doctor_say(d, SL_FINDING_OK, about, NULL, "%s, %s", enabled, active);
		return;
	}
	if (failed)
		snprintf(remedy, sizeof remedy, "journalctl -u starlingd@%" PRIu32 " says why", peer);
	else
		snprintf(remedy, sizeof remedy, "systemctl enable --now starlingd@%" PRIu32, peer);
	sl_doctor_say(d, failed ? SL_FINDING_FAULT : SL_FINDING_WARNING, about, remedy, "%s, %s%s",
	              *enabled ? enabled : "not installed", active,
	              failed ? "" : ": the peer does not come back after a reboot");
}
