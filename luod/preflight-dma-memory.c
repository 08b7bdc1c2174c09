/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight-dma-memory - DMA buffers of pci-dmamem, and the devices that they are for: whether both
 * kernels can hand them over, and whether the next one leaves the devices' addresses alone. A buffer
 * is where its device finds it only as long as no IOMMU translates.
 */
#include "cmdline.h"
#include "preflight-check.h"

/* --- one device ------------------------------------------------------------------------------- */

/* Nothing but an identity domain leaves addresses as they are. */
JUDGE(judge_translated)
{
	const char *domain = d->facts->iommu_domain;

	if (isempty(domain) || streq(domain, "identity"))
		return false;
	return SAY(
		"is behind an IOMMU that translates its addresses (%s, in /sys/kernel/iommu_groups/%s/type), "
		"and its DMA buffers can be handed over only where none does. Boot with iommu=pt.",
		domain, d->facts->iommu_group);
}

JUDGE(judge_kernel)
{
	if (feature_of(c, FEATURE_DMA_MEMORY) != ANSWER_NO)
		return false;
	return SAY("has DMA buffers that the running kernel cannot hand over. Boot luod's own "
		   "(CONFIG_PCI_DMAMEM=y).");
}

/* The kernel keeps the IOMMU's tables for VFIO's devices alone: it refuses the jump of all. */
JUDGE(judge_beside)
{
	for (size_t i = 0; i < c->n_devices; i++) {
		const struct preflight_device *other = &c->devices[i];

		if (other->dma_memory || !other->session || !other->facts ||
		    isempty(d->facts->iommu) || !streq(other->facts->iommu, d->facts->iommu))
			continue;
		return SAY(
			"is behind the same IOMMU (%s) as device %s, which session %s hands over by "
			"VFIO, and the kernel cannot do both. Shut one of the two guests down before "
			"the update.",
			d->facts->iommu, other->address, other->session->name);
	}
	return false;
}

/* --- both kernels ----------------------------------------------------------------------------- */

/* Who has something to lose: a session that is required before one that is not. */
struct stake {
	const struct preflight_session *session; /* NULL: nobody */
	enum severity severity;
};

static void put_in(struct stake *stake, const struct preflight_session *s)
{
	if (stake->session && by_policy(s) <= stake->severity)
		return;
	stake->session = s;
	stake->severity = by_policy(s);
}

/* An owner by delegation has declared nothing yet, but has the device open (cover.c). */
static struct stake stake(const struct preflight_context *c)
{
	struct stake stake = { .severity = SEVERITY_WARNING };

	for (size_t i = 0; i < c->n_sessions; i++)
		if (c->sessions[i].dma_memory)
			put_in(&stake, &c->sessions[i]);
	for (size_t i = 0; i < c->n_devices; i++)
		if (c->devices[i].session && c->devices[i].dma_memory)
			put_in(&stake, c->devices[i].session);
	return stake;
}

CHECK(check_kernel)
{
	struct stake at = stake(c);

	if (at.session && feature_of(c, FEATURE_DMA_MEMORY) == ANSWER_NO)
		report(self, ret, at.severity, "kernel",
		       "The running kernel hands over memory, but no DMA buffers, and session %s has "
		       "some. Boot luod's own kernel (CONFIG_DMA_LIVEUPDATE=y and "
		       "CONFIG_PCI_DMAMEM=y), or let the session's owner give its device back.",
		       at.session->name);
}

static const char *const families[] = KIMAGE_DMA_MEMORY_FAMILIES;

static int misfit(const struct preflight_context *c, bool other)
{
	const struct formats formats = {
		FEATURE_DMA_MEMORY,
		families,
		c->features ? c->features->dma_memory_abis : NULL,
		ARRAY_SIZE(families),
	};

	return preflight_misfit(c, &formats, other);
}

/* Unlike a device of VFIO's, one of these is rare: nothing is said as long as no session has any. */
CHECK(check_target)
{
	struct stake at = stake(c);
	int i = misfit(c, false);

	if (i >= 0 && at.session)
		report(self, ret, at.severity, "target",
		       "%s (%s) cannot take over DMA buffers (it does not list %s), and session %s has "
		       "some: the jump would be refused. Load one of luod's own (CONFIG_DMA_LIVEUPDATE=y "
		       "and CONFIG_PCI_DMAMEM=y).",
		       target_name(c), c->target->release, c->features->dma_memory_abis[i],
		       at.session->name);
}

CHECK(check_target_abi)
{
	struct stake at = stake(c);
	int i = misfit(c, true);

	if (i >= 0 && at.session)
		report(self, ret, at.severity, "target",
		       "The running kernel hands DMA buffers over in the format %s, and %s (%s) reads "
		       "%s: the jump would be refused, for session %s. Load a kernel that reads %s.",
		       c->features->dma_memory_abis[i], target_name(c), c->target->release,
		       kimage_abi_of_family(c->target, families[i]), at.session->name,
		       c->features->dma_memory_abis[i]);
}

/* Does such a command line leave addresses alone? What it does not say, the kernel's defaults do. */
static enum answer direct(const char *cmdline)
{
	enum answer on = preflight_iommu_on(cmdline),
		    pass = cmdline_get_option(cmdline, "iommu", "pt", "nopt");

	if (on == ANSWER_NO)
		return ANSWER_YES;
	if (pass == ANSWER_UNKNOWN)
		pass = cmdline_get_bool(cmdline, "iommu.passthrough");
	return pass == ANSWER_UNKNOWN && on == ANSWER_YES ? ANSWER_NO : pass;
}

CHECK(check_cmdline)
{
	_cleanup_free_ char *cmdline = NULL;
	struct stake at = stake(c);
	enum answer target, running;

	if (!at.session || !c->target || !c->target_cmdline)
		return;
	cmdline = preflight_target_cmdline(c);
	if (!cmdline) {
		ret->out_of_memory = true;
		return;
	}
	target = direct(cmdline);
	running = direct(strempty(c->running_cmdline));
	if (target == ANSWER_YES || target == running ||
	    (target == ANSWER_UNKNOWN && running == ANSWER_NO))
		return;
	report(self, ret, at.severity, "target",
	       "The next kernel's command line %s: the devices whose DMA buffers session %s has would "
	       "not reach them any more, and the next kernel would stop them instead of taking the "
	       "buffers over. Load it again with `luctl load --append=\"iommu=pt\" …`.",
	       target == ANSWER_NO
		       ? "asks for an IOMMU that translates"
		       : "lacks iommu=pt (or intel_iommu=off), which the running one has",
	       at.session->name);
}

static const struct check checks[] = {
	{ { "kernel-no-dma-memory", SEVERITY_ERROR,
	    "The running kernel cannot hand over DMA buffers, and a session has some." },
	  check_kernel,
	  .judge_device = judge_kernel,
	  .of = OF_DMA_MEMORY },
	{ { "target-no-dma-memory", SEVERITY_ERROR,
	    "The next kernel cannot take over DMA buffers, and a session has some." },
	  check_target },
	{ { "target-dma-memory-abi-mismatch", SEVERITY_ERROR,
	    "The next kernel takes over DMA buffers in another format, and a session has some." },
	  check_target_abi },
	{ { "target-cmdline-translates", SEVERITY_ERROR,
	    "The next kernel would translate the addresses of a device with DMA buffers." },
	  check_cmdline },
	{ { "dma-memory-beside", SEVERITY_ERROR,
	    "A device of pci-dmamem is behind the same IOMMU as one of VFIO that a session covers." },
	  preflight_run_on_devices,
	  .judge_device = judge_beside,
	  .of = OF_DMA_MEMORY },
	{ { "dma-memory-translated", SEVERITY_ERROR,
	    "An IOMMU translates the addresses of a device of pci-dmamem." },
	  preflight_run_on_devices,
	  .judge_device = judge_translated,
	  .of = OF_DMA_MEMORY },
};

const struct check_table preflight_dma_memory = { checks, ARRAY_SIZE(checks) };
