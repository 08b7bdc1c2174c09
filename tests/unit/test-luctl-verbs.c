/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * luctl as a whole against a played luod: every verb's exit code, what it prints, and that its
 * JSON is JSON and has the documented keys.
 */
#include "luctl-run.h"

/* --- options -------------------------------------------------------------------------------------- */

static void test_usage(void **state)
{
	static const char *const bad[][4] = {
		{ "nonsense" },
		{ "check", "--force" },
		{ "load" },
		{ "load", "a", "b" },
		{ "--host=a", "--address=b", "status" },
		{ "load", "--append=a", "--command-line=b", "k" },
		{ "load", "--reuse-command-line", "--command-line=b", "k" },
		{ "update", "--jump=sideways" },
		{ "update", "--timeout=soon" },
		{ "--nonsense" },
		{ "-x" },
		{ "-H" },
		{ "--json=yes", "status" },
		{ "status", "more" },
		{ "history", "--limit=0" },
		{ "history", "-n", "many" },
		{ "history", "--limit=" },
		{ "timeline", "--svg", "--json" },
		{ "status", "--svg" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		run_luctl(&o, bad[i]);
		if (o.code != LUCTL_USAGE)
			fail_msg("exit code %d for '%s'", o.code, bad[i][0]);
		assert_string_equal(o.out, "");
		assert_contains(o.err, "luctl: ");
	}
}

static void test_help_and_version(void **state)
{
	RUN(&o, "help");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "timeline [UPDATE-ID]");
	assert_contains(o.out, " --svg[=FILE] ");
	assert_contains(o.out, "-n, --limit=N ");
	assert_contains(o.out, "Options of update:");
	RUN(&o, "update", "--help", "--nonsense-that-is-never-seen");
	assert_int_equal(o.code, LUCTL_OK);
	RUN(&o, "--version");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "luctl " LUOD_VERSION);
	assert_string_equal(o.err, "");
}

static void test_unreachable(void **state)
{
	static const char *const verbs[] = { "status", "sessions", "check", "unload", "update",
					     "cancel", "timeline", "watch", "history" };

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		RUN(&o, "--address=unix:path=/nonexistent/bus", verbs[i]);
		assert_int_equal(o.code, LUCTL_UNREACHABLE);
		assert_string_equal(o.out, "");
		assert_contains(o.err, "/nonexistent/bus");
	}
}

/* --- questions ------------------------------------------------------------------------------------ */

static void test_status(void **state)
{
	PLAY(&nothing_special, "status");
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.err, "");
	assert_contains(o.out, "luod 9.9 on kernel 7.3.4-old");
	assert_contains(o.out, "State: loaded (");
	assert_contains(o.out, "Target: 7.3.4-new (/boot/vmlinuz-new), 59.0 MiB");
	assert_contains(o.out, "Sessions: 2 (1 vetoed, 1 idle)");
	assert_contains(o.out, "Missing: abi-list");
	assert_contains(o.out, "Findings: 1 error, 1 warning");
	assert_contains(o.out, "Last update: " FAKE_ID
			       " from 7.3.4-old to 7.3.4-new: done, blackout 1.00 s");
}

/* What is missing and what to do is said where people look first. */
static void test_status_degraded(void **state)
{
	const struct fake_script script = { .state = "degraded", .degraded = true };
	const json_t *update;
	json_t *json;

	PLAY(&script, "status");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "State: degraded (");
	assert_contains(o.out, ": degraded, blackout 1.00 s\n");
	assert_contains(o.out, "         Why: Not all");
	assert_null(strchr(o.out, '\033'));

	PLAY(&script, "status", "--json");
	json = DOCUMENT("last-update");
	update = json_object_get(json, "last-update");
	assert_string_equal(json_string_value(json_object_get(update, "result")), "degraded");
	assert_contains(json_string_value(json_object_get(update, "error")), "Not all");
	json_decref(json);
}

/* Who is not done yet, and with which devices. */
static void test_status_finishing(void **state)
{
	const struct fake_script finishing = { .state = "finishing", .session_state = "claimed" };
	const struct fake_script idle = { .session_state = "claimed" };

	PLAY(&finishing, "status");
	assert_contains(o.out, "   Waits for: 0/vm1: claimed; device 'nic' at 0000:00:03.0 may "
			       "still be parked\n");
	assert_lacks(o.out, "1000/vm2");
	PLAY(&idle, "status");
	assert_lacks(o.out, "Waits for");
}

static void test_status_json(void **state)
{
	const struct fake_script bare = {
		.not_loaded = true,
		.fail_method = "GetTimeline",
		.fail_name = "org.luod1.Error.NoSuchUpdate",
		.fail_text = "none",
	};
	json_t *json;

	PLAY(&nothing_special, "status", "--json");
	assert_int_equal(o.code, LUCTL_OK);
	json = DOCUMENT("version", "state", "update-id", "kernel-release", "jump", "target",
			"features", "findings", "session-count", "job", "last-update");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json, "target"), "bytes")),
		61865984);
	assert_true(json_is_false(json_object_get(json_object_get(json, "features"), "abi-list")));
	json_decref(json);

	PLAY(&bare, "--json");
	assert_int_equal(o.code, LUCTL_OK);
	json = DOCUMENT("target");
	assert_true(json_is_null(json_object_get(json, "target")));
	assert_true(json_is_null(json_object_get(json, "last-update")));
	json_decref(json);
}

static void test_version(void **state)
{
	json_t *json;

	PLAY(&nothing_special, "version", "--json");
	json = DOCUMENT("luctl", "luod");
	assert_string_equal(json_string_value(json_object_get(json, "luod")), "9.9");
	json_decref(json);
	/* A luod that cannot be asked is no failure: luctl knows its own version. */
	RUN(&o, "--address=unix:path=/nonexistent", "version", "--json");
	assert_int_equal(o.code, LUCTL_OK);
	json = DOCUMENT("luctl");
	assert_true(json_is_null(json_object_get(json, "luod")));
	json_decref(json);
}

static void test_check(void **state)
{
	const struct fake_script clean = { .clean = true };
	json_t *json;

	PLAY(&nothing_special, "check");
	assert_int_equal(o.code, LUCTL_REFUSED);
	assert_contains(o.out, "target-not-liveupdate");
	assert_contains(o.out, "1 finding stands against an update.");
	assert_lacks(o.out, "\033");
	RUN(&o, fake.address, "check", "--json");
	assert_int_equal(o.code, LUCTL_REFUSED);
	json = DOCUMENT("errors", "warnings", "findings");
	assert_int_equal(json_integer_value(json_object_get(json, "errors")), 1);
	assert_int_equal(json_array_size(json_object_get(json, "findings")), 2);
	json_decref(json);

	PLAY(&clean, "check");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Nothing stands against an update; 1 warning.");
	RUN(&o, fake.address, "check", "--no-legend");
	assert_lacks(o.out, "SEVERITY");
	assert_lacks(o.out, "Nothing");
}

static void test_history(void **state)
{
	const struct fake_script none = { .no_updates = true };
	json_t *json, *root, *update;

	PLAY(&nothing_special, "history");
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.err, "");
	/* As many digits of the ids as tell them apart, and whatever is not known as "?". */
	assert_contains(o.out, " 0123456789a uid 1000, ops.service 7.3.4-old 7.3.4-new done ");
	assert_contains(o.out, "  1.00 s a good one: forced (device-vf): 1 left behind\n");
	assert_contains(o.out, " 0123456789f uid 0 ");
	assert_contains(o.out, " too early: called\\x1b[31m off\n");
	assert_contains(o.out, " fedcba98765 ? ");
	RUN(&o, fake.address, "history", "--no-legend", "-n", "1");
	assert_contains(o.out, " 0123456789a ");
	assert_lacks(o.out, "uid 0");
	assert_lacks(o.out, "WHEN");
	RUN(&o, fake.address, "history", "--json");
	root = DOCUMENT("updates");
	json = json_object_get(root, "updates");
	assert_int_equal(json_array_size(json), 3);
	update = json_array_get(json, 0);
	assert_int_equal(json_integer_value(json_object_get(update, "uid")), 1000);
	assert_string_equal(json_string_value(json_object_get(update, "forced")), "device-vf");
	assert_int_equal(json_integer_value(json_object_get(update, "began-usec")),
			 1763700000000000);
	assert_true(json_is_null(json_object_get(update, "ended-usec")));
	assert_true(json_is_null(json_object_get(json_array_get(json, 2), "uid")));
	json_decref(root);
	RUN(&o, fake.address, "history", "--json", "--limit=2");
	json = DOCUMENT("updates");
	assert_int_equal(json_array_size(json_object_get(json, "updates")), 2);
	json_decref(json);

	PLAY(&none, "history");
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.out, "");
	assert_contains(o.err, "no update yet");
	RUN(&o, fake.address, "history", "--json");
	json = DOCUMENT("updates");
	assert_int_equal(json_array_size(json_object_get(json, "updates")), 0);
	json_decref(json);
}

static void test_timeline_by_beginning(void **state)
{
	const struct fake_script older = {
		.fail_method = "ListUpdates",
		.fail_name = "org.freedesktop.DBus.Error.UnknownMethod",
		.fail_text = "none",
	};

	/* The played luod knows one timeline, by whichever id; it says which it was asked for. */
	PLAY(&nothing_special, "timeline", "fedc");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Update " FAKE_ID_OLD);
	RUN(&o, fake.address, "timeline", "0123456789a");
	assert_contains(o.out, "Update " FAKE_ID);
	RUN(&o, fake.address, "timeline", "0123");
	assert_int_equal(o.code, LUCTL_USAGE);
	assert_string_equal(o.out, "");
	assert_contains(o.err, "'0123' is the beginning of 2 updates' ids");
	RUN(&o, fake.address, "timeline", "77");
	assert_contains(o.out, "Update 77");
	PLAY(&older, "timeline", "0123");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Update 0123");
}

static void test_svg(void **state)
{
	_cleanup_free_ char *path = NULL, *option = NULL, *text = NULL;

	PLAY(&nothing_special, "timeline", "--svg");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "<svg xmlns=");
	assert_contains(o.out, "blackout 1.00 s");
	path = strprintf("%s/picture.svg", fake.directory);
	option = strprintf("--svg=%s", path);
	RUN(&o, fake.address, "timeline", option, FAKE_ID);
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.out, "");
	assert_int_equal(file_read_full(path, 1 << 20, &text, NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_contains(text, "</svg>");
	RUN(&o, fake.address, "timeline", "--svg=/nonexistent/picture.svg");
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "cannot write /nonexistent/picture.svg");
}

static void test_timeline(void **state)
{
	json_t *json, *left;

	PLAY(&nothing_special, "timeline");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Update " FAKE_ID);
	assert_contains(o.out, "kexec, boot the new kernel");
	assert_contains(o.out, "700.0 ms");
	assert_contains(o.out, "Blackout 1.00 s");
	assert_contains(o.out, "Left behind: 0/vm7 (vm.service): its owner vetoed\n");
	assert_contains(o.out, "Left behind: 1000/odd: \\x1b[31mred\n");
	RUN(&o, fake.address, "timeline", "--json", FAKE_ID);
	json = DOCUMENT("update", "blackout", "phases", "marks");
	left = json_object_get(json_object_get(json, "update"), "left-behind");
	assert_int_equal(json_array_size(left), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(left, 0), "name")),
			    "vm7");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(left, 1), "uid")), 1000);
	assert_int_equal(json_array_size(json_object_get(json, "marks")), 14);
	assert_int_equal(json_array_size(json_object_get(json, "phases")), 13);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "blackout"),
							    "duration-usec")),
			 1000000);
	json_decref(json);
}

/* --- errors --------------------------------------------------------------------------------------- */

static void test_errors(void **state)
{
	static const struct {
		const char *verb, *method, *name, *text;
		int code;
		const char *says;
	} cases[] = {
		{ "check", "Check", "org.luod1.Error.Kernel", "LUO said EIO.", LUCTL_FAILED,
		  "luctl: Cannot check: LUO said EIO.\n" },
		{ "unload", "Unload", "org.luod1.Error.UpdateRunning", "An update is running",
		  LUCTL_WRONG_STATE, "running. 'luctl status' shows it" },
		{ "update", "Update", "org.luod1.Error.NoKernel", "No kernel is loaded",
		  LUCTL_WRONG_STATE, "'luctl load KERNEL'" },
		{ "cancel", "Cancel", "org.luod1.Error.WrongState", "No update is running",
		  LUCTL_WRONG_STATE, "No update is running." },
		{ "cancel", "Cancel", "org.freedesktop.DBus.Error.AccessDenied", "Access denied",
		  LUCTL_UNAUTHORISED, "Run luctl as root" },
		{ "cancel", "Cancel", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
		  "x", LUCTL_UNAUTHORISED, "polkit" },
		{ "timeline", "GetTimeline", "org.luod1.Error.NoSuchUpdate", "No update yet",
		  LUCTL_WRONG_STATE, "Cannot show the last update: No update yet." },
		{ "check", "Check", "org.freedesktop.DBus.Error.ServiceUnknown", "x",
		  LUCTL_UNREACHABLE, "systemctl start luod" },
		{ "check", "Check", "org.freedesktop.DBus.Error.NoReply", "x", LUCTL_UNREACHABLE,
		  "did not answer in time" },
		{ "check", "Check", "org.freedesktop.DBus.Error.UnknownMethod", "No Check",
		  LUCTL_FAILED, "luctl version" },
		{ "check", "Check", "com.example.Odd", "odd\033[2J", LUCTL_FAILED, "odd\\x1b[2J." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct fake_script script = {
			.fail_method = cases[i].method,
			.fail_name = cases[i].name,
			.fail_text = cases[i].text,
		};

		PLAY(&script, cases[i].verb);
		assert_contains(o.err, cases[i].says);
		assert_int_equal(o.code, cases[i].code);
		assert_string_equal(o.out, "");
	}
}

static void test_wrong_types(void **state)
{
	const struct fake_script lies = { .bad_types = true };

	PLAY(&lies, "status");
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "unexpected form");
}

/* --- load ----------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_load(void **state)
{
	char kernel[] = "/tmp/test-luctl-kernel-XXXXXX", expected[256];
	struct fake_script script = { .expect_load = expected };
	int fd = mkstemp(kernel);
	json_t *json;

	assert_true(fd >= 0);
	close(fd);
	write_file(kernel, "kernel");

	snprintf(expected, sizeof(expected), "reuse-command-line=yes kernel-path=%s", kernel);
	PLAY(&script, "load", kernel);
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Loaded kernel 7.3.4-new (59.0 MiB).");

	snprintf(expected, sizeof(expected),
		 "initrd=fd command-line=quiet splash kernel-path=%s initrd-path=%s", kernel,
		 kernel);
	{
		char initrd[64];

		snprintf(initrd, sizeof(initrd), "--initrd=%s", kernel);
		PLAY(&script, "load", initrd, "--command-line=quiet splash", "--json", kernel);
	}
	assert_int_equal(o.code, LUCTL_OK);
	json = DOCUMENT("target");
	json_decref(json);

	snprintf(expected, sizeof(expected), "reuse-command-line=yes append=debug kernel-path=%s",
		 kernel);
	PLAY(&script, "load", "--append=debug", "-q", kernel);
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.out, "");

	write_file(kernel, "");
	PLAY(&script, "load", kernel);
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "is empty");
	unlink(kernel);
	PLAY(&script, "load", kernel);
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "No such file");
	PLAY(&script, "load", "/tmp");
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "not a regular file");
}

/* A file is named once, whoever complains about it. */
static void test_load_refused(void **state)
{
	static const struct fake_script no_kernel = {
		.fail_method = "Load",
		.fail_name = "org.luod1.Error.BadImage",
		.fail_text = "Cannot load /dev/kernel: it is no kernel.",
	};
	static const struct fake_script denied = {
		.fail_method = "Load",
		.fail_name = "org.freedesktop.DBus.Error.AccessDenied",
		.fail_text = "Access denied",
	};
	char self[64];

	snprintf(self, sizeof(self), "/proc/%d/exe", (int)getpid());
	PLAY(&no_kernel, "load", self);
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "luctl: Cannot load /dev/kernel: it is no kernel. Give ");
	PLAY(&denied, "load", self);
	assert_int_equal(o.code, LUCTL_UNAUTHORISED);
	assert_contains(o.err, "luctl: Cannot load /proc/");
}

static void test_close(void **state)
{
	json_t *json;

	PLAY(&nothing_special, "close", "0/vm1");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.err, "Session 0/vm1 is closed");
	RUN(&o, fake.address, "close", "vm1", "--json");
	json = DOCUMENT("closed");
	json_decref(json);
	RUN(&o, fake.address, "close", "vm2");
	assert_int_equal(o.code, LUCTL_WRONG_STATE);
	assert_contains(o.err, "Cannot close session 1000/vm2: It is part of an update");
	/* One that is not there keeps all others open. */
	RUN(&o, fake.address, "close", "vm1", "vm9");
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "There is no session vm9");
	assert_null(strstr(o.err, "is closed"));
	RUN(&o, fake.address, "close");
	assert_int_equal(o.code, LUCTL_USAGE);
}

static void test_unload_and_cancel(void **state)
{
	json_t *json;

	PLAY(&nothing_special, "unload");
	assert_int_equal(o.code, LUCTL_OK);
	RUN(&o, fake.address, "unload", "--json");
	json = DOCUMENT("target");
	json_decref(json);
	RUN(&o, fake.address, "cancel", "--reason=lunch");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "has been called off");
	RUN(&o, fake.address, "cancel", "--json");
	json = DOCUMENT("state");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_usage, teardown),
		cmocka_unit_test_teardown(test_help_and_version, teardown),
		cmocka_unit_test_teardown(test_unreachable, teardown),
		cmocka_unit_test_teardown(test_status, teardown),
		cmocka_unit_test_teardown(test_status_degraded, teardown),
		cmocka_unit_test_teardown(test_status_finishing, teardown),
		cmocka_unit_test_teardown(test_status_json, teardown),
		cmocka_unit_test_teardown(test_version, teardown),
		cmocka_unit_test_teardown(test_check, teardown),
		cmocka_unit_test_teardown(test_timeline, teardown),
		cmocka_unit_test_teardown(test_timeline_by_beginning, teardown),
		cmocka_unit_test_teardown(test_svg, teardown),
		cmocka_unit_test_teardown(test_history, teardown),
		cmocka_unit_test_teardown(test_errors, teardown),
		cmocka_unit_test_teardown(test_wrong_types, teardown),
		cmocka_unit_test_teardown(test_load, teardown),
		cmocka_unit_test_teardown(test_load_refused, teardown),
		cmocka_unit_test_teardown(test_close, teardown),
		cmocka_unit_test_teardown(test_unload_and_cancel, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
