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

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <cmocka.h>

#define FAKE_OWNER   ":1.1" /* luod's unique name when a bus is played */
#define FAKE_CLIENTS 8
#define FAKE_TEXT    256
#define unused	     __attribute__((unused))

/* A copy that fits; what does not is cut. */
#define SET(field, text) snprintf(field, sizeof(field), "%s", text)

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

/* The child's state. */
struct fake {
	sd_event *event;
	bool as_bus;
	int listen_fd;
	struct sockaddr_un address;
	sd_event_source *listen_source;
	sd_bus *clients[FAKE_CLIENTS];
	unsigned int n_connections;

	bool exists;
	char path[FAKE_TEXT];
	char mode[FAKE_TEXT], state[FAKE_TEXT], reason[FAKE_TEXT], update_id[FAKE_TEXT];
	int memory;
	char error_member[FAKE_TEXT], error_name[FAKE_TEXT], mute[FAKE_TEXT], garbage[FAKE_TEXT];
	char last[FAKE_TEXT];
};

/* The test's handle. */
struct fake_luod {
	pid_t pid;
	int control;
	char directory[64];
	char socket[100];
	char address[120];
};

static void fake_send(struct fake *f, sd_bus *bus, sd_bus_message *m, const char *sender)
{
	if (f->as_bus)
		sd_bus_message_set_sender(m, sender);
	sd_bus_send(bus, m, NULL);
	sd_bus_message_unref(m);
}

static void fake_properties(struct fake *f, sd_bus_message *m)
{
	sd_bus_message_append(m, "a{sv}", 6, "Name", "s", "vm", "State", "s", f->state, "Reason",
			      "s", f->reason, "UpdateId", "s", f->update_id, "Mode", "s", f->mode,
			      "Resources", "a(sstt)", f->memory >= 0 ? 1 : 0, "ram0", "memory",
			      (uint64_t)7, (uint64_t)8192);
}

/* One signal of @interface to every client; @fill appends its arguments. */
static void fake_signal(struct fake *f, const char *sender, const char *interface,
			const char *member, const char *a, const char *b)
{
	for (int i = 0; i < FAKE_CLIENTS; i++) {
		sd_bus_message *m = NULL;

		if (!f->clients[i])
			continue;
		sd_bus_message_new_signal(f->clients[i], &m, f->path, interface, member);
		if (strcmp(member, "PropertiesChanged") == 0) {
			sd_bus_message_append(m, "s", "org.luod1.Session");
			fake_properties(f, m);
			sd_bus_message_append(m, "as", 0);
		} else if (strcmp(member, "Preserved") == 0) {
			sd_bus_message_append(m, "s", a);
		} else if (strcmp(member, "PrepareForUpdate") == 0) {
			sd_bus_message_append(m, "st", a, (uint64_t)30000000);
		} else {
			sd_bus_message_append(m, "ss", a, b);
		}
		fake_send(f, f->clients[i], m, sender);
	}
}

static void fake_changed(struct fake *f)
{
	fake_signal(f, FAKE_OWNER, "org.freedesktop.DBus.Properties", "PropertiesChanged", NULL,
		    NULL);
}

static int fake_create(struct fake *f, sd_bus_message *call, sd_bus_message *reply)
{
	const char *name;

	sd_bus_message_read(call, "s", &name);
	if (f->exists)
		return -EEXIST;
	f->exists = true;
	return sd_bus_message_append(reply, "o", f->path);
}

static int fake_claim(struct fake *f, sd_bus_message *call, sd_bus_message *reply)
{
	const char *name;

	sd_bus_message_read(call, "s", &name);
	snprintf(f->last, sizeof(f->last), "ClaimSession %s", name);
	if (!f->exists || strcmp(name, "vm") != 0)
		return -ENOENT;
	return sd_bus_message_append(reply, "o", f->path);
}

static int fake_attach(struct fake *f, sd_bus_message *call, sd_bus_message *reply)
{
	const char *label;
	int fd;

	sd_bus_message_read(call, "sha{sv}", &label, &fd, 0);
	snprintf(f->last, sizeof(f->last), "AttachMemory %s", label);
	f->memory = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	fake_changed(f);
	return sd_bus_message_append(reply, "t", (uint64_t)7);
}

static int fake_attach_tap(struct fake *f, sd_bus_message *call, sd_bus_message *reply)
{
	const char *label;
	int fd;

	sd_bus_message_read(call, "sha{sv}", &label, &fd, 0);
	snprintf(f->last, sizeof(f->last), "AttachTap %s", label);
	return sd_bus_message_append(reply, "t", (uint64_t)10);
}

static int fake_get_resource(struct fake *f, sd_bus_message *call unused, sd_bus_message *reply)
{
	return sd_bus_message_append(reply, "hstt", f->memory, "memory", (uint64_t)7,
				     (uint64_t)8192);
}

static int fake_get_fd(struct fake *f unused, sd_bus_message *call unused, sd_bus_message *reply)
{
	int fd = memfd_create("session", MFD_CLOEXEC);
	int r = sd_bus_message_append(reply, "h", fd);

	close(fd);
	return r;
}

static int fake_declare(struct fake *f, sd_bus_message *call, sd_bus_message *reply unused)
{
	const char *label, *kind;
	uint64_t token, bytes;

	sd_bus_message_read(call, "sstt", &label, &kind, &token, &bytes);
	snprintf(f->last, sizeof(f->last), "DeclareResource %s %s %llu %llu", label, kind,
		 (unsigned long long)token, (unsigned long long)bytes);
	return 0;
}

static int fake_declare_device(struct fake *f, sd_bus_message *call, sd_bus_message *reply unused)
{
	const char *label;
	uint64_t token, bytes;
	int fd;

	sd_bus_message_read(call, "shtt", &label, &fd, &token, &bytes);
	snprintf(f->last, sizeof(f->last), "DeclareDevice %s %llu %llu", label,
		 (unsigned long long)token, (unsigned long long)bytes);
	return 0;
}

/* Writes down every number of it. */
static int fake_attach_iommufd(struct fake *f, sd_bus_message *call, sd_bus_message *reply)
{
	unsigned long long iova, length, token;
	const char *label;
	size_t n;
	uint32_t id;
	int fd;

	sd_bus_message_read(call, "sh", &label, &fd);
	n = (size_t)snprintf(f->last, sizeof(f->last), "AttachIommufd %s", label);
	sd_bus_message_enter_container(call, 'a', "(ut)");
	while (sd_bus_message_read(call, "(ut)", &id, &token) > 0)
		n += (size_t)snprintf(f->last + n, sizeof(f->last) - n, " %u=%llu", id, token);
	sd_bus_message_exit_container(call);
	sd_bus_message_enter_container(call, 'a', "(uttt)");
	while (sd_bus_message_read(call, "(uttt)", &id, &iova, &length, &token) > 0)
		n += (size_t)snprintf(f->last + n, sizeof(f->last) - n, " %u:%llx+%llx=%llu", id,
				      iova, length, token);
	return sd_bus_message_append(reply, "t", (uint64_t)8);
}

static int fake_attach_device(struct fake *f, sd_bus_message *call, sd_bus_message *reply)
{
	const char *label, *iommufd;
	int fd;

	sd_bus_message_read(call, "shsa{sv}", &label, &fd, &iommufd, 0);
	snprintf(f->last, sizeof(f->last), "AttachDevice %s %s", label, iommufd);
	return sd_bus_message_append(reply, "t", (uint64_t)9);
}

static int fake_get_areas(struct fake *f unused, sd_bus_message *call unused, sd_bus_message *reply)
{
	return sd_bus_message_append(reply, "a(tttttu)", 2, UINT64_C(4096), UINT64_C(8192),
				     UINT64_C(7), UINT64_C(0), UINT64_C(1), 6U, UINT64_C(4096),
				     UINT64_C(64), UINT64_C(5), UINT64_C(0), UINT64_C(1), 0x100U);
}

static int fake_reattach(struct fake *f, sd_bus_message *call, sd_bus_message *reply)
{
	const char *label, *key;
	uint64_t token = 0;

	sd_bus_message_read(call, "s", &label);
	sd_bus_message_enter_container(call, 'a', "{sv}");
	if (sd_bus_message_enter_container(call, 'e', "sv") > 0)
		sd_bus_message_read(call, "sv", &key, "t", &token);
	snprintf(f->last, sizeof(f->last), "Reattach %s %llu", label, (unsigned long long)token);
	return sd_bus_message_append(reply, "uuu", 1, 2, 3);
}

static int fake_text(struct fake *f, sd_bus_message *call, sd_bus_message *reply unused)
{
	const char *text = "";

	if (sd_bus_message_has_signature(call, "s"))
		sd_bus_message_read(call, "s", &text);
	snprintf(f->last, sizeof(f->last), "%s %s", sd_bus_message_get_member(call), text);
	return 0;
}

static int fake_set_links(struct fake *f, sd_bus_message *call, sd_bus_message *reply unused)
{
	size_t n = (size_t)snprintf(f->last, sizeof(f->last), "SetLinks");
	const char *link;

	sd_bus_message_enter_container(call, 'a', "s");
	while (sd_bus_message_read(call, "s", &link) > 0)
		n += (size_t)snprintf(f->last + n, sizeof(f->last) - n, " %s", link);
	return sd_bus_message_exit_container(call);
}

static int fake_version(struct fake *f unused, sd_bus_message *call unused, sd_bus_message *reply)
{
	return sd_bus_message_append(reply, "v", "s", "1.2.3");
}

static int fake_get_all(struct fake *f, sd_bus_message *call unused, sd_bus_message *reply)
{
	fake_properties(f, reply);
	return 0;
}

static int fake_hello(struct fake *f unused, sd_bus_message *call unused, sd_bus_message *reply)
{
	return sd_bus_message_append(reply, "s", ":1.9");
}

static const struct {
	const char *member;
	int (*answer)(struct fake *f, sd_bus_message *call, sd_bus_message *reply);
} fake_methods[] = {
	{ "Hello", fake_hello },
	{ "AddMatch", fake_text },
	{ "RemoveMatch", fake_text },
	{ "Get", fake_version },
	{ "GetAll", fake_get_all },
	{ "CreateSession", fake_create },
	{ "ClaimSession", fake_claim },
	{ "AttachMemory", fake_attach },
	{ "Detach", fake_text },
	{ "GetResource", fake_get_resource },
	{ "GetSessionFD", fake_get_fd },
	{ "DeclareResource", fake_declare },
	{ "DeclareDevice", fake_declare_device },
	{ "AttachIommufd", fake_attach_iommufd },
	{ "AttachDevice", fake_attach_device },
	{ "AttachTap", fake_attach_tap },
	{ "SetLinks", fake_set_links },
	{ "GetAreas", fake_get_areas },
	{ "Reattach", fake_reattach },
	{ "Ready", fake_text },
	{ "Veto", fake_text },
	{ "Resumed", fake_text },
	{ "Done", fake_text },
	{ "Close", fake_text },
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
