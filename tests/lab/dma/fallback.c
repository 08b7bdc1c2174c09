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

/* It is clear from the kernel's log what is wrong */
void said(const char *sentence)
{
	if (!logged(sentence))
		fail("the kernel does not say '%s'", sentence);
	ok("the kernel says '%s'", sentence);
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

/* The name in a list of lines that begins so, cut off from the rest */
static char *abi_name(char *list, const char *begins)
{
	char *name = strstr(list, begins);

	if (!name)
		fail("%s has no %s", ABI_LIST, begins);
	name[strcspn(name, "\n")] = 0;
	return name;
}

/* Make the image know another version of a name than this kernel hands over */
static void image_rename(char *image, size_t size, const char *name)
{
	size_t length = strlen(name), changed = 0;

	for (char *p = image; (p = memmem(p, size - (size_t)(p - image), name, length));
	     p += length) {
		p[length - 1]++;
		changed++;
	}
	if (!changed)
		fail("the image does not say that it knows %s", name);
}

/* The same kernel, but of one thing that is handed over its list has another version */
static void other_abi(struct dma *d, const char *begins)
{
	int fd = open(ABI_LIST, O_RDONLY | O_CLOEXEC);
	char list[4096] = "", line[128], *name, *image;
	size_t size;

	if (fd < 0 || read(fd, list, sizeof list - 1) < 0)
		fail("%s: %s", ABI_LIST, strerror(errno));
	close(fd);
	name = abi_name(list, begins);
	image = image_read(&size);
	image_rename(image, size, name);
	image_load(image, size);
	snprintf(line, sizeof line, "a kernel that knows another version of %s", name);
	refused(d, line);
	snprintf(line, sizeof line, "cannot take over '%s'", name);
	said(line);
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
	/* Each is asked for by somebody else, and enough to refuse */
	static const char *const names[] = { "luod-vfio-pci-", "luod-iommufd-", "luod-iommu-" };

	device_up(d);
	preserve_all(d);
	stock(d);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		other_abi(d, names[i]);
	without_handover(d);
	kexec_into_next();
}

void stopped(struct dma *d, const char *what)
{
	unsigned int n;

	sleep_ms(200);
	n = device_count(d);
	sleep_ms(1000);
	if (device_count(d) != n)
		fail("%s: the device still writes", what);
	ok("%s: the device is stopped, after %u writes", what, n);
}

/*
 * The next kernel parks the device, but can give back nothing: vfio-pci is missing,
 * and its handler with it. What is preserved stays so, the device can do no harm
 * where it is, and the next reboot stops it.
 */
void orphan_new(struct dma *d)
{
	said("is parked, domain id");
	said("No registered handler for compatible 'luod-vfio-pci-");
	pattern_fill();
	sleep_ms(2000);
	pattern_check("orphaned");
	native_bind_refused(d);
	pattern_fill();
	sleep_ms(2000);
	pattern_check("orphaned for seconds");
	reboot_now();
}

/*
 * The next kernel cannot take the device over, and stops it when it begins to use its
 * IOMMU. Nothing here is there as early as that: what proves the order are the traces,
 * and with page_poison=1 that all memory that was free then still has its poison when
 * the pattern takes it.
 */
void fallback_new(struct dma *d)
{
	char why[64] = "", sentence[160];

	pattern_fill();
	if (!guest_arg("dma.why", why, sizeof why))
		fail("no dma.why");
	snprintf(sentence, sizeof sentence,
		 "cannot go on translating: %s. Bus mastering is turned off on all devices", why);
	said(sentence);
	must("session", session_retrieve(d, SESSION));
	d->mem = session_retrieve_fd(d->session, TOKEN_MEM);
	must("retrieve memory", d->mem);
	must("mmap", memory_map(d));
	stopped(d, "not taken over");
	expect("retrieve the device", session_retrieve_fd(d->session, TOKEN_DEV), ENODEV);
	expect("finish", session_finish(d->session), 0);
	sleep_ms(1000);
	pattern_check("not taken over");
}
