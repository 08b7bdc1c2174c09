/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight-device: every code in the situation it is for, and in no other. All start from a device
 * that could be handed over, between two kernels that can do it, and break one thing.
 */
#include "preflight-situation.h"

#define ADDRESS "0000:00:03.0"

static const char *const abis[] = { "luod-iommu-v3", "luod-iommufd-v2", "luod-vfio-pci-v1" };

static void sound(struct situation *s)
{
	*s = (struct situation){
		.target = { .release = "7.3.5",
			    .liveupdate = { ANSWER_YES, KIMAGE_FROM_STRINGS },
			    .liveupdate_memfd = { ANSWER_YES, KIMAGE_FROM_STRINGS },
			    .kho = { ANSWER_YES, KIMAGE_FROM_STRINGS },
			    .abis = { "luo-v5", "luod-iommu-v3", "luod-iommufd-v2",
				      "luod-vfio-pci-v1" },
			    .n_abis = 4 },
		.session = { "1000/vm1", "luod/1000/vm1", false, true, true },
		.facts = { .address = ADDRESS,
			   .driver = "vfio-pci",
			   .node = "/dev/vfio/devices/vfio0",
			   .class = "020000",
			   .iommu_group = "7",
			   .group_size = 1,
			   .iommu = "dmar0",
			   .power_state = "D0",
			   .interrupts = "msix",
			   .ats = ANSWER_NO,
			   .pri = ANSWER_NO },
		.users = { (char *)"vm@1.service", (char *)"process 812 (qemu)" },
	};
	situation_fill(s, 1, "intel_iommu=on liveupdate=on kho=on",
		       "ro intel_iommu=on liveupdate=on kho=on");
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++)
		snprintf(s->features.device_abis[i], sizeof(s->features.device_abis[i]), "%s",
			 abis[i]);
}

/*
 * What is wrong with the device itself: an error, a warning when its session may be left behind, a
 * reason in any case, and no finding while no session needs it.
 */
static void assert_device(struct situation *s, const char *code, const char *says)
{
	assert_finds(s, code, SEVERITY_ERROR, ADDRESS, says);
	s->session.required = false;
	assert_finds(s, code, SEVERITY_WARNING, ADDRESS, says);
	assert_reason(s, code);
	s->device.session = NULL;
	assert_reason(s, code);
	s->device.n_users = 0;
	assert_finds(s, NULL, 0, NULL, NULL);
}

static void test_sound(void **state _unused_)
{
	struct situation s;

	sound(&s);
	assert_finds(&s, NULL, 0, NULL, NULL);
	assert_reason(&s, NULL);
}

static void test_driver(void **state _unused_)
{
	struct situation s;

	sound(&s);
	snprintf(s.facts.driver, sizeof(s.facts.driver), "%s", "mlx5_vfio_pci");
	assert_device(&s, "device-driver", "is driven by mlx5_vfio_pci");
}

static void test_iommu(void **state _unused_)
{
	struct situation s;

	sound(&s);
	snprintf(s.facts.iommu, sizeof(s.facts.iommu), "%s", "ivhd0");
	assert_device(&s, "device-iommu-kind", "(ivhd0)");

	sound(&s);
	*s.facts.iommu = *s.facts.iommu_group = '\0';
	s.facts.group_size = 0;
	assert_device(&s, "device-no-iommu", "intel_iommu=on");
}

static void test_group(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.facts.group_size = 3;
	assert_device(&s, "device-group", "shares IOMMU group 7 with 2 others");
}

static void test_sr_iov(void **state _unused_)
{
	struct situation s;

	sound(&s);
	snprintf(s.facts.physical_function, sizeof(s.facts.physical_function), "%s",
		 "0000:00:02.0");
	assert_device(&s, "device-vf", "virtual function of 0000:00:02.0");
	sound(&s);
	s.facts.virtual_functions = 8;
	assert_device(&s, "device-has-vfs", "has 8 virtual functions");
}

static void test_configuration(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.facts.ats = ANSWER_YES;
	assert_device(&s, "device-ats", "ATS is on");
	sound(&s);
	s.facts.pri = ANSWER_YES;
	assert_device(&s, "device-pri", "PRI is on");
	sound(&s);
	s.facts.firmware_memory = true;
	assert_device(&s, "device-firmware-memory", "iommu_groups/7/");
	sound(&s);
	snprintf(s.facts.class, sizeof(s.facts.class), "%s", "0c0330");
	assert_device(&s, "device-usb", "USB controller");
}

/* One that nobody uses sleeps, and that is as it should be. */
static void test_power(void **state _unused_)
{
	struct situation s;

	sound(&s);
	snprintf(s.facts.power_state, sizeof(s.facts.power_state), "%s", "D3hot");
	assert_finds(&s, "device-power", SEVERITY_ERROR, ADDRESS, "(D3hot)");
	assert_reason(&s, "device-power");
	s.device.session = NULL;
	s.device.n_users = 0;
	assert_finds(&s, NULL, 0, NULL, NULL);
	assert_reason(&s, NULL);
	sound(&s);
	snprintf(s.facts.power_state, sizeof(s.facts.power_state), "%s", "unknown");
	assert_finds(&s, NULL, 0, NULL, NULL);
}

static void test_legacy_group(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.device.group_open = true;
	assert_device(&s, "device-legacy-group", "/dev/vfio/7");
}

/* A guest pauses its device's interrupts when it is paused itself: nothing to complain of before. */
static void test_interrupts_are_no_reason(void **state _unused_)
{
	struct situation s;

	sound(&s);
	snprintf(s.facts.interrupts, sizeof(s.facts.interrupts), "%s", "msi");
	assert_finds(&s, NULL, 0, NULL, NULL);
	assert_reason(&s, NULL);
}

static void test_missing(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.device.facts = NULL;
	assert_finds(&s, "device-missing", SEVERITY_ERROR, ADDRESS, "bind it to vfio-pci again");
	s.session.required = false;
	assert_finds(&s, "device-missing", SEVERITY_WARNING, ADDRESS, "detach");
}

/* Whatever it is that is used: nobody would take it along. */
static void test_uncovered(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.device.session = NULL;
	s.device.n_users = 2;
	assert_finds(&s, "device-uncovered", SEVERITY_ERROR, ADDRESS,
		     "in use by vm@1.service, process 812 (qemu), and no session");
	s.device.n_users = 0;
	assert_finds(&s, NULL, 0, NULL, NULL);
}

static void test_left_out(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.c.devices_left_out = true;
	assert_finds(&s, "device-limit", SEVERITY_WARNING, "luod", "more than 4096 devices");
}

static void test_running_kernel(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.features.of[FEATURE_DEVICES].answer = ANSWER_NO;
	assert_finds(&s, "kernel-no-devices", SEVERITY_ERROR, "kernel",
		     "CONFIG_VFIO_PCI_LIVEUPDATE");
	assert_reason(&s, "kernel-no-devices");
	s.session.required = false;
	assert_finds(&s, "kernel-no-devices", SEVERITY_WARNING, "kernel", "memory");
	s.device.session = NULL;
	s.device.n_users = 0;
	assert_finds(&s, NULL, 0, NULL, NULL);
	assert_reason(&s, "kernel-no-devices");
}

static void no_devices(struct situation *s)
{
	s->c.n_devices = 0;
}

/* A stock kernel: an error with a device, for memory alone a warning. */
static void test_target(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.target.n_abis = 1;
	assert_finds(&s, "target-no-devices", SEVERITY_ERROR, "target", "luod-iommu-v3");
	s.session.required = false;
	assert_finds(&s, "target-no-devices", SEVERITY_WARNING, "target", "there are sessions");
	no_devices(&s);
	assert_finds(&s, "target-no-devices", SEVERITY_WARNING, "target",
		     "memory is not concerned");

	/* Two stock kernels: nobody expected anything. */
	s.features.of[FEATURE_DEVICES].answer = ANSWER_NO;
	assert_finds(&s, NULL, 0, NULL, NULL);

	sound(&s);
	snprintf(s.target.abis[3], sizeof(s.target.abis[3]), "%s", "luod-vfio-pci-v2");
	assert_finds(&s, "target-device-abi-mismatch", SEVERITY_ERROR, "target",
		     "in the format luod-vfio-pci-v1, and /boot/vmlinuz (7.3.5) reads "
		     "luod-vfio-pci-v2");
	no_devices(&s);
	assert_finds(&s, "target-device-abi-mismatch", SEVERITY_WARNING, "target", "memory is not");

	/* One that reads the older format as well will do. */
	sound(&s);
	snprintf(s.target.abis[4], sizeof(s.target.abis[4]), "%s", "luod-vfio-pci-v2");
	s.target.n_abis = 5;
	assert_finds(&s, NULL, 0, NULL, NULL);
}

static void test_command_line(void **state _unused_)
{
	static const char *const off[] = {
		"liveupdate=on kho=on intel_iommu=off",
		"liveupdate=on kho=on intel_iommu=on iommu=off",
		"liveupdate=on kho=on intel_iommu=on,off",
		"liveupdate=on kho=on iommu=pt,off intel_iommu=on",
	};
	struct situation s;

	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		sound(&s);
		s.c.target_cmdline = off[i];
		assert_finds(&s, "target-cmdline-iommu-off", SEVERITY_ERROR, "target",
			     "switches the IOMMU off");
		no_devices(&s);
		assert_finds(&s, NULL, 0, NULL, NULL);
	}
	sound(&s);
	s.c.target_cmdline = "liveupdate=on kho=on";
	assert_finds(&s, "target-cmdline-iommu-off", SEVERITY_WARNING, "target", "does not say so");
	s.c.running_cmdline = "liveupdate=on kho=on"; /* on without a word, here as there */
	assert_finds(&s, NULL, 0, NULL, NULL);

	sound(&s);
	s.c.target_cmdline = "liveupdate=on kho=on intel_iommu=on,sm_off";
	assert_finds(&s, "target-cmdline-iommu-mode", SEVERITY_WARNING, "target", "scalable mode");
	s.c.running_cmdline = "intel_iommu=on,sm_on";
	assert_finds(&s, "target-cmdline-iommu-mode", SEVERITY_ERROR, "target", "scalable mode");
	s.c.running_cmdline = "intel_iommu=on intel_iommu=sm_off";
	assert_finds(&s, NULL, 0, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_driver),
		cmocka_unit_test(test_iommu),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_sr_iov),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_power),
		cmocka_unit_test(test_legacy_group),
		cmocka_unit_test(test_interrupts_are_no_reason),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_uncovered),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_running_kernel),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
