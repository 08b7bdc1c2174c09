# SPDX-License-Identifier: GPL-2.0-or-later
#
# Compilers, flags, libraries and the variants they make up. Everything that asks another program
# (pkg-config, the lab) is asked when the first recipe needs it, and once.

# `make check` and the like install what they need before anything is compiled.
SETUP := $(if $(filter check% demo bench coverage fuzz,$(MAKECMDGOALS)),setup)

# --- warnings: what both compilers know --------------------------------------------------------
# Left out of -Wextra: unused parameters (callbacks of libsystemd and of tables have fixed
# signatures) and missing initialisers (zero is what we mean by leaving a member out).
WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	-Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
	-Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough -Wredundant-decls \
	-Wnested-externs -Wswitch-enum $(if $(filter-out 0,$(WERROR)),-Werror)

LANGUAGE := -std=gnu11 -D_GNU_SOURCE
HARDENING := -fno-common -fstack-protector-strong -fno-strict-aliasing

# --- libraries ---------------------------------------------------------------------------------
LUOD_PKGS := libsystemd libudev libnl-3.0 libnl-route-3.0 jansson inih libarchive libelf
LUCTL_PKGS ?= libsystemd smartcols
LIBLU_PKGS := libsystemd
TEST_PKGS := cmocka umockdev-1.0
ALL_PKGS = $(sort $(LUOD_PKGS) $(LUCTL_PKGS) $(LIBLU_PKGS) $(TEST_PKGS))

LUOD_LIBS = $(call once,LUOD_LIBS,pkg-config --libs $(LUOD_PKGS))
LUCTL_LIBS = $(call once,LUCTL_LIBS,pkg-config --libs $(LUCTL_PKGS))
LIBLU_LIBS = $(call once,LIBLU_LIBS,pkg-config --libs $(LIBLU_PKGS))
TEST_LIBS = $(call once,TEST_LIBS,pkg-config --libs $(TEST_PKGS))
PKG_CFLAGS = $(call once,PKG_CFLAGS,pkg-config --cflags $(ALL_PKGS) || echo missing)

# --- the kernel's headers ----------------------------------------------------------------------
# The distribution's own are older than the interface we use. The lab knows where the pinned
# kernel's are; its answer is remembered, and asked for again when that directory has gone or the
# series has changed. HEADERS=DIR overrides.
HEADERS_FILE := $(O)/headers
HEADERS ?=
HEADERS_KNOWN := $(if $(wildcard $(HEADERS_FILE)),$(file <$(HEADERS_FILE)))
HEADERS_GOOD := $(wildcard $(addsuffix /linux/liveupdate.h,$(or $(HEADERS),$(HEADERS_KNOWN))))

$(HEADERS_FILE): $(if $(and $(HEADERS_GOOD),$(or $(if $(HEADERS),,y),$(filter $(HEADERS),$(HEADERS_KNOWN)))),,FORCE) \
		$(wildcard kernel/base.conf kernel/patches/*) | $(SETUP)
	@mkdir -p $(@D)
	@dir='$(HEADERS)'; [ -n "$$dir" ] || dir=$$(tests/lab/lab headers); \
	[ -f "$$dir/linux/liveupdate.h" ] || { \
		echo "No kernel headers with linux/liveupdate.h$${dir:+ in $$dir}: run 'make setup', or give HEADERS=DIR" >&2; \
		exit 1; }; \
	printf '%s\n' "$$dir" >$@

KERNEL_HEADERS = $(call once,KERNEL_HEADERS,cat $(HEADERS_FILE))
TRIPLET = $(call once,TRIPLET,$(CC) -print-multiarch 2>/dev/null || $(CC) -dumpmachine)

# --- the command lines -------------------------------------------------------------------------
# $(1): the source, for what differs between folders.
compile_flags = $(LANGUAGE) -I. -Iliblu -isystem $(KERNEL_HEADERS) \
	-isystem $(KERNEL_HEADERS)/$(TRIPLET) $(patsubst -I%,-isystem %,$(checked_pkg_cflags)) \
	-DLUOD_VERSION='"$(VERSION)"' -DLUOD_PKGLIBDIR='"$(PKGLIBDIR)"' \
	-DLUOD_SYSCONFDIR='"$(SYSCONFDIR)"' \
	$(WARNINGS) $(HARDENING) $(CFLAGS) $(if $(filter liblu/%,$(1)),-fPIC -fvisibility=hidden,-fPIE) \
	$(if $(filter tests/%,$(1)),-Iluod -Iluctl) $(if $(filter tests/fuzz/%,$(1)),-Wno-missing-prototypes)
checked_pkg_cflags = $(if $(filter missing,$(PKG_CFLAGS)),$(error a library of '$(ALL_PKGS)' is missing: run 'make setup'),$(PKG_CFLAGS))
LINK = $(CFLAGS) $(LDFLAGS) -pie -Wl,--as-needed -Wl,-z,relro,-z,now
LINK_SHARED = $(CFLAGS) $(LDFLAGS) -shared -Wl,--as-needed -Wl,-z,relro,-z,now -Wl,-z,defs

# --- the variants ------------------------------------------------------------------------------
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2

VARIANTS := plain $(if $(SANITIZE),,asan) faults other fuzz coverage

plain_DIR := $(O)
plain_CC := $(CC)
plain_FLAGS = $(if $(SANITIZE),$(asan_FLAGS),$(FORTIFY))

# With sanitizers gcc's flow analysis sees paths that do not exist; the plain build asks it.
asan_DIR := $(O)-asan
asan_CC := $(CC)
asan_FLAGS = $(SANITIZERS) -DLUOD_FAULTS -Werror -Wno-maybe-uninitialized -Wno-format-truncation -Wno-format-overflow

# luod as the lab has it fail (luod/fault.h): what is installed, and the fault points.
faults_DIR := $(O)/faults
faults_CC := $(CC)
faults_FLAGS = $(FORTIFY) -DLUOD_FAULTS

# Only compiled: the compiler that $(CC) is not.
other_DIR := $(O)/other
other_CC := $(if $(findstring clang,$(CC)),gcc,clang)
other_FLAGS := -Werror -DLUOD_FAULTS

fuzz_DIR := $(O)/fuzz
fuzz_CC := clang
fuzz_FLAGS := $(SANITIZERS) -fsanitize=fuzzer-no-link

coverage_DIR := $(O)/coverage
coverage_CC := gcc
coverage_FLAGS := --coverage -O0 -DLUOD_FAULTS

# What the tests run.
TEST_O := $(if $(filter coverage,$(MAKECMDGOALS)),$(coverage_DIR),$(if $(SANITIZE),$(O),$(asan_DIR)))
