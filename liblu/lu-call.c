/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-call - one method call to luod and what became of it: the answer, or a negative errno with a
 * sentence. The only place that turns D-Bus errors into errnos.
 */
#include <stdarg.h>
#include <stdio.h>

#include "lu-private.h"

#define LUOD_ERROR "org.luod1.Error."
#define DBUS_ERROR "org.freedesktop.DBus.Error."

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ LUOD_ERROR "NoSuchSession", ENOENT },
	{ LUOD_ERROR "SessionExists", EEXIST },
	{ LUOD_ERROR "NotOwner", EPERM },
	{ LUOD_ERROR "InvalidName", EINVAL },
	{ LUOD_ERROR "InvalidOption", EINVAL },
	{ LUOD_ERROR "InvalidArgument", EINVAL },
	{ LUOD_ERROR "Busy", EBUSY },
	{ LUOD_ERROR "UpdateRunning", EBUSY },
	{ LUOD_ERROR "WrongState", ESTALE },
	{ LUOD_ERROR "NotSupported", EOPNOTSUPP },
	{ LUOD_ERROR "QuotaExceeded", EDQUOT },
	{ LUOD_ERROR "NoSuchResource", ENODATA },
	{ LUOD_ERROR "ResourceExists", EEXIST },
	{ LUOD_ERROR "NotPreservable", EMEDIUMTYPE },
	{ LUOD_ERROR "Kernel", EIO },
	{ DBUS_ERROR "AccessDenied", EACCES },
	{ DBUS_ERROR "InteractiveAuthorizationRequired", EACCES },
	{ DBUS_ERROR "UnknownObject", ENOENT },
	{ DBUS_ERROR "UnknownMethod", EOPNOTSUPP },
	{ DBUS_ERROR "UnknownInterface", EOPNOTSUPP },
	{ DBUS_ERROR "InvalidArgs", EINVAL },
	{ DBUS_ERROR "LimitsExceeded", EDQUOT },
	{ DBUS_ERROR "NoMemory", ENOMEM },
	{ DBUS_ERROR "NoReply", ETIMEDOUT },
	{ DBUS_ERROR "Timeout", ETIMEDOUT },
	{ DBUS_ERROR "ServiceUnknown", ENOTCONN },
	{ DBUS_ERROR "NameHasNoOwner", ENOTCONN },
	{ DBUS_ERROR "Disconnected", ENOTCONN },
};

int lu_error_to_errno(const sd_bus_error *error, int fallback)
{
	for (size_t i = 0; error->name && i < LU_ARRAY_SIZE(errors); i++)
		if (strcmp(errors[i].name, error->name) == 0)
			return -errors[i].error;

	switch (fallback) {
	case -ECONNRESET:
	case -ECONNABORTED:
	case -EPIPE:
	case -ESHUTDOWN:
		return -ENOTCONN;
	case -EBADMSG:
	case -ENXIO:
		return -EPROTO;
	}
	return fallback < 0 ? fallback : -EPROTO;
}

/* A log line must stay one line, and a cut must not leave half a character. */
static void tidy(char *text, size_t length)
{
	size_t cut = strlen(text);

	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	if (length <= cut)
		return;
	while (cut > 0 && ((unsigned char)text[cut - 1] & 0xc0) == 0x80)
		cut--;
	if (cut > 0 && (unsigned char)text[cut - 1] >= 0xc0)
		cut--;
	text[cut] = '\0';
}

int lu_fail(struct lu *lu, int error, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(lu->error_text, sizeof(lu->error_text), format, ap);
	va_end(ap);
	if (n < 0)
		lu->error_text[0] = '\0';
	else
		tidy(lu->error_text, (size_t)n);
	return error;
}

int lu_call_new(struct lu *lu, const char *path, const char *interface, const char *member,
		sd_bus_message **ret)
{
	int r;

	if (!lu->bus)
		return -ENOTCONN;
	r = sd_bus_message_new_method_call(lu->bus, ret, lu->on_bus ? LU_BUS_NAME : NULL, path,
					   interface, member);
	return r < 0 ? r : 0;
}

static int call_failed(struct lu *lu, sd_bus_message *m, sd_bus_error *error, int r)
{
	const char *member = sd_bus_message_get_member(m);

	r = lu_error_to_errno(error, r);
	if (sd_bus_is_open(lu->bus) <= 0 || r == -ENOTCONN) {
		lu_link_break(lu, -ENOTCONN);
		r = -ENOTCONN;
	}
	if (error->message)
		lu_fail(lu, r, "%s: %s", member, error->message);
	else
		lu_fail(lu, r, "%s: %s", member, lu_errno_text(r));
	sd_bus_error_free(error);
	return r;
}

int lu_call(struct lu *lu, sd_bus_message *m, sd_bus_message **ret)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	if (lu->link != LU_LINK_UP || lu->broken)
		return lu_fail(lu, -ENOTCONN, "%s: luod cannot be reached now",
			       sd_bus_message_get_member(m));
	r = sd_bus_call(lu->bus, m, lu->call_timeout_usec, &error, ret);
	if (r < 0)
		r = call_failed(lu, m, &error, r);
	/* Signals may have come in while waiting: they are in sd-bus's queue, not in the socket. */
	lu_link_watch(lu);
	return r < 0 ? r : 0;
}

int lu_session_call(struct lu_session *s, const char *member, const char *types, ...)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL, *reply = NULL;
	va_list ap;
	int r;

	r = lu_call_new(s->lu, s->path, LU_SESSION_INTERFACE, member, &m);
	if (r >= 0 && types) {
		va_start(ap, types);
		r = sd_bus_message_appendv(m, types, ap);
		va_end(ap);
	}
	if (r < 0)
		return lu_fail(s->lu, r, "%s: cannot make the call: %s", member, lu_errno_text(r));
	return lu_call(s->lu, m, &reply);
}

int lu_append_option(sd_bus_message *m, const char *key, const char *type, ...)
{
	va_list ap;
	int r;

	r = sd_bus_message_open_container(m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', type);
	if (r < 0)
		return r;
	va_start(ap, type);
	r = sd_bus_message_appendv(m, type, ap);
	va_end(ap);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}
