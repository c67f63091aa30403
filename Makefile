# make                     build/starlingd and build/starling
# make check               every test that needs nothing but this machine (scripts/check adds lint and sanitizers)
# make lint                clang-format, clang-tidy, cppcheck, shellcheck, layering
# make SAN=address,undefined check
# make bench | acceptance | bits | fuzz | swarm | threads
# make install DESTDIR= PREFIX=/usr/local
# make V=1                 shows the commands
VERSION := $(shell git describe --tags --dirty --always 2>/dev/null || echo unreleased)
PREFIX  ?= /usr/local
DESTDIR ?=
Q       := $(if $(V),,@)
CFLAGS  ?= -O2 -g
SAN     ?=
comma   := ,
B       := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
PKGS    := libzmq libsodium sqlite3 zlib
W       := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wundef \
           -Wvla -Wdouble-promotion -Wformat=2 -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers \
           -Wno-unknown-warning-option $(WERROR)
HARD    := -fstack-protector-strong -fPIE $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer,-D_FORTIFY_SOURCE=2)
# -ffp-contract=off: both ends of a link must round alike on unlike machines.
FP      := -ffp-contract=off -fno-math-errno -fno-trapping-math
override CFLAGS   += -std=c11 $(W) $(HARD) $(FP) -fno-common -pthread
override CPPFLAGS += -Ilib -I. -I$(B)/gen -D_GNU_SOURCE -DSL_VERSION='"$(VERSION)"' -MMD -MP
override LDFLAGS  += -pie -Wl,-z,relro,-z,now -pthread
override LDLIBS   += $(shell pkg-config --libs $(PKGS)) -linih -lopenblas -lm

# A plug-in is one file: lib/<folder>/<name>.c defines const struct <type> <type>_<name>, where lib/<folder>/registry
# holds "<header> <type> <array>". The registry is written from the directory listing.
registries := $(patsubst lib/%/registry,%,$(wildcard lib/*/*/registry))
registry_c := $(registries:%=$(B)/gen/%.c)
lib_c    := $(filter-out %.tmp.c,$(wildcard lib/*/*.c lib/*/*/*.c))
programs := starlingd starling
daemon_c := $(filter-out $(programs:%=daemon/%.c),$(wildcard daemon/*.c daemon/*/*.c))
object    = $(patsubst %.c,$(B)/%.o,$(patsubst $(B)/%,%,$(1)))
lib_o    := $(call object,$(lib_c)) $(registry_c:.c=.o)
tests    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
e2e      := $(filter-out tests/e2e/lib.sh,$(wildcard tests/e2e/*.sh))
hostile  := $(B)/tests/e2e/hostile
sandbox  := $(B)/tests/e2e/sandbox
manual   := $(patsubst daemon/man/%.in,$(B)/man/%,$(wildcard daemon/man/*.in))
benches  := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/bench/*.c))
fuzzers  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

all: $(programs:%=$(B)/%)
$(programs:%=$(B)/%): $(B)/%: $(B)/daemon/%.o $(call object,$(daemon_c)) $(B)/libstarling.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/libstarling.a: $(lib_o)
	@$(RM) $@
	@$(AR) rcs $@ $^
$(B)/tests/%: $(B)/tests/%.o $(call object,$(wildcard tests/support/*.c)) $(call object,$(daemon_c)) $(B)/libstarling.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)
# It listens in on what its own loop sends.
$(hostile): override LDFLAGS += -Wl,--wrap=sl_net_send
# A name and number for each system call of this machine.
$(B)/gen/syscalls.inc:
	@mkdir -p $(@D)
	@echo '#include <sys/syscall.h>' | $(CC) -E -dM - | sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/{ "\1", __NR_\1 },/p' > $@
$(B)/tests/e2e/sandbox.o: $(B)/gen/syscalls.inc
$(sandbox): $(B)/tests/e2e/sandbox.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<
# Kernels and coders are worth every vector instruction; the rest is not.
$(B)/lib/linalg/%.o $(B)/lib/compress/%.o: override CFLAGS += -O3
$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/gen/%.o: $(B)/gen/%.c
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

define registry
$(B)/gen/$(1).c: $(sort $(wildcard lib/$(1)/*.c)) lib/$(1)/registry lib/$(1) scripts/registry
	@mkdir -p $$(@D)
	@sh scripts/registry lib/$(1) > $$@
endef
$(foreach r,$(registries),$(eval $(call registry,$r)))

$(B)/gen/schema.inc: lib/history/schema.sql
	@mkdir -p $(@D)
	@sh scripts/embed $< > $@
$(call object,lib/history/history.c): $(B)/gen/schema.inc

preloads := $(patsubst tests/preload/%.c,$(B)/tests/%.so,$(wildcard tests/preload/*.c))
$(preloads): $(B)/tests/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra $(WERROR) -shared -fPIC -o $@ $<
check: all $(tests) $(hostile) $(sandbox) $(preloads) replay
	@sh scripts/run-tests $(B) $(tests) $(e2e)
bench: all $(benches)
	@sh tests/bench/run $(B)
# Megabits to accuracy, ours beside those of others (part of bench). make bits WORD=digits for the quick rows.
bits: all
	@sh tests/bench/bits $(B) $(WORD)
# The experiments of tests/acceptance: a table of figures against their references.
acceptance_o := $(call object,$(wildcard tests/acceptance/*.c))
$(B)/tests/acceptance/acceptance: $(acceptance_o) $(call object,tests/support/trial.c) $(B)/libstarling.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# The quick ones are part of check.
$(B)/tests/test_acceptance: $(filter-out %/main.o %/experiments.o,$(acceptance_o))
acceptance: $(B)/tests/acceptance/acceptance
	$(Q)$< -j 2
# The same, with one thing broken at a time: each must be noticed.
mutations: $(B)/tests/acceptance/acceptance
	@sh tests/acceptance/mutations $(B) $(WORD)
e2e: all $(hostile) $(sandbox) $(preloads)
	@sh scripts/run-tests $(B) $(e2e)
# make fuzz SECONDS=60 [TARGET=peer]: libFuzzer with address and undefined, all in build-fuzz; grows nothing in the
# repository: what it finds worth keeping lies in build-fuzz/corpus. `make replay` feeds the corpus to plain builds.
SECONDS ?= 60
TARGET  ?= $(fuzzers)
fuzz:
	$(Q)$(MAKE) CC=clang B=build-fuzz HARD='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' \
		LINK=-fsanitize=fuzzer $(TARGET:%=build-fuzz/fuzz/%)
	@for t in $(TARGET); do mkdir -p build-fuzz/corpus/$$t tests/corpus/$$t; echo "fuzz       $$t, $(SECONDS) s"; \
		build-fuzz/fuzz/$$t -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
			-artifact_prefix=build-fuzz/$$t- build-fuzz/corpus/$$t tests/corpus/$$t > build-fuzz/$$t.log 2>&1 || \
			{ tail -n 30 build-fuzz/$$t.log; exit 1; }; grep -E 'number_of_executed|new_units' build-fuzz/$$t.log; done
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(call object,$(wildcard tests/support/*.c)) $(call object,$(daemon_c)) $(B)/libstarling.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)
$(B)/replay/%: $(B)/tests/fuzz/replay/main.o $(B)/tests/fuzz/%.o $(call object,$(wildcard tests/support/*.c)) $(call object,$(daemon_c)) $(B)/libstarling.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)
corpora := $(notdir $(wildcard tests/corpus/*))
replay: $(corpora:%=$(B)/replay/%)
	@for t in $(corpora); do $(B)/replay/$$t tests/corpus/$$t/* || exit 1; done
# What happens to a run that is resumed with one key of its configuration changed, for each key.
resume-table: all
	@BUILD=$(B) sh tests/e2e/resume.sh | sed -n 's/^    //p'
# End to end, with thousands of hostile frames, and a kill at every system call of a checkpoint: wants the machine to itself.
long: all $(hostile) $(sandbox) $(preloads)
	@PATIENCE=$${PATIENCE:-3600} sh scripts/run-tests $(B) $(wildcard tests/e2e/long/*.sh)
# Real daemons under ThreadSanitizer: a race is exit code 66, which no script takes for a success.
threads:
	$(Q)TSAN_OPTIONS='suppressions=$(CURDIR)/tests/thread.supp exitcode=66' $(MAKE) SAN=thread e2e
# Runs drawn from seeds, under faults drawn from them: make swarm SEEDS=1000 FIRST=1
SEEDS ?= 1000
FIRST ?= 1
swarm: $(B)/starling
	$(Q)$(B)/starling sim --faults swarm --seed $(FIRST) --seeds $(SEEDS)
# Every planted bug must be found: tests/mutants says which there are.
mutants:
	$(Q)sh tests/mutants/run
lint:
	@sh scripts/lint
man: $(manual)
$(B)/man/%: daemon/man/%.in scripts/man $(B)/starling
	@mkdir -p $(@D)
	@echo "  MAN   $@"
	$(Q)sh scripts/man $(B)/starling $< > $@
SBINDIR = $(PREFIX)/sbin
UNITDIR = $(PREFIX)/lib/systemd/system
SHARE   = $(PREFIX)/share
install: all man
	install -D -t $(DESTDIR)$(PREFIX)/bin $(B)/starling
	install -D -t $(DESTDIR)$(SBINDIR) $(B)/starlingd
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(SBINDIR)|' scripts/systemd/starlingd@.service > $(DESTDIR)$(UNITDIR)/starlingd@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/starlingd@.service
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) scripts/systemd/starling.target
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sysusers.d scripts/systemd/starling.conf
	for s in 1 5 7 8; do for m in $(B)/man/*.$$s; do [ ! -e $$m ] || \
		install -D -m 644 -t $(DESTDIR)$(SHARE)/man/man$$s $$m || exit 1; done; done
	for f in topologies/*; do [ ! -f $$f ] || install -D -m 644 -t $(DESTDIR)$(SHARE)/starling/topologies $$f || exit 1; done
	for f in README.md LICENSE; do [ ! -f $$f ] || install -D -m 644 -t $(DESTDIR)$(SHARE)/doc/starling $$f || exit 1; done
clean:
	$(RM) -r build build-*
.PHONY: all long resume-table check acceptance mutations bench bits e2e lint man install clean swarm mutants fuzz replay
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
