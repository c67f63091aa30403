# make                     build/starlingd and build/starling
# make check               every test that needs nothing but this machine (scripts/check adds lint and sanitizers)
# make lint                clang-format, clang-tidy, cppcheck, shellcheck, layering
# make SAN=address,undefined check
# make bench | acceptance | fuzz | swarm
# make install DESTDIR= PREFIX=/usr/local
VERSION := $(shell git describe --tags --dirty --always 2>/dev/null || echo unreleased)
PREFIX  ?= /usr/local
DESTDIR ?=
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
fuzzers  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

all: $(programs:%=$(B)/%)
$(programs:%=$(B)/%): $(B)/%: $(B)/daemon/%.o $(call object,$(daemon_c)) $(B)/libstarling.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/libstarling.a: $(lib_o)
	@$(RM) $@
	@$(AR) rcs $@ $^
$(B)/tests/%: $(B)/tests/%.o $(call object,$(wildcard tests/support/*.c)) $(call object,$(daemon_c)) $(B)/libstarling.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)
# Kernels and coders are worth every vector instruction; the rest is not.
$(B)/lib/linalg/%.o $(B)/lib/compress/%.o: override CFLAGS += -O3
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/gen/%.o: $(B)/gen/%.c
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

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

check: all $(tests)
	@sh scripts/run-tests $(B) $(tests)
lint:
	@sh scripts/lint
clean:
	$(RM) -r build build-*
.PHONY: all check lint clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
