/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output - see output.h for what each function promises. */
#include "luctl/output.h"

#include <ctype.h>
#include <inttypes.h>
#include <langinfo.h>
#include <time.h>

/* --- numbers as people read them -------------------------------------------------------------- */

char *luctl_format_duration(uint64_t usec)
{
	uint64_t seconds = usec / USEC_PER_SEC;

	if (usec == USEC_INFINITY)
		return strdup("infinity");
	if (usec < USEC_PER_MSEC)
		return strprintf("%" PRIu64 " us", usec);
	if (usec < USEC_PER_SEC)
		return strprintf("%.1f ms", (double)usec / USEC_PER_MSEC);
	if (seconds < 60)
		return strprintf("%.2f s", (double)usec / USEC_PER_SEC);
	if (seconds < 3600)
		return strprintf("%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
	return strprintf("%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
}

char *luctl_format_bytes(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	return unit ? strprintf("%.1f %s", value, units[unit]) : strprintf("%" PRIu64 " B", bytes);
}

char *luctl_format_time(uint64_t realtime_usec)
{
	time_t seconds = (time_t)(realtime_usec / USEC_PER_SEC);
	char text[64];
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%F %T", &tm))
		return strdup("?");
	return strdup(text);
}

int luctl_parse_duration(const char *text, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t usec;
	} units[] = {
		{ "", USEC_PER_SEC },	      { "s", USEC_PER_SEC },	    { "ms", USEC_PER_MSEC },
		{ "min", 60 * USEC_PER_SEC }, { "h", 3600 * USEC_PER_SEC },
	};
	unsigned long long n;
	char *end;

	if (streq(text, "infinity")) {
		*ret = USEC_INFINITY;
		return 0;
	}
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (!streq(units[i].unit, end))
			continue;
		if (n >= USEC_INFINITY / units[i].usec)
			return -EINVAL;
		*ret = n * units[i].usec;
		return 0;
	}
	return -EINVAL;
}

/* --- text from strangers ------------------------------------------------------------------------ */

/* How long a UTF-8 sequence that begins with @first would be; 0 when none does. */
static size_t utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/*
 * The length of the well-formed UTF-8 sequence that begins at @s and may be shown, or 0. C1
 * control characters are two bytes long there, and act on a terminal like ESC.
 */
static size_t printable(const unsigned char *s)
{
	size_t n = utf8_length(s[0]);

	if (s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Four bytes, as luctl_safe() has room for. */
static char *put_escaped(char *p, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	*p++ = '\\';
	*p++ = 'x';
	*p++ = digits[byte >> 4];
	*p++ = digits[byte & 0xf];
	return p;
}

char *luctl_safe(const char *text)
{
	const unsigned char *s = (const unsigned char *)strempty(text);
	char *safe = malloc(strlen((const char *)s) * 4 + 1), *p = safe;

	if (!safe)
		return NULL;
	while (*s) {
		size_t n = printable(s);

		if (n) {
			p = mempcpy(p, s, n);
			s += n;
		} else {
			p = put_escaped(p, *s++);
		}
	}
	*p = '\0';
	return safe;
}

bool luctl_is_utf8(void)
{
	return streq(nl_langinfo(CODESET), "UTF-8");
}

bool luctl_is_terminal(FILE *f)
{
	int fd = fileno(f); /* -1 for a stream in memory */

	return fd >= 0 && isatty(fd);
}

/* --- colour ------------------------------------------------------------------------------------- */

const char *luctl_color(FILE *f, enum luctl_color color)
{
	static const char *const sequences[] = {
		[LUCTL_PLAIN] = "\033[0m",     [LUCTL_GREEN] = "\033[0;32m",
		[LUCTL_YELLOW] = "\033[0;33m", [LUCTL_RED] = "\033[0;31m",
		[LUCTL_BOLD] = "\033[0;1m",
	};

	if (!luctl_is_terminal(f) || !isempty(getenv("NO_COLOR")) ||
	    streq(strempty(getenv("TERM")), "dumb"))
		return "";
	return sequences[color];
}

enum luctl_color luctl_color_of(const char *word)
{
	static const struct {
		const char *word;
		enum luctl_color color;
	} words[] = {
		{ "error", LUCTL_RED },		 { "failed", LUCTL_RED },
		{ "vetoed", LUCTL_RED },	 { "lost", LUCTL_RED },
		{ "degraded", LUCTL_RED },	 { "warning", LUCTL_YELLOW },
		{ "left-behind", LUCTL_YELLOW }, { "unclaimed", LUCTL_YELLOW },
		{ "cancelled", LUCTL_YELLOW },	 { "aborting", LUCTL_YELLOW },
		{ "preparing", LUCTL_YELLOW },	 { "frozen", LUCTL_YELLOW },
		{ "restoring", LUCTL_YELLOW },	 { "finishing", LUCTL_YELLOW },
		{ "conflict", LUCTL_YELLOW },	 { "later", LUCTL_YELLOW },
		{ "loaded", LUCTL_GREEN },	 { "ready", LUCTL_GREEN },
		{ "resumed", LUCTL_GREEN },	 { "done", LUCTL_GREEN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(words[i].word, strempty(word)))
			return words[i].color;
	return LUCTL_PLAIN;
}

/* --- JSON --------------------------------------------------------------------------------------- */

int luctl_print_json(struct luctl *luctl, json_t *json, bool line)
{
	int r;

	if (!json) {
		luctl_complain(luctl, "out of memory");
		return LUCTL_FAILED;
	}
	r = json_dumpf(json, luctl->out, line ? JSON_COMPACT : JSON_INDENT(2));
	json_decref(json);
	if (r == 0)
		r = fputc('\n', luctl->out) == EOF ? -1 : 0;
	if (r == 0 && line)
		r = fflush(luctl->out);
	return r == 0 ? LUCTL_OK : LUCTL_FAILED;
}
