/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault - see fault.h. */
#include "fault.h"

#ifdef LUOD_FAULTS

#include <signal.h>

#include "log.h"
#include "manager.h"

#define FILE_MAX  4096
#define POINT_MAX 64

static const struct {
	const char *word;
	int error;
} errors[] = {
	{ "EIO", EIO },	      { "ENOMEM", ENOMEM }, { "EMFILE", EMFILE },
	{ "ENOSPC", ENOSPC }, { "EBUSY", EBUSY },
};

static char *path_of(const struct manager *m, const char *name)
{
	return m->paths.run ? strprintf("%s/%s", m->paths.run, name) : NULL;
}

static int append(const struct manager *m, const char *name, const char *line)
{
	_cleanup_free_ char *path = path_of(m, name);
	_cleanup_fclose_ FILE *f = path ? fopen(path, "ae") : NULL;

	return f && fprintf(f, "%s\n", line) > 0 && fflush(f) == 0 ? 0 : -EIO;
}

/* What the file says, as far as luod knows: it may have no fd to read it with. */
static char *known;

static void know(const char *text)
{
	free(known);
	known = text ? strdup(text) : NULL;
}

/* Writes the lines back but for the one at @line, which has become true. */
static int take_out(const struct manager *m, const char *text, const char *line, size_t length)
{
	_cleanup_free_ char *path = path_of(m, "fault");
	_cleanup_free_ char *rest = NULL;
	const char *after = line + length + (line[length] == '\n');

	rest = strprintf("%.*s%s", (int)(line - text), text, after);
	if (!path || !rest)
		return -ENOMEM;
	know(rest);
	return *rest ? file_write_atomic(path, rest, strlen(rest), 0600) : unlink(path);
}

/* The line about @point in @text, and its length; NULL: there is none. */
static const char *find(const char *text, const char *point, size_t *ret_length)
{
	size_t length = strlen(point);

	for (const char *line = text; *line; line += *ret_length + (line[*ret_length] == '\n')) {
		*ret_length = strcspn(line, "\n");
		if (strncmp(line, point, length) == 0 && line[length] == ' ')
			return line;
	}
	return NULL;
}

/* 0: @what is no error. */
static int error_of(const char *what)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (streq(what, errors[i].word))
			return -errors[i].error;
	return 0;
}

static int happen(const char *what)
{
	if (streq(what, "kill"))
		raise(SIGKILL);
	if (streq(what, "stop"))
		raise(SIGSTOP);
	return error_of(what);
}

/* What the file says; or what it said, while luod has no fd to read it with. NULL: nothing. */
static char *read_lines(const struct manager *m)
{
	_cleanup_free_ char *path = path_of(m, "fault");
	char *text;
	int r = path ? file_read_full(path, FILE_MAX, &text, NULL) : -ENOMEM;

	if (r < 0 && r != -ENOENT)
		return known ? strdup(known) : NULL;
	know(r < 0 ? NULL : text);
	return r < 0 ? NULL : text;
}

/* What shall happen at @point, which from now on has happened; NULL: nothing. Freed by the caller. */
static char *take_next(const struct manager *m, const char *point)
{
	_cleanup_free_ char *text = read_lines(m), *said = NULL;
	const char *line, *what;
	size_t length;

	line = text ? find(text, point, &length) : NULL;
	said = line ? strndup(line, length) : NULL;
	if (!said)
		return NULL;
	what = said + strlen(point) + 1;
	if (take_out(m, text, line, length) < 0 || append(m, "fault.done", said) < 0) {
		log_error("Fault: '%s' cannot be noted", said);
		/* All else would come true again, without end. */
		if (error_of(what) == 0)
			return NULL;
	}
	log_warning("Fault: %s", said);
	return strdup(what);
}

int fault_point(const struct manager *m, const char *point)
{
	int r = 0;

	while (r == 0) {
		_cleanup_free_ char *what = take_next(m, point);

		if (!what)
			break;
		r = happen(what);
	}
	return r;
}

int fault_of_step(const struct manager *m, const struct step *step, const char *when)
{
	char point[POINT_MAX];

	snprintf(point, sizeof(point), "%s:%s", step->name, when);
	return fault_point(m, point);
}

#endif
