/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline - the verb of that name: the phases of one update, and its blackout. */
#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"
#include "luctl/phase.h"
#include "luctl/svg.h"

#define BAR_WIDTH 30

static json_t *json_phase(const struct luctl_phase *p)
{
	json_t *object = json_object();

	luctl_json_set(&object, "from", json_string(p->from));
	luctl_json_set(&object, "to", json_string(p->to));
	luctl_json_set(&object, "title", json_string(p->title));
	luctl_json_set(&object, "kernel", json_string(luctl_side_to_string(p->side)));
	luctl_json_set(&object, "start-usec", luctl_json_u64(p->start));
	luctl_json_set(&object, "duration-usec", luctl_json_u64(p->duration));
	luctl_json_set(&object, "blackout", json_boolean(p->blackout));
	return object;
}

static json_t *json_phases(const struct luctl_phases *phases)
{
	json_t *array = json_array();

	for (size_t i = 0; i < phases->count; i++)
		luctl_json_append(&array, json_phase(&phases->items[i]));
	return array;
}

static json_t *json_blackout(const struct luctl_timeline *timeline)
{
	uint64_t start, duration;
	json_t *object;

	if (!luctl_blackout(timeline, &start, &duration))
		return json_null();
	object = json_object();
	luctl_json_set(&object, "start-usec", luctl_json_u64(start));
	luctl_json_set(&object, "duration-usec", luctl_json_u64(duration));
	return object;
}

static void print_left_behind(struct luctl *luctl, const struct luctl_left_behinds *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct luctl_left_behind *one = &l->items[i];
		_cleanup_free_ char *name = luctl_safe(one->name), *unit = luctl_safe(one->unit);
		_cleanup_free_ char *why = luctl_safe(one->why);

		fprintf(luctl->out, "Left behind: %u/%s%s%s%s: %s\n", one->uid, strempty(name),
			isempty(unit) ? "" : " (", strempty(unit), isempty(unit) ? "" : ")",
			strempty(why));
	}
}

static void print_heading(struct luctl *luctl, const struct luctl_timeline *timeline)
{
	_cleanup_free_ char *id = luctl_safe(timeline->update_id);
	_cleanup_free_ char *from = luctl_safe(timeline->from);
	_cleanup_free_ char *to = luctl_safe(timeline->to);
	_cleanup_free_ char *jump = luctl_safe(timeline->jump);
	_cleanup_free_ char *result = luctl_safe(timeline->result);
	_cleanup_free_ char *error = luctl_safe(timeline->error);
	_cleanup_free_ char *reason = luctl_safe(timeline->reason);
	_cleanup_free_ char *forced = luctl_safe(timeline->forced);
	_cleanup_free_ char *who = luctl_requester(timeline), *safe_who = luctl_safe(who);
	_cleanup_free_ char *when = NULL;

	if (timeline->began != USEC_INFINITY)
		when = luctl_format_time(timeline->began);
	else if (timeline->marks.count)
		when = luctl_format_time(timeline->marks.items[0].realtime);
	fprintf(luctl->out, "Update %s, %s, by %s\n", strempty(id), strempty(when),
		strempty(safe_who));
	fprintf(luctl->out, "%s to %s, jump %s: %s\n", strempty(from), strempty(to), strempty(jump),
		isempty(result) ? "no result yet" : result);
	if (!isempty(error))
		fprintf(luctl->out, "%s\n", error);
	if (!isempty(reason))
		fprintf(luctl->out, "Reason: %s\n", reason);
	if (!isempty(forced))
		fprintf(luctl->out, "Forced, in spite of: %s\n", forced);
	print_left_behind(luctl, &timeline->left_behind);
	fputc('\n', luctl->out);
}

static int print_phases(struct luctl *luctl, const struct luctl_phases *phases)
{
	static const struct luctl_column columns[] = {
		{ "PHASE" },
		{ "KERNEL" },
		{ "START", .right = true },
		{ "DURATION", .right = true },
		{ "" },
	};
	const struct luctl_phase *last = &phases->items[phases->count - 1];
	uint64_t total = last->start + last->duration;
	_cleanup_(luctl_table_freep) struct luctl_table *table =
		luctl_table_new(luctl, columns, ARRAY_SIZE(columns));
	bool utf8 = luctl_is_utf8();

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < phases->count; i++) {
		const struct luctl_phase *p = &phases->items[i];
		_cleanup_free_ char *start = luctl_format_duration(p->start);
		_cleanup_free_ char *duration = luctl_format_duration(p->duration);
		_cleanup_free_ char *bar = luctl_phase_bar(
			p, total, BAR_WIDTH, p->blackout ? (utf8 ? "█" : "#") : (utf8 ? "░" : "-"));

		const char *side = p->side == LUCTL_BETWEEN ? "" : luctl_side_to_string(p->side);

		luctl_table_add(table,
				(const char *const[]){ p->title, side, start, duration, bar });
	}
	return luctl_table_print(table);
}

static void print_blackout(struct luctl *luctl, const struct luctl_timeline *timeline)
{
	uint64_t start, duration;
	_cleanup_free_ char *text = NULL;

	if (!luctl_blackout(timeline, &start, &duration)) {
		fputs("\nNo blackout: no owner has both paused and resumed.\n", luctl->out);
		return;
	}
	text = luctl_format_duration(duration);
	fprintf(luctl->out, "\nBlackout %s%s%s (%s, first ready to last resumed)\n",
		luctl_color(luctl->out, LUCTL_BOLD), strempty(text),
		luctl_color(luctl->out, LUCTL_PLAIN), luctl_is_utf8() ? "█" : "#");
}

static int print_json(struct luctl *luctl, const struct luctl_timeline *timeline,
		      const struct luctl_phases *phases)
{
	json_t *document = json_object();

	luctl_json_set(&document, "update", luctl_json_update(timeline));
	luctl_json_set(&document, "blackout", json_blackout(timeline));
	luctl_json_set(&document, "phases", json_phases(phases));
	luctl_json_set(&document, "marks", luctl_json_marks(&timeline->marks));
	return luctl_print_json(luctl, document, false);
}

static int print_text(struct luctl *luctl, const struct luctl_timeline *timeline,
		      const struct luctl_phases *phases)
{
	int r = 0;

	if (!luctl->options.no_legend)
		print_heading(luctl, timeline);
	if (phases->count)
		r = print_phases(luctl, phases);
	if (!luctl->options.no_legend)
		print_blackout(luctl, timeline);
	return r < 0 ? LUCTL_FAILED : LUCTL_OK;
}

/* The picture, into the file that --svg names or to the output. */
static int print_picture(struct luctl *luctl, const struct luctl_timeline *timeline,
			 const struct luctl_phases *phases)
{
	const char *path = luctl->options.svg;
	FILE *f;
	int r;

	if (isempty(path))
		return luctl_svg_print(luctl->out, timeline, phases) < 0 ? LUCTL_FAILED : LUCTL_OK;
	f = fopen(path, "we");
	r = f ? luctl_svg_print(f, timeline, phases) : -errno;
	if (f && fclose(f) != 0 && r >= 0)
		r = -errno;
	if (r >= 0)
		return LUCTL_OK;
	luctl_complain(luctl, "cannot write %s: %s.", path, strerror(-r));
	return LUCTL_FAILED;
}

int luctl_verb_timeline(struct luctl *luctl, char **argv)
{
	_cleanup_(luctl_timeline_clear) struct luctl_timeline timeline = {};
	_cleanup_(luctl_phases_clear) struct luctl_phases phases = {};
	const char *given = strempty(argv[0]);
	_cleanup_free_ char *id = NULL;
	int r;

	r = luctl_whole_id(luctl, given, &id);
	if (r != LUCTL_OK)
		return r;
	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_get_timeline(luctl->bus, id, &timeline, &luctl->error);
	if (r < 0)
		return *given ? luctl_fail(luctl, "Cannot show update %s", given)
			      : luctl_fail(luctl, "Cannot show the last update");
	if (luctl_phases_of(&timeline, &phases) < 0) {
		luctl_complain(luctl, "out of memory");
		return LUCTL_FAILED;
	}
	if (luctl->options.svg)
		return print_picture(luctl, &timeline, &phases);
	if (luctl->options.json)
		return print_json(luctl, &timeline, &phases);
	return print_text(luctl, &timeline, &phases);
}
