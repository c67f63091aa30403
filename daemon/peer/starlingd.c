/* starlingd.c — one peer in the foreground. */
#include "daemon/peer/daemon.h"
#include "daemon/peer/exposed.h"
#include "daemon/run/local.h"
#include "daemon/run/process.h"
#include "gossip/frame.h"
#include "history/library.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_MISCONFIGURED = 2, EXIT_DIVERGED = 3, OVERRIDES_MAX = 64 };

static const char usage[] =
    "usage: starlingd -r RUN/run.conf -p K [-n] [-v] [--set section.key=value]...\n"
    "       starlingd -r RUN/run.conf -p K --reload\n"
    "       starlingd -V | --help\n"
    "\n"
    "Runs peer K of a run in the foreground until the run is finished or SIGTERM asks it to stop.\n"
    "\n"
    "  -r, --run FILE         the run's configuration (or its folder, which holds run.conf)\n"
    "  -p, --peer K           number of the peer in the roster\n"
    "  -n, --check            check everything, print the effective configuration, and exit\n"
    "      --reload           make the peer K that runs here read its roster again, and wait until it has\n"
    "      --set SECTION.KEY=VALUE  override a key of the configuration; may be repeated\n"
    "  -v, --verbose          log more\n"
    "  -V, --version          print the versions of starlingd, its wire format and its libraries\n"
    "  -h, --help             this text\n"
    "\n"
    "The peer's identity is RUN/keys/K.key, or $CREDENTIALS_DIRECTORY/identity where that is set. Relative paths\n"
    "that are written start at $STATE_DIRECTORY where that is set, else at the folder of run.conf.\n"
    "SIGUSR1 logs a line on what the peer is doing.\n"
    "\n"
    "Exit status: 0 finished, or asked to stop; 1 failed; 2 misconfigured: a restart would not help.\n";

struct options {
	struct sl_daemon_options daemon;
	char *overrides[OVERRIDES_MAX + 1];
	unsigned override_count;
	char file[4096];
	bool check, reload, verbose, peer_given;
	int exit_code; /* −1: go on */
};

static int fail(const struct sl_error *error, int code)
{
	sl_log(SL_LEVEL_ERROR, "%s", error->text);
	return code;
}

static int misuse(const char *what, const char *word)
{
	fprintf(stderr, "starlingd: %s%s\nTry starlingd --help.\n", what, word);
	return EXIT_MISCONFIGURED;
}

static int print_versions(void)
{
	struct sl_error error;
	char zmq[16];
	enum sl_status status = sl_net_library(zmq, &error);
	printf("starlingd %s\nwire format %d\nlibzmq %s\nlibsodium %s\nSQLite %s\n", SL_VERSION,
	       SL_WIRE_VERSION, zmq, sodium_version_string(), sl_history_library());
	return status == SL_OK ? EXIT_OK : fail(&error, EXIT_FAILED);
}

static bool parse_peer(const char *text, uint32_t *peer)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	*peer = (uint32_t)v;
	return text[0] >= '0' && text[0] <= '9' && !*end && v < SL_PEERS_MAX;
}

static void take_file(struct options *o, const char *path)
{
	struct stat about;
	bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
	snprintf(o->file, sizeof o->file, "%s%s", path, folder ? "/run.conf" : "");
	o->daemon.file = o->file;
}

/* Takes one option; the exit code, or −1 to go on. */
static int take(struct options *o, int option, char *argument)
{
	switch (option) {
	case 'r':
		take_file(o, argument);
		return -1;
	case 'p':
		o->peer_given = true;
		return parse_peer(argument, &o->daemon.peer)
		           ? -1
		           : misuse("-p needs the number of a peer, not ", argument);
	case 'n':
		o->check = true;
		return -1;
	case 'v':
		o->verbose = true;
		return -1;
	case 'R':
		o->reload = true;
		return -1;
	case 's':
		if (o->override_count == OVERRIDES_MAX)
			return misuse("too many --set", "");
		o->overrides[o->override_count++] = argument;
		return -1;
	case 'V':
		return print_versions();
	case 'h':
		fputs(usage, stdout);
		return EXIT_OK;
	case ':':
		return misuse("an argument is missing behind ", argument);
	default:
		return misuse("unknown option ", argument);
	}
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option names[] = { { "run", required_argument, NULL, 'r' },
		                               { "peer", required_argument, NULL, 'p' },
		                               { "check", no_argument, NULL, 'n' },
		                               { "set", required_argument, NULL, 's' },
		                               { "verbose", no_argument, NULL, 'v' },
		                               { "version", no_argument, NULL, 'V' },
		                               { "reload", no_argument, NULL, 'R' },
		                               { "help", no_argument, NULL, 'h' },
		                               { 0 } };
	memset(o, 0, sizeof *o);
	o->daemon.overrides = o->overrides;
	for (int option; (option = getopt_long(argc, argv, ":r:p:nvVh", names, NULL)) != -1;) {
		bool bad = option == ':' || option == '?';
		int code = take(o, option, bad ? argv[optind - 1] : optarg);
		if (code >= 0)
			return code;
	}
	if (optind < argc)
		return misuse("unexpected argument ", argv[optind]);
	if (!o->daemon.file)
		return misuse("-r RUN/run.conf is missing", "");
	return o->peer_given ? -1 : misuse("-p K is missing", "");
}

/* OpenBLAS starts its threads before main, with signals unblocked, and one thread a peer is what we want: it
 * must see this in its environment when it is loaded. */
static void bind_blas_to_one_thread(char **argv)
{
	char self[4096];
	const char *threads = getenv("OPENBLAS_NUM_THREADS");
	if (threads && strcmp(threads, "1") == 0)
		return;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0 || setenv("OPENBLAS_NUM_THREADS", "1", 1) != 0)
		return;
	self[n] = '\0';
	execv(self, argv); /* if it fails: some idle threads more */
}

/* What cannot be helped by starting again is a misconfiguration. */
static int code_of(const struct sl_error *error, bool opening)
{
	bool passing = error->status == SL_NO_MEMORY ||
	               (opening && (error->status == SL_IO || error->status == SL_REFUSED));
	return passing ? EXIT_FAILED : EXIT_MISCONFIGURED;
}

/* libzmq looks up this machine's interfaces before it listens, and aborts where it may not. */
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

static int run(const struct options *o)
{
	static struct sl_daemon daemon;
	struct sl_error error = { 0 };
	if (sl_daemon_check(&daemon, &o->daemon, &error) != SL_OK || check_netlink(&error) != SL_OK)
		return fail(&error, code_of(&error, false));
	sl_exposed_warn(&daemon.run, daemon.number);
	if (o->check) {
		fputs(daemon.run.printed, stdout);
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

/* The service manager gives the process number of the peer, in case its socket cannot be reached. */
static int reload(const struct options *o)
{
	struct sl_error error = { 0 };
	const char *main_pid = getenv("MAINPID");
	enum sl_status status = sl_local_reload(o->daemon.file, o->daemon.peer,
	                                        main_pid ? strtoll(main_pid, NULL, 10) : 0, &error);
	if (status == SL_OK)
		return EXIT_OK;
	return fail(&error, status == SL_IO ? EXIT_FAILED : EXIT_MISCONFIGURED);
}

int main(int argc, char **argv)
{
	static struct options options;
	static char name[32];
	bind_blas_to_one_thread(argv);
	sl_process_start();
	sl_daemon_block_signals();
	sl_log_name("starlingd");
	int code = parse(&options, argc, argv);
	if (code >= 0)
		return sl_process_end("starlingd", code);
	snprintf(name, sizeof name, "starlingd[%" PRIu32 "]", options.daemon.peer);
	sl_log_name(name);
	sl_log_level(options.verbose ? SL_LEVEL_INFO : SL_LEVEL_NOTICE);
	return sl_process_end("starlingd", options.reload ? reload(&options) : run(&options));
}
