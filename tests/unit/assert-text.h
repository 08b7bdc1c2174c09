/* SPDX-License-Identifier: GPL-2.0-or-later */
/* assert-text - assertions about texts that are too long to compare; a failure shows the whole. */
#ifndef TESTS_ASSERT_TEXT_H
#define TESTS_ASSERT_TEXT_H

#define assert_contains(text, part)                                    \
	do {                                                           \
		if (!strstr(text, part))                               \
			fail_msg("\"%s\" is not in:\n%s", part, text); \
	} while (0)

#define assert_lacks(text, part)                                   \
	do {                                                       \
		if (strstr(text, part))                            \
			fail_msg("\"%s\" is in:\n%s", part, text); \
	} while (0)

#endif
