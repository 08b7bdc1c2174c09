/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net - the verb of that name: the network's record shown, compared with the machine, and replayed.
 *
 * luod reads the machine and changes it, and a record is what luod has written; here it is only opened,
 * as the caller, passed on, and shown. So its namespaces stay JSON from one end to the other.
 */
#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

#define RECORD_MAX (16U << 20) /* what luod takes */

/* The record to ask luod about: the text of a file, or "" for its own last one. Caller frees. */
static int read_record(struct luctl *luctl, char **ret)
{
	const char *path = luctl->options.record;
	char *text = NULL;
	size_t size;
	int r;

	r = path ? file_read_full(path, RECORD_MAX, &text, &size) : 0;
	if (!path)
		text = strdup("");
	if (r < 0) {
		luctl_complain(luctl, "Cannot read %s: %s.", path, strerror(-r));
		return LUCTL_FAILED;
	}
	if (path && strlen(text) != size) {
		luctl_complain(luctl, "%s is no text.", path);
		free(text);
		return LUCTL_FAILED;
	}
	*ret = text;
	return text ? LUCTL_OK : LUCTL_FAILED;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *item(const json_t *array, size_t index)
{
	return strempty(json_string_value(json_array_get(array, index)));
}

/* As Links= of lu.conf says it. Caller frees. */
static char *name_in(const char *namespace, const char *name)
{
	return strprintf("%s%s%s", namespace, *namespace ? "/" : "", name);
}

/* --- show --------------------------------------------------------------------------------------- */

/* "{"update-id", "namespaces"}" out of luod's answer: the id and the record as text. */
static json_t *unpack(const json_t *answer)
{
	json_t *namespaces = json_loads(item(answer, 1), 0, NULL);

	return namespaces ? json_pack("{s:s, s:o}", "update-id", item(answer, 0), "namespaces",
				      namespaces)
			  : NULL;
}

static int ask_for_record(struct luctl *luctl, const char *source, json_t **ret)
{
	json_t *answer, *record;
	int r = luctl_connect(luctl);

	if (r >= 0)
		r = luctl_bus_get_network(luctl->bus, source, &answer, &luctl->error);
	if (r < 0)
		return luctl_fail(luctl, "Cannot show the network");
	record = unpack(answer);
	json_decref(answer);
	if (!record) {
		luctl_complain(luctl, "luod's answer is no record.");
		return LUCTL_FAILED;
	}
	*ret = record;
	return LUCTL_OK;
}

/* A file has what luctl has printed, or the list of namespaces alone. */
static int load_record(struct luctl *luctl, json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	json_error_t e;
	json_t *json;
	int r = read_record(luctl, &text);

	if (r != LUCTL_OK)
		return r;
	json = json_loads(text, 0, &e);
	if (!json ||
	    !json_is_array(json_is_array(json) ? json : json_object_get(json, "namespaces"))) {
		luctl_complain(luctl, "%s is no record: %s.", luctl->options.record,
			       json ? "there are no namespaces in it" : e.text);
		json_decref(json);
		return LUCTL_FAILED;
	}
	*ret = json_is_array(json) ? json_pack("{s:o}", "namespaces", json) : json;
	return *ret ? LUCTL_OK : LUCTL_FAILED;
}

/* "192.0.2.1/24, 2001:db8::1/64". Caller frees. */
static char *addresses_of(const json_t *link)
{
	const json_t *list = json_object_get(link, "addresses"), *one;
	char *text = strdup("");
	size_t i;

	json_array_foreach(list, i, one) {
		char *longer = strprintf("%s%s%s", strempty(text), i ? ", " : "",
					 strempty(text_of(one, "local")));

		free(text);
		text = longer;
	}
	return text;
}

/* "port of br0", "on eth0", "on guest/eth0". Caller frees. */
static char *place_of(const json_t *link)
{
	const char *master = text_of(link, "master"), *lower = text_of(link, "lower");
	_cleanup_free_ char *on = NULL;

	if (lower)
		on = name_in(strempty(text_of(link, "lower-namespace")), lower);
	return strprintf("%s%s%s%s%s", master ? "port of " : "", strempty(master),
			 master && on ? ", " : "", on ? "on " : "", strempty(on));
}

static void add_link(struct luctl_table *table, const char *namespace, const json_t *link)
{
	_cleanup_free_ char *name = name_in(namespace, strempty(text_of(link, "name")));
	_cleanup_free_ char *place = place_of(link), *addresses = addresses_of(link);
	const char *kind = text_of(link, "kind");

	if (kind && streq(kind, "other"))
		kind = text_of(link, "kind-name");
	luctl_table_add(table, (const char *const[]){ name, kind, place, text_of(link, "mac"),
						      addresses });
}

struct counts {
	size_t links, routes;
};

static struct counts add_links(struct luctl_table *table, const json_t *record)
{
	const json_t *namespaces = json_object_get(record, "namespaces"), *ns, *link;
	struct counts n = {};
	size_t i, j;

	json_array_foreach(namespaces, i, ns) {
		n.routes += json_array_size(json_object_get(ns, "routes"));
		json_array_foreach(json_object_get(ns, "links"), j, link) {
			add_link(table, strempty(text_of(ns, "name")), link);
			n.links++;
		}
	}
	return n;
}

static int print_record(struct luctl *luctl, const json_t *record)
{
	static const struct luctl_column columns[] = {
		{ "LINK" }, { "KIND" }, { "PLACE" }, { "MAC" }, { "ADDRESSES", .wrap = true },
	};
	_cleanup_(luctl_table_freep) struct luctl_table *table =
		luctl_table_new(luctl, columns, ARRAY_SIZE(columns));
	struct counts n;

	if (!table)
		return LUCTL_FAILED;
	n = add_links(table, record);
	if (!n.links) {
		luctl_remark(luctl, "There are no links in it. [Network] Links= of lu.conf says "
				    "which an update records.");
		return LUCTL_OK;
	}
	if (luctl_table_print(table) < 0)
		return LUCTL_FAILED;
	if (!luctl->options.no_legend && !luctl->options.quiet)
		fprintf(luctl->out, "\n%zu link%s and %zu route%s.\n", n.links,
			n.links == 1 ? "" : "s", n.routes, n.routes == 1 ? "" : "s");
	return LUCTL_OK;
}

static int show(struct luctl *luctl)
{
	const char *source = luctl->options.record ? "file" : luctl->options.last ? "last" : "now";
	json_t *record;
	int r;

	r = luctl->options.record ? load_record(luctl, &record)
				  : ask_for_record(luctl, source, &record);
	if (r != LUCTL_OK)
		return r;
	if (!luctl->options.json) {
		r = print_record(luctl, record);
		json_decref(record);
		return r;
	}
	luctl_json_set(&record, "source", json_string(source));
	if (!json_object_get(record, "update-id"))
		luctl_json_set(&record, "update-id", json_string(""));
	return luctl_print_json(luctl, record, false);
}

/* --- diff --------------------------------------------------------------------------------------- */

/* luod says it as text, null as "". */
static json_t *value_of(const char *text)
{
	return (*text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL) ?: json_null();
}

static json_t *differences_to_json(const json_t *list)
{
	json_t *all = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		luctl_json_append(&all, json_pack("{s:s, s:s, s:s, s:o, s:o}", "namespace",
						  item(one, 0), "object", item(one, 1), "what",
						  item(one, 2), "record", value_of(item(one, 3)),
						  "machine", value_of(item(one, 4))));
	return luctl_json_single("differences", all);
}

/* A row for each item of a list, or none: @add decides. */
static int print_list(struct luctl *luctl, const struct luctl_column *columns, size_t n_columns,
		      const json_t *list, void (*add)(struct luctl_table *table, const json_t *one))
{
	_cleanup_(luctl_table_freep) struct luctl_table *table =
		luctl_table_new(luctl, columns, n_columns);
	const json_t *one;
	size_t i;

	if (!table)
		return -ENOMEM;
	json_array_foreach(list, i, one)
		add(table, one);
	return luctl_table_print(table);
}

/* Of a link as a whole it is enough that it is there. */
static void add_difference(struct luctl_table *table, const json_t *one)
{
	_cleanup_free_ char *object = name_in(item(one, 0), item(one, 1));
	bool whole = !*item(one, 2) && !streq(item(one, 1), "routes");

	luctl_table_add(table, (const char *const[]){ object, item(one, 2),
						      whole ? "is there" : item(one, 3),
						      whole ? "is missing" : item(one, 4) });
}

static int print_differences(struct luctl *luctl, const json_t *list)
{
	static const struct luctl_column columns[] = {
		{ "OBJECT" },
		{ "WHAT" },
		{ "RECORD" },
		{ "MACHINE", .wrap = true },
	};

	return print_list(luctl, columns, ARRAY_SIZE(columns), list, add_difference);
}

/* What the whole of it comes to, for whoever reads. */
static void conclude(struct luctl *luctl, const char *sentence)
{
	if (!luctl->options.no_legend && !luctl->options.quiet)
		fprintf(luctl->out, "%s\n", sentence);
}

/* Takes @answer; @verdict is the exit code when all of it could be printed. */
static int tell_differences(struct luctl *luctl, json_t *answer)
{
	const json_t *list = json_array_get(answer, 0);
	int verdict = json_array_size(list) ? LUCTL_DIFFERS : LUCTL_OK, r = LUCTL_OK;

	if (luctl->options.json)
		r = luctl_print_json(luctl, differences_to_json(list), false);
	else if (verdict == LUCTL_OK)
		conclude(luctl, "The network is as recorded.");
	else if (print_differences(luctl, list) < 0)
		r = LUCTL_FAILED;
	json_decref(answer);
	return r ?: verdict;
}

typedef int (*ask_t)(struct luctl_bus *bus, const char *record, json_t **ret,
		     struct luctl_error *e);

/* Asks luod about the record that the options name. An exit code; LUCTL_OK with an answer only. */
static int ask(struct luctl *luctl, ask_t call, const char *failure, json_t **ret)
{
	_cleanup_free_ char *record = NULL;
	int r = read_record(luctl, &record);

	if (r != LUCTL_OK)
		return r;
	r = luctl_connect(luctl);
	if (r >= 0)
		r = call(luctl->bus, record, ret, &luctl->error);
	return r < 0 ? luctl_fail(luctl, "%s", failure) : LUCTL_OK;
}

static int diff(struct luctl *luctl)
{
	json_t *answer;
	int r = ask(luctl, luctl_bus_compare_network, "Cannot compare the network", &answer);

	return r != LUCTL_OK ? r : tell_differences(luctl, answer);
}

/* --- replay ------------------------------------------------------------------------------------- */

static size_t count(const json_t *list, const char *outcome)
{
	const json_t *one;
	size_t i, n = 0;

	json_array_foreach(list, i, one)
		n += streq(item(one, 2), outcome);
	return n;
}

static json_t *results_to_json(const json_t *list)
{
	json_t *all = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		luctl_json_append(&all, json_pack("{s:s, s:s, s:s, s:s}", "namespace", item(one, 0),
						  "object", item(one, 1), "outcome", item(one, 2),
						  "message", item(one, 3)));
	return luctl_json_single("results", all);
}

static void add_result(struct luctl_table *table, const json_t *one)
{
	_cleanup_free_ char *object = name_in(item(one, 0), item(one, 1));

	if (!streq(item(one, 2), "same"))
		luctl_table_add(table, (const char *const[]){ object, item(one, 2), item(one, 3) });
}

static int print_results(struct luctl *luctl, const json_t *list)
{
	static const struct luctl_column columns[] = {
		{ "OBJECT" },
		{ "OUTCOME", .colored = true },
		{ "MESSAGE", .wrap = true },
	};

	return print_list(luctl, columns, ARRAY_SIZE(columns), list, add_result);
}

static int verdict_of(const json_t *list)
{
	if (count(list, "failed"))
		return LUCTL_FAILED;
	return count(list, "conflict") || count(list, "later") ? LUCTL_DIFFERS : LUCTL_OK;
}

static int tell_results(struct luctl *luctl, json_t *answer)
{
	const json_t *list = json_array_get(answer, 0);
	int verdict = verdict_of(list), r = LUCTL_OK;

	if (luctl->options.json)
		r = luctl_print_json(luctl, results_to_json(list), false);
	else if (count(list, "same") == json_array_size(list))
		conclude(luctl, "The network was as recorded already.");
	else if (print_results(luctl, list) < 0)
		r = LUCTL_FAILED;
	json_decref(answer);
	return r ?: verdict;
}

static int replay(struct luctl *luctl)
{
	json_t *answer;
	int r = ask(luctl, luctl_bus_replay_network, "Cannot replay the network", &answer);

	return r != LUCTL_OK ? r : tell_results(luctl, answer);
}

/* --- the verb ----------------------------------------------------------------------------------- */

int luctl_verb_net(struct luctl *luctl, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct luctl *luctl);
		bool knows_last;
	} actions[] = {
		{ "show", show, true },
		{ "diff", diff, false },
		{ "replay", replay, false },
	};

	if (luctl->options.last && luctl->options.record) {
		luctl_complain(luctl, "--last and --record exclude each other.");
		return LUCTL_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!streq(actions[i].name, argv[0]))
			continue;
		if (!luctl->options.last || actions[i].knows_last)
			return actions[i].run(luctl);
		luctl_complain(luctl,
			       "'luctl net %s' goes by the last update's record by itself; "
			       "--last is for 'net show'.",
			       argv[0]);
		return LUCTL_USAGE;
	}
	luctl_complain(luctl, "'%s' is none of show, diff and replay.", argv[0]);
	return LUCTL_USAGE;
}
