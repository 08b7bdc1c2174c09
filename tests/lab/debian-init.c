// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First program of a modular kernel in the lab: loads the modules below /m in the
 * order of their names, mounts the root disk and becomes its init. Knows of one
 * disk and of no options.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOT  "/dev/vda"
#define TRIES 100

static int is_module(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void load_modules(void)
{
	struct dirent **list;
	int n = scandir("/m", &list, is_module, alphasort);

	for (int i = 0; i < n; i++) {
		char path[300];
		int fd;

		snprintf(path, sizeof(path), "/m/%s", list[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
			perror(path);
		if (fd >= 0)
			close(fd);
	}
}

int main(void)
{
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) < 0)
		perror("/dev");
	load_modules();
	for (int i = 0; i < TRIES && access(ROOT, F_OK) < 0; i++)
		usleep(100000);
	if (mount(ROOT, "/root", "ext4", 0, NULL) < 0) {
		perror(ROOT);
		return EXIT_FAILURE;
	}
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) < 0 || chdir("/root") < 0 ||
	    mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0) {
		perror("switch to " ROOT);
		return EXIT_FAILURE;
	}
	execl("/sbin/init", "/sbin/init", (char *)NULL);
	perror("/sbin/init");
	return EXIT_FAILURE;
}
