/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-dmamem - DMA buffers for a luod of a test, which is started with this library in front of the C
 * library: memory files that are called "dmamem:0000:00:05.0" are buffers of that function, as large as
 * they are. What luod asks the kernel of them is answered here, and nothing else.
 */
#include <errno.h>
#include <linux/dmamem.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME "/memfd:dmamem:"
#define LINK "anon_inode:[dmamem]"

ssize_t readlink(const char *path, char *buffer, size_t size)
{
	ssize_t n = syscall(SYS_readlink, path, buffer, size);

	if (n < (ssize_t)strlen(NAME) || memcmp(buffer, NAME, strlen(NAME)) != 0)
		return n;
	memcpy(buffer, LINK, strlen(LINK));
	return (ssize_t)strlen(LINK);
}

static bool address_of(int fd, unsigned int address[static 4])
{
	char path[64], link[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlink, path, link, sizeof(link) - 1);
	if (n < 0)
		return false;
	link[n] = '\0';
	return sscanf(link, NAME "%x:%x:%x.%x", &address[0], &address[1], &address[2],
		      &address[3]) == 4;
}

static int answer(int fd, struct dmamem_info *info)
{
	unsigned int address[4];
	struct stat st;

	if (!address_of(fd, address) || fstat(fd, &st) < 0) {
		errno = ENOTTY;
		return -1;
	}
	info->length = (__u64)st.st_size;
	info->dma_addr = 0x1000000;
	info->segment = address[0];
	info->bdf = address[1] << 8 | address[2] << 3 | address[3];
	info->flags = 0;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *args;

	va_start(ap, request);
	args = va_arg(ap, void *);
	va_end(ap);
	return request == DMAMEM_INFO ? answer(fd, args)
				      : (int)syscall(SYS_ioctl, fd, request, args);
}
