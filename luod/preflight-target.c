/* SPDX-License-Identifier: GPL-2.0-or-later */
/* preflight-target - the next kernel: its image, what it says of itself, its command line. */
#include "cmdline.h"
#include "preflight-check.h"

/* What the next kernel lacks stops those who have something to lose. */
static enum severity at_stake(const struct preflight_context *c)
{
	return c->n_sessions ? SEVERITY_ERROR : SEVERITY_WARNING;
}

CHECK(check_no_target)
{
	if (!c->target && c->loaded_by == PREFLIGHT_LOADED_BY_NOBODY)
		report(self, ret, SEVERITY_ERROR, "target",
		       "No kernel is loaded to jump into. Load one: `luctl load KERNEL --initrd=…`.");
}

/* Not that luod lacks a decompressor: the next kernel would meet the same when it unpacks itself. */
static bool target_is_damaged(const struct preflight_context *c)
{
	return c->target &&
	       (c->target->payload_error == -EBADMSG || c->target->payload_error == -ENODATA);
}

CHECK(check_target_damaged)
{
	if (target_is_damaged(c))
		report(self, ret, SEVERITY_ERROR, "target",
		       "%s is cut short or damaged: the kernel in it cannot be unpacked "
		       "(compression %s), so it would not boot. Copy or install it again, compare "
		       "checksums, and load it again with `luctl load`.",
		       target_name(c), kimage_compression_to_string(c->target->compression));
}

CHECK(check_target_unreadable)
{
	if (c->target && c->target->payload_error && !target_is_damaged(c))
		report(self, ret, SEVERITY_WARNING, "target",
		       "What is inside of %s cannot be read (compression %s: %s), so nothing is "
		       "known about its support for live updates. A kernel compressed with zstd, xz "
		       "or gzip can be checked.",
		       target_name(c), kimage_compression_to_string(c->target->compression),
		       strerror(-c->target->payload_error));
}

CHECK(check_loaded_by_other)
{
	if (c->loaded_by == PREFLIGHT_LOADED_BY_OTHER)
		report(self, ret, SEVERITY_ERROR, "target",
		       "A kernel is loaded for kexec that luod did not load. It was not checked, and "
		       "if kexec_load(2) was used it takes nothing over. Load it with `luctl load`.");
}

CHECK(check_not_loaded)
{
	if (c->target && c->loaded_by == PREFLIGHT_LOADED_BY_NOBODY)
		report(self, ret, SEVERITY_ERROR, "target",
		       "%s was loaded, and somebody has unloaded it since. Load it again with "
		       "`luctl load`.",
		       target_name(c));
}

/* Strings say so by not being there. */
static const char *told_by(const struct kimage_fact *fact)
{
	return fact->answer == ANSWER_NO && fact->from == KIMAGE_FROM_STRINGS
		       ? "the ABI strings that it lacks"
		       : kimage_source_to_string(fact->from);
}

CHECK(check_target_no_liveupdate)
{
	const struct kimage_fact *fact;

	if (!c->target)
		return;
	fact = c->target->kho.answer == ANSWER_NO ? &c->target->kho : &c->target->liveupdate;
	if (fact->answer == ANSWER_NO)
		report(self, ret, at_stake(c), "target",
		       "%s (%s) has no support for live updates (told by %s): every session would "
		       "be lost. Load one built with CONFIG_KEXEC_HANDOVER=y and CONFIG_LIVEUPDATE=y.",
		       target_name(c), c->target->release, told_by(fact));
}

CHECK(check_target_no_memfd)
{
	if (!c->target || c->target->liveupdate.answer == ANSWER_NO ||
	    c->target->liveupdate_memfd.answer != ANSWER_NO)
		return;
	report(self, ret, at_stake(c), "target",
	       "%s (%s) cannot take up memfds (told by %s), luod's own record among them: no "
	       "session would be found. Load one built with CONFIG_LIVEUPDATE_MEMFD=y.",
	       target_name(c), c->target->release, told_by(&c->target->liveupdate_memfd));
}

static const char *const families[] = { "kho-v", "luo-v", "memfd-v" };

static bool family_in_common(const struct kimage *a, const struct kimage *b, const char *family)
{
	for (unsigned int i = 0; i < a->n_abis; i++)
		if (strncmp(a->abis[i], family, strlen(family)) == 0 &&
		    kimage_has_abi(b, a->abis[i]))
			return true;
	return false;
}

CHECK(check_abi_mismatch)
{
	if (!c->target || !c->running)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const char *here = kimage_abi_of_family(c->running, families[i]);
		const char *there = kimage_abi_of_family(c->target, families[i]);

		if (!here || !there || family_in_common(c->running, c->target, families[i]))
			continue;
		report(self, ret, at_stake(c), "target",
		       "The running kernel hands over in the format %s, and %s (%s) reads %s: it "
		       "would not come up, or come up without the sessions. Load a kernel that "
		       "reads %s.",
		       here, target_name(c), c->target->release, there, here);
	}
}

CHECK(check_abi_unknown)
{
	const struct kimage *blind = NULL;

	if (!c->target || c->target->liveupdate.answer == ANSWER_NO)
		return;
	if (!kimage_abi_of_family(c->target, "luo-v"))
		blind = c->target;
	else if (!c->running || !kimage_abi_of_family(c->running, "luo-v"))
		blind = c->running;
	else
		return;
	report(self, ret, SEVERITY_INFO, "target",
	       "Whether both kernels speak the same handover format could not be compared: %s does "
	       "not tell its own. Two kernels of the same version do.",
	       blind && blind == c->target ? target_name(c) : "the running kernel");
}

char *preflight_target_cmdline(const struct preflight_context *c)
{
	const char *builtin = c->target->builtin_cmdline;

	if (c->target->builtin_cmdline_overrides)
		return strdup(builtin);
	return strprintf("%s %s", builtin, c->target_cmdline);
}

static enum answer target_says(const struct preflight_context *c, struct findings *ret,
			       const char *name)
{
	_cleanup_free_ char *cmdline = preflight_target_cmdline(c);

	if (!cmdline) {
		ret->out_of_memory = true;
		return ANSWER_UNKNOWN;
	}
	return cmdline_get_bool(cmdline, name);
}

static bool target_cmdline_matters(const struct preflight_context *c)
{
	return c->target && c->target_cmdline && c->target->liveupdate.answer != ANSWER_NO &&
	       c->target->kho.answer != ANSWER_NO;
}

/* The way to a command line that says it, where the image takes one. */
#define LOAD_WITH(c, option)                                                         \
	((c)->target->builtin_cmdline_overrides                                      \
		 ? "Its command line is built into the image, which takes no other " \
		   "(CONFIG_CMDLINE_OVERRIDE): load another image."                  \
		 : "Load it again with `luctl load --append=\"" option "\" …`.")

CHECK(check_cmdline_liveupdate)
{
	enum answer says;

	if (!target_cmdline_matters(c))
		return;
	says = target_says(c, ret, "liveupdate");
	if (says == ANSWER_YES)
		return;
	report(self, ret, at_stake(c), "target",
	       "The next kernel's command line %s: it would come up, and what was handed over "
	       "would be out of reach. %s",
	       says == ANSWER_NO ? "says liveupdate=off" : "does not say liveupdate=on",
	       LOAD_WITH(c, "liveupdate=on"));
}

CHECK(check_cmdline_kho)
{
	if (!target_cmdline_matters(c))
		return;
	switch (target_says(c, ret, "kho")) {
	case ANSWER_YES:
		return;
	case ANSWER_NO:
		report(self, ret, at_stake(c), "target",
		       "The next kernel's command line says kho=off: nothing would be taken over. %s",
		       LOAD_WITH(c, "kho=on"));
		return;
	case ANSWER_UNKNOWN:
		break;
	}
	if (c->target->kho_default.answer == ANSWER_NO)
		report(self, ret, at_stake(c), "target",
		       "Kexec handover is off in %s (%s) unless its command line says kho=on, and it "
		       "does not. %s",
		       target_name(c), c->target->release, LOAD_WITH(c, "kho=on"));
	else if (c->target->kho_default.answer == ANSWER_UNKNOWN && c->n_sessions)
		report(self, ret, SEVERITY_WARNING, "target",
		       "The next kernel's command line does not say kho=on, and whether %s (%s) has "
		       "it on by itself is not known. %s",
		       target_name(c), c->target->release, LOAD_WITH(c, "kho=on"));
}

CHECK(check_same_release)
{
	if (c->target && c->running_release && *c->target->release &&
	    streq(c->target->release, c->running_release))
		report(self, ret, SEVERITY_INFO, "target",
		       "The next kernel has the release of the running one (%s).",
		       c->running_release);
}

static const struct check checks[] = {
	{ { "no-target", SEVERITY_ERROR, "No kernel is loaded to jump into." }, check_no_target },
	{ { "target-damaged", SEVERITY_ERROR,
	    "The next kernel's image is cut short, or its compressed part is broken." },
	  check_target_damaged },
	{ { "target-unreadable", SEVERITY_WARNING,
	    "What is inside of the next kernel's image cannot be read." },
	  check_target_unreadable },
	{ { "loaded-by-someone-else", SEVERITY_ERROR,
	    "The image loaded for kexec is not the one that luod loaded and checked; it may have "
	    "been loaded with kexec_load(2), which hands nothing over." },
	  check_loaded_by_other },
	{ { "target-not-loaded", SEVERITY_ERROR,
	    "The image that luod loaded has been unloaded by somebody else." },
	  check_not_loaded },
	{ { "target-no-liveupdate", SEVERITY_ERROR,
	    "The next kernel was built without live update support. A warning when there are no "
	    "sessions." },
	  check_target_no_liveupdate },
	{ { "target-no-memfd", SEVERITY_ERROR,
	    "The next kernel was built without CONFIG_LIVEUPDATE_MEMFD. A warning when there are no "
	    "sessions." },
	  check_target_no_memfd },
	{ { "target-abi-mismatch", SEVERITY_ERROR,
	    "The two kernels have no handover format in common. A warning when there are no "
	    "sessions." },
	  check_abi_mismatch },
	{ { "target-abi-unknown", SEVERITY_INFO,
	    "The handover formats of the two kernels could not be compared." },
	  check_abi_unknown },
	{ { "target-cmdline-no-liveupdate", SEVERITY_ERROR,
	    "The next kernel's command line lacks liveupdate=on. A warning when there are no "
	    "sessions." },
	  check_cmdline_liveupdate },
	{ { "target-cmdline-kho-off", SEVERITY_ERROR,
	    "The next kernel's command line says kho=off, or lacks a kho=on that it needs. A "
	    "warning when it is not known whether it needs one." },
	  check_cmdline_kho },
	{ { "target-same-release", SEVERITY_INFO,
	    "The next kernel has the same release as the running one." },
	  check_same_release },
};

const struct check_table preflight_target = { checks, ARRAY_SIZE(checks) };
