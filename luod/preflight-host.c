/* SPDX-License-Identifier: GPL-2.0-or-later */
/* preflight-host - the running kernel, and what luod stands on. */
#include "cmdline.h"
#include "kdev-luo.h"
#include "preflight-check.h"

static const char *feature_from(const struct preflight_context *c, enum feature feature)
{
	return c->features->of[feature].from;
}

CHECK(check_no_liveupdate)
{
	if (feature_of(c, FEATURE_LIVEUPDATE) != ANSWER_NO)
		return;
	report(self, ret, SEVERITY_ERROR, "kernel",
	       "The running kernel has no Live Update Orchestrator (told by %s). Boot one built "
	       "with CONFIG_KEXEC_HANDOVER=y and CONFIG_LIVEUPDATE=y.",
	       feature_from(c, FEATURE_LIVEUPDATE));
}

static bool running_says(const struct preflight_context *c, const char *name, enum answer answer)
{
	return c->running_cmdline && cmdline_get_bool(c->running_cmdline, name) == answer;
}

CHECK(check_liveupdate_off)
{
	if (feature_of(c, FEATURE_LIVEUPDATE) == ANSWER_NO ||
	    feature_of(c, FEATURE_LIVEUPDATE_ENABLED) != ANSWER_NO)
		return;
	if (feature_of(c, FEATURE_KHO) == ANSWER_NO)
		return; /* that one tells the way out */
	if (running_says(c, "liveupdate", ANSWER_YES))
		report(self, ret, SEVERITY_ERROR, "kernel",
		       "Live update is off although the kernel command line asks for it. Kexec "
		       "handover probably could not reserve its memory: look for \"KHO\" and "
		       "\"luo\" in the kernel log, and try a smaller kho_scratch=.");
	else
		report(self, ret, SEVERITY_ERROR, "kernel",
		       "Live update is switched off. Boot with liveupdate=on (and kho=on) on the "
		       "kernel command line.");
}

CHECK(check_kho_off)
{
	if (feature_of(c, FEATURE_KHO) != ANSWER_NO ||
	    feature_of(c, FEATURE_LIVEUPDATE) == ANSWER_NO)
		return;
	report(self, ret, SEVERITY_ERROR, "kernel",
	       "Kexec handover is off in the running kernel (told by %s). Boot with kho=on and "
	       "liveupdate=on on the kernel command line.",
	       feature_from(c, FEATURE_KHO));
}

CHECK(check_no_memfd)
{
	if (feature_of(c, FEATURE_LIVEUPDATE) == ANSWER_NO || !c->running ||
	    c->running->liveupdate_memfd.answer != ANSWER_NO)
		return;
	report(self, ret, SEVERITY_ERROR, "kernel",
	       "The running kernel cannot hand memfds over (told by %s), luod's own record among "
	       "them. Boot one built with CONFIG_LIVEUPDATE_MEMFD=y.",
	       kimage_source_to_string(c->running->liveupdate_memfd.from));
}

CHECK(check_no_kexec_file)
{
	if (feature_of(c, FEATURE_KEXEC_FILE_LOAD) != ANSWER_NO)
		return;
	report(self, ret, SEVERITY_ERROR, "kernel",
	       "The next kernel cannot be loaded: %s. It takes CONFIG_KEXEC_FILE=y and the sysctl "
	       "kernel.kexec_load_disabled at 0 (once 1, only a reboot changes it).",
	       feature_from(c, FEATURE_KEXEC_FILE_LOAD));
}

/* --- around luod --- */

CHECK(check_keeper)
{
	if (c->keeper_reachable == ANSWER_NO)
		report(self, ret, SEVERITY_ERROR, "keeper",
		       "luod-keeper, which holds the sessions through the jump, does not answer. "
		       "See `systemctl status luod-keeper.service` and start it.");
}

CHECK(check_busy)
{
	if (c->liveupdate_busy == ANSWER_YES)
		report(self, ret, SEVERITY_ERROR, "kernel",
		       "Somebody else keeps " KDEV_LUO_DEVICE
		       " open, and the kernel lets in one at "
		       "a time. `fuser -v " KDEV_LUO_DEVICE "` names the process; end it.");
}

CHECK(check_shutdown)
{
	if (feature_of(c, FEATURE_LIVEUPDATE_ENABLED) == ANSWER_NO)
		return; /* luod has not asked for it */
	if (c->n_sessions && c->shutdown_refused == ANSWER_NO)
		report(self, ret, SEVERITY_INFO, "luod",
		       "systemd-logind refuses no shutdown for luod's sake: an inadvertent `systemctl "
		       "poweroff` would end the guests. `systemctl start systemd-logind`, if there is "
		       "one.");
}

static const struct check checks[] = {
	{ { "kernel-no-liveupdate", SEVERITY_ERROR,
	    "The running kernel was built without CONFIG_LIVEUPDATE." },
	  check_no_liveupdate },
	{ { "kernel-liveupdate-off", SEVERITY_ERROR,
	    "The running kernel has live update support that is switched off." },
	  check_liveupdate_off },
	{ { "kernel-kho-off", SEVERITY_ERROR, "Kexec handover is off in the running kernel." },
	  check_kho_off },
	{ { "kernel-no-memfd", SEVERITY_ERROR,
	    "The running kernel was built without CONFIG_LIVEUPDATE_MEMFD." },
	  check_no_memfd },
	{ { "kernel-no-kexec-file", SEVERITY_ERROR,
	    "kexec_file_load(2) is missing or forbidden; only it hands memory over." },
	  check_no_kexec_file },
	{ { "keeper-unreachable", SEVERITY_ERROR, "luod-keeper does not answer." }, check_keeper },
	{ { "liveupdate-busy", SEVERITY_ERROR, "Another process keeps " KDEV_LUO_DEVICE " open." },
	  check_busy },
	{ { "shutdown-not-refused", SEVERITY_INFO,
	    "systemd-logind does not refuse shutdowns while there are sessions." },
	  check_shutdown },
};

const struct check_table preflight_host = { checks, ARRAY_SIZE(checks) };
