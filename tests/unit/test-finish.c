/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * finish: what becomes of sessions that came through a jump, and when the update is at its end and
 * how it is called then. The kernel is dma-world's.
 */
#include "dma-world.h"
#include "luod/finish.h"
#include "luod/history.h"
#include "luod/holder.h"
#include "luod/step.h"

static struct {
	char result[32], why[1024];
	unsigned int histories;
} end;

/* --- instead of manager.c, step.c, update.c and the rest ------------------------------------- */

void manager_set_session_state(struct manager *m _unused_, struct session *s,
			       enum session_state state, const char *reason)
{
	session_set_state(s, state, reason);
}

void manager_remove_session(struct manager *m, struct session *s)
{
	TAILQ_REMOVE(&m->sessions, s, entry);
	note(w.said, "%s is gone", s->name);
	session_free(s);
}

void step_drop_kernel_session(struct manager *m _unused_, struct session *s)
{
	s->kernel_fd = close_fd(s->kernel_fd);
	note(w.done, "drop %s", s->name);
}

void update_set_phase(struct manager *m, enum phase phase)
{
	m->update.phase = phase;
	if (m->kernel_fd >= 0)
		note(w.done, "write down");
}

int fdstore_drop(struct fdstore *f _unused_, const char *name)
{
	note(w.done, "drop %s", name);
	return 0;
}

void history_store(struct manager *m _unused_, const char *result, const char *error)
{
	end.histories++;
	snprintf(end.result, sizeof(end.result), "%s", result);
	snprintf(end.why, sizeof(end.why), "%s", strempty(error));
}

void bus_set_emit_changed(struct bus_set *set _unused_, const char *path _unused_,
			  const char *interface _unused_, char **properties _unused_)
{
}

/* Who has kernel sessions open. */
static struct holder held[2];
static size_t n_held;

int holders_find(const char *root _unused_, struct holders *ret)
{
	*ret = (struct holders){ held, n_held };
	return 0;
}

void holders_clear(struct holders *h)
{
	*h = (struct holders){};
}

/* --- the tests ------------------------------------------------------------------------------- */

static int start(void **state)
{
	memset(&end, 0, sizeof(end));
	n_held = 0;
	setup(state);
	w.m.kernel_fd = w.m.update.timeline.fd = -EBADF;
	w.m.update.phase = PHASE_RESTORING;
	return 0;
}

static void assert_end(enum phase phase, const char *result, const char *why)
{
	assert_int_equal(w.m.update.phase, phase);
	assert_int_equal(end.histories, 1);
	assert_string_equal(end.result, result);
	assert_string_equal(end.why, why);
}

static struct session *add_guest(const char *name, enum session_state state)
{
	struct session *s = add_session(name, SESSION_CUSTODY, SESSION_REQUIRED, state);

	add_file(s, "ram", RESOURCE_MEMORY, 1, -EBADF);
	add_file(s, "iommu", RESOURCE_IOMMUFD, 3, -EBADF);
	add_device(s, "nic", 2, -EBADF, "0000:00:03.0");
	w.incoming[1] = file_new(DMA_MEMORY);
	w.incoming[2] = file_new(DMA_DEVICE);
	w.incoming[3] = file_new(DMA_IOMMUFD);
	return s;
}

/* What its owner has not asked for yet is taken out of the kernel session before that ends. */
static void test_done(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_RESUMED);

	finish_check(&w.m);
	assert_int_equal(w.m.update.phase, PHASE_FINISHING);
	assert_int_equal(finish_session(&w.m, s), 0);
	assert_done("retrieve 1, retrieve 3, retrieve 2, finish, drop vm");
	assert_int_equal(s->state, SESSION_IDLE);
	assert_int_equal(s->n_resources, 3);
	assert_end(PHASE_IDLE, "done", "");
}

/* The timeline is in luod's own session: a luod that is killed in between must not miss it. */
static void test_own_session(void **state _unused_)
{
	w.m.kernel_fd = file_new(DMA_SESSION);
	finish_check(&w.m);
	assert_done("write down, finish, drop luod");
	assert_true(w.m.kernel_fd < 0);
	assert_end(PHASE_IDLE, "done", "");
}

/* The kernel refuses while a device is parked; then all is as it was, and may be tried again. */
static void test_still_parked(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_RESUMED);

	w.parked = true;
	assert_int_equal(finish_session(&w.m, s), -EBUSY);
	assert_int_equal(s->state, SESSION_RESUMED);
	assert_true(s->kernel_fd >= 0);
	assert_int_equal(end.histories, 0);
	w.parked = false;
	assert_int_equal(finish_session(&w.m, s), 0);
	assert_end(PHASE_IDLE, "done", "");
}

/* Memory that does not come is asked for again: FINISH would free it. */
static void test_memory_is_waited_for(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_RESUMED);
	int kept = w.incoming[1];

	w.incoming[1] = 0;
	assert_int_equal(finish_session(&w.m, s), -ENODEV);
	assert_int_equal(s->state, SESSION_RESUMED);
	assert_null(strstr(w.done, "finish"));
	w.incoming[1] = kept;
	assert_int_equal(finish_session(&w.m, s), 0);
}

/* A device that was lost does not hold its session up, but is told of, and is its session's no more. */
static void test_lost_device(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_CLAIMED);

	w.incoming[2] = 0;
	assert_int_equal(custody_fd(s, session_find_resource(s, "nic")), -ENODEV);
	assert_int_equal(finish_session(&w.m, s), 0);
	assert_null(session_find_resource(s, "nic"));
	assert_non_null(session_find_resource(s, "iommu"));
	assert_end(PHASE_DEGRADED, "degraded",
		   "Not everything came through: device 'nic' at 0000:00:03.0 of session 0/vm. A "
		   "lost device is stopped, and in no session any more; its owner has to open and "
		   "attach it anew, as after a restart.");
}

/* A session that has lost its iommufd can be finished all the same: nobody took the device out. */
static void test_lost_iommufd(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_CLAIMED);

	w.incoming[3] = 0;
	assert_int_equal(finish_session(&w.m, s), 0);
	assert_done("retrieve 1, finish, drop vm");
	assert_null(session_find_resource(s, "nic"));
	assert_null(session_find_resource(s, "iommu"));
	assert_int_equal(w.m.update.phase, PHASE_DEGRADED);
}

/* A host that has lost all it had: the first ones are named, the others counted. */
static void test_many_lost(void **state _unused_)
{
	const char *expected =
		"Not everything came through: the handover record, session 0/vm0, device 'nic' at "
		"0000:00:03.0 of session 0/vm0, session 0/vm1, session 0/vm2, session 0/vm3, session "
		"0/vm4, session 0/vm5, session 0/vm6 and 1 more. ";

	for (unsigned int i = 0; i < 8; i++) {
		_cleanup_free_ char *name = strprintf("vm%u", i);
		struct session *s =
			add_session(name, SESSION_DELEGATION, SESSION_REQUIRED, SESSION_LOST);

		if (i == 0)
			add_device(s, "nic", 2, -EBADF, "0000:00:03.0")->lost = true;
	}
	w.m.update.record_lost = true;
	finish_check(&w.m);
	assert_int_equal(w.m.update.phase, PHASE_DEGRADED);
	assert_int_equal(strncmp(end.why, expected, strlen(expected)), 0);
	assert_non_null(strstr(end.why, "its owner has to open"));
	assert_non_null(strstr(end.why, "'luctl close'"));
}

static void hold(const char *session, const char *who, const char *user)
{
	held[n_held++] = (struct holder){
		.session = (char *)session,
		.who = (char *)who,
		.user = (char *)user,
	};
}

/* Closing it would stop nothing, and luod could not try again: it is kept until the holder is gone. */
static void test_given_up_held(void **state _unused_)
{
	struct session *s =
		add_session("vm", SESSION_DELEGATION, SESSION_REQUIRED, SESSION_CLAIMED);
	_cleanup_free_ char *why = NULL;

	add_device(s, "nic", 2, -EBADF, "0000:00:03.0");
	w.parked = true;
	hold("luod/0/vm", "process 7 (luod-keeper) in luod-keeper.service", "luod-keeper.service");
	hold("luod/0/vm", "process 812 (vmm) in vm.service", "vm.service");
	assert_int_equal(finish_give_up(&w.m, s, &why), -EBUSY);
	assert_non_null(strstr(strempty(why), "process 812 (vmm) in vm.service"));
	assert_done("");
	assert_said("");
	assert_ptr_equal(TAILQ_FIRST(&w.m.sessions), s);
	assert_int_equal(s->state, SESSION_CLAIMED);
	assert_true(s->kernel_fd >= 0);
	assert_int_equal(end.histories, 0);

	n_held--;
	free(why);
	why = NULL;
	assert_int_equal(finish_give_up(&w.m, s, &why), 0);
	assert_done("drop vm");
	assert_end(PHASE_IDLE, "done", "");
}

/* Given up with a device that is still parked: closing the kernel session is what stops it. */
static void test_given_up_parked(void **state _unused_)
{
	struct session *s = add_guest("vm", SESSION_UNCLAIMED);
	char *why = NULL;

	w.parked = true;
	hold("luod/0/vm", "process 7 (luod-keeper) in luod-keeper.service", "luod-keeper.service");
	hold("luod/0/other", "process 812 (vmm)", "process 812 (vmm)");
	assert_int_equal(finish_give_up(&w.m, s, &why), 0);
	assert_null(why);
	assert_done("drop vm");
	assert_said("vm is gone");
	assert_end(PHASE_IDLE, "done", "");
}

/* Without a device there is no such reason: a kernel that refuses keeps what it has. */
static void test_given_up_refused(void **state _unused_)
{
	struct session *s = add_session("vm", SESSION_CUSTODY, SESSION_REQUIRED, SESSION_UNCLAIMED);
	char *why = NULL;

	w.parked = true;
	assert_int_equal(finish_give_up(&w.m, s, &why), -EBUSY);
	assert_null(why);
	assert_done("");
	assert_ptr_equal(TAILQ_FIRST(&w.m.sessions), s);
	assert_int_equal(w.m.update.phase, PHASE_RESTORING);
}

/* The end is when the last one is done, and one that is lost is not forgotten by then. */
static void test_several(void **state _unused_)
{
	struct session *one = add_session("one", SESSION_DELEGATION, SESSION_REQUIRED,
					  SESSION_UNCLAIMED),
		       *two = add_session("two", SESSION_DELEGATION, SESSION_REQUIRED,
					  SESSION_RESUMED);

	add_session("three", SESSION_CUSTODY, SESSION_REQUIRED, SESSION_LOST);
	assert_int_equal(finish_session(&w.m, two), 0);
	assert_int_equal(w.m.update.phase, PHASE_RESTORING);
	session_set_state(one, SESSION_CLAIMED, NULL);
	finish_check(&w.m);
	assert_int_equal(w.m.update.phase, PHASE_FINISHING);
	assert_int_equal(end.histories, 0);
	assert_int_equal(finish_session(&w.m, one), 0);
	assert_end(PHASE_DEGRADED, "degraded",
		   "Not everything came through: session 0/three. The guest of a lost session has "
		   "to be started anew; 'luctl close' clears the session away.");
}

static void test_record_lost(void **state _unused_)
{
	w.m.update.record_lost = true;
	finish_check(&w.m);
	assert_end(PHASE_DEGRADED, "degraded",
		   "Not everything came through: the handover record. Without the record sessions "
		   "are known by their names only; their owners retrieve by token what is in "
		   "them.");
	finish_check(&w.m); /* there is nothing to end any more */
	assert_int_equal(end.histories, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_done),
		TEST(test_own_session),
		TEST(test_still_parked),
		TEST(test_memory_is_waited_for),
		TEST(test_lost_device),
		TEST(test_lost_iommufd),
		TEST(test_many_lost),
		TEST(test_given_up_held),
		TEST(test_given_up_parked),
		TEST(test_given_up_refused),
		TEST(test_several),
		TEST(test_record_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
