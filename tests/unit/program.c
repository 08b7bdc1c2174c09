/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program - see program.h. Files in memory instead of pipes: neither side can wait for the other. */
#include "program.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>

#include "luod/util.h"

#define OUTPUT_MAX    (16U << 20)
#define ARGUMENTS_MAX 16

static int spawn(const char *const arguments[], int in, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(ret_pid, arguments[0], &actions, NULL, (char *const *)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* A file of @text, to be read from its beginning. */
static int fd_of(const char *text)
{
	_cleanup_close_ int fd = memfd_new("input");
	size_t size = strlen(text);

	if (fd >= 0 && pwrite(fd, text, size, 0) != (ssize_t)size)
		return -EIO;
	return TAKE_FD(fd);
}

int program_run(const char *const arguments[], const char *input, char **ret_output)
{
	_cleanup_close_ int in = fd_of(strempty(input)), out = memfd_new("output");
	int status, r;
	size_t size;
	pid_t pid;

	if (in < 0 || out < 0)
		return -EMFILE;
	r = spawn(arguments, in, out, &pid);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (ret_output && (r = fd_read_full(out, OUTPUT_MAX, ret_output, &size)) < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

int program_run_line(const char *line, const char *input, char **ret_output)
{
	_cleanup_free_ char *words = strdup(line);
	const char *arguments[ARGUMENTS_MAX + 1] = {};
	char *left = words, *word;
	size_t n = 0;

	while ((word = strsep(&left, " "))) {
		if (!*word)
			continue;
		if (n == ARGUMENTS_MAX)
			return -E2BIG;
		arguments[n++] = word;
	}
	return program_run(arguments, input, ret_output);
}
