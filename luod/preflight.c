/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight - see preflight.h.
 *
 * One row of `table` is one code: its highest severity, its documentation, and the check that
 * reports it. What blocks depends on what is at stake: without a session an update is a plain
 * kexec, and what the next kernel cannot take up is a warning; a session with the policy
 * best-effort is left behind instead of stopping everybody.
 */
#include "preflight.h"

#include <linux/fcntl.h>
#include <stdarg.h>

#include "cmdline.h"
#include "kdev-luo.h"

/* linux/fcntl.h has it since 6.3; the C library's header may be older. */
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* What the kernel's memfd handler knows (kernel: include/linux/kho/abi/memfd.h). */
#define SEALS_CARRIED                                                                     \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | \
	 F_SEAL_EXEC)

/* It counts pages in 32 bits. */
#define MEMFD_PAGES_MAX ((uint64_t)UINT32_MAX)

#define MIB(bytes) ((unsigned long long)(((bytes) + (1U << 20) - 1) >> 20))

struct check {
	struct preflight_code code;
	void (*run)(const struct check *self, const struct preflight_context *c,
		    struct findings *ret);
	/* For run_on_resources(): a sentence about what is wrong with one resource, or NULL. */
	const char *(*judge)(const struct preflight_context *c, const struct memfd_info *memory);
};

#define CHECK(name)                                                                   \
	static void name(const struct check *self, const struct preflight_context *c, \
			 struct findings *ret)

static _printf_(5, 6) void report(const struct check *self, struct findings *ret,
				  enum severity severity, const char *object, const char *format,
				  ...)
{
	va_list ap;

	va_start(ap, format);
	findings_addv(ret, severity, self->code.code, object, format, ap);
	va_end(ap);
}

/* What the next kernel lacks stops those who have something to lose. */
static enum severity at_stake(const struct preflight_context *c)
{
	return c->n_sessions ? SEVERITY_ERROR : SEVERITY_WARNING;
}

static enum severity by_policy(const struct preflight_session *s)
{
	return s->required ? SEVERITY_ERROR : SEVERITY_WARNING;
}

/* --- the running kernel --- */

static enum answer feature_of(const struct preflight_context *c, enum feature feature)
{
	return c->features ? c->features->of[feature].answer : ANSWER_UNKNOWN;
}

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

/* --- the next kernel --- */

static const char *target_name(const struct preflight_context *c)
{
	return isempty(c->target_path) ? "The next kernel" : c->target_path;
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

static bool any_memory(const struct preflight_context *c)
{
	for (size_t i = 0; i < c->n_sessions; i++)
		if (c->sessions[i].n_resources)
			return true;
	return false;
}

CHECK(check_target_no_memfd)
{
	if (!c->target || c->target->liveupdate.answer == ANSWER_NO ||
	    c->target->liveupdate_memfd.answer != ANSWER_NO)
		return;
	report(self, ret, any_memory(c) ? SEVERITY_ERROR : SEVERITY_WARNING, "target",
	       "%s (%s) cannot take up memfds (told by %s). Load one built with "
	       "CONFIG_LIVEUPDATE_MEMFD=y.",
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

/* What the next kernel will go by: a command line may be built into it. Caller frees. */
static char *effective_cmdline(const struct preflight_context *c)
{
	const char *builtin = c->target->builtin_cmdline;

	if (c->target->builtin_cmdline_overrides)
		return strdup(builtin);
	return strprintf("%s %s", builtin, c->target_cmdline);
}

static enum answer target_says(const struct preflight_context *c, struct findings *ret,
			       const char *name)
{
	_cleanup_free_ char *cmdline = effective_cmdline(c);

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
	       "would be out of reach. Load it again with "
	       "`luctl load --append=\"liveupdate=on\" …`.",
	       says == ANSWER_NO ? "says liveupdate=off" : "does not say liveupdate=on");
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
		       "The next kernel's command line says kho=off: nothing would be taken over. "
		       "Load it again with `luctl load --append=\"kho=on\" …`.");
		return;
	case ANSWER_UNKNOWN:
		break;
	}
	if (c->target->kho_default.answer == ANSWER_NO)
		report(self, ret, at_stake(c), "target",
		       "Kexec handover is off in %s (%s) unless its command line says kho=on, and it "
		       "does not. Load it again with `luctl load --append=\"kho=on\" …`.",
		       target_name(c), c->target->release);
	else if (c->target->kho_default.answer == ANSWER_UNKNOWN && c->n_sessions)
		report(self, ret, SEVERITY_WARNING, "target",
		       "The next kernel's command line does not say kho=on, and whether %s (%s) has "
		       "it on by itself is not known. Make sure: "
		       "`luctl load --append=\"kho=on\" …`.",
		       target_name(c), c->target->release);
}

CHECK(check_same_release)
{
	if (c->target && c->running_release && *c->target->release &&
	    streq(c->target->release, c->running_release))
		report(self, ret, SEVERITY_INFO, "target",
		       "The next kernel has the release of the running one (%s).",
		       c->running_release);
}

/* --- sessions --- */

CHECK(check_no_sessions)
{
	if (!c->n_sessions)
		report(self, ret, SEVERITY_INFO, "luod",
		       "There are no sessions: an update now is a plain kexec that keeps nothing.");
}

CHECK(check_owner_gone)
{
	for (size_t i = 0; i < c->n_sessions; i++) {
		const struct preflight_session *s = &c->sessions[i];

		if (s->owner_connected)
			continue;
		report(self, ret, by_policy(s), s->name,
		       "The owner of session %s is not connected, so nobody can answer "
		       "PrepareForUpdate. %s Let it connect and claim the session, or close the "
		       "session.",
		       s->name,
		       s->required ? "The session is required: the update would be called off."
				   : "The session would be left behind.");
	}
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

/* No error: a session of the last jump that was taken back, and never closed, looks the same. */
CHECK(check_still_held)
{
	for (size_t i = 0; i < c->n_sessions; i++) {
		const struct preflight_session *s = &c->sessions[i];

		if (s->held_by)
			report(self, ret, SEVERITY_WARNING, s->name,
			       "Somebody has an open fd of kernel session '%s', which is of an "
			       "earlier update: %s. Until it is closed the kernel may refuse the "
			       "session to the next one. Let that process close it, or end it.",
			       s->kernel_name, s->held_by);
	}
}

/* Every memfd in custody goes through the row's judge. */
CHECK(run_on_resources)
{
	for (size_t i = 0; i < c->n_sessions; i++) {
		const struct preflight_session *s = &c->sessions[i];

		for (size_t j = 0; j < s->n_resources; j++) {
			const struct preflight_resource *r = &s->resources[j];
			const char *sentence = self->judge(c, &r->memory);
			_cleanup_free_ char *object = NULL;

			if (!sentence)
				continue;
			object = strprintf("%s/%s", s->name, r->label);
			if (object)
				report(self, ret, by_policy(s), object, "Resource %s %s", object,
				       sentence);
			else
				ret->out_of_memory = true;
		}
	}
}

static const char *judge_kind(const struct preflight_context *c, const struct memfd_info *m)
{
	if (m->kind != MEMFD_OTHER)
		return NULL;
	return "is not a memfd, and the kernel preserves no other file. Let its owner use "
	       "memfd_create(2).";
}

static const char *judge_hugetlb(const struct preflight_context *c, const struct memfd_info *m)
{
	if (m->kind != MEMFD_HUGETLB)
		return NULL;
	return "is a memfd of huge pages (MFD_HUGETLB), which the kernel cannot preserve. Use an "
	       "ordinary memfd; transparent huge pages are fine.";
}

static const char *judge_exec_seal(const struct preflight_context *c, const struct memfd_info *m)
{
	bool kept = c->target ? kimage_has_abi(c->target, KIMAGE_ABI_MEMFD_MODE)
			      : feature_of(c, FEATURE_NOEXEC_SEAL) == ANSWER_YES;

	/* Sealed against writing already: nothing is lost. */
	if (kept || !(m->seals & F_SEAL_EXEC) || (m->seals & F_SEAL_WRITE))
		return NULL;
	return "carries F_SEAL_EXEC (made with MFD_NOEXEC_SEAL, or by the sysctl "
	       "vm.memfd_noexec=1) and would come back from the jump sealed against writing, as "
	       "the next kernel does not keep its mode. Make it with MFD_EXEC, and map it without "
	       "PROT_EXEC.";
}

static const char *judge_seals(const struct preflight_context *c, const struct memfd_info *m)
{
	if (!(m->seals & ~(unsigned int)SEALS_CARRIED))
		return NULL;
	return "carries a seal that the kernel cannot hand over; preserving it would fail.";
}

static const char *judge_size(const struct preflight_context *c, const struct memfd_info *m)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (m->kind != MEMFD_SHMEM || m->bytes / page + (m->bytes % page != 0) <= MEMFD_PAGES_MAX)
		return NULL;
	return "is larger than the kernel can preserve as one memfd (2^32 - 1 pages). Split it.";
}

static uint64_t sum_of_holes(const struct preflight_context *c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < c->n_sessions; i++)
		for (size_t j = 0; j < c->sessions[i].n_resources; j++)
			if (__builtin_add_overflow(
				    sum, c->sessions[i].resources[j].memory.hole_bytes, &sum))
				return UINT64_MAX;
	return sum;
}

CHECK(check_holes)
{
	uint64_t holes = sum_of_holes(c);

	/* Near the limit it would work and hurt everybody else. */
	if (!c->memory_available || holes <= c->memory_available / 4 * 3)
		return;
	report(self, ret, holes > c->memory_available ? SEVERITY_ERROR : SEVERITY_WARNING, "memory",
	       "Preserving a memfd fills its holes: that takes %llu MiB here, of %llu MiB that are "
	       "available. Free some memory, or let owners give back what they do not use.",
	       MIB(holes), MIB(c->memory_available));
}

/* --- the table --- */

static const struct check table[] = {
	{ { "kernel-no-liveupdate", SEVERITY_ERROR,
	    "The running kernel was built without CONFIG_LIVEUPDATE." },
	  check_no_liveupdate },
	{ { "kernel-liveupdate-off", SEVERITY_ERROR,
	    "The running kernel has live update support that is switched off." },
	  check_liveupdate_off },
	{ { "kernel-kho-off", SEVERITY_ERROR, "Kexec handover is off in the running kernel." },
	  check_kho_off },
	{ { "kernel-no-kexec-file", SEVERITY_ERROR,
	    "kexec_file_load(2) is missing or forbidden; only it hands memory over." },
	  check_no_kexec_file },
	{ { "keeper-unreachable", SEVERITY_ERROR, "luod-keeper does not answer." }, check_keeper },
	{ { "liveupdate-busy", SEVERITY_ERROR, "Another process keeps " KDEV_LUO_DEVICE " open." },
	  check_busy },
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
	    "The next kernel was built without CONFIG_LIVEUPDATE_MEMFD. A warning when luod has no "
	    "memory in custody." },
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
	{ { "no-sessions", SEVERITY_INFO, "There is nothing to preserve." }, check_no_sessions },
	{ { "session-owner-gone", SEVERITY_ERROR,
	    "A session's owner is not connected. A warning for best-effort sessions." },
	  check_owner_gone },
	{ { "session-still-held", SEVERITY_WARNING,
	    "A process keeps the kernel session of an earlier update open." },
	  check_still_held },
	{ { "shutdown-not-refused", SEVERITY_INFO,
	    "systemd-logind does not refuse shutdowns while there are sessions." },
	  check_shutdown },
	{ { "not-a-memfd", SEVERITY_ERROR,
	    "A resource is of a kind that the kernel cannot preserve. A warning for best-effort "
	    "sessions." },
	  run_on_resources,
	  judge_kind },
	{ { "memfd-hugetlb", SEVERITY_ERROR,
	    "A memfd of huge pages cannot be preserved. A warning for best-effort sessions." },
	  run_on_resources,
	  judge_hugetlb },
	{ { "memfd-exec-seal", SEVERITY_ERROR,
	    "A memfd made with MFD_NOEXEC_SEAL would come back sealed against writing. A warning "
	    "for best-effort sessions." },
	  run_on_resources,
	  judge_exec_seal },
	{ { "memfd-unknown-seal", SEVERITY_ERROR,
	    "A memfd has a seal that the kernel cannot hand over. A warning for best-effort "
	    "sessions." },
	  run_on_resources,
	  judge_seals },
	{ { "memfd-too-large", SEVERITY_ERROR,
	    "A memfd has more pages than the kernel can preserve as one file. A warning for "
	    "best-effort sessions." },
	  run_on_resources,
	  judge_size },
	{ { "memfd-holes-memory", SEVERITY_ERROR,
	    "Filling the memfds' holes takes more memory than there is; a warning from three "
	    "quarters of it on." },
	  check_holes },
};

const struct preflight_code *preflight_code_by_index(size_t index)
{
	return index < ARRAY_SIZE(table) ? &table[index].code : NULL;
}

int preflight_run(const struct preflight_context *context, struct findings *ret)
{
	struct findings findings = {};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		table[i].run(&table[i], context, &findings);
	if (findings.out_of_memory) {
		findings_free(&findings);
		return -ENOMEM;
	}
	findings_sort(&findings);
	*ret = findings;
	return 0;
}
