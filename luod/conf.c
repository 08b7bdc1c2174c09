/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf - see conf.h.
 *
 * Everything about a key is in one row of `rows`; its default is text and goes through the same
 * parser as a file's, so a default that the parser would refuse cannot exist. inih does the INI
 * syntax; a reader of our own feeds it line by line, because that is the only way to know the line
 * number of every mistake and to refuse what inih would silently cut or join. Where the files are
 * is conf-load.c's.
 */
#include "conf.h"

#include <ini.h>
#include <stdarg.h>
#include <syslog.h>

#include "limits.h"
#include "net-select.h"
#include "util.h"

struct conf_row {
	struct conf_key key;
	int (*parse)(const struct conf_row *row, const char *text, void *field);
	size_t offset;
	uint64_t min, max;
	bool infinity;
};

const char *conf_jump_to_string(enum conf_jump jump)
{
	static const char *const names[] = {
		[CONF_JUMP_DIRECT] = "direct",
		[CONF_JUMP_SYSTEMD] = "systemd",
	};

	return names[jump];
}

int conf_jump_from_string(const char *text, enum conf_jump *ret)
{
	for (enum conf_jump i = CONF_JUMP_DIRECT; i <= CONF_JUMP_SYSTEMD; i++)
		if (streq(text, conf_jump_to_string(i))) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

const char *conf_unclaimed_to_string(enum conf_unclaimed policy)
{
	static const char *const names[] = {
		[CONF_UNCLAIMED_HOLD] = "hold",
		[CONF_UNCLAIMED_FINISH] = "finish",
	};

	return names[policy];
}

int conf_unclaimed_from_string(const char *text, enum conf_unclaimed *ret)
{
	for (enum conf_unclaimed i = CONF_UNCLAIMED_HOLD; i <= CONF_UNCLAIMED_FINISH; i++)
		if (streq(text, conf_unclaimed_to_string(i))) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

/* --- durations --- */

static int unit_from_string(const char *text, size_t length, uint64_t *ret_usec)
{
	static const struct {
		const char *name;
		uint64_t usec;
	} units[] = {
		{ "us", 1 },
		{ "usec", 1 },
		{ "\xc2\xb5s", 1 },
		{ "\xce\xbcs", 1 },
		{ "ms", USEC_PER_MSEC },
		{ "msec", USEC_PER_MSEC },
		{ "", USEC_PER_SEC },
		{ "s", USEC_PER_SEC },
		{ "sec", USEC_PER_SEC },
		{ "second", USEC_PER_SEC },
		{ "seconds", USEC_PER_SEC },
		{ "m", 60 * USEC_PER_SEC },
		{ "min", 60 * USEC_PER_SEC },
		{ "minute", 60 * USEC_PER_SEC },
		{ "minutes", 60 * USEC_PER_SEC },
		{ "h", 3600 * USEC_PER_SEC },
		{ "hr", 3600 * USEC_PER_SEC },
		{ "hour", 3600 * USEC_PER_SEC },
		{ "hours", 3600 * USEC_PER_SEC },
		{ "d", 86400 * USEC_PER_SEC },
		{ "day", 86400 * USEC_PER_SEC },
		{ "days", 86400 * USEC_PER_SEC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strlen(units[i].name) == length && memcmp(units[i].name, text, length) == 0) {
			*ret_usec = units[i].usec;
			return 0;
		}
	return -EINVAL;
}

static int parse_u64(const char *text, const char **ret_end, uint64_t *ret)
{
	const char *p = text;
	uint64_t value = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	*ret_end = p;
	*ret = value;
	return 0;
}

int conf_parse_duration(const char *text, uint64_t *ret_usec)
{
	static const char blanks[] = " \t";
	const char *p = text + strspn(text, blanks);
	uint64_t sum = 0;

	if (streq(p, "infinity")) {
		*ret_usec = USEC_INFINITY;
		return 0;
	}
	if (!*p)
		return -EINVAL;
	while (*p) {
		uint64_t number, usec;
		size_t length;
		int r;

		r = parse_u64(p, &p, &number);
		if (r < 0)
			return r;
		p += strspn(p, blanks);
		length = strcspn(p, " \t0123456789");
		r = unit_from_string(p, length, &usec);
		if (r < 0)
			return r;
		if (__builtin_mul_overflow(number, usec, &usec) ||
		    __builtin_add_overflow(sum, usec, &sum) || sum == USEC_INFINITY)
			return -ERANGE;
		p += length;
		p += strspn(p, blanks);
	}
	*ret_usec = sum;
	return 0;
}

/* --- the types of values; each writes its field only when the text is good --- */

static int value_jump(const struct conf_row *row _unused_, const char *text, void *field)
{
	return conf_jump_from_string(text, field);
}

static int value_unclaimed(const struct conf_row *row _unused_, const char *text, void *field)
{
	return conf_unclaimed_from_string(text, field);
}

static int value_duration(const struct conf_row *row, const char *text, void *field)
{
	uint64_t usec;
	int r = conf_parse_duration(text, &usec);

	if (r < 0)
		return r;
	if (usec == USEC_INFINITY ? !row->infinity : usec < row->min || usec > row->max)
		return -ERANGE;
	*(uint64_t *)field = usec;
	return 0;
}

static int value_count(const struct conf_row *row, const char *text, void *field)
{
	const char *end;
	uint64_t value;
	int r = parse_u64(text, &end, &value);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	if (value < row->min || value > row->max)
		return -ERANGE;
	*(unsigned int *)field = (unsigned int)value;
	return 0;
}

/* Bytes, by themselves or with one of K, M, G and T. */
static int value_size(const struct conf_row *row, const char *text, void *field)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	uint64_t value;
	int r;

	if (streq(text, "infinity") && row->infinity) {
		*(uint64_t *)field = UINT64_MAX;
		return 0;
	}
	r = parse_u64(text, &end, &value);
	if (r < 0)
		return r;
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return -EINVAL;
	if (unit && __builtin_mul_overflow(value, 1024ULL << (10 * (unit - units)), &value))
		return -ERANGE;
	if (value < row->min || value > row->max)
		return -ERANGE;
	*(uint64_t *)field = value;
	return 0;
}

static int value_socket(const struct conf_row *row _unused_, const char *text, void *field)
{
	size_t length = strlen(text);

	if (*text != '/')
		return -EINVAL;
	if (length >= CONF_SOCKET_MAX)
		return -ERANGE;
	memcpy(field, text, length + 1);
	return 0;
}

/* "" is no file. */
static int value_file(const struct conf_row *row _unused_, const char *text, void *field)
{
	size_t length = strlen(text);

	if (length && (*text != '/' || text[length - 1] == '/'))
		return -EINVAL;
	if (length >= CONF_PATH_MAX)
		return -ERANGE;
	memcpy(field, text, length + 1);
	return 0;
}

static int value_links(const struct conf_row *row, const char *text, void *field)
{
	size_t length = strlen(text);

	if (!net_select_valid(text, row->offset == offsetof(struct conf, network_links)))
		return -EINVAL;
	if (length >= CONF_PATH_MAX)
		return -ERANGE;
	memcpy(field, text, length + 1);
	return 0;
}

static int value_level(const struct conf_row *row _unused_, const char *text, void *field)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = {
		{ "err", LOG_ERR },   { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
		{ "info", LOG_INFO }, { "debug", LOG_DEBUG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (streq(text, levels[i].name)) {
			*(int *)field = levels[i].level;
			return 0;
		}
	return -EINVAL;
}

/* --- the table --- */

#define FIELD(f) .offset = offsetof(struct conf, f)

static const struct conf_row rows[] = {
	{
		.key = { "Update", "Jump", "direct", "direct or systemd",
			 "How the machine gets into the next kernel: luod quiesces it and jumps "
			 "itself, or systemd shuts it down to kexec.target." },
		.parse = value_jump,
		FIELD(jump),
	},
	{
		.key = { "Update", "ReadyTimeout", "30s", "a duration from 100ms to 1h",
			 "How long sessions have to answer PrepareForUpdate." },
		.parse = value_duration,
		FIELD(ready_timeout_usec),
		.min = 100 * USEC_PER_MSEC,
		.max = 3600 * USEC_PER_SEC,
	},
	{
		.key = { "Update", "MaxReadyTimeout", "5min", "a duration from 100ms to 1h",
			 "The most that a session may ask for instead." },
		.parse = value_duration,
		FIELD(max_ready_timeout_usec),
		.min = 100 * USEC_PER_MSEC,
		.max = 3600 * USEC_PER_SEC,
	},
	{
		.key = { "Update", "QuiesceTimeout", "90s", "a duration from 1s to 1h",
			 "How long stopping everything else may take with Jump=direct." },
		.parse = value_duration,
		FIELD(quiesce_timeout_usec),
		.min = USEC_PER_SEC,
		.max = 3600 * USEC_PER_SEC,
	},
	{
		.key = { "Update", "StepTimeout", "60s", "a duration from 1s to 1h",
			 "How long any other step of an update may take." },
		.parse = value_duration,
		FIELD(step_timeout_usec),
		.min = USEC_PER_SEC,
		.max = 3600 * USEC_PER_SEC,
	},
	{
		.key = { "Sessions", "ClaimTimeout", "infinity",
			 "a duration from 1s to 366d, or infinity",
			 "How long a session waits for its owner after the jump, before "
			 "UnclaimedPolicy= applies." },
		.parse = value_duration,
		FIELD(claim_timeout_usec),
		.min = USEC_PER_SEC,
		.max = 366ULL * 86400 * USEC_PER_SEC,
		.infinity = true,
	},
	{
		.key = { "Sessions", "UnclaimedPolicy", "hold", "hold or finish",
			 "What becomes of a session that nobody claimed in time: it is kept, or "
			 "the kernel frees what is in it." },
		.parse = value_unclaimed,
		FIELD(unclaimed_policy),
	},
	{
		.key = { "Sessions", "MaxSessions", "256", "a number from 1 to 1023",
			 "How many sessions there may be in all." },
		.parse = value_count,
		FIELD(max_sessions),
		.min = 1,
		.max = LIMIT_SESSIONS,
	},
	{
		.key = { "Sessions", "MaxSessionsPerUser", "64", "a number from 1 to 1023",
			 "How many of them one user may have." },
		.parse = value_count,
		FIELD(max_sessions_per_user),
		.min = 1,
		.max = LIMIT_SESSIONS,
	},
	{
		.key = { "Sessions", "MaxResourcesPerSession", "64", "a number from 1 to 1024",
			 "How many resources one session may have." },
		.parse = value_count,
		FIELD(max_resources_per_session),
		.min = 1,
		.max = LIMIT_SESSION_RESOURCES,
	},
	{
		.key = { "Sessions", "MaxBytesPerUser", "infinity",
			 "a number of bytes from 1, with K, M, G or T behind it or not, or infinity",
			 "How much memory one user may have in its sessions." },
		.parse = value_size,
		FIELD(max_bytes_per_user),
		.min = 1,
		.max = INT64_MAX,
		.infinity = true,
	},
	{
		.key = { "Bus", "PeerSocket", "/run/luod/bus", "an absolute path below 108 bytes",
			 "The socket for clients that come without the system bus." },
		.parse = value_socket,
		FIELD(peer_socket),
	},
	{
		.key = { "Network", "Links", NET_SELECT_SESSIONS,
			 "names of links, :sessions or :none, separated by blanks, below 180 bytes",
			 "The links that are made again in the next kernel, with all that they hang "
			 "on." },
		.parse = value_links,
		FIELD(network_links),
	},
	{
		.key = { "Network", "SessionLinks", "",
			 "names of links below 180 bytes, separated by blanks, or nothing",
			 "The links that sessions of other users than root may declare, besides TAP "
			 "links that are theirs." },
		.parse = value_links,
		FIELD(session_links),
	},
	{
		.key = { "Metrics", "TextFile", "", "an absolute path below 180 bytes, or nothing",
			 "The file for node_exporter's textfile collector; nothing: none." },
		.parse = value_file,
		FIELD(metrics_file),
	},
	{
		.key = { "Log", "Level", "info", "err, warning, notice, info or debug",
			 "The least important messages that are still logged." },
		.parse = value_level,
		FIELD(log_level),
	},
};

const struct conf_key *conf_key_by_index(size_t index)
{
	return index < ARRAY_SIZE(rows) ? &rows[index].key : NULL;
}

static int row_set(const struct conf_row *row, struct conf *conf, const char *text)
{
	return row->parse(row, text, (char *)conf + row->offset);
}

void conf_default(struct conf *ret)
{
	struct conf conf = {};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		row_set(&rows[i], &conf, rows[i].key.value);
	*ret = conf;
}

/* --- one file --- */

struct parser {
	struct conf *conf;
	const char *file;
	const char *next, *end;
	unsigned int line;
	conf_warn_t warn;
	void *userdata;
};

static _printf_(2, 3) void warn(struct parser *p, const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	if (!p->warn)
		return;
	va_start(ap, format);
	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	va_end(ap);
	p->warn(p->file, p->line, message ? message : "out of memory, ignoring", p->userdata);
}

static void warn_unknown(struct parser *p, const char *section, const char *name)
{
	char known[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && used < sizeof(known); i++)
		if (streq(rows[i].key.section, section))
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
						 used ? ", " : "", rows[i].key.name);
	if (*known)
		warn(p, "unknown key %s in section [%s] (known: %s), ignoring", name, section,
		     known);
	else
		warn(p,
		     "key %s in unknown section [%s] (known: Update, Sessions, Bus, Network, Metrics, Log), ignoring",
		     name, section);
}

static int on_key(void *userdata, const char *section, const char *name, const char *value)
{
	struct parser *p = userdata;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct conf_key *key = &rows[i].key;

		if (!streq(key->section, section) || !streq(key->name, name))
			continue;
		/* As in systemd's files: nothing means the default again. */
		if (row_set(&rows[i], p->conf, *value ? value : key->value) < 0)
			warn(p, "%s= in section [%s] must be %s, not \"%.64s\", ignoring", name,
			     section, key->allowed, value);
		return 1;
	}
	warn_unknown(p, section, name);
	return 1;
}

/* Whether inih can make sense of the line: empty, a comment, a section or an assignment. */
static bool line_is_sound(const char *line)
{
	switch (*line) {
	case '\0':
	case '#':
	case ';':
		return true;
	case '[':
		return strchr(line, ']') != NULL;
	default:
		return strpbrk(line, "=:") > line;
	}
}

/*
 * Gives inih its next line, as fgets() would. Indentation is taken away, or inih would read the
 * line as more of the value before it. A line it could not make sense of becomes an empty one.
 */
static char *next_line(char *buffer, int room, void *stream)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct parser *p = stream;
	const char *start = p->next, *eol;
	size_t length;

	if (start == p->end)
		return NULL;
	eol = memchr(start, '\n', (size_t)(p->end - start));
	p->next = eol ? eol + 1 : p->end;
	if (!eol)
		eol = p->end;
	p->line++;
	if (p->line == 1 && eol - start >= 3 && memcmp(start, byte_order_mark, 3) == 0)
		start += 3;
	while (start < eol && (*start == ' ' || *start == '\t'))
		start++;
	while (eol > start && (eol[-1] == ' ' || eol[-1] == '\t' || eol[-1] == '\r'))
		eol--;

	length = (size_t)(eol - start);
	buffer[0] = '\0';
	if (length && (*start == '#' || *start == ';'))
		return buffer;
	if (length >= (size_t)room) {
		warn(p, "line is longer than %d bytes, ignoring", room - 1);
		return buffer;
	}
	if (memchr(start, '\0', length)) {
		warn(p, "line contains a NUL byte, ignoring");
		return buffer;
	}
	memcpy(buffer, start, length);
	buffer[length] = '\0';
	if (!line_is_sound(buffer)) {
		warn(p, "neither a [Section] nor Key=value: \"%.64s\", ignoring", buffer);
		buffer[0] = '\0';
	}
	return buffer;
}

void conf_parse(struct conf *conf, const char *file, const char *text, size_t size,
		conf_warn_t warn_cb, void *userdata)
{
	struct parser p = {
		.conf = conf,
		.file = file,
		.next = text,
		.end = text + size,
		.warn = warn_cb,
		.userdata = userdata,
	};

	int r;

	/* next_line() lets through little that inih stumbles over; it names only the first. */
	r = ini_parse_stream(next_line, &p, on_key, &p);
	if (r > 0) {
		p.line = (unsigned int)r;
		warn(&p, "neither a [Section] nor Key=value, ignoring");
	} else if (r < 0) {
		p.line = 0;
		warn(&p, "cannot be parsed: out of memory, ignoring");
	}
}
