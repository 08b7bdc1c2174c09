# SPDX-License-Identifier: GPL-2.0-or-later
#
# The patch series: is it in order, and how big is it. Its size is counted as its limit counts it:
# added lines of code, without tests (selftests, KUnit, test modules) and documentation; dma-direct
# and its driver apart, with all that their patches add anywhere.

.PHONY: kernel-check kernel-bisect kernel-deb kernel-stat

kernel-check: ## the kernel series: applies, checkpatch, kernel-doc, W=1, sparse
	@kernel/check --build

kernel-bisect: ## every patch of the kernel series builds and boots
	@kernel/check --bisect

kernel-deb: ## the kernel as Debian packages in build/kernel-deb (hours; SMALL=1: for the lab, minutes)
	@kernel/deb $(if $(SMALL),--small) $(O)/kernel-deb

kernel-stat: ## added lines of the kernel series (limit: 2200, dma-direct apart)
	@sed -e 's/#.*//' -e '/^ *$$/d' kernel/patches/series | sed 's|^|kernel/patches/|' | \
		xargs -r awk ' \
		FNR == 1 { order[++files] = FILENAME } \
		/^\+\+\+ / { kind = "code"; \
			if ($$2 ~ /tools\/testing|lib\/tests|Documentation|[Kk][Uu]nit|selftest|_test\.[ch]$$/) kind = "tests"; \
			else if (FILENAME ~ /dma-liveupdate|dmamem/) kind = "dma"; next } \
		/^\+/ { n[kind]++; each[FILENAME, kind]++ } \
		END { for (i = 1; i <= files; i++) { name = order[i]; sub(/.*\//, "", name); \
				printf "%5d  %s\n", each[order[i], "code"] + each[order[i], "dma"], name } \
			printf "%d of at most 2200 lines of code, %d for dma-direct, %d of tests and documentation\n", \
			n["code"], n["dma"], n["tests"]; exit n["code"] > 2200 }'
