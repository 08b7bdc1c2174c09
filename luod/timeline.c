/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline - see timeline.h. */
#include "timeline.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define TIMELINE_MAGIC	 "luodTML"
#define TIMELINE_VERSION 1

/* A frequency outside of this is nonsense in the page, not a machine. */
#define KHZ_MIN 1000ULL
#define KHZ_MAX 20000000ULL

static const char *const mark_table[] = {
	[MARK_BEGIN] = "begin",
	[MARK_CHECK] = "check",
	[MARK_SESSIONS] = "sessions",
	[MARK_MEMORY] = "memory",
	[MARK_QUIESCE] = "quiesce",
	[MARK_BARRIER] = "barrier",
	[MARK_FIRST_READY] = "first-ready",
	[MARK_ALL_READY] = "all-ready",
	[MARK_RECORD] = "record",
	[MARK_FILESYSTEMS] = "filesystems",
	[MARK_JUMP] = "jump",
	[MARK_KEEPER] = "keeper",
	[MARK_LUOD] = "luod",
	[MARK_RESTORED] = "restored",
	[MARK_FIRST_CLAIM] = "first-claim",
	[MARK_LAST_CLAIM] = "last-claim",
	[MARK_FIRST_RESUMED] = "first-resumed",
	[MARK_LAST_RESUMED] = "last-resumed",
	[MARK_FINISHED] = "finished",
	[MARK_DEVICES] = "devices",
	[MARK_NETWORK] = "network",
	[MARK_NETWORK_RESTORED] = "network-restored",
	[MARK_NETWORK_INCOMPLETE] = "network-incomplete",
};
DEFINE_STRING_TABLE(mark, enum mark)

static const enum mark order[] = {
	MARK_BEGIN,
	MARK_CHECK,
	MARK_SESSIONS,
	MARK_MEMORY,
	MARK_NETWORK,
	MARK_QUIESCE,
	MARK_BARRIER,
	MARK_FIRST_READY,
	MARK_ALL_READY,
	MARK_DEVICES,
	MARK_RECORD,
	MARK_FILESYSTEMS,
	MARK_JUMP,
	MARK_KEEPER,
	MARK_LUOD,
	MARK_NETWORK_INCOMPLETE,
	MARK_NETWORK_RESTORED,
	MARK_RESTORED,
	MARK_FIRST_CLAIM,
	MARK_LAST_CLAIM,
	MARK_FIRST_RESUMED,
	MARK_LAST_RESUMED,
	MARK_FINISHED,
};
_Static_assert(ARRAY_SIZE(order) == MARK_MAX, "each mark has its place");

enum mark mark_in_order(unsigned int i)
{
	return order[i];
}

_Static_assert(sizeof(struct timeline_page) <= TIMELINE_SIZE, "the timeline must fit its page");
_Static_assert(MARK_MAX <= TIMELINE_MARKS, "too many marks");

uint64_t timeline_counter(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t counter;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(counter));
	return counter;
#else
#error "no counter that survives a kexec is known for this architecture"
#endif
}

static uint64_t monotonic_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* NULL with errno set on failure. */
static struct timeline_page *map_page(int fd)
{
	void *p = mmap(NULL, TIMELINE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void calibrate(struct timeline_page *page, int which)
{
	page->calibration[which].tsc = timeline_counter();
	page->calibration[which].monotonic_nsec = monotonic_nsec();
}

int timeline_new(struct timeline *ret)
{
	_cleanup_close_ int fd = memfd_new("luod-timeline");
	struct timeline_page *page;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, TIMELINE_SIZE) < 0)
		return -errno;
	page = map_page(fd);
	if (!page)
		return -errno;
	memcpy(page->magic, TIMELINE_MAGIC, sizeof(page->magic));
	page->version = TIMELINE_VERSION;
	calibrate(page, 0);
	*ret = (struct timeline){ .fd = TAKE_FD(fd), .page = page };
	timeline_mark(ret, MARK_BEGIN);
	return 0;
}

int timeline_open(int fd, struct timeline *ret)
{
	struct timeline_page *page;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < TIMELINE_SIZE)
		return -EBADMSG;
	page = map_page(fd);
	if (!page)
		return -errno;
	if (memcmp(page->magic, TIMELINE_MAGIC, sizeof(page->magic)) != 0 ||
	    page->version != TIMELINE_VERSION) {
		munmap(page, TIMELINE_SIZE);
		return -EBADMSG;
	}
	*ret = (struct timeline){ .fd = fd, .page = page };
	return 0;
}

void timeline_close(struct timeline *t)
{
	if (t->page)
		munmap(t->page, TIMELINE_SIZE);
	t->page = NULL;
	t->fd = close_fd(t->fd);
}

void timeline_set_id(struct timeline *t, const char *id)
{
	if (t->page)
		snprintf(t->page->update_id, sizeof(t->page->update_id), "%s", id);
}

const char *timeline_id(const struct timeline *t)
{
	const char *id = t->page ? t->page->update_id : "";

	return strnlen(id, TIMELINE_ID_SIZE) == 32 && strspn(id, "0123456789abcdef") == 32 ? id
											   : "";
}

void timeline_mark_at(struct timeline *t, enum mark mark, uint64_t tsc)
{
	if (!t->page)
		return;
	t->page->marks[mark] = (struct timeline_stamp){
		.tsc = tsc,
		.realtime_usec = now_usec(CLOCK_REALTIME),
	};
}

void timeline_mark(struct timeline *t, enum mark mark)
{
	timeline_mark_at(t, mark, timeline_counter());
}

void timeline_mark_once(struct timeline *t, enum mark mark)
{
	if (t->page && !t->page->marks[mark].tsc)
		timeline_mark(t, mark);
}

void timeline_calibrate(struct timeline *t)
{
	if (t->page)
		calibrate(t->page, 1);
}

/* Ticks per millisecond, 0 when the page does not say it credibly. */
static uint64_t frequency_khz(const struct timeline_page *page)
{
	uint64_t ticks = page->calibration[1].tsc - page->calibration[0].tsc;
	uint64_t nsec = page->calibration[1].monotonic_nsec - page->calibration[0].monotonic_nsec;
	uint64_t khz;

	if (page->calibration[1].tsc <= page->calibration[0].tsc || nsec < 1000 ||
	    page->calibration[1].monotonic_nsec <= page->calibration[0].monotonic_nsec)
		return 0;
	khz = (uint64_t)((unsigned __int128)ticks * 1000000 / nsec);
	return khz >= KHZ_MIN && khz <= KHZ_MAX ? khz : 0;
}

/*
 * By the counter where it can be trusted; a machine that was reset has begun to count anew, and
 * then the wall clock is what is left.
 */
static uint64_t between_usec(const struct timeline_page *page, const struct timeline_stamp *a,
			     const struct timeline_stamp *b)
{
	uint64_t khz = frequency_khz(page);

	if (khz && b->tsc >= a->tsc)
		return (uint64_t)((unsigned __int128)(b->tsc - a->tsc) * 1000 / khz);
	return b->realtime_usec > a->realtime_usec ? b->realtime_usec - a->realtime_usec : 0;
}

bool timeline_get(const struct timeline_page *page, enum mark mark, uint64_t *ret_usec)
{
	const struct timeline_stamp *begin = &page->marks[MARK_BEGIN], *at = &page->marks[mark];

	if (!begin->tsc || !at->tsc)
		return false;
	*ret_usec = between_usec(page, begin, at);
	return true;
}

bool timeline_blackout(const struct timeline_page *page, uint64_t *ret_usec)
{
	const struct timeline_stamp *from = &page->marks[MARK_FIRST_READY];
	const struct timeline_stamp *to = &page->marks[MARK_LAST_RESUMED];

	if (!from->tsc || !to->tsc)
		return false;
	*ret_usec = between_usec(page, from, to);
	return true;
}
