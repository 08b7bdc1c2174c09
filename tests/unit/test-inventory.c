/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inventory: devices that come, go and change; and that this stays in proportion on a host with a
 * thousand functions, counted in readings, not in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <libudev.h>
#include <sys/sysmacros.h>

#include "failing-open.h"
#include "fake-host.h"
#include "luod/inventory.h"

#define A "0000:00:03.0"
#define B "0000:00:04.0"
#define C "0000:00:05.0"

struct world {
	struct fake_host *host;
	sd_event *event;
	struct inventory inventory;
	unsigned int added, changed, removed;
	struct device_facts before; /* of the last change */
};

static void on_added(struct device *d _unused_, void *userdata)
{
	((struct world *)userdata)->added++;
}

static void on_changed(struct device *d _unused_, const struct device_facts *before, void *userdata)
{
	struct world *w = userdata;

	w->changed++;
	w->before = *before;
}

static void on_removed(struct device *d, void *userdata)
{
	struct world *w = userdata;

	w->removed++;
	assert_non_null(inventory_find(&w->inventory, d->facts.address));
}

static const struct inventory_calls calls = { on_added, on_changed, on_removed };

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->host = fake_host_new();
	assert_true(sd_event_new(&w->event) >= 0);
	inventory_init(&w->inventory, fake_host_root(w->host), &calls, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	inventory_clear(&w->inventory);
	sd_event_unref(w->event);
	fake_host_free(w->host);
	free(w);
	return 0;
}

static void start(struct world *w)
{
	int blind = 1;

	assert_int_equal(inventory_start(&w->inventory, w->event, &blind), 0);
	assert_int_equal(blind, 0);
}

/* Until nothing is left to do, and events are waited for no longer than it takes. */
static void run(struct world *w)
{
	while (sd_event_run(w->event, 20 * USEC_PER_MSEC) > 0)
		;
}

static const struct device_facts *facts(struct world *w, const char *address)
{
	struct device **d = inventory_find(&w->inventory, address);

	assert_non_null(d);
	return &(*d)->facts;
}

static void add(struct world *w, const char *address, int number)
{
	fake_host_add(w->host, &(struct fake_device){ address, "vfio-pci", number, number });
}

/* --- the inventory ---------------------------------------------------------------------------- */

static void test_dma_memory(void **state)
{
	struct world *w = *state;
	struct device_facts f, before;
	_cleanup_free_ char *node = strprintf("misc/dmamem-%s/dev", A);

	fake_host_add(w->host, &(struct fake_device){ A, "pci-dmamem", 7, -1 });
	assert_int_equal(device_read(fake_host_root(w->host), A, &f), 0);
	assert_true(device_has_dma_memory(&f));
	assert_string_equal(f.node, "");
	assert_string_equal(f.iommu_domain, "");
	before = f;
	fake_host_set(w->host, A, node, "250:3\n");
	fake_host_put(w->host, "/sys/kernel/iommu_groups/7/type", "DMA-FQ\n");
	assert_int_equal(device_read(fake_host_root(w->host), A, &f), 0);
	assert_string_equal(f.node, "/dev/dmamem/" A);
	assert_int_equal(f.node_number, makedev(250, 3));
	assert_string_equal(f.iommu_domain, "DMA-FQ");
	assert_false(device_facts_equal(&before, &f));
	start(w);
	inventory_settle(&w->inventory);
	assert_true(device_has_dma_memory(facts(w, A)));
}

static void test_what_is_there(void **state)
{
	struct world *w = *state;

	add(w, B, 2);
	add(w, A, 1);
	fake_host_add(w->host, &(struct fake_device){ "0000:00:01.0", "pcieport", 3, -1 });
	start(w);
	assert_int_equal(w->inventory.n, 0); /* not before there is time for it */
	run(w);
	assert_int_equal(w->added, 2);
	assert_int_equal(w->inventory.n, 2);
	assert_string_equal(w->inventory.devices[0]->facts.address, A);
	assert_string_equal(w->inventory.devices[1]->facts.address, B);
	assert_int_equal(w->inventory.n_read, 3);
}

static void test_settle_does_not_wait(void **state)
{
	struct world *w = *state;

	inventory_settle(&w->inventory); /* not even begun: nothing to do */
	add(w, A, 1);
	start(w);
	inventory_settle(&w->inventory);
	assert_int_equal(w->inventory.n, 1);
}

static void test_bound_and_unbound(void **state)
{
	struct world *w = *state;

	fake_host_add(w->host, &(struct fake_device){ A, "e1000e", 1, -1 });
	start(w);
	run(w);
	assert_int_equal(w->inventory.n, 0);

	fake_host_unbind(w->host, A);
	fake_host_event(w->host, A, "unbind");
	fake_host_bind(w->host, A, "vfio-pci", 0);
	fake_host_event(w->host, A, "bind");
	fake_host_node_event(w->host, A, 0, "add");
	run(w);
	assert_int_equal(w->added, 1);
	assert_string_equal(facts(w, A)->node, "/dev/vfio/devices/vfio0");

	fake_host_unbind(w->host, A);
	fake_host_event(w->host, A, "unbind");
	run(w);
	assert_int_equal(w->removed, 1);
	assert_int_equal(w->inventory.n, 0);
}

static void test_added_and_removed(void **state)
{
	struct world *w = *state;

	start(w);
	run(w);
	add(w, A, 1);
	fake_host_event(w->host, A, "add");
	run(w);
	assert_int_equal(w->added, 1);
	fake_host_event(w->host, A, "remove");
	fake_host_remove(w->host, A);
	run(w);
	assert_int_equal(w->removed, 1);
	assert_int_equal(w->changed, 0);
}

/* An event is an occasion to look, and nothing is said when nothing is new. */
static void test_changed(void **state)
{
	struct world *w = *state;

	add(w, A, 1);
	start(w);
	run(w);
	fake_host_event(w->host, A, "change");
	run(w);
	assert_int_equal(w->changed, 0);
	fake_host_functions(w->host, A, 3);
	fake_host_event(w->host, A, "change");
	run(w);
	assert_int_equal(w->changed, 1);
	assert_int_equal(w->before.virtual_functions, 0);
	assert_int_equal(facts(w, A)->virtual_functions, 3);
}

/* Of what sysfs shows without an event, a refresh tells. */
static void test_refresh(void **state)
{
	struct world *w = *state;

	add(w, A, 1);
	start(w);
	run(w);
	fake_host_set(w->host, A, "power_state", "D3hot\n");
	run(w);
	assert_string_equal(facts(w, A)->power_state, "D0");
	inventory_refresh(&w->inventory);
	assert_int_equal(w->changed, 1);
	assert_string_equal(facts(w, A)->power_state, "D3hot");
}

/* A stranger in the group matters as much as one of ours; and it goes without saying where it was. */
static void test_groups(void **state)
{
	struct world *w = *state;

	add(w, A, 1);
	start(w);
	run(w);
	assert_int_equal(facts(w, A)->group_size, 1);
	fake_host_add(w->host, &(struct fake_device){ B, "e1000e", 1, -1 });
	fake_host_event(w->host, B, "add");
	run(w);
	assert_int_equal(facts(w, A)->group_size, 2);

	fake_host_event(w->host, B, "remove");
	fake_host_remove(w->host, B);
	run(w);
	assert_int_equal(facts(w, A)->group_size, 1);

	add(w, B, 1);
	fake_host_event(w->host, B, "add");
	run(w);
	assert_int_equal(facts(w, A)->group_size, 2);
	assert_int_equal(facts(w, B)->group_size, 2);
	fake_host_event(w->host, B, "remove");
	fake_host_remove(w->host, B);
	run(w);
	assert_int_equal(facts(w, A)->group_size, 1);
}

/* Nothing is taken for gone, or for another, because luod cannot look: it looks again when it can. */
static void test_no_fds(void **state)
{
	struct world *w = *state;

	add(w, A, 1);
	add(w, B, 2);
	start(w);
	run(w);
	for (unsigned int n = 1; n < 10; n++) {
		open_fails_at(n, EMFILE);
		inventory_refresh(&w->inventory);
		assert_true(w->inventory.incomplete);
	}
	assert_int_equal(w->inventory.n, 2);
	assert_int_equal(w->removed + w->changed, 0);
	fake_host_remove(w->host, B);
	add(w, C, 3);
	while (w->inventory.incomplete)
		assert_true(sd_event_run(w->event, 10 * USEC_PER_SEC) > 0);
	run(w);
	assert_int_equal(w->inventory.n, 2);
	assert_null(inventory_find(&w->inventory, B));
	facts(w, C);
}

/* --- a thousand ------------------------------------------------------------------------------- */

#define THOUSAND 1000

static char *nth(char address[static DEVICE_ADDRESS_SIZE], unsigned int n)
{
	snprintf(address, DEVICE_ADDRESS_SIZE, "0000:%02x:%02x.%u", 1 + n / 256, n / 8 % 32, n % 8);
	return address;
}

static void add_thousand(struct world *w, int group)
{
	char address[DEVICE_ADDRESS_SIZE];

	for (unsigned int n = 0; n < THOUSAND; n++)
		fake_host_add(w->host, &(struct fake_device){
					       nth(address, n),
					       "vfio-pci",
					       group < 0 ? (int)n : group,
					       (int)n,
				       });
}

static void test_a_thousand(void **state)
{
	struct world *w = *state;

	add_thousand(w, -1);
	start(w);
	run(w);
	assert_int_equal(w->added, THOUSAND);
	assert_int_equal(w->changed, 0);
	assert_int_equal(w->inventory.n_read, THOUSAND);
	assert_int_equal(w->inventory.n_enumerated, 1);

	/* One that changes is one that is read. */
	fake_host_functions(w->host, "0000:01:03.0", 3);
	fake_host_event(w->host, "0000:01:03.0", "change");
	run(w);
	assert_int_equal(w->changed, 1);
	assert_int_equal(w->inventory.n_read, THOUSAND + 1);

	inventory_refresh(&w->inventory);
	assert_int_equal(w->inventory.n_read, 2 * THOUSAND + 1);
	assert_int_equal(w->inventory.n_enumerated, 1);
}

/* The kernel drops events that do not fit and says so once. umockdev's socket has room for all. */
static bool overrun;

struct udev_device *udev_monitor_receive_device(struct udev_monitor *monitor)
{
	struct udev_device *(*next)(struct udev_monitor *) =
		dlsym(RTLD_NEXT, "udev_monitor_receive_device");

	if (!overrun)
		return next(monitor);
	overrun = false;
	errno = ENOBUFS;
	return NULL;
}

/* Of what was lost nothing is known, so all is looked at: what came, went and changed is seen. */
static void test_events_are_lost(void **state)
{
	struct world *w = *state;

	fake_host_add(w->host, &(struct fake_device){ A, "vfio-pci", 1, 0 });
	fake_host_add(w->host, &(struct fake_device){ B, "vfio-pci", 2, 1 });
	start(w);
	run(w);
	assert_int_equal(w->added, 2);
	fake_host_remove(w->host, A);
	fake_host_functions(w->host, B, 3);
	fake_host_add(w->host, &(struct fake_device){ C, "vfio-pci", 3, 2 });
	run(w);
	assert_int_equal(w->added, 2); /* nobody has said a word */
	overrun = true;
	fake_host_event(w->host, C, "change");
	run(w);
	assert_false(overrun);
	assert_int_equal(w->inventory.n_enumerated, 2);
	assert_int_equal(w->added, 3);
	assert_int_equal(w->removed, 1);
	assert_int_equal(w->changed, 1);
	assert_null(inventory_find(&w->inventory, A));
	assert_int_equal(facts(w, B)->virtual_functions, 3);
	assert_non_null(inventory_find(&w->inventory, C));
}

/* All in one group, which each of them changes. */
static void test_a_thousand_in_one_group(void **state)
{
	struct world *w = *state;
	char address[DEVICE_ADDRESS_SIZE];

	add_thousand(w, 5);
	start(w);
	run(w);
	assert_int_equal(w->inventory.n_read, THOUSAND);
	assert_int_equal(w->changed, 0);
	assert_int_equal(facts(w, nth(address, 0))->group_size, THOUSAND);
	fake_host_unbind(w->host, nth(address, 999));
	fake_host_event(w->host, address, "unbind");
	fake_host_event(w->host, address, "remove");
	fake_host_remove(w->host, address);
	run(w);
	assert_int_equal(w->removed, 1);
	assert_int_equal(w->changed, THOUSAND - 1);
	assert_in_range(w->inventory.n_read, THOUSAND + 2, THOUSAND + 4);
	assert_int_equal(facts(w, nth(address, 0))->group_size, THOUSAND - 1);
}

/* What is more than luod keeps is left out, and taken in when there is room. */
static void test_limit(void **state)
{
	struct world *w = *state;
	char address[DEVICE_ADDRESS_SIZE];

	w->inventory.limit = 8;
	for (unsigned int n = 0; n < 10; n++)
		fake_host_add(w->host,
			      &(struct fake_device){ nth(address, n), "vfio-pci", -1, -1 });
	start(w);
	run(w);
	assert_int_equal(w->inventory.n, 8);
	assert_true(w->inventory.full);

	for (unsigned int n = 0; n < 2; n++) {
		fake_host_unbind(w->host, nth(address, n));
		fake_host_event(w->host, address, "unbind");
	}
	run(w);
	assert_int_equal(w->inventory.n, 8);
	assert_false(w->inventory.full);
	assert_int_equal(w->removed, 2);
	assert_int_equal(w->added, 10);
	assert_non_null(inventory_find(&w->inventory, nth(address, 9)));
}

int main(int argc _unused_, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_dma_memory),
		TEST(test_what_is_there),
		TEST(test_settle_does_not_wait),
		TEST(test_bound_and_unbound),
		TEST(test_added_and_removed),
		TEST(test_changed),
		TEST(test_refresh),
		TEST(test_groups),
		TEST(test_no_fds),
		TEST(test_a_thousand),
		TEST(test_events_are_lost),
		TEST(test_a_thousand_in_one_group),
		TEST(test_limit),
	};

	fake_host_preload(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
