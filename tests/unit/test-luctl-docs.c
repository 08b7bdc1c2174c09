/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What luctl can do, what its man page tells and what its completion proposes are the same: every
 * verb and option of `luctl help` is looked for in both, and the completion is run by bash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luctl/luctl.h"
#include "program.h"

static char *help, *man, *completion;

static char *read_source(const char *name)
{
	_cleanup_free_ char *path = strprintf("%s/%s", getenv("SRC") ?: ".", name);
	char *text;

	assert_non_null(path);
	if (file_read_full(path, 1 << 20, &text, NULL) < 0)
		fail_msg("cannot read %s", path);
	return text;
}

static int setup(void **state)
{
	char *argv[] = { (char *)"luctl", (char *)"help", NULL };
	size_t size;
	FILE *out = open_memstream(&help, &size);

	assert_int_equal(luctl_run(2, argv, out, stderr), LUCTL_OK);
	fclose(out);
	man = read_source("man/luctl.1.scd");
	completion = read_source("luctl/luctl.bash");
	return 0;
}

static int teardown(void **state)
{
	free(help);
	free(man);
	free(completion);
	return 0;
}

static void look_for(const char *where, const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("%s is not in %s", word, where);
}

static void test_options(void **state)
{
	unsigned int n = 0;

	for (const char *p = strstr(help, " --"); p; p = strstr(p + 1, " --")) {
		_cleanup_free_ char *option = strndup(p + 1, strcspn(p + 1, " =[\n"));

		look_for("man page", man, option);
		look_for("completion", completion, option);
		n++;
	}
	assert_true(n >= 16);
}

static void test_verbs(void **state)
{
	const char *p = strstr(help, "Verbs:\n") + strlen("Verbs:\n");
	unsigned int n = 0;

	for (; *p == ' '; p = strchr(p, '\n') + 1) {
		_cleanup_free_ char *verb = strndup(p + 2, strcspn(p + 2, " "));
		_cleanup_free_ char *entry = strprintf("\n*%s*", verb);

		look_for("man page", man, entry);
		look_for("completion", completion, verb);
		n++;
	}
	assert_int_equal(n, 15);
}

/* Runs the completion for @words (a bash array's inside), of which the last is being typed. */
static char *complete(const char *words)
{
	_cleanup_free_ char *script = strprintf(
		"luctl() { :; }; timeout() { shift; \"$@\"; }; . \"${SRC:-.}/luctl/luctl.bash\"; "
		"%s COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _luctl; "
		"echo \"${COMPREPLY[*]}\"",
		"luctl() { [[ $1 == --address=unix:path=/x ]] && shift; "
		"case $1 in sessions) echo 0/vm1 x y; echo 1000/db z;; "
		"devices) echo 0000:00:03.0 x y; echo 0000:81:00.1 x;; "
		"history) echo day hour abc who; echo day hour def who;; esac; };",
		words);
	char *line = NULL;

	assert_true(program_run(PROGRAM("bash", "-c", script), NULL, &line) >= 0);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void test_completion(void **state)
{
	static const struct {
		const char *words, *proposals;
	} cases[] = {
		{ "luctl up", "update" },
		{ "luctl --json stat", "status" },
		{ "luctl update --jump = d", "direct" },
		{ "luctl update --re", "--reason=" },
		{ "luctl load --re", "--reuse-command-line" },
		{ "luctl net d", "diff" },
		{ "luctl net show --l", "--last" },
		{ "luctl status --re", "" },
		{ "luctl sessions 0", "0/vm1" },
		{ "luctl sessions \"\"", "0/vm1 1000/db" },
		{ "luctl --address = unix : path = /x sessions 1", "1000/db" },
		{ "luctl -H host sessions \"\"", "" },
		{ "luctl devices \"\"", "0000:00:03.0 0000:81:00.1" },
		{ "luctl devices 0000 : 8", "81:00.1" },
		{ "luctl devices 0000 : 00 :", "03.0" },
		{ "luctl timeline \"\"", "abc def" },
		{ "luctl timeline --s", "--svg" },
		{ "luctl history --l", "--limit=" },
		{ "luctl history -n 1", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *proposals = complete(cases[i].words);

		if (!streq(proposals, cases[i].proposals))
			fail_msg("'%s': proposed '%s' instead of '%s'", cases[i].words, proposals,
				 cases[i].proposals);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_completion),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
