# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab's own targets; check, check-all and demo are the top-level makefile's.

LAB := tests/lab/lab

# What of the lab can be tested without a machine goes with the unit tests.
SUITE_unit += $(wildcard tests/lab/selftest/test_*.py)

.PHONY: lab-setup lab-build
lab-setup: ## install the packages the lab and its kernels need
	@$(LAB) setup lab kernel

lab-build: ## make the kernels and guests of the lab (cached)
	@$(LAB) build

# What a guest gets: the project as it is installed anywhere, and the programs the
# cases bring along, on liblu: tests/lab/lu-*.c, and lu-vmm, which is a folder.
LAB_GUEST := $(patsubst %.c,$(O)/%,$(wildcard tests/lab/lu-*.c)) $(O)/tests/lab/lu-vmm
LU_VMM := $(patsubst %.c,$(O)/%.o,$(wildcard tests/lab/vmm/*.c tests/lab/device/*.c))

$(O)/tests/lab/lu-vmm: $(LU_VMM)
$(filter-out %/lu-vmm,$(LAB_GUEST)): $(O)/%: $(O)/%.o
$(LAB_GUEST): $(O)/liblu/liblu.so.1
	$(call say,LD,$@)$(CC) $(LINK) -o $@ $(filter %.o,$^) -L$(O)/liblu -l:liblu.so.1 $(LIBLU_LIBS)

# And beside the luod that is installed, the one that fails when it is told to (luod/fault.h).
LAB_LUOD := $(faults_DIR)/luod/luod

.PHONY: lab-guest
lab-guest: install $(LAB_GUEST) $(LAB_LUOD)
	@$(INSTALL) -D -m 0755 $(LAB_LUOD) "$(DESTDIR)$(PREFIX)/lib/lab/luod-faults"
	@for f in $(LAB_GUEST); do \
		$(INSTALL) -D -m 0755 "$$f" "$(DESTDIR)$(PREFIX)/lib/lab/$${f##*/}"; done
