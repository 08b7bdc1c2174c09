/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device: what is read of a device, what of it may be missing, and that luod's own want is not the device's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/sysmacros.h>

#include "failing-open.h"
#include "fake-host.h"
#include "luod/device.h"
#include "luod/vfio.h"

#define A "0000:00:03.0"
#define B "0000:00:04.0"
#define C "0000:00:05.0"

static int setup(void **state)
{
	*state = fake_host_new();
	return 0;
}

static int teardown(void **state)
{
	fake_host_free(*state);
	return 0;
}

static void add(struct fake_host *host, const char *address, int number)
{
	fake_host_add(host, &(struct fake_device){ address, "vfio-pci", number, number });
}

static void test_facts(void **state)
{
	struct fake_host *host = *state;
	struct device_facts f;

	add(host, A, 7);
	fake_host_set(host, A, "numa_node", "1\n");
	fake_host_functions(host, A, 2);
	fake_host_set(host, A, "sriov_numvfs", "9\n"); /* which is not read */
	fake_host_set(host, A, "msi_irqs/42", "msix\n");
	fake_host_put(host, "/sys/class/vfio/7/dev", "240:3\n");
	assert_int_equal(device_read(fake_host_root(host), A, &f), 0);
	assert_string_equal(f.address, A);
	assert_string_equal(f.driver, "vfio-pci");
	assert_string_equal(f.node, "/dev/vfio/devices/vfio7");
	assert_string_equal(f.vendor, "8086");
	assert_string_equal(f.product, "10d3");
	assert_string_equal(f.class, "020000");
	assert_string_equal(f.iommu_group, "7");
	assert_int_equal(f.group_size, 1);
	assert_false(f.firmware_memory);
	assert_string_equal(f.iommu, "dmar0");
	assert_int_equal(f.numa_node, 1);
	assert_string_equal(f.physical_function, "");
	assert_int_equal(f.virtual_functions, 2);
	assert_string_equal(f.power_state, "D0");
	assert_string_equal(f.interrupts, "msix");
	assert_int_equal(f.node_number, makedev(511, 7));
	assert_int_equal(f.group_node_number, makedev(240, 3));
}

/* One of pci-dmamem: another node, and whether something translates for it is known. */
static void test_little_is_known(void **state)
{
	struct fake_host *host = *state;
	struct device_facts f;

	fake_host_add(host, &(struct fake_device){ A, "vfio-pci", -1, -1 });
	assert_int_equal(device_read(fake_host_root(host), A, &f), 0);
	assert_string_equal(f.node, "");
	assert_string_equal(f.iommu_group, "");
	assert_string_equal(f.iommu, "");
	assert_int_equal(f.group_size, 0);
	assert_int_equal(f.numa_node, -1);
	assert_string_equal(f.interrupts, "none");
	assert_int_equal(f.ats, ANSWER_UNKNOWN);
}

/* Of a line only VFIO's handler tells. */
static void test_line(void **state)
{
	struct fake_host *host = *state;
	struct device_facts f;

	add(host, A, 7);
	fake_host_set(host, A, "irq", "11\n");
	fake_host_put(host, "/proc/irq/11/vfio-intx(" B ")/x", "");
	assert_int_equal(device_read(fake_host_root(host), A, &f), 0);
	assert_string_equal(f.interrupts, "none");
	fake_host_put(host, "/proc/irq/11/vfio-intx(" A ")/x", "");
	assert_int_equal(device_read(fake_host_root(host), A, &f), 0);
	assert_string_equal(f.interrupts, "intx");
}

static void test_whose_device(void **state)
{
	struct fake_host *host = *state;
	const char *root = fake_host_root(host);
	struct device_facts f;

	fake_host_add(host, &(struct fake_device){ A, "e1000e", 1, -1 });
	fake_host_add(host, &(struct fake_device){ B, "mlx5_vfio_pci", 2, 2 });
	assert_int_equal(device_read(root, A, &f), -ENODEV);
	assert_int_equal(device_read(root, "0000:00:09.0", &f), -ENODEV);
	assert_int_equal(device_read(root, B, &f), 0); /* a variant has a node of VFIO too */
	assert_int_equal(device_read(root, "../../../etc", &f), -EINVAL);
}

static void test_firmware_memory(void **state)
{
	struct fake_host *host = *state;
	struct device_facts f;

	add(host, A, 7);
	fake_host_put(host, "/sys/kernel/iommu_groups/7/reserved_regions",
		      "0x000000007b800000 0x000000007fffffff direct-relaxable\n"
		      "0x00000000fee00000 0x00000000feefffff msi\n");
	assert_int_equal(device_read(fake_host_root(host), A, &f), 0);
	assert_true(f.firmware_memory);
}

static void put_capability(unsigned char *config, size_t at, unsigned int id, size_t next)
{
	config[at] = (unsigned char)id;
	config[at + 2] = (unsigned char)(1 | (next & 0xf) << 4);
	config[at + 3] = (unsigned char)(next >> 4);
}

static void test_configuration_space(void **state)
{
	struct fake_host *host = *state;
	unsigned char config[4096] = {};
	struct device_facts f;

	add(host, A, 7);
	put_capability(config, 0x100, 0x0b, 0x140);
	put_capability(config, 0x140, 0x0f, 0x150); /* ATS */
	put_capability(config, 0x150, 0x13, 0);	    /* PRI */
	config[0x147] = 0x80;
	fake_host_write(host, A, "config", config, sizeof(config));
	assert_int_equal(device_read(fake_host_root(host), A, &f), 0);
	assert_int_equal(f.ats, ANSWER_YES);
	assert_int_equal(f.pri, ANSWER_NO);

	config[0x147] = 0;
	config[0x154] = 1;
	fake_host_write(host, A, "config", config, sizeof(config));
	device_read(fake_host_root(host), A, &f);
	assert_int_equal(f.ats, ANSWER_NO);
	assert_int_equal(f.pri, ANSWER_YES);

	/* One that sleeps is not woken up to be asked. */
	fake_host_set(host, A, "power_state", "D3hot\n");
	device_read(fake_host_root(host), A, &f);
	assert_int_equal(f.ats, ANSWER_UNKNOWN);

	/* A list that bites its tail, one that leads out of what is there, one cut off. */
	fake_host_set(host, A, "power_state", "D0\n");
	memset(config, 0, sizeof(config));
	put_capability(config, 0x100, 0x0b, 0x100);
	fake_host_write(host, A, "config", config, sizeof(config));
	device_read(fake_host_root(host), A, &f);
	assert_int_equal(f.ats, ANSWER_NO);
	put_capability(config, 0x100, 0x0b, 0xffc);
	fake_host_write(host, A, "config", config, sizeof(config));
	device_read(fake_host_root(host), A, &f);
	assert_int_equal(f.ats, ANSWER_NO);
	fake_host_write(host, A, "config", config, 64);
	device_read(fake_host_root(host), A, &f);
	assert_int_equal(f.ats, ANSWER_NO);
}

static void test_users(void **state _unused_)
{
	static const char *const two[] = { "vm@1.service", "process 7 (qemu)" };
	const char *many[LIMIT_DEVICE_USERS + 4];
	struct device *d;

	assert_int_equal(device_new(A, &d), 0);
	assert_string_equal(d->path, "/org/luod1/device/_30000_3a00_3a03_2e0");
	assert_false(device_set_users(d, NULL, 0, false));
	assert_true(device_set_users(d, two, 2, false));
	assert_false(device_set_users(d, two, 2, false));
	assert_true(device_set_users(d, two, 2, true));
	assert_true(device_set_users(d, two + 1, 1, true));
	assert_string_equal(d->users[0], "process 7 (qemu)");
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = "x";
	assert_true(device_set_users(d, many, ARRAY_SIZE(many), false));
	assert_int_equal(d->n_users, LIMIT_DEVICE_USERS);
	device_free(d);
}

/* --- luod's own want ---------------------------------------------------------------------------- */

/* Whichever of its opens fails: all of it is read, or an error says that it could not be. */
static void test_no_fds(void **state)
{
	static const int errors[] = { EMFILE, ENFILE, ENOMEM };
	struct fake_host *host = *state;
	struct device_facts all, f;
	unsigned int n;

	add(host, A, 7);
	fake_host_set(host, A, "msi_irqs/42", "msix\n");
	assert_int_equal(device_read(fake_host_root(host), A, &all), 0);
	for (n = 1; n < 100; n++) {
		int error = errors[n % ARRAY_SIZE(errors)];
		int r;

		open_fails_at(n, error);
		r = device_read(fake_host_root(host), A, &f);
		if (r == 0)
			break;
		assert_int_equal(r, -error);
	}
	open_fails_at(0, 0);
	assert_in_range(n, 10, 40);
	assert_true(device_facts_equal(&f, &all));
}

int main(int argc _unused_, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_facts),
		TEST(test_little_is_known),
		TEST(test_line),
		TEST(test_whose_device),
		TEST(test_firmware_memory),
		TEST(test_configuration_space),
		cmocka_unit_test(test_users),
		TEST(test_no_fds),
	};

	fake_host_preload(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
