/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check - the verb of that name, and the table of findings that update prints too. */
#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

int luctl_print_findings(struct luctl *luctl, const struct luctl_findings *findings)
{
	static const struct luctl_column columns[] = {
		{ "SEVERITY", .colored = true },
		{ "CODE" },
		{ "OBJECT" },
		{ "MESSAGE", .wrap = true },
	};
	_cleanup_(luctl_table_freep) struct luctl_table *table = NULL;

	if (!findings->count)
		return 0;
	table = luctl_table_new(luctl, columns, ARRAY_SIZE(columns));
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < findings->count; i++) {
		const struct luctl_finding *f = &findings->items[i];

		luctl_table_add(table, (const char *const[]){ f->severity, f->code, f->object,
							      f->message });
	}
	return luctl_table_print(table);
}

static int print_json(struct luctl *luctl, const struct luctl_findings *findings)
{
	size_t errors = luctl_findings_count(findings, "error");
	size_t warnings = luctl_findings_count(findings, "warning");
	json_t *document = json_object();

	luctl_json_set(&document, "errors", json_integer((json_int_t)errors));
	luctl_json_set(&document, "warnings", json_integer((json_int_t)warnings));
	luctl_json_set(&document, "findings", luctl_json_findings(findings));
	return luctl_print_json(luctl, document, false);
}

static void print_verdict(struct luctl *luctl, const struct luctl_findings *findings)
{
	size_t errors = luctl_findings_count(findings, "error");
	size_t warnings = luctl_findings_count(findings, "warning");

	if (luctl->options.no_legend || luctl->options.quiet)
		return;
	if (errors)
		fprintf(luctl->out, "\n%zu finding%s against an update.\n", errors,
			errors == 1 ? " stands" : "s stand");
	else if (warnings)
		fprintf(luctl->out, "\nNothing stands against an update; %zu warning%s.\n",
			warnings, warnings == 1 ? "" : "s");
	else
		fputs("Nothing stands against an update.\n", luctl->out);
}

int luctl_verb_check(struct luctl *luctl, char **argv)
{
	_cleanup_(luctl_findings_clear) struct luctl_findings findings = {};
	int verdict, r;

	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_check(luctl->bus, &findings, &luctl->error);
	if (r < 0)
		return luctl_fail(luctl, "Cannot check");
	verdict = luctl_findings_count(&findings, "error") ? LUCTL_REFUSED : LUCTL_OK;
	if (luctl->options.json)
		return print_json(luctl, &findings) ?: verdict;
	if (luctl_print_findings(luctl, &findings) < 0)
		return LUCTL_FAILED;
	print_verdict(luctl, &findings);
	return verdict;
}
