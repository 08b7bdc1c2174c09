/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * custody - the fds that owners gave to luod: kept in luod's own fd store in PID 1, so that a luod
 * that is killed gets them back when it is started again. That store is not carried over a kexec:
 * what crosses is in the kernel session.
 *
 * PID 1 gives the names of all of them back in one string, $LISTEN_FDNAMES, and execve(2) takes no
 * string beyond 128 KiB: with more, luod could not be started any more. Hence a resource is stored
 * under a short number, in hexadecimal, that state.json tells of before PID 1 has the fd; a number
 * is not used again soon, so that a fd that was not taken out cannot be taken for another. An older
 * luod used "<kernel session>#<token>", which is still understood. custody_has_room() says when the
 * store, or that string, is full.
 */
#include <assert.h>
#include <systemd/sd-daemon.h>

#include "later.h"
#include "limits.h"
#include "log.h"
#include "manager.h"
#include "net-machine.h"
#include "retrieve.h"
#include "tap.h"

#define STORE_NAME_MAX 128
#define AGAIN_USEC     USEC_PER_SEC
#define STORE_DIGITS   6
/* MAX_ARG_STRLEN of the kernel, and in it what is not a name of a resource and its colon. */
#define EXEC_STRING_MAX 131072
#define NAMES_BESIDE	512
#define STORE_NAMES_MAX (EXEC_STRING_MAX - NAMES_BESIDE)

static_assert(RESOURCE_STORE_MAX == (1 << 4 * STORE_DIGITS) - 1, "a number has six digits");
static_assert(LIMIT_RESOURCES * (STORE_DIGITS + 1) <= STORE_NAMES_MAX, "the names fit");

static void store_name(char name[static STORE_NAME_MAX], const struct session *s,
		       const struct resource *resource)
{
	if (resource->store)
		snprintf(name, STORE_NAME_MAX, "%x", resource->store);
	else
		snprintf(name, STORE_NAME_MAX, "%s#%llu", s->kernel_name,
			 (unsigned long long)resource->token);
}

/* How many fds PID 1 keeps for this service; it says so from systemd 254 on. */
static unsigned int store_max(void)
{
	const char *text = getenv("FDSTORE");
	unsigned long max = text ? strtoul(text, NULL, 10) : LIMIT_STORE;

	return max < LIMIT_STORE ? (unsigned int)max : LIMIT_STORE;
}

/* Is there room for @more besides what is, or will be, in the store? */
static bool has_room(const struct manager *m, unsigned int more)
{
	size_t fds = LIMIT_STORE_BESIDE + more, bytes = more * (STORE_DIGITS + 1);
	const struct resource *resource;
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry) {
			bool old_name = resource->fd >= 0 && !resource->store;

			if (s->mode != SESSION_CUSTODY)
				continue;
			fds++;
			bytes += (old_name ? STORE_NAME_MAX : STORE_DIGITS) + 1;
		}
	return fds <= store_max() && bytes <= STORE_NAMES_MAX;
}

bool custody_has_room(const struct manager *m)
{
	return has_room(m, 1);
}

static void count_dma(unsigned int *hwpts, unsigned int *buffers, const struct dma *dma)
{
	*hwpts += dma->n_hwpts;
	*buffers += dma->n_buffers;
}

int custody_dma_room(const struct manager *m, uid_t uid, const struct resource *old,
		     const struct dma *dma)
{
	unsigned int hwpts = dma->n_hwpts, buffers = dma->n_buffers, uid_hwpts = hwpts,
		     uid_buffers = buffers;
	const struct resource *resource;
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry) {
			if (resource == old)
				continue;
			count_dma(&hwpts, &buffers, &resource->dma);
			if (s->uid == uid)
				count_dma(&uid_hwpts, &uid_buffers, &resource->dma);
		}
	if (uid_hwpts > LIMIT_HWPTS_PER_UID || uid_buffers > LIMIT_BUFFERS_PER_UID)
		return -EDQUOT;
	return hwpts > LIMIT_OF(uid, LIMIT_HWPTS) || buffers > LIMIT_OF(uid, LIMIT_BUFFERS) ? -E2BIG
											    : 0;
}

/* What is told again has been spoken of. */
static bool quiet;

static void complain(int error, const char *what, const char *name)
{
	if (!quiet)
		log_warning_errno(error, "Cannot %s the fd store: '%s': %m", what, name);
}

static int store_fd(const char *name, int fd)
{
	_cleanup_free_ char *message = strprintf("FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	int r = message ? sd_pid_notify_with_fds(0, 0, message, &fd, 1) : -ENOMEM;

	if (r < 0)
		complain(r, "put into", name);
	return r;
}

static int forget_fd(const char *name)
{
	int r = sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);

	if (r < 0)
		complain(r, "take out of", name);
	return r;
}

static uint32_t number_of(const char *name)
{
	return strchr(name, '#') ? 0 : (uint32_t)strtoul(name, NULL, 16);
}

/* Also by what PID 1 is still to let go of. */
static bool number_is_used(const struct manager *m, uint32_t number)
{
	const struct resource *resource;
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (resource->store == number)
				return true;
	for (char **name = m->unforgotten; name && *name; name++)
		if (number_of(*name) == number)
			return true;
	return false;
}

void custody_number(struct session *s, struct resource *resource)
{
	struct manager *m = s->manager;

	do
		m->last_stored = m->last_stored % RESOURCE_STORE_MAX + 1;
	while (number_is_used(m, m->last_stored));
	resource->store = m->last_stored;
}

/* --- what PID 1 could not be told yet --------------------------------------------------------- */

static int note_unforgotten(struct manager *m, const char *name)
{
	size_t n = strv_length(m->unforgotten);
	char **larger = reallocarray(m->unforgotten, n + 2, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	m->unforgotten = larger;
	larger[n] = strdup(name);
	larger[n + 1] = NULL;
	return larger[n] ? 0 : -ENOMEM;
}

static bool is_resource(const char *name)
{
	return strchr(name, '#') || strspn(name, "0123456789abcdef") == strlen(name);
}

/*
 * No number is used again meanwhile: what is taken out late is still what was meant. Of what has a name of its
 * own all is told anew.
 */
static void forget(struct manager *m, const char *name)
{
	if (forget_fd(name) >= 0)
		return;
	if (!is_resource(name))
		m->target_unstored = m->timeline_unstored = true;
	else if (note_unforgotten(m, name) < 0)
		log_oom();
	later(m->store_again, AGAIN_USEC);
}

static void forget_rest(struct manager *m)
{
	size_t kept = 0;

	for (size_t i = 0; m->unforgotten && m->unforgotten[i]; i++) {
		if (forget_fd(m->unforgotten[i]) < 0) {
			m->unforgotten[kept++] = m->unforgotten[i];
			continue;
		}
		free(m->unforgotten[i]);
	}
	if (m->unforgotten)
		m->unforgotten[kept] = NULL;
	if (kept > 0)
		later(m->store_again, AGAIN_USEC);
}

static void store_missing(struct manager *m)
{
	struct resource *resource;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (resource->unstored && resource->fd >= 0)
				custody_store(s, resource);
}

/* As long as PID 1 does not have an fd, it would be lost with this luod; what PID 1 has stays open. */
static int on_store_again(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;

	quiet = true;
	forget_rest(m);
	store_missing(m);
	if (m->target_unstored)
		custody_store_target(m);
	if (m->timeline_unstored)
		custody_store_timeline(m);
	quiet = false;
	return 0;
}

int custody_prepare(struct manager *m)
{
	return later_prepare(m->event, &m->store_again, on_store_again, m);
}

/* The one before it goes first: two of a name could not be told apart. */
static int store_target(const struct target *t)
{
	int r;

	if ((r = forget_fd(TARGET_FDNAME)) < 0 || (r = forget_fd(TARGET_INITRD_FDNAME)) < 0)
		return r;
	if (t->image_fd >= 0 && (r = store_fd(TARGET_FDNAME, t->image_fd)) < 0)
		return r;
	return t->initrd_fd >= 0 ? store_fd(TARGET_INITRD_FDNAME, t->initrd_fd) : 0;
}

void custody_store_target(struct manager *m)
{
	m->target_unstored = store_target(&m->target) < 0;
	if (m->target_unstored)
		later(m->store_again, AGAIN_USEC);
}

void custody_store_timeline(struct manager *m)
{
	int fd = m->update.timeline.fd, r = forget_fd(TIMELINE_FDNAME);

	if (r >= 0 && fd >= 0)
		r = store_fd(TIMELINE_FDNAME, fd);
	m->timeline_unstored = r < 0;
	if (m->timeline_unstored)
		later(m->store_again, AGAIN_USEC);
}

/* Its queue, see open_tap(). */
static void settle_tap(struct resource *resource)
{
	int r = kdev_tun_settle(&resource->tap->queue, resource->fd);

	if (r < 0)
		log_warning_errno(r, "Link '%s' stays when nobody has it open, ignoring: %m",
				  resource->tap->link);
	resource->unsettled = false;
}

void custody_store(struct session *s, struct resource *resource)
{
	char name[STORE_NAME_MAX];

	store_name(name, s, resource);
	resource->unstored = store_fd(name, resource->fd) < 0;
	if (resource->unstored)
		later(s->manager->store_again, AGAIN_USEC);
	else if (resource->unsettled)
		settle_tap(resource);
}

void custody_forget(struct session *s, struct resource *resource)
{
	char name[STORE_NAME_MAX];

	if (resource->fd < 0 || s->mode != SESSION_CUSTODY)
		return;
	/* Otherwise its link would stay for good. */
	if (resource->unsettled)
		settle_tap(resource);
	store_name(name, s, resource);
	forget(s->manager, name);
}

/* Names are compared as they are written: one fd, one name. */
static struct resource *find_owner(struct manager *m, const char *name)
{
	uint32_t number = number_of(name);
	struct resource *resource;
	char candidate[STORE_NAME_MAX];
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry) {
			if (s->mode != SESSION_CUSTODY || resource->store != number)
				continue;
			store_name(candidate, s, resource);
			if (streq(candidate, name))
				return resource;
		}
	return NULL;
}

void custody_adopt(struct manager *m, char **names, int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct resource *resource;

		if (fds[i] < 0)
			continue;
		resource = find_owner(m, names[i]);
		if (resource && resource->fd < 0) {
			resource->fd = fds[i];
		} else {
			log_warning("Nobody owns '%s' of the fd store, closing it", names[i]);
			forget(m, names[i]);
			close(fds[i]);
		}
		fds[i] = -EBADF;
	}
}

/*
 * Numbers for all that is to be retrieved, so that state.json is written once and not for each. It
 * all fitted before the jump; a store that was made smaller since is no reason to keep it from its
 * owner.
 */
static void number_all(struct session *s)
{
	struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->fd < 0 && !resource->store)
			custody_number(s, resource);
	if (!has_room(s->manager, 0))
		log_warning(
			"Not all of session %u/%s fits into luod's fd store "
			"(FileDescriptorStoreMax= of luod.service); the rest would be lost with "
			"luod, ignoring",
			s->uid, s->name);
	manager_save(s->manager);
}

/* What that means for whom; NULL for a kind of which nothing is lost for good. */
static const struct {
	const char *what, *stopped, *anew;
} losses[] = {
	[RESOURCE_IOMMUFD] = { "The iommufd", "The devices that it was for are stopped and reset",
			       "open all of them" },
	[RESOURCE_DEVICE] = { "Device", "It is stopped and reset", "open it" },
	[RESOURCE_DMA_MEMORY] = { "DMA buffer", "Its device is stopped",
				  "start the device and allocate its buffers" },
};

static void say_lost(const struct session *s, const struct resource *resource, int why)
{
	log_message(LOG_ERR, LUOD_MESSAGE_DEGRADED,
		    "%s '%s'%s%s of session %u/%s did not come through the jump: %s. %s when the "
		    "session is done or closed; its owner can %s anew then",
		    losses[resource->kind].what, resource->label, resource->device ? " at " : "",
		    strempty(resource->device), s->uid, s->name, strerror(-why),
		    losses[resource->kind].stopped, losses[resource->kind].anew);
}

/* A device without its iommufd could never leave the old page tables: it is not even taken out. */
static void lose_devices_of(struct session *s, const struct resource *iommufd)
{
	struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->kind == RESOURCE_DEVICE && resource->fd < 0 &&
		    streq(strempty(resource->iommufd), iommufd->label))
			resource->lost = true;
}

/*
 * Memory that does not come back is its owner's to judge, who may try again; of the rest it is known
 * then, and luod does not hold its session up for it.
 */
static void note_loss(struct session *s, struct resource *resource, int why)
{
	if (resource->kind == RESOURCE_MEMORY)
		return;
	resource->lost = true;
	if (resource->kind == RESOURCE_IOMMUFD)
		lose_devices_of(s, resource);
	say_lost(s, resource, why);
	manager_save(s->manager);
}

/* Not the kernel's to give back: opened anew. Only when luod's store has it, too, may the link hang on it. */
static int open_tap(struct session *s, struct resource *resource)
{
	int r;

	if (!resource->store)
		number_all(s);
	r = tap_reattach(resource->tap, &s->manager->host, &resource->fd);
	if (r < 0)
		return r;
	resource->unsettled = true;
	custody_store(s, resource);
	return 0;
}

void custody_lose_tap(struct session *s, struct resource *resource)
{
	if (!resource->tap || resource->fd >= 0 || resource->lost)
		return;
	resource->lost = true;
	log_message(LOG_ERR, LUOD_MESSAGE_DEGRADED,
		    "Tap '%s' of session %u/%s was not opened anew until its end: %s",
		    resource->label, s->uid, s->name, strempty(resource->tap->why));
}

static int retrieve(struct session *s, struct resource *resource)
{
	bool final;
	int r;

	if (resource->lost)
		return -ENODEV;
	if (resource->tap)
		return open_tap(s, resource);
	if (s->kernel_fd < 0)
		return -ENODATA;
	if (!resource->store)
		number_all(s);
	r = retrieve_file(s->kernel_fd, resource->token, &resource->fd, &final);
	if (r < 0) {
		if (final)
			note_loss(s, resource, r);
		return r;
	}
	custody_store(s, resource);
	return 0;
}

int custody_fd(struct session *s, struct resource *resource)
{
	struct resource *iommufd;
	int r = 0;

	if (resource->fd >= 0)
		return resource->fd;
	/* A device can only be bound to an iommufd that was retrieved before. */
	iommufd = resource->iommufd ? session_find_resource(s, resource->iommufd) : NULL;
	if (iommufd && iommufd->kind == RESOURCE_IOMMUFD && iommufd->fd < 0)
		r = retrieve(s, iommufd);
	if (r >= 0)
		r = retrieve(s, resource);
	return r < 0 ? r : resource->fd;
}

void custody_drop_lost(struct manager *m)
{
	struct resource *resource, *next;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (s->mode != SESSION_CUSTODY || s->kernel_fd >= 0)
			continue;
		for (resource = TAILQ_FIRST(&s->resources); resource; resource = next) {
			next = TAILQ_NEXT(resource, entry);
			if (resource->fd >= 0 || resource->lost)
				continue;
			log_error("'%s' of session %u/%s did not come back from the fd store; its "
				  "owner must attach it again",
				  resource->label, s->uid, s->name);
			session_remove_resource(s, resource);
		}
	}
}
