/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight-dma-memory: every code in the situation it is for, and in no other. All start from a
 * session with a buffer that could be handed over, of a device that nothing translates for, between
 * two kernels that can do it, and break one thing.
 */
#include "preflight-situation.h"

#define ADDRESS "0000:00:05.0"

static void sound(struct situation *s)
{
	*s = (struct situation){
		.target = { .release = "7.3.5",
			    .liveupdate = { ANSWER_YES, KIMAGE_FROM_STRINGS },
			    .liveupdate_memfd = { ANSWER_YES, KIMAGE_FROM_STRINGS },
			    .kho = { ANSWER_YES, KIMAGE_FROM_STRINGS },
			    .abis = { "luo-v5", "dma-alloc-v1", "luod-dmamem-v1" },
			    .n_abis = 3 },
		.session = { .name = "1000/vm1",
			     .kernel_name = "luod/1000/vm1",
			     .required = true,
			     .owner_connected = true,
			     .dma_memory = "ring" },
		/* What VFIO's devices would be blamed for is no matter. */
		.facts = { .address = ADDRESS,
			   .driver = "pci-dmamem",
			   .node = "/dev/dmamem/" ADDRESS,
			   .class = "00ff00",
			   .iommu_group = "7",
			   .group_size = 3,
			   .iommu = "ivhd0",
			   .iommu_domain = "identity",
			   .power_state = "D3hot",
			   .interrupts = "msi",
			   .ats = ANSWER_YES,
			   .pri = ANSWER_YES },
		.users = { (char *)"vm@1.service" },
	};
	situation_fill(s, 1, "intel_iommu=on iommu=pt liveupdate=on kho=on",
		       "ro intel_iommu=on iommu=pt liveupdate=on kho=on");
	s->device.dma_memory = true;
	s->features.of[FEATURE_DEVICES].answer = ANSWER_NO;
	snprintf(s->features.dma_memory_abis[0], KIMAGE_ABI_LENGTH, "dma-alloc-v1");
	snprintf(s->features.dma_memory_abis[1], KIMAGE_ABI_LENGTH, "luod-dmamem-v1");
}

/* An error, a warning when the session may be left behind, nothing when nobody has a buffer. */
static void assert_matters(struct situation *s, const char *code, const char *object,
			   const char *says)
{
	assert_finds(s, code, SEVERITY_ERROR, object, says);
	s->session.dma_memory = NULL; /* by delegation: the device tells */
	assert_finds(s, code, SEVERITY_ERROR, object, says);
	s->device.session = NULL;
	s->device.n_users = 0;
	assert_finds(s, NULL, 0, NULL, NULL);
	s->session.dma_memory = "ring";
	s->session.required = false;
	assert_finds(s, code, SEVERITY_WARNING, object, "1000/vm1");
}

static void test_sound(void **state _unused_)
{
	struct situation s;

	sound(&s);
	assert_finds(&s, NULL, 0, NULL, NULL);
	assert_reason(&s, NULL);
	*s.facts.iommu_domain = *s.facts.iommu_group = '\0'; /* there is no IOMMU */
	assert_finds(&s, NULL, 0, NULL, NULL);
	assert_reason(&s, NULL);
}

static void test_running_kernel(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.features.of[FEATURE_DMA_MEMORY].answer = ANSWER_NO;
	assert_reason(&s, "kernel-no-dma-memory");
	assert_matters(&s, "kernel-no-dma-memory", "kernel", "session 1000/vm1 has some");
}

static void test_target(void **state _unused_)
{
	struct situation s;

	for (unsigned int n = 1; n <= 2; n++) { /* neither, or not the driver's */
		sound(&s);
		s.target.n_abis = n;
		assert_matters(&s, "target-no-dma-memory", "target",
			       n == 1 ? "does not list dma-alloc-v1" : "not list luod-dmamem-v1");
	}
}

static void test_target_abi(void **state _unused_)
{
	struct situation s;

	sound(&s);
	snprintf(s.target.abis[2], KIMAGE_ABI_LENGTH, "luod-dmamem-v2");
	assert_matters(
		&s, "target-dma-memory-abi-mismatch", "target",
		"in the format luod-dmamem-v1, and /boot/vmlinuz (7.3.5) reads luod-dmamem-v2");
}

static void test_command_line(void **state _unused_)
{
	static const struct {
		const char *running, *target, *says; /* NULL: nothing is wrong */
	} cases[] = {
		{ "iommu=pt", "iommu=pt", NULL },
		{ "iommu=pt", "iommu.passthrough=1", NULL },
		{ "iommu=pt", "intel_iommu=off", NULL },
		{ "intel_iommu=off", "iommu=off", NULL },
		{ "", "", NULL },
		{ "", "iommu=pt", NULL },
		/* By its configuration the one passes through what its command line does not say. */
		{ "intel_iommu=on", "intel_iommu=on", NULL },
		{ "intel_iommu=on", "", NULL },
		{ "iommu=pt", "", "lacks iommu=pt" },
		{ "intel_iommu=off", "", "lacks iommu=pt" },
		{ "intel_iommu=on iommu=pt", "intel_iommu=on", "asks for an IOMMU" },
		{ "intel_iommu=on iommu=pt", "iommu=pt iommu=nopt", "asks for an IOMMU" },
		{ "iommu.passthrough=1", "iommu.passthrough=0", "asks for an IOMMU" },
		{ "", "intel_iommu=on", "asks for an IOMMU" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *running = NULL, *target = NULL;
		struct situation s;

		sound(&s);
		s.c.running_cmdline = running =
			strprintf("liveupdate=on kho=on %s", cases[i].running);
		s.c.target_cmdline = target = strprintf("liveupdate=on kho=on %s", cases[i].target);
		if (cases[i].says)
			assert_matters(&s, "target-cmdline-translates", "target", cases[i].says);
		else
			assert_finds(&s, NULL, 0, NULL, NULL);
	}
}

static void test_translated(void **state _unused_)
{
	struct situation s;

	sound(&s);
	snprintf(s.facts.iommu_domain, sizeof(s.facts.iommu_domain), "DMA-FQ");
	assert_finds(&s, "dma-memory-translated", SEVERITY_ERROR, ADDRESS, "iommu_groups/7/type");
	s.session.required = false;
	assert_finds(&s, "dma-memory-translated", SEVERITY_WARNING, ADDRESS, "iommu=pt");
	assert_reason(&s, "dma-memory-translated");
	s.device.session = NULL;
	assert_reason(&s, "dma-memory-translated");
	s.device.n_users = 0;
	assert_finds(&s, NULL, 0, NULL, NULL);
}

/* What of the sentence names the other device; NULL: there is no such finding. */
static const char *says_beside(const struct situation *s)
{
	static const char words[] = "device 0000:00:06.0, which session 0/vm2";
	const char *said = NULL;
	struct findings f;

	assert_int_equal(preflight_run_devices(&s->c, &f), 0);
	for (size_t i = 0; i < f.n; i++)
		if (streq(f.items[i].code, "dma-memory-beside")) {
			assert_string_equal(f.items[i].object, ADDRESS);
			assert_int_equal(f.items[i].severity, SEVERITY_ERROR);
			said = strstr(f.items[i].message, words) ? words : "something else";
		}
	findings_free(&f);
	return said;
}

static void test_beside(void **state _unused_)
{
	struct preflight_session other = { .name = "0/vm2", .required = true };
	struct preflight_device devices[2];
	struct device_facts nic;
	struct situation s;

	sound(&s);
	nic = (struct device_facts){ .address = "0000:00:06.0",
				     .driver = "vfio-pci",
				     .iommu = "ivhd0" };
	devices[0] = s.device;
	devices[1] = (struct preflight_device){ .address = nic.address,
						.facts = &nic,
						.session = &other };
	s.c.devices = devices;
	s.c.n_devices = 2;
	assert_string_equal(says_beside(&s), "device 0000:00:06.0, which session 0/vm2");
	snprintf(nic.iommu, sizeof(nic.iommu), "ivhd1");
	assert_null(says_beside(&s));
}

/* Of neither kind of device the kernel can keep these. */
static void test_as_of_vfio(void **state _unused_)
{
	struct situation s;

	sound(&s);
	snprintf(s.facts.class, sizeof(s.facts.class), "0c0330");
	assert_finds(&s, "device-usb", SEVERITY_ERROR, ADDRESS, "USB");
	sound(&s);
	snprintf(s.facts.physical_function, sizeof(s.facts.physical_function), "0000:00:02.0");
	assert_finds(&s, "device-vf", SEVERITY_ERROR, ADDRESS, "virtual function");
}

static void test_missing(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.device.facts = NULL;
	assert_finds(&s, "device-missing", SEVERITY_ERROR, ADDRESS, "taken away from pci-dmamem");
}

static void test_uncovered(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.device.session = NULL;
	assert_finds(&s, "device-uncovered", SEVERITY_ERROR, ADDRESS, "vm@1.service");
}

/* What is looked at again while owners answer. */
static void test_looked_at_again(void **state _unused_)
{
	struct situation s;
	struct findings f;

	sound(&s);
	snprintf(s.facts.iommu_domain, sizeof(s.facts.iommu_domain), "DMA");
	s.target.n_abis = 1;
	assert_int_equal(preflight_run_devices(&s.c, &f), 0);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.items[0].code, "dma-memory-translated");
	findings_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),		cmocka_unit_test(test_running_kernel),
		cmocka_unit_test(test_target),		cmocka_unit_test(test_target_abi),
		cmocka_unit_test(test_command_line),	cmocka_unit_test(test_translated),
		cmocka_unit_test(test_beside),		cmocka_unit_test(test_as_of_vfio),
		cmocka_unit_test(test_missing),		cmocka_unit_test(test_uncovered),
		cmocka_unit_test(test_looked_at_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
