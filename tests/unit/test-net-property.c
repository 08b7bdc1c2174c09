/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net, in real network namespaces: hundreds of random topologies are made by ip(8), recorded, written
 * as JSON and read again, destroyed, and replayed. Then the record says the same as the machine, ip(8)
 * says the same as before, and a second replay has nothing to do. With a change refused in the middle,
 * every link is as recorded or as it was before.
 *
 * NET_SEED and NET_TOPOLOGIES choose which ones and how many; a failure says its seed. What a kernel
 * has no module for is left out and said. Most of the time goes by with waiting for the kernel, so
 * several workers, each in namespaces of its own, share the seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "luod/net-diff.h"
#include "luod/net-json.h"
#include "luod/net-machine.h"
#include "luod/net-replay.h"
#include "luod/network-note.h"
#include "net-topology.h"
#include "net-fresh.h"

#define TOPOLOGIES   100
#define HALF_FAILING 50
#define WORKERS	     4
#define RUN	     "/run" /* each worker's own */

/* A worker's failure: cmocka is the parent's. */
static void _printf_(2, 3) broken(uint64_t which, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("# NET_SEED=%llu: ", (unsigned long long)which);
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	_exit(1);
}

static void must(int r, const char *what)
{
	if (r < 0)
		broken(0, "%s: %s", what, strerror(-r));
}

static int enter_and_probe(void **state)
{
	enter(state);
	if (!impossible)
		net_topology_probe();
	return 0;
}

/* --- the property ----------------------------------------------------------------------------- */

static void record(struct net_record *ret)
{
	*ret = net_world_read();
}

/* What crosses the jump is text. */
static void through_text(struct net_record *r)
{
	_cleanup_free_ char *text = NULL, *error = NULL;
	json_t *json = net_record_to_json(r);
	struct net_record copy;

	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	json = json_loads(text, 0, NULL);
	if (net_record_from_json(json, &copy, &error) < 0)
		broken(0, "%s: %s", error, text);
	json_decref(json);
	net_record_clear(r);
	*r = copy;
}

static void show_diff(const char *when, const struct net_diff *diff)
{
	for (size_t i = 0; i < diff->n; i++)
		printf("# %s: [%s] %s %s: %s, found %s\n", when, diff->items[i].namespace,
		       diff->items[i].object, diff->items[i].what, strempty(diff->items[i].wanted),
		       strempty(diff->items[i].found));
}

static void show_report(const struct net_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		printf("# [%s] %s: %s%s%s\n", report->results[i].namespace,
		       report->results[i].object, net_outcome_to_string(report->results[i].outcome),
		       report->results[i].text ? ": " : "", strempty(report->results[i].text));
}

static void assert_same(const struct net_record *wanted, uint64_t which)
{
	struct net_record now;
	struct net_diff diff, back;

	record(&now);
	must(net_diff(wanted, &now, &diff), "comparing");
	must(net_diff(&now, wanted, &back), "comparing");
	show_diff("missing", &diff);
	if (!diff.n)
		show_diff("too many", &back);
	if (diff.n || back.n)
		broken(which, "the machine is not as recorded");
	net_diff_clear(&diff);
	net_diff_clear(&back);
	net_record_clear(&now);
}

static void replay(const struct net_record *wanted, const struct net_gate *gate,
		   struct net_report *ret)
{
	_cleanup_free_ char *error = NULL;

	if (net_replay(wanted, &host, gate, ret, &error) < 0)
		broken(0, "%s", error);
}

static void replay_whole(const struct net_record *wanted, uint64_t which, bool again)
{
	struct net_report report;

	replay(wanted, NULL, &report);
	if (net_report_count(&report, NET_FAILED) || net_report_count(&report, NET_CONFLICT) ||
	    (again && report.changes)) {
		show_report(&report);
		broken(which, "%s",
		       again ? "the second replay did something" : "the replay failed");
	}
	net_report_clear(&report);
}

static json_t *witness(const struct net_record *r)
{
	json_t *all = json_array();

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(all, net_world_witness(r->namespaces[i].name));
	return all;
}

static void show_words(const json_t *a, const json_t *b, const char *mark)
{
	const char *key;
	json_t *list;
	size_t i, j;
	const json_t *one;

	for (i = 0; i < json_array_size(a); i++) {
		json_object_foreach(json_array_get(a, i), key, list)
			json_array_foreach(list, j, one) {
				const json_t *others = json_object_get(json_array_get(b, i), key);
				bool found = false;

				for (size_t k = 0; k < json_array_size(others); k++)
					found |= json_equal(one, json_array_get(others, k));
				if (!found)
					printf("# %s %s\n", mark, json_string_value(one));
			}
	}
}

static uint64_t first_seed(void)
{
	const char *text = getenv("NET_SEED");

	return text ? strtoull(text, NULL, 10) : 0x5eed;
}

static unsigned int how_many(unsigned int otherwise)
{
	const char *text = getenv("NET_TOPOLOGIES");

	return getenv("NET_SEED") ? 1 : text ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static size_t count_links(const struct net_record *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->namespaces[i].n_links;
	return n;
}

/* What the workers have to tell. */
struct tally {
	unsigned int topologies, links, most, failures, untouched, names, altnames;
};

/* Names that are as long as can be. */
static void count_names(const struct net_record *r, struct tally *tally)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t j = 0; j < r->namespaces[i].n_links; j++) {
			const struct net_link *l = r->namespaces[i].links[j];

			tally->names += strlen(l->name) == IFNAMSIZ - 1;
			for (size_t k = 0; k < l->n_altnames; k++)
				tally->altnames += strlen(l->altnames[k]) == NET_ALTNAME_MAX;
		}
}

static void replay_one(uint64_t which, struct tally *tally)
{
	struct net_record wanted;
	json_t *before, *after;
	size_t links;

	net_topology_seed(which);
	net_topology_make();
	record(&wanted);
	before = witness(&wanted);
	through_text(&wanted);
	net_world_fresh();
	replay_whole(&wanted, which, false);
	assert_same(&wanted, which);
	after = witness(&wanted);
	if (!json_equal(before, after)) {
		show_words(before, after, "was");
		show_words(after, before, "is");
		broken(which, "ip(8) sees another network");
	}
	replay_whole(&wanted, which, true);
	count_names(&wanted, tally);
	links = count_links(&wanted);
	tally->links += (unsigned int)links;
	tally->most = links > tally->most ? (unsigned int)links : tally->most;
	json_decref(before);
	json_decref(after);
	net_record_clear(&wanted);
}

/* --- half of it ------------------------------------------------------------------------------- */

struct refusal {
	unsigned int left;
};

static int refuse_one(void *userdata)
{
	struct refusal *r = userdata;

	return r->left-- == 0 ? -ETIMEDOUT : 0;
}

static bool link_equal(const struct net_link *a, const struct net_link *b)
{
	json_t *x = a ? net_link_to_json(a) : NULL, *y = b ? net_link_to_json(b) : NULL;
	bool equal = x && y ? json_equal(x, y) : x == y;

	json_decref(x);
	json_decref(y);
	return equal;
}

static void show_link(const char *when, const struct net_link *l)
{
	json_t *json = l ? net_link_to_json(l) : NULL;
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	printf("# %s %s\n", when, strempty(text));
	json_decref(json);
}

static const struct net_link *find(const struct net_record *r, const char *ns, const char *name)
{
	const struct net_namespace *n = net_find_namespace(r, ns);

	return n ? net_find_link(n, name) : NULL;
}

/* The link's own matters: what others do to it (its cost, its MTU) comes when all are there. */
static void check_one(const struct net_result *result, const struct net_record *before,
		      const struct net_record *now, uint64_t which)
{
	const struct net_link *was = find(before, result->namespace, result->object);
	const struct net_link *is = find(now, result->namespace, result->object);

	if (result->outcome == NET_FAILED && !link_equal(was, is)) {
		show_link("was", was);
		show_link("is", is);
		broken(which, "'%s' failed (%s) and is not as it was", result->object,
		       result->text);
	}
	if (result->outcome != NET_FAILED && !is)
		broken(which, "'%s' is said to be there", result->object);
}

static bool is_link(const struct net_record *r, const struct net_result *result)
{
	return find(r, result->namespace, result->object) != NULL;
}

/* A VLAN that is there goes up with the link on which it lies, and is somebody's then. */
static void drop_vlans(struct net_namespace *ns)
{
	size_t n = 0;

	for (size_t i = 0; i < ns->n_links; i++)
		if (ns->links[i]->kind == NET_KIND_VLAN)
			net_link_free(ns->links[i]);
		else
			ns->links[n++] = ns->links[i];
	ns->n_links = n;
	net_index_drop(ns);
}

/* Links without anything, as another luod that was killed might have left them. */
static void strip_record(struct net_record *r)
{
	for (size_t i = 0; i < r->n; i++)
		drop_vlans(&r->namespaces[i]);
	for (size_t i = 0; i < r->n; i++)
		for (size_t j = 0; j < r->namespaces[i].n_links; j++) {
			struct net_link *l = r->namespaces[i].links[j];
			struct net_settings own = l->own;

			l->base = (struct net_settings){};
			l->own = net_settings_only(net_kind_set(l->kind), &own, NET_CREATED);
			l->n_addresses = l->n_neighbours = l->flags = 0;
			*l->master = '\0';
			l->addrgen = -1;
			for (size_t k = 0; k < l->n_altnames; k++)
				free(l->altnames[k]);
			l->n_altnames = 0;
			free(TAKE_PTR(l->vlans));
		}
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = 0; j < r->namespaces[i].n_routes; j++)
			net_route_clear(&r->namespaces[i].routes[j]);
		r->namespaces[i].n_routes = 0;
	}
}

static void begin_half(const struct net_record *wanted, bool prepared)
{
	json_t *json = net_record_to_json(wanted);
	_cleanup_free_ char *error = NULL;
	struct net_record bare;
	struct net_report report;

	net_world_fresh();
	must(net_record_from_json(json, &bare, &error), "reading");
	strip_record(&bare);
	if (prepared) {
		replay(&bare, NULL, &report);
		net_report_clear(&report);
	} else {
		for (size_t i = 0; i < wanted->n; i++)
			if (*wanted->namespaces[i].name)
				net_world_add(wanted->namespaces[i].name);
	}
	net_record_clear(&bare);
	json_decref(json);
}

static void half_one(uint64_t which, struct tally *tally)
{
	bool prepared = which & 1;
	struct net_record wanted, before, now;
	struct net_report report;
	struct refusal refusal;
	struct net_gate gate = { refuse_one, &refusal };

	net_topology_seed(which);
	net_topology_make();
	record(&wanted);
	through_text(&wanted);
	/* A link takes four changes, more or less; a replay that is over before is a whole one. */
	refusal.left = net_topology_chance(4 * (unsigned int)count_links(&wanted) + 1);
	begin_half(&wanted, prepared);
	record(&before);
	replay(&wanted, &gate, &report);
	record(&now);
	for (size_t j = 0; j < report.n; j++) {
		tally->failures += report.results[j].outcome == NET_FAILED;
		if (is_link(&wanted, &report.results[j]))
			check_one(&report.results[j], &before, &now, which);
	}
	tally->untouched += net_report_count(&report, NET_FAILED) == 0;
	net_report_clear(&report);
	/* What was left half is made whole by the next one. */
	replay_whole(&wanted, which, false);
	assert_same(&wanted, which);
	net_record_clear(&wanted);
	net_record_clear(&before);
	net_record_clear(&now);
}

/* --- a luod that is killed -------------------------------------------------------------------- */

static int die_at(void *userdata)
{
	struct refusal *r = userdata;

	if (r->left-- == 0)
		raise(SIGKILL);
	return 0;
}

static void begin(const struct net_record *now, void *userdata _unused_)
{
	must(network_note_write(RUN, now), "the note");
}

static bool die_in_replay(const struct net_record *wanted)
{
	struct refusal refusal = {
		net_topology_chance(4 * (unsigned int)count_links(wanted) + 1),
	};
	_cleanup_(strv_freep) char **others = NULL;
	struct net_gate gate = { .may_change = die_at, .begins = begin, .userdata = &refusal };
	struct net_report report;
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (network_note_read(RUN, &others) >= 0)
			gate.others = others;
		replay(wanted, &gate, &report);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		broken(0, "nobody to be killed");
	return WIFSIGNALED(status);
}

/* Whatever it had come to, the next one brings it to an end: nothing of it is somebody else's. */
static void killed_one(uint64_t which, struct tally *tally)
{
	_cleanup_(strv_freep) char **others = NULL;
	struct net_gate gate = {};
	struct net_report report;
	struct net_record wanted;

	net_topology_seed(which);
	net_topology_make();
	record(&wanted);
	through_text(&wanted);
	begin_half(&wanted, false);
	for (int i = 0; i < 2; i++)
		tally->failures += die_in_replay(&wanted);
	must(network_note_read(RUN, &others), "the note");
	gate.others = others;
	replay(&wanted, &gate, &report);
	if (net_report_count(&report, NET_FAILED) || net_report_count(&report, NET_CONFLICT)) {
		show_report(&report);
		broken(which, "what was begun is not brought to an end");
	}
	net_report_clear(&report);
	network_note_drop(RUN);
	assert_same(&wanted, which);
	net_record_clear(&wanted);
}

/* --- workers ---------------------------------------------------------------------------------- */

typedef void (*one_t)(uint64_t which, struct tally *tally);

static void work(one_t one, unsigned int first, unsigned int n, int fd)
{
	struct tally tally = {};

	if (net_world_apart() < 0)
		broken(0, "a worker cannot have namespaces of its own");
	for (unsigned int i = first; i < n; i += WORKERS, tally.topologies++)
		one(first_seed() + i, &tally);
	if (write(fd, &tally, sizeof(tally)) != sizeof(tally))
		broken(0, "a worker cannot report");
	fflush(stdout);
	exit(0);
}

static struct tally run_workers(one_t one, unsigned int n)
{
	struct tally sum = {}, t;
	pid_t pids[WORKERS];
	int fds[2], bad = 0;

	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	for (unsigned int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			work(one, i, n, fds[1]);
	}
	close(fds[1]);
	for (unsigned int i = 0; i < WORKERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		bad += status != 0;
	}
	while (read(fds[0], &t, sizeof(t)) == sizeof(t)) {
		sum.topologies += t.topologies;
		sum.links += t.links;
		sum.most = t.most > sum.most ? t.most : sum.most;
		sum.failures += t.failures;
		sum.untouched += t.untouched;
		sum.names += t.names;
		sum.altnames += t.altnames;
	}
	close(fds[0]);
	assert_int_equal(bad, 0);
	assert_int_equal(sum.topologies, n);
	return sum;
}

static void test_replay(void **state _unused_)
{
	struct tally t;

	need_networks();
	t = run_workers(replay_one, how_many(TOPOLOGIES));
	printf("# %u topologies, %u links, at most %u in one; %u names and %u alternative ones as long "
	       "as can be\n",
	       t.topologies, t.links, t.most, t.names, t.altnames);
	assert_true(t.topologies == 1 || (t.names && t.altnames));
}

static void test_half(void **state _unused_)
{
	struct tally t;

	need_networks();
	t = run_workers(half_one, how_many(HALF_FAILING));
	printf("# %u topologies, a change refused in %u of them: %u links and routes failed\n",
	       t.topologies, t.topologies - t.untouched, t.failures);
	assert_true(t.topologies == 1 || t.untouched < t.topologies / 2);
}

static void test_killed(void **state _unused_)
{
	struct tally t;

	need_networks();
	t = run_workers(killed_one, how_many(HALF_FAILING));
	printf("# %u topologies, replays of them killed %u times\n", t.topologies, t.failures);
	assert_true(t.topologies == 1 || t.failures > t.topologies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, enter_and_probe, NULL);
}
