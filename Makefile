# SPDX-License-Identifier: GPL-2.0-or-later
#
# One makefile for the whole project, without recursion: every folder's small .mk says which
# sources belong to it, this file says once how they become programs.
#
# The same sources are built in several variants (plain, sanitized, second compiler, fuzzing,
# coverage), each in a directory of its own, from one template: $(variant). Nothing is written
# outside of $(O) and its siblings. `make help` lists the targets; HACKING.md explains them.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

VERSION := 0.1.0

# What may be given on the command line or in the environment.
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
AR ?= ar
SANITIZE ?=
O ?= $(if $(SANITIZE),build-asan,build)
CFLAGS ?= -O2 -g
PREFIX ?= /usr
SYSCONFDIR ?= /etc
LOCALSTATEDIR ?= /var
DESTDIR ?=
CI ?=
V ?=
# Warnings are errors in CI and in every check; packagers with newer compilers stay unhurt.
WERROR ?= $(if $(filter true,$(CI))$(filter check%,$(MAKECMDGOALS)),1)
# How many jobs a test suite may run at once.
JOBS ?= $(shell nproc)
# Seconds for each fuzzer of `make fuzz` (bash's own SECONDS is no setting).
FUZZ_SECONDS := $(if $(filter command line,$(origin SECONDS)),$(SECONDS),60)
export CI WERROR O CC CFLAGS

BINDIR = $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib/$(shell $(CC) -print-multiarch 2>/dev/null)
PKGLIBDIR = $(PREFIX)/lib/luod
MANDIR = $(PREFIX)/share/man
DOCDIR = $(PREFIX)/share/doc/luod

# Work for the first expansion only, and not before a recipe needs it: `make check` may have to
# install the libraries first.
once = $(eval $(1) := $$(shell $(2)))$($(1))
quiet := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say = $(if $(V)$(quiet),$(if $(V),,@),@printf '  %-8s %s\n' '$(1)' '$(2)';)

include mk/config.mk

# --- sources: each folder's own list -----------------------------------------------------------
-include liblu/liblu.mk
-include luctl/luctl.mk

LIBLU_SOURCES ?= $(wildcard liblu/*.c)
override LIBLU_SOURCES := $(wildcard $(LIBLU_SOURCES))
LUCTL_SOURCES ?= $(wildcard luctl/*.c)
override LUCTL_SOURCES := $(wildcard $(LUCTL_SOURCES))
LUOD_CORE := $(filter-out luod/main.c luod/keeper.c luod/host-main.c,$(wildcard luod/*.c))
LUCTL_MAIN := $(filter luctl/main.c,$(LUCTL_SOURCES))
LUCTL_CORE := $(filter-out $(LUCTL_MAIN),$(LUCTL_SOURCES))
# What liblu asks of iommufd, VFIO and DMA buffers, luod asks too: each ioctl is written once.
LUOD_LIBLU := liblu/lu-device.c liblu/lu-dma-memory.c
# The keeper holds what must not be lost: it gets no more code than it needs.
KEEPER_SOURCES := $(wildcard luod/keeper*.c luod/kdev-luo.c) luod/packet.c luod/util.c
HOST_SOURCES := $(addprefix luod/,host-main.c host-do.c freeze.c kdev-tun.c log.c netns.c netns-sysctl.c packet.c util.c)
SOURCES := $(sort $(wildcard luod/*.c) $(LUCTL_SOURCES) $(LIBLU_SOURCES))

LUOD := $(if $(wildcard luod/main.c),$(O)/luod/luod)
KEEPER := $(if $(wildcard luod/keeper.c),$(O)/luod/luod-keeper)
HOST := $(if $(wildcard luod/host-main.c),$(O)/luod/luod-host)
LUCTL := $(if $(LUCTL_MAIN),$(O)/luctl/luctl)
LIBLU := $(if $(LIBLU_SOURCES),$(O)/liblu/liblu.so.1)
PROGRAMS := $(LUOD) $(KEEPER) $(HOST) $(LUCTL) $(LIBLU)
MAN_PAGES := $(patsubst %.scd,$(O)/%,$(wildcard man/*.scd))

include tests/tests.mk
-include tests/lab/lab.mk
include mk/lint.mk mk/install.mk mk/kernel.mk

# --- how a source becomes a program: $(call variant,DIRECTORY,COMPILER,FLAGS) ------------------
define variant
$(1)/%.o: %.c $(1)/flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)$(2) $$(call compile_flags,$$<) $(3) -MMD -MP -c -o $$@ $$<

# Rewritten only when a command line has changed: then everything is compiled again.
$(1)/flags: FORCE $$(HEADERS_FILE) | $$(SETUP)
	@mkdir -p $$(@D)
	@printf '%s\n' '$(2) $$(call compile_flags,x.c) $(3)' | cmp -s - $$@ || \
		printf '%s\n' '$(2) $$(call compile_flags,x.c) $(3)' >$$@

$(1)/luod/libluod-core.a: $(LUOD_CORE:%.c=$(1)/%.o)
$(1)/luctl/libluctl-core.a: $(LUCTL_CORE:%.c=$(1)/%.o)
$(1)/tests/unit/libtest.a: $(TEST_HELPERS:%.c=$(1)/%.o)
$(1)/%.a:
	@mkdir -p $$(@D); rm -f $$@
	$$(call say,AR,$$@)$(AR) rcsD $$@ $$^

$(1)/luod/luod: $(1)/luod/main.o $(1)/luod/libluod-core.a $(LUOD_LIBLU:%.c=$(1)/%.o)
	$$(call say,LD,$$@)$(2) $$(LINK) $(3) -o $$@ $$^ $$(LUOD_LIBS)

$(1)/luod/luod-keeper: $(KEEPER_SOURCES:%.c=$(1)/%.o)
	$$(call say,LD,$$@)$(2) $$(LINK) $(3) -o $$@ $$^ $$(LIBLU_LIBS)

$(1)/luod/luod-host: $(HOST_SOURCES:%.c=$(1)/%.o)
	$$(call say,LD,$$@)$(2) $$(LINK) $(3) -o $$@ $$^ $$(LIBLU_LIBS)

$(1)/luctl/luctl: $(LUCTL_MAIN:%.c=$(1)/%.o) $(1)/luctl/libluctl-core.a $(1)/luod/libluod-core.a
	$$(call say,LD,$$@)$(2) $$(LINK) $(3) -o $$@ $$^ $$(LUCTL_LIBS) $$(LUOD_LIBS)

$(1)/liblu/liblu.so.1: $(LIBLU_SOURCES:%.c=$(1)/%.o) liblu/liblu.map
	$$(call say,LD,$$@)$(2) $$(LINK_SHARED) $(3) -Wl,-soname,liblu.so.1 \
		-Wl,--version-script=liblu/liblu.map -o $$@ $$(filter %.o,$$^) $$(LIBLU_LIBS)
	@ln -sfn liblu.so.1 $$(@D)/liblu.so

# A test is one file; it sees everything except the programs' main().
$(addprefix $(1)/,$(basename $(UNIT_SOURCES) $(BUS_SOURCES) $(BENCH_SOURCES))): $(1)/%: $(1)/%.o \
		$(1)/tests/unit/libtest.a $(1)/luctl/libluctl-core.a $(1)/luod/libluod-core.a \
		$(LIBLU_SOURCES:%.c=$(1)/%.o)
	$$(call say,LD,$$@)$(2) $$(LINK) $(3) -o $$@ $$^ $$(TEST_LIBS) $$(LUCTL_LIBS) $$(LUOD_LIBS)

# A fuzzer that runs its seeds once: the plain driver stands in for libFuzzer.
$(1)/tests/fuzz/seeds-%: $(1)/tests/fuzz/fuzz-%.o $(1)/tests/fuzz/driver.o \
		$(1)/luod/libluod-core.a $(1)/luctl/libluctl-core.a $(LIBLU_SOURCES:%.c=$(1)/%.o)
	$$(call say,LD,$$@)$(2) $$(LINK) $(3) -o $$@ $$^ $$(LUCTL_LIBS) $$(LUOD_LIBS)

-include $(patsubst %.c,$(1)/%.d,$(ALL_SOURCES))
endef

$(foreach v,$(VARIANTS),$(eval $(call variant,$($(v)_DIR),$($(v)_CC),$($(v)_FLAGS))))
.SECONDARY:

# --- the targets of every day ------------------------------------------------------------------
.PHONY: all setup clean help FORCE
all: $(PROGRAMS) $(MAN_PAGES) ## build everything into build/ (O=DIR, CC=clang, SANITIZE=1, WERROR=1, V=1)

$(O)/man/%: man/%.scd | $(SETUP)
	@mkdir -p $(@D)
	@command -v scdoc >/dev/null || { echo "scdoc is missing (apt-get install scdoc)" >&2; exit 1; }
	$(call say,MAN,$@)scdoc <$< >$@

setup: ## install what building, testing and the lab need (Debian, root)
	@command -v python3 >/dev/null || { apt-get -q update && apt-get -qy install python3; } >&2
	@tests/lab/lab setup

clean: ## remove everything that was built (the lab's cache: tests/lab/lab clean)
	rm -rf $(foreach v,$(VARIANTS),$($(v)_DIR)) $(O)

help: ## this list
	@echo "luod $(VERSION): make [TARGET] [VARIABLE=VALUE]"
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

FORCE:
