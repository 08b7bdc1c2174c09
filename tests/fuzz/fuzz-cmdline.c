/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmdline: what is made for the next kernel is no longer than what it was made from, carries
 * nothing of the boot loader's, stays what it is when made again, and means the same.
 */
#include "luod/cmdline.h"
#include "luod/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size), *next = NULL, *again = NULL;

	if (!text)
		return 0;
	next = cmdline_for_next(text);
	again = next ? cmdline_for_next(next) : NULL;
	if (!again)
		return 0;
	if (strlen(next) > strlen(text) || !streq(next, again))
		abort();
	if (cmdline_get_option(text, "intel_iommu", "on", "off") !=
	    cmdline_get_option(next, "intel_iommu", "on", "off"))
		abort();
	if (cmdline_get_bool(text, "kho") != cmdline_get_bool(next, "kho"))
		abort();
	return 0;
}
