# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is tested and how. Every test program prints TAP (cmocka is told to), tests/run-suites runs
# them, shows what went wrong and adds everything up. tests/lab/lab.mk has the real machines.

UNIT_SOURCES := $(wildcard tests/unit/test-*.c)
TEST_HELPERS := $(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c))
BUS_SOURCES := $(wildcard tests/bus/test-*.c)
BENCH_SOURCES := $(wildcard tests/bench/*.c)
BUS_SCRIPTS := $(shell find tests/bus -maxdepth 1 -type f -perm -u+x)
FUZZERS := $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
DOCS_CHECKS := $(wildcard tests/docs/check-*)
ABI_CHECKS := $(wildcard tests/abi/abi-*.sh)
TEST_SOURCES := $(UNIT_SOURCES) $(TEST_HELPERS) $(BUS_SOURCES) $(BENCH_SOURCES) $(wildcard tests/fuzz/*.c tests/lab/lu-*.c tests/lab/vmm/*.c tests/lab/device/*.c)
ALL_SOURCES := $(SOURCES) $(TEST_SOURCES)

UNIT_TESTS := $(addprefix $(TEST_O)/,$(basename $(UNIT_SOURCES)))
BUS_TESTS := $(addprefix $(TEST_O)/,$(basename $(BUS_SOURCES)))
FUZZ_SEEDS := $(FUZZERS:%=$(TEST_O)/tests/fuzz/seeds-%)
TEST_PROGRAMS := $(PROGRAMS:$(O)/%=$(TEST_O)/%)
TESTED := $(TEST_PROGRAMS) $(UNIT_TESTS) $(BUS_TESTS) $(FUZZ_SEEDS)

# What a test finds in its environment. The programs are the sanitized ones; the library is the
# plain one, because a Python interpreter cannot load the other.
TEST_ENV = LUOD='$(abspath $(TEST_O)/luod/luod)' KEEPER='$(abspath $(TEST_O)/luod/luod-keeper)' \
	LUCTL='$(abspath $(TEST_O)/luctl/luctl)' SHIPPED='$(abspath $(LUOD))' LIBLU='$(abspath $(O)/liblu/liblu.so.1)' \
	HOST='$(abspath $(TEST_O)/luod/luod-host)' \
	KERNEL_HEADERS='$(KERNEL_HEADERS)' \
	PYTHONDONTWRITEBYTECODE=1 BUILD='$(abspath $(TEST_O))' SRC='$(CURDIR)' CC='$(CC)' CMOCKA_MESSAGE_OUTPUT=TAP \
	ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=1 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

SUITE_unit = --suite unit $(UNIT_TESTS)
SUITE_bus = --suite bus $(BUS_TESTS) $(BUS_SCRIPTS)
SUITE_fuzz = --suite fuzz $(FUZZ_SEEDS)
SUITE_docs = --suite docs $(DOCS_CHECKS)
SUITE_abi = --suite abi $(ABI_CHECKS)
SUITE_kernel = --suite kernel kernel/check
SUITE_kernel_all = --live kernel 'kernel/check --build'
# tests/lab/lab prints TAP too; it takes minutes, so its lines are shown as they come.
LAB_RUN ?= tests/lab/lab run --tap --tier 1
LAB_RUN_ALL ?= tests/lab/lab run --tap --all
SUITE_lab = --live lab '$(LAB_RUN)'
SUITE_lab_all = --live lab '$(LAB_RUN_ALL)'

run_suites = @$(TEST_ENV) tests/run-suites --jobs $(JOBS) --results $(O)/results

.PHONY: check check-fast check-all check-unit check-bus check-fuzz check-docs check-lab demo bench abi \
	abi-baseline fuzz coverage other-compiler

check: all other-compiler $(TESTED) ## every test but the lab's long ones; both compilers; one line of sums at the end
	$(run_suites) $(SUITE_unit) $(SUITE_fuzz) $(SUITE_bus) $(SUITE_docs) $(SUITE_abi) \
		$(SUITE_kernel) $(SUITE_lab)

check-all: all other-compiler $(TESTED) ## as check, with every case of the lab, W=1 and sparse for the kernel
	$(run_suites) $(SUITE_unit) $(SUITE_fuzz) $(SUITE_bus) $(SUITE_docs) $(SUITE_abi) \
		$(SUITE_kernel_all) $(SUITE_lab_all)

check-fast: all $(TESTED) ## what needs no virtual machine (a minute)
	$(run_suites) $(SUITE_unit) $(SUITE_fuzz) $(SUITE_bus) $(SUITE_docs) $(SUITE_abi)

check-unit: $(UNIT_TESTS) $(TEST_PROGRAMS) ## unit tests, with ASan and UBSan
	$(run_suites) $(SUITE_unit)

check-bus: $(BUS_TESTS) $(TEST_PROGRAMS) $(LIBLU) ## luod, keeper and luctl on a private bus
	$(run_suites) $(SUITE_bus)

check-fuzz: $(FUZZ_SEEDS) ## every parser over its seeds, once
	$(run_suites) $(SUITE_fuzz)

check-docs: $(MAN_PAGES) $(TEST_PROGRAMS) $(LUOD) ## manual pages, settings, findings, licences and links agree with the code
	$(run_suites) $(SUITE_docs)

check-lab: all ## real live updates of virtual machines (tier 1)
	$(run_suites) $(SUITE_lab)

demo: all ## a live update to watch: a guest's memory and a device that goes on with its DMA, verified
	@tests/lab/demo

bench: all $(O)/tests/bench/walk ## ratios: the inventory's work; blackouts, stock systemd's and the smallest possible one
	@tests/bench/inventory $(O)/tests/bench/walk
	@tests/bench/bench

other-compiler: $(ALL_SOURCES:%.c=$(other_DIR)/%.o)

# --- fuzzing: clang's libFuzzer, seeded from the tree, its finds kept in the build folder --------
define fuzzer
$(fuzz_DIR)/tests/fuzz/fuzz-$(1): $(fuzz_DIR)/tests/fuzz/fuzz-$(1).o \
		$(fuzz_DIR)/luod/libluod-core.a $(fuzz_DIR)/luctl/libluctl-core.a \
		$(LIBLU_SOURCES:%.c=$(fuzz_DIR)/%.o)
	$$(call say,LD,$$@)$(fuzz_CC) $$(LINK) $(SANITIZERS) -fsanitize=fuzzer -o $$@ $$^ \
		$$(LUCTL_LIBS) $$(LUOD_LIBS)

.PHONY: fuzz-$(1)
fuzz-$(1): $(fuzz_DIR)/tests/fuzz/fuzz-$(1)
	@mkdir -p $(fuzz_DIR)/corpus/$(1)
	$$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix=$(fuzz_DIR)/$(1)- \
		$(if $(wildcard tests/fuzz/$(1).dict),-dict=tests/fuzz/$(1).dict) \
		$(fuzz_DIR)/corpus/$(1) tests/fuzz/seeds/$(1)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))

fuzz: $(FUZZERS:%=fuzz-%) ## fuzz every parser with libFuzzer for SECONDS= (60) each

# --- the library's promise -----------------------------------------------------------------------
abi: $(LIBLU) ## liblu against its recorded ABI, its version map and its header
	$(run_suites) $(SUITE_abi)

abi-baseline: $(LIBLU) ## record liblu's ABI as it is now as the one to keep
	SRC=$(CURDIR) LIBLU=$(LIBLU) tests/abi/abi-baseline.sh record

coverage: $(TESTED) ## lines of C that unit, bus and seed tests reach (build/coverage/index.html)
	$(run_suites) $(SUITE_unit) $(SUITE_fuzz) $(SUITE_bus)
	gcovr --root . --filter 'luod/' --filter 'liblu/' --filter 'luctl/' \
		--object-directory $(coverage_DIR) --print-summary \
		--html-details $(coverage_DIR)/index.html --txt $(coverage_DIR)/summary.txt
	@cat $(coverage_DIR)/summary.txt
