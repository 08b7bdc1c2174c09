/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-bus - the network's methods of the manager: what an update would record, how the machine
 * differs from a record, and a replay of one. Administrators only: what is in a network namespace is
 * not everybody's business.
 */
#include "manager-bus.h"
#include "net-diff.h"
#include "net-json.h"
#include "network-last.h"
#include "network.h"
#include "polkit-bus.h"

/* --- records ---------------------------------------------------------------------------------- */

static int no_record(sd_bus_error *error)
{
	return sd_bus_error_set(error, LUOD_ERROR("NoRecord"),
				"No update has brought a record of the network into this kernel.");
}

static int unreadable(sd_bus_error *error, const char *why)
{
	return sd_bus_error_setf(error, LUOD_ERROR("Kernel"), "The network cannot be read: %s.",
				 why);
}

static int last(struct manager *m, struct net_record *ret, char **ret_id, sd_bus_error *error)
{
	int r = network_last_read(m, ret, ret_id);

	return r == -ENOMEM ? r : r < 0 ? no_record(error) : r;
}

/* "": the last one. */
static int read_record(struct manager *m, const char *text, struct net_record *ret,
		       sd_bus_error *error)
{
	_cleanup_free_ char *id = NULL, *wrong = NULL;
	int r;

	if (!*text)
		return last(m, ret, &id, error);
	r = network_record_from_text(text, ret, &wrong);
	if (r < 0)
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidRecord"),
					 "This is no record of a network: %s.", strempty(wrong));
	return 0;
}

static int reply_record(sd_bus_message *call, const struct net_record *record, const char *id)
{
	json_t *json = net_record_to_json(record);
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text ? sd_bus_reply_method_return(call, "ss", id, text) : -ENOMEM;
}

static int read_now(struct manager *m, struct net_record *ret, sd_bus_error *error)
{
	struct net_unread_list unread = {};
	_cleanup_free_ char *why = NULL;
	int r = network_read(m, NULL, NULL, ret, &unread, &why);

	net_unread_clear(&unread);
	return r < 0 ? unreadable(error, strempty(why)) : r;
}

static int get_granted(struct manager *m, sd_bus_message *call, sd_bus_error *error)
{
	_cleanup_free_ char *id = NULL;
	struct net_record record;
	const char *source;
	int r;

	if ((r = sd_bus_message_rewind(call, true)) < 0 ||
	    (r = sd_bus_message_read(call, "s", &source)) < 0)
		return r;
	if (streq(source, "last")) {
		r = last(m, &record, &id, error);
	} else if (streq(source, "now")) {
		r = read_now(m, &record, error);
	} else {
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidOption"),
					 "'%.*s' is no source of a record: 'now' or 'last'.",
					 FIT(source, 64));
	}
	if (r < 0)
		return r;
	r = reply_record(call, &record, strempty(id));
	net_record_clear(&record);
	return r;
}

int method_get_network(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return polkit_check(userdata, m, "org.luod1.read-network", get_granted, error);
}

/* --- comparing -------------------------------------------------------------------------------- */

static int reply_diff(sd_bus_message *call, const struct net_diff *diff)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(sssss)");
	for (size_t i = 0; r >= 0 && i < diff->n; i++) {
		const struct net_difference *d = &diff->items[i];

		r = sd_bus_message_append(reply, "(sssss)", d->namespace, d->object, d->what,
					  strempty(d->wanted), strempty(d->found));
	}
	if (r < 0 || (r = sd_bus_message_close_container(reply)) < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static int compare(struct manager *m, const struct net_record *wanted, struct net_diff *ret)
{
	struct net_machine machine = { .host = &m->host };
	int r = 0;

	for (size_t i = 0; i < wanted->n && r >= 0; i++) {
		r = net_machine_open(&machine, wanted->namespaces[i].name, false);
		if (r == -ENOENT)
			r = 0;
	}
	if (r >= 0 && (r = net_machine_read(&machine)) >= 0)
		r = net_diff(wanted, &machine.now, ret);
	net_machine_clear(&machine);
	return r;
}

static int compare_granted(struct manager *m, sd_bus_message *call, sd_bus_error *error)
{
	struct net_record wanted;
	struct net_diff diff;
	const char *text;
	int r;

	if ((r = sd_bus_message_rewind(call, true)) < 0 ||
	    (r = sd_bus_message_read(call, "s", &text)) < 0 ||
	    (r = read_record(m, text, &wanted, error)) < 0)
		return r;
	r = compare(m, &wanted, &diff);
	net_record_clear(&wanted);
	if (r < 0)
		return unreadable(error, strerror(-r));
	r = reply_diff(call, &diff);
	net_diff_clear(&diff);
	return r;
}

int method_compare_network(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return polkit_check(userdata, m, "org.luod1.read-network", compare_granted, error);
}

/* --- replaying -------------------------------------------------------------------------------- */

static int reply_report(sd_bus_message *call, const struct net_report *report)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ssss)");
	for (size_t i = 0; r >= 0 && i < report->n; i++) {
		const struct net_result *one = &report->results[i];

		r = sd_bus_message_append(reply, "(ssss)", one->namespace, one->object,
					  net_outcome_to_string(one->outcome), strempty(one->text));
	}
	if (r < 0 || (r = sd_bus_message_close_container(reply)) < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

/* What is being recorded must stay as it is. After the jump guests may wait for their links. */
static int refuse_while_recording(const struct manager *m, sd_bus_error *error)
{
	if (!update_active(m) || m->update.phase == PHASE_RESTORING ||
	    m->update.phase == PHASE_FINISHING)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("UpdateRunning"),
				 "Update %s is not over yet (%s).", m->update.info.id,
				 phase_to_string(m->update.phase));
}

static int replay_granted(struct manager *m, sd_bus_message *call, sd_bus_error *error)
{
	_cleanup_free_ char *wrong = NULL;
	struct net_record wanted;
	struct net_report report;
	const char *text;
	int r;

	if ((r = sd_bus_message_rewind(call, true)) < 0 ||
	    (r = sd_bus_message_read(call, "s", &text)) < 0 ||
	    (r = refuse_while_recording(m, error)) < 0 ||
	    (r = read_record(m, text, &wanted, error)) < 0)
		return r;
	r = network_replay(m, &wanted, NULL, &report, &wrong);
	net_record_clear(&wanted);
	if (r == -ELOOP)
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidRecord"),
					 "Such a network cannot be: %s.", strempty(wrong));
	if (r < 0)
		return unreadable(error, strerror(-r));
	r = reply_report(call, &report);
	net_report_clear(&report);
	return r;
}

int method_replay_network(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return polkit_check(userdata, m, "org.luod1.replay-network", replay_granted, error);
}
