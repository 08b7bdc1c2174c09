/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper-retrieve - takes from the kernel what the previous kernel's luod left behind and PID 1
 * did not bring.
 *
 * luod's own session is known by name; in it lies the list of all others. Somebody else may have
 * /dev/liveupdate open, for milliseconds or for minutes: nothing here waits, a busy device ends the
 * attempt and the loop comes back. The device is open during an attempt only.
 *
 * A retrieve is one-shot, and closing what it gave is FINISH. So there is no way from a successful
 * retrieve to a close: the table has room before the kernel is asked.
 */
#include "keeper.h"

#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "kdev-luo.h"

int keeper_retrieve_one(struct keeper *k, int *device, const char *name)
{
	int fd, r;

	if (k->n_entries >= KEEPER_SESSIONS_MAX)
		return -ENOSPC;
	if (*device < 0)
		*device = kdev_luo_try_open();
	if (*device < 0)
		return *device;
	r = kdev_luo_retrieve_session_on(*device, name, &fd);
	if (r < 0)
		return r;
	/* From here on closing it would finish it. */
	keeper_offer(k, keeper_add(k, name, fd, KEEPER_ORIGIN_NAME));
	return 0;
}

/* The names are what the previous kernel's luod left in its session: an array, nothing to parse. */
static int names_read(struct keeper *k)
{
	_cleanup_close_ int fd = -EBADF;
	char *data;
	struct stat st;
	size_t size;
	int r;

	if (k->names)
		return 0;
	r = kdev_luo_session_retrieve_fd(keeper_find(k, KEEPER_OWN_SESSION)->fd, KEEPER_NAMES_TOKEN,
					 &fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	r = fd_read_full(fd, KEEPER_SESSIONS_MAX * KEEPER_NAME_SIZE, &data, &size);
	if (r < 0)
		return r;
	k->names = (char(*)[KEEPER_NAME_SIZE])(void *)data;
	k->n_names = size / KEEPER_NAME_SIZE;
	if (size % KEEPER_NAME_SIZE != 0) {
		keeper_say(LOG_WARNING, 0, "The list of sessions ends in the middle of a name");
		k->incomplete = true;
	}
	return 0;
}

static int retrieve_listed(struct keeper *k, int *device, const char name[static KEEPER_NAME_SIZE])
{
	int r;

	if (!keeper_name_ok(name)) {
		keeper_say(LOG_WARNING, 0,
			   "The list of sessions has a name that is none of ours, "
			   "ignoring");
		k->incomplete = true;
		return 0;
	}
	if (keeper_find(k, name))
		return 0;
	r = keeper_retrieve_one(k, device, name);
	if (r == -EBUSY)
		return r;
	if (r < 0) {
		keeper_say(LOG_ERR, r, "Cannot retrieve session %s: %m", name);
		k->incomplete = true;
	}
	return 0;
}

/*
 * Opens the device only when PID 1 did not bring all that is listed, and closes it on return.
 * -EBUSY: not yet, come back. -ENOENT: nothing came over.
 */
static int retrieve_missing(struct keeper *k)
{
	_cleanup_close_ int device = -EBADF;
	int r;

	if (!keeper_find(k, KEEPER_OWN_SESSION)) {
		r = keeper_retrieve_one(k, &device, KEEPER_OWN_SESSION);
		if (r < 0)
			return r;
	}
	r = names_read(k);
	if (r < 0)
		return r == -ENOENT ? -ENODATA : r;
	for (size_t i = 0; i < k->n_names; i++) {
		r = retrieve_listed(k, &device, k->names[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

void keeper_retrieve(struct keeper *k)
{
	int r = retrieve_missing(k);

	if (r == -EBUSY) {
		k->backoff = kdev_luo_next_backoff(k->backoff);
		k->retrieve_at = now_usec(CLOCK_MONOTONIC) + k->backoff;
		return;
	}
	if (r < 0 && r != -ENOENT) {
		keeper_say(LOG_ERR, r, "Cannot take over all sessions of the previous kernel: %m");
		k->incomplete = true;
	}
	free(k->names);
	k->names = NULL;
	k->retrieving = false;
	k->tsc_ready = keeper_cycles();
	if (k->n_entries)
		keeper_say(LOG_INFO, 0, "Holding %zu sessions of the previous kernel",
			   k->n_entries);
	r = keeper_settle(k, KEEPER_STORE_TIMEOUT);
	if (r < 0)
		keeper_say(LOG_WARNING, r, "PID 1 has not taken all sessions: %m, trying again");
	keeper_state_save(k);
}
