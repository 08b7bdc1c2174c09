# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every tool that reads the code without running it; tests/lint knows what each one reads.

.PHONY: lint format
lint: $(MAN_PAGES) $(HEADERS_FILE) ## clang-format, clang-tidy, gcc -fanalyzer, cppcheck, codespell, shellcheck, shfmt, mandoc
	@COMPILE_FLAGS=$(call quote,$(call compile_flags,x.c)) MAN_PAGES='$(MAN_PAGES)' JOBS=$(JOBS) \
		tests/lint $(ONLY)

format: ## let clang-format and shfmt rewrite what git knows
	@tests/lint --fix

quote = '$(subst ','\'',$(1))'
