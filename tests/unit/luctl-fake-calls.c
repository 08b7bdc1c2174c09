/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the played luod answers when it is called: see luctl-fake-server.h. */
#include "luctl-fake-server.h"

#include <sys/stat.h>

/* Turns the options of a call into "key=value key=value", fds as "fd". */
static int fake_options(sd_bus_message *m, char *text, size_t size)
{
	const char *key, *contents, *string;
	uint8_t value[8];
	char type;
	int r;

	text[0] = '\0';
	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		char one[256];

		sd_bus_message_read(m, "s", &key);
		sd_bus_message_peek_type(m, &type, &contents);
		sd_bus_message_enter_container(m, 'v', contents);
		if (contents[0] == 's')
			sd_bus_message_read_basic(m, 's', &string);
		else
			sd_bus_message_read_basic(m, contents[0], value);
		snprintf(one, sizeof(one), "%s%s=%s", *text ? " " : "", key,
			 contents[0] == 's'   ? string
			 : contents[0] == 'h' ? "fd"
					      : "yes");
		strncat(text, one, size - strlen(text) - 1);
		sd_bus_message_exit_container(m);
		r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

bool fake_fails(struct fake_server *s, sd_bus_message *m, sd_bus_error *error)
{
	if (!s->script->fail_method || !streq(s->script->fail_method, sd_bus_message_get_member(m)))
		return false;
	sd_bus_error_set(error, s->script->fail_name, s->script->fail_text);
	return true;
}

int fake_load(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;
	char options[1024];
	struct stat st;
	int fd;

	if (fake_fails(s, m, error))
		return -EINVAL;
	if (sd_bus_message_read(m, "h", &fd) < 0 || fstat(fd, &st) < 0 || st.st_size != 6)
		return sd_bus_error_set(error, "org.luod1.Error.BadImage", "bad kernel fd");
	fake_options(m, options, sizeof(options));
	if (s->script->expect_load && !streq(s->script->expect_load, options))
		return sd_bus_error_set(error, "org.luod1.Error.InvalidOption", options);
	return sd_bus_reply_method_return(m, NULL);
}

int fake_check(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;
	sd_bus_message *reply;
	int r;

	if (fake_fails(s, m, error))
		return -EINVAL;
	sd_bus_message_new_method_return(m, &reply);
	fake_findings(reply, !s->script->clean);
	r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

int fake_update(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;

	if (fake_fails(s, m, error))
		return -EINVAL;
	s->has_job = true;
	s->job_state = "running";
	return sd_bus_reply_method_return(m, "o", "/org/luod1/job/7");
}

int fake_plain(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	if (fake_fails(userdata, m, error))
		return -EINVAL;
	return sd_bus_reply_method_return(m, NULL);
}

/* The first session may be closed, the other is a part of an update. */
int fake_close(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	if (!strstr(sd_bus_message_get_path(m), "vm1"))
		return sd_bus_error_set(error, "org.luod1.Error.Busy", "It is part of an update.");
	return fake_plain(m, userdata, error);
}

/* An update of 1.5 s: 100 ms before the first owner is ready, 1 s of blackout. */
/* Three updates, newest first; of the last, which an older luod wrote down, little is known. */
int fake_updates(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const uint64_t epoch = UINT64_C(1763700000000000);
	sd_bus_message *reply;
	int r;

	if (fake_fails(userdata, m, error))
		return -EINVAL;
	sd_bus_message_new_method_return(m, &reply);
	sd_bus_message_open_container(reply, 'a', "a{sv}");
	if (!((struct fake_server *)userdata)->script->no_updates) {
		sd_bus_message_append(reply, "a{sv}", 12, "update-id", "s", FAKE_ID, "from", "s",
				      "7.3.4-old", "to", "s", "7.3.4-new", "jump", "s", "direct",
				      "result", "s", "done", "reason", "s", "a good one", "forced",
				      "s", "device-vf", "uid", "u", (uint32_t)1000, "unit", "s",
				      "ops.service", "began-usec", "t", epoch, "blackout-usec", "t",
				      UINT64_C(1000000), "left-behind", "a(usss)", 1, (uint32_t)0,
				      "vm7", "vm.service", "its owner vetoed");
		sd_bus_message_append(reply, "a{sv}", 8, "update-id", "s", FAKE_ID_ALIKE, "from",
				      "s", "7.3.4-old", "to", "s", "7.3.4-new", "result", "s",
				      "cancelled", "reason", "s", "too early", "error", "s",
				      "called\033[31m off", "uid", "u", (uint32_t)0,
				      "from-the-future", "a{sv}", 0);
		sd_bus_message_append(reply, "a{sv}", 2, "update-id", "s", FAKE_ID_OLD, "result",
				      "s", "done");
	}
	sd_bus_message_close_container(reply);
	r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

int fake_timeline(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	static const struct {
		const char *name;
		uint64_t usec;
	} marks[] = {
		{ "begin", 0 },
		{ "check", 10000 },
		{ "memory", 90000 },
		{ "first-ready", 100000 },
		{ "all-ready", 120000 },
		{ "jump", 200000 },
		{ "keeper", 900000 },
		{ "luod", 950000 },
		{ "future", 960000 },
		{ "first-claim", 1000000 },
		{ "first-resumed", 1050000 },
		{ "last-claim", 1060000 },
		{ "last-resumed", 1100000 },
		{ "finished", 1500000 },
	};
	const uint64_t epoch = UINT64_C(1763700000000000);
	bool degraded = ((struct fake_server *)userdata)->script->degraded;
	sd_bus_message *reply;
	const char *id;
	int r;

	if (fake_fails(userdata, m, error))
		return -EINVAL;
	if (sd_bus_message_read(m, "s", &id) < 0)
		return -EINVAL;
	sd_bus_message_new_method_return(m, &reply);
	sd_bus_message_append(reply, "a{sv}", 9, "update-id", "s", *id ? id : FAKE_ID, "from", "s",
			      "7.3.4-old", "to", "s", "7.3.4-new", "jump", "s", "direct", "result",
			      "s", degraded ? "degraded" : "done", "error", "s",
			      degraded ? "Not all\033[2J came." : "", "blackout-usec", "t",
			      UINT64_C(1000000), "news", "as", 1, "unknown", "left-behind",
			      "a(usss)", 2, (uint32_t)0, "vm7", "vm.service", "its owner vetoed",
			      (uint32_t)1000, "odd", "", "\033[31mred");
	sd_bus_message_open_container(reply, 'a', "(stx)");
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		sd_bus_message_append(reply, "(stx)", marks[i].name, marks[i].usec,
				      (int64_t)(epoch + marks[i].usec));
	sd_bus_message_close_container(reply);
	r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

/* For watch: announces a few things when asked. */
int fake_noise(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;

	for (unsigned int i = 0; i < FAKE_BUSES_MAX; i++) {
		if (!s->buses[i])
			continue;
		sd_bus_emit_properties_changed(s->buses[i], "/org/luod1", "org.luod1.Manager",
					       "State", "Sessions", NULL);
		sd_bus_emit_signal(s->buses[i], "/org/luod1/session/_30_2fvm1", "org.luod1.Session",
				   "PrepareForUpdate", "st", FAKE_ID, UINT64_C(30000000));
		sd_bus_emit_interfaces_removed(s->buses[i], "/org/luod1/session/_30_2fvm1",
					       "org.luod1.Session", NULL);
		sd_bus_flush(s->buses[i]);
	}
	return sd_bus_reply_method_return(m, NULL);
}
