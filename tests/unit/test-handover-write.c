/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover: what luod writes it can read again, the fullest record too; what is too much is refused
 * before it is written; what is broken in a record leaves a hole of its own size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "luod/handover.h"

static struct session *add(struct handover *h, unsigned int i, unsigned int n_resources)
{
	_cleanup_free_ char *name = strprintf("vm%u", i);
	char label[SESSION_LABEL_MAX + 1];
	struct session *s;

	assert_int_equal(session_new(name, 5, "u.service", &s), 0);
	memset(label, '"', SESSION_LABEL_MAX);
	label[SESSION_LABEL_MAX] = '\0';
	for (unsigned int n = 0; n < n_resources; n++) {
		struct resource *resource;

		label[0] = (char)('A' + n / 40);
		label[1] = (char)('A' + n % 40);
		assert_int_equal(session_add_resource(s, label, RESOURCE_IOMMUFD, INT64_MAX - n,
						      INT64_MAX, -EBADF, &resource),
				 0);
		resource->store = RESOURCE_STORE_MAX;
		resource->device = strdup("ffffffff:ff:1f.7");
		resource->iommufd = strdup(label);
		resource->device_id = UINT32_MAX;
		resource->lost = true;
	}
	TAILQ_INSERT_TAIL(&h->sessions, s, entry);
	return s;
}

static void set_text(char **field, char c, size_t length)
{
	*field = realloc(*field, length + 1);
	memset(*field, c, length);
	(*field)[length] = '\0';
}

static int write_all(struct handover *h, char **ret, char **ret_error)
{
	struct update state_of = { .phase = PHASE_PREPARING };

	return handover_write_or_say(&h->update, &h->sessions, NULL, &state_of, &h->target, ret,
				     ret_error);
}

/* As many HWPTs and DMA buffers as there may be, in the numbers that take most room. */
static void name_most(struct handover *h)
{
	unsigned int hwpts = 0, buffers = 0;
	struct resource *resource;
	struct session *s;

	TAILQ_FOREACH(s, &h->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry) {
			struct hwpt hwpt = { UINT32_MAX, UINT32_MAX, INT64_MAX - hwpts };
			struct dma_buffer buffer = { UINT32_MAX, INT64_MAX, INT64_MAX,
						     INT64_MAX - buffers };

			while (hwpts < LIMIT_HWPTS && dma_add_hwpt(&resource->dma, &hwpt) == 0)
				hwpt.token = INT64_MAX - ++hwpts;
			while (buffers < LIMIT_BUFFERS &&
			       dma_add_buffer(&resource->dma, &buffer) == 0)
				buffer.token = INT64_MAX - ++buffers;
		}
	assert_int_equal(hwpts, LIMIT_HWPTS);
	assert_int_equal(buffers, LIMIT_BUFFERS);
}

/* As much of everything as luod takes on, in the letters that take most room. */
static void test_fullest(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL, *padding = calloc(1, LIMIT_UNKNOWN);
	struct handover h, copy;
	unsigned int n = 0;
	struct session *s;

	handover_init(&h);
	memset(padding, 'x', LIMIT_UNKNOWN - sizeof("{\"unknown\":\"\"}"));
	for (unsigned int i = 0; i < LIMIT_SESSIONS; i++) {
		s = add(&h, i, LIMIT_RESOURCES / LIMIT_SESSIONS);
		set_text(&s->unit, '\\', LIMIT_UNIT);
		set_text(&s->reason, '\1', LIMIT_REASON);
		s->unknown = json_pack("{s:s}", "unknown", padding);
	}
	name_most(&h);
	h.target.loaded = true;
	set_text(&h.target.command_line, '\1', LIMIT_TEXT);
	set_text(&h.target.kernel_path, '\1', LIMIT_TEXT);
	set_text(&h.target.initrd_path, '\1', LIMIT_TEXT);
	set_text(&h.update.from, '\1', LIMIT_TEXT);
	set_text(&h.update.to, '\1', LIMIT_TEXT);
	set_text(&h.update.reason, '\1', LIMIT_TEXT);
	assert_int_equal(write_all(&h, &text, &error), 0);
	assert_int_equal(handover_read(text, strlen(text), &copy, &error), 0);
	assert_null(copy.skipped);
	TAILQ_FOREACH(s, &copy.sessions, entry)
		n += s->n_resources;
	assert_int_equal(n, LIMIT_RESOURCES / LIMIT_SESSIONS * LIMIT_SESSIONS);
	assert_int_equal(TAILQ_FIRST(&TAILQ_FIRST(&copy.sessions)->resources)->store,
			 RESOURCE_STORE_MAX);
	assert_non_null(TAILQ_LAST(&copy.sessions, session_list)->unknown);
	handover_clear(&copy);
	handover_clear(&h);

	handover_init(&h);
	add(&h, 0, LIMIT_SESSION_RESOURCES);
	text = (free(text), NULL);
	assert_int_equal(write_all(&h, &text, &error), 0);
	assert_int_equal(handover_read(text, strlen(text), &copy, &error), 0);
	assert_int_equal(TAILQ_FIRST(&copy.sessions)->n_resources, LIMIT_SESSION_RESOURCES);
	handover_clear(&copy);
	handover_clear(&h);
}

static void refuses_to_write(struct handover *h, int error_code, const char *words)
{
	_cleanup_free_ char *error = NULL, *text = NULL;

	assert_int_equal(write_all(h, &text, &error), error_code);
	assert_null(text);
	if (!strstr(error, words))
		fail_msg("'%s' does not say '%s'", error, words);
	handover_clear(h);
	handover_init(h);
}

static void test_not_written(void **state _unused_)
{
	struct handover h;

	handover_init(&h);
	add(&h, 0, LIMIT_SESSION_RESOURCES + 1);
	refuses_to_write(&h, -E2BIG, "luod/5/vm0 has 1025 resources");
	for (unsigned int i = 0; i <= LIMIT_SESSIONS; i++)
		add(&h, i, 0);
	refuses_to_write(&h, -E2BIG, "1024 sessions");
	set_text(&add(&h, 0, 0)->reason, 'x', LIMIT_REASON + 1);
	refuses_to_write(&h, -E2BIG, "\"reason\" of luod/5/vm0 is longer");
	set_text(&add(&h, 0, 0)->unit, 'x', LIMIT_UNIT + 1);
	refuses_to_write(&h, -E2BIG, "\"unit\" of luod/5/vm0 is longer");
	set_text(&add(&h, 0, 0)->reason, '\xff', 3);
	refuses_to_write(&h, -EILSEQ, "\"reason\" of luod/5/vm0 is no UTF-8");
	h.target.loaded = true;
	set_text(&h.target.kernel_path, 'x', LIMIT_TEXT + 1);
	refuses_to_write(&h, -E2BIG, "\"kernel\" of the target is longer");
	handover_clear(&h);
}

/* A hole in state.json is as large as what is broken, and no larger. */
static void skips(const char *what, const char *by, const char *left, bool target,
		  const char *words)
{
	_cleanup_free_ char *error = NULL, *text = NULL, *bad = NULL, *names = NULL;
	struct handover h;
	struct session *s;
	char *at;

	handover_init(&h);
	for (unsigned int i = 0; i < 3; i++)
		add(&h, i, 1);
	h.target.loaded = true;
	set_text(&h.target.kernel_path, 'k', 3);
	assert_int_equal(write_all(&h, &text, &error), 0);
	handover_clear(&h);
	at = strstr(text, what);
	assert_non_null(at);
	bad = strprintf("%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
	assert_int_equal(handover_read(bad, strlen(bad), &h, &error), 0);
	assert_null(error);
	TAILQ_FOREACH(s, &h.sessions, entry) {
		char *longer = strprintf("%s%s", strempty(names), s->name);

		free(names);
		names = longer;
	}
	assert_string_equal(names, left);
	assert_int_equal(h.target.loaded, target);
	if (!h.skipped || !strstr(h.skipped, words))
		fail_msg("'%s' does not say '%s'", strempty(h.skipped), words);
	handover_clear(&h);
}

static void test_one_is_skipped(void **state _unused_)
{
	_cleanup_free_ char *longer = calloc(1, LIMIT_TEXT + 8);

	skips("\"uid\":5,\"kernel-name\":\"luod/5/vm1\"",
	      "\"uid\":6,\"kernel-name\":\"luod/5/vm1\"", "vm0vm2", true,
	      "'luod/5/vm1': 'vm1' does not belong to");
	skips("\"mode\":\"custody\"", "\"mode\":\"rocket\"", "vm1vm2", true,
	      "'luod/5/vm0': \"mode\" is 'rocket'");
	skips("\"store\":16777215", "\"store\":16777216", "vm1vm2", true, "\"store\"");
	skips("\"sessions\":[", "\"sessions\":[[],", "vm0vm1vm2", true, "no object");
	memset(longer, 'k', LIMIT_TEXT + 1);
	skips("kkk", longer, "vm0vm1vm2", false, "the loaded kernel: \"kernel\" is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fullest),
		cmocka_unit_test(test_not_written),
		cmocka_unit_test(test_one_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
