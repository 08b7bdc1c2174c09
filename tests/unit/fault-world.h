/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault-world - the kernel, the keeper, PID 1 and the file systems under luod's own steps: played, each
 * call of them may fail when it is its turn. What was done and not undone can be looked up in "w".
 */
#ifndef TESTS_FAULT_WORLD_H
#define TESTS_FAULT_WORLD_H

#include <linux/iommufd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "luod/barrier.h"
#include "luod/fault.h"
#include "luod/freeze.h"
#include "luod/holder.h"
#include "luod/kdev-kexec.h"
#include "luod/kdev-luo.h"
#include "luod/log.h"
#include "luod/network.h"
#include "luod/quiesce.h"
#include "luod/step.h"
#include "silent-bus.h"
#include "update-world.h"

#define KEPT_MAX  8
#define CALLS_MAX 500

static struct {
	struct manager m;
	char run[64];

	unsigned int calls, fail_at; /* that call fails, if it is not 0 */
	int error;
	bool failed_in_undo;

	struct {
		char name[64];
		int fd;
	} kept[KEPT_MAX]; /* by the keeper */
	bool marked;	  /* the page tables of the only device */
	bool quiesced, frozen, aside;
	int grows; /* a file of which somebody makes more when it is being preserved */

	unsigned int jumps;
} w;

/* Whether the call that comes now is the one that fails. */
static int call(void)
{
	if (++w.calls != w.fail_at)
		return 0;
	w.failed_in_undo = w.m.update.phase == PHASE_ABORTING;
	return -w.error;
}

/* --- the keeper ------------------------------------------------------------------------------- */

static int kept_find(const char *name)
{
	for (int i = 0; i < KEPT_MAX; i++)
		if (streq(w.kept[i].name, name))
			return i;
	return -ENOENT;
}

int fdstore_put(struct fdstore *f _unused_, const char *name, int fd)
{
	int r = call(), i = kept_find("");

	if (r < 0)
		return r;
	assert_true(i >= 0);
	snprintf(w.kept[i].name, sizeof(w.kept[i].name), "%s", name);
	w.kept[i].fd = fd_dup(fd);
	return 0;
}

int fdstore_drop(struct fdstore *f _unused_, const char *name)
{
	int r = call(), i = kept_find(name);

	if (r < 0 || i < 0)
		return r < 0 ? r : i;
	close(w.kept[i].fd);
	w.kept[i].name[0] = '\0';
	return 0;
}

int fdstore_list(struct fdstore *f _unused_, struct fdstore_list **ret)
{
	struct fdstore_list *list;
	int r = call();

	if (r < 0)
		return r;
	list = calloc(1, sizeof(*list) + KEPT_MAX * sizeof(list->entries[0]));
	assert_non_null(list);
	for (size_t i = 0; i < KEPT_MAX; i++) {
		struct keeper_entry *entry = &list->entries[list->count];

		if (!*w.kept[i].name)
			continue;
		snprintf(entry->name, sizeof(entry->name), "%s", w.kept[i].name);
		entry->origin = KEEPER_ORIGIN_PUT;
		list->count++;
	}
	*ret = list;
	return 0;
}

/* --- the kernel ------------------------------------------------------------------------------- */

int kdev_luo_try_open(void)
{
	int r = call();

	return r < 0 ? r : memfd_new("liveupdate");
}

/* A session lives as long as anybody has it; luod's own fds of it are always closed with the keeper's. */
int kdev_luo_create_session_on(int device _unused_, const char *name, int *ret_fd)
{
	int r = call(), fd;

	if (r < 0)
		return r;
	if (kept_find(name) >= 0)
		return -EEXIST;
	fd = memfd_new("session");
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int kdev_luo_session_preserve_fd(int session, int fd, uint64_t token _unused_)
{
	int r = call();

	assert_true(session >= 0 && fd >= 0);
	if (fd == w.grows)
		assert_int_equal(ftruncate(fd, 8192), 0);
	return r;
}

int kdev_luo_session_unpreserve_fd(int session, uint64_t token _unused_)
{
	assert_true(session >= 0);
	return call();
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct iommu_hwpt_liveupdate_mark_preserve *mark;
	int r = call();
	va_list ap;

	assert_true(fd >= 0);
	va_start(ap, request);
	mark = va_arg(ap, const void *);
	va_end(ap);
	assert_int_equal(request, IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE);
	if (r >= 0 && mark->flags & IOMMU_HWPT_LIVEUPDATE_CLEAR && !w.marked)
		r = -ENOENT;
	if (r >= 0)
		w.marked = !(mark->flags & IOMMU_HWPT_LIVEUPDATE_CLEAR);
	errno = -r;
	return r < 0 ? -1 : 0;
}

int kdev_kexec_is_loaded(void)
{
	return 1;
}

int kdev_kexec_jump(void)
{
	w.jumps++;
	return call() < 0 ? -w.error : -EINVAL;
}

int target_load_again(const struct target *t _unused_)
{
	return call();
}

const char *target_release(const struct target *t _unused_)
{
	return "next";
}

int holders_find(const char *root _unused_, struct holders *ret)
{
	*ret = (struct holders){};
	return call();
}

void holders_clear(struct holders *h _unused_)
{
}

const char *holders_of(const struct holders *h _unused_, const char *session _unused_)
{
	return NULL;
}

/* --- the host --------------------------------------------------------------------------------- */

int quiesce_act(struct manager *m _unused_)
{
	w.quiesced = true; /* at least half of it */
	return call();
}

void quiesce_undo(struct manager *m _unused_)
{
	w.quiesced = false;
}

int filesystems_freeze(char **ret_path _unused_)
{
	int r = call();

	w.frozen = r >= 0;
	return r;
}

void filesystems_thaw(void)
{
	w.frozen = false;
}

int network_act(struct manager *m _unused_)
{
	return call();
}

int network_settle(struct manager *m _unused_)
{
	return call();
}

static int on_refused(sd_event_source *source, void *userdata)
{
	struct pid1 *p = userdata;

	sd_event_source_disable_unref(source);
	w.jumps++;
	p->done(-EIO, "PID 1 does not want to.", p->userdata);
	return 0;
}

/* It takes the job, and then cannot do it. */
int pid1_start_unit(struct pid1 *p, sd_event *event, const char *unit _unused_,
		    const char *mode _unused_, pid1_done_t done, void *userdata)
{
	sd_event_source *source;
	int r = call();

	if (r < 0)
		return r;
	p->done = done;
	p->userdata = userdata;
	assert_true(sd_event_add_defer(event, &source, on_refused, p) >= 0);
	return 0;
}

void inhibit_stand_aside(struct manager *m _unused_, bool aside)
{
	w.aside = aside;
}

int cover_look(struct manager *m _unused_, struct holders *ret)
{
	*ret = (struct holders){};
	return call();
}

void cover_devices(struct manager *m _unused_)
{
}

int device_read(const char *root _unused_, const char *address _unused_, struct device_facts *ret)
{
	*ret = (struct device_facts){ .interrupts = "none" };
	return call();
}

/* --- luod around the engine ------------------------------------------------------------------- */

int manager_check(struct manager *m _unused_)
{
	int r = call();

	return r < 0 ? r : 1;
}

int manager_check_devices(struct manager *m _unused_, struct findings *ret)
{
	*ret = (struct findings){};
	return call();
}

int manager_take_passed(struct manager *m _unused_, const char *name _unused_)
{
	return -EBADF;
}

bool session_owner_connected(const struct session *s _unused_)
{
	return true;
}

int custody_fd(struct session *s _unused_, struct resource *resource)
{
	int r = call();

	return r < 0 ? r : resource->fd;
}

void custody_store_timeline(struct manager *m _unused_)
{
}

void history_begin(struct manager *m _unused_)
{
}

/* All owners answer at once. */
void bus_set_emit_signal(struct bus_set *set _unused_, const char *path,
			 const char *interface _unused_, const char *member,
			 const char *types _unused_, ...)
{
	struct session *s;

	TAILQ_FOREACH(s, &w.m.sessions, entry)
		if (streq(s->path, path) && streq(member, "PrepareForUpdate"))
			session_set_state(s, SESSION_READY, NULL);
}

#endif
