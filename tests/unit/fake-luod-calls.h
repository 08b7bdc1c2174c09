/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-luod-calls - the session that fake-luod.h plays: what each call does to it, and is answered with, and
 * what it says of itself.
 */
#ifndef FAKE_LUOD_CALLS_H
#define FAKE_LUOD_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define FAKE_OWNER   ":1.1" /* luod's unique name when a bus is played */
#define FAKE_CLIENTS 8
#define FAKE_TEXT    256
#define unused	     __attribute__((unused))

/* A copy that fits; what does not is cut. */
#define SET(field, text) snprintf(field, sizeof(field), "%s", text)

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

/* AttachTap, AttachDmaMemory. */
static int fake_attach_file(struct fake *f, sd_bus_message *call, sd_bus_message *reply)
{
	const char *label;
	int fd;

	sd_bus_message_read(call, "sha{sv}", &label, &fd, 0);
	snprintf(f->last, sizeof(f->last), "%s %s", sd_bus_message_get_member(call), label);
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
	{ "AttachTap", fake_attach_file },
	{ "AttachDmaMemory", fake_attach_file },
	{ "SetLinks", fake_set_links },
	{ "GetAreas", fake_get_areas },
	{ "Reattach", fake_reattach },
	{ "Ready", fake_text },
	{ "Veto", fake_text },
	{ "Resumed", fake_text },
	{ "Done", fake_text },
	{ "Close", fake_text },
};

#endif
