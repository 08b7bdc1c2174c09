/* SPDX-License-Identifier: GPL-2.0-or-later */
/* phase - see phase.h. */
#include "luctl/phase.h"

/*
 * What leads to a mark. The first entry that fits wins; an entry without @from fits every earlier
 * mark. The order is that of an update, but sessions overlap: the last owner may claim when the
 * first one has long resumed.
 */
static const struct {
	const char *from;
	const char *to;
	const char *title;
	enum luctl_side side;
} titles[] = {
	{ NULL, "check", "check", LUCTL_OLD_KERNEL },
	{ NULL, "sessions", "create kernel sessions", LUCTL_OLD_KERNEL },
	{ NULL, "memory", "preserve memory", LUCTL_OLD_KERNEL },
	{ NULL, "network", "record the network", LUCTL_OLD_KERNEL },
	{ NULL, "quiesce", "stop other services", LUCTL_OLD_KERNEL },
	{ NULL, "first-ready", "first owner gets ready", LUCTL_OLD_KERNEL },
	{ NULL, "all-ready", "last owner gets ready", LUCTL_OLD_KERNEL },
	{ "all-ready", "barrier", "close the barrier", LUCTL_OLD_KERNEL },
	{ NULL, "barrier", "ask the owners", LUCTL_OLD_KERNEL },
	{ NULL, "devices", "mark and preserve devices", LUCTL_OLD_KERNEL },
	{ NULL, "record", "write the handover record", LUCTL_OLD_KERNEL },
	{ NULL, "filesystems", "freeze filesystems", LUCTL_OLD_KERNEL },
	{ NULL, "jump", "leave the old kernel", LUCTL_OLD_KERNEL },
	{ NULL, "kernel", "kexec, boot the new kernel", LUCTL_BETWEEN },
	{ "kernel", "keeper", "retrieve kernel sessions", LUCTL_NEW_KERNEL },
	{ NULL, "keeper", "kexec, boot the new kernel", LUCTL_BETWEEN },
	{ NULL, "luod", "start luod", LUCTL_NEW_KERNEL },
	{ NULL, "network-incomplete", "restore a part of the network", LUCTL_NEW_KERNEL },
	{ "luod", "network-restored", "restore the network", LUCTL_NEW_KERNEL },
	{ NULL, "network-restored", "restore the rest of the network", LUCTL_NEW_KERNEL },
	{ NULL, "restored", "restore sessions", LUCTL_NEW_KERNEL },
	{ NULL, "first-claim", "first owner comes back", LUCTL_NEW_KERNEL },
	{ NULL, "last-claim", "last owner comes back", LUCTL_NEW_KERNEL },
	{ NULL, "first-resumed", "first guest resumes", LUCTL_NEW_KERNEL },
	{ NULL, "last-resumed", "last guest resumes", LUCTL_NEW_KERNEL },
	{ NULL, "finished", "finish", LUCTL_NEW_KERNEL },
};

const char *luctl_side_to_string(enum luctl_side side)
{
	static const char *const names[] = {
		[LUCTL_OLD_KERNEL] = "old",
		[LUCTL_BETWEEN] = "between",
		[LUCTL_NEW_KERNEL] = "new",
	};

	return names[side];
}

static const struct luctl_mark *find_mark(const struct luctl_timeline *timeline, const char *name)
{
	for (size_t i = 0; i < timeline->marks.count; i++)
		if (streq(timeline->marks.items[i].name, name))
			return &timeline->marks.items[i];
	return NULL;
}

/* @before: the side of the phase before, which an unknown mark inherits. */
static void name_phase(struct luctl_phase *phase, enum luctl_side before)
{
	phase->title = phase->to;
	phase->side = before == LUCTL_BETWEEN ? LUCTL_NEW_KERNEL : before;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
		if (!streq(titles[i].to, phase->to))
			continue;
		if (titles[i].from && !streq(titles[i].from, phase->from))
			continue;
		phase->title = titles[i].title;
		phase->side = titles[i].side;
		return;
	}
}

struct sorted_mark {
	const struct luctl_mark *mark;
	size_t position; /* keeps marks of the same time in their order */
};

static int by_time(const void *a, const void *b)
{
	const struct sorted_mark *x = a, *y = b;

	if (x->mark->usec != y->mark->usec)
		return x->mark->usec < y->mark->usec ? -1 : 1;
	return x->position < y->position ? -1 : x->position > y->position;
}

int luctl_phases_of(const struct luctl_timeline *timeline, struct luctl_phases *ret)
{
	_cleanup_free_ struct sorted_mark *sorted = NULL;
	/* By the marks: what luod calculated may differ from them by a rounded microsecond. */
	const struct luctl_mark *dark = find_mark(timeline, "first-ready");
	const struct luctl_mark *light = find_mark(timeline, "last-resumed");
	size_t n = timeline->marks.count;
	struct luctl_phase *phases;

	if (n < 2) {
		*ret = (struct luctl_phases){};
		return 0;
	}
	sorted = calloc(n, sizeof(*sorted));
	phases = calloc(n - 1, sizeof(*phases));
	if (!sorted || !phases) {
		free(phases);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct sorted_mark){ &timeline->marks.items[i], i };
	qsort(sorted, n, sizeof(*sorted), by_time);
	for (size_t i = 0; i + 1 < n; i++) {
		const struct luctl_mark *from = sorted[i].mark, *to = sorted[i + 1].mark;

		phases[i] = (struct luctl_phase){
			.from = from->name,
			.to = to->name,
			.start = from->usec,
			.duration = to->usec - from->usec,
			.blackout = dark && light && from->usec >= dark->usec &&
				    to->usec <= light->usec,
		};
		name_phase(&phases[i], i ? phases[i - 1].side : LUCTL_OLD_KERNEL);
	}
	*ret = (struct luctl_phases){ phases, n - 1 };
	return 0;
}

void luctl_phases_clear(struct luctl_phases *phases)
{
	free(phases->items);
	*phases = (struct luctl_phases){};
}

bool luctl_blackout(const struct luctl_timeline *timeline, uint64_t *ret_start,
		    uint64_t *ret_duration)
{
	const struct luctl_mark *from = find_mark(timeline, "first-ready");
	const struct luctl_mark *to = find_mark(timeline, "last-resumed");

	if (!from || !to || to->usec < from->usec)
		return false;
	*ret_start = from->usec;
	*ret_duration = timeline->blackout != USEC_INFINITY ? timeline->blackout
							    : to->usec - from->usec;
	return true;
}

char *luctl_phase_bar(const struct luctl_phase *phase, uint64_t total, size_t width,
		      const char *symbol)
{
	double scale = total ? (double)width / (double)total : 0;
	size_t start = (size_t)((double)phase->start * scale);
	size_t end = (size_t)((double)(phase->start + phase->duration) * scale + 0.5);
	size_t bytes = strlen(symbol);
	char *bar, *p;

	if (start >= width)
		start = width ? width - 1 : 0;
	if (end > width)
		end = width;
	if (end <= start)
		end = start + 1;
	bar = malloc(start + (end - start) * bytes + 1);
	if (!bar)
		return NULL;
	memset(bar, ' ', start);
	p = bar + start;
	for (size_t i = start; i < end; i++)
		p = mempcpy(p, symbol, bytes);
	*p = '\0';
	return bar;
}
