/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-prove - see net-prove.h. */
#include "net-prove.h"

#include "limits.h"
#include "net-diff.h"
#include "net-json.h"
#include "net-plan.h"

static int wrong(char **ret_error, int error, const char *text)
{
	*ret_error = strdup(text);
	return error;
}

/* Which link cannot be written: the first that cannot by itself. */
static int say_unwritten(const struct net_record *r, char **ret_error)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct net_namespace *ns = &r->namespaces[i];

		for (size_t j = 0; j < ns->n_links; j++) {
			json_t *json = net_link_to_json(ns->links[j]);

			json_decref(json);
			if (json)
				continue;
			*ret_error = strprintf("something of link '%s%s%s' is no text", ns->name,
					       *ns->name ? "/" : "", ns->links[j]->name);
			return -EILSEQ;
		}
	}
	return wrong(ret_error, -EILSEQ, "a route or the name of a namespace cannot be written");
}

static int write_record(const struct net_record *r, char **ret_text, char **ret_error)
{
	json_t *json = net_record_to_json(r);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text)
		return say_unwritten(r, ret_error);
	if (strlen(text) > LIMIT_NET) {
		free(text);
		*ret_error = strprintf("it takes more than %u MiB", LIMIT_NET >> 20);
		return -E2BIG;
	}
	*ret_text = text;
	return 0;
}

static int read_back(const char *text, struct net_record *ret, char **ret_error)
{
	json_error_t e;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &e);
	int r;

	if (!json)
		return wrong(ret_error, -EINVAL, e.text);
	r = net_record_from_json(json, ret, ret_error);
	json_decref(json);
	return r;
}

static int compare(const char *text, const struct net_record *record, const struct net_record *copy,
		   char **ret_error)
{
	_cleanup_free_ char *again = NULL;
	struct net_diff diff;
	int r = write_record(copy, &again, ret_error);

	if (r < 0 || streq(text, again))
		return r;
	r = net_diff(record, copy, &diff);
	if (r < 0)
		return wrong(ret_error, r, strerror(-r));
	*ret_error = diff.n ? strprintf("'%s' would come back with another \"%s\"",
					diff.items[0].object, diff.items[0].what)
			    : strdup("it would come back otherwise");
	net_diff_clear(&diff);
	return -EBADMSG;
}

int net_prove(const struct net_record *record, char **ret_error)
{
	_cleanup_free_ char *text = NULL;
	struct net_record copy = {};
	struct net_plan plan = {};
	int r;

	if ((r = write_record(record, &text, ret_error)) >= 0 &&
	    (r = read_back(text, &copy, ret_error)) >= 0 &&
	    (r = compare(text, record, &copy, ret_error)) >= 0)
		r = net_plan_make(&copy, &plan, ret_error);
	net_plan_clear(&plan);
	net_record_clear(&copy);
	return r;
}
