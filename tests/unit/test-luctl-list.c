/* SPDX-License-Identifier: GPL-2.0-or-later */
/* luctl sessions and luctl devices against a played luod: tables, single objects, JSON. */
#include "luctl-run.h"

static void test_sessions(void **state)
{
	const struct fake_script none = { .no_sessions = true };

	PLAY(&nothing_special, "sessions");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "SESSION");
	assert_contains(o.out, "1000/vm2");
	assert_contains(o.out, "256.0 MiB");
	assert_contains(o.out, "0000:00:03.0");
	/* A client's words do not reach the terminal as commands. */
	assert_lacks(o.out, "\033");
	assert_contains(o.out, "no\\x1b[2J way");

	RUN(&o, fake.address, "--no-legend", "sessions");
	assert_lacks(o.out, "SESSION");

	RUN(&o, fake.address, "sessions", "0/vm1");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Session: 0/vm1");
	assert_contains(o.out, "If unclaimed: hold after infinity");
	assert_contains(o.out, "RESOURCE");
	assert_contains(o.out, "0000:00:03.0");
	assert_contains(o.out, "guests/tap7");
	assert_contains(o.out, "Links: tap0, guests/mv\\x7f\n");
	assert_lacks(o.out, "vm2");

	RUN(&o, fake.address, "sessions", "vm2", "vm3");
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.out, "1000/vm2");
	assert_contains(o.err, "no session vm3");

	PLAY(&none, "sessions");
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.out, "");
}

static void test_sessions_json(void **state)
{
	json_t *json, *first, *list;

	PLAY(&nothing_special, "sessions", "--json");
	assert_int_equal(o.code, LUCTL_OK);
	json = DOCUMENT("sessions");
	assert_int_equal(json_array_size(json_object_get(json, "sessions")), 2);
	first = json_array_get(json_object_get(json, "sessions"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "name")), "vm1");
	assert_true(json_is_null(json_object_get(first, "claim-timeout-usec")));
	/* JSON says what the client said, unlike the terminal. */
	assert_string_equal(json_string_value(json_object_get(first, "reason")), "no\033[2J way");
	list = json_object_get(first, "resources");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "device")),
			    "");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "link")),
			    "");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 2), "link")),
			    "guests/tap7");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "device")),
			    "0000:00:03.0");
	list = json_object_get(first, "links");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_array_get(list, 0)), "tap0");
	json_decref(json);
	RUN(&o, fake.address, "sessions", "--json", "vm2");
	json = DOCUMENT("sessions");
	assert_int_equal(json_array_size(json_object_get(json, "sessions")), 1);
	json_decref(json);
}

static void test_devices(void **state)
{
	const struct fake_script none = { .no_devices = true };

	PLAY(&nothing_special, "devices");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "PRESERVABLE");
	assert_contains(o.out, "0000:00:03.0");
	assert_contains(o.out, "0/vm1");
	assert_contains(o.out, "nic");
	assert_contains(o.out, "device-group, device-has-vfs");
	/* A process calls itself what it likes. */
	assert_lacks(o.out, "\033");
	RUN(&o, fake.address, "--no-legend", "devices");
	assert_lacks(o.out, "PRESERVABLE");

	RUN(&o, fake.address, "devices", "00:04.0");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Device: 0000:00:04.0");
	assert_contains(o.out, "Group: 7, with 2 devices in all");
	assert_contains(o.out, "Virtual functions: 4");
	assert_contains(o.out, "device-group: It shares its group.");
	assert_lacks(o.out, "vm1");
	assert_lacks(o.out, "\033");
	RUN(&o, fake.address, "devices", "0000:00:03.0", "0000:00:05.0");
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.out, "Preservable: yes");
	assert_contains(o.out, "Label there: nic");
	assert_contains(o.err, "no device 0000:00:05.0");

	PLAY(&none, "devices");
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.out, "");
	assert_contains(o.err, "no devices");
}

static void test_devices_json(void **state)
{
	json_t *json, *list, *second;

	PLAY(&nothing_special, "devices", "--json");
	assert_int_equal(o.code, LUCTL_OK);
	json = DOCUMENT("devices");
	list = json_object_get(json, "devices");
	assert_int_equal(json_array_size(list), 2);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "numa-node")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "label")),
			    "nic");
	second = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(second, "label")), "");
	assert_int_equal(json_integer_value(json_object_get(second, "numa-node")), 1);
	assert_int_equal(json_array_size(json_object_get(second, "users")), 2);
	assert_int_equal(json_array_size(json_object_get(second, "reasons")), 2);
	assert_true(json_is_false(json_object_get(second, "preservable")));
	json_decref(json);
	RUN(&o, fake.address, "devices", "--json", "nothing");
	assert_int_equal(o.code, LUCTL_FAILED);
	json = DOCUMENT("devices");
	assert_int_equal(json_array_size(json_object_get(json, "devices")), 0);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_sessions, teardown),
		cmocka_unit_test_teardown(test_sessions_json, teardown),
		cmocka_unit_test_teardown(test_devices, teardown),
		cmocka_unit_test_teardown(test_devices_json, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
