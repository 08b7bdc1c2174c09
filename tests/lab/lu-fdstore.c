/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lu-fdstore - what a service can do today without luod: it leaves a memfd in systemd's fd store,
 * which PID 1 (systemd >= 261) carries through a kexec. The bench compares luod with it.
 *
 * The service stamps the memfd when it is told to stop and reads the stamp when it has the memfd
 * back: that span is its blackout. It is written to the file named on the command line.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STORE_NAME "memory"
#define SIZE	   4096

static uint64_t counter(void)
{
	return __builtin_ia32_rdtsc();
}

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static int stored_fd(void)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++)
		if (strcmp(names[i], STORE_NAME) == 0)
			return SD_LISTEN_FDS_START + i;
	return -1;
}

static int fresh_fd(void)
{
	int fd = memfd_create(STORE_NAME, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, SIZE) < 0)
		die("memfd");
	if (sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDPOLL=0\nFDNAME=" STORE_NAME, &fd, 1) <= 0)
		die("fd store");
	return fd;
}

int main(int argc, char **argv)
{
	volatile uint64_t *stamp;
	int fd = stored_fd(), number;
	uint64_t now;
	sigset_t set;

	if (argc != 2) {
		fprintf(stderr, "usage: lu-fdstore RESULT-FILE\n");
		return 2;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		die("sigprocmask");
	if (fd < 0)
		fd = fresh_fd();
	stamp = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (stamp == MAP_FAILED)
		die("mmap");
	now = counter();
	if (*stamp) {
		FILE *f = fopen(argv[1], "we");

		if (!f || fprintf(f, "%" PRIu64 "\n", now - *stamp) < 0 || fclose(f) != 0)
			die(argv[1]);
		*stamp = 0;
	}
	sd_notify(0, "READY=1");
	sigwait(&set, &number);
	*stamp = counter();
	return EXIT_SUCCESS;
}
