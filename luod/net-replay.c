/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-replay - links and the report; routes: net-replay-route.c. See net-replay.h. */
#include "net-replay-private.h"

void net_report_clear(struct net_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		free(report->results[i].namespace);
		free(report->results[i].object);
		free(report->results[i].text);
	}
	free(report->results);
	*report = (struct net_report){};
}

const char *net_outcome_to_string(enum net_outcome outcome)
{
	static const char *const names[] = {
		[NET_SAME] = "same",   [NET_CHANGED] = "changed",   [NET_MADE] = "made",
		[NET_LATER] = "later", [NET_CONFLICT] = "conflict", [NET_FAILED] = "failed",
	};

	return names[outcome];
}

size_t net_report_count(const struct net_report *report, enum net_outcome outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n; i++)
		n += report->results[i].outcome == outcome;
	return n;
}

char *net_object(const char *namespace, const char *object)
{
	return strprintf("%s%s%s", namespace, *namespace ? "/" : "", object);
}

bool replay_wants(const struct replay *p, const char *namespace, const char *object)
{
	char *const *only = p->gate ? p->gate->only : NULL;
	_cleanup_free_ char *name = only ? net_object(namespace, object) : NULL;

	for (size_t i = 0; name && only[i]; i++)
		if (streq(only[i], name))
			return true;
	return !only;
}

void replay_note(struct replay *p, const struct net_result *result)
{
	struct net_result *results =
		reallocarray(p->report->results, p->report->n + 1, sizeof(*results));

	if (!results) {
		p->error = -ENOMEM;
		return;
	}
	p->report->results = results;
	results[p->report->n++] = (struct net_result){
		.outcome = result->outcome,
		.namespace = strdup(result->namespace),
		.object = strdup(result->object),
		.text = result->text ? strdup(result->text) : NULL,
		.absent = result->absent,
	};
}

/* --- links ------------------------------------------------------------------------------------ */

static enum net_outcome outcome_of(const struct net_deed *deed, int r)
{
	if (r < 0)
		return NET_FAILED;
	if (deed->conflict)
		return NET_CONFLICT;
	if (deed->later)
		return NET_LATER;
	return deed->made ? NET_MADE : deed->changes ? NET_CHANGED : NET_SAME;
}

static struct net_wish wish_for(const struct replay *p, const struct net_step *step)
{
	const struct net_step *peer = step->peer < 0 ? NULL : &p->plan.steps[step->peer];

	return (struct net_wish){
		.record = p->record,
		.namespace = step->namespace,
		.link = step->link,
		.peer = peer ? peer->link : NULL,
		.peer_namespace = peer ? peer->namespace : 0,
		.made = step->made,
	};
}

/* Both ends go together: what one of them could not become, the other one is not made as, either. */
static void give_up_peer(struct replay *p, struct net_step *step)
{
	struct net_step *peer = step->peer < 0 ? NULL : &p->plan.steps[step->peer];
	const char *name = p->record->namespaces[peer ? peer->namespace : 0].name;
	int place = net_machine_find(p->machine, name);
	struct net_link *link;

	if (!peer || place < 0)
		return;
	link = net_find_link(&p->machine->now.namespaces[place], peer->link->name);
	if (link && (step->deed.peer_made || step->made))
		apply_forget(p->machine, (size_t)place, link);
	else if (link)
		return; /* It was there before. */
	peer->result = -ECANCELED;
	net_deed_clear(&peer->deed);
	peer->deed.absent = step->deed.absent;
	peer->deed.error = strprintf("its other end failed");
}

static void do_link(struct replay *p, struct net_step *step)
{
	struct net_wish wish = wish_for(p, step);

	/* The other end of a pair that failed. */
	if (step->result < 0 || step->passed)
		return;
	step->result = net_apply(p->machine, &wish, p->gate, &step->deed);
	p->report->changes += step->deed.changes;
	if (step->result < 0)
		give_up_peer(p, step);
	else if (step->deed.peer_made)
		p->plan.steps[step->peer].made = true;
}

static void note_link(struct replay *p, const struct net_step *step)
{
	replay_note(p,
		    &(struct net_result){
			    .outcome = outcome_of(&step->deed, step->result),
			    .namespace = p->record->namespaces[step->namespace].name,
			    .object = (char *)step->link->name,
			    .text = step->result < 0	  ? (step->deed.error ? step->deed.error
									      : strerror(-step->result))
				    : step->deed.conflict ? step->deed.conflict
							  : step->deed.later,
			    .absent = step->result < 0 && step->deed.absent,
		    });
}

static void add_conflict(struct net_deed *deed, const char *text)
{
	_cleanup_free_ char *before = deed->conflict;

	deed->conflict = strprintf("%s%s%s", strempty(before), before ? ", " : "", strempty(text));
}

/* What has become of a link that is somebody else's is not our business, but worth telling. */
static void do_late(struct replay *p, struct net_step *step)
{
	bool ours = step->deed.ours && (step->deed.made || step->deed.begun || step->deed.changes);
	struct net_wish wish = wish_for(p, step);
	struct net_deed late = {};
	int r;

	if (step->result < 0 || step->passed)
		return;
	r = net_apply_late(p->machine, &wish, ours, p->gate, &late);
	p->report->changes += late.changes;
	if (r < 0) {
		step->result = r;
		free(step->deed.error);
		step->deed.error = strprintf("it is there, but not as it was: %s",
					     late.error ? late.error : strerror(-r));
	} else if (late.conflict)
		add_conflict(&step->deed, late.conflict);
	net_deed_clear(&late);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void pass_over(struct replay *p)
{
	for (size_t i = 0; i < p->plan.n; i++) {
		struct net_step *step = &p->plan.steps[i];

		step->passed = !replay_wants(p, p->record->namespaces[step->namespace].name,
					     step->link->name);
	}
}

static int open_machine(struct replay *p, bool make, char **ret_error)
{
	int r;

	for (size_t i = 0; i < p->record->n; i++) {
		const char *name = p->record->namespaces[i].name;

		r = net_machine_open(p->machine, name, make);
		if (r < 0 && !*name) {
			*ret_error = strprintf("rtnetlink: %s", strerror(-r));
			return r;
		}
		if (r < 0)
			replay_note(p, &(struct net_result){ .outcome = NET_FAILED,
							     .namespace = (char *)name,
							     .object = (char *)"namespace",
							     .text = strerror(-r) });
	}
	r = net_machine_read(p->machine);
	if (r < 0)
		*ret_error = strprintf("reading the network: %s", strerror(-r));
	return r;
}

/* What there is now is not known: what others have moved, and routes, are not looked after. */
static void note_unread(struct replay *p, size_t place, int error)
{
	_cleanup_free_ char *why =
		strprintf("the network cannot be read again: %s", strerror(-error));

	replay_note(p, &(struct net_result){ .outcome = NET_FAILED,
					     .namespace = p->record->namespaces[place].name,
					     .object = (char *)NET_ROUTES,
					     .text = why });
}

static int run(struct replay *p, char **ret_error)
{
	int r = open_machine(p, !p->gate || !p->gate->only, ret_error);

	if (r < 0)
		return r;
	pass_over(p);
	if (p->gate && p->gate->begins && !p->gate->others)
		p->gate->begins(&p->machine->now, p->gate->userdata);
	for (size_t i = 0; i < p->plan.n; i++)
		do_link(p, &p->plan.steps[i]);
	r = net_machine_read(p->machine);
	for (size_t i = 0; i < p->plan.n && r >= 0; i++)
		do_late(p, &p->plan.steps[i]);
	for (size_t i = 0; i < p->plan.n; i++)
		if (!p->plan.steps[i].passed)
			note_link(p, &p->plan.steps[i]);
	for (size_t i = 0; i < p->record->n; i++)
		if (r >= 0)
			replay_routes(p, i);
		else
			note_unread(p, i, r);
	return p->error;
}

int net_replay(const struct net_record *record, struct host *host, const struct net_gate *gate,
	       struct net_report *ret, char **ret_error)
{
	struct net_machine machine = { .host = host };
	struct net_report report = {};
	struct replay p = { .record = record, .machine = &machine, .gate = gate, .report = &report };
	int r = net_plan_make(record, &p.plan, ret_error);

	if (r >= 0)
		r = run(&p, ret_error);
	net_plan_clear(&p.plan);
	net_machine_clear(&machine);
	if (r < 0) {
		net_report_clear(&report);
		if (!*ret_error)
			*ret_error = strdup(strerror(-r));
		return r;
	}
	*ret = report;
	return 0;
}

/* --- later ------------------------------------------------------------------------------------ */

static void do_rates(struct replay *p, const struct net_step *step, size_t *left, char **why)
{
	struct net_wish wish = wish_for(p, step);
	struct net_deed deed = {};

	if (!step->link->n_vfs)
		return;
	if (net_apply_rates(p->machine, &wish, p->gate, &deed) < 0 || deed.later) {
		++*left;
		free(*why);
		*why = strprintf("'%s': %s", step->link->name,
				 deed.later ? deed.later : "it is not there");
	}
	net_deed_clear(&deed);
}

int net_replay_rates(const struct net_record *record, struct host *host,
		     const struct net_gate *gate, size_t *ret_left, char **ret_why)
{
	struct net_machine machine = { .host = host };
	struct net_report report = {};
	struct replay p = { .record = record, .machine = &machine, .gate = gate, .report = &report };
	_cleanup_free_ char *why = NULL, *error = NULL;
	int r = net_plan_make(record, &p.plan, &error);
	size_t left = 0;

	if (r >= 0)
		r = open_machine(&p, false, &error);
	for (size_t i = 0; i < p.plan.n && r >= 0; i++)
		do_rates(&p, &p.plan.steps[i], &left, &why);
	net_plan_clear(&p.plan);
	net_machine_clear(&machine);
	net_report_clear(&report);
	if (r < 0)
		return r;
	*ret_left = left;
	*ret_why = TAKE_PTR(why);
	return 0;
}
