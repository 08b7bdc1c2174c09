/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-luod - as much of luod as a client library can be tested against: a child process that
 * serves one session ("vm") on a socket of its own, answers what it is called, and does what the
 * test tells it over a control socket, one acknowledged command at a time. No threads, no bus.
 *
 * It can also play a message bus (its replies then carry a sender), lose its connections, leave a
 * call unanswered, answer one with an error, and send a signal in somebody else's name.
 */
#ifndef FAKE_LUOD_H
#define FAKE_LUOD_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include <cmocka.h>

#include "fake-luod-calls.h"

enum fake_op {
	FAKE_STATE,	  /* text: the session's new state, told by PropertiesChanged */
	FAKE_QUIET_STATE, /* text: the same, told to nobody */
	FAKE_UPDATE_ID,	  /* text */
	FAKE_REASON,	  /* text */
	FAKE_MODE,	  /* text */
	FAKE_PREPARE,	  /* text: the update id */
	FAKE_CANCEL,	  /* text: the reason */
	FAKE_PRESERVED,	  /* text: the update id */
	FAKE_SPOOF,	  /* PrepareForUpdate in the name of another connection */
	FAKE_OWNER_LOST,  /* bus: NameOwnerChanged, luod is gone */
	FAKE_FORGET,	  /* the session is not there any more */
	FAKE_ERROR,	  /* text: "member name", the error that its next call is answered with */
	FAKE_MUTE,	  /* text: the member whose next call is not answered */
	FAKE_GARBAGE,	  /* text: the member whose next call is answered with nonsense */
	FAKE_DROP,	  /* closes every connection */
	FAKE_DOWN,	  /* as FAKE_DROP, and nobody can connect */
	FAKE_UP,
	FAKE_LAST,  /* answers with the last call: "member arguments" */
	FAKE_COUNT, /* answers with the number of connections ever made */
};

struct fake_command {
	enum fake_op op;
	char text[FAKE_TEXT];
};

/* The test's handle. */
struct fake_luod {
	pid_t pid;
	int control;
	char directory[64];
	char socket[100];
	char address[120];
};

static void fake_answer_error(struct fake *f, sd_bus *bus, sd_bus_message *call, const char *name)
{
	sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(name, "as\nthe test wanted");
	sd_bus_message *reply = NULL;

	sd_bus_message_new_method_error(call, &reply, &error);
	fake_send(f, bus, reply, FAKE_OWNER);
}

static const char *fake_error_of(int r)
{
	switch (r) {
	case -EEXIST:
		return "org.luod1.Error.SessionExists";
	case -ENOENT:
		return "org.luod1.Error.NoSuchSession";
	}
	return "org.freedesktop.DBus.Error.Failed";
}

/* Everything that comes in, before sd-bus looks for an object. */
static int fake_on_message(sd_bus_message *call, void *userdata, sd_bus_error *ret_error unused)
{
	sd_bus *bus = sd_bus_message_get_bus(call);
	const char *member = sd_bus_message_get_member(call);
	sd_bus_message *reply = NULL;
	struct fake *f = userdata;
	int r = -EOPNOTSUPP;

	if (!sd_bus_message_is_method_call(call, NULL, NULL))
		return 0;
	if (strcmp(member, f->mute) == 0) {
		f->mute[0] = '\0';
		return 1;
	}
	if (strcmp(member, f->error_member) == 0) {
		f->error_member[0] = '\0';
		fake_answer_error(f, bus, call, f->error_name);
		return 1;
	}
	sd_bus_message_new_method_return(call, &reply);
	if (strcmp(member, f->garbage) == 0) {
		f->garbage[0] = '\0';
		sd_bus_message_append(reply, "d", 1.5);
		fake_send(f, bus, reply, FAKE_OWNER);
		return 1;
	}
	for (size_t i = 0; i < sizeof(fake_methods) / sizeof(fake_methods[0]); i++)
		if (strcmp(fake_methods[i].member, member) == 0)
			r = fake_methods[i].answer(f, call, reply);
	if (r < 0) {
		sd_bus_message_unref(reply);
		fake_answer_error(f, bus, call, fake_error_of(r));
		return 1;
	}
	fake_send(f, bus, reply, FAKE_OWNER);
	return 1;
}

static int fake_on_connect(sd_event_source *source unused, int fd, uint32_t events unused,
			   void *userdata)
{
	struct fake *f = userdata;
	sd_id128_t id;
	int client, slot;

	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		return 0;
	slot = (int)(f->n_connections++ % FAKE_CLIENTS);
	sd_bus_close_unref(f->clients[slot]);
	sd_id128_randomize(&id);
	sd_bus_new(&f->clients[slot]);
	sd_bus_set_fd(f->clients[slot], client, client);
	sd_bus_set_server(f->clients[slot], 1, id);
	sd_bus_start(f->clients[slot]);
	sd_bus_add_filter(f->clients[slot], NULL, fake_on_message, f);
	sd_bus_attach_event(f->clients[slot], f->event, 0);
	return 0;
}

static void fake_drop(struct fake *f)
{
	for (int i = 0; i < FAKE_CLIENTS; i++) {
		if (f->clients[i])
			sd_bus_detach_event(f->clients[i]);
		f->clients[i] = sd_bus_close_unref(f->clients[i]);
	}
}

static void fake_listen(struct fake *f)
{
	f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(f->listen_fd, (struct sockaddr *)&f->address, sizeof(f->address)) < 0 ||
	    listen(f->listen_fd, 8) < 0)
		_exit(3);
	sd_event_add_io(f->event, &f->listen_source, f->listen_fd, 1, fake_on_connect, f);
}

static void fake_unlisten(struct fake *f)
{
	f->listen_source = sd_event_source_disable_unref(f->listen_source);
	close(f->listen_fd);
	unlink(f->address.sun_path);
}

static void fake_obey(struct fake *f, struct fake_command *c)
{
	switch (c->op) {
	case FAKE_STATE:
		SET(f->state, c->text);
		fake_changed(f);
		break;
	case FAKE_QUIET_STATE:
		SET(f->state, c->text);
		break;
	case FAKE_UPDATE_ID:
		SET(f->update_id, c->text);
		break;
	case FAKE_REASON:
		SET(f->reason, c->text);
		break;
	case FAKE_MODE:
		SET(f->mode, c->text);
		break;
	case FAKE_PREPARE:
		SET(f->update_id, c->text);
		fake_signal(f, FAKE_OWNER, "org.luod1.Session", "PrepareForUpdate", c->text, NULL);
		break;
	case FAKE_CANCEL:
		fake_signal(f, FAKE_OWNER, "org.luod1.Session", "Cancelled", f->update_id, c->text);
		break;
	case FAKE_PRESERVED:
		fake_signal(f, FAKE_OWNER, "org.luod1.Session", "Preserved", c->text, NULL);
		break;
	case FAKE_SPOOF:
		fake_signal(f, ":1.666", "org.luod1.Session", "PrepareForUpdate", "evil", NULL);
		break;
	case FAKE_OWNER_LOST: {
		sd_bus_message *m = NULL;

		sd_bus_message_new_signal(f->clients[0], &m, "/org/freedesktop/DBus",
					  "org.freedesktop.DBus", "NameOwnerChanged");
		sd_bus_message_append(m, "sss", "org.luod1", FAKE_OWNER, "");
		fake_send(f, f->clients[0], m, "org.freedesktop.DBus");
		break;
	}
	case FAKE_FORGET:
		f->exists = false;
		break;
	case FAKE_ERROR:
		sscanf(c->text, "%255s %255s", f->error_member, f->error_name);
		break;
	case FAKE_MUTE:
		SET(f->mute, c->text);
		break;
	case FAKE_GARBAGE:
		SET(f->garbage, c->text);
		break;
	case FAKE_DROP:
		fake_drop(f);
		break;
	case FAKE_DOWN:
		fake_drop(f);
		fake_unlisten(f);
		break;
	case FAKE_UP:
		fake_listen(f);
		break;
	case FAKE_LAST:
		SET(c->text, f->last);
		break;
	case FAKE_COUNT:
		snprintf(c->text, sizeof(c->text), "%u", f->n_connections);
		break;
	}
}

static int fake_on_command(sd_event_source *source unused, int fd, uint32_t events unused,
			   void *userdata)
{
	struct fake *f = userdata;
	struct fake_command c;

	if (recv(fd, &c, sizeof(c), 0) != sizeof(c))
		return sd_event_exit(f->event, 0);
	fake_obey(f, &c);
	/* What was written must be on its way before the test goes on. */
	for (int i = 0; i < FAKE_CLIENTS; i++)
		if (f->clients[i])
			sd_bus_flush(f->clients[i]);
	send(fd, &c, sizeof(c), MSG_NOSIGNAL);
	return 0;
}

static void fake_main(struct fake *f, int control)
{
	char label[32];
	char *path;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(label, sizeof(label), "%u/vm", geteuid());
	sd_bus_path_encode("/org/luod1/session", label, &path);
	SET(f->path, path);
	free(path);
	SET(f->state, "idle");
	SET(f->mode, "custody");
	f->memory = -1;
	sd_event_new(&f->event);
	fake_listen(f);
	sd_event_add_io(f->event, NULL, control, 1, fake_on_command, f);
	sd_event_loop(f->event);
	fake_drop(f);
	fake_unlisten(f);
	if (f->memory >= 0)
		close(f->memory);
	sd_event_unref(f->event);
	close(control);
	_exit(0);
}

/* The test's side */

static void fake_start(struct fake_luod *luod, bool as_bus)
{
	struct fake f = { .as_bus = as_bus, .address.sun_family = AF_UNIX };
	int pair[2];

	SET(luod->directory, "/tmp/fake-luod-XXXXXX");
	assert_non_null(mkdtemp(luod->directory));
	snprintf(luod->socket, sizeof(luod->socket), "%s/bus", luod->directory);
	snprintf(luod->address, sizeof(luod->address), "unix:path=%s", luod->socket);
	SET(f.address.sun_path, luod->socket);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	luod->pid = fork();
	assert_true(luod->pid >= 0);
	if (luod->pid == 0) {
		close(pair[0]);
		fake_main(&f, pair[1]);
	}
	close(pair[1]);
	luod->control = pair[0];
}

static unused const char *fake_do(struct fake_luod *luod, enum fake_op op, const char *text)
{
	static struct fake_command c;

	memset(&c, 0, sizeof(c));
	c.op = op;
	if (text)
		SET(c.text, text);
	assert_int_equal(send(luod->control, &c, sizeof(c), MSG_NOSIGNAL), sizeof(c));
	assert_int_equal(recv(luod->control, &c, sizeof(c), 0), sizeof(c));
	return c.text;
}

static void fake_stop(struct fake_luod *luod)
{
	int status;

	close(luod->control);
	assert_int_equal(waitpid(luod->pid, &status, 0), luod->pid);
	assert_int_equal(status, 0);
	unlink(luod->socket);
	assert_int_equal(rmdir(luod->directory), 0);
}

#endif
