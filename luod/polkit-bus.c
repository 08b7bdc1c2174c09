/* SPDX-License-Identifier: GPL-2.0-or-later */
/* polkit-bus - see polkit-bus.h. */
#include "polkit-bus.h"

#include "log.h"

/* Long enough for a person to type a password. */
#define ANSWER_TIMEOUT_USEC (120 * USEC_PER_SEC)

struct query {
	struct manager *manager;
	sd_bus_message *call;
	polkit_granted_t granted;
};

static void query_free(struct query *q)
{
	sd_bus_message_unref(q->call);
	free(q);
}
DEFINE_CLEANUP(struct query *, query_free)

static int refuse(sd_bus_error *error)
{
	return sd_bus_error_set(
		error, SD_BUS_ERROR_ACCESS_DENIED,
		"Only an administrator may do this; become root or ask for a polkit "
		"rule for org.luod1.");
}

static int read_answer(sd_bus_message *reply, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(reply);
	int authorized, challenge, r;

	if (e) {
		log_debug("polkit does not answer: %s", strempty(e->message));
		return refuse(error);
	}
	r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
	if (r >= 0)
		r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
	if (r < 0)
		return r;
	if (authorized)
		return 0;
	if (challenge)
		return sd_bus_error_set(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
					"An administrator must confirm this.");
	return refuse(error);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ignored _unused_)
{
	_cleanup_(query_freep) struct query *q = userdata;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = read_answer(reply, &error);

	if (r >= 0)
		r = q->granted(q->manager, q->call, &error);
	if (r < 0)
		sd_bus_reply_method_errno(q->call, r, &error);
	return 1;
}

static int ask(struct query *q, const char *action)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint32_t interactive = sd_bus_message_get_allow_interactive_authorization(q->call) > 0;
	sd_bus *bus = sd_bus_message_get_bus(q->call);
	int r;

	r = sd_bus_message_new_method_call(bus, &m, "org.freedesktop.PolicyKit1",
					   "/org/freedesktop/PolicyKit1/Authority",
					   "org.freedesktop.PolicyKit1.Authority",
					   "CheckAuthorization");
	if (r < 0)
		return r;
	r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
				  sd_bus_message_get_sender(q->call), action, 0, interactive, "");
	if (r < 0)
		return r;
	return sd_bus_call_async(bus, NULL, m, on_answer, q, ANSWER_TIMEOUT_USEC);
}

int polkit_check(struct manager *m, sd_bus_message *call, const char *action,
		 polkit_granted_t granted, sd_bus_error *error)
{
	const struct identity *caller;
	struct query *q;
	int r = bus_set_identify(&m->buses, call, &caller, error);

	if (r < 0)
		return r;
	if (caller->uid == 0)
		return granted(m, call, error);
	if (bus_set_is_peer(&m->buses, sd_bus_message_get_bus(call)))
		return refuse(error);
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct query){
		.manager = m,
		.call = sd_bus_message_ref(call),
		.granted = granted,
	};
	r = ask(q, action);
	if (r < 0)
		query_free(q);
	return r < 0 ? r : 1;
}
