# SPDX-License-Identifier: GPL-2.0-or-later
#
# The size of the patch series, counted as its limit counts it: added lines of code, without
# tests and documentation; dma-direct apart.

.PHONY: kernel-stat
kernel-stat: ## added lines of the kernel series (limit: 2200, dma-direct apart)
	@sed -e 's/#.*//' -e '/^ *$$/d' kernel/patches/series | sed 's|^|kernel/patches/|' | \
		xargs -r cat -- | awk ' \
		/^\+\+\+ / { file = $$2; kind = "code"; \
			if (file ~ /tools\/testing|Documentation|[Kk][Uu]nit|selftest|_test\.[ch]$$/) kind = "tests"; \
			else if (file ~ /kernel\/dma\/|dma_alloc/) kind = "dma"; next } \
		/^\+/ { n[kind]++ } \
		END { printf "%d of at most 2200 lines of code, %d for dma-direct, %d of tests and documentation\n", \
			n["code"], n["dma"], n["tests"]; exit n["code"] > 2200 }' /dev/stdin
