/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inhibit-bus - see inhibit-bus.h. */
#include "inhibit-bus.h"

#include "guard.h"
#include "later.h"
#include "log.h"
#include "manager.h"

#define LOGIND_NAME	  "org.freedesktop.login1"
#define LOGIND_PATH	  "/org/freedesktop/login1"
#define LOGIND_MANAGER	  "org.freedesktop.login1.Manager"
#define CALL_TIMEOUT_USEC (90 * USEC_PER_SEC)
#define RETRY_USEC	  (30 * USEC_PER_SEC)

#define WHY                                                          \
	"guests would end: use 'luctl update' (or 'systemctl start " \
	"luod-update.service'), which takes them along into the next kernel"

static bool wanted(const struct manager *m)
{
	const struct session *s;

	if (m->inhibit.aside)
		return false;
	/* A reboot is then the way to a kernel that has it, and no other is to be recommended. */
	if (m->features.of[FEATURE_LIVEUPDATE_ENABLED].answer == ANSWER_NO)
		return false;
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state != SESSION_LOST)
			return true;
	return false;
}

/* --- logind ----------------------------------------------------------------------------------- */

static void ask(struct manager *m);

static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;

	inhibit_update(m);
	if (wanted(m))
		ask(m);
	return 0;
}

static int prepare(struct manager *m)
{
	return later_prepare(m->event, &m->inhibit.retry, on_retry, m);
}

static void ask_later(struct manager *m)
{
	if (prepare(m) < 0)
		log_oom();
	else
		later(m->inhibit.retry, RETRY_USEC);
}

/* Not there: it will be heard of when it comes. Anything else may be better in a while. */
static void refused(struct manager *m, const sd_bus_error *e)
{
	bool absent = sd_bus_error_has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
		      sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN);

	if (!m->inhibit.complained && absent)
		log_info("systemd-logind does not run yet; until then it refuses no shutdown");
	else if (!m->inhibit.complained)
		log_warning("systemd-logind does not refuse shutdowns for luod, ignoring: %s",
			    strempty(e->message));
	m->inhibit.complained = true;
	if (!absent)
		ask_later(m);
}

static int on_lock(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_)
{
	struct manager *m = userdata;
	struct inhibit *i = &m->inhibit;
	int fd, r;

	i->call = sd_bus_slot_unref(i->call);
	if (sd_bus_message_is_method_error(reply, NULL)) {
		refused(m, sd_bus_message_get_error(reply));
		return 0;
	}
	r = sd_bus_message_read(reply, "h", &fd);
	if (r >= 0)
		r = fd = fd_dup(fd);
	if (r < 0) {
		log_warning_errno(r, "Cannot take logind's inhibitor, trying again later: %m");
		ask_later(m);
		return 0;
	}
	close_fd(i->fd);
	i->fd = fd;
	i->complained = false;
	log_debug("systemd-logind refuses shutdowns now");
	return 0;
}

static int send_inhibit(struct manager *m)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	struct inhibit *i = &m->inhibit;
	int r;

	if ((r = sd_bus_message_new_method_call(i->bus, &call, LOGIND_NAME, LOGIND_PATH,
						LOGIND_MANAGER, "Inhibit")) < 0 ||
	    (r = sd_bus_message_set_auto_start(call, false)) < 0 ||
	    (r = sd_bus_message_append(call, "ssss", "shutdown", "luod", WHY, "block")) < 0)
		return r;
	return sd_bus_call_async(i->bus, &i->call, call, on_lock, m, CALL_TIMEOUT_USEC);
}

static void ask(struct manager *m)
{
	int r;

	if (!m->inhibit.bus || m->inhibit.call)
		return;
	r = send_inhibit(m);
	if (r < 0) {
		log_warning_errno(r, "Cannot ask logind for an inhibitor, trying again later: %m");
		ask_later(m);
	}
}

static void unlock(struct inhibit *i)
{
	i->call = sd_bus_slot_unref(i->call);
	later_cancel(i->retry);
	i->fd = close_fd(i->fd);
}

static int on_logind(sd_bus_message *signal, void *userdata, sd_bus_error *error _unused_)
{
	struct manager *m = userdata;
	const char *owner;
	int r = sd_bus_message_read(signal, "sss", NULL, NULL, &owner);

	if (r < 0 || isempty(owner))
		return r;
	/* What was asked of the one before it may never be answered. Its lock holds until there is another. */
	m->inhibit.call = sd_bus_slot_unref(m->inhibit.call);
	if (wanted(m))
		ask(m);
	return 0;
}

int inhibit_attach(sd_bus *bus, struct manager *m)
{
	struct inhibit *i = &m->inhibit;
	int r = sd_bus_add_match_async(bus, NULL,
				       "type='signal',sender='org.freedesktop.DBus',"
				       "interface='org.freedesktop.DBus',"
				       "member='NameOwnerChanged',arg0='" LOGIND_NAME "'",
				       on_logind, NULL, m);

	if (r < 0 || (r = prepare(m)) < 0)
		return r;
	i->call = sd_bus_slot_unref(i->call);
	sd_bus_unref(i->bus);
	i->bus = sd_bus_ref(bus);
	if (wanted(m))
		ask(m);
	return 0;
}

/* --- both ------------------------------------------------------------------------------------- */

static int set_guard(struct manager *m, bool guarded)
{
	int r = guarded ? guard_close(m->paths.root) : guard_open(m->paths.root);

	if (r == -ENOENT)
		log_debug("There is no systemd here that could refuse a reboot");
	else if (r < 0)
		log_warning_errno(r, "Cannot make PID 1 %s a reboot, trying again later: %m",
				  guarded ? "refuse" : "allow");
	m->inhibit.guarded = guarded && r >= 0;
	return r;
}

void inhibit_update(struct manager *m)
{
	struct inhibit *i = &m->inhibit;
	bool refuse = wanted(m);
	int r = 0;

	/* The luod before this one may have left it closed. */
	if (refuse ? !i->guarded : m->settled)
		r = set_guard(m, refuse);
	if (!refuse)
		unlock(i);
	else if (i->fd < 0)
		ask(m);
	if (r < 0 && r != -ENOENT)
		ask_later(m);
}

void inhibit_stand_aside(struct manager *m, bool aside)
{
	m->inhibit.aside = aside;
	inhibit_update(m);
}

void inhibit_clear(struct manager *m)
{
	struct inhibit *i = &m->inhibit;

	unlock(i);
	i->retry = sd_event_source_disable_unref(i->retry);
	i->bus = sd_bus_unref(i->bus);
	if (m->settled)
		guard_open(m->paths.root);
}
