/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmdline - see cmdline.h. */
#include "cmdline.h"

#include <strings.h>

#include "util.h"

/* One word as it stands there, quotes included. */
struct word {
	const char *text;
	size_t length;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes the next word off *p; false at the end. */
static bool next_word(const char **p, struct word *ret)
{
	const char *start = *p, *end;
	bool quoted = false;

	while (is_blank(*start))
		start++;
	for (end = start; *end && (quoted || !is_blank(*end)); end++)
		if (*end == '"')
			quoted = !quoted;
	*ret = (struct word){ .text = start, .length = (size_t)(end - start) };
	*p = end;
	return end > start;
}

static char fold(char c)
{
	return c == '-' ? '_' : c;
}

/* The value behind "name=", or NULL when the word is another one. A quote may open either part. */
static const char *word_value(const struct word *w, const char *name)
{
	const char *p = w->text, *end = w->text + w->length;

	if (p < end && *p == '"')
		p++;
	for (; *name; name++, p++)
		if (p == end || fold(*p) != fold(*name))
			return NULL;
	if (p == end || *p != '=')
		return NULL;
	p++;
	return p < end && *p == '"' ? p + 1 : p;
}

/* kstrtobool(): one or two letters decide, whatever follows them. */
static enum answer truth(const char *value)
{
	if (!*value)
		return ANSWER_UNKNOWN;
	if (strchr("eEyYtT1", *value))
		return ANSWER_YES;
	if (strchr("dDnNfF0", *value))
		return ANSWER_NO;
	if (strncasecmp(value, "on", 2) == 0)
		return ANSWER_YES;
	if (strncasecmp(value, "of", 2) == 0)
		return ANSWER_NO;
	return ANSWER_UNKNOWN;
}

static bool is_end_mark(const struct word *w)
{
	return w->length == 2 && memcmp(w->text, "--", 2) == 0;
}

enum answer cmdline_get_bool(const char *cmdline, const char *name)
{
	enum answer answer = ANSWER_UNKNOWN;
	struct word w;

	while (next_word(&cmdline, &w) && !is_end_mark(&w)) {
		const char *value = word_value(&w, name);
		enum answer a = value ? truth(value) : ANSWER_UNKNOWN;

		if (a != ANSWER_UNKNOWN)
			answer = a;
	}
	return answer;
}

static bool begins(const char *option, const char *with)
{
	return with && strncmp(option, with, strlen(with)) == 0;
}

enum answer cmdline_get_option(const char *cmdline, const char *name, const char *yes,
			       const char *no)
{
	enum answer answer = ANSWER_UNKNOWN;
	struct word w;

	while (next_word(&cmdline, &w) && !is_end_mark(&w)) {
		const char *option = word_value(&w, name), *end = w.text + w.length;

		while (option && option < end) {
			if (begins(option, yes))
				answer = ANSWER_YES;
			else if (begins(option, no))
				answer = ANSWER_NO;
			option = memchr(option, ',', (size_t)(end - option));
			option = option ? option + 1 : NULL;
		}
	}
	return answer;
}

static bool is_boot_loaders(const struct word *w)
{
	return word_value(w, "BOOT_IMAGE") || word_value(w, "initrd");
}

char *cmdline_for_next(const char *cmdline)
{
	char *copy = malloc(strlen(cmdline) + 1), *out = copy;
	bool ended = false;
	struct word w;

	if (!copy)
		return NULL;
	while (next_word(&cmdline, &w)) {
		ended |= is_end_mark(&w);
		if (!ended && is_boot_loaders(&w))
			continue;
		if (out > copy)
			*out++ = ' ';
		memcpy(out, w.text, w.length);
		out += w.length;
	}
	*out = '\0';
	return copy;
}
