/* command.c — starling watch: a running run, live in the terminal, or as lines. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/common/terminal.h"
#include "daemon/cli/watch/watch.h"
#include "daemon/run/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { SCREEN_US = 500000, LINES_US = 5000000, GIVEN_UP_US = 5000000 };

struct request {
	bool json, plain;
	int64_t interval_us; /* 0: by default */
	uint64_t count;      /* 0: without end */
};

static volatile sig_atomic_t ended, stopped;

static void on_signal(int number)
{
	if (number == SIGTSTP)
		stopped = 1;
	else if (number != SIGWINCH) /* which only wakes up poll */
		ended = 1;
}

static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP };
	struct sigaction action = { .sa_handler = on_signal };
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaction(numbers[i], &action, NULL);
}

/* ---- the terminal ---- */

static struct termios keys;
static bool raw, on_screen;

static void enter(void)
{
	if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &keys) == 0) {
		struct termios t = keys;
		t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
	}
	fputs("\033[?1049h\033[?25l\033[?7l", stdout); /* another screen, no cursor, lines are cut */
	fflush(stdout);
	on_screen = true;
}

static void leave(void)
{
	if (!on_screen)
		return;
	on_screen = false;
	fputs("\033[?7h\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &keys);
	raw = false;
}

static void suspend(void)
{
	stopped = 0;
	leave();
	raise(SIGSTOP);
	enter();
}

static bool draw(const struct sl_watch *w, struct sl_watch_look *look)
{
	struct winsize size = { 0 };
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return false;
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	look->rows = size.ws_row ? size.ws_row : 24;
	look->columns = size.ws_col ? size.ws_col : 80;
	fputs("\033[H", out);
	sl_watch_draw(w, look, out);
	fclose(out);
	bool ok = fwrite(text, 1, length, stdout) == length && fflush(stdout) == 0; /* whole: no flicker */
	free(text);
	return ok;
}

/* Waits for a key or the end of the interval; false: q was pressed. */
static bool pause_for(int64_t us)
{
	struct pollfd item = { .fd = raw ? STDIN_FILENO : -1, .events = POLLIN };
	char key[16];
	if (poll(&item, 1, (int)(us / 1000)) <= 0 || !item.revents)
		return true;
	ssize_t n = read(STDIN_FILENO, key, sizeof key);
	return n > 0 && !memchr(key, 'q', (size_t)n) && !memchr(key, 'Q', (size_t)n);
}

/* ---- */

/* Whether the run is over: peers answered, and none has for a while. */
static bool is_over(const struct sl_watch *w, struct sl_time *seen)
{
	if (w->answering)
		*seen = sl_clock();
	return !w->answering && !sl_time_before(sl_clock(), sl_time_after(*seen, GIVEN_UP_US));
}

static int watch(struct sl_watch *w, const struct request *r, bool screen)
{
	struct sl_watch_look look = { .colour = sl_terminal_colour(), .utf8 = sl_terminal_utf8() };
	struct sl_time seen = { 0 };
	bool answered = false, more = true, over = false;
	int64_t interval = r->interval_us ? r->interval_us : screen ? SCREEN_US : LINES_US;
	for (uint64_t i = 1; more && !ended; i++) {
		sl_watch_sample(w);
		answered |= w->answering > 0;
		if (r->json)
			sl_watch_json(w, stdout);
		else if (screen)
			more = draw(w, &look);
		else
			sl_watch_changes(w, stdout);
		if (!r->json && !screen)
			sl_watch_line(w, stdout);
		more = more && fflush(stdout) == 0 && i != r->count && !(over = is_over(w, &seen));
		if (more && !ended)
			more = pause_for(interval);
		if (stopped && screen)
			suspend();
	}
	leave();
	if (over && answered)
		fputs("starling watch: no peer answers any more\n", stderr);
	return answered ? SL_EXIT_OK : SL_EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	static struct sl_watch w;
	struct request request = { 0 };
	struct sl_error error;
	char **operands;
	int code = sl_command_parse(&sl_command_watch, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	const char *folder = operands[0] ? operands[0] : SL_LOCAL_RUN;
	bool screen = !request.json && !request.plain && sl_terminal_draws(STDOUT_FILENO);
	if (sl_watch_open(&w, folder, &error) != SL_OK) {
		sl_watch_close(&w);
		return sl_command_fail(&sl_command_watch, &error);
	}
	catch_signals();
	if (screen)
		enter();
	code = watch(&w, &request, screen);
	if (code != SL_EXIT_OK)
		fprintf(stderr, "starling watch: no peer of %s answers on this machine\n", folder);
	sl_watch_close(&w);
	return code;
}

#define AT(field) offsetof(struct request, field)
static const struct sl_operand operands_of_watch[] = {
	{ "RUN", "the folder of a run; without it, the run of the service, " SL_LOCAL_RUN, SL_COMPLETE_RUN,
	  .optional = true },
	{ NULL }
};
static const struct sl_argument arguments_of_watch[] = {
	{ .option = { "interval", "time between two looks (default: 500ms on a terminal, else 5s)",
	              SL_OPTION_DURATION, AT(interval_us), 0.05, 3600 },
	  .value = "TIME" },
	{ .option = { "count", "end after N looks (0: when the run is over, or on ^C)", SL_OPTION_U64,
	              AT(count), 0, 1e9, "0" },
	  .value = "N" },
	{ .option = { "plain", "print lines instead of drawing", SL_OPTION_SWITCH, AT(plain) } },
	SL_ARGUMENT_JSON(struct request, json, "print one JSON object per look, each in one line"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_watch = {
	"watch",
	{ .program = "starling watch",
	  .doc =
	      "follow a run live: its graph with the state of each edge, accuracy, bytes, the slowest peer",
	  .forms = (const char *const[]){ "[RUN]", NULL },
	  .text =
	      "Asks every peer of the run on this machine, as starling status does, again and again. On a terminal of 80\n"
	      "columns or more it draws the graph beside a table of the peers, follows changes of size, and leaves the screen\n"
	      "as it was; q or ^C ends it, and the run goes on. Lines of the graph are whole where an edge is up (cyan: one\n"
	      "end waits for the other), and have gaps and a sign where it is not: ~ late, x down, Q in quarantine.\n"
	      "Into a pipe, with TERM=dumb or with --plain it prints a line per look, and a line per edge that changed.\n"
	      "NO_COLOR turns colours off. A peer counts as the slowest if others wait for it clearly more often than for\n"
	      "anybody else. Ends when no peer has answered for five seconds; exits with status 1 if none ever has.\n",
	  .operands = operands_of_watch,
	  .arguments = arguments_of_watch },
	run
};
