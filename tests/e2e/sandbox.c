/* sandbox UNIT GROUPS PROGRAM [ARGUMENT...]: becomes the program under what a unit of systemd forbids its
 * service, without systemd. RestrictAddressFamilies=, SystemCallFilter= (groups from the file GROUPS, which
 * `systemd-analyze syscall-filter` writes) and MemoryDenyWriteExecute= become the filters that systemd would
 * load; NoNewPrivileges=, LimitNOFILE=, UMask= and Environment= are applied too. Other directives are the
 * business of long/boot.sh. Exit code 77: this machine permits no filters. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SKIPPED = 77, BROKEN = 99, GROUP_LINES = 2048, PROGRAM_MAX = BPF_MAXINSNS };

#if defined __x86_64__
enum { NATIVE = AUDIT_ARCH_X86_64 };
#elif defined __aarch64__
enum { NATIVE = AUDIT_ARCH_AARCH64 };
#else
enum { NATIVE = 0 }; /* then calls of other architectures are not looked at */
#endif

/* Every system call of this machine: written by the Makefile from the kernel's headers. */
static const struct {
	const char *name;
	unsigned number;
} calls[] = {
#include "syscalls.inc"
};
enum { CALLS = sizeof calls / sizeof *calls };

static const struct {
	const char *name;
	int number;
} families[] = { { "AF_UNIX", AF_UNIX },
	         { "AF_INET", AF_INET },
	         { "AF_INET6", AF_INET6 },
	         { "AF_NETLINK", AF_NETLINK },
	         { "AF_PACKET", AF_PACKET } };
enum { FAMILIES = sizeof families / sizeof *families };

/* What the unit says. */
static struct {
	bool allowed[CALLS], filtered, family[FAMILIES], families, no_write_execute, no_new_privileges;
	int refusal; /* errno; 0: the call kills */
	struct rlimit files;
	bool limited;
} unit;

__attribute__((format(printf, 2, 3), noreturn)) static void end(int code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(stderr, "sandbox: ");
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(code);
}

/* ---- groups of system calls ---- */

static char *group_line[GROUP_LINES];
static unsigned group_lines;

static void read_groups(const char *path)
{
	char line[256];
	FILE *f = fopen(path, "re");
	if (!f)
		end(BROKEN, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, f) && group_lines < GROUP_LINES) {
		line[strcspn(line, "\n")] = '\0';
		if (!(group_line[group_lines++] = strdup(line)))
			end(BROKEN, "out of memory");
	}
	fclose(f);
}

static void allow(const char *name, bool yes)
{
	if (name[0] != '@') {
		for (unsigned i = 0; i < CALLS; i++)
			if (strcmp(calls[i].name, name) == 0)
				unit.allowed[i] = yes;
		return; /* one of another architecture */
	}
	unsigned at = 0;
	while (at < group_lines && strcmp(group_line[at], name) != 0)
		at++;
	if (at == group_lines)
		end(BROKEN, "no group %s", name);
	for (at++; at < group_lines && group_line[at][0] == ' '; at++)
		if (group_line[at][4] != '#')
			allow(group_line[at] + 4, yes);
}

/* ---- the unit ---- */

/* SystemCallFilter: the first of them says whether the list is of what is allowed; only those are known here.
 */
static void take_calls(char *value)
{
	bool yes = value[0] != '~';
	if (!unit.filtered && !yes)
		end(BROKEN, "SystemCallFilter=%s: a list of what is forbidden comes first", value);
	if (!unit.filtered)
		allow("@default", true);
	unit.filtered = true;
	for (char *word = strtok(value + !yes, " "); word; word = strtok(NULL, " "))
		allow(word, yes);
}

static void take_families(char *value)
{
	unit.families = true;
	for (char *word = strtok(value, " "); word; word = strtok(NULL, " ")) {
		unsigned i = 0;
		while (i < FAMILIES && strcmp(families[i].name, word) != 0)
			i++;
		if (i == FAMILIES)
			end(BROKEN, "RestrictAddressFamilies=%s: not known here", word);
		unit.family[i] = true;
	}
}

static void take_error(const char *value)
{
	for (unit.refusal = 1; unit.refusal < 4096; unit.refusal++) {
		const char *name = strerrorname_np(unit.refusal);
		if (name && strcmp(name, value) == 0)
			return;
	}
	end(BROKEN, "SystemCallErrorNumber=%s: not known here", value);
}

static void take(const char *key, char *value)
{
	bool yes = strcmp(value, "yes") == 0;
	if (strcmp(key, "SystemCallFilter") == 0)
		take_calls(value);
	else if (strcmp(key, "RestrictAddressFamilies") == 0)
		take_families(value);
	else if (strcmp(key, "SystemCallErrorNumber") == 0)
		take_error(value);
	else if (strcmp(key, "MemoryDenyWriteExecute") == 0)
		unit.no_write_execute = yes;
	else if (strcmp(key, "NoNewPrivileges") == 0)
		unit.no_new_privileges = yes;
	else if (strcmp(key, "UMask") == 0)
		umask((mode_t)strtoul(value, NULL, 8));
	else if (strcmp(key, "Environment") == 0 && strchr(value, '='))
		putenv(strdup(value));
	else if (strcmp(key, "LimitNOFILE") == 0) {
		unit.files.rlim_cur = unit.files.rlim_max = strtoul(value, NULL, 10);
		unit.limited = true;
	}
}

static void read_unit(const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "re");
	if (!f)
		end(BROKEN, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		char *value = strchr(line, '=');
		if (line[0] == '#' || !value)
			continue;
		*value++ = '\0';
		take(line, value);
	}
	fclose(f);
}

/* ---- filters ---- */

static struct sock_filter program[PROGRAM_MAX];
static unsigned short length;

static void emit(unsigned code, unsigned yes, unsigned no, unsigned value)
{
	if (length == PROGRAM_MAX)
		end(BROKEN, "the filter is too long");
	program[length++] =
	    (struct sock_filter){ (unsigned short)code, (unsigned char)yes, (unsigned char)no, value };
}

static void load(size_t offset)
{
	emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, (unsigned)offset);
}

/* The low half of an argument; the machine is little-endian on both architectures. */
static void load_argument(unsigned i)
{
	load(offsetof(struct seccomp_data, args[i]));
}

static void answer(unsigned what)
{
	emit(BPF_RET | BPF_K, 0, 0, what);
}

static void begin(void)
{
	length = 0;
	if (NATIVE != 0) {
		load(offsetof(struct seccomp_data, arch));
		emit(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NATIVE);
		answer(SECCOMP_RET_KILL_PROCESS);
	}
	load(offsetof(struct seccomp_data, nr));
}

static void install(void)
{
	struct sock_fprog all = { length, program };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0)
		end(SKIPPED, "skipped, no filter of system calls can be set here: %s", strerror(errno));
}

static void filter_families(void)
{
	begin();
	emit(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, __NR_socket);
	answer(SECCOMP_RET_ALLOW);
	load_argument(0);
	for (unsigned i = 0; i < FAMILIES; i++)
		if (unit.family[i]) {
			emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)families[i].number);
			answer(SECCOMP_RET_ALLOW);
		}
	answer(SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	install();
}

/* Refuses a call where all `bits` of an argument are set. */
static void refuse_bits(unsigned call, unsigned argument, unsigned bits)
{
	begin();
	emit(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, call);
	answer(SECCOMP_RET_ALLOW);
	load_argument(argument);
	emit(BPF_ALU | BPF_AND | BPF_K, 0, 0, bits);
	emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, bits);
	answer(SECCOMP_RET_ERRNO | EPERM);
	answer(SECCOMP_RET_ALLOW);
	install();
}

static void filter_write_execute(void)
{
	refuse_bits(__NR_mmap, 2, PROT_EXEC | PROT_WRITE);
	refuse_bits(__NR_mprotect, 2, PROT_EXEC);
	refuse_bits(__NR_pkey_mprotect, 2, PROT_EXEC);
	refuse_bits(__NR_shmat, 2, SHM_EXEC);
}

static void filter_calls(void)
{
	begin();
	for (unsigned i = 0; i < CALLS; i++)
		if (unit.allowed[i]) {
			emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, calls[i].number);
			answer(SECCOMP_RET_ALLOW);
		}
	answer(unit.refusal ? SECCOMP_RET_ERRNO | (unsigned)unit.refusal : SECCOMP_RET_KILL_PROCESS);
	install();
}

/* As many as the unit says, or as this machine lets. */
static void limit_files(void)
{
	struct rlimit now;
	if (!unit.limited || setrlimit(RLIMIT_NOFILE, &unit.files) == 0 ||
	    getrlimit(RLIMIT_NOFILE, &now) != 0)
		return;
	now.rlim_cur = unit.files.rlim_cur < now.rlim_max ? unit.files.rlim_cur : now.rlim_max;
	setrlimit(RLIMIT_NOFILE, &now);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		end(BROKEN, "usage: sandbox UNIT GROUPS PROGRAM [ARGUMENT...]");
	read_groups(argv[2]);
	read_unit(argv[1]);
	if (!unit.filtered || !unit.families || !unit.no_new_privileges)
		end(BROKEN, "%s: has no SystemCallFilter, RestrictAddressFamilies or NoNewPrivileges",
		    argv[1]);
	limit_files();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		end(SKIPPED, "skipped, no_new_privs: %s", strerror(errno));
	filter_families();
	if (unit.no_write_execute)
		filter_write_execute();
	filter_calls();
	execvp(argv[3], argv + 3);
	end(BROKEN, "%s: %s", argv[3], strerror(errno));
}
