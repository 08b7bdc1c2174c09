/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper-store - the table of held sessions, PID 1's fd store behind it, and the state file.
 *
 * What is in the table is what luod was promised. PID 1 holds a second fd of each, and hands all
 * of them back to a restarted keeper (systemd ≥ 261 also through a kexec). The state file holds
 * the rest that a restart must know; that it does not exist makes a start the first one in this
 * kernel, because /run begins empty.
 *
 * PID 1 is the one peer that the keeper waits for, and only with a deadline: sd_notify() blocks
 * while PID 1's queue is full, so a repeated SIGALRM interrupts it.
 */
#include "keeper.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/time.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "kdev-luo.h"

#define STATE_VERSION	   1
#define RETRY_USEC	   (2 * USEC_PER_SEC)
#define OFFER_TIMEOUT_USEC (250 * USEC_PER_MSEC)

/* The state file: this, and .count struct keeper_entry. */
struct state {
	uint32_t version;
	uint32_t count;
	uint32_t flags;
	uint32_t reserved;
	uint64_t tsc_start;
	uint64_t tsc_ready;
};

struct state_file {
	struct state head;
	struct keeper_entry entries[KEEPER_SESSIONS_MAX];
};

void keeper_say(int level, int error, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "<%d>", level);
	errno = -error;
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* --- the table ----------------------------------------------------------------------------- */

/* A subset of what FDNAME= takes: anything but control characters and ':'. */
static bool name_char_ok(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-' || c == '/';
}

bool keeper_name_ok(const char name[static KEEPER_NAME_SIZE])
{
	static const char prefix[] = KEEPER_OWN_SESSION "/";
	size_t length = strnlen(name, KEEPER_NAME_SIZE);

	if (length == KEEPER_NAME_SIZE)
		return false;
	if (streq(name, KEEPER_OWN_SESSION))
		return true;
	if (length < sizeof(prefix) || strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!name_char_ok(name[i]))
			return false;
	return true;
}

struct entry *keeper_find(struct keeper *k, const char *name)
{
	for (size_t i = 0; i < k->n_entries; i++)
		if (streq(k->entries[i].name, name))
			return &k->entries[i];
	return NULL;
}

struct entry *keeper_add(struct keeper *k, const char *name, int fd, uint32_t origin)
{
	struct entry *e = &k->entries[k->n_entries++];

	*e = (struct entry){ .fd = fd, .origin = origin, .state = ENTRY_NEW };
	snprintf(e->name, sizeof(e->name), "%s", name);
	return e;
}

/* The only place that closes a session. */
void keeper_forget(struct keeper *k, struct entry *e)
{
	close_fd(e->fd);
	*e = k->entries[--k->n_entries];
}

size_t keeper_list(const struct keeper *k, struct keeper_entry *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n_entries; i++) {
		const struct entry *e = &k->entries[i];

		if (e->state == ENTRY_DROPPED)
			continue;
		ret[n] = (struct keeper_entry){ .origin = e->origin };
		memcpy(ret[n++].name, e->name, sizeof(e->name));
	}
	return n;
}

uint32_t keeper_flags(const struct keeper *k)
{
	return (k->have_store ? KEEPER_FLAG_STORE : 0U) |
	       (k->retrieving ? KEEPER_FLAG_RETRIEVING : 0U) |
	       (k->incomplete ? KEEPER_FLAG_INCOMPLETE : 0U);
}

/* --- PID 1's fd store ---------------------------------------------------------------------- */

static void deadline_set(uint64_t usec)
{
	/* Repeated, so that it also interrupts a call that begins just after the first. */
	const struct itimerval timer = {
		.it_value = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
			      .tv_usec = (suseconds_t)(usec % USEC_PER_SEC) },
		.it_interval.tv_usec = usec ? (suseconds_t)(50 * USEC_PER_MSEC) : 0,
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static int store_push(struct entry *e)
{
	char text[128];
	int r;

	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", e->name);
	r = sd_pid_notify_with_fds(0, 0, text, &e->fd, 1);
	if (r < 0)
		return r;
	e->state = ENTRY_SENT;
	return 0;
}

static int store_remove(const char *name)
{
	char text[512];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	return sd_notify(0, text);
}

void keeper_offer(struct keeper *k, struct entry *e)
{
	if (!k->have_store)
		return;
	deadline_set(OFFER_TIMEOUT_USEC);
	store_push(e);
	deadline_set(0);
}

/* What `systemctl status` shows. */
static int store_status(const struct keeper *k, const char *first_line)
{
	int r;

	deadline_set(OFFER_TIMEOUT_USEC);
	r = sd_notifyf(0, "%sSTATUS=Holding %zu session%s%s", first_line, k->n_entries,
		       k->n_entries == 1 ? "" : "s",
		       k->retrieving ? ", waiting for " KDEV_LUO_DEVICE : "");
	deadline_set(0);
	return r;
}

int keeper_announce(const struct keeper *k)
{
	return store_status(k, "READY=1\n");
}

/* Tells PID 1 what it does not know yet, and waits until it has heard it. */
static int store_tell(struct keeper *k, uint64_t timeout)
{
	int r = 0;

	deadline_set(timeout);
	for (size_t i = 0; i < k->n_entries && r >= 0; i++) {
		struct entry *e = &k->entries[i];

		if (e->state == ENTRY_NEW)
			r = store_push(e);
		else if (e->state == ENTRY_DROPPED)
			r = store_remove(e->name);
	}
	if (r >= 0)
		r = sd_notify_barrier(0, timeout);
	deadline_set(0);
	return r == -EINTR ? -ETIMEDOUT : r;
}

bool keeper_is_settled(const struct keeper *k)
{
	for (size_t i = 0; i < k->n_entries; i++)
		if (k->entries[i].state != ENTRY_HELD)
			return false;
	return true;
}

int keeper_settle(struct keeper *k, uint64_t timeout)
{
	if (keeper_is_settled(k))
		return 0;
	if (k->have_store) {
		int r = store_tell(k, timeout);

		if (r < 0) {
			k->settle_at = now_usec(CLOCK_MONOTONIC) + RETRY_USEC;
			return r;
		}
	}
	/* Backwards, because the last entry takes the place of one that goes. */
	for (size_t i = k->n_entries; i-- > 0;) {
		struct entry *e = &k->entries[i];

		if (e->state == ENTRY_DROPPED)
			keeper_forget(k, e);
		else
			e->state = ENTRY_HELD;
	}
	keeper_state_save(k);
	store_status(k, "");
	return 0;
}

/* --- what a restart must know -------------------------------------------------------------- */

/*
 * Unlike file_write_atomic() it uses one name for the unfinished file, which a SIGKILL may leave
 * behind, and does not wait for a disk that /run is not on.
 */
static int state_write(const char *path, const void *data, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char unfinished[KEEPER_PATH_SIZE + 1];
	ssize_t n;

	snprintf(unfinished, sizeof(unfinished), "%s~", path);
	fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	n = write(fd, data, size);
	if (n != (ssize_t)size)
		return n < 0 ? -errno : -ENOSPC;
	return rename(unfinished, path) < 0 ? -errno : 0;
}

void keeper_state_save(const struct keeper *k)
{
	static struct state_file file;
	int r;

	file.head = (struct state){
		.version = STATE_VERSION,
		.count = (uint32_t)keeper_list(k, file.entries),
		.flags = keeper_flags(k),
		.tsc_start = k->tsc_start,
		.tsc_ready = k->tsc_ready,
	};
	r = state_write(k->state_path, &file,
			sizeof(file.head) + file.head.count * sizeof(file.entries[0]));
	if (r < 0)
		keeper_say(LOG_WARNING, r,
			   "Cannot write %s: %m; a restart would not know where the sessions came "
			   "from, ignoring",
			   k->state_path);
}

static int state_load(const struct keeper *k, struct state_file *ret)
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r;

	r = file_read_full(k->state_path, sizeof(*ret), &data, &size);
	if (r < 0)
		return r;
	if (size < sizeof(ret->head))
		return -EBADMSG;
	memcpy(ret, data, size);
	if (ret->head.version != STATE_VERSION ||
	    size != sizeof(ret->head) + (uint64_t)ret->head.count * sizeof(ret->entries[0]))
		return -EBADMSG;
	for (size_t i = 0; i < ret->head.count; i++)
		if (!keeper_name_ok(ret->entries[i].name))
			return -EBADMSG;
	return 0;
}

/* --- taking over --------------------------------------------------------------------------- */

static void look_for_store(struct keeper *k)
{
	const char *max = getenv("FDSTORE");

	k->quota = KEEPER_SESSIONS_MAX;
	k->have_store = getenv("NOTIFY_SOCKET");
	if (!k->have_store) {
		keeper_say(LOG_WARNING, 0,
			   "Not started by systemd: without its fd store a SIGKILL "
			   "loses every session");
		return;
	}
	/* systemd ≥ 254 says how many it takes; more would be closed without a word. */
	if (max && strtoul(max, NULL, 10) < k->quota) {
		k->quota = strtoul(max, NULL, 10);
		keeper_say(LOG_WARNING, 0,
			   "FileDescriptorStoreMax=%zu: no more than that many "
			   "sessions can be held",
			   k->quota);
	}
}

static uint32_t origin_before(const struct state_file *before, const char *name)
{
	if (!before)
		return KEEPER_ORIGIN_FDSTORE;
	for (size_t i = 0; i < before->head.count; i++)
		if (streq(before->entries[i].name, name))
			return before->entries[i].origin;
	/* Killed after PID 1 had it and before it was written down. */
	return before->head.flags & KEEPER_FLAG_RETRIEVING ? KEEPER_ORIGIN_NAME : KEEPER_ORIGIN_PUT;
}

/* @label is what PID 1 calls the fd; what the kernel calls it counts. */
static void adopt(struct keeper *k, const struct state_file *before, int fd, const char *label)
{
	char name[KEEPER_NAME_SIZE];
	struct entry *e;

	if (kdev_luo_is_session_fd(fd) <= 0 || kdev_luo_session_get_name(fd, name) < 0 ||
	    !keeper_name_ok(name)) {
		keeper_say(LOG_WARNING, 0,
			   "PID 1 handed over '%s', which is no session of luod; "
			   "leaving it open, ignoring",
			   label);
		return;
	}
	if (keeper_find(k, name) || k->n_entries >= KEEPER_SESSIONS_MAX) {
		keeper_say(LOG_WARNING, 0,
			   "PID 1 handed over one fd too many of session %s as '%s'; "
			   "leaving it open, ignoring",
			   name, label);
		return;
	}
	e = keeper_add(k, name, fd, origin_before(before, name));
	if (streq(label, name)) {
		e->state = ENTRY_HELD;
		return;
	}
	/* PID 1 stores no file twice, so the wrong name has to go before the right one comes. */
	keeper_say(LOG_WARNING, 0, "PID 1 handed over session %s as '%s', correcting it", name,
		   label);
	deadline_set(OFFER_TIMEOUT_USEC);
	store_remove(label);
	deadline_set(0);
}

static void adopt_all(struct keeper *k, const struct state_file *before)
{
	char **labels = NULL;
	int n;

	n = sd_listen_fds_with_names(1, &labels);
	if (n < 0)
		keeper_say(LOG_ERR, n, "Cannot take the fds that PID 1 handed over: %m");
	for (int i = 0; i < n; i++) {
		adopt(k, before, SD_LISTEN_FDS_START + i, labels[i]);
		free(labels[i]);
	}
	free(labels);
	for (size_t i = 0; before && i < before->head.count; i++)
		if (!keeper_find(k, before->entries[i].name))
			keeper_say(LOG_ERR, 0,
				   "Session %s was held before the restart and PID 1 did "
				   "not give it back: it is lost",
				   before->entries[i].name);
}

void keeper_take_over(struct keeper *k)
{
	static struct state_file before;
	int r;

	look_for_store(k);
	r = state_load(k, &before);
	if (r < 0 && r != -ENOENT)
		keeper_say(LOG_WARNING, r,
			   "Cannot read %s: %m; starting as if it were the first time "
			   "in this kernel",
			   k->state_path);
	if (r < 0) {
		k->retrieving = true;
		adopt_all(k, NULL);
	} else {
		k->retrieving = before.head.flags & KEEPER_FLAG_RETRIEVING;
		k->incomplete = before.head.flags & KEEPER_FLAG_INCOMPLETE;
		k->tsc_start = before.head.tsc_start;
		k->tsc_ready = before.head.tsc_ready;
		adopt_all(k, &before);
	}
	keeper_state_save(k);
}
