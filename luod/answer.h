/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer - what a probe may honestly say: yes, no, or that it could not find out.
 *
 * Kernels and images do not tell everything, and "no" must not stand for "I do not know": an
 * operator who is refused an update has to be able to trust the reason. The zero value is
 * "unknown", so that a fact nobody gathered reads as one.
 */
#ifndef LUOD_ANSWER_H
#define LUOD_ANSWER_H

enum answer {
	ANSWER_UNKNOWN,
	ANSWER_NO,
	ANSWER_YES,
};

static inline const char *answer_to_string(enum answer answer)
{
	static const char *const names[] = {
		[ANSWER_UNKNOWN] = "unknown",
		[ANSWER_NO] = "no",
		[ANSWER_YES] = "yes",
	};

	return names[answer];
}

#endif
