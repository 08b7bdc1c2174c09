/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network - see network.h. */
#include "network.h"

#include "log.h"
#include "net-machine.h"
#include "net-prove.h"
#include "net-select.h"
#include "network-last.h"
#include "network-late.h"
#include "network-note.h"
#include "network-tap.h"
#include "session-link.h"

/* Guests wait for it, and for nothing that takes as long: what is not there by then is left out. */
#define REPLAY_USEC (20 * USEC_PER_SEC)

static void say_missing(const struct session *s, const char *text, const char *why,
			void *userdata _unused_)
{
	log_warning("Link '%s', which session %u/%s needs, does not go along: %s", text, s->uid,
		    s->name, why);
}

/* What lu.conf names, and, as it says, what the sessions name that still go along. */
static int choose(const struct manager *m, struct net_record *record,
		  session_link_missing_t missing, void *userdata)
{
	bool sessions = net_select_has(m->conf.network_links, NET_SELECT_SESSIONS);
	_cleanup_free_ const char **declared = NULL;
	int r = 0;

	if (sessions)
		r = session_links_choose(&m->sessions, m->conf.session_links, record, missing,
					 userdata, &declared);
	return r < 0 ? r : net_select_with(record, m->conf.network_links, declared);
}

bool network_is_wanted(const struct manager *m)
{
	return net_select_has_names(m->conf.network_links) ||
	       (net_select_has(m->conf.network_links, NET_SELECT_SESSIONS) &&
		session_links_any(&m->sessions));
}

struct reading {
	const struct manager *manager;
	session_link_missing_t missing;
	void *userdata;
	const struct net_machine *machine;
	struct net_unread_list *unread;
	char **error;
};

/* Nobody can say what of it would go along. */
static int refuse_unread(const struct reading *r)
{
	for (size_t i = 0; i < r->unread->n; i++) {
		const struct net_unread *one = &r->unread->items[i];

		if (!net_select_fits_namespace(r->manager->conf.network_links, one->name))
			continue;
		*r->error =
			strprintf("network namespace '%s', of which Links= wants something, cannot "
				  "be looked into: %s",
				  one->name, strerror(-one->error));
		return one->error;
	}
	return 0;
}

static int choose_links(struct net_record *links, void *userdata)
{
	struct reading *reading = userdata;
	int r;

	*reading->unread = reading->machine->unread;
	r = refuse_unread(reading);
	return r < 0 ? r : choose(reading->manager, links, reading->missing, reading->userdata);
}

int network_read(struct manager *m, session_link_missing_t missing, void *userdata,
		 struct net_record *ret, struct net_unread_list *ret_unread, char **ret_error)
{
	struct net_machine machine = { .host = &m->host };
	struct reading reading = { m, missing, userdata, &machine, ret_unread, ret_error };
	int r = net_machine_choose(&machine, choose_links, &reading);

	*ret_unread = machine.unread;
	machine.unread = (struct net_unread_list){};
	if (r >= 0)
		*ret = net_machine_finish(&machine);
	else if (!*ret_error)
		*ret_error = strdup(strerror(-r));
	net_machine_clear(&machine);
	return r;
}

static void say_unread(const struct net_unread_list *unread)
{
	for (size_t i = 0; i < unread->n; i++)
		log_warning("Network namespace '%s' cannot be looked into, ignoring: %s",
			    unread->items[i].name, strerror(-unread->items[i].error));
}

int network_act(struct manager *m)
{
	struct net_unread_list unread = {};
	_cleanup_free_ char *why = NULL;
	int r;

	network_late_end(m);
	net_record_clear(&m->network);
	r = network_tap_look(m);
	if (r < 0)
		return r;
	if (!network_is_wanted(m)) {
		network_tap_say_missing(m);
		return STEP_DONE;
	}
	r = network_read(m, say_missing, NULL, &m->network, &unread, &why);
	say_unread(&unread);
	net_unread_clear(&unread);
	if (r < 0)
		return update_fail(m, r, "The network cannot be recorded: %s.", strempty(why));
	if (!m->network.n && net_select_has_names(m->conf.network_links))
		log_warning("No link fits Links= of lu.conf; no network goes along");
	r = net_prove(&m->network, &why);
	if (r < 0)
		return update_fail(m, r, "The network cannot be recorded: %s.", strempty(why));
	network_tap_say_missing(m);
	return STEP_DONE;
}

/* Fewer of what was proven is not proven again: guests are paused. */
int network_settle(struct manager *m)
{
	int r = network_tap_look(m);

	return r >= 0 && m->network.n ? choose(m, &m->network, NULL, NULL) : r;
}

struct restoring {
	uint64_t deadline;
	const char *run;
};

static int before_deadline(void *userdata)
{
	const struct restoring *restoring = userdata;

	return now_usec(CLOCK_MONOTONIC) > restoring->deadline ? -ETIMEDOUT : 0;
}

static void begin(const struct net_record *now, void *userdata)
{
	const struct restoring *restoring = userdata;
	int r = network_note_write(restoring->run, now);

	if (r < 0)
		log_warning_errno(r, "A luod that were killed now would leave half a network, "
				     "ignoring: %m");
}

void network_say(const struct net_result *result)
{
	const char *ns = result->namespace, *blank = *ns ? " in namespace " : "";

	if (result->outcome == NET_FAILED)
		log_error("Network: '%s'%s%s is not restored: %s", result->object, blank, ns,
			  strempty(result->text));
	else if (result->outcome == NET_LATER)
		log_info("Network: '%s'%s%s is restored but for %s; trying again", result->object,
			 blank, ns, strempty(result->text));
	else if (result->outcome == NET_CONFLICT)
		log_warning("Network: '%s'%s%s is left as somebody else made it: %s",
			    result->object, blank, ns, strempty(result->text));
}

int network_replay(struct manager *m, const struct net_record *record, char *const *only,
		   struct net_report *ret, char **ret_error)
{
	struct restoring restoring = { .deadline = now_usec(CLOCK_MONOTONIC) + REPLAY_USEC };
	struct net_gate gate = { .may_change = before_deadline,
				 .userdata = &restoring,
				 .only = only };

	return net_replay(record, &m->host, &gate, ret, ret_error);
}

/* --- after the jump --------------------------------------------------------------------------- */

void network_restore(struct manager *m, const struct net_record *wanted, const char *unreadable,
		     struct session_list *sessions)
{
	struct restoring restoring = { now_usec(CLOCK_MONOTONIC) + REPLAY_USEC, m->paths.run };
	_cleanup_(strv_freep) char **others = NULL;
	struct net_gate gate = { .may_change = before_deadline,
				 .begins = begin,
				 .userdata = &restoring };
	_cleanup_free_ char *error = NULL;
	struct net_report report;

	if (unreadable) {
		network_tap_blame(sessions, wanted, NULL, unreadable);
		timeline_mark(&m->update.timeline, MARK_NETWORK_INCOMPLETE);
	}
	if (!wanted->n)
		return;
	network_last_keep(m, wanted);
	if (network_note_read(m->paths.run, &others) >= 0)
		log_notice("The luod before me was restoring the network; going on with it");
	gate.others = others;
	if (net_replay(wanted, &m->host, &gate, &report, &error) < 0) {
		log_error("The network is not restored: %s", strempty(error));
		network_tap_blame(sessions, wanted, NULL, strempty(error));
		timeline_mark(&m->update.timeline, MARK_NETWORK_INCOMPLETE);
		return;
	}
	for (size_t i = 0; i < report.n; i++)
		network_say(&report.results[i]);
	network_tap_blame(sessions, wanted, &report, NULL);
	log_notice("Network: %zu links and routes are as they were: %zu made, %zu changed, %zu "
		   "were there; %zu left as found, %zu failed",
		   report.n - net_report_count(&report, NET_CONFLICT) -
			   net_report_count(&report, NET_FAILED),
		   net_report_count(&report, NET_MADE), net_report_count(&report, NET_CHANGED),
		   net_report_count(&report, NET_SAME), net_report_count(&report, NET_CONFLICT),
		   net_report_count(&report, NET_FAILED));
	network_late_begin(m, &report);
	net_report_clear(&report);
}
