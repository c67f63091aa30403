/* The status socket, and what the service manager is told. */
#include "base/log.h"
#include "daemon/run/memory.h"
#include "daemon/peer/sd.h"
#include "daemon/run/status.h"
#include "daemon/run/status_view.h"
#include "tests/support/folder.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <poll.h>
#include <unistd.h>

#include <cmocka.h>

static struct sl_error error;

static int in_folder(void **state)
{
	(void)state;
	folder_make();
	return 0;
}

static int out_of_folder(void **state)
{
	(void)state;
	folder_remove();
	return 0;
}

struct answering {
	int listener;
	const char *line;
	unsigned clients;
};

static void *answer(void *context)
{
	struct answering *a = context;
	for (unsigned i = 0; i < a->clients; i++) {
		struct pollfd item = { .fd = a->listener, .events = POLLIN };
		if (poll(&item, 1, 5000) != 1)
			break;
		sl_status_answer(a->listener, a->line);
	}
	return NULL;
}

static void asked_and_answered(void **state)
{
	char found[64];
	pthread_t thread;
	struct stat about;
	(void)state;
	struct answering a = { sl_status_listen(folder_path("."), 3, &error), "{\"peer\":3}", 1 };
	assert_true(a.listener >= 0);
	assert_int_equal(stat(folder_path("status/3"), &about), 0);
	assert_true(S_ISSOCK(about.st_mode));
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_int_equal(pthread_create(&thread, NULL, answer, &a), 0);
	assert_true(sl_status_ask(folder_path("."), 3, 5000, found, sizeof found));
	assert_string_equal(found, "{\"peer\":3}");
	pthread_join(thread, NULL);
	close(a.listener);
	sl_status_unlink(folder_path("."), 3);
	assert_int_not_equal(stat(folder_path("status/3"), &about), 0);
}

/* The line may be longer than the asker's room, or nobody may answer: both are a plain no. */
static void a_line_that_does_not_fit_is_no_answer(void **state)
{
	char found[8];
	pthread_t thread;
	(void)state;
	struct answering a = { sl_status_listen(folder_path("."), 0, &error), "0123456789", 1 };
	assert_int_equal(pthread_create(&thread, NULL, answer, &a), 0);
	assert_false(sl_status_ask(folder_path("."), 0, 5000, found, sizeof found));
	pthread_join(thread, NULL);
	assert_false(
	    sl_status_ask(folder_path("."), 0, 1, found, sizeof found)); /* it listens and does not answer */
	close(a.listener);
	assert_false(
	    sl_status_ask(folder_path("."), 0, 1000, found, sizeof found)); /* the name is left over */
	assert_false(sl_status_ask(folder_path("."), 1, 1000, found, sizeof found)); /* no name */
	assert_false(sl_status_ask("/nowhere", 1, 1000, found, sizeof found));
}

static void silence_and_absence_differ(void **state)
{
	char found[8];
	int64_t pid;
	(void)state;
	int listener = sl_status_listen(folder_path("."), 5, &error);
	assert_true(listener >= 0);
	assert_int_equal(sl_status_query(folder_path("."), 5, 1, found, sizeof found, &pid),
	                 SL_STATUS_SILENT);
	assert_int_equal(pid, getpid());
	close(listener);
	assert_int_equal(sl_status_query(folder_path("."), 5, 1, found, sizeof found, &pid),
	                 SL_STATUS_ABSENT);
	assert_int_equal(sl_status_query(folder_path("."), 6, 1, found, sizeof found, &pid),
	                 SL_STATUS_ABSENT);
	assert_int_equal(sl_status_query("/nowhere", 6, 1, found, sizeof found, &pid), SL_STATUS_ABSENT);
	assert_int_equal(pid, 0);
}

static void a_stale_name_is_replaced_and_a_live_one_respected(void **state)
{
	(void)state;
	int first = sl_status_listen(folder_path("."), 7, &error);
	assert_true(first >= 0);
	assert_int_equal(sl_status_listen(folder_path("."), 7, &error), -1);
	assert_int_equal(error.status, SL_REFUSED);
	assert_non_null(strstr(error.text, "status/7: another starlingd runs as this peer"));
	close(first); /* as after kill -9: the name stays */
	int second = sl_status_listen(folder_path("."), 7, &error);
	assert_true(second >= 0);
	close(second);
}

static void paths_of_any_length_work(void **state)
{
	char deep[1024];
	(void)state;
	size_t used = (size_t)snprintf(deep, sizeof deep, "%s", folder_path(""));
	for (int i = 0; i < 6; i++) {
		used += (size_t)snprintf(deep + used, sizeof deep - used, "/%0100d", i);
		assert_int_equal(mkdir(deep, 0700), 0);
	}
	int listener = sl_status_listen(deep, 1, &error);
	assert_true(listener >= 0);
	close(listener);
	sl_status_unlink(deep, 1);
	assert_int_equal(sl_status_listen("/nowhere", 1, &error), -1);
	assert_string_equal(error.text, "/nowhere/status: No such file or directory");
}

/* A manager's socket, as a path or in the abstract name space. */
static int manager(const char *path, bool abstract)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	memcpy(a.sun_path + abstract, path, length);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + length);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, size), 0);
	return fd;
}

static void assert_told(int fd, const char *expected)
{
	char text[600];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void the_manager_is_told(void **state)
{
	char name[128];
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_false(sl_sd_managed());
	assert_false(sl_sd_notify("READY=1"));
	setenv("NOTIFY_SOCKET", folder_path("notify"), 1);
	int fd = manager(folder_path("notify"), false);
	assert_true(sl_sd_managed());
	assert_true(sl_sd_notify("READY=1\nSTATUS=%s %d", "round", 3));
	assert_told(fd, "READY=1\nSTATUS=round 3");
	close(fd);
	snprintf(name, sizeof name, "starling-test-%ld", (long)getpid());
	fd = manager(name, true);
	snprintf(name, sizeof name, "@starling-test-%ld", (long)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	assert_true(sl_sd_notify("WATCHDOG=1"));
	assert_told(fd, "WATCHDOG=1");
	close(fd);
	assert_false(sl_sd_notify("WATCHDOG=1"));
	unsetenv("NOTIFY_SOCKET");
}

static void the_watchdog_is_fed_at_half_its_interval(void **state)
{
	char pid[32];
	(void)state;
	setenv("NOTIFY_SOCKET", "@nobody", 1);
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	assert_true(sl_sd_watchdog_us() == INT64_MAX);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_true(sl_sd_watchdog_us() == 15000000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_true(sl_sd_watchdog_us() == INT64_MAX);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_true(sl_sd_watchdog_us() == 15000000);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

/* Constants that were relocated, written data and code must all survive. */
static void trimming_changes_nothing(void **state)
{
	static int written = 1;
	(void)state;
	char *memory = malloc(100000);
	memset(memory, 42, 100000);
	written = 2;
	sl_memory_trim();
	assert_int_equal(written, 2);
	assert_string_equal(sl_level_name(SL_LEVEL_NOTICE), "notice");
	assert_string_equal(sl_status_text(SL_TOO_BIG), "over a limit");
	for (int i = 0; i < 100000; i++)
		assert_int_equal(memory[i], 42);
	free(memory);
}

/* Whether the mapping that holds `at` asks for huge pages. */
static bool asks_for_huge_pages(const uint8_t *at)
{
	char line[512];
	bool here = false, asks = false;
	unsigned long begin, end;
	FILE *f = fopen("/proc/self/smaps", "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = (uintptr_t)at >= begin && (uintptr_t)at < end;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			asks = strstr(line, " hg") != NULL;
	}
	fclose(f);
	return asks;
}

/* Huge pages for what is busy, unless the last would be less than half so, and for nothing else. */
static void busy_memory_is_huge(void **state)
{
	enum { MB = 1 << 20 };
	static const struct {
		size_t size, busy, huge;
	} of[] = { { 9 * MB, 3 * MB, 4 * MB },
		   { 3 * MB, 3 * MB, 3 * MB },
		   { 9 * MB, MB - 1, 0 },
		   { 9 * MB, 5 * MB - 1, 4 * MB },
		   { 100, 0, 0 } };
	bool known = access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		uint8_t *memory = sl_memory_take(of[i].size, of[i].busy);
		assert_non_null(memory);
		assert_true(of[i].huge == 0 || (uintptr_t)memory % (2 * MB) == 0);
		for (size_t at = 0; at < of[i].size; at += 4096)
			assert_int_equal(memory[at]++, 0);
		assert_int_equal(memory[of[i].size - 1] += 1, of[i].size % 4096 == 1 ? 2 : 1);
		for (size_t at = 0; known && at < of[i].size; at += MB / 2)
			assert_int_equal(asks_for_huge_pages(memory + at), at < of[i].huge);
	}
}

static void take_link(void *context, const struct sl_status_link *l)
{
	struct sl_status_link **next = context;
	*(*next)++ = *l;
}

static void links_say_how_they_are(void **state)
{
	struct sl_status_link link[3], *next = link;
	(void)state;
	assert_true(sl_status_view_links(
	    "{\"peer\":1,\"links\":[{\"neighbour\":0,\"up\":true,\"heard\":false,\"late\":true,\"waited_for\":false,\"behind\":4,"
	    "\"quarantine_ms\":70,\"cause\":\"shape\"},{\"neighbour\":2,\"up\":false,\"waited_for\":true,\"wire_tx\":null}]}",
	    take_link, &next));
	assert_int_equal(next - link, 2);
	assert_true(link[0].neighbour == 0 && link[0].up == 1 && link[0].heard == 0 && link[0].late == 1 &&
	            link[0].waited_for == 0 && link[0].behind == 4 && link[0].quarantine_ms == 70);
	assert_true(link[1].neighbour == 2 && link[1].up == 0 && link[1].waited_for == 1 &&
	            link[1].late == -1 && link[1].wire_tx == -1 && link[1].quarantine_ms == -1);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, in_folder, out_of_folder)

/* Whom it waits for, who is behind, by how much, since when, and why. */
static void what_a_peer_does_in_words(void **state)
{
	struct sl_status_view view;
	char text[240];
	(void)state;
	assert_true(sl_status_view_parse(
	    &view,
	    "{\"peer\":1,\"phase\":\"waiting\",\"links\":[{\"neighbour\":"
	    "0,\"waited_for\":true,\"heard_ms\":3,\"behind\":0,\"why\":\"\"},{\"neighbour\":2,\"waited_for\":false,\"heard_"
	    "ms\":3000,\"behind\":14,\"why\":\"no messages from it\",\"open_ms\":3100}]}"));
	sl_status_view_doing(&view, text, sizeof text);
	assert_string_equal(text, "waiting for 0; 2 is 14 rounds behind for 3.1 s: no messages from it");
	assert_true(sl_status_view_parse(
	    &view,
	    "{\"peer\":1,\"phase\":\"waiting\",\"links\":[{\"neighbour\":0},{\"neighbour\":4,\"trouble\":"
	    "\"it has never connected to us\",\"trouble_since_us\":1763913600000000},{\"neighbour\":5,\"trouble\":\"x\",\"trouble_since_us\":1}]}"));
	sl_status_view_doing(&view, text, sizeof text);
	assert_string_equal(
	    text,
	    "waiting; link to 4: it has never connected to us, since 2025-11-23T16:00:00Z (and 1 more)");
	sl_status_view_doing(&view, text, 20); /* too small is cut, no more */
	assert_int_equal(strlen(text), 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(asked_and_answered),
		IN_FOLDER(a_line_that_does_not_fit_is_no_answer),
		IN_FOLDER(silence_and_absence_differ),
		IN_FOLDER(a_stale_name_is_replaced_and_a_live_one_respected),
		IN_FOLDER(paths_of_any_length_work),
		IN_FOLDER(the_manager_is_told),
		cmocka_unit_test(what_a_peer_does_in_words),
		cmocka_unit_test(links_say_how_they_are),
		cmocka_unit_test(the_watchdog_is_fed_at_half_its_interval),
		cmocka_unit_test(trimming_changes_nothing),
		cmocka_unit_test(busy_memory_is_huge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
