/* SPDX-License-Identifier: GPL-2.0-or-later */
/* luctl update against a played luod: what it shows, its exit codes, its JSON. */
#include "luctl-run.h"

static void test_update(void **state)
{
	const struct fake_script script = {
		.steps = { { "check", 1 },
			   { "sessions", 2 },
			   { "barrier", 5, "0/vm1" },
			   { "barrier", 5 },
			   { "record", 6 } },
		.end_state = "done",
	};
	json_t *json, *steps;

	PLAY(&script, "update");
	assert_string_equal(o.err, "");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Update from 7.3.4-old to 7.3.4-new, jump direct\n");
	assert_contains(o.out, " 1/8  check ");
	assert_contains(o.out, "barrier waits for 0/vm1\n");
	assert_contains(o.out, " 6/8  record ");
	/* In a pipe: whole lines, nothing that moves a cursor. */
	assert_lacks(o.out, "\r");
	assert_lacks(o.out, "\033");

	PLAY(&script, "update", "--json");
	assert_int_equal(o.code, LUCTL_OK);
	json = DOCUMENT("job", "update-id", "state", "step", "step-number", "step-count", "error",
			"cause", "waiting", "findings", "result", "steps");
	assert_string_equal(json_string_value(json_object_get(json, "result")), "done");
	assert_string_equal(json_string_value(json_object_get(json, "update-id")), FAKE_ID);
	steps = json_object_get(json, "steps");
	assert_int_equal(json_array_size(steps), 4);
	assert_string_equal(json_string_value(json_object_get(json_array_get(steps, 2), "name")),
			    "barrier");
	json_decref(json);
}

static void test_update_refused(void **state)
{
	const struct fake_script by_job = {
		.steps = { { "check", 1 } },
		.end_state = "failed",
		.end_error = "1 error",
		.end_cause = "check",
		.end_findings = true,
	};
	const struct fake_script at_once = {
		.fail_method = "Update",
		.fail_name = "org.luod1.Error.CheckFailed",
		.fail_text = "The check found errors",
	};
	json_t *json;

	PLAY(&by_job, "update");
	assert_int_equal(o.code, LUCTL_REFUSED);
	assert_contains(o.out, "target-not-liveupdate");
	assert_contains(o.err, "The update was refused: 1 error");
	PLAY(&at_once, "update");
	assert_int_equal(o.code, LUCTL_REFUSED);
	assert_contains(o.out, "target-not-liveupdate");
	PLAY(&at_once, "update", "--json");
	assert_int_equal(o.code, LUCTL_REFUSED);
	json = DOCUMENT("result", "findings", "steps");
	assert_string_equal(json_string_value(json_object_get(json, "result")), "refused");
	assert_int_equal(json_array_size(json_object_get(json, "findings")), 2);
	json_decref(json);
}

static void test_update_called_off(void **state)
{
	const struct fake_script veto = {
		.steps = { { "check", 1 }, { "memory", 3 } }, /* whatever step it is said in */
		.end_state = "failed",
		.end_error = "0/vm1 vetoed: busy",
		.end_cause = "veto",
	};
	const struct fake_script cancelled = {
		.steps = { { "memory", 3 } },
		.end_state = "cancelled",
		.end_error = "lunch",
		.end_cause = "cancelled",
	};
	const struct fake_script broken = {
		.steps = { { "barrier", 5 } },
		.end_state = "failed",
		.end_error = "EIO",
		.end_cause = "failure",
	};
	json_t *json;

	PLAY(&veto, "update");
	assert_int_equal(o.code, LUCTL_CALLED_OFF);
	assert_contains(o.err, "was called off: 0/vm1 vetoed: busy. Every guest goes on.");
	assert_contains(o.out, "failed");
	PLAY(&cancelled, "update", "--json");
	assert_int_equal(o.code, LUCTL_CALLED_OFF);
	json = DOCUMENT("error");
	assert_string_equal(json_string_value(json_object_get(json, "error")), "lunch");
	assert_string_equal(json_string_value(json_object_get(json, "result")), "called-off");
	assert_string_equal(json_string_value(json_object_get(json, "step")), "memory");
	json_decref(json);
	PLAY(&broken, "update");
	assert_int_equal(o.code, LUCTL_FAILED);
	assert_contains(o.err, "failed: EIO");
}

static void test_update_lost(void **state)
{
	const struct fake_script early = { .steps = { { "quiesce", 4 } }, .die = true };
	const struct fake_script jumping = { .steps = { { "jump", 8 } }, .die = true };
	const struct fake_script slow = { .steps = { { "barrier", 5, "0/vm1" } } };

	PLAY(&early, "update");
	assert_int_equal(o.code, LUCTL_UNKNOWN);
	assert_contains(o.err, "Lost sight of update " FAKE_ID " in step quiesce");
	PLAY(&jumping, "update", "--jump=systemd");
	assert_int_equal(o.code, LUCTL_OK);
	/* Somebody is still there to see it: then it was no direct jump. */
	PLAY(&jumping, "update", "--jump=direct");
	assert_int_equal(o.code, LUCTL_UNKNOWN);
	PLAY(&slow, "update", "--timeout=200ms");
	assert_int_equal(o.code, LUCTL_UNKNOWN);
	assert_contains(o.err, "goes on");
}

static void test_update_no_wait(void **state)
{
	json_t *json;

	PLAY(&nothing_special, "update", "--no-wait");
	assert_int_equal(o.code, LUCTL_OK);
	assert_contains(o.out, "Update " FAKE_ID " has been started.");
	RUN(&o, fake.address, "update", "--no-wait", "--json");
	json = DOCUMENT("update-id", "state");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_update, teardown),
		cmocka_unit_test_teardown(test_update_refused, teardown),
		cmocka_unit_test_teardown(test_update_called_off, teardown),
		cmocka_unit_test_teardown(test_update_lost, teardown),
		cmocka_unit_test_teardown(test_update_no_wait, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
