/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step-device: in which order things are marked and preserved, what is undone and when, and what
 * becomes of whoever the kernel refuses. The kernel is dma-world's.
 */
#include "dma-world.h"
#include "luod/step-device.h"

/* memory 1, the device 2, its iommufd 3: not in the order that the kernel wants. */
static struct session *add_guest(const char *name, enum session_policy policy)
{
	struct session *s = add_session(name, SESSION_CUSTODY, policy, SESSION_READY);
	struct resource *iommufd;

	add_file(s, "ram", RESOURCE_MEMORY, 1, file_new(DMA_MEMORY))->preserved = true;
	add_device(s, "nic", 2, file_new(DMA_DEVICE), "0000:00:03.0");
	iommufd = add_file(s, "iommu", RESOURCE_IOMMUFD, 3, file_new(DMA_IOMMUFD));
	dma_add_hwpt(&iommufd->dma, &(struct hwpt){ .id = 5, .token = 50 });
	dma_add_hwpt(&iommufd->dma, &(struct hwpt){ .id = 6, .token = 60 });
	dma_add_buffer(
		&iommufd->dma,
		&(struct dma_buffer){ .ioas_id = 2, .iova = 4096, .length = 64, .token = 7 });
	return s;
}

static int run(void)
{
	int r;

	do
		r = devices_act(&w.m);
	while (r == STEP_AGAIN);
	return r;
}

static const char all_done[] = "mark 5=50, mark 6=60, buffer 7, preserve 3, preserve 2";
static const char all_undone[] = "unpreserve 2, unpreserve 3, unmark 5, unmark 6, forget 7";

static void test_order(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_REQUIRED);

	assert_int_equal(devices_act(&w.m), STEP_AGAIN); /* a turn for each file */
	assert_done("mark 5=50, mark 6=60, buffer 7, preserve 3");
	assert_int_equal(devices_act(&w.m), STEP_AGAIN);
	assert_done("preserve 2");
	assert_said("");
	assert_int_equal(devices_act(&w.m), STEP_DONE);
	assert_said("Preserved vm");
	assert_true(w.saved > 0);
	assert_true(session_find_resource(s, "iommu")->dma.marked);

	devices_undo(&w.m);
	assert_done(all_undone);
	assert_int_equal(w.n_marks, 0);
	assert_true(session_find_resource(s, "ram")->preserved); /* goes with the session */
	devices_undo(&w.m);
	assert_done("");

	/* And once more. */
	assert_int_equal(run(), STEP_DONE);
	assert_done(all_done);
}

/* Undone at any point, nothing is left, and nothing is asked of the kernel that it must refuse. */
static void test_undo_half_way(void **state _unused_)
{
	add_guest("vm", SESSION_REQUIRED);
	devices_undo(&w.m);
	assert_done("");
	devices_act(&w.m);
	w.done[0] = '\0';
	devices_undo(&w.m);
	assert_done("unpreserve 3, unmark 5, unmark 6, forget 7");
	assert_int_equal(w.n_preserved, 0);
}

/* --- DMA buffers ------------------------------------------------------------------------------ */

/* Besides what a guest has. */
static struct resource *add_buffer(struct session *s, const char *label, uint64_t token)
{
	struct resource *buffer =
		add_file(s, label, RESOURCE_DMA_MEMORY, token, file_new(DMA_BUFFER));

	buffer->device = strdup("0000:00:05.0");
	return buffer;
}

/* Before everything that goes by an IOMMU, and out again after it. */
static void test_buffers(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_REQUIRED);

	add_buffer(s, "ring", 4);
	add_buffer(s, "data", 5);
	w.interrupts = NULL;
	assert_int_equal(devices_act(&w.m), STEP_AGAIN);
	assert_done("preserve 4");
	assert_int_equal(run(), STEP_DONE);
	assert_done("preserve 5, mark 5=50, mark 6=60, buffer 7, preserve 3, preserve 2");
	assert_said("Preserved vm");
	devices_undo(&w.m);
	assert_done("unpreserve 2, unpreserve 3, unpreserve 5, unpreserve 4, unmark 5, unmark 6, "
		    "forget 7");
	assert_int_equal(w.n_preserved, 0);
	devices_undo(&w.m);
	assert_done("");
	assert_int_equal(run(), STEP_DONE);
}

/* Its device may have them on: pci-dmamem's users have none. */
static void test_buffers_and_interrupts(void **state _unused_)
{
	struct session *s = add_session("vm", SESSION_CUSTODY, SESSION_REQUIRED, SESSION_READY);

	add_buffer(s, "ring", 4);
	w.interrupts = "msi";
	assert_int_equal(run(), STEP_DONE);
	assert_null(devices_blame(&w.m));
}

static void test_buffers_refused(void **state _unused_)
{
	static const struct {
		int error;
		const char *words;
	} cases[] = {
		{ EOPNOTSUPP, "boot with iommu=pt" },
		{ ENOENT, "this kernel cannot preserve a DMA buffer" },
		{ ENODEV, "pci-dmamem does not have its device" },
		{ EAGAIN, "right now" },
		{ EBUSY, "an earlier update" },
		{ ENOMEM, "Cannot allocate memory" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int policy = SESSION_REQUIRED; policy <= SESSION_BEST_EFFORT; policy++) {
			struct session *s;

			teardown(NULL);
			setup(NULL);
			s = add_guest("vm", (enum session_policy)policy);
			add_buffer(s, "ring", 4);
			fail_next(LIVEUPDATE_SESSION_PRESERVE_FD, cases[i].error);
			assert_int_equal(run(),
					 policy == SESSION_REQUIRED ? -cases[i].error : STEP_DONE);
			assert_non_null(strstr(w.said,
					       "vm: the kernel does not preserve dma-memory "
					       "'ring' at 0000:00:05.0: "));
			assert_non_null(strstr(w.said, cases[i].words));
			assert_done("");
			devices_release(s);
			assert_int_equal(w.n_preserved, 0);
		}
}

/* Found while guests run, and nothing stays of it. */
static void test_buffers_tried(void **state _unused_)
{
	struct session *s = add_session("vm", SESSION_CUSTODY, SESSION_REQUIRED, SESSION_PREPARING);
	struct resource *buffer = add_buffer(s, "ring", 4);

	assert_int_equal(devices_try(&w.m), 0);
	assert_done("preserve 4, unpreserve 4");
	assert_false(buffer->preserved);
	fail_next(LIVEUPDATE_SESSION_PRESERVE_FD, EOPNOTSUPP);
	assert_int_equal(devices_try(&w.m), -EOPNOTSUPP);
	assert_non_null(strstr(w.said, "iommu=pt"));
	/* Of a kernel that takes nothing out again it stays preserved, and is known to be. */
	w.no_unpreserve = true;
	assert_int_equal(devices_try(&w.m), 0);
	assert_true(buffer->preserved);
	s->state = SESSION_READY;
	w.done[0] = '\0';
	assert_int_equal(run(), STEP_DONE);
	assert_done("");
}

/* Only who is ready, and only what is there. */
static void test_who(void **state _unused_)
{
	add_guest("late", SESSION_REQUIRED)->state = SESSION_LEFT_BEHIND;
	add_session("empty", SESSION_CUSTODY, SESSION_REQUIRED, SESSION_READY);
	assert_int_equal(run(), STEP_DONE);
	assert_done("");
	assert_said("Preserved empty");
}

static void test_refused(void **state _unused_)
{
	static const struct {
		unsigned long request;
		int error;
		const char *said, *words;
	} cases[] = {
		{ IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE, ENOENT,
		  "vm: page tables of 'iommu' cannot be marked: HWPT 5: ", "no paging HWPT" },
		{ IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE, EOPNOTSUPP,
		  "vm: page tables of 'iommu' cannot be marked: HWPT 5: ", "IOMMU_HWPT_ALLOC" },
		{ IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE, ENOTTY,
		  "vm: page tables of 'iommu' cannot be marked: HWPT 5: ", "this kernel" },
		{ IOMMU_IOAS_PRESERVE, ENOENT,
		  "vm: page tables of 'iommu' cannot be marked: the DMA buffer at 0x1000 of IOAS 2: ",
		  "not all of it is mapped" },
		{ LIVEUPDATE_SESSION_PRESERVE_FD, EOPNOTSUPP,
		  "vm: the kernel does not preserve iommufd 'iommu': ", "F_SEAL_GROW" },
		{ LIVEUPDATE_SESSION_PRESERVE_FD, EMFILE,
		  "vm: the kernel does not preserve iommufd 'iommu': ", "Too many open files" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int policy = SESSION_REQUIRED; policy <= SESSION_BEST_EFFORT; policy++) {
			struct session *s;

			teardown(NULL);
			setup(NULL);
			s = add_guest("vm", (enum session_policy)policy);
			add_session("other", SESSION_CUSTODY, SESSION_REQUIRED, SESSION_READY);
			fail_next(cases[i].request, cases[i].error);
			assert_int_equal(run(),
					 policy == SESSION_REQUIRED ? -cases[i].error : STEP_DONE);
			assert_memory_equal(w.said, cases[i].said, strlen(cases[i].said));
			assert_non_null(strstr(w.said, cases[i].words));
			if (policy == SESSION_BEST_EFFORT) {
				assert_int_equal(s->state, SESSION_LEFT_BEHIND);
				assert_non_null(strstr(w.said, "Preserved other"));
				assert_null(strstr(w.said, "Preserved vm"));
			}
			devices_release(s);
			assert_int_equal(w.n_marks, 0);
			assert_int_equal(w.n_preserved, 0);
		}
}

static void test_device_refused(void **state _unused_)
{
	add_guest("vm", SESSION_REQUIRED);
	assert_int_equal(devices_act(&w.m), STEP_AGAIN);
	fail_next(LIVEUPDATE_SESSION_PRESERVE_FD, EINVAL);
	assert_int_equal(run(), -EINVAL);
	assert_non_null(strstr(w.said, "device 'nic' at 0000:00:03.0"));
	assert_non_null(strstr(w.said, "D0"));
	w.done[0] = '\0';
	devices_undo(&w.m);
	assert_done("unpreserve 3, unmark 5, unmark 6, forget 7");
}

/* After a jump, before the owner has named the new ones. */
static void test_no_hwpt(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_REQUIRED);

	dma_clear(&session_find_resource(s, "iommu")->dma);
	assert_int_equal(run(), -EINVAL);
	assert_said("vm: no HWPT of 'iommu' is named (AttachIommufd)");
	assert_done("");
}

/* A kernel that takes nothing out again: the marks go when the session is gone. */
static void test_marks_stay_for_later(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_REQUIRED);
	struct resource *iommufd = session_find_resource(s, "iommu");

	w.no_unpreserve = true;
	assert_int_equal(run(), STEP_DONE);
	w.done[0] = '\0';
	devices_undo(&w.m);
	assert_done("");
	assert_true(iommufd->dma.marked);
	w.n_preserved = 0; /* closed */
	devices_unmark_leftovers(&w.m);
	assert_done(""); /* the update still runs */
	s->state = SESSION_IDLE;
	devices_unmark_leftovers(&w.m);
	assert_done("unmark 5, unmark 6, forget 7");
	assert_false(iommufd->dma.marked);
	devices_unmark_leftovers(&w.m);
	assert_done("");
}

/* A luod that was killed: the one after it has no session, and the files only later. */
static void test_killed(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_REQUIRED);
	struct resource *iommufd = session_find_resource(s, "iommu"),
			*device = session_find_resource(s, "nic");
	int kept[2];

	assert_int_equal(run(), STEP_DONE);
	w.done[0] = '\0';
	kept[0] = TAKE_FD(iommufd->fd);
	kept[1] = TAKE_FD(device->fd);
	s->kernel_fd = close_fd(s->kernel_fd);
	devices_undo(&w.m);
	assert_done("");
	w.n_preserved = 0; /* the keeper has let go */
	s->state = SESSION_IDLE;
	iommufd->fd = kept[0];
	device->fd = kept[1];
	devices_unmark_leftovers(&w.m);
	assert_done("unmark 5, unmark 6, forget 7");
}

/* --- delegation ----------------------------------------------------------------------------- */

static struct session *add_own(enum session_policy policy)
{
	struct session *s = add_session("own", SESSION_DELEGATION, policy, SESSION_READY);

	add_file(s, "ram", RESOURCE_MEMORY, 10, -EBADF);
	add_device(s, "nic", 12, -EBADF, "0000:00:04.0");
	return s;
}

static void own_preserves(const struct session *s, uint64_t token)
{
	w.preserved[w.n_preserved++] =
		(struct dma_preserved){ inode_of(s->kernel_fd), token, token };
}

static void test_declared(void **state _unused_)
{
	struct session *s = add_own(SESSION_REQUIRED);

	own_preserves(s, 10);
	own_preserves(s, 12);
	assert_int_equal(run(), STEP_DONE);
	assert_done("");
	assert_said("Preserved own");
	assert_int_equal(w.n_preserved, 2);
	devices_undo(&w.m);
	assert_done("unpreserve 12, unpreserve 10");
	assert_int_equal(w.n_preserved, 0);
}

/* By its fd luod knows whether it is that buffer which is preserved. */
static void test_declared_buffer(void **state _unused_)
{
	struct session *s = add_session("own", SESSION_DELEGATION, SESSION_REQUIRED, SESSION_READY);
	struct resource *ring = add_buffer(s, "ring", 12);
	int kept = fd_dup(ring->fd);

	own_preserves(s, 12);
	assert_int_equal(run(), -ENOENT);
	assert_said("own: its owner declared 'ring', but did not preserve it (token 12)");
	assert_true(ring->fd < 0);
	w.preserved[0].inode = inode_of(kept);
	ring->fd = TAKE_FD(kept);
	w.done[0] = '\0';
	assert_int_equal(run(), STEP_DONE);
	assert_said("Preserved own");
	assert_true(ring->fd < 0);
	devices_undo(&w.m);
	assert_done("unpreserve 12");
}

/* One that is called off before it was looked at: what it had not got to is no matter. */
static void test_declared_and_undone(void **state _unused_)
{
	struct session *s = add_own(SESSION_REQUIRED);

	own_preserves(s, 10);
	devices_release(s);
	assert_done("unpreserve 10");
	w.no_unpreserve = true;
	own_preserves(s, 10);
	devices_release(s);
	assert_done("");
}

/* The token is taken, but not by the device that was declared under it. */
static void test_declared_falsely(void **state _unused_)
{
	struct session *s = add_own(SESSION_REQUIRED);
	struct resource *nic = session_find_resource(s, "nic");
	int device = file_new(DMA_DEVICE), iommufd = file_new(DMA_IOMMUFD);

	own_preserves(s, 10);
	own_preserves(s, 12);
	w.preserved[w.n_preserved++] =
		(struct dma_preserved){ inode_of(s->kernel_fd), inode_of(iommufd), 11 };
	nic->fd = fd_dup(device);
	assert_int_equal(run(), -ENOENT);
	assert_said("own: its owner declared 'nic', but did not preserve it (token 12)");
	assert_int_equal(w.n_preserved, 3);
	assert_true(nic->fd < 0);

	w.said[0] = '\0';
	w.preserved[1].inode = inode_of(device);
	nic->fd = fd_dup(device);
	assert_int_equal(run(), STEP_DONE);
	assert_said("Preserved own");
	assert_true(nic->fd < 0);
	close(device);
	close(iommufd);
}

static void test_declared_in_vain(void **state _unused_)
{
	struct session *s = add_own(SESSION_REQUIRED);

	own_preserves(s, 10);
	assert_int_equal(run(), -ENOENT);
	assert_said("own: its owner declared 'nic', but did not preserve it (token 12)");
	assert_done("preserve 12, unpreserve 12"); /* to find out */
	assert_int_equal(w.n_preserved, 1);

	s->policy = SESSION_BEST_EFFORT;
	w.no_unpreserve = true;
	assert_int_equal(run(), STEP_DONE);
	assert_int_equal(s->state, SESSION_LEFT_BEHIND);
}

static void test_cannot_tell(void **state _unused_)
{
	add_own(SESSION_REQUIRED);
	fail_next(LIVEUPDATE_SESSION_PRESERVE_FD, ENOSPC);
	assert_int_equal(run(), -ENOSPC);
	assert_said("own: it cannot be told whether 'ram' is preserved: No space left on device");
}

/* --- before anybody is paused ------------------------------------------------------------------ */

static void test_try(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_BEST_EFFORT);

	assert_int_equal(devices_try(&w.m), 0);
	assert_done(""); /* it has said Ready: its turn has been */
	s->state = SESSION_PREPARING;
	assert_int_equal(devices_try(&w.m), 0);
	assert_done("mark 5=50, mark 6=60, buffer 7, unmark 5, unmark 6, forget 7");
	assert_said("");
	fail_next(IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE, ENOENT);
	assert_int_equal(devices_try(&w.m), 0);
	assert_int_equal(s->state, SESSION_LEFT_BEHIND);
	devices_release(s);
	s->state = SESSION_PREPARING;
	s->policy = SESSION_REQUIRED;
	fail_next(IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE, ENOENT);
	assert_int_equal(devices_try(&w.m), -ENOENT);
	devices_release(s);
	assert_int_equal(w.n_marks, 0);
}

/* --- interrupts ------------------------------------------------------------------------------ */

static void test_interrupts(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_BEST_EFFORT);
	_cleanup_free_ char *blame = NULL;

	w.interrupts = "msix";
	assert_int_equal(run(), STEP_DONE);
	assert_int_equal(s->state, SESSION_LEFT_BEHIND);
	assert_said(
		"vm: device 'nic' at 0000:00:03.0 has interrupts on (msix); its VMM has to turn "
		"them off before it says Ready");
	assert_null(devices_blame(&w.m)); /* it does not go along */
	s->state = SESSION_READY;
	blame = devices_blame(&w.m);
	assert_string_equal(blame, "device 0000:00:03.0 of session 0/vm has interrupts on (msix)");
}

static void test_being_unbound(void **state _unused_)
{
	_cleanup_free_ char *blame = NULL;

	add_guest("vm", SESSION_REQUIRED);
	assert_int_equal(run(), STEP_DONE);
	assert_null(devices_blame(&w.m));
	w.unbound = true;
	blame = devices_blame(&w.m);
	assert_string_equal(
		blame, "device 0000:00:03.0 of session 0/vm is being taken away from its driver");
}

static void test_interrupts_by_delegation(void **state _unused_)
{
	struct session *s = add_own(SESSION_REQUIRED);

	own_preserves(s, 10);
	own_preserves(s, 12);
	w.interrupts = "intx";
	assert_int_equal(run(), -EBUSY);
	assert_non_null(strstr(w.said, "at 0000:00:04.0 has interrupts on (intx)"));
}

/* --- what may have changed since the check ---------------------------------------------------- */

static void test_check_again(void **state _unused_)
{
	assert_int_equal(devices_check(&w.m), 0);
	assert_int_equal(w.checks, 0); /* there is no device on this host */
	add_guest("vm", SESSION_REQUIRED);
	assert_int_equal(devices_check(&w.m), 0);
	assert_int_equal(w.checks, 1);
	w.check_finds = "Device 0000:00:09.0 is in use.";
	assert_int_equal(devices_check(&w.m), -ECANCELED);
	assert_int_equal(w.m.update.cause, CAUSE_CHECK);
	assert_said("Since the check: Device 0000:00:09.0 is in use.");
	w.m.update.force = true;
	assert_int_equal(devices_check(&w.m), 0);
	assert_said("");
}

/* Its unit has another device open, which it has not declared. */
static void test_forgetful(void **state _unused_)
{
	struct session *s = add_own(SESSION_BEST_EFFORT);
	struct device d = {
		.facts.address = "0000:00:09.0",
		.users = { s->unit },
		.n_users = 1,
	};

	w.m.inventory.devices[0] = &d;
	w.m.inventory.n = 1;
	s->state = SESSION_PREPARING; /* it may still say so */
	assert_int_equal(devices_check(&w.m), 0);
	assert_said("");
	s->state = SESSION_READY;
	d.session = (char *)"0/other"; /* it is somebody else's */
	assert_int_equal(devices_check(&w.m), 0);
	assert_said("");
	d.session = NULL;
	assert_int_equal(devices_check(&w.m), 0);
	assert_said("own: its unit has device 0000:00:09.0 open and has not declared it "
		    "(DeclareDevice)");
	assert_int_equal(s->state, SESSION_LEFT_BEHIND);
	s->state = SESSION_READY;
	s->policy = SESSION_REQUIRED;
	assert_int_equal(devices_check(&w.m), -ENODEV);
	w.said[0] = '\0';
	w.m.update.force = true;
	assert_int_equal(devices_check(&w.m), 0);
	assert_said("");
	w.m.inventory.n = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_undo_half_way),
		TEST(test_buffers),
		TEST(test_buffers_and_interrupts),
		TEST(test_buffers_refused),
		TEST(test_buffers_tried),
		TEST(test_who),
		TEST(test_refused),
		TEST(test_device_refused),
		TEST(test_no_hwpt),
		TEST(test_marks_stay_for_later),
		TEST(test_killed),
		TEST(test_declared),
		TEST(test_declared_falsely),
		TEST(test_declared_buffer),
		TEST(test_declared_in_vain),
		TEST(test_cannot_tell),
		TEST(test_declared_and_undone),
		TEST(test_try),
		TEST(test_interrupts),
		TEST(test_being_unbound),
		TEST(test_interrupts_by_delegation),
		TEST(test_check_again),
		TEST(test_forgetful),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
