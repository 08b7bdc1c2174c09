/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session-link: who may name which link, and what of it a record tells of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "luod/net-json.h"
#include "luod/net-select.h"
#include "luod/session-link.h"

static const char machine_text[] =
	"[{\"name\":\"\",\"links\":["
	"{\"name\":\"tap-his\",\"kind\":\"tun\",\"own\":{\"type\":2,\"owner\":1000}},"
	"{\"name\":\"tap-hers\",\"kind\":\"tun\",\"own\":{\"type\":2,\"owner\":1001}},"
	"{\"name\":\"tap-free\",\"kind\":\"tun\",\"own\":{\"type\":2}},"
	"{\"name\":\"eth0\",\"kind\":\"device\"}],\"routes\":[]},"
	"{\"name\":\"guests\",\"links\":["
	"{\"name\":\"tap-far\",\"kind\":\"tun\",\"own\":{\"type\":2,\"owner\":1000}}],\"routes\":[]}]";

static struct net_record read_machine(void)
{
	_cleanup_free_ char *error = NULL;
	json_t *json = json_loads(machine_text, 0, NULL);
	struct net_record r = {};

	assert_non_null(json);
	if (net_record_from_json(json, &r, &error) < 0)
		fail_msg("%s", error);
	json_decref(json);
	return r;
}

static void test_parse(void **state _unused_)
{
	static const char *const bad[] = { "",	"/",  "a/",   "/a",   "a/b/c", "a b",	    "a:b",
					   ".", "..", "../a", "a/..", "a%d",   ":sessions", "a\n" };
	_cleanup_free_ char *ns = NULL, *far = NULL, *none = NULL;
	char longest[NET_ALTNAME_MAX + 2];
	const char *name;

	assert_int_equal(session_link_parse("tap0", &ns, &name), 0);
	assert_string_equal(ns, "");
	assert_string_equal(name, "tap0");
	assert_int_equal(session_link_parse("guests/*", &far, &name), 0);
	assert_string_equal(far, "guests");
	assert_string_equal(name, "*");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(session_link_parse(bad[i], &none, &name), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[NET_ALTNAME_MAX + 1] = '\0';
	assert_int_equal(session_link_parse(longest, &none, &name), -EINVAL);
	assert_int_equal(session_link_parse(longest + 1, &none, &name), 0);
}

static void test_permitted(void **state _unused_)
{
	static const struct {
		uid_t uid;
		const char *patterns, *text;
		bool permitted;
	} cases[] = {
		{ 0, "", "eth0", true },
		{ 0, "", "is-not-there", true },
		{ 1000, "", "tap-his", true },
		{ 1000, "", "guests/tap-far", true },
		{ 1000, "", "tap-hers", false },
		{ 1000, "", "tap-free", false },
		{ 1000, "", "eth0", false },
		{ 1000, "", "is-not-there", false },
		{ 1000, "eth*", "eth0", true },
		{ 1000, "eth*", "guests/eth0", false },
		{ 1000, "*/eth? is-*", "is-not-there", true },
		{ 1001, "", "guests/tap-far", false },
		{ UINT32_MAX, "", "tap-free", false },
	};
	struct net_record r = read_machine();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct session s = { .uid = cases[i].uid };

		assert_int_equal(session_link_permitted(&s, cases[i].patterns, cases[i].text,
							net_find_named(&r, cases[i].text)),
				 cases[i].permitted);
	}
	net_record_clear(&r);
}

static unsigned int n_missing;

static void count_missing(const struct session *s _unused_, const char *text _unused_,
			  const char *why _unused_, void *userdata _unused_)
{
	n_missing++;
}

static struct session *add(struct session_list *list, uid_t uid, enum session_state state,
			   const char *a, const char *b)
{
	char **links = calloc(3, sizeof(*links));
	struct session *s;

	assert_int_equal(session_new("vm", uid, "", &s), 0);
	s->state = state;
	links[0] = strdup(a);
	links[1] = b ? strdup(b) : NULL;
	session_set_links(s, links);
	TAILQ_INSERT_TAIL(list, s, entry);
	return s;
}

static void test_choose(void **state _unused_)
{
	_cleanup_free_ const char **all = NULL, **rest = NULL;
	struct session_list list = TAILQ_HEAD_INITIALIZER(list);
	struct net_record r = read_machine();
	struct session *s;

	assert_false(session_links_any(&list));
	s = add(&list, 0, SESSION_LOST, "tap-free", NULL);
	assert_false(session_links_any(&list));
	s->state = SESSION_IDLE;
	assert_true(session_links_any(&list));
	s->state = SESSION_LEFT_BEHIND;
	add(&list, 1000, SESSION_PREPARING, "guests/tap-far", "tap-hers");
	s = add(&list, 0, SESSION_READY, "is-not-there", "eth0");
	assert_true(session_links_any(&list));

	assert_int_equal(session_links_choose(&list, "", &r, count_missing, NULL, &all), 0);
	assert_int_equal(n_missing, 2);
	assert_string_equal(all[0], "guests/tap-far");
	assert_string_equal(all[1], "eth0");
	assert_null(all[2]);

	s->state = SESSION_LEFT_BEHIND;
	assert_int_equal(session_links_choose(&list, "tap-*", &r, NULL, NULL, &rest), 0);
	assert_string_equal(rest[1], "tap-hers");
	assert_null(rest[2]);
	while ((s = TAILQ_FIRST(&list))) {
		TAILQ_REMOVE(&list, s, entry);
		session_free(s);
	}
	net_record_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_permitted),
		cmocka_unit_test(test_choose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
