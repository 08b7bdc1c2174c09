/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf: the table, the shipped lu.conf and the parser agree; files are found in the documented
 * order; every mistake is told with file and line and changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>

#include "luod/conf.h"
#include "luod/util.h"
#include "tests/unit/test-root.h"

/* The unit tests run at the top of the source tree, or are told where it is. */
static char *shipped_path(void)
{
	const char *top = getenv("SRC");

	return strprintf("%s/lu.conf", top ? top : ".");
}

struct warnings {
	unsigned int n;
	char file[256];
	unsigned int line;
	char message[512];
};

static void on_warning(const char *file, unsigned int line, const char *message, void *userdata)
{
	struct warnings *w = userdata;

	w->n++;
	w->line = line;
	snprintf(w->file, sizeof(w->file), "%s", file);
	snprintf(w->message, sizeof(w->message), "%s", message);
}

static struct conf parsed(const char *text, struct warnings *w)
{
	struct conf conf;

	*w = (struct warnings){};
	conf_default(&conf);
	conf_parse(&conf, "test.conf", text, strlen(text), on_warning, w);
	return conf;
}

static void assert_is_default(const struct conf *conf)
{
	struct conf d;

	conf_default(&d);
	assert_memory_equal(conf, &d, sizeof(d));
}

static void test_defaults(void **state _unused_)
{
	struct conf conf;

	conf_default(&conf);
	assert_int_equal(conf.jump, CONF_JUMP_DIRECT);
	assert_int_equal(conf.ready_timeout_usec, 30 * USEC_PER_SEC);
	assert_int_equal(conf.max_ready_timeout_usec, 300 * USEC_PER_SEC);
	assert_int_equal(conf.quiesce_timeout_usec, 90 * USEC_PER_SEC);
	assert_int_equal(conf.step_timeout_usec, 60 * USEC_PER_SEC);
	assert_true(conf.claim_timeout_usec == USEC_INFINITY);
	assert_int_equal(conf.unclaimed_policy, CONF_UNCLAIMED_HOLD);
	assert_int_equal(conf.max_sessions, 256);
	assert_int_equal(conf.max_sessions_per_user, 64);
	assert_int_equal(conf.max_resources_per_session, 64);
	assert_true(conf.max_bytes_per_user == UINT64_MAX);
	assert_string_equal(conf.peer_socket, "/run/luod/bus");
	assert_int_equal(conf.log_level, LOG_INFO);
}

/* --- the shipped file against the table --- */

/*
 * Walks the shipped file: "#Key=value" (no blank behind the '#') is a commented-out key. Each must
 * be the table's next one, in the same section and at its default, so nothing is missing, twice,
 * or out of order.
 */
static void test_shipped_file_is_the_table(void **state _unused_)
{
	_cleanup_free_ char *path = shipped_path(), *text = NULL;
	char section[64] = "", *save = NULL;
	size_t next = 0;

	assert_int_equal(file_read_full(path, 65536, &text, NULL), 0);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const struct conf_key *key;
		_cleanup_free_ char *expected = NULL;

		if (*line == '[') {
			assert_int_equal(sscanf(line, "[%63[^]]]", section), 1);
			continue;
		}
		assert_int_equal(*line, '#');
		if (line[1] == ' ' || !line[1])
			continue;
		key = conf_key_by_index(next++);
		assert_non_null(key);
		assert_string_equal(section, key->section);
		expected = strprintf("%s=%s", key->name, key->value);
		assert_string_equal(line + 1, expected);
	}
	assert_null(conf_key_by_index(next));
}

static void test_shipped_file_changes_nothing(void **state _unused_)
{
	_cleanup_free_ char *path = shipped_path(), *text = NULL;
	struct warnings w;
	struct conf conf;

	assert_int_equal(file_read_full(path, 65536, &text, NULL), 0);
	conf = parsed(text, &w);
	assert_int_equal(w.n, 0);
	assert_is_default(&conf);

	/* … and neither does it with the comment signs taken away from the keys. */
	for (char *p = text; (p = strstr(p, "\n#"));) {
		p++;
		if (p[1] >= 'A' && p[1] <= 'Z')
			*p = ' ';
	}
	conf = parsed(text, &w);
	assert_int_equal(w.n, 0);
	assert_is_default(&conf);
}

static void test_every_key_is_described(void **state _unused_)
{
	const struct conf_key *key;

	for (size_t i = 0; (key = conf_key_by_index(i)); i++) {
		assert_true(*key->section && *key->name && key->value);
		assert_true(*key->allowed && *key->help);
	}
}

/* --- values --- */

static void test_all_keys(void **state _unused_)
{
	struct warnings w;
	struct conf conf = parsed("[Update]\n"
				  "Jump=systemd\nReadyTimeout=5min 20s\nQuiesceTimeout=2m\n"
				  "MaxReadyTimeout=1h\n"
				  "StepTimeout = 7\n"
				  "[Sessions]\n"
				  "ClaimTimeout=1d\nUnclaimedPolicy=finish\nMaxSessions=1023\n"
				  "MaxSessionsPerUser=1\nMaxResourcesPerSession=1024\n"
				  "MaxBytesPerUser=3G\n"
				  "[Bus]\nPeerSocket=/run/x\n[Log]\nLevel=debug\n",
				  &w);

	assert_int_equal(w.n, 0);
	assert_int_equal(conf.jump, CONF_JUMP_SYSTEMD);
	assert_int_equal(conf.ready_timeout_usec, 320 * USEC_PER_SEC);
	assert_int_equal(conf.max_ready_timeout_usec, 3600 * USEC_PER_SEC);
	assert_int_equal(conf.quiesce_timeout_usec, 120 * USEC_PER_SEC);
	assert_int_equal(conf.step_timeout_usec, 7 * USEC_PER_SEC);
	assert_int_equal(conf.claim_timeout_usec, 86400 * USEC_PER_SEC);
	assert_int_equal(conf.unclaimed_policy, CONF_UNCLAIMED_FINISH);
	assert_int_equal(conf.max_sessions, 1023);
	assert_int_equal(conf.max_sessions_per_user, 1);
	assert_int_equal(conf.max_resources_per_session, 1024);
	assert_int_equal(conf.max_bytes_per_user, 3ULL << 30);
	assert_string_equal(conf.peer_socket, "/run/x");
	assert_int_equal(conf.log_level, LOG_DEBUG);
}

static void test_bad_values_change_nothing(void **state _unused_)
{
	static const char *const bad[] = {
		"[Update]\nJump=sideways\n",
		"[Update]\nJump=Direct\n",
		"[Update]\nReadyTimeout=0\n",
		"[Update]\nReadyTimeout=infinity\n",
		"[Update]\nReadyTimeout=-1\n",
		"[Update]\nReadyTimeout=99999999999999999999s\n",
		"[Update]\nStepTimeout=2h\n",
		"[Sessions]\nClaimTimeout=soon\n",
		"[Sessions]\nUnclaimedPolicy=\xff\n",
		"[Sessions]\nMaxSessions=0\n",
		"[Sessions]\nMaxSessions=1024\n",
		"[Sessions]\nMaxSessions=12x\n",
		"[Sessions]\nMaxResourcesPerSession=0x10\n",
		"[Sessions]\nMaxBytesPerUser=0\n",
		"[Sessions]\nMaxBytesPerUser=1k\n",
		"[Sessions]\nMaxBytesPerUser=1GB\n",
		"[Sessions]\nMaxBytesPerUser=8388608T\n",
		"[Sessions]\nMaxBytesPerUser=99999999999999999T\n",
		"[Bus]\nPeerSocket=run/x\n",
		"[Log]\nLevel=7\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct warnings w;
		struct conf conf = parsed(bad[i], &w);

		assert_int_equal(w.n, 1);
		assert_int_equal(w.line, 2);
		assert_string_equal(w.file, "test.conf");
		assert_non_null(strstr(w.message, " must be "));
		assert_non_null(strstr(w.message, ", ignoring"));
		assert_is_default(&conf);
	}
}

static void test_warning_says_what_is_allowed(void **state _unused_)
{
	struct warnings w;

	parsed("\n# note\n[Update]\n\nJump=up\n", &w);
	assert_int_equal(w.line, 5);
	assert_string_equal(w.message, "Jump= in section [Update] must be direct or systemd, "
				       "not \"up\", ignoring");
	parsed("[Update]\nJmp=direct\n", &w);
	assert_int_equal(w.line, 2);
	assert_non_null(strstr(w.message, "unknown key Jmp in section [Update] (known: Jump, "));
	parsed("[Upgrade]\nJump=direct\n", &w);
	assert_non_null(strstr(w.message, "unknown section [Upgrade]"));
	parsed("Jump=direct\n", &w);
	assert_non_null(strstr(w.message, "unknown section []"));
}

static void test_odd_syntax(void **state _unused_)
{
	_cleanup_free_ char *line = NULL;
	struct warnings w;
	struct conf conf;

	/* Indented, with CRLF, a byte order mark, no newline at the end. */
	conf = parsed("\xef\xbb\xbf[Update]\r\nReadyTimeout=5s\r\n  Jump=systemd", &w);
	assert_int_equal(w.n, 0);
	assert_int_equal(conf.jump, CONF_JUMP_SYSTEMD);
	assert_int_equal(conf.ready_timeout_usec, 5 * USEC_PER_SEC);

	/* An empty value is the default again. */
	conf = parsed("[Update]\nJump=systemd\nJump=\n", &w);
	assert_int_equal(w.n, 0);
	assert_is_default(&conf);

	/* Each unreadable line is told, and those after it are read. */
	conf = parsed("[Update\nwhat\n=x\n[Update]\nJump=systemd\n", &w);
	assert_int_equal(w.n, 3);
	assert_int_equal(w.line, 3);
	assert_int_equal(conf.jump, CONF_JUMP_SYSTEMD);
	conf = parsed("[Update]\nJump ; = direct\nReadyTimeout=1s\n", &w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.line, 2);
	assert_int_equal(conf.ready_timeout_usec, USEC_PER_SEC);

	/* A long line is refused, not cut; a long comment is a comment. */
	line = strprintf("[Bus]\nPeerSocket=/%0500d\n#%0500d\n", 0, 0);
	assert_non_null(line);
	conf = parsed(line, &w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.line, 2);
	assert_is_default(&conf);
}

static void test_nul_byte(void **state _unused_)
{
	static const char text[] = "[Update]\nJump=direct\0systemd\n";
	struct warnings w = {};
	struct conf conf;

	conf_default(&conf);
	conf_parse(&conf, "x", text, sizeof(text) - 1, on_warning, &w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.line, 2);
}

static void test_durations(void **state _unused_)
{
	static const struct {
		const char *text;
		int r;
		uint64_t usec;
	} cases[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1000000 },
		{ "30s", 0, 30000000 },
		{ "1us", 0, 1 },
		{ "2\xc2\xb5s", 0, 2 },
		{ "3\xce\xbcs", 0, 3 },
		{ "250ms", 0, 250000 },
		{ "5min", 0, 300000000 },
		{ " 5 min  20 s ", 0, 320000000 },
		{ "1h1m1s", 0, 3661000000 },
		{ "1d", 0, 86400000000 },
		{ "infinity", 0, USEC_INFINITY },
		{ "18446744073709551614us", 0, UINT64_MAX - 1 },
		{ "18446744073709551615us", -ERANGE, 0 },
		{ "18446744073709551616us", -ERANGE, 0 },
		{ "18446744073709551614us 1us", -ERANGE, 0 },
		{ "18446744073710s", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " ", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-5s", -EINVAL, 0 },
		{ "5parsec", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "infinity 1s", -EINVAL, 0 },
		{ "5s min", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t usec = 4711;

		assert_int_equal(conf_parse_duration(cases[i].text, &usec), cases[i].r);
		assert_true(usec == (cases[i].r ? 4711 : cases[i].usec));
	}
}

static void test_names(void **state _unused_)
{
	enum conf_jump jump = CONF_JUMP_SYSTEMD;
	enum conf_unclaimed policy = CONF_UNCLAIMED_FINISH;

	assert_int_equal(conf_jump_from_string("direct", &jump), 0);
	assert_int_equal(jump, CONF_JUMP_DIRECT);
	assert_int_equal(conf_jump_from_string("", &jump), -EINVAL);
	assert_string_equal(conf_jump_to_string(CONF_JUMP_SYSTEMD), "systemd");
	assert_int_equal(conf_unclaimed_from_string("hold", &policy), 0);
	assert_int_equal(policy, CONF_UNCLAIMED_HOLD);
	assert_int_equal(conf_unclaimed_from_string("Hold", &policy), -EINVAL);
}

/* --- files --- */

static void test_no_files(void **state)
{
	struct warnings w = {};
	struct conf conf;

	assert_int_equal(conf_load(&conf, *state, on_warning, &w), 0);
	assert_int_equal(w.n, 0);
	assert_is_default(&conf);
}

static void test_main_file_of_etc_hides_vendors(void **state)
{
	struct conf conf;

	put(*state, "/usr/lib/luod/lu.conf", "[Update]\nJump=systemd\nStepTimeout=5s\n");
	assert_int_equal(conf_load(&conf, *state, NULL, NULL), 1);
	assert_int_equal(conf.jump, CONF_JUMP_SYSTEMD);
	put(*state, "/etc/luod/lu.conf", "[Update]\nStepTimeout=6s\n");
	assert_int_equal(conf_load(&conf, *state, NULL, NULL), 1);
	assert_int_equal(conf.jump, CONF_JUMP_DIRECT);
	assert_int_equal(conf.step_timeout_usec, 6 * USEC_PER_SEC);
}

static void test_dropins(void **state)
{
	_cleanup_free_ char *expected =
		strprintf("%s/run/luod/lu.conf.d/40-d.conf", (char *)*state);
	struct warnings w = {};
	struct conf conf;

	put(*state, "/etc/luod/lu.conf", "[Update]\nStepTimeout=1s\nReadyTimeout=1s\n");
	put(*state, "/usr/lib/luod/lu.conf.d/20-b.conf", "[Update]\nStepTimeout=2s\n");
	put(*state, "/etc/luod/lu.conf.d/10-a.conf", "[Update]\nStepTimeout=3s\n");
	/* Same name: only the one in /etc is read. */
	put(*state, "/usr/lib/luod/lu.conf.d/30-c.conf", "[Update]\nJump=systemd\n");
	put(*state, "/etc/luod/lu.conf.d/30-c.conf", "[Update]\nReadyTimeout=4s\n");
	/* No drop-ins. */
	put(*state, "/etc/luod/lu.conf.d/.hidden.conf", "[Update]\nx=\n");
	put(*state, "/etc/luod/lu.conf.d/50-e.conf.bak", "[Update]\nx=\n");
	put(*state, "/run/luod/lu.conf.d/40-d.conf", "\n\nnonsense\n");
	assert_int_equal(conf_load(&conf, *state, on_warning, &w), 5);
	assert_int_equal(conf.step_timeout_usec, 2 * USEC_PER_SEC);
	assert_int_equal(conf.ready_timeout_usec, 4 * USEC_PER_SEC);
	assert_int_equal(conf.jump, CONF_JUMP_DIRECT);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.line, 3);
	assert_string_equal(w.file, expected);
}

static void test_masked_and_unreadable(void **state)
{
	_cleanup_free_ char *path = strprintf("%s/etc/luod/lu.conf.d/10-a.conf", (char *)*state);
	struct warnings w = {};
	struct conf conf;

	put(*state, "/usr/lib/luod/lu.conf.d/10-a.conf", "[Update]\nJump=systemd\n");
	put(*state, "/etc/luod/lu.conf.d/20-b.conf/x", "");
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(conf_load(&conf, *state, on_warning, &w), 1);
	assert_is_default(&conf);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.line, 0);
	assert_non_null(strstr(w.message, "cannot be read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_shipped_file_is_the_table),
		cmocka_unit_test(test_shipped_file_changes_nothing),
		cmocka_unit_test(test_every_key_is_described),
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_bad_values_change_nothing),
		cmocka_unit_test(test_warning_says_what_is_allowed),
		cmocka_unit_test(test_odd_syntax),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_no_files, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_main_file_of_etc_hides_vendors, root_new,
						root_free),
		cmocka_unit_test_setup_teardown(test_dropins, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_masked_and_unreadable, root_new, root_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
