/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reattach, and how custody.c takes devices out of a kernel session: the order, what is made and
 * shared, what is taken back when something fails on the way. The kernel is dma-world's.
 */
#include <sys/resource.h>

#include "dma-world.h"
#include "luod/limits.h"
#include "luod/reattach.h"

static struct session *add_guest(void)
{
	struct session *s = add_session("vm", SESSION_CUSTODY, SESSION_REQUIRED, SESSION_CLAIMED);

	add_device(s, "nic", 2, -EBADF, "0000:00:03.0");
	add_device(s, "disk", 4, -EBADF, "0000:00:04.0");
	add_file(s, "ram", RESOURCE_MEMORY, 1, -EBADF);
	add_file(s, "iommu", RESOURCE_IOMMUFD, 3, -EBADF);
	w.incoming[1] = file_new(DMA_MEMORY);
	w.incoming[2] = file_new(DMA_DEVICE);
	w.incoming[3] = file_new(DMA_IOMMUFD);
	w.incoming[4] = file_new(DMA_DEVICE);
	w.areas[0] = (struct iommu_lu_area){
		.iova = 0x1000,
		.length = 4096,
		.token = 1,
		.hwpt_token = 50,
		.flags = IOMMU_LU_AREA_READABLE | IOMMU_LU_AREA_WRITEABLE,
	};
	w.areas[1] = (struct iommu_lu_area){
		.iova = 0x1000,
		.length = 64,
		.token = 7,
		.hwpt_token = 50,
		.flags = IOMMU_LU_AREA_BUFFER,
	};
	w.n_areas = 2;
	return s;
}

static int reattach(struct session *s, const char *label, uint64_t token, struct reattached *ids,
		    const char *why)
{
	_cleanup_free_ char *text = NULL;
	int r = reattach_device(s, session_find_resource(s, label), token, ids, &text);

	if (why)
		assert_string_equal(strempty(text), why);
	return r;
}

/* The first makes what the second shares, and again is the same. */
static void test_shared(void **state _unused_)
{
	struct session *s = add_guest();
	struct reattached ids;
	const struct hwpt *hwpt;

	assert_int_equal(reattach(s, "nic", REATTACH_ONLY_HWPT, &ids, ""), 0);
	assert_done("retrieve 3, retrieve 2, bind 101, ioas 102, retrieve 1, map 1000 into 102, "
		    "hwpt 103 of 102 for 101, attach to 103");
	assert_int_equal(ids.device_id, 101);
	assert_int_equal(ids.ioas_id, 102);
	assert_int_equal(ids.hwpt_id, 103);
	assert_int_equal(reattach(s, "disk", 50, &ids, ""), 0);
	assert_done("retrieve 4, bind 104, attach to 103");
	assert_int_equal(ids.device_id, 104);
	assert_int_equal(ids.ioas_id, 102);
	assert_int_equal(reattach(s, "nic", 50, &ids, ""), 0);
	assert_done("attach to 103");
	assert_int_equal(ids.device_id, 101);

	/* The next update carries them over under their old name. */
	hwpt = dma_find_hwpt(&session_find_resource(s, "iommu")->dma, 50);
	assert_non_null(hwpt);
	assert_int_equal(hwpt->id, 103);
}

static void test_several(void **state _unused_)
{
	struct session *s = add_guest();
	struct reattached ids;

	w.areas[2] = w.areas[0];
	w.areas[2].hwpt_token = 60;
	w.areas[2].iova = 0x8000;
	w.n_areas = 3;
	assert_int_equal(reattach(s, "nic", REATTACH_ONLY_HWPT, &ids,
				  "there were several page tables; say which one by 'hwpt-token'"),
			 -ENOTUNIQ);
	assert_int_equal(reattach(s, "nic", 70, &ids,
				  "no page tables of that token came through the jump"),
			 -ENODATA);
	w.done[0] = '\0';
	assert_int_equal(reattach(s, "nic", 60, &ids, ""), 0);
	assert_done("bind 101, ioas 102, retrieve 1, map 8000 into 102, hwpt 103 of 102 for 101, "
		    "attach to 103");
}

/* Each in turn fails, and then works: nothing is left over, and nothing was in the way. */
static void test_failures(void **state _unused_)
{
	static const struct {
		unsigned long request;
		const char *done, *why;
	} cases[] = {
		{ VFIO_DEVICE_BIND_IOMMUFD, "", "it cannot be bound to its iommufd" },
		{ IOMMU_IOAS_ALLOC, "bind 101",
		  "there is no new address space (IOMMU_IOAS_ALLOC)" },
		{ IOMMU_IOAS_MAP_FILE, "bind 101, ioas 102, retrieve 1, destroy 102",
		  "the memory cannot be mapped again" },
		{ IOMMU_HWPT_ALLOC,
		  "bind 101, ioas 102, retrieve 1, map 1000 into 102, destroy 102",
		  "there are no new page tables (IOMMU_HWPT_ALLOC)" },
		{ VFIO_DEVICE_ATTACH_IOMMUFD_PT,
		  "bind 101, ioas 102, retrieve 1, map 1000 into 102, hwpt 103 of 102 for 101",
		  "it cannot be attached to the new page tables" },
		{ IOMMU_LU_INFO, "", "the kernel does not tell what was mapped" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *done = NULL, *why = NULL;
		struct reattached ids;
		struct session *s;

		teardown(NULL);
		setup(NULL);
		s = add_guest();
		fail_next(cases[i].request, EPERM);
		why = strprintf("%s: %s", cases[i].why, strerror(EPERM));
		assert_int_equal(reattach(s, "nic", 50, &ids, why), -EPERM);
		done = strprintf("retrieve 3, retrieve 2%s%s", *cases[i].done ? ", " : "",
				 cases[i].done);
		assert_done(done);
		assert_int_equal(reattach(s, "nic", 50, &ids, ""), 0);
		assert_non_null(strstr(w.done, "attach to"));
	}
}

/* A luod that was killed had bound them, and did not get to write down as what. */
static void test_bound_before(void **state _unused_)
{
	struct session *s = add_guest();
	struct resource *nic = session_find_resource(s, "nic"),
			*disk = session_find_resource(s, "disk");
	struct reattached ids;

	assert_int_equal(reattach(s, "nic", 50, &ids, ""), 0);
	assert_int_equal(reattach(s, "disk", 50, &ids, ""), 0);
	assert_int_equal(ids.device_id, 104);
	w.done[0] = '\0';
	disk->device_id = 0;
	assert_int_equal(reattach(s, "disk", 50, &ids, ""), 0);
	assert_int_equal(ids.device_id, 104);
	assert_done("attach to 103");

	/* Never two at once: then it would be a guess. */
	nic->device_id = disk->device_id = 0;
	assert_int_equal(reattach(s, "disk", 50, &ids, NULL), -EINVAL);
	assert_int_equal(disk->device_id, 0);
}

/* A device that the kernel does not give back is lost, once and for ever; the rest is not. */
static void test_lost(void **state _unused_)
{
	struct session *s = add_guest();
	struct resource *nic = session_find_resource(s, "nic");
	struct reattached ids;
	int kept = w.incoming[2];

	w.incoming[2] = 0;
	assert_true(custody_fd(s, nic) < 0);
	assert_true(nic->lost);
	assert_int_equal(w.saved > 0, 1);
	w.incoming[2] = kept;
	assert_int_equal(custody_fd(s, nic), -ENODEV);
	assert_int_equal(reattach(s, "nic", 50, &ids, NULL), -ENODEV);
	w.done[0] = '\0';
	assert_int_equal(reattach(s, "disk", 50, &ids, ""), 0);
	assert_non_null(strstr(w.done, "attach to"));
}

static void name_buffers(struct session *s, unsigned int n_buffers)
{
	struct dma *dma = &session_find_resource(s, "iommu")->dma;

	for (unsigned int i = 0; i < n_buffers; i++) {
		const struct dma_buffer buffer = { .ioas_id = 9, .length = 1, .token = i };

		assert_int_equal(dma_add_buffer(dma, &buffer), 0);
	}
}

/* The buffers are as much of it as the page tables: of those that the device is on, in the new IOAS. */
static void test_buffers(void **state _unused_)
{
	struct session *s = add_guest();
	struct dma *dma = &session_find_resource(s, "iommu")->dma;
	struct reattached ids;

	w.areas[2] = w.areas[1];
	w.areas[2].token = 8;
	w.areas[2].iova = 0x1040;
	w.areas[3] = w.areas[1];
	w.areas[3].hwpt_token = 60;
	w.n_areas = 4;
	assert_int_equal(reattach(s, "nic", 50, &ids, ""), 0);
	assert_int_equal(dma->n_buffers, 2);
	assert_int_equal(dma->buffers[0].ioas_id, ids.ioas_id);
	assert_int_equal(dma->buffers[0].iova, 0x1000);
	assert_int_equal(dma->buffers[0].length, 64);
	assert_int_equal(dma->buffers[0].token, 7);
	assert_int_equal(dma->buffers[1].iova, 0x1040);
	assert_int_equal(dma->buffers[1].token, 8);
	assert_int_equal(reattach(s, "disk", 50, &ids, ""), 0);
	assert_int_equal(dma->n_buffers, 2);
}

/* With one more than there may be, neither page tables nor buffers are left over. */
static void test_too_many_buffers(void **state _unused_)
{
	struct session *s = add_guest();
	struct dma *dma = &session_find_resource(s, "iommu")->dma;
	struct reattached ids;

	w.areas[2] = w.areas[1];
	w.areas[2].token = 8;
	w.n_areas = 3;
	name_buffers(s, LIMIT_IOMMUFD_BUFFERS - 1);
	assert_int_equal(reattach(s, "nic", 50, &ids,
				  "its iommufd would have more page tables or DMA buffers than "
				  "luod hands over"),
			 -E2BIG);
	assert_non_null(strstr(w.done, "destroy 103, destroy 102"));
	assert_int_equal(dma->n_buffers, LIMIT_IOMMUFD_BUFFERS - 1);
	assert_int_equal(dma->n_hwpts, 0);
	dma->n_buffers--;
	assert_int_equal(reattach(s, "nic", 50, &ids, ""), 0);
}

/* Without its iommufd a device could only stay where it is: it is left to the kernel, which stops it. */
static void test_lost_iommufd(void **state _unused_)
{
	struct session *s = add_guest();
	struct resource *nic = session_find_resource(s, "nic"),
			*disk = session_find_resource(s, "disk"),
			*ram = session_find_resource(s, "ram");
	int kept = w.incoming[3];

	w.incoming[3] = 0;
	assert_int_equal(custody_fd(s, nic), -ENODEV);
	assert_true(nic->lost && disk->lost && session_find_resource(s, "iommu")->lost);
	w.incoming[3] = kept;
	assert_int_equal(custody_fd(s, disk), -ENODEV);
	assert_true(custody_fd(s, ram) >= 0);
	assert_done("retrieve 1");
}

/* What fails before the kernel has tried the file is no loss, of a device or of its iommufd. */
static void test_refused_for_now(void **state _unused_)
{
	struct session *s = add_guest();
	struct resource *nic = session_find_resource(s, "nic"),
			*disk = session_find_resource(s, "disk");
	struct rlimit limit, none = {};

	/* There is a number when it is tried again. */
	fail_next(LIVEUPDATE_SESSION_RETRIEVE_FD, EMFILE);
	assert_true(custody_fd(s, nic) >= 0);

	/* There is none either time. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	fail_next(LIVEUPDATE_SESSION_RETRIEVE_FD, EMFILE);
	w.fail_more = 1;
	assert_int_equal(custody_fd(s, disk), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_false(disk->lost);
	w.fail = w.fail_more = 0;
	assert_true(custody_fd(s, disk) >= 0);

	/* Another error than before: the kernel does not repeat it yet. */
	disk->fd = close_fd(disk->fd);
	fail_next(LIVEUPDATE_SESSION_RETRIEVE_FD, EIO);
	w.fail_more = 0;
	w.incoming[4] = 0;
	assert_int_equal(custody_fd(s, disk), -ENODEV);
	assert_false(disk->lost);
	assert_int_equal(custody_fd(s, disk), -ENODEV);
	assert_true(disk->lost);
}

/* As long as the iommufd may come, its devices are not taken out without it. */
static void test_iommufd_refused_for_now(void **state _unused_)
{
	struct session *s = add_guest();
	struct resource *nic = session_find_resource(s, "nic");
	struct rlimit limit, none = {};

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	fail_next(LIVEUPDATE_SESSION_RETRIEVE_FD, EMFILE);
	assert_int_equal(custody_fd(s, nic), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_done("");
	assert_false(nic->lost || session_find_resource(s, "iommu")->lost);
	assert_true(custody_fd(s, nic) >= 0);
	assert_done("retrieve 3, retrieve 2");
}

/* A DMA buffer is as a device: once the kernel says that it does not come, it never does. */
static void test_lost_buffer(void **state _unused_)
{
	struct session *s = add_guest();
	struct resource *ring = add_file(s, "ring", RESOURCE_DMA_MEMORY, 8, -EBADF);
	struct resource *data = add_file(s, "data", RESOURCE_DMA_MEMORY, 9, -EBADF);

	ring->device = strdup("0000:00:05.0");
	assert_int_equal(custody_fd(s, ring), -ENODEV);
	assert_true(ring->lost);
	assert_false(session_find_resource(s, "nic")->lost || data->lost);
	w.incoming[9] = file_new(DMA_BUFFER);
	assert_true(custody_fd(s, data) >= 0);
	assert_done("retrieve 9");
}

/* Memory may be asked for again. */
static void test_memory_is_not_lost(void **state _unused_)
{
	struct session *s = add_guest();
	struct resource *ram = session_find_resource(s, "ram");
	int kept = w.incoming[1];

	w.incoming[1] = 0;
	assert_int_equal(custody_fd(s, ram), -ENODEV);
	assert_false(ram->lost);
	w.incoming[1] = kept;
	assert_true(custody_fd(s, ram) >= 0);
}

static void test_without_iommufd(void **state _unused_)
{
	struct session *s = add_guest();
	struct reattached ids;

	session_remove_resource(s, session_find_resource(s, "iommu"));
	assert_int_equal(reattach(s, "nic", 50, &ids, NULL), -ENODATA);
	assert_done("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_shared),
		TEST(test_several),
		TEST(test_failures),
		TEST(test_bound_before),
		TEST(test_lost),
		TEST(test_buffers),
		TEST(test_too_many_buffers),
		TEST(test_lost_iommufd),
		TEST(test_refused_for_now),
		TEST(test_iommufd_refused_for_now),
		TEST(test_lost_buffer),
		TEST(test_memory_is_not_lost),
		TEST(test_without_iommufd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
