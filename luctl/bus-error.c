/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus-error - from the name of a D-Bus error to a sentence, a way out and an exit code.
 *
 * luod's own text is kept where it has one, because it names the thing; the table adds what the
 * operator can do about it. Where luod never got to speak (it does not run, the caller may not
 * reach it) the table's text takes the place of the bus driver's.
 */
#include "luctl/luctl.h"

#include <systemd/sd-bus.h>

#define LUOD_ERROR "org.luod1.Error."
#define DBUS_ERROR "org.freedesktop.DBus.Error."

struct known_error {
	const char *name;
	int exit_code;
	const char *text; /* NULL: what the sender said */
	const char *hint; /* NULL: nothing to add */
};

#define NOT_RUNNING "luod is not running"
#define START_IT    "Start it with 'systemctl start luod'"
#define NO_ANSWER   "luod did not answer in time"
#define SEE_JOURNAL "See what it is doing with 'journalctl -u luod'"
#define VERSIONS    "luctl and luod may be of different versions: see 'luctl version'"
#define BE_ROOT	    "Run luctl as root, or let polkit allow the org.luod1 actions"

static const struct known_error known_errors[] = {
	{ LUOD_ERROR "NoKernel", LUCTL_WRONG_STATE, NULL, "Load one with 'luctl load KERNEL'" },
	{ LUOD_ERROR "CheckFailed", LUCTL_REFUSED, NULL,
	  "'luctl check' lists what stands against it" },
	{ LUOD_ERROR "UpdateRunning", LUCTL_WRONG_STATE, NULL,
	  "'luctl status' shows it; before the jump 'luctl cancel' calls it off, after it 'luctl "
	  "sessions' shows who is waited for" },
	{ LUOD_ERROR "NoSuchUpdate", LUCTL_WRONG_STATE, NULL, NULL },
	{ LUOD_ERROR "NoRecord", LUCTL_WRONG_STATE, NULL,
	  "--record=FILE names one, such as 'luctl net show --json' prints" },
	{ LUOD_ERROR "InvalidRecord", LUCTL_FAILED, NULL, NULL },
	{ LUOD_ERROR "WrongState", LUCTL_WRONG_STATE, NULL, "'luctl status' shows the state" },
	{ LUOD_ERROR "Busy", LUCTL_WRONG_STATE, NULL,
	  "Try again when 'luctl status' shows that it is over" },
	{ LUOD_ERROR "NoSuchSession", LUCTL_FAILED, NULL, "'luctl sessions' lists them" },
	{ LUOD_ERROR "NotOwner", LUCTL_UNAUTHORISED, NULL, NULL },
	{ LUOD_ERROR "BadImage", LUCTL_FAILED, NULL,
	  "Give a kernel image as it is found in /boot" },
	{ LUOD_ERROR "InvalidOption", LUCTL_FAILED, NULL, VERSIONS },
	{ LUOD_ERROR "NotSupported", LUCTL_FAILED, NULL,
	  "'luctl status' shows which features the running kernel lacks" },
	{ LUOD_ERROR "Unauthorized", LUCTL_UNAUTHORISED, NULL, BE_ROOT },
	{ DBUS_ERROR "AccessDenied", LUCTL_UNAUTHORISED, "not authorised", BE_ROOT },
	{ DBUS_ERROR "InteractiveAuthorizationRequired", LUCTL_UNAUTHORISED, "not authorised",
	  BE_ROOT },
	{ DBUS_ERROR "AuthFailed", LUCTL_UNAUTHORISED, "not authorised", BE_ROOT },
	{ DBUS_ERROR "ServiceUnknown", LUCTL_UNREACHABLE, NOT_RUNNING, START_IT },
	{ DBUS_ERROR "NameHasNoOwner", LUCTL_UNREACHABLE, NOT_RUNNING, START_IT },
	{ DBUS_ERROR "Spawn.ChildExited", LUCTL_UNREACHABLE, "luod cannot be started",
	  "See why with 'systemctl status luod'" },
	{ DBUS_ERROR "Spawn.ServiceNotFound", LUCTL_UNREACHABLE, NOT_RUNNING, START_IT },
	{ "org.freedesktop.systemd1.NoSuchUnit", LUCTL_UNREACHABLE, "luod is not installed", NULL },
	{ "org.freedesktop.systemd1.UnitMasked", LUCTL_UNREACHABLE, "luod.service is masked",
	  "Unmask it with 'systemctl unmask luod'" },
	{ DBUS_ERROR "NoReply", LUCTL_UNREACHABLE, NO_ANSWER, SEE_JOURNAL },
	{ DBUS_ERROR "Timeout", LUCTL_UNREACHABLE, NO_ANSWER, SEE_JOURNAL },
	{ DBUS_ERROR "TimedOut", LUCTL_UNREACHABLE, NO_ANSWER, SEE_JOURNAL },
	{ DBUS_ERROR "Disconnected", LUCTL_UNREACHABLE, "the connection to luod ended", START_IT },
	{ DBUS_ERROR "NoServer", LUCTL_UNREACHABLE, NOT_RUNNING, START_IT },
	{ DBUS_ERROR "UnknownMethod", LUCTL_FAILED, NULL, VERSIONS },
	{ DBUS_ERROR "UnknownInterface", LUCTL_FAILED, NULL, VERSIONS },
	{ DBUS_ERROR "UnknownProperty", LUCTL_FAILED, NULL, VERSIONS },
};

/* For failures that never became a message: connecting, and a connection that breaks. */
static const struct {
	int error;
	struct known_error meaning;
} known_errnos[] = {
	{ ENOENT, { NULL, LUCTL_UNREACHABLE, NOT_RUNNING, START_IT } },
	{ ECONNREFUSED, { NULL, LUCTL_UNREACHABLE, NOT_RUNNING, START_IT } },
	{ ECONNRESET, { NULL, LUCTL_UNREACHABLE, "the connection to luod ended", START_IT } },
	{ ENOTCONN, { NULL, LUCTL_UNREACHABLE, "the connection to luod ended", START_IT } },
	{ EPIPE, { NULL, LUCTL_UNREACHABLE, "the connection to luod ended", START_IT } },
	{ ESHUTDOWN, { NULL, LUCTL_UNREACHABLE, "the connection to luod ended", START_IT } },
	{ ETIMEDOUT, { NULL, LUCTL_UNREACHABLE, NO_ANSWER, SEE_JOURNAL } },
	{ EHOSTUNREACH, { NULL, LUCTL_UNREACHABLE, "the host cannot be reached", NULL } },
	{ EACCES, { NULL, LUCTL_UNAUTHORISED, "not authorised", BE_ROOT } },
	{ EPERM, { NULL, LUCTL_UNAUTHORISED, "not authorised", BE_ROOT } },
	{ EBADMSG, { NULL, LUCTL_FAILED, "luod's answer has an unexpected form", VERSIONS } },
	{ ENXIO, { NULL, LUCTL_FAILED, "luod's answer has an unexpected form", VERSIONS } },
};

void luctl_error_clear(struct luctl_error *error)
{
	free(error->name);
	free(error->text);
	*error = (struct luctl_error){};
}

bool luctl_error_is(const struct luctl_error *error, const char *short_name)
{
	size_t n = strlen(LUOD_ERROR);

	return error->name && strncmp(error->name, LUOD_ERROR, n) == 0 &&
	       streq(error->name + n, short_name);
}

int luctl_error_take(struct luctl_error *error, int r, int exit_code, char *text)
{
	luctl_error_clear(error);
	error->exit_code = exit_code;
	error->text = text;
	return r;
}

static const struct known_error *find_error(int r, const char *name)
{
	static const struct known_error other = { NULL, LUCTL_FAILED, NULL, NULL };

	for (size_t i = 0; name && i < ARRAY_SIZE(known_errors); i++)
		if (streq(known_errors[i].name, name))
			return &known_errors[i];
	/* sd-bus gives the errors of its own library errno names: System.Error.ECONNRESET. */
	if (!name || strncmp(name, "System.Error.", 13) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(known_errnos); i++)
			if (known_errnos[i].error == -r)
				return &known_errnos[i].meaning;
	return &other;
}

int luctl_trimmed(const char *text)
{
	size_t n = strlen(text);

	while (n && strchr(". \n", text[n - 1]))
		n--;
	return (int)n;
}

int luctl_error_set(struct luctl_error *error, int r, const char *name, const char *message,
		    const char *host)
{
	const struct known_error *known = find_error(r, name);
	const char *text = known->text ?: !isempty(message) ? message : strerror(-r);
	/* luod may have told the way out itself. */
	const char *hint = known->hint && !strstr(text, "luctl ") ? known->hint : NULL;
	_cleanup_free_ char *where = NULL;
	char *name_copy = NULL;

	if (name)
		name_copy = strdup(name);
	if (host && known->exit_code == LUCTL_UNREACHABLE)
		where = strprintf(" (on %s)", host);
	luctl_error_take(error, r, known->exit_code,
			 strprintf("%.*s%s.%s%s%s", luctl_trimmed(text), text, strempty(where),
				   hint ? " " : "", strempty(hint), hint ? "." : ""));
	error->name = name_copy;
	return r;
}
