// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A memfd made with MFD_NOEXEC_SEAL comes back as it was: without execute bits,
 * with its seals and no others, and writable. A kernel without the series gives
 * it the execute bits of a fresh inode, and then the seal against changing those
 * implies one against writing; with dma.finding that is what must be seen.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_GET_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#endif
#define F_SEAL_WRITE_BIT 0x8
#define TEXT		 "written before the jump"
#define LENGTH		 4096

static const struct {
	const char *what;
	uint64_t token;
	unsigned int seals; /* added to F_SEAL_EXEC, which comes with MFD_NOEXEC_SEAL */
} memfds[] = {
	{ "MFD_NOEXEC_SEAL", 1, 0 },
	{ "MFD_NOEXEC_SEAL and all that a device asks for", 2, 0x7 },
};

#define MEMFDS (sizeof memfds / sizeof *memfds)

void seal_old(struct dma *d)
{
	must("session", session_create(d, SESSION));
	for (size_t i = 0; i < MEMFDS; i++) {
		int fd = memfd_create("noexec", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

		must("memfd", fd);
		must("size", ftruncate(fd, LENGTH));
		if (pwrite(fd, TEXT, sizeof TEXT, 0) != sizeof TEXT)
			fail("write: %s", strerror(errno));
		must("seals", fcntl(fd, F_ADD_SEALS, memfds[i].seals));
		expect(memfds[i].what, session_preserve(d->session, fd, memfds[i].token), 0);
	}
	kexec_into_next();
}

static void check(int fd, const char *what, unsigned int want, bool finding)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	char *p;

	must("seals", seals);
	must("stat", fstat(fd, &st));
	say("%s: seals 0x%x, mode %o", what, seals, st.st_mode & 07777);
	p = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (finding) {
		if (!(st.st_mode & 0111) || !(seals & F_SEAL_WRITE_BIT) || p != MAP_FAILED)
			fail("%s: the finding is gone, so the case for it proves nothing", what);
		ok("%s: came back executable and read-only, as found", what);
		return;
	}
	if ((unsigned int)seals != want)
		fail("%s: seals 0x%x, were 0x%x", what, seals, want);
	if (st.st_mode & 0111)
		fail("%s: mode %o", what, st.st_mode);
	if (p == MAP_FAILED)
		fail("%s: mmap: %s", what, strerror(errno));
	if (strcmp(p, TEXT))
		fail("%s: another content", what);
	*p = 'W';
	ok("%s: came back with its seals, its mode, its content, and writable", what);
}

void seal_new(struct dma *d)
{
	char value[4];
	bool finding = guest_arg("dma.finding", value, sizeof value);
	int can_preserve = iommufd_can_preserve();

	/* The finding is a stock kernel's */
	if (can_preserve != !finding)
		fail("liblu says of a kernel without the series, or of one with it: %d",
		     can_preserve);
	ok("liblu finds that the kernel %s preserve an iommufd", can_preserve ? "can" : "cannot");
	must("session", session_retrieve(d, SESSION));
	for (size_t i = 0; i < MEMFDS; i++) {
		int fd = session_retrieve_fd(d->session, memfds[i].token);

		must("retrieve", fd);
		check(fd, memfds[i].what, memfds[i].seals | 0x20, finding);
	}
	expect("finish", session_finish(d->session), 0);
}
