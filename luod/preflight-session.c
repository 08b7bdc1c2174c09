/* SPDX-License-Identifier: GPL-2.0-or-later */
/* preflight-session - the sessions, and the memory in custody. */
#include <linux/fcntl.h>

#include "preflight-check.h"

/* linux/fcntl.h has it since 6.3; the C library's header may be older. */
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* What the kernel's memfd handler knows (kernel: include/linux/kho/abi/memfd.h). */
#define SEALS_CARRIED                                                                     \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | \
	 F_SEAL_EXEC)

/* Memory that a device reaches must stay as large as it is (liveupdate-dma.rst). */
#define SEALS_FOR_DMA (F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK)

/* It counts pages in 32 bits. */
#define MEMFD_PAGES_MAX ((uint64_t)UINT32_MAX)

#define MIB(bytes) ((unsigned long long)(((bytes) + (1U << 20) - 1) >> 20))

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

static void report_orphans(const struct check *self, const struct preflight_context *c,
			   struct findings *ret)
{
	for (size_t i = 0; i < c->n_orphans; i++) {
		const struct preflight_orphan *o = &c->orphans[i];

		report(self, ret, SEVERITY_WARNING, o->name,
		       "Somebody has an open fd of kernel session '%s', which belongs to no session "
		       "any more: %s. If it stays open, the next jump takes what is in it along, "
		       "nobody asks for it, and its memory is out of reach. Let that process close "
		       "it, or end it.",
		       o->kernel_name, o->held_by);
	}
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
	report_orphans(self, c, ret);
}

static void report_resource(const struct check *self, struct findings *ret,
			    const struct preflight_session *s, const struct preflight_resource *r,
			    const char *sentence)
{
	_cleanup_free_ char *object = strprintf("%s/%s", s->name, r->label);

	if (object && sentence)
		report(self, ret, by_policy(s), object, "Resource %s %s", object, sentence);
	else
		ret->out_of_memory = true;
}

/* Every memfd in custody goes through the row's judge. */
CHECK(run_on_resources)
{
	for (size_t i = 0; i < c->n_sessions; i++) {
		const struct preflight_session *s = &c->sessions[i];

		for (size_t j = 0; j < s->n_resources; j++) {
			const struct preflight_resource *r = &s->resources[j];
			const char *sentence = self->judge(c, &r->memory);

			if (sentence)
				report_resource(self, ret, s, r, sentence);
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
	return "carries a seal that the kernel cannot hand over; preserving it would fail. Make it "
	       "without that seal.";
}

static const char *judge_size(const struct preflight_context *c, const struct memfd_info *m)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (m->kind != MEMFD_SHMEM || m->bytes / page + (m->bytes % page != 0) <= MEMFD_PAGES_MAX)
		return NULL;
	return "is larger than the kernel can preserve as one memfd (2^32 - 1 pages). Split it.";
}

/* What counts against MaxBytesPerUser= is what it was. */
CHECK(check_resized)
{
	for (size_t i = 0; i < c->n_sessions; i++) {
		const struct preflight_session *s = &c->sessions[i];

		for (size_t j = 0; j < s->n_resources; j++) {
			const struct preflight_resource *r = &s->resources[j];
			_cleanup_free_ char *sentence = NULL;

			if (r->memory.kind == MEMFD_OTHER || r->memory.bytes == r->attached_bytes)
				continue;
			sentence =
				strprintf("has %llu bytes, and had %llu when it was attached. Let "
					  "its owner detach it and attach it again.",
					  (unsigned long long)r->memory.bytes,
					  (unsigned long long)r->attached_bytes);
			report_resource(self, ret, s, r, sentence);
		}
	}
}

/* After a jump the ids of page tables are others, and only their owner knows them. */
CHECK(check_no_hwpts)
{
	for (size_t i = 0; i < c->n_sessions; i++) {
		const struct preflight_session *s = &c->sessions[i];

		if (s->no_hwpts)
			report(self, ret, by_policy(s), s->name,
			       "Session %s has the iommufd '%s' in custody, but its owner has not "
			       "named page tables of it, and without any it cannot be preserved. Let "
			       "the owner call AttachIommufd again with its HWPTs, or Detach it.",
			       s->name, s->no_hwpts);
	}
}

/* No error: its device may reach other memory only, which luod cannot see. */
CHECK(check_not_sealed)
{
	for (size_t i = 0; i < c->n_sessions; i++) {
		const struct preflight_session *s = &c->sessions[i];

		for (size_t j = 0; s->iommufd && j < s->n_resources; j++) {
			const struct preflight_resource *r = &s->resources[j];

			if (r->memory.kind != MEMFD_SHMEM ||
			    (r->memory.seals & SEALS_FOR_DMA) == SEALS_FOR_DMA)
				continue;
			report(self, ret, SEVERITY_WARNING, s->name,
			       "'%s' of session %s has not all of the seals F_SEAL_SEAL, F_SEAL_GROW "
			       "and F_SEAL_SHRINK. If a device reaches it, the kernel will not "
			       "preserve the iommufd '%s'. Its owner sets them before it maps the "
			       "memory.",
			       r->label, s->name, s->iommufd);
		}
	}
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

static const struct check checks[] = {
	{ { "no-sessions", SEVERITY_INFO, "There is nothing to preserve." }, check_no_sessions },
	{ { "session-owner-gone", SEVERITY_ERROR,
	    "A session's owner is not connected. A warning for best-effort sessions." },
	  check_owner_gone },
	{ { "session-still-held", SEVERITY_WARNING,
	    "A process keeps the kernel session of an earlier update open." },
	  check_still_held },
	{ { "iommufd-no-hwpt", SEVERITY_ERROR,
	    "No page tables are named of an iommufd in custody. A warning for best-effort "
	    "sessions." },
	  check_no_hwpts },
	{ { "memfd-not-sealed", SEVERITY_WARNING,
	    "Memory of a session with an iommufd is not sealed as DMA needs it." },
	  check_not_sealed },
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
	{ { "memfd-resized", SEVERITY_ERROR,
	    "A memfd is larger or smaller than when it was attached. A warning for best-effort "
	    "sessions." },
	  check_resized },
	{ { "memfd-holes-memory", SEVERITY_ERROR,
	    "Filling the memfds' holes takes more memory than there is; a warning from three "
	    "quarters of it on." },
	  check_holes },
};

const struct check_table preflight_session = { checks, ARRAY_SIZE(checks) };
