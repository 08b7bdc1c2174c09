/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight-device - the devices: what the kernel would refuse to hand over, as far as it can be seen
 * from outside, and what both kernels have to say about devices.
 *
 * What is not judged here, because only the kernel knows: how its user has mapped memory, whether it
 * attached page tables to PASIDs, and what is only asked for at the jump (interrupts must be off by
 * then; a VMM turns them off when it pauses the guest).
 */
#include "cmdline.h"
#include "preflight-check.h"

#define USED(d) ((d)->n_users || (d)->session)

/* --- one device ------------------------------------------------------------------------------- */

JUDGE(judge_missing)
{
	if (d->facts)
		return false;
	if (d->dma_memory)
		return SAY(
			"is not there any more, or was taken away from pci-dmamem: its DMA buffers "
			"cannot be handed over. Let the owner of the session detach them.");
	return SAY(
		"is not there any more, or was taken away from VFIO: it cannot be handed over. Let "
		"the owner of the session detach it, or bind it to vfio-pci again.");
}

JUDGE(judge_driver)
{
	if (streq(d->facts->driver, "vfio-pci"))
		return false;
	return SAY(
		"is driven by %s, and the kernel hands over devices of vfio-pci only. Bind it to "
		"vfio-pci (driver_override in sysfs), or shut its guest down before the update.",
		*d->facts->driver ? d->facts->driver : "another driver");
}

JUDGE(judge_iommu)
{
	if (*d->facts->iommu_group)
		return false;
	return SAY(
		"has no IOMMU that confines it, and its DMA could not go on under another kernel. "
		"Switch VT-d on in the firmware, and boot with intel_iommu=on.");
}

/* Intel's units are called dmar0 and up. */
JUDGE(judge_iommu_kind)
{
	if (!*d->facts->iommu_group || strncmp(d->facts->iommu, "dmar", 4) == 0)
		return false;
	return SAY(
		"is behind an IOMMU of a kind (%s) that the kernel cannot hand over: it has to be "
		"Intel's VT-d. Shut its guest down before the update.",
		*d->facts->iommu ? d->facts->iommu : "unknown");
}

JUDGE(judge_group)
{
	if (d->facts->group_size < 2)
		return false;
	return SAY(
		"shares IOMMU group %s with %u others, and only a group of one can be handed over. "
		"Put it into a slot whose bridges have ACS; `ls "
		"/sys/kernel/iommu_groups/%s/devices` shows the others.",
		d->facts->iommu_group, d->facts->group_size - 1, d->facts->iommu_group);
}

JUDGE(judge_vf)
{
	if (!*d->facts->physical_function)
		return false;
	return SAY(
		"is a virtual function of %s and would vanish with that one's driver. Give its guest "
		"a whole device, or shut the guest down before the update.",
		d->facts->physical_function);
}

JUDGE(judge_vfs)
{
	if (!d->facts->virtual_functions)
		return false;
	return SAY(
		"has %u virtual functions, which the next kernel would not find again. Remove them: "
		"write 0 to sriov_numvfs of the device in sysfs.",
		d->facts->virtual_functions);
}

JUDGE(judge_ats)
{
	if (d->facts->ats != ANSWER_YES)
		return false;
	return SAY(
		"keeps translations of its own (ATS is on), which nobody could take back in the next "
		"kernel. Boot with pci=noats.");
}

JUDGE(judge_pri)
{
	if (d->facts->pri != ANSWER_YES)
		return false;
	return SAY(
		"asks for pages when it needs them (PRI is on), and nobody would answer during the "
		"jump. Let its user attach page tables without page faults.");
}

JUDGE(judge_firmware_memory)
{
	if (!d->facts->firmware_memory)
		return false;
	return SAY(
		"has memory that the firmware wants mapped for it (RMRR: `direct` in "
		"/sys/kernel/iommu_groups/%s/reserved_regions), and mappings of the kernel's own "
		"are not handed over. Some firmware can be told to leave the device alone.",
		d->facts->iommu_group);
}

JUDGE(judge_usb)
{
	if (strncmp(d->facts->class, "0c03", 4) != 0)
		return false;
	return SAY(
		"is a USB controller, and the next kernel halts those when it finds them. Shut its "
		"guest down before the update, or take the controller away from it.");
}

/* One that nobody has open sleeps, and is woken by whoever opens it. */
JUDGE(judge_power)
{
	if (!USED(d) || strncmp(d->facts->power_state, "D", 1) != 0 ||
	    streq(d->facts->power_state, "D0"))
		return false;
	return SAY("sleeps (%s), and must be awake to be handed over. Wake it up in its guest.",
		   d->facts->power_state);
}

JUDGE(judge_group_open)
{
	if (!d->group_open)
		return false;
	return SAY(
		"is used through the older interface, /dev/vfio/%s. Let its user open %s and bind "
		"it to an iommufd (QEMU: -object iommufd, and iommufd= of vfio-pci).",
		d->facts->iommu_group,
		*d->facts->node ? d->facts->node : "its node in /dev/vfio/devices");
}

JUDGE(judge_kernel)
{
	if (feature_of(c, FEATURE_DEVICES) != ANSWER_NO)
		return false;
	return SAY("cannot be handed over by the running kernel, which carries memory only. Boot "
		   "luod's own (CONFIG_VFIO_PCI_LIVEUPDATE=y).");
}

static bool concerns(const struct check *check, const struct preflight_device *d)
{
	if (!d->facts)
		return check->judge_device == judge_missing;
	return check->of == OF_BOTH || check->of == (d->dma_memory ? OF_DMA_MEMORY : OF_VFIO);
}

static void judge_one(const struct check *check, const struct preflight_context *c,
		      const struct preflight_device *d, enum severity severity,
		      struct findings *ret)
{
	char text[SENTENCE_MAX];

	if (concerns(check, d) && check->judge_device(c, d, text))
		report(check, ret, severity, d->address, "Device %s %s", d->address, text);
}

void preflight_run_on_devices(const struct check *self, const struct preflight_context *c,
			      struct findings *ret)
{
	for (size_t i = 0; i < c->n_devices; i++)
		if (c->devices[i].session)
			judge_one(self, c, &c->devices[i], by_policy(c->devices[i].session), ret);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* "vm@1.service, process 812 (qemu)"; the caller frees it. */
static char *join_users(const struct preflight_device *d)
{
	char *text = strdup("");

	for (size_t i = 0; text && i < d->n_users; i++) {
		char *longer = strprintf("%s%s%s", text, i ? ", " : "", d->users[i]);

		free(text);
		text = longer;
	}
	return text;
}

CHECK(check_uncovered)
{
	for (size_t i = 0; i < c->n_devices; i++) {
		const struct preflight_device *d = &c->devices[i];
		_cleanup_free_ char *users = NULL;

		if (!d->n_users || d->session)
			continue;
		users = join_users(d);
		if (!users)
			ret->out_of_memory = true;
		else
			report(self, ret, SEVERITY_ERROR, d->address,
			       "Device %s is in use by %s, and no session covers it: it would be "
			       "stopped, and its guest lost. Shut the guest down, or let its VMM take "
			       "part (liblu(3)); --force goes on without it.",
			       d->address, users);
	}
}

CHECK(check_left_out)
{
	if (c->devices_left_out)
		report(self, ret, SEVERITY_WARNING, "luod",
		       "There are more than %d devices of VFIO on this host; luod knows only as many, "
		       "and nothing is said of the others.",
		       LIMIT_DEVICES);
}

/* What is at stake when a kernel cannot do something for devices. */
static enum severity stake(const struct preflight_context *c, bool *ret_any)
{
	enum severity severity = SEVERITY_WARNING;

	*ret_any = false;
	for (size_t i = 0; i < c->n_devices; i++) {
		if (!c->devices[i].session || c->devices[i].dma_memory)
			continue;
		*ret_any = true;
		if (by_policy(c->devices[i].session) > severity)
			severity = by_policy(c->devices[i].session);
	}
	return severity;
}

CHECK(check_kernel)
{
	bool any;
	enum severity severity = stake(c, &any);

	if (any && feature_of(c, FEATURE_DEVICES) == ANSWER_NO)
		report(self, ret, severity, "kernel",
		       "The running kernel hands over memory, but no devices, and there are sessions "
		       "with devices. Boot luod's own kernel (CONFIG_IOMMU_LIVEUPDATE=y and "
		       "CONFIG_VFIO_PCI_LIVEUPDATE=y), or let the guests give their devices back.");
}

static const char *const families[] = KIMAGE_DEVICE_FAMILIES;

int preflight_misfit(const struct preflight_context *c, const struct formats *f, bool other)
{
	if (!c->target || feature_of(c, f->feature) != ANSWER_YES ||
	    c->target->liveupdate.answer == ANSWER_NO)
		return -1; /* and the last of these has a finding of its own */
	for (int i = 0; i < f->n; i++)
		if (!kimage_has_abi(c->target, f->abis[i]) &&
		    (kimage_abi_of_family(c->target, f->families[i]) != NULL) == other)
			return i;
	return -1;
}

static int misfit(const struct preflight_context *c, bool other)
{
	const struct formats formats = {
		FEATURE_DEVICES,
		families,
		c->features ? c->features->device_abis : NULL,
		ARRAY_SIZE(families),
	};

	return preflight_misfit(c, &formats, other);
}

CHECK(check_target)
{
	int i = misfit(c, false);
	bool any;
	enum severity severity = stake(c, &any);

	if (i >= 0)
		report(self, ret, severity, "target",
		       "%s (%s) cannot take over devices (it does not list %s)%s. Load one of luod's own "
		       "(CONFIG_IOMMU_LIVEUPDATE=y and CONFIG_VFIO_PCI_LIVEUPDATE=y).",
		       target_name(c), c->target->release, c->features->device_abis[i],
		       any ? ", and there are sessions with devices" : "; memory is not concerned");
}

CHECK(check_target_abi)
{
	int i = misfit(c, true);
	bool any;
	enum severity severity = stake(c, &any);

	if (i >= 0)
		report(self, ret, severity, "target",
		       "The running kernel hands devices over in the format %s, and %s (%s) reads %s%s. "
		       "Load a kernel that reads %s.",
		       c->features->device_abis[i], target_name(c), c->target->release,
		       kimage_abi_of_family(c->target, families[i]),
		       any ? ": the jump would be refused" : "; memory is not concerned",
		       c->features->device_abis[i]);
}

/* --- the IOMMU on the next kernel's command line ---------------------------------------------- */

enum answer preflight_iommu_on(const char *cmdline)
{
	if (cmdline_get_option(cmdline, "iommu", NULL, "off") == ANSWER_NO)
		return ANSWER_NO;
	return cmdline_get_option(cmdline, "intel_iommu", "on", "off");
}

static enum answer scalable_mode(const char *cmdline)
{
	return cmdline_get_option(cmdline, "intel_iommu", "sm_on", "sm_off");
}

/* What @ask says of both command lines; false when it does not matter. */
static bool ask_both(const struct preflight_context *c, struct findings *ret,
		     enum answer (*ask)(const char *cmdline), enum answer *ret_running,
		     enum answer *ret_target)
{
	_cleanup_free_ char *cmdline = NULL;
	bool any;

	stake(c, &any);
	if (!any || !c->target || !c->target_cmdline)
		return false;
	cmdline = preflight_target_cmdline(c);
	if (!cmdline) {
		ret->out_of_memory = true;
		return false;
	}
	*ret_target = ask(cmdline);
	*ret_running = ask(strempty(c->running_cmdline));
	return true;
}

CHECK(check_cmdline_iommu)
{
	enum answer running, target;
	bool any;

	if (!ask_both(c, ret, preflight_iommu_on, &running, &target))
		return;
	if (target == ANSWER_NO)
		report(self, ret, stake(c, &any), "target",
		       "The next kernel's command line switches the IOMMU off (iommu=off or "
		       "intel_iommu=off): it would stop every device instead of taking it over. Load it "
		       "again with `luctl load --append=\"intel_iommu=on\" …`.");
	else if (target == ANSWER_UNKNOWN && running == ANSWER_YES)
		report(self, ret, SEVERITY_WARNING, "target",
		       "The running kernel was booted with intel_iommu=on, and the next one's command "
		       "line does not say so. Unless it was built with "
		       "CONFIG_INTEL_IOMMU_DEFAULT_ON=y it would stop every device. Load it again with "
		       "`luctl load --append=\"intel_iommu=on\" …`.");
}

CHECK(check_cmdline_mode)
{
	enum answer running, target;
	bool any;

	if (!ask_both(c, ret, scalable_mode, &running, &target) || running == target)
		return;
	report(self, ret,
	       running == ANSWER_UNKNOWN || target == ANSWER_UNKNOWN ? SEVERITY_WARNING
								     : stake(c, &any),
	       "target",
	       "The command lines of the two kernels differ in the IOMMU's scalable mode (sm_on or sm_off "
	       "of intel_iommu=). If the modes differ, the next kernel stops every device instead of "
	       "taking it over. Load it again with the same.");
}

static const struct check checks[] = {
	{ { "kernel-no-devices", SEVERITY_ERROR,
	    "The running kernel cannot hand over devices, and a session covers one." },
	  check_kernel,
	  .judge_device = judge_kernel },
	{ { "target-no-devices", SEVERITY_ERROR,
	    "The next kernel cannot take over devices. A warning when no session covers one." },
	  check_target },
	{ { "target-device-abi-mismatch", SEVERITY_ERROR,
	    "The next kernel takes over devices in another format. A warning when no session covers "
	    "one." },
	  check_target_abi },
	{ { "target-cmdline-iommu-off", SEVERITY_ERROR,
	    "The next kernel's command line switches the IOMMU off, and a session covers a device. A "
	    "warning when it only does not switch it on." },
	  check_cmdline_iommu },
	{ { "target-cmdline-iommu-mode", SEVERITY_ERROR,
	    "The IOMMU's scalable mode would change. A warning when only one command line tells." },
	  check_cmdline_mode },
	{ { "device-uncovered", SEVERITY_ERROR, "A device is in use, and no session covers it." },
	  check_uncovered },
	{ { "device-limit", SEVERITY_WARNING, "There are more devices than luod keeps." },
	  check_left_out },
	{ { "device-missing", SEVERITY_ERROR, "A device of a session has gone, or left VFIO." },
	  preflight_run_on_devices,
	  .judge_device = judge_missing },
	{ { "device-driver", SEVERITY_ERROR, "A device has another driver than vfio-pci." },
	  preflight_run_on_devices,
	  .judge_device = judge_driver },
	{ { "device-no-iommu", SEVERITY_ERROR, "A device has no IOMMU." },
	  preflight_run_on_devices,
	  .judge_device = judge_iommu },
	{ { "device-iommu-kind", SEVERITY_ERROR, "A device's IOMMU is not VT-d." },
	  preflight_run_on_devices,
	  .judge_device = judge_iommu_kind },
	{ { "device-group", SEVERITY_ERROR, "A device shares its IOMMU group." },
	  preflight_run_on_devices,
	  .judge_device = judge_group },
	{ { "device-vf", SEVERITY_ERROR, "A device is a virtual function." },
	  preflight_run_on_devices,
	  .judge_device = judge_vf,
	  .of = OF_BOTH },
	{ { "device-has-vfs", SEVERITY_ERROR, "A device has virtual functions." },
	  preflight_run_on_devices,
	  .judge_device = judge_vfs },
	{ { "device-ats", SEVERITY_ERROR, "A device has ATS on." },
	  preflight_run_on_devices,
	  .judge_device = judge_ats },
	{ { "device-pri", SEVERITY_ERROR, "A device has PRI on." },
	  preflight_run_on_devices,
	  .judge_device = judge_pri },
	{ { "device-firmware-memory", SEVERITY_ERROR,
	    "The firmware wants memory mapped for a device." },
	  preflight_run_on_devices,
	  .judge_device = judge_firmware_memory },
	{ { "device-usb", SEVERITY_ERROR, "A device is a USB controller." },
	  preflight_run_on_devices,
	  .judge_device = judge_usb,
	  .of = OF_BOTH },
	{ { "device-power", SEVERITY_ERROR, "A device that is in use is not in D0." },
	  preflight_run_on_devices,
	  .judge_device = judge_power },
	{ { "device-legacy-group", SEVERITY_ERROR,
	    "A device is used through its group, not through a node of its own." },
	  preflight_run_on_devices,
	  .judge_device = judge_group_open },
};

const struct check_table preflight_device = { checks, ARRAY_SIZE(checks) };

static int give(struct findings *findings, struct findings *ret)
{
	if (findings->out_of_memory) {
		findings_free(findings);
		return -ENOMEM;
	}
	findings_sort(findings);
	*ret = *findings;
	return 0;
}

static const struct check_table *const device_tables[] = { &preflight_device,
							   &preflight_dma_memory };

int preflight_run_devices(const struct preflight_context *context, struct findings *ret)
{
	struct findings findings = {};

	for (size_t t = 0; t < ARRAY_SIZE(device_tables); t++)
		for (size_t i = 0; i < device_tables[t]->n; i++) {
			const struct check *check = &device_tables[t]->checks[i];

			if (check->run == preflight_run_on_devices || check->run == check_uncovered)
				check->run(check, context, &findings);
		}
	return give(&findings, ret);
}

int preflight_device_reasons(const struct preflight_context *context,
			     const struct preflight_device *device, struct findings *ret)
{
	struct findings findings = {};

	for (size_t t = 0; t < ARRAY_SIZE(device_tables); t++)
		for (size_t i = 0; i < device_tables[t]->n; i++)
			if (device_tables[t]->checks[i].judge_device)
				judge_one(&device_tables[t]->checks[i], context, device,
					  SEVERITY_ERROR, &findings);
	return give(&findings, ret);
}
