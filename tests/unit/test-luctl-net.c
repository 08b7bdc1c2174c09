/* SPDX-License-Identifier: GPL-2.0-or-later */
/* luctl net against a played luod: tables, JSON, exit codes, records in files. */
#include "luctl-run.h"

static const struct fake_script quiet = { .no_network = true };

static const char record_option[] = "--record=/tmp/test-luctl-net.json";
static const char *const record_file = record_option + sizeof("--record=") - 1;

static void write_file(const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(record_file, "we");

	assert_non_null(f);
	fputs(text, f);
}

static void test_show(void **state)
{
	PLAY(&nothing_special, "net", "show");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "LINK");
	assert_contains(o.out, "192.0.2.1/24, 2001:db8::1/64");
	assert_contains(o.out, "port of br0");
	assert_contains(o.out, "vxlan");
	assert_contains(o.out, "on eth0");
	assert_contains(o.out, "guest/x\\x1b[2J");
	assert_contains(o.out, "\n3 links and 1 route.\n");

	PLAY(&quiet, "net", "show");
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.out, "");
	assert_contains(o.err, "Links= of lu.conf");
}

static void assert_text(const json_t *json, const char *key, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(json, key)), text);
}

static void test_show_json(void **state)
{
	json_t *json;

	PLAY(&nothing_special, "net", "show", "--json");
	assert_int_equal(o.code, LUCTL_OK);
	json = DOCUMENT("source", "update-id", "namespaces");
	assert_text(json, "source", "now");
	assert_text(json, "update-id", "");
	assert_int_equal(json_array_size(json_object_get(json, "namespaces")), 2);
	json_decref(json);

	RUN(&o, fake.address, "net", "show", "--last", "--json");
	json = DOCUMENT("source", "update-id", "namespaces");
	assert_text(json, "source", "last");
	assert_text(json, "update-id", FAKE_ID);
	json_decref(json);

	/* What was printed can be shown again, without luod. */
	write_file(o.out);
	RUN(&o, "--address=unix:path=/nowhere", "net", "show", record_option);
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "3 links");
	RUN(&o, "--address=unix:path=/nowhere", "net", "show", "--json", record_option);
	json = DOCUMENT("source", "update-id", "namespaces");
	assert_text(json, "source", "file");
	assert_text(json, "update-id", FAKE_ID);
	json_decref(json);
	unlink(record_file);
}

static void test_diff(void **state)
{
	json_t *json, *first, *second;

	PLAY(&nothing_special, "net", "diff");
	assert_int_equal(o.code, LUCTL_DIFFERS);
	assert_contains(o.out, "settings.mtu");
	assert_contains(o.out, "guest/tap0");
	assert_contains(o.out, "is missing");
	assert_contains(o.out, "{\"table\": 254}");

	RUN(&o, fake.address, "net", "diff", "--json");
	assert_int_equal(o.code, LUCTL_DIFFERS);
	json = DOCUMENT("differences");
	first = json_array_get(json_object_get(json, "differences"), 0);
	assert_text(first, "namespace", "");
	assert_text(first, "object", "br0");
	assert_text(first, "what", "settings.mtu");
	assert_int_equal(json_integer_value(json_object_get(first, "record")), 1400);
	assert_int_equal(json_integer_value(json_object_get(first, "machine")), 1500);
	second = json_array_get(json_object_get(json, "differences"), 1);
	assert_text(json_object_get(second, "record"), "name", "tap0");
	assert_true(json_is_null(json_object_get(second, "machine")));
	json_decref(json);

	PLAY(&quiet, "net", "diff");
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.out, "The network is as recorded.\n");
	RUN(&o, fake.address, "net", "diff", "--quiet");
	assert_string_equal(o.out, "");
}

static void test_replay(void **state)
{
	json_t *json, *first;

	PLAY(&nothing_special, "net", "replay");
	assert_int_equal(o.code, LUCTL_DIFFERS);
	assert_contains(o.out, "conflict mtu is 1500, not 1400");
	assert_contains(o.out, "guest/tap0");
	assert_lacks(o.out, "eth0");

	/* One that fails counts for more than one that is left as found. */
	write_file("{\"namespaces\": []}");
	RUN(&o, fake.address, "net", "replay", "--json", record_option);
	unlink(record_file);
	assert_int_equal(o.code, LUCTL_FAILED);
	json = DOCUMENT("results");
	assert_int_equal(json_array_size(json_object_get(json, "results")), 3);
	first = json_array_get(json_object_get(json, "results"), 0);
	assert_text(first, "outcome", "conflict");
	assert_text(first, "message", "mtu is 1500, not 1400");
	json_decref(json);

	PLAY(&quiet, "net", "replay");
	assert_int_equal(o.code, LUCTL_OK);
	assert_string_equal(o.out, "The network was as recorded already.\n");
}

static void test_refusals(void **state)
{
	static const struct {
		const char *arguments[5];
		int code;
		const char *text;
	} cases[] = {
		{ { "net" }, LUCTL_USAGE, "show|diff|replay" },
		{ { "net", "undo" }, LUCTL_USAGE, "'undo' is none of" },
		{ { "net", "diff", "--last" }, LUCTL_USAGE, "--last is for 'net show'" },
		{ { "net", "show", "--last", "--record=x" }, LUCTL_USAGE, "exclude each other" },
		{ { "status", "--last" }, LUCTL_USAGE, "knows no option --last" },
		{ { "net", "diff", "--record=/nowhere" }, LUCTL_FAILED, "Cannot read /nowhere" },
		{ { "net", "show", "--record=/dev/null" }, LUCTL_FAILED, "is no record" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run_luctl(&o, cases[i].arguments);
		assert_int_equal(o.code, cases[i].code);
		assert_contains(o.err, cases[i].text);
	}
	write_file("[]");
	PLAY(&nothing_special, "net", "diff", record_option);
	unlink(record_file);
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "Cannot compare the network: No namespaces.");
}

static void test_no_record(void **state)
{
	const struct fake_script none = { .fail_method = "CompareNetwork",
					  .fail_name = "org.luod1.Error.NoRecord",
					  .fail_text = "No update has brought one." };

	PLAY(&none, "net", "diff");
	assert_int_equal(o.code, LUCTL_WRONG_STATE);
	assert_contains(o.err, "No update has brought one. --record=FILE names one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_show, teardown),
		cmocka_unit_test_teardown(test_show_json, teardown),
		cmocka_unit_test_teardown(test_diff, teardown),
		cmocka_unit_test_teardown(test_replay, teardown),
		cmocka_unit_test_teardown(test_refusals, teardown),
		cmocka_unit_test_teardown(test_no_record, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
