/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * update: what may follow what, and what every step must have. The engine itself runs against a real
 * luod in tests/bus and in the lab.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/manager.h"

/* The picture in product terms: rows are where one is, letters where one may go. */
static void test_transitions(void **state _unused_)
{
	/*                                      IPFARXD: idle preparing frozen aborting restoring
	 *                                      finishing (X) degraded */
	static const char *const allowed[PHASE_MAX] = {
		[PHASE_IDLE] = ".P.AR..",      [PHASE_PREPARING] = "..FA...",
		[PHASE_FROZEN] = "...A...",    [PHASE_ABORTING] = "I.....D",
		[PHASE_RESTORING] = "I....XD", [PHASE_FINISHING] = "I.....D",
		[PHASE_DEGRADED] = ".P.....",
	};

	for (int from = 0; from < PHASE_MAX; from++)
		for (int to = 0; to < PHASE_MAX; to++)
			assert_int_equal(update_transition_allowed((enum phase)from,
								   (enum phase)to),
					 allowed[from][to] != '.');
}

/* Wherever an update is, there is a way to idle: nothing is a dead end. */
static void test_no_dead_end(void **state _unused_)
{
	for (int from = 0; from < PHASE_MAX; from++) {
		unsigned int reached = 1U << from, before;

		do {
			before = reached;
			for (int a = 0; a < PHASE_MAX; a++)
				for (int b = 0; b < PHASE_MAX; b++)
					if (reached & 1U << a &&
					    update_transition_allowed((enum phase)a, (enum phase)b))
						reached |= 1U << b;
		} while (reached != before);
		assert_true(reached & 1U << PHASE_IDLE);
	}
}

static void test_phase_words(void **state _unused_)
{
	for (int phase = 0; phase < PHASE_MAX; phase++)
		assert_int_equal(phase_from_string(phase_to_string((enum phase)phase)), phase);
	assert_true(phase_from_string("loaded") < 0);
}

static unsigned int place_of(enum mark mark)
{
	unsigned int i = 0;

	while (mark_in_order(i) != mark)
		i++;
	return i;
}

static void test_steps(void **state _unused_)
{
	static const struct manager m = {
		.conf = { .step_timeout_usec = 1, .quiesce_timeout_usec = 2 },
	};

	assert_string_equal(update_steps[0].name, "check");
	assert_string_equal(update_steps[update_n_steps - 1].name, "jump");
	for (unsigned int i = 0; i < update_n_steps; i++) {
		const struct step *step = &update_steps[i];

		assert_non_null(step->act);
		assert_true(step->timeout(&m) > 0);
		/* A step has the mark of its name, and the marks are in the steps' order. */
		assert_string_equal(mark_to_string(step->mark), step->name);
		if (i > 0)
			assert_true(place_of(step->mark) > place_of(update_steps[i - 1].mark));
		/* What stops the host's services or its filesystems has a way back. */
		if (step->direct_only)
			assert_non_null(step->undo);
	}
}

static void test_info(void **state _unused_)
{
	struct update_info from = { .id = "ab", .jump = CONF_JUMP_SYSTEMD }, copy = {};

	from.from = strdup("a");
	from.to = strdup("b");
	from.reason = strdup("because");
	assert_int_equal(update_info_copy(&from, &copy), 0);
	update_info_clear(&from);
	assert_string_equal(copy.id, "ab");
	assert_string_equal(copy.from, "a");
	assert_string_equal(copy.to, "b");
	assert_string_equal(copy.reason, "because");
	assert_int_equal(copy.jump, CONF_JUMP_SYSTEMD);
	update_info_clear(&copy);
	update_info_clear(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transitions), cmocka_unit_test(test_no_dead_end),
		cmocka_unit_test(test_phase_words), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
