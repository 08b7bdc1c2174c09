/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lu-steps - stops luod at the beginning of each step of an update, and lets somebody act then.
 *
 *	lu-steps PID STATE COMMAND
 *
 * luod writes down which step it begins before it does anything of it: the file STATE (state.json) is
 * replaced by a rename. Whenever that has happened and the step is another one than before, luod is
 * kept in that system call while COMMAND runs, with the name of the step as its last argument. So
 * which steps there are is known from luod alone, and whatever is done to an owner, or to the kernel,
 * happens before that step and after the one before it, however fast either is.
 *
 * COMMAND must not wait for luod. Ends with luod, or when it is killed, which lets luod go on.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_KEY  "\"step\":"
#define PHASE_KEY "\"phase\":"
#define WORD_SIZE 64
#define STATE_MAX (1 << 20)

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* The string that follows a key, which is at the top of the file only. "": there is none. */
static void word_of(const char *text, const char *key, char ret[WORD_SIZE])
{
	const char *at = strstr(text, key);

	ret[0] = '\0';
	if (at && sscanf(at + strlen(key), " \"%63[^\"]\"", ret) != 1)
		ret[0] = '\0';
}

/* Which step luod is at; "" when it prepares no update. */
static void read_step(const char *path, char ret[WORD_SIZE])
{
	static char text[STATE_MAX];
	char phase[WORD_SIZE];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	word_of(text, PHASE_KEY, phase);
	if (strcmp(phase, "preparing") == 0)
		word_of(text, STEP_KEY, ret);
	else
		ret[0] = '\0';
}

static void tell(const char *command, const char *step)
{
	char line[4096];

	snprintf(line, sizeof(line), "%s %s", command, step);
	if (system(line) != 0) /* NOLINT(cert-env33-c): it is a case's line of shell */
		fprintf(stderr, "lu-steps: '%s' failed\n", line);
}

static void look(const char *path, const char *command)
{
	static char last[WORD_SIZE];
	char step[WORD_SIZE];

	read_step(path, step);
	if (*step && strcmp(step, last) != 0)
		tell(command, step);
	memcpy(last, step, sizeof(last));
}

/* Has it come out of a rename? The number of the call is known on the way in only. */
static bool renamed(pid_t pid)
{
	static uint64_t call;
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		call = info.entry.nr;
	return info.op == PTRACE_SYSCALL_INFO_EXIT && !info.exit.is_error && call == SYS_rename;
}

/* The signal to let it go on with: its own ones are delivered. */
static int signal_of(int status)
{
	int signal = WSTOPSIG(status);

	return status >> 16 || signal == (SIGTRAP | 0x80) ? 0 : signal;
}

int main(int argc, char **argv)
{
	pid_t pid;
	int status;

	if (argc != 4) {
		fprintf(stderr, "Usage: lu-steps PID STATE COMMAND\n");
		return EXIT_FAILURE;
	}
	pid = (pid_t)atoi(argv[1]);
	if (ptrace(PTRACE_SEIZE, pid, 0, (void *)(uintptr_t)PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		die("ptrace");
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && renamed(pid))
			look(argv[2], argv[3]);
		if (ptrace(PTRACE_SYSCALL, pid, 0, (void *)(uintptr_t)signal_of(status)) < 0 &&
		    errno != ESRCH)
			die("ptrace");
	}
	return EXIT_SUCCESS;
}
