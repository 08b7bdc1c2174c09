// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Targets that cannot take a device over. Those of which the old kernel can tell
 * are refused before the jump, with DMA going on, and then the same session goes
 * into a kernel that can. In the others the device is stopped before anything
 * else happens.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STOCK_IMAGE "/loaded/stock"
#define ABI_LIST    "/sys/kernel/liveupdate/abi"

/* A kernel image in memory, of which bytes can be changed */
static char *image_read(size_t *ret_size)
{
	int fd = open(NEXT_IMAGE, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *image;

	must(NEXT_IMAGE, fd);
	must("stat", fstat(fd, &st));
	image = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		fail("%s: %s", NEXT_IMAGE, strerror(errno));
	close(fd);
	*ret_size = (size_t)st.st_size;
	return image;
}

static void image_load(const char *image, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	must("image", fd);
	if (write(fd, image, size) != (ssize_t)size)
		fail("image: %s", strerror(errno));
	must("load the image", kexec_load_fd(fd, ""));
	close(fd);
}

static void refused(struct dma *d, const char *what)
{
	char line[128];

	snprintf(line, sizeof line, "jump into %s", what);
	expect(line, kexec_try(), ENOEXEC);
	snprintf(line, sizeof line, "refused: %s", what);
	device_wait(d, 50, line);
}

static void stock(struct dma *d)
{
	must("load the stock kernel", kexec_load(STOCK_IMAGE));
	refused(d, "a kernel without the series");
}

/* The same kernel, with another version of what vfio-pci hands over in its list
 */
static void other_abi(struct dma *d)
{
	char list[4096] = "", *name, *end;
	unsigned int changed = 0;
	size_t size, length;
	char *image = image_read(&size);
	int fd = open(ABI_LIST, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, list, sizeof list - 1) < 0)
		fail("%s: %s", ABI_LIST, strerror(errno));
	close(fd);
	name = strstr(list, "vfio-pci");
	if (!name)
		fail("%s has nothing of vfio-pci", ABI_LIST);
	end = name + strcspn(name, "\n");
	*end = 0;
	length = (size_t)(end - name);
	for (char *p = image; (p = memmem(p, size - (size_t)(p - image), name, length));
	     p += length) {
		p[length - 1]++;
		changed++;
	}
	if (!changed)
		fail("the image does not say that it knows %s", name);
	image_load(image, size);
	refused(d, "a kernel with another ABI version");
	munmap(image, size);
}

/* As `kexec -c -l` does: any image, but nothing is handed to it */
static void without_handover(struct dma *d)
{
	static const char halt[4096] = { '\xfa', '\xf4', '\xeb', '\xfd' };
	struct kexec_segment segment = {
		.buf = halt,
		.bufsz = sizeof halt,
		.mem = (void *)(32UL << 20),
		.memsz = sizeof halt,
	};

	must("kexec_load",
	     (int)syscall(SYS_kexec_load, segment.mem, 1UL, &segment, KEXEC_ARCH_DEFAULT));
	refused(d, "what kexec_load(2) has loaded");
}

void targets_old(struct dma *d)
{
	device_up(d);
	preserve_all(d);
	stock(d);
	other_abi(d);
	without_handover(d);
	kexec_into_next();
}

void stopped(struct dma *d, const char *what)
{
	unsigned int n;

	sleep_ms(200);
	n = d->device->count(d);
	sleep_ms(1000);
	if (d->device->count(d) != n)
		fail("%s: the device still writes", what);
	ok("%s: the device is stopped, after %u writes", what, n);
}

/*
 * The next kernel parks the device, but can give back nothing: vfio-pci is missing,
 * and its handler with it. What is preserved stays so, and the device can do no
 * harm where it is.
 */
void orphan_new(struct dma *d)
{
	pattern_fill();
	sleep_ms(2000);
	pattern_check("orphaned");
	native_bind_refused(d);
	pattern_fill();
	sleep_ms(2000);
	pattern_check("orphaned for seconds");
}

/* The next kernel cannot take the device over */
void fallback_new(struct dma *d)
{
	must("session", session_retrieve(d, SESSION));
	d->mem = session_retrieve_fd(d->session, TOKEN_MEM);
	must("retrieve memory", d->mem);
	must("mmap", memory_map(d));
	stopped(d, "not taken over");
	expect("retrieve the device", session_retrieve_fd(d->session, TOKEN_DEV), ENODEV);
	pattern_fill();
	expect("finish", session_finish(d->session), 0);
	sleep_ms(1000);
	pattern_check("not taken over");
}
