/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover: what another luod wrote, or somebody else. What is read is in bounds, can be written,
 * and is the same when it has been written and read again. What is refused says why, and leaves
 * nothing.
 */
#include <jansson.h>

#include "luod/handover.h"

static char *write_again(const struct handover *h)
{
	const struct update state = { .phase = h->phase };
	char *text;

	if (handover_write(&h->update, &h->sessions, &state, &h->target, &text) < 0)
		abort();
	return text;
}

static void check(const struct handover *h)
{
	const struct session *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &h->sessions, entry) {
		if (!session_name_valid(s->name) || s->n_resources > HANDOVER_RESOURCES_MAX)
			abort();
		n++;
	}
	if (n > HANDOVER_SESSIONS_MAX)
		abort();
}

/* What was unknown comes first when it is written, so the order may change; the content must not. */
static bool same(const char *a, const char *b)
{
	json_t *x = json_loads(a, 0, NULL), *y = json_loads(b, 0, NULL);
	bool equal = x && y && json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return equal;
}

static void read_back(const struct handover *h)
{
	_cleanup_free_ char *text = write_again(h), *again = NULL, *error = NULL;
	struct handover copy;

	if (handover_read(text, strlen(text), &copy, &error) < 0)
		abort();
	again = write_again(&copy);
	if (!same(text, again))
		abort();
	handover_clear(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *error = NULL;
	struct handover h;
	int r = handover_read((const char *)data, size, &h, &error);

	if (r < 0) {
		if (!error || !*error)
			abort();
		return 0;
	}
	check(&h);
	read_back(&h);
	handover_clear(&h);
	return 0;
}
