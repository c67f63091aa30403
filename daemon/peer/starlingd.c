/* starlingd.c — one peer in the foreground. */
#include "daemon/peer/daemon.h"
#include "daemon/peer/exposed.h"
#include "daemon/run/blas.h"
#include "daemon/run/curvature.h"
#include "daemon/run/local.h"
#include "daemon/run/process.h"
#include "daemon/run/starlingd_usage.h"
#include "gossip/frame.h"
#include "history/library.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_MISCONFIGURED = 2, EXIT_DIVERGED = 3 };

static int fail(const struct sl_error *error, int code)
{
	sl_log(SL_LEVEL_ERROR, "%s", error->text);
	return code;
}

static int print_versions(void)
{
	struct sl_error error;
	char zmq[16], blas[SL_BLAS_TEXT];
	enum sl_status status = sl_net_library(zmq, &error);
	printf("starlingd %s\nwire format %d\nlibzmq %s\nlibsodium %s\nSQLite %s\n%s\n", SL_VERSION,
	       SL_WIRE_VERSION, zmq, sodium_version_string(), sl_history_library(), sl_blas_describe(blas));
	return status == SL_OK ? EXIT_OK : fail(&error, EXIT_FAILED);
}

/* The path of run.conf, also if its folder was given. */
static void find_file(const char *path, char out[static 4096])
{
	struct stat about;
	bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
	snprintf(out, 4096, "%s%s", path, folder ? "/run.conf" : "");
}

/* Returns −1 to continue, else the exit code. */
static int parse(struct sl_starlingd_options *o, int argc, char **argv)
{
	char **operands;
	struct sl_error error;
	int stop = sl_arguments_parse(&sl_starlingd_usage, argc, argv, o, &operands, &error);
	if (stop == 'V')
		return print_versions();
	if (stop == 'h') {
		sl_usage_print(stdout, &sl_starlingd_usage);
		return EXIT_OK;
	}
	if (stop == 0)
		return -1;
	fprintf(stderr, "starlingd: %s (see starlingd --help)\n", error.text);
	return error.status == SL_NO_MEMORY ? EXIT_FAILED : EXIT_MISCONFIGURED;
}

/* An error that a restart does not fix is a misconfiguration. */
static int code_of(const struct sl_error *error, bool opening)
{
	bool passing = error->status == SL_NO_MEMORY ||
	               (opening && (error->status == SL_IO || error->status == SL_REFUSED));
	return passing ? EXIT_FAILED : EXIT_MISCONFIGURED;
}

/* libzmq looks up the interfaces of the machine before it listens, and aborts if it may not. */
static enum sl_status check_netlink(struct sl_error *error)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 && (errno == EAFNOSUPPORT || errno == EPERM || errno == EACCES))
		return sl_fail(
		    error, SL_REFUSED,
		    "netlink sockets are forbidden here, and libzmq cannot listen without them (%s; in a unit: RestrictAddressFamilies=AF_NETLINK)",
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return SL_OK;
}

/* What may be meant, and may not work. */
static void print_notes(const struct sl_daemon *d)
{
	struct sl_curvature curvature = { 0 };
	char note[SL_TEXT_MAX];
	sl_curvature_look(&curvature, &d->run.plan, d->number, &d->shard);
	sl_curvature_note(&curvature, &d->run.plan, note);
	if (d->run.note[0])
		fprintf(stderr, "starlingd: note: %s\n", d->run.note);
	if (note[0])
		fprintf(stderr, "starlingd: note: %s\n", note);
}

static int run(const struct sl_starlingd_options *o, const struct sl_daemon_options *options)
{
	static struct sl_daemon daemon;
	struct sl_error error = { 0 };
	if (sl_daemon_check(&daemon, options, &error) != SL_OK || check_netlink(&error) != SL_OK)
		return fail(&error, code_of(&error, false));
	sl_exposed_warn(&daemon.run, daemon.number);
	if (o->check) {
		fputs(daemon.run.printed, stdout);
		print_notes(&daemon);
		if (daemon.run.plan.gamma_follows)
			printf("# gamma = %g (auto, under roster %u)\n", daemon.run.plan.gamma,
			       daemon.run.roster.serial);
		return EXIT_OK;
	}
	int code;
	if (sl_daemon_open(&daemon, &error) != SL_OK)
		code = fail(&error, code_of(&error, true));
	else
		code = sl_daemon_run(&daemon)        ? EXIT_OK
		       : sl_daemon_diverged(&daemon) ? EXIT_DIVERGED
		                                     : EXIT_FAILED;
	return sl_daemon_close(&daemon, code);
}

/* The service manager passes the process ID of the peer, in case its socket cannot be reached. */
static int reload(const struct sl_daemon_options *o)
{
	struct sl_error error = { 0 };
	const char *main_pid = getenv("MAINPID");
	enum sl_status status =
	    sl_local_reload(o->file, o->peer, main_pid ? strtoll(main_pid, NULL, 10) : 0, &error);
	if (status == SL_OK)
		return EXIT_OK;
	return fail(&error, status == SL_IO ? EXIT_FAILED : EXIT_MISCONFIGURED);
}

static int run_or_reload(const struct sl_starlingd_options *o)
{
	static char name[32], file[4096];
	struct sl_daemon_options options = { file, o->peer, o->set.item };
	find_file(o->run, file);
	snprintf(name, sizeof name, "starlingd[%" PRIu32 "]", o->peer);
	sl_log_name(name);
	sl_log_level(o->verbose ? SL_LEVEL_INFO : SL_LEVEL_NOTICE);
	return o->reload ? reload(&options) : run(o, &options);
}

int main(int argc, char **argv)
{
	static struct sl_starlingd_options options;
	struct sl_error error;
	sl_process_start();
	sl_log_name("starlingd");
	if (sl_blas_settle(argv, &error) != SL_OK)
		return sl_process_end("starlingd", fail(&error, EXIT_MISCONFIGURED));
	sl_daemon_block_signals();
	int code = parse(&options, argc, argv);
	if (code < 0)
		code = run_or_reload(&options);
	sl_overrides_free(&options.set);
	return sl_process_end("starlingd", code);
}
