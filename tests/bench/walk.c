/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk - luod's inventory of a host, taken once and told as a number: what tests/bench/inventory
 * measures. ROOT is what goes before /sys.
 */
#include <stdio.h>

#include "luod/inventory.h"

static void on_device(struct device *d _unused_, void *userdata _unused_)
{
}

static void on_changed(struct device *d _unused_, const struct device_facts *before _unused_,
		       void *userdata _unused_)
{
}

int main(int argc, char **argv)
{
	static const struct inventory_calls calls = { on_device, on_changed, on_device };
	static struct inventory inventory;
	sd_event *event = NULL;
	int blind, r;

	if (argc != 2)
		return EXIT_FAILURE;
	inventory_init(&inventory, argv[1], &calls, NULL);
	r = sd_event_new(&event);
	if (r >= 0)
		r = inventory_start(&inventory, event, &blind);
	if (r >= 0) {
		inventory_settle(&inventory);
		printf("%zu\n", inventory.n);
	}
	inventory_clear(&inventory);
	sd_event_unref(event);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
