# make                     build/starlingd and build/starling
# make check               every test that needs nothing but this machine (scripts/check adds lint and sanitizers)
# make traces              narrated runs against the texts of tests/traces; make traces-accept replaces the texts
# make lint                clang-format, clang-tidy, cppcheck, shellcheck, layers
# make SAN=address,undefined check     the same tests under sanitizers, in build-address-undefined
# make swarm SEEDS=1000    random runs under random faults; invariants after every event
# make acceptance          experiments of the literature, beside their reference figures
# make trainers            the Python package, with torch too (needs python3-torch)
# make published           BEER and MoTEF against numpy, line by line as published (needs python3-numpy)
# make grid                defaults alone over graphs, models and methods (part of acceptance)
# make mutations           breaks one thing in an algorithm at a time: each must be noticed (acceptance)
# make mutants             breaks one thing in the protocol at a time: each must be found (swarm)
# make mutants-drawn       the same with bugs that a seed draws: COUNT=60 SEED=1; the share caught, and survivors
# make bench | bits        speed and size, beside references; megabits to accuracy
# make bench-quick | bench-compare     rounds alone, under a minute; this commit's figures beside another's
# make fuzz SECONDS=60     libFuzzer on every decoder; make replay runs the kept corpus
# make long | threads | e2e            long end-to-end tests; with ThreadSanitizer; end-to-end tests alone
# make cross               builds for aarch64, tests it and the arm64 package under qemu-user; needs root (scripts/cross)
# make install DESTDIR= PREFIX=/usr/local
# make deb                 Debian packages in build/deb, checked with lintian; DEB="-a arm64 -P cross,nocheck": for another one
# make release             tarball, bill of materials and checksums in build/release; KEY=FILE: signed with minisign
# make man | completion    manual pages; completion for bash and zsh
# make compile_commands.json           for editors and clang tools
# make clean               removes build and build-*
#
# V=1 shows the commands. CC, CFLAGS, LDFLAGS, VERSION and, per library, ZMQ_CFLAGS, ZMQ_LIBS (ZMQ, SODIUM, SQLITE, ZLIB,
# BLAS, CMOCKA) can be set; whatever depends on them is built again.
# Cross build: make CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar PKG_CONFIG=aarch64-linux-gnu-pkg-config B=build-arm64
# (packages: gcc-aarch64-linux-gnu, pkgconf:arm64, and the libraries as in libzmq3-dev:arm64; manual pages then come from a
# native build in build-host, or from HOST_STARLING=path).
VERSION := $(shell cat VERSION 2>/dev/null || git describe --tags --dirty --always 2>/dev/null || echo unreleased)
PREFIX  ?= /usr/local
DESTDIR ?=
Q       := $(if $(V),,@)
CFLAGS  ?= -O2 -g
SAN     ?=
comma   := ,
B       := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
# Each library's flags: given, or of pkg-config, or the usual name. Headers of others are system headers.
PKG_CONFIG ?= pkg-config
define library
ifndef $(1)_CFLAGS
$(1)_CFLAGS := $$(patsubst -I%,-isystem %,$$(shell $$(PKG_CONFIG) --cflags $(2) 2>/dev/null))
endif
ifndef $(1)_LIBS
$(1)_LIBS := $$(or $$(shell $$(PKG_CONFIG) --libs $(2) 2>/dev/null),$(3))
endif
endef
$(eval $(call library,ZMQ,libzmq,-lzmq))
$(eval $(call library,SODIUM,libsodium,-lsodium))
$(eval $(call library,SQLITE,sqlite3,-lsqlite3))
$(eval $(call library,ZLIB,zlib,-lz))
$(eval $(call library,BLAS,openblas,-lopenblas))
$(eval $(call library,CMOCKA,cmocka,-lcmocka))
W       := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wundef \
           -Wvla -Wdouble-promotion -Wformat=2 -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers \
           -Wno-unknown-warning-option $(WERROR)
HARD    := -fstack-protector-strong -fPIE $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer,-D_FORTIFY_SOURCE=2)
# -ffp-contract=off: both ends of a link must round alike on unlike machines.
FP      := -ffp-contract=off -fno-math-errno -fno-trapping-math
override CFLAGS   += -std=c11 $(W) $(HARD) $(FP) -fno-common -pthread
override CPPFLAGS += -Ilib -I. -I$(B)/gen -D_GNU_SOURCE -MMD -MP \
                     $(foreach l,ZMQ SODIUM SQLITE ZLIB BLAS CMOCKA,$($l_CFLAGS))
override LDFLAGS  += -pie -Wl,-z,relro,-z,now -pthread
override LDLIBS   += $(ZMQ_LIBS) $(SODIUM_LIBS) $(SQLITE_LIBS) $(ZLIB_LIBS) $(BLAS_LIBS) -lm

# A plug-in is one file: lib/<folder>/<name>.c defines const struct <type> <type>_<name>, where lib/<folder>/registry
# holds "<header> <type> <array>". The registry is written from the directory listing.
registries := $(patsubst lib/%/registry,%,$(wildcard lib/*/*/registry))
registry_c := $(registries:%=$(B)/gen/%.c)
lib_c    := $(filter-out %.tmp.c,$(wildcard lib/*/*.c lib/*/*/*.c))
programs := starlingd starling
# Three rooms: what both programs open, what is starlingd's, what is starling's. A program links its own and run's.
room      = $(filter-out $(programs:%=daemon/$(1)/%.c),$(wildcard daemon/$(1)/*.c daemon/$(1)/*/*.c))
object    = $(patsubst %.c,$(B)/%.o,$(patsubst $(B)/%,%,$(1)))
lib_o    := $(call object,$(lib_c)) $(registry_c:.c=.o)
tests    := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
# Experiments compare figures; sanitizers have seen their code in other tests.
tests    := $(if $(SAN),$(filter-out %/test_acceptance,$(tests)),$(tests))
# Those that take longest come first, or one of them would be the last, alone.
e2e      := $(patsubst %,tests/e2e/%.sh,trainer_faults resume kill)
e2e      := $(e2e) $(filter-out $(e2e) tests/e2e/lib.sh tests/e2e/machine.sh,$(wildcard tests/e2e/*.sh))
hostile  := $(B)/tests/e2e/hostile
door     := $(B)/tests/e2e/door
sandbox  := $(B)/tests/e2e/sandbox
completion := $(B)/completion/starling.bash $(B)/completion/starling.zsh
manual   := $(patsubst daemon/man/%.in,$(B)/man/%,$(wildcard daemon/man/*.in))
benches  := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/bench/*.c))
fuzzers  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

all: $(programs:%=$(B)/%)
help:
	@sed -n '/^[^#]/q; s/^# \{0,1\}//p' Makefile

# What objects were built with: a file that changes when that does, so that what depends on it is built again.
stamp = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' > $@
flags := $(CC) $(shell $(CC) -dumpfullversion -dumpversion 2>/dev/null) $(CPPFLAGS) $(CFLAGS) | $(LDFLAGS) $(LINK) $(LDLIBS)
$(B)/stamp/flags: FORCE
	$(call stamp,$(flags))
$(B)/stamp/version: FORCE
	$(call stamp,$(VERSION))
version_o := $(call object,$(shell grep -rl SL_VERSION --include='*.c' daemon lib))
$(version_o): $(B)/stamp/version
$(version_o): override CPPFLAGS += -DSL_VERSION='"$(VERSION)"'

# A missing development package is named in a sentence, instead of by the compiler.
$(B)/stamp/libraries: $(B)/stamp/flags
	$(Q)sh scripts/need zmq.h=libzmq3-dev sodium.h=libsodium-dev sqlite3.h=libsqlite3-dev zlib.h=zlib1g-dev \
		cblas.h=libopenblas-dev -- $(CC) $(filter-out -MMD -MP,$(CPPFLAGS))
	@touch $@
$(B)/stamp/cmocka: $(B)/stamp/flags
	$(Q)sh scripts/need cmocka.h=libcmocka-dev -- $(CC) $(filter-out -MMD -MP,$(CPPFLAGS))
	@touch $@

$(B)/starlingd: $(B)/daemon/peer/starlingd.o $(B)/peer.a $(B)/run.a $(B)/libstarling.a
$(B)/starling: $(B)/daemon/cli/starling.o $(B)/cli.a $(B)/run.a $(B)/libstarling.a
$(programs:%=$(B)/%):
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)
rooms := $(B)/cli.a $(B)/peer.a $(B)/run.a
$(B)/libstarling.a: $(lib_o)
$(B)/cli.a: $(call object,$(call room,cli))
$(B)/peer.a: $(call object,$(call room,peer))
$(B)/run.a: $(call object,$(call room,run))
$(rooms) $(B)/libstarling.a:
	@mkdir -p $(@D)
	@$(RM) $@
	@$(AR) rcs $@ $^
$(B)/tests/%: $(B)/tests/%.o $(call object,$(wildcard tests/support/*.c)) $(rooms) $(B)/libstarling.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CMOCKA_LIBS) $(LDLIBS)
# Without what needs cmocka, which only tests need.
$(benches): $(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/tests/support/compress.o $(B)/run.a $(B)/libstarling.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)
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
# A pattern would not do: without a recipe it adds nothing.
$(call object,$(wildcard tests/test_*.c) $(shell grep -lE '<cmocka.h>|support/history.h' tests/*/*.c)): | $(B)/stamp/cmocka
$(B)/%.o: %.c $(B)/stamp/flags | $(B)/stamp/libraries
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/gen/%.o: $(B)/gen/%.c $(B)/stamp/flags
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

# Narrated runs, compared with the kept texts of tests/traces.
traces   := $(B)/tests/traces/trace
$(traces): $(call object,$(wildcard tests/traces/*.c tests/support/*.c)) $(rooms) $(B)/libstarling.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CMOCKA_LIBS) $(LDLIBS)

$(B)/gen/completion_%.inc: daemon/cli/completion/starling.%
	@mkdir -p $(@D)
	@sh scripts/embed $< > $@
$(call object,daemon/cli/completion.c): $(B)/gen/completion_bash.inc $(B)/gen/completion_zsh.inc
# Style and script of the page of starling report.
$(B)/gen/report_style.inc: daemon/cli/report/style.css
$(B)/gen/report_script.inc: daemon/cli/report/page.js
$(B)/gen/report_%.inc:
	@mkdir -p $(@D)
	@sh scripts/embed $< > $@
$(call object,daemon/cli/report/page.c): $(B)/gen/report_style.inc $(B)/gen/report_script.inc
# What starling deploy writes: each file's name and text.
deployed := $(sort $(shell find daemon/cli/deploy/files -type f))
$(B)/gen/deploy.inc: $(deployed) daemon/cli/deploy/files scripts/embed
	@mkdir -p $(@D)
	@for f in $(deployed:daemon/cli/deploy/files/%=%); do echo "{ \"$$f\","; sh scripts/embed daemon/cli/deploy/files/$$f; \
		echo "},"; done > $@
$(call object,daemon/cli/deploy/engines.c): $(B)/gen/deploy.inc

preloads := $(patsubst tests/preload/%.c,$(B)/tests/%.so,$(wildcard tests/preload/*.c))
$(preloads): $(B)/tests/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra $(WERROR) -shared -fPIC -o $@ $<
check: all $(tests) $(traces) $(hostile) $(door) $(sandbox) $(preloads) replay
	@NM=$(AR:%ar=%nm) sh scripts/run-tests $(B) scripts/calls $(tests) tests/traces/traces.sh $(e2e)
# The kept texts, and what runs tell now; traces-accept replaces them.
traces: $(traces)
	@BUILD=$(B) sh tests/traces/traces.sh
traces-accept: $(traces)
	@BUILD=$(B) sh tests/traces/traces.sh --accept
# The unit tests alone; RUN=qemu-aarch64 where they are for another machine.
unit: $(tests)
	@sh scripts/run-tests $(B) $(tests)
# For aarch64, in a Debian of its own: the unit tests, and the same bits on both architectures.
cross-programs: all $(tests) $(B)/tests/cross/copies
cross:
	@sh scripts/cross
bench: all $(benches)
	@sh tests/bench/run $(B)
# Rounds alone, in less than a minute.
bench-quick: all $(benches)
	@sh tests/bench/run $(B) quick
# What bench and bench-quick measured of this commit beside another one: WITH=NAME of a file in .bench.
bench-compare:
	@sh tests/bench/compare $(WITH)
# Megabits to a target, ours beside those of our numpy programs. make bits WORD=digits (part of bench), fashion, sorted or l1.
bits: all
	@sh tests/bench/bits $(B) $(WORD)
# The experiments of tests/acceptance: a table of figures against their references.
acceptance_o := $(call object,$(wildcard tests/acceptance/*.c))
$(B)/tests/acceptance/acceptance: $(acceptance_o) $(call object,tests/support/trial.c) $(B)/libstarling.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)
# The quick ones are part of check.
$(B)/tests/test_acceptance: $(filter-out %/main.o %/experiments.o,$(acceptance_o))
acceptance: $(B)/tests/acceptance/acceptance
	$(Q)$< -j 2
# Defaults alone: graphs, models and methods, beside D-PSGD; and gamma = auto beside a search by hand (both part of it).
grid: $(B)/tests/acceptance/acceptance
	$(Q)$< -j 2 grid hand
# The same, with one thing broken at a time: each must be noticed.
mutations: $(B)/tests/acceptance/acceptance
	@sh tests/acceptance/mutations $(B) $(WORD)
# BEER and MoTEF against numpy, line by line as published. PYTHON: one that has numpy (Debian's python3-numpy).
PYTHON ?= /usr/bin/python3
$(B)/tests/published/trajectory: $(B)/tests/published/trajectory.o $(call object,tests/support/trial.c) $(B)/libstarling.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)
published: $(B)/tests/published/trajectory
	@$(PYTHON) -c 'import numpy' 2> /dev/null || { echo "published: $(PYTHON) has no numpy: apt-get install python3-numpy" >&2; exit 1; }
	@$(PYTHON) tests/published/compare.py $<
# The Python package against numpy alone, and with torch (python3-torch).
trainers: all
	@PYTHON=$(PYTHON) sh scripts/run-tests $(B) tests/e2e/trainer.sh tests/e2e/trainer_faults.sh tests/e2e/trainer_package.sh
	@$(PYTHON) -c 'import torch' 2> /dev/null || { echo "trainers: $(PYTHON) has no torch: apt-get install python3-torch" >&2; exit 1; }
	@PYTHONPATH=lib/trainer/python PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m unittest discover -s lib/trainer/python/tests -p 'torch_*.py'
	@TORCH=1 PYTHON=$(PYTHON) sh scripts/run-tests $(B) tests/e2e/text.sh
e2e: all $(hostile) $(door) $(sandbox) $(preloads)
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
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(call object,$(wildcard tests/support/*.c)) $(rooms) $(B)/libstarling.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CMOCKA_LIBS) $(LDLIBS)
$(B)/replay/%: $(B)/tests/fuzz/replay/main.o $(B)/tests/fuzz/%.o $(call object,$(wildcard tests/support/*.c)) $(rooms) $(B)/libstarling.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(CMOCKA_LIBS) $(LDLIBS)
corpora := $(notdir $(wildcard tests/corpus/*))
replay: $(corpora:%=$(B)/replay/%)
	@for t in $(corpora); do $(B)/replay/$$t tests/corpus/$$t/* || exit 1; done
# What happens to a run that is resumed with one key of its configuration changed, for each key.
resume-table: all
	@BUILD=$(B) sh tests/e2e/resume.sh | sed -n 's/^    //p'
# End to end, with thousands of hostile frames, and a kill at every system call of a checkpoint: wants the machine to itself.
long: all $(hostile) $(door) $(sandbox) $(preloads)
	@LANES=1 PATIENCE=$${PATIENCE:-3600} sh scripts/run-tests $(B) $(wildcard tests/e2e/long/*.sh)
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
# Bugs that a seed draws, instead of planted ones.
COUNT ?= 60
SEED  ?= 1
mutants-drawn:
	$(Q)CC='$(CC)' $(PYTHON) tests/mutants/draw --seed $(SEED) --count $(COUNT)
lint:
	@sh scripts/lint
man: $(manual)
completion: $(completion)
# Manual pages and completions are written by the program itself; where it is built for another machine, by one built
# for this.
HOSTCC ?= cc
native := $(filter $(shell $(HOSTCC) -dumpmachine 2>/dev/null),$(shell $(CC) -dumpmachine 2>/dev/null))
HOST_STARLING ?= $(if $(native),$(B),build-host)/starling
ifeq ($(native),)
build-host/starling: FORCE
	$(Q)env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u CPPFLAGS -u LDFLAGS $(MAKE) --no-print-directory CC='$(HOSTCC)' AR=ar PKG_CONFIG=pkg-config B=build-host VERSION='$(VERSION)' $@
endif
$(B)/man/%: daemon/man/%.in scripts/man $(HOST_STARLING)
	@mkdir -p $(@D)
	@echo "  MAN   $@"
	$(Q)sh scripts/man $(HOST_STARLING) $< > $@
$(B)/completion/starling.%: $(HOST_STARLING)
	@mkdir -p $(@D)
	@echo "  GEN   $@"
	$(Q)$(HOST_STARLING) completion $* > $@
SBINDIR = $(PREFIX)/sbin
UNITDIR = $(PREFIX)/lib/systemd/system
SHARE   = $(PREFIX)/share
# Where Debian's Python looks.
PYTHONDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/python3,$(PREFIX)/lib/python$(shell $(PYTHON) -c \
	'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo 3))/dist-packages
install: all man completion
	install -D -t $(DESTDIR)$(PREFIX)/bin $(B)/starling
	install -D -t $(DESTDIR)$(SBINDIR) $(B)/starlingd
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(SBINDIR)|' scripts/systemd/starlingd@.service > $(DESTDIR)$(UNITDIR)/starlingd@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/starlingd@.service
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) scripts/systemd/starling.target scripts/systemd/starling-trainer@.service
	install -D -m 644 -t $(DESTDIR)$(PYTHONDIR)/starling lib/trainer/python/starling/*.py lib/trainer/python/starling/py.typed
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include lib/trainer/starling_trainer.h
	install -D -m 644 -t $(DESTDIR)$(SHARE)/doc/starling lib/trainer/PROTOCOL.md
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sysusers.d scripts/systemd/starling.conf
	for s in 1 5 7 8; do for m in $(B)/man/*.$$s; do [ ! -e $$m ] || \
		install -D -m 644 -t $(DESTDIR)$(SHARE)/man/man$$s $$m || exit 1; done; done
	install -D -m 644 $(B)/completion/starling.bash $(DESTDIR)$(SHARE)/bash-completion/completions/starling
	ln -sf starling $(DESTDIR)$(SHARE)/bash-completion/completions/starlingd
	install -D -m 644 $(B)/completion/starling.zsh $(DESTDIR)$(SHARE)/zsh/site-functions/_starling
	for f in topologies/*; do [ ! -f $$f ] || install -D -m 644 -t $(DESTDIR)$(SHARE)/starling/topologies $$f || exit 1; done
	install -D -m 644 -t $(DESTDIR)$(SHARE)/starling/monitoring scripts/monitoring/*
	for f in README.md NEWS LICENSE; do [ ! -f $$f ] || install -D -m 644 -t $(DESTDIR)$(SHARE)/doc/starling $$f || exit 1; done
deb:
	$(Q)scripts/deb $(B)/deb $(DEB)
release: all
	$(Q)scripts/release $(B)/release $(B)
clean:
	$(RM) -r build build-*
# What a compiler is called with, file by file.
json = $(subst ",\",$(subst \,\\,$(1)))
one_command = {"directory": "$(CURDIR)", "file": "$(1)", "command": "$(call json,$(CC) $(CPPFLAGS) $(CFLAGS) -DSL_VERSION='"$(VERSION)"' \
	$(if $(filter lib/linalg/% lib/compress/%,$(1)),-O3) -c $(1))"}
compile_commands.json: $(registry_c) $(B)/gen/schema.inc $(B)/gen/completion_bash.inc $(B)/gen/completion_zsh.inc \
		$(B)/gen/report_style.inc $(B)/gen/report_script.inc $(B)/gen/deploy.inc FORCE
	$(file >$@,[)$(foreach f,$(lib_c) $(wildcard daemon/*/*.c daemon/*/*/*.c) $(wildcard tests/*.c tests/*/*.c),$(file \
		>>$@,$(if $(filter-out $(firstword $(lib_c)),$f),$(comma))$(call one_command,$f)))$(file >>$@,])
	@echo "  JSON  $@"
.PHONY: release FORCE trainers all help deb long resume-table check traces traces-accept unit cross cross-programs acceptance grid published mutations bench bench-quick bench-compare bits e2e lint man completion install clean swarm mutants mutants-drawn fuzz replay
.SECONDARY:
.DELETE_ON_ERROR:
# Not what lies in a Debian of scripts/cross, which is below build-arm64.
-include $(shell find $(B) -name debian -prune -o -type f -name '*.d' -print 2>/dev/null)
