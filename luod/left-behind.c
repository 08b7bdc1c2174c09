/* SPDX-License-Identifier: GPL-2.0-or-later */
/* left-behind - see left-behind.h. */
#include "left-behind.h"

#include <jansson.h>

#include "limits.h"
#include "session.h"

/* As many are named in a line of the journal. */
#define SAID_MAX 8

static void clear_one(struct left_behind *one)
{
	free(one->name);
	free(one->unit);
	free(one->why);
}

int left_behinds_add(struct left_behinds *l, uid_t uid, const char *name, const char *unit,
		     const char *why)
{
	struct left_behind *items = reallocarray(l->items, l->n + 1, sizeof(*items));
	struct left_behind one = {
		.uid = uid,
		.name = strdup(name),
		.unit = strdup(strempty(unit)),
		.why = strprintf("%.*s", FIT(why, LIMIT_LEFT_BEHIND)),
	};

	if (items)
		l->items = items;
	if (!items || !one.name || !one.unit || !one.why) {
		clear_one(&one);
		return -ENOMEM;
	}
	l->items[l->n++] = one;
	return 0;
}

void left_behinds_clear(struct left_behinds *l)
{
	for (size_t i = 0; i < l->n; i++)
		clear_one(&l->items[i]);
	free(l->items);
	*l = (struct left_behinds){};
}

int left_behinds_copy(const struct left_behinds *from, struct left_behinds *ret)
{
	struct left_behinds copy = {};

	for (size_t i = 0; i < from->n; i++) {
		const struct left_behind *one = &from->items[i];

		if (left_behinds_add(&copy, one->uid, one->name, one->unit, one->why) < 0) {
			left_behinds_clear(&copy);
			return -ENOMEM;
		}
	}
	left_behinds_clear(ret);
	*ret = copy;
	return 0;
}

bool left_behinds_have(const struct left_behinds *l, uid_t uid, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].uid == uid && streq(l->items[i].name, name))
			return true;
	return false;
}

char *left_behinds_say(const struct left_behinds *l)
{
	char *text = strprintf("%zu session%s left behind: ", l->n, l->n == 1 ? " was" : "s were");

	for (size_t i = 0; text && i < l->n && i < SAID_MAX; i++) {
		const struct left_behind *one = &l->items[i];
		char *longer = strprintf("%s%s%u/%s (%s)", text, i ? ", " : "", one->uid, one->name,
					 one->why);

		free(text);
		text = longer;
	}
	if (text && l->n > SAID_MAX) {
		char *longer = strprintf("%s, and more", text);

		free(text);
		text = longer;
	}
	return text;
}

json_t *left_behinds_to_json(const struct left_behinds *l)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < l->n; i++) {
		const struct left_behind *one = &l->items[i];

		if (json_array_append_new(array, json_pack("{s:I, s:s, s:s, s:s}", "uid",
							   (json_int_t)one->uid, "name", one->name,
							   "unit", one->unit, "why", one->why)) <
		    0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static int add_json(struct left_behinds *l, const json_t *o)
{
	const char *name, *unit, *why;
	json_int_t uid;

	/* json_unpack() does not change what it reads. */
	if (json_unpack((json_t *)o, "{s:I, s:s, s:s, s:s}", "uid", &uid, "name", &name, "unit",
			&unit, "why", &why) < 0 ||
	    uid < 0 || uid >= UINT32_MAX || !session_name_valid(name) ||
	    strlen(unit) > LIMIT_UNIT || strlen(why) > LIMIT_LEFT_BEHIND)
		return -EINVAL;
	return left_behinds_add(l, (uid_t)uid, name, unit, why);
}

int left_behinds_from_json(const json_t *array, struct left_behinds *ret)
{
	struct left_behinds l = {};
	int r = 0;

	*ret = (struct left_behinds){};
	if (!array)
		return 0;
	if (!json_is_array(array) || json_array_size(array) > LIMIT_SESSIONS)
		return -EINVAL;
	for (size_t i = 0; r >= 0 && i < json_array_size(array); i++)
		r = add_json(&l, json_array_get(array, i));
	if (r < 0)
		left_behinds_clear(&l);
	else
		*ret = l;
	return r;
}
