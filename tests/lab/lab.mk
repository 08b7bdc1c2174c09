# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab's own targets; check, check-all and demo are the top-level makefile's.

LAB := tests/lab/lab

.PHONY: lab-setup lab-build
lab-setup: ## install the packages the lab and its kernels need
	@$(LAB) setup lab kernel

lab-build: ## make the kernels and guests of the lab (cached)
	@$(LAB) build
