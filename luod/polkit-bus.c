/* SPDX-License-Identifier: GPL-2.0-or-later */
/* polkit-bus - see polkit-bus.h. */
#include "polkit-bus.h"

#include "limits.h"
#include "log.h"
#include "manager.h"

#define POLKIT_NAME	 "org.freedesktop.PolicyKit1"
#define POLKIT_PATH	 "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* Long enough for a person to type a password. */
#define ANSWER_TIMEOUT_USEC (120 * USEC_PER_SEC)

/* Whatever an argument's type is, luod keeps something for it. */
#define ARGUMENT_SIZE 8

struct polkit_query {
	TAILQ_ENTRY(polkit_query) entry;
	struct manager *manager;
	sd_bus_message *call;
	polkit_granted_t granted;
	uid_t uid;
	char id[32]; /* polkit's cancellation id */
	sd_bus_slot *slot;
	sd_bus_track *caller;
};

/* It is in the list from the beginning. */
static struct polkit_query *query_free(struct polkit_query *q)
{
	TAILQ_REMOVE(&q->manager->polkit.queries, q, entry);
	sd_bus_track_unref(q->caller);
	sd_bus_slot_unref(q->slot);
	sd_bus_message_unref(q->call);
	free(q);
	return NULL;
}
DEFINE_CLEANUP(struct polkit_query *, query_free)

void polkit_init(struct polkit *p)
{
	*p = (struct polkit){};
	TAILQ_INIT(&p->queries);
}

void polkit_clear(struct polkit *p)
{
	while (!TAILQ_EMPTY(&p->queries))
		query_free(TAILQ_FIRST(&p->queries));
}

/* --- what may wait ---------------------------------------------------------------------------- */

static int measure_contents(sd_bus_message *m, size_t *size);

static int measure_argument(sd_bus_message *m, char type, const char *contents, size_t *size)
{
	const char *text;
	int r;

	*size += ARGUMENT_SIZE;
	if (*size > LIMIT_CALL)
		return -E2BIG;
	if (contents) {
		r = sd_bus_message_enter_container(m, type, contents);
		if (r >= 0)
			r = measure_contents(m, size);
		return r < 0 ? r : sd_bus_message_exit_container(m);
	}
	if (!strchr("sog", type))
		return sd_bus_message_skip(m, (char[]){ type, '\0' });
	r = sd_bus_message_read_basic(m, type, &text);
	if (r >= 0)
		*size += strlen(text);
	return r;
}

static int measure_contents(sd_bus_message *m, size_t *size)
{
	const char *contents;
	char type;
	int r;

	while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
		r = measure_argument(m, type, contents, size);
		if (r < 0)
			return r;
	}
	return r;
}

/* sd-bus does not tell how large a message is, so its arguments are added up, as far as they may. */
static int check_size(sd_bus_message *call, sd_bus_error *error)
{
	size_t size = 0;
	int r = sd_bus_message_rewind(call, true);

	if (r >= 0)
		r = measure_contents(call, &size);
	if (r == -E2BIG || (r >= 0 && size > LIMIT_CALL))
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "The call is larger than %u KiB; only root may say that "
					 "much.",
					 LIMIT_CALL >> 10);
	return r < 0 ? r : sd_bus_message_rewind(call, true);
}

static int check_number(const struct polkit *p, uid_t uid, sd_bus_error *error)
{
	const struct polkit_query *q;
	unsigned int n = 0, of_uid = 0;

	TAILQ_FOREACH(q, &p->queries, entry) {
		n++;
		of_uid += q->uid == uid;
	}
	if (of_uid >= LIMIT_QUERIES_PER_UID)
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "%u calls of uid %u wait for polkit's answer already; try "
					 "again when they are over.",
					 of_uid, uid);
	if (n >= LIMIT_QUERIES)
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"%u calls wait for polkit's answer already; try again when "
			"they are over, or as root.",
			n);
	return 0;
}

/* --- the answer ------------------------------------------------------------------------------- */

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

static int on_forgotten(sd_bus_message *reply, void *userdata _unused_,
			sd_bus_error *ignored _unused_)
{
	const sd_bus_error *e = sd_bus_message_get_error(reply);

	if (e)
		log_debug("polkit does not forget a question: %s", strempty(e->message));
	return 1;
}

/* Nobody waits for the answer any more: what polkit shows to a person goes away. */
static void call_off(const struct polkit_query *q)
{
	int r = sd_bus_call_method_async(sd_bus_message_get_bus(q->call), NULL, POLKIT_NAME,
					 POLKIT_PATH, POLKIT_INTERFACE, "CancelCheckAuthorization",
					 on_forgotten, NULL, "s", q->id);

	if (r < 0)
		log_debug_errno(r, "Cannot tell polkit to forget a question: %m");
}

static int on_caller_gone(sd_bus_track *track _unused_, void *userdata)
{
	struct polkit_query *q = userdata;

	log_debug("Uid %u has gone before polkit has answered", q->uid);
	call_off(q);
	query_free(q);
	return 1;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ignored _unused_)
{
	_cleanup_(query_freep) struct polkit_query *q = userdata;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = read_answer(reply, &error);

	/* Which is what sd-bus says in its place when the time is up. */
	if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY))
		call_off(q);
	if (r >= 0)
		r = q->granted(q->manager, q->call, &error);
	if (r < 0)
		sd_bus_reply_method_errno(q->call, r, &error);
	return 1;
}

static int ask(struct polkit_query *q, const char *action)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint32_t interactive = sd_bus_message_get_allow_interactive_authorization(q->call) > 0;
	sd_bus *bus = sd_bus_message_get_bus(q->call);
	int r;

	if ((r = sd_bus_track_new(bus, &q->caller, on_caller_gone, q)) < 0 ||
	    (r = sd_bus_track_add_sender(q->caller, q->call)) < 0 ||
	    (r = sd_bus_message_new_method_call(bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
						"CheckAuthorization")) < 0 ||
	    (r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
				       sd_bus_message_get_sender(q->call), action, 0, interactive,
				       q->id)) < 0)
		return r;
	return sd_bus_call_async(bus, &q->slot, m, on_answer, q, ANSWER_TIMEOUT_USEC);
}

static struct polkit_query *query_new(struct manager *m, sd_bus_message *call, uid_t uid,
				      polkit_granted_t granted)
{
	struct polkit_query *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	*q = (struct polkit_query){
		.manager = m,
		.call = sd_bus_message_ref(call),
		.granted = granted,
		.uid = uid,
	};
	snprintf(q->id, sizeof(q->id), "luod-%" PRIu64, ++m->polkit.last);
	TAILQ_INSERT_TAIL(&m->polkit.queries, q, entry);
	return q;
}

int polkit_check(struct manager *m, sd_bus_message *call, const char *action,
		 polkit_granted_t granted, sd_bus_error *error)
{
	const struct identity *caller;
	struct polkit_query *q;
	int r = bus_set_identify(&m->buses, call, &caller, error);

	if (r < 0)
		return r;
	if (caller->uid == 0)
		return granted(m, call, error);
	if (bus_set_is_peer(&m->buses, sd_bus_message_get_bus(call)))
		return refuse(error);
	if ((r = check_number(&m->polkit, caller->uid, error)) < 0 ||
	    (r = check_size(call, error)) < 0)
		return r;
	q = query_new(m, call, caller->uid, granted);
	if (!q)
		return -ENOMEM;
	r = ask(q, action);
	if (r < 0)
		query_free(q);
	return r < 0 ? r : 1;
}
