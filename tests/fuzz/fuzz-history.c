/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history: an entry that some version of luod wrote, or nobody. It is refused, or what is written of
 * it is read again as the same.
 */
#include "luod/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL, *again = NULL;
	struct history_entry entry, copy;

	if (history_parse((const char *)data, size, &entry) < 0)
		return 0;
	text = history_format(&entry);
	history_entry_clear(&entry);
	if (!text || history_parse(text, strlen(text), &copy) < 0)
		abort();
	again = history_format(&copy);
	history_entry_clear(&copy);
	if (!again || !streq(text, again))
		abort();
	return 0;
}
