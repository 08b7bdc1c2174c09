/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check - gathers the facts that preflight.c judges. It opens and reads; it changes nothing. */
#include <fcntl.h>

#include "holder.h"
#include "kdev-kexec.h"
#include "kdev-luo.h"
#include "log.h"
#include "manager.h"
#include "memfd.h"
#include "network.h"

/* The facts of one check, with what they borrow from. */
struct facts {
	struct preflight_context context;
	struct preflight_session *sessions;
	struct preflight_device *devices;
	size_t n_devices;
	struct holders holders;
	char **names;
	size_t n_sessions;
	struct preflight_orphan *orphans;
	size_t n_orphans;
	char *running_cmdline;
	struct preflight_network network;
};

static void facts_clear(struct facts *f)
{
	for (size_t i = 0; i < f->n_sessions; i++) {
		free((void *)f->sessions[i].resources);
		free(f->names[i]);
	}
	for (size_t i = 0; i < f->n_orphans; i++)
		free((char *)f->orphans[i].name);
	free(f->orphans);
	free(f->sessions);
	free(f->devices);
	holders_clear(&f->holders);
	network_facts_clear(&f->network);
	free(f->names);
	free(f->running_cmdline);
}

static char *read_proc(const struct manager *m, const char *name)
{
	_cleanup_free_ char *path = strprintf("%s/proc/%s", m->paths.root, name);
	char *text;

	if (!path || file_read_full(path, 1U << 20, &text, NULL) < 0)
		return NULL;
	return text;
}

static uint64_t memory_available(const struct manager *m)
{
	_cleanup_free_ char *text = read_proc(m, "meminfo");
	const char *line = text ? strstr(text, "MemAvailable:") : NULL;
	unsigned long long kib;

	return line && sscanf(line, "MemAvailable: %llu", &kib) == 1 ? kib * 1024 : 0;
}

static enum answer liveupdate_busy(const struct manager *m)
{
	int fd;

	if (!features_has(&m->features, FEATURE_LIVEUPDATE_ENABLED))
		return ANSWER_UNKNOWN;
	fd = kdev_luo_try_open();
	if (fd >= 0)
		close_fd(fd);
	return fd >= 0 ? ANSWER_NO : fd == -EBUSY ? ANSWER_YES : ANSWER_UNKNOWN;
}

static enum answer keeper_reachable(struct manager *m)
{
	_cleanup_free_ struct fdstore_list *list = NULL;

	return fdstore_list(m->fdstore, &list) >= 0 ? ANSWER_YES : ANSWER_NO;
}

/* Somebody may have unloaded what luod loaded, or loaded something of his own. */
static enum preflight_loader loaded_by(const struct manager *m)
{
	int loaded = kdev_kexec_is_loaded();

	if (loaded == 0)
		return PREFLIGHT_LOADED_BY_NOBODY;
	if (m->target.loaded)
		return PREFLIGHT_LOADED_BY_LUOD;
	return loaded > 0 ? PREFLIGHT_LOADED_BY_OTHER : PREFLIGHT_LOADED_BY_NOBODY;
}

static int gather_resources(struct session *s, struct preflight_session *ret)
{
	struct preflight_resource *resources;
	struct resource *resource;

	if (s->mode != SESSION_CUSTODY || s->n_resources == 0)
		return 0;
	resources = calloc(s->n_resources, sizeof(*resources));
	if (!resources)
		return -ENOMEM;
	ret->resources = resources;
	TAILQ_FOREACH(resource, &s->resources, entry) {
		if (resource->kind == RESOURCE_IOMMUFD) {
			ret->iommufd = resource->label;
			if (!resource->dma.n_hwpts)
				ret->no_hwpts = resource->label;
		}
		if (resource->kind == RESOURCE_DMA_MEMORY)
			ret->dma_memory = resource->label;
		if (resource->kind != RESOURCE_MEMORY)
			continue;
		resources[ret->n_resources].label = resource->label;
		resources[ret->n_resources].attached_bytes = resource->bytes;
		memfd_inspect(resource->fd, &resources[ret->n_resources++].memory);
	}
	return 0;
}

static int gather_sessions(struct manager *m, struct facts *f)
{
	struct session *s;

	f->sessions = calloc(m->n_sessions + 1, sizeof(*f->sessions));
	f->names = calloc(m->n_sessions + 1, sizeof(*f->names));
	if (!f->sessions || !f->names)
		return -ENOMEM;
	TAILQ_FOREACH(s, &m->sessions, entry) {
		struct preflight_session *p = &f->sessions[f->n_sessions];

		if (s->state == SESSION_LOST)
			continue; /* no update takes it along */
		f->names[f->n_sessions] = strprintf("%u/%s", s->uid, s->name);
		if (!f->names[f->n_sessions])
			return -ENOMEM;
		p->name = f->names[f->n_sessions++];
		p->kernel_name = s->kernel_name;
		p->delegation = s->mode == SESSION_DELEGATION;
		p->required = s->policy == SESSION_REQUIRED;
		p->owner_connected = session_owner_connected(s);
		/* While an update runs, owners have every right to. */
		if (!update_active(m))
			p->held_by = holders_of(&f->holders, s->kernel_name);
		if (gather_resources(s, p) < 0)
			return -ENOMEM;
	}
	return 0;
}

static const struct preflight_session *find_session(const struct facts *f, const char *name)
{
	for (size_t i = 0; name && i < f->n_sessions; i++)
		if (streq(f->sessions[i].name, name))
			return &f->sessions[i];
	return NULL;
}

/* The devices of a session that the inventory does not know. */
static void gather_missing(struct manager *m, struct session *s, struct facts *f)
{
	_cleanup_free_ char *name = strprintf("%u/%s", s->uid, s->name);
	const struct preflight_session *p = find_session(f, name);
	const struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (p && resource->device && !inventory_find(&m->inventory, resource->device) &&
		    session_find_device(s, resource->device) == resource)
			f->devices[f->n_devices++] = (struct preflight_device){
				.address = resource->device,
				.dma_memory = resource->kind == RESOURCE_DMA_MEMORY,
				.session = p,
			};
}

/* After the sessions: what covers a device is one of them. */
static int gather_devices(struct manager *m, struct facts *f)
{
	const struct inventory *inventory = &m->inventory;
	struct session *s;
	size_t n;

	n = inventory->n;
	TAILQ_FOREACH(s, &m->sessions, entry)
		n += s->n_resources;
	f->devices = calloc(n + 1, sizeof(*f->devices));
	if (!f->devices)
		return -ENOMEM;
	for (size_t i = 0; i < inventory->n; i++) {
		f->devices[f->n_devices] = device_for_preflight(inventory->devices[i]);
		f->devices[f->n_devices++].session =
			find_session(f, inventory->devices[i]->session);
	}
	TAILQ_FOREACH(s, &m->sessions, entry)
		gather_missing(m, s, f);
	return 0;
}

/* The file that the running kernel was booted from, as far as distributions keep it: read once. */
static const struct kimage *running_image(struct manager *m)
{
	static const struct {
		const char *before, *after;
	} places[] = { { "/boot/vmlinuz-", "" }, { "/lib/modules/", "/vmlinuz" } };
	int r = -ENOENT;

	if (m->running)
		return m->running->size ? m->running : NULL;
	m->running = calloc(1, sizeof(*m->running));
	for (size_t i = 0; m->running && r < 0 && i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = strprintf("%s%s%s%s", m->paths.root, places[i].before,
						      m->kernel_release, places[i].after);
		_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -EBADF;

		if (fd >= 0)
			r = kimage_inspect(fd, m->running);
	}
	return r < 0 ? NULL : m->running;
}

/* Said once of each, of whoever was found first. */
static bool is_known(struct manager *m, const struct facts *f, const char *name, uid_t uid,
		     const char *kernel_name)
{
	if (manager_find_session(m, uid, name))
		return true;
	for (size_t i = 0; i < f->n_orphans; i++)
		if (streq(f->orphans[i].kernel_name, kernel_name))
			return true;
	return false;
}

static int gather_orphans(struct manager *m, struct facts *f)
{
	/* While an update runs, owners have every right to. */
	if (update_active(m))
		return 0;
	f->orphans = calloc(f->holders.n + 1, sizeof(*f->orphans));
	if (!f->orphans)
		return -ENOMEM;
	for (size_t i = 0; i < f->holders.n; i++) {
		const struct holder *h = &f->holders.items[i];
		struct preflight_orphan *o = &f->orphans[f->n_orphans];
		const char *name;
		uid_t uid;

		if (!h->session || session_parse_kernel_name(h->session, &uid, &name) < 0 ||
		    is_known(m, f, name, uid, h->session))
			continue;
		*o = (struct preflight_orphan){ strprintf("%u/%s", uid, name), h->session, h->who };
		if (!o->name)
			return -ENOMEM;
		f->n_orphans++;
	}
	return 0;
}

static int gather(struct manager *m, struct facts *f)
{
	int r;

	if ((r = cover_look(m, &f->holders)) < 0 || (r = gather_sessions(m, f)) < 0 ||
	    (r = gather_orphans(m, f)) < 0 || (r = gather_devices(m, f)) < 0)
		return r;
	f->running_cmdline = read_proc(m, "cmdline");
	network_facts(m, &f->network);
	f->context = (struct preflight_context){
		.features = &m->features,
		.running_release = m->kernel_release,
		.running_cmdline = f->running_cmdline,
		.running = running_image(m),
		.loaded_by = loaded_by(m),
		.keeper_reachable = keeper_reachable(m),
		.liveupdate_busy = liveupdate_busy(m),
		.shutdown_refused = m->inhibit.fd >= 0 ? ANSWER_YES : ANSWER_NO,
		.memory_available = memory_available(m),
		.sessions = f->sessions,
		.n_sessions = f->n_sessions,
		.orphans = f->orphans,
		.n_orphans = f->n_orphans,
		.devices = f->devices,
		.n_devices = f->n_devices,
		.devices_left_out = m->inventory.full,
		.network = &f->network,
	};
	if (m->target.loaded) {
		f->context.target = &m->target.image;
		f->context.target_path = m->target.kernel_path;
		f->context.target_cmdline = m->target.command_line;
	}
	return 0;
}

int manager_check(struct manager *m)
{
	struct facts facts = {};
	int r = gather(m, &facts);

	findings_free(&m->findings);
	if (r >= 0)
		r = preflight_run(&facts.context, &m->findings);
	facts_clear(&facts);
	/* After it: one that takes long counts, too. One that could not be made is no answer for anybody. */
	m->checked_usec = r < 0 ? 0 : now_usec(CLOCK_MONOTONIC);
	manager_emit(m, "Findings");
	if (r < 0)
		return log_error_errno(r, "The check could not be made: %m");
	return !findings_block(&m->findings);
}

int manager_check_devices(struct manager *m, struct findings *ret)
{
	struct facts facts = {};
	int r;

	if ((r = gather_sessions(m, &facts)) >= 0 && (r = gather_devices(m, &facts)) >= 0) {
		facts.context = (struct preflight_context){
			.features = &m->features,
			.sessions = facts.sessions,
			.n_sessions = facts.n_sessions,
			.devices = facts.devices,
			.n_devices = facts.n_devices,
		};
		r = preflight_run_devices(&facts.context, ret);
	}
	facts_clear(&facts);
	return r;
}
