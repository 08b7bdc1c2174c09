/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-lu-session - a session through an update and back, in custody and by delegation, and every
 * refusal on the way. Against fake-luod; the kernel's ioctls are played by this file, which takes
 * the place of libc's ioctl() for the numbers of live update.
 */
#include <linux/dmamem.h>
#include <linux/iommufd.h>
#include <linux/liveupdate.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../../liblu/lu-private.h"
#include "fake-luod.h"

/* What the kernel is asked next, and what it says. */
static struct {
	unsigned long request; /* 0: nothing is expected */
	int error;
	uint64_t token;
	int session_fd;
} kernel;

/* A kernel session that takes what it is given, but for the @refuse-th file, and looks at the order. */
static struct {
	bool on;
	unsigned int refuse, asked;
	uint64_t tokens[8];
	size_t n;
	int iommufd, device, buffer;
} order = { .iommufd = -1, .device = -1, .buffer = -1 };

static int answer(int error)
{
	errno = error;
	return error ? -1 : 0;
}

static int in_order(int fd, unsigned long request, void *argument)
{
	struct liveupdate_session_preserve_fd *preserve = argument;
	struct liveupdate_session_unpreserve_fd *unpreserve = argument;

	switch (request) {
	case LIVEUPDATE_SESSION_PRESERVE_FD:
		if (++order.asked == order.refuse)
			return answer(EOPNOTSUPP);
		order.tokens[order.n++] = preserve->token;
		return 0;
	case LIVEUPDATE_SESSION_UNPRESERVE_FD:
		assert_int_equal(unpreserve->size, sizeof(*unpreserve));
		if (order.n == 0 || order.tokens[order.n - 1] != unpreserve->token)
			return answer(ENOENT);
		order.n--;
		return 0;
	case IOMMU_LU_INFO:
		return answer(fd == order.iommufd ? ENODATA : ENOTTY);
	case VFIO_DEVICE_GET_INFO:
		return answer(fd == order.device ? EINVAL : ENOTTY);
	case DMAMEM_INFO:
		((struct dmamem_info *)argument)->length = 5000;
		return answer(fd == order.buffer ? 0 : ENOTTY);
	}
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *argument;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	if (order.on)
		return in_order(fd, request, argument);
	if (request != LIVEUPDATE_SESSION_PRESERVE_FD && request != LIVEUPDATE_SESSION_RETRIEVE_FD)
		return (int)syscall(SYS_ioctl, fd, request, argument);

	assert_int_equal(request, kernel.request);
	kernel.request = 0;
	kernel.session_fd = fd;
	if (request == LIVEUPDATE_SESSION_PRESERVE_FD) {
		struct liveupdate_session_preserve_fd *preserve = argument;

		assert_int_equal(preserve->size, sizeof(*preserve));
		assert_true(fcntl(preserve->fd, F_GETFD) >= 0);
		kernel.token = preserve->token;
	} else {
		struct liveupdate_session_retrieve_fd *retrieve = argument;

		assert_int_equal(retrieve->size, sizeof(*retrieve));
		kernel.token = retrieve->token;
		if (!kernel.error)
			retrieve->fd = memfd_create("retrieved", MFD_CLOEXEC);
	}
	errno = kernel.error;
	return kernel.error ? -1 : 0;
}

static void expect_ioctl(unsigned long request, int error)
{
	kernel.request = request;
	kernel.error = error;
}

struct world {
	struct fake_luod luod;
	struct lu *lu;
	struct lu_session *s;
	struct lu_event event;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct lu_options o = { .size = sizeof(o), .address = w->luod.address };

	fake_start(&w->luod, false);
	fake_do(&w->luod, FAKE_COUNT, NULL);
	assert_int_equal(lu_new(&w->lu, &o), 0);
	assert_int_equal(lu_session_create(w->lu, "vm", NULL, &w->s), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	lu_session_unref(w->s);
	lu_unref(w->lu);
	fake_stop(&w->luod);
	free(w);
	return 0;
}

static enum lu_event_type next(struct world *w)
{
	int r;

	w->event = (struct lu_event){ .size = sizeof(w->event) };
	while ((r = lu_process(w->lu, &w->event)) == 0)
		if (lu_wait(w->lu, 5000000) == 0)
			break;
	return r > 0 ? w->event.type : LU_EVENT_NONE;
}

static void go_to_state(struct world *w, const char *state)
{
	fake_do(&w->luod, FAKE_STATE, state);
	assert_int_equal(next(w), LU_EVENT_STATE);
	assert_string_equal(lu_state_to_string(w->event.state), state);
	assert_ptr_equal(w->event.session, w->s);
}

static const char *last(struct world *w)
{
	return fake_do(&w->luod, FAKE_LAST, NULL);
}

static void test_options(void **state)
{
	struct {
		struct lu_session_options o;
		uint64_t future;
	} newer = { .o.size = sizeof(newer), .future = 1 };
	struct lu_session_options o = {
		.size = sizeof(o),
		.mode = LU_MODE_DELEGATION,
		.policy = LU_POLICY_BEST_EFFORT,
		.claim_policy = LU_CLAIM_POLICY_UID,
		.unclaimed_policy = LU_UNCLAIMED_FINISH,
		.claim_timeout_usec = LU_USEC_INFINITY,
		.ready_timeout_usec = 9000000,
	};
	struct world *w = *state;
	struct lu_session *s = NULL;

	assert_int_equal(lu_session_create(w->lu, "vm", &newer.o, &s), -E2BIG);
	o.size = 8;
	assert_int_equal(lu_session_create(w->lu, "vm", &o, &s), -EINVAL);
	o.size = sizeof(o);
	assert_int_equal(lu_session_create(w->lu, "vm", &o, &s), -EEXIST);
	o.policy = (enum lu_policy)7;
	assert_int_equal(lu_session_create(w->lu, "vm", &o, &s), -EINVAL);
	assert_int_equal(lu_session_claim(w->lu, "other", &s), -ENOENT);
	assert_string_equal(lu_error_text(w->lu), "ClaimSession: as the test wanted");
	assert_int_equal(lu_session_create(w->lu,
					   "x123456789x123456789x123456789x123456789x12345678x",
					   NULL, &s),
			 -EINVAL);
	assert_null(s);
}

static void test_claim(void **state)
{
	struct world *w = *state;
	struct lu_session *s;

	fake_do(&w->luod, FAKE_STATE, "claimed");
	fake_do(&w->luod, FAKE_REASON, "thus");
	fake_do(&w->luod, FAKE_UPDATE_ID, "u-1");
	fake_do(&w->luod, FAKE_MODE, "delegation");
	assert_int_equal(lu_session_claim(w->lu, "vm", &s), 0);
	assert_string_equal(lu_session_name(s), "vm");
	assert_string_equal(lu_session_reason(s), "thus");
	assert_string_equal(lu_session_update_id(s), "u-1");
	assert_int_equal(lu_session_state(s), LU_STATE_CLAIMED);
	assert_int_equal(lu_session_mode(s), LU_MODE_DELEGATION);
	assert_ptr_equal(lu_session_get_lu(s), w->lu);
	assert_ptr_equal(lu_session_ref(s), s);
	lu_session_unref(s);
	lu_session_unref(s);
	assert_null(lu_session_unref(NULL));

	fake_do(&w->luod, FAKE_GARBAGE, "ClaimSession");
	assert_int_equal(lu_session_claim(w->lu, "vm", &s), -EPROTO);
	fake_do(&w->luod, FAKE_GARBAGE, "GetAll");
	assert_int_equal(lu_session_claim(w->lu, "vm", &s), -EPROTO);
}

static void test_errors(void **state)
{
	static const struct {
		const char *name;
		int error;
	} cases[] = {
		{ "Ready org.luod1.Error.WrongState", -ESTALE },
		{ "Ready org.luod1.Error.Busy", -EBUSY },
		{ "Ready org.luod1.Error.NotOwner", -EPERM },
		{ "Ready org.luod1.Error.QuotaExceeded", -EDQUOT },
		{ "Ready org.luod1.Error.Kernel", -EIO },
		{ "Ready org.freedesktop.DBus.Error.AccessDenied", -EACCES },
		{ "Ready org.freedesktop.DBus.Error.UnknownObject", -ENOENT },
		{ "Ready org.luod1.Error.FromTheFuture", -EIO },
	};
	struct world *w = *state;

	for (size_t i = 0; i < LU_ARRAY_SIZE(cases); i++) {
		fake_do(&w->luod, FAKE_ERROR, cases[i].name);
		assert_int_equal(lu_session_ready(w->s), cases[i].error);
		/* One line, whatever luod wrote. */
		assert_string_equal(lu_error_text(w->lu), "Ready: as the test wanted");
	}
	assert_int_equal(lu_session_ready(w->s), 0);
}

static void test_error_text(void **state)
{
	struct world *w = *state;
	char longer[LU_ERROR_TEXT_MAX + 1] = "";

	/* "é" again and again: the text ends between two of its bytes, and must not. */
	for (int i = 0; i < LU_ERROR_TEXT_MAX; i++)
		longer[i] = "\xc3\xa9"[i % 2];
	assert_int_equal(lu_fail(w->lu, -EIO, "x%s", longer), -EIO);
	assert_int_equal(strlen(lu_error_text(w->lu)) % 2, 1);
	assert_true(strlen(lu_error_text(w->lu)) >= LU_ERROR_TEXT_MAX - 3);
	lu_fail(w->lu, -EIO, "%s", "a\tb\x7f");
	assert_string_equal(lu_error_text(w->lu), "a b ");
}

static void test_custody(void **state)
{
	struct lu_resource resource = { .size = sizeof(resource) };
	struct world *w = *state;
	int fd = memfd_create("ram", MFD_CLOEXEC);
	struct stat a, b;
	uint64_t token = 0;
	int back = -1;

	assert_int_equal(lu_session_resource(w->s, 0, &resource), 0);
	assert_int_equal(lu_session_attach_memory(w->s, "ram0", fd, &token), 0);
	assert_int_equal(token, 7);
	assert_string_equal(last(w), "AttachMemory ram0");
	/* What luod now lists is seen once the signal has been processed. */
	assert_int_equal(lu_wait(w->lu, 5000000), 1);
	assert_int_equal(lu_process(w->lu, &(struct lu_event){ .size = sizeof(struct lu_event) }),
			 0);
	assert_int_equal(lu_session_resource(w->s, 0, &resource), 1);
	assert_string_equal(resource.label, "ram0");
	assert_string_equal(resource.kind, "memory");
	assert_int_equal(resource.token, 7);
	assert_int_equal(resource.bytes, 8192);
	assert_int_equal(lu_session_resource(w->s, 1, &resource), 0);

	memset(&resource, 0, sizeof(resource));
	assert_int_equal(lu_session_get_resource(w->s, "ram0", &back, &resource), -EINVAL);
	resource.size = sizeof(resource);
	assert_int_equal(lu_session_get_resource(w->s, "ram0", &back, &resource), 0);
	assert_int_equal(resource.token, 7);
	assert_string_equal(resource.label, "ram0");
	assert_string_equal(resource.kind, "memory");
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(back, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(fcntl(back, F_GETFD), FD_CLOEXEC);
	close(back);
	assert_int_equal(lu_session_get_resource(w->s, "ram0", &back, NULL), 0);
	close(back);

	fake_do(&w->luod, FAKE_GARBAGE, "GetResource");
	assert_int_equal(lu_session_get_resource(w->s, "ram0", &back, NULL), -EPROTO);
	fake_do(&w->luod, FAKE_GARBAGE, "AttachMemory");
	assert_int_equal(lu_session_attach_memory(w->s, "ram0", fd, NULL), -EPROTO);
	fake_do(&w->luod, FAKE_ERROR, "GetResource org.luod1.Error.NoSuchResource");
	assert_int_equal(lu_session_get_resource(w->s, "ram1", &back, NULL), -ENODATA);
	assert_true(lu_session_attach_memory(w->s, "ram0", -1, NULL) < 0);
	assert_int_equal(lu_session_detach(w->s, "ram0"), 0);
	assert_string_equal(last(w), "Detach ram0");
	close(fd);
}

static void test_links(void **state)
{
	static const char *const links[] = { "tap0", "guests/mv0" };
	struct world *w = *state;
	uint64_t token;

	assert_int_equal(lu_session_set_links(w->s, links, 2), 0);
	assert_string_equal(last(w), "SetLinks tap0 guests/mv0");
	assert_int_equal(lu_session_set_links(w->s, links, 1), 0);
	assert_string_equal(last(w), "SetLinks tap0");
	assert_int_equal(lu_session_set_links(w->s, NULL, 0), 0);
	assert_string_equal(last(w), "SetLinks");
	assert_int_equal(lu_session_attach_tap(w->s, "net0", 0, &token), 0);
	assert_string_equal(last(w), "AttachTap net0");
	fake_do(&w->luod, FAKE_ERROR, "AttachTap org.luod1.Error.NotPreservable");
	assert_int_equal(lu_session_attach_tap(w->s, "net0", 0, NULL), -EMEDIUMTYPE);
	assert_int_equal(lu_session_attach_dma_memory(w->s, "ring", 0, &token), 0);
	assert_string_equal(last(w), "AttachDmaMemory ring");
	fake_do(&w->luod, FAKE_ERROR, "AttachDmaMemory org.luod1.Error.NotSupported");
	assert_int_equal(lu_session_attach_dma_memory(w->s, "ring", 0, NULL), -EOPNOTSUPP);
	fake_do(&w->luod, FAKE_ERROR, "SetLinks org.freedesktop.DBus.Error.AccessDenied");
	assert_int_equal(lu_session_set_links(w->s, links, 2), -EACCES);
}

static void test_delegation(void **state)
{
	struct world *w = *state;
	int fd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int back = -1;
	int session_fd;

	assert_int_equal(ftruncate(fd, 4096), 0);
	fake_do(&w->luod, FAKE_MODE, "delegation");
	go_to_state(w, "preparing");
	expect_ioctl(LIVEUPDATE_SESSION_PRESERVE_FD, 0);
	assert_int_equal(lu_session_preserve(w->s, "ram0", fd, 42), 0);
	assert_int_equal(kernel.token, 42);
	assert_string_equal(last(w), "DeclareResource ram0 memory 42 4096");
	session_fd = kernel.session_fd;
	assert_int_equal(lu_session_get_fd(w->s), session_fd);
	assert_int_equal(fcntl(session_fd, F_GETFD), FD_CLOEXEC);

	expect_ioctl(LIVEUPDATE_SESSION_PRESERVE_FD, EBUSY);
	assert_int_equal(lu_session_preserve(w->s, "ram1", fd, 43), -EBUSY);
	assert_string_equal(lu_error_text(w->lu),
			    "The kernel does not preserve 'ram1': Device or resource busy");

	/* Called off: nothing here keeps the kernel session alive. */
	fake_do(&w->luod, FAKE_CANCEL, "changed my mind");
	assert_int_equal(next(w), LU_EVENT_CANCELLED);
	assert_string_equal(w->event.reason, "changed my mind");
	assert_int_equal(fcntl(session_fd, F_GETFD), -1);

	go_to_state(w, "claimed");
	expect_ioctl(LIVEUPDATE_SESSION_RETRIEVE_FD, 0);
	assert_int_equal(lu_session_retrieve(w->s, 42, &back), 0);
	close(back);
	expect_ioctl(LIVEUPDATE_SESSION_RETRIEVE_FD, ENOENT);
	assert_int_equal(lu_session_retrieve(w->s, 44, &back), -ENOENT);
	session_fd = kernel.session_fd;
	assert_int_equal(lu_session_done(w->s), 0);
	assert_int_equal(fcntl(session_fd, F_GETFD), -1);

	fake_do(&w->luod, FAKE_ERROR, "GetSessionFD org.luod1.Error.WrongState");
	assert_int_equal(lu_session_get_fd(w->s), -ESTALE);
	fake_do(&w->luod, FAKE_ERROR, "GetSessionFD org.luod1.Error.WrongState");
	assert_int_equal(lu_session_preserve(w->s, "ram0", fd, 1), -ESTALE);
	fake_do(&w->luod, FAKE_ERROR, "GetSessionFD org.luod1.Error.WrongState");
	assert_int_equal(lu_session_retrieve(w->s, 1, &back), -ESTALE);
	fake_do(&w->luod, FAKE_GARBAGE, "GetSessionFD");
	assert_int_equal(lu_session_get_fd(w->s), -EPROTO);
	assert_int_equal(lu_session_get_fd(w->s) >= 0, 1);
	go_to_state(w, "idle");
	close(fd);
}

/* Given as they come, preserved in the kernel's order, all or nothing. */
static void test_preserve_all(void **state)
{
	struct world *w = *state;
	const struct lu_preserve items[] = {
		{ "nic", 30, open("/dev/null", O_RDONLY | O_CLOEXEC), 0 },
		{ "ram0", 10, memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING), 0 },
		{ "iommu", 20, open("/dev/null", O_RDONLY | O_CLOEXEC), 0 },
		{ "ring", 15, open("/dev/null", O_RDONLY | O_CLOEXEC), 0 },
		{ "ram1", 11, memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING), 0 },
	};
	const uint64_t wanted[] = { 10, 11, 15, 20, 30 };

	fake_do(&w->luod, FAKE_MODE, "delegation");
	go_to_state(w, "preparing");
	order.on = true;
	order.device = items[0].fd;
	order.iommufd = items[2].fd;
	order.buffer = items[3].fd;

	order.refuse = 5;
	assert_int_equal(lu_session_preserve_all(w->s, items, 5), -EOPNOTSUPP);
	assert_string_equal(lu_error_text(w->lu),
			    "The kernel does not preserve 'nic': Operation not supported");
	assert_int_equal(order.n, 0);
	assert_string_not_equal(last(w), "DeclareDevice nic 30 0");

	order.refuse = 0;
	assert_int_equal(lu_session_preserve_all(w->s, items, 5), 0);
	assert_int_equal(order.n, 5);
	assert_memory_equal(order.tokens, wanted, sizeof(wanted));
	assert_string_equal(last(w), "DeclareDevice nic 30 0");

	assert_int_equal(lu_session_unpreserve(w->s, 20), -ENOENT);
	assert_int_equal(lu_session_unpreserve(w->s, 30), 0);
	assert_int_equal(order.n, 4);
	assert_int_equal(lu_session_preserve(w->s, "ring2", items[3].fd, 16), 0);
	assert_string_equal(last(w), "DeclareDevice ring2 16 8192");
	assert_int_equal(lu_session_preserve(w->s, "iommu2", items[2].fd, 21), 0);
	assert_string_equal(last(w), "DeclareResource iommu2 iommufd 21 0");
	assert_int_equal(lu_session_preserve_all(w->s, NULL, 0), 0);

	order.on = false;
	for (size_t i = 0; i < LU_ARRAY_SIZE(items); i++)
		close(items[i].fd);
}

/* What goes out to luod, what comes back. */
static void test_devices_in_custody(void **state)
{
	const struct lu_hwpt hwpts[] = { { .id = 5, .token = 50 }, { .id = 6, .token = 60 } };
	const struct lu_buffer buffers[] = {
		{ .iova = 0x1000, .length = 64, .token = 7, .ioas_id = 2 }
	};
	const struct lu_buffer odd[] = { { .iova = 1, .length = 1, .ioas_id = 1, .reserved = 1 } };
	struct lu_reattached ids = { .size = sizeof(ids) };
	struct world *w = *state;
	struct lu_area *areas;
	uint64_t token = 0;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	assert_int_equal(lu_session_attach_iommufd(w->s, "iommu", fd, hwpts, 2, buffers, 1, &token),
			 0);
	assert_int_equal(token, 8);
	assert_string_equal(last(w), "AttachIommufd iommu 5=50 6=60 2:1000+40=7");
	assert_int_equal(lu_session_attach_iommufd(w->s, "iommu", fd, NULL, 0, NULL, 0, NULL), 0);
	assert_string_equal(last(w), "AttachIommufd iommu");
	assert_int_equal(lu_session_attach_iommufd(w->s, "iommu", fd, NULL, 0, odd, 1, NULL),
			 -EINVAL);
	assert_int_equal(lu_session_attach_device(w->s, "nic", fd, "iommu", &token), 0);
	assert_int_equal(token, 9);
	assert_string_equal(last(w), "AttachDevice nic iommu");
	fake_do(&w->luod, FAKE_ERROR, "AttachDevice org.luod1.Error.NotPreservable");
	assert_int_equal(lu_session_attach_device(w->s, "nic", fd, "iommu", NULL), -EMEDIUMTYPE);

	assert_int_equal(lu_session_areas(w->s, "iommu", &areas, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(areas[0].length, 8192);
	assert_int_equal(areas[0].flags, LU_AREA_READABLE | LU_AREA_WRITEABLE);
	assert_int_equal(areas[1].flags, LU_AREA_BUFFER);
	assert_int_equal(areas[1].token, 5);
	free(areas);
	fake_do(&w->luod, FAKE_GARBAGE, "GetAreas");
	assert_int_equal(lu_session_areas(w->s, "iommu", &areas, &n), -EPROTO);

	assert_int_equal(lu_session_reattach(w->s, "nic", LU_TOKEN_ONLY, &ids), 0);
	assert_string_equal(last(w), "Reattach nic 0");
	assert_int_equal(ids.device_id, 1);
	assert_int_equal(ids.ioas_id, 2);
	assert_int_equal(ids.hwpt_id, 3);
	assert_int_equal(lu_session_reattach(w->s, "nic", 50, NULL), 0);
	assert_string_equal(last(w), "Reattach nic 50");
	ids.size = 4;
	assert_int_equal(lu_session_reattach(w->s, "nic", 50, &ids), -EINVAL);
	fake_do(&w->luod, FAKE_GARBAGE, "Reattach");
	assert_int_equal(lu_session_reattach(w->s, "nic", 50, NULL), -EPROTO);
	fake_do(&w->luod, FAKE_ERROR, "Reattach org.luod1.Error.Kernel");
	assert_int_equal(lu_session_reattach(w->s, "nic", 50, NULL), -EIO);
	close(fd);
}

/* luod must not miss what was declared and then taken out again. */
static void test_unpreserve_retracts(void **state)
{
	struct world *w = *state;
	int fd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(lu_session_attach_memory(w->s, "ram0", fd, NULL), 0); /* token 7 */
	fake_do(&w->luod, FAKE_MODE, "delegation");
	go_to_state(w, "preparing");
	order.on = true;
	order.n = 0;
	assert_int_equal(lu_session_preserve(w->s, "ram0", fd, 7), 0);
	assert_int_equal(lu_session_unpreserve(w->s, 7), 0);
	assert_int_equal(order.n, 0);
	assert_string_equal(last(w), "Detach ram0");
	order.on = false;
	close(fd);
}

static void test_preserved(void **state)
{
	struct world *w = *state;

	fake_do(&w->luod, FAKE_PRESERVED, "u-3");
	assert_int_equal(next(w), LU_EVENT_PRESERVED);
	assert_string_equal(w->event.update_id, "u-3");
	assert_ptr_equal(w->event.session, w->s);
}

static void test_update(void **state)
{
	struct world *w = *state;

	go_to_state(w, "preparing");
	fake_do(&w->luod, FAKE_PREPARE, "u-9");
	assert_int_equal(next(w), LU_EVENT_PREPARE);
	assert_string_equal(w->event.update_id, "u-9");
	assert_string_equal(w->event.reason, "");
	assert_int_equal(w->event.timeout_usec, 30000000);
	assert_int_equal(lu_session_veto(w->s, "migrating"), 0);
	assert_string_equal(last(w), "Veto migrating");
	fake_do(&w->luod, FAKE_REASON, "migrating");
	go_to_state(w, "vetoed");
	assert_string_equal(w->event.reason, "migrating");
	assert_string_equal(lu_session_reason(w->s), "migrating");

	assert_int_equal(lu_session_ready(w->s), 0);
	assert_string_equal(last(w), "Ready ");
	assert_int_equal(lu_session_resumed(w->s), 0);
	assert_string_equal(last(w), "Resumed ");
	assert_int_equal(lu_session_done(w->s), 0);
	assert_string_equal(last(w), "Done ");
	assert_int_equal(lu_session_close(w->s), 0);
	assert_string_equal(last(w), "Close ");

	/* A closed session is not claimed again. */
	fake_do(&w->luod, FAKE_DROP, NULL);
	assert_int_equal(next(w), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(w), LU_EVENT_RECONNECTED);
	assert_string_equal(last(w), "Close ");
}

/* States that follow each other faster than they are taken are one event: the last. */
static void test_states_merge(void **state)
{
	struct world *w = *state;

	fake_do(&w->luod, FAKE_STATE, "claimed");
	fake_do(&w->luod, FAKE_STATE, "resumed");
	fake_do(&w->luod, FAKE_STATE, "from-the-future");
	assert_int_equal(lu_session_ready(w->s), 0);
	for (int i = 0; i < 3; i++)
		while (sd_bus_process(w->lu->bus, NULL) > 0)
			;
	assert_int_equal(next(w), LU_EVENT_STATE);
	assert_int_equal(w->event.state, LU_STATE_UNKNOWN);
	assert_int_equal(lu_process(w->lu, &w->event), 0);
	assert_string_equal(lu_state_to_string((enum lu_state)1000), "unknown");
}

/* Events of a session that is dropped go with it. */
static void test_unref_with_events(void **state)
{
	struct world *w = *state;

	fake_do(&w->luod, FAKE_PREPARE, "u-1");
	fake_do(&w->luod, FAKE_CANCEL, "x");
	assert_int_equal(next(w), LU_EVENT_PREPARE);
	w->s = lu_session_unref(w->s);
	assert_string_equal(w->event.update_id, "u-1");
	assert_int_equal(lu_process(w->lu, &w->event), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_claim, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_custody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delegation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preserve_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices_in_custody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unpreserve_retracts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preserved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_update, setup, teardown),
		cmocka_unit_test_setup_teardown(test_states_merge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unref_with_events, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
