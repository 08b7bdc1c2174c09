/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timeline: a page that came through a kexec. Whatever stands in it, it is refused or every mark can
 * be asked for, and set.
 */
#include "luod/timeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct timeline t = { .fd = -EBADF };
	int fd = memfd_new("fuzz");
	uint64_t usec;

	if (fd < 0 || write(fd, data, size < TIMELINE_SIZE ? size : TIMELINE_SIZE) < 0 ||
	    ftruncate(fd, TIMELINE_SIZE) < 0)
		abort();
	if (timeline_open(fd, &t) < 0) {
		close(fd);
		return 0;
	}
	for (unsigned int i = 0; i < MARK_MAX; i++)
		(void)timeline_get(t.page, (enum mark)i, &usec);
	(void)timeline_blackout(t.page, &usec);
	timeline_mark_once(&t, MARK_LAST_RESUMED);
	timeline_calibrate(&t);
	if (t.page->marks[MARK_FIRST_READY].tsc && !timeline_blackout(t.page, &usec))
		abort();
	timeline_close(&t);
	return 0;
}
