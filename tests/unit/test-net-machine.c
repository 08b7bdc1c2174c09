/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-machine: what is chosen is all that counts. Strangers may have as much as they want, may be out of
 * reach or more than there may be open files: it is said, and nobody else loses by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "assert-text.h"
#include "luod/limits.h"
#include "luod/net-machine.h"
#include "luod/net-prove.h"
#include "luod/net-request.h"
#include "luod/net-select.h"
#include "luod/net-socket.h"
#include "luod/netns.h"
#include "net-fresh.h"

static int choose(struct net_record *links, void *names)
{
	return net_select(links, names);
}

/* What is chosen by these names, of the whole machine. */
static struct net_machine chosen(const char *names)
{
	struct net_machine m = { .host = &host };

	assert_int_equal(net_machine_choose(&m, choose, (void *)names), 0);
	return m;
}

#define TAP "tuntap add tap0 mode tap\nlink set tap0 up\n"

/* Their routes and addresses are read, and those of others are not. */
static void test_chosen(void **state _unused_)
{
	struct net_machine m;

	fresh(TAP "addr add 192.0.2.1/24 dev tap0\nroute add 198.51.100.0/24 dev tap0\n"
		  "tuntap add tap1 mode tap\nlink set tap1 up\naddr add 192.0.2.2/24 dev tap1\n"
		  "route add 203.0.113.0/24 dev tap1\n");
	net_world_add("guest");
	assert_true(net_world_ip("guest", TAP));
	m = chosen("tap0");
	assert_int_equal(m.now.n, 1);
	assert_int_equal(m.n_places, 1);
	assert_int_equal(m.now.namespaces[0].n_links, 1);
	assert_int_equal(m.now.namespaces[0].links[0]->n_addresses, 1);
	assert_int_equal(m.now.namespaces[0].n_routes, 1);
	net_machine_clear(&m);
	/* The place of what is left is its own. */
	m = chosen("guest/tap0");
	assert_int_equal(m.now.n, 1);
	assert_string_equal(m.now.namespaces[0].name, "guest");
	assert_int_equal(m.now.namespaces[0].links[0]->n_addresses, 0);
	net_machine_clear(&m);
}

/* ip(8) refuses such a name, and the kernel takes it. */
static void give_altname(const struct net_link *link, const char *name)
{
	_cleanup_close_ int fd = netns_open("", "");
	_cleanup_(net_socket_freep) struct net_socket *socket = NULL;
	_cleanup_msg_ struct nl_msg *msg = net_request_altname(link->index, name, true);

	assert_int_equal(net_socket_new(&host, fd, &socket), 0);
	assert_int_equal(net_socket_change(socket, msg), 0);
}

static void test_odd_name(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct net_machine m;

	fresh(TAP);
	m = chosen("tap0");
	give_altname(m.now.namespaces[0].links[0], "a/b");
	give_altname(m.now.namespaces[0].links[0], "fine");
	net_machine_clear(&m);
	m = chosen("fine");
	assert_int_equal(m.now.namespaces[0].links[0]->n_altnames, 1);
	assert_int_equal(net_prove(&m.now, &error), 0);
	net_machine_clear(&m);
}

static char *neighbours(unsigned int n)
{
	size_t size;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);

	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "neigh add 10.0.%u.%u lladdr 02:00:00:00:00:01 dev tap1\n", i / 250,
			1 + i % 250);
	fclose(f);
	return text;
}

/* More than a record takes stands against whoever is chosen, and is named. */
static void test_limit(void **state _unused_)
{
	_cleanup_free_ char *many = neighbours(LIMIT_NET_PER_LINK + 1), *error = NULL;
	struct net_machine m;

	fresh(TAP "tuntap add tap1 mode tap\nlink set tap1 up\n");
	assert_true(net_world_ip("", many));
	m = chosen("tap0");
	assert_int_equal(net_prove(&m.now, &error), 0);
	net_machine_clear(&m);
	m = chosen("tap1");
	assert_int_equal(net_prove(&m.now, &error), -E2BIG);
	assert_contains(error, "\"neighbours\" of 'tap1' has 4097, more than 4096");
	net_machine_clear(&m);
}

/* What is no namespace is none; one that cannot be opened is told of. */
static void test_out_of_reach(void **state _unused_)
{
	struct net_machine m;
	FILE *f;

	fresh(TAP);
	f = fopen(HOST_NAMESPACES_FOLDER "/file", "we");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(symlink("loop", HOST_NAMESPACES_FOLDER "/loop"), 0);
	m = chosen("tap0");
	assert_int_equal(m.now.n, 1);
	assert_int_equal(m.unread.n, 1);
	assert_string_equal(m.unread.items[0].name, "loop");
	assert_int_equal(m.unread.items[0].error, -ELOOP);
	net_machine_clear(&m);
}

static void add_many(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		_cleanup_free_ char *name = strprintf("n%03u", i);

		net_world_add(name);
	}
}

/* All of them but for those that are one too many for the process. */
static void test_open_files(void **state _unused_)
{
	struct rlimit limit, few;
	struct net_machine m = {};

	fresh(TAP);
	add_many(60);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 50;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	m = chosen("tap0");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(m.now.namespaces[0].n_links, 1);
	assert_in_range(m.unread.n, 10, 40);
	assert_string_equal(m.unread.items[m.unread.n - 1].name, "n059");
	assert_int_equal(m.unread.items[0].error, -EMFILE);
	net_machine_clear(&m);
}

/* More namespaces than a record has room for, and what is chosen is of the last. */
static void test_many_namespaces(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct net_machine m;

	fresh("");
	add_many(LIMIT_NET_NAMESPACES + 4);
	assert_true(net_world_ip("n259", TAP));
	m = chosen("n2*/tap0");
	assert_int_equal(m.unread.n, 0);
	assert_int_equal(m.now.n, 1);
	assert_string_equal(m.now.namespaces[0].name, "n259");
	net_machine_clear(&m);
	m = chosen("*/lo");
	assert_int_equal(m.now.n, LIMIT_NET_NAMESPACES + 4);
	assert_int_equal(net_prove(&m.now, &error), -E2BIG);
	assert_contains(error, "there are 260 namespaces, more than 256");
	net_machine_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chosen),	   cmocka_unit_test(test_limit),
		cmocka_unit_test(test_odd_name),   cmocka_unit_test(test_out_of_reach),
		cmocka_unit_test(test_open_files), cmocka_unit_test(test_many_namespaces),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
