// SPDX-License-Identifier: GPL-2.0-or-later
/* The cases of DMA buffers in direct mode, see edu.h. */

#include "edu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct edu_case edu;

static struct edu_case *init(struct dma *d)
{
	edu_init(&edu, d);
	return &edu;
}

/* Is there an IOMMU, and does it translate for the device? */
static void mode_check(struct edu_case *e)
{
	char want[16] = "", path[128], type[32] = "off";
	int fd;

	guest_arg("dma.domain", want, sizeof want);
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group/type", e->bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		must(path, (int)read(fd, type, sizeof type - 1));
		type[strcspn(type, "\n")] = 0;
		close(fd);
	}
	if (strcmp(type, want))
		fail("the device's domain is %s, not %s", type, want);
	ok("the device's domain: %s", type);
}

static void not_mastered(struct edu_case *e, const char *when)
{
	if (edu_mastered(e))
		fail("%s: bus mastering is on", when);
	ok("%s: bus mastering is off", when);
}

static void mastered(struct edu_case *e, const char *when)
{
	if (!edu_mastered(e))
		fail("%s: bus mastering is off", when);
	ok("%s: bus mastering is on", when);
}

/* All that was allocated is given back when the device cannot write any more, and not before */
static void down(struct edu_case *e)
{
	edu_close(e, 0, EDU_BUFFERS);
	edu_kept(e, "closed while the device can write");
	expect("stop", edu_master(e, DMAMEM_STOP), 0);
	not_mastered(e, "stopped");
	edu_freed(e, "stopped");
}

static void edu_old(struct dma *d)
{
	struct edu_case *e = init(d);

	mode_check(e);
	edu_up(e);
	edu_preserve(e, SESSION);
	expect("stop while preserved", edu_master(e, DMAMEM_STOP), EBUSY);
	expect("allocate more", edu_alloc(e, 1, 0, 0), 0);
	edu_copy(e, "preserved");
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	edu_jump(e);
}

static void driver_check(struct edu_case *e)
{
	char path[128], target[128];
	ssize_t n;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver", e->bdf);
	n = readlink(path, target, sizeof target - 1);
	target[n > 0 ? n : 0] = 0;
	if (!strstr(target, "/pci-dmamem"))
		fail("the driver is '%s'", target);
	ok("pci-dmamem has the device");
}

/* As the next kernel finds it, before anybody asks for it */
static struct edu_case *found(struct dma *d)
{
	struct edu_case *e = init(d);

	mode_check(e);
	driver_check(e);
	mastered(e, "found");
	edu_use(e);
	expect("session", session_retrieve(d, SESSION), 0);
	return e;
}

static void edu_new(struct dma *d)
{
	struct edu_case *e = found(d);
	struct dma again = *d;

	edu_retrieve(e, 0, EDU_BUFFERS);
	edu_landed(e);
	edu_check_data(e, "retrieved");
	edu_copy(e, "retrieved");
	expect("another session", session_create(&again, "again"), 0);
	expect("preserve before it is finished",
	       session_preserve(again.session, e->buffers[0].fd, 1), EBUSY);
	close(again.session);
	expect("finish", session_finish(d->session), 0);
	mastered(e, "finished");
	edu_copy(e, "finished");
	edu_check_data(e, "finished");
	close(d->session);
	mastered(e, "session closed");
	down(e);
	must("unbind", sysfs_write(&(struct dma){ .bdf = e->bdf }, "driver/unbind", e->bdf));
	ok("unbound");
}

/* ---- called off ---- */

static void edu_abort_old(struct dma *d)
{
	struct edu_case *e = init(d);

	mode_check(e);
	edu_up(e);
	edu_preserve(e, SESSION);
	must("load a kernel without the ABIs", kexec_load("/loaded/stock"));
	expect("jump into a kernel without the ABIs", kexec_try(), ENOEXEC);
	said("cannot take over 'dma-alloc-v1'");
	edu_copy(e, "jump refused");
	for (unsigned int i = 0; i < EDU_BUFFERS; i++) {
		must("unpreserve", session_unpreserve(d->session, EDU_TOKEN + i));
		edu_info(&e->buffers[i], 0);
	}
	edu_copy(e, "unpreserved");
	close(d->session);

	edu_preserve(e, SESSION);
	close(d->session);
	edu_copy(e, "session closed");
	edu_check_data(e, "session closed");
	down(e);
	close(e->dev);

	/* Nobody uses it: it is stopped without being told to */
	edu_up(e);
	edu_preserve(e, SESSION);
	edu_close(e, 0, EDU_BUFFERS);
	close(e->dev);
	mastered(e, "only preserved");
	edu_kept(e, "only preserved");
	close(d->session);
	sleep_ms(500);
	not_mastered(e, "nobody has it");
	edu_freed(e, "nobody has it");

	edu_up(e);
	edu_preserve(e, SESSION);
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	edu_jump(e);
}

/* ---- unbound ---- */

/* Waits until nobody has a buffer */
static pid_t unbind_beside(struct edu_case *e)
{
	struct dma d = { .bdf = e->bdf };
	pid_t pid = fork();

	must("fork", pid);
	if (!pid) {
		close(e->d->session);
		edu_close(e, 0, EDU_BUFFERS);
		_exit(sysfs_write(&d, "driver/unbind", e->bdf) < 0);
	}
	sleep_ms(1000);
	return pid;
}

static void edu_unbind_old(struct dma *d)
{
	struct edu_case *e = init(d);
	int status;
	pid_t pid;

	mode_check(e);
	edu_up(e);
	edu_preserve(e, SESSION);
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	pid = unbind_beside(e);
	expect("jump while it is being unbound", kexec_try(), EAGAIN);
	edu_copy(e, "jump refused");
	close(d->session);
	must("session", session_create(d, SESSION));
	expect("preserve while it is being unbound",
	       session_preserve(d->session, e->buffers[0].fd, EDU_TOKEN), EAGAIN);
	expect("allocate while it is being unbound", edu_alloc(e, 1, 0, 0), ENODEV);
	close(d->session);
	edu_close(e, 1, EDU_BUFFERS);
	edu_copy(e, "one buffer is open");
	edu_close(e, 0, 1);
	if (waitpid(pid, &status, 0) != pid || status)
		fail("unbinding ends with %x", status);
	not_mastered(e, "unbound");
	edu_freed(e, "unbound");
	expect("start what is unbound", edu_master(e, DMAMEM_START), ENODEV);
	kexec_now();
}

static void edu_unbind_new(struct dma *d)
{
	expect("no session is left", session_retrieve(d, SESSION), ENOENT);
	not_mastered(init(d), "in the next kernel");
}

/* ---- not taken over ---- */

/* Where the buffers were, which nobody retrieves: told by the command line */
static void edu_note_places(struct edu_case *e)
{
	char more[512] = "", places[64];
	int kernel = open(NEXT_IMAGE, O_RDONLY | O_CLOEXEC);

	must(NEXT_IMAGE, kernel);
	guest_arg("lab.next", more, sizeof more);
	snprintf(places, sizeof places, " dma.places=%llx,%llx,%llx",
		 (unsigned long long)e->buffers[0].dma, (unsigned long long)e->buffers[1].dma,
		 (unsigned long long)e->buffers[2].dma);
	strcat(more, places);
	must("load the next kernel", kexec_load_fd(kernel, more));
	close(kernel);
}

static void edu_places_old(struct dma *d)
{
	struct edu_case *e = init(d);

	mode_check(e);
	edu_up(e);
	edu_preserve(e, SESSION);
	edu_note_places(e);
	edu_jump(e);
}

/* The large ones */
static void places(struct edu_case *e)
{
	char text[64] = "";
	unsigned long long dma[3];

	guest_arg("dma.places", text, sizeof text);
	if (sscanf(text, "%llx,%llx,%llx", &dma[0], &dma[1], &dma[2]) != 3)
		fail("places: %s", text);
	for (unsigned int i = 0; i < 3; i++)
		edu_place(e, i, dma[i]);
}

static void edu_unclaimed_new(struct dma *d)
{
	struct edu_case *e = found(d);

	places(e);
	edu_kept(e, "not retrieved");
	expect("finish", session_finish(d->session), 0);
	said("a buffer was not taken back, stopping the device");
	not_mastered(e, "finished");
	edu_freed(e, "finished");
	close(e->dev);
	edu_up(e);
	down(e);
}

/* The same by closing the session */
static void edu_closed_new(struct dma *d)
{
	struct edu_case *e = found(d);

	places(e);
	edu_kept(e, "not retrieved");
	close(d->session);
	not_mastered(e, "session closed");
	edu_freed(e, "session closed");
}

/* One of them is retrieved: it lives on, with the device stopped */
static void edu_partial_new(struct dma *d)
{
	struct edu_case *e = found(d);
	size_t all, n;

	places(e);
	edu_retrieve(e, 0, 1);
	edu_landed(e);
	expect("finish", session_finish(d->session), 0);
	not_mastered(e, "finished");
	n = edu_free_pages(e, 1, 3, &all);
	if (n + 8 < all)
		fail("only %zu of %zu pages are free", n, all);
	ok("%zu of %zu pages are free", n, all);
	edu_check_data(e, "finished");
	expect("start", edu_master(e, DMAMEM_START), 0);
	edu_copy(e, "started again");
	edu_close(e, 0, 1);
	expect("stop", edu_master(e, DMAMEM_STOP), 0);
}

static void edu_twice_new(struct dma *d)
{
	struct edu_case *e = found(d);

	edu_retrieve(e, 0, EDU_BUFFERS);
	edu_landed(e);
	edu_check_data(e, "retrieved");
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	expect("jump while it is unfinished", kexec_try(), EBUSY);
	mastered(e, "jump refused");
	edu_copy(e, "jump refused");
	expect("finish", session_finish(d->session), 0);
	close(d->session);
	must("session", session_create(d, SESSION));
	for (unsigned int i = 0; i < EDU_BUFFERS; i++)
		must("preserve", session_preserve(d->session, e->buffers[i].fd, EDU_TOKEN + i));
	ok("preserved again");
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	edu_jump(e);
}

/* ---- translated ---- */

static void edu_translated_new(struct dma *d)
{
	struct edu_case *e = init(d);

	said("its buffers would be translated, bus mastering is turned off");
	not_mastered(e, "found");
	driver_check(e);
	places(e);
	edu_kept(e, "not retrieved");
	expect("session", session_retrieve(d, SESSION), 0);
	expect("retrieve", session_retrieve_fd(d->session, EDU_TOKEN), EOPNOTSUPP);
	expect("finish", session_finish(d->session), 0);
	not_mastered(e, "finished");
	edu_freed(e, "finished");
	if (logged("DMAR: [DMA"))
		fail("there was a fault");
	ok("there was no fault");
}

/* ---- refused ---- */

static int preserve_one(struct edu_case *e)
{
	int r, saved;

	must("session", session_create(e->d, "one"));
	r = session_preserve(e->d->session, e->buffers[0].fd, 1);
	saved = errno;
	close(e->d->session);
	errno = saved;
	return r;
}

static void refuse_arguments(struct edu_case *e)
{
	struct dmamem_alloc larger[2] = { { .size = sizeof larger, .length = 1 } };
	struct dmamem_alloc alloc = { .size = 8, .length = 1 };
	struct dmamem_start start = { .size = sizeof start, .flags = 1 };
	struct dmamem_info info = { .size = sizeof info, .flags = 1 };

	expect("allocate nothing", edu_alloc(e, 0, 0, 0), EINVAL);
	expect("allocate too much", edu_alloc(e, (4UL << 20) + 1, 0, 0), EINVAL);
	expect("allocate with unknown flags", edu_alloc(e, 1, 0, 1), EINVAL);
	expect("allocate with wide addresses", edu_alloc(e, 1, 65, 0), EINVAL);
	expect("allocate with a short structure", ioctl(e->dev, DMAMEM_ALLOC, &alloc), EINVAL);
	expect("allocate with a longer one", ioctl(e->dev, DMAMEM_ALLOC, larger), 0);
	close(larger[0].fd);
	larger[1].length = 1;
	expect("allocate with one that says more", ioctl(e->dev, DMAMEM_ALLOC, larger), E2BIG);
	expect("start with unknown flags", ioctl(e->dev, DMAMEM_START, &start), EINVAL);
	not_mastered(e, "refused");
	expect("a command of the buffer", ioctl(e->dev, DMAMEM_INFO, &info), ENOTTY);
	expect("info with unknown flags", ioctl(e->buffers[0].fd, DMAMEM_INFO, &info), EINVAL);
	expect("a command of the device", ioctl(e->buffers[0].fd, DMAMEM_START, &start), ENOTTY);
}

static void rebind(struct edu_case *e, const char *type)
{
	struct dma d = { .bdf = e->bdf };

	edu_close(e, 0, 1);
	close(e->dev);
	must("unbind", sysfs_write(&d, "driver/unbind", e->bdf));
	must(type, sysfs_write(&d, "iommu_group/type", type));
	edu_bind(e);
	edu_use(e);
	e->buffers[0].fd = edu_alloc(e, EDU_FIRST, EDU_BITS, 0);
	must("allocate", e->buffers[0].fd);
	edu_info(&e->buffers[0], 0);
}

static void edu_refuse(struct dma *d)
{
	struct edu_case *e = init(d);

	mode_check(e);
	edu_bind(e);
	edu_use(e);
	e->buffers[0].fd = edu_alloc(e, EDU_FIRST, EDU_BITS, 0);
	must("allocate", e->buffers[0].fd);
	edu_info(&e->buffers[0], 0);
	refuse_arguments(e);
	expect("preserve what is translated", preserve_one(e), EOPNOTSUPP);
	rebind(e, "identity");
	expect("preserve what the next kernel would translate", preserve_one(e), EOPNOTSUPP);
	rebind(e, "DMA");
	expect("preserve what is translated again", preserve_one(e), EOPNOTSUPP);
	edu_close(e, 0, 1);
}

/* ---- beside a device of VFIO ---- */

/* Its domain is its own, that of the other is identity */
static void edu_beside_old(struct dma *d)
{
	struct edu_case *e = init(d);

	device_up(d);
	mode_check(e);
	edu_up(e);
	preserve_all(d);
	must("preserve", session_preserve(d->session, e->buffers[0].fd, EDU_TOKEN));
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	expect("jump with both", kexec_try(), EOPNOTSUPP);
	said("behind the IOMMU of a preserved VFIO device, no live update");
	device_wait(d, 50, "jump refused");
	edu_copy(e, "jump refused");
	expect("unpreserve", session_unpreserve(d->session, EDU_TOKEN), 0);
	edu_close(e, 0, EDU_BUFFERS);
	expect("stop", edu_master(e, DMAMEM_STOP), 0);
	kexec_now();
}

/* ---- allocations that fail ---- */

static int extra = -1;

static int alloc_extra(struct dma *d)
{
	(void)d;
	extra = edu_alloc(&edu, 5000, 0, 0);
	return extra < 0 ? -1 : 0;
}

static int close_extra(struct dma *d)
{
	(void)d;
	return close(extra);
}

static int preserve_extra(struct dma *d)
{
	return session_preserve(d->session, extra, EDU_TOKEN - 1);
}

static int unpreserve_extra(struct dma *d)
{
	return session_unpreserve(d->session, EDU_TOKEN - 1);
}

/* In the session there is nothing yet: what it needs to begin with can fail, too */
static void fail_preserving(struct dma *d)
{
	fail_each(d, &(struct faulty){ "allocate", alloc_extra, close_extra });
	must("session", session_create(d, "faults"));
	fail_each(d, &(struct faulty){ "preserve", preserve_extra, unpreserve_extra });
	close(d->session);
	close(extra);
}

static void edu_faults_old(struct dma *d)
{
	struct edu_case *e = init(d);
	unsigned long pages;

	mode_check(e);
	faults_on();
	edu_up(e);
	/* Once through, so that what is allocated once for ever does not count */
	edu_preserve(e, SESSION);
	close(d->session);
	pages = kho_pages();
	quietly(d, fail_preserving);
	same_pages("buffers", pages);
	edu_copy(e, "after all failures");
	edu_preserve(e, SESSION);
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	edu_jump(e);
}

static unsigned int retrieving;

static int retrieve_one(struct dma *d)
{
	edu.buffers[retrieving].fd = session_retrieve_fd(d->session, EDU_TOKEN + retrieving);
	return edu.buffers[retrieving].fd < 0 ? -1 : 0;
}

/* Each can be tried once: of one the first allocation fails, of the next the second, ... */
static void fail_retrieving(struct dma *d)
{
	static const struct faulty retrieve = { "retrieve", retrieve_one, NULL };
	unsigned int refused = 0;
	int result, nth = 1;

	for (retrieving = 1; retrieving < EDU_BUFFERS; retrieving++) {
		if (!call_faulty(d, &retrieve, nth++, &result))
			break;
		refused += !!result;
	}
	if (!refused || retrieving == EDU_BUFFERS)
		fail("of %d allocations none has failed, or too many", nth);
	ok("%u allocations failed, and %u times retrieving did", nth - 2, refused);
}

static void edu_faults_new(struct dma *d)
{
	struct edu_case *e = found(d);

	faults_on();
	edu_retrieve(e, 0, 1);
	edu_landed(e);
	quietly(d, fail_retrieving);
	for (unsigned int i = 1; i < EDU_BUFFERS; i++) {
		edu_place(e, i, e->note->dma[i]);
		if (e->buffers[i].fd >= 0)
			edu_info(&e->buffers[i], DMAMEM_INFO_RESTORED);
	}
	edu_check_data(e, "retrieved");
	expect("finish", session_finish(d->session), 0);
	not_mastered(e, "finished");
	edu_check_data(e, "finished");
	edu_close(e, 0, EDU_BUFFERS);
	edu_freed(e, "finished and closed");
}

const struct dma_case edu_cases[] = {
	{ "edu", { edu_old, edu_new } },
	{ "edu-abort", { edu_abort_old, edu_new } },
	{ "edu-unbind", { edu_unbind_old, edu_unbind_new } },
	{ "edu-unclaimed", { edu_places_old, edu_unclaimed_new } },
	{ "edu-closed", { edu_places_old, edu_closed_new } },
	{ "edu-partial", { edu_places_old, edu_partial_new } },
	{ "edu-translated", { edu_places_old, edu_translated_new } },
	{ "edu-twice", { edu_old, edu_twice_new, edu_new } },
	{ "edu-refuse", { edu_refuse } },
	{ "edu-faults", { edu_faults_old, edu_faults_new } },
	{ "edu-beside", { edu_beside_old, jump_new } },
	{ NULL, {} },
};
