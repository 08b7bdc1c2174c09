/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handover: what records tell of devices, of links and TAP queues, and of the network. */
#include "handover-seed.h"

#include "luod/tap.h"

/* Since 1.3 the record tells of the network. */
static void test_network(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	struct handover h, copy;

	assert_int_equal(read_seed("record-1.3-network.json", &h, &error), 0);
	assert_null(h.skipped);
	assert_int_equal(h.network.n, 2);
	assert_non_null(net_find_link(&h.network.namespaces[0], "tap-guest-1"));
	assert_int_equal(handover_write_or_say(&h.update, &h.sessions, &h.network, NULL, NULL,
					       &text, &error),
			 0);
	assert_int_equal(handover_read(text, strlen(text), &copy, &error), 0);
	assert_int_equal(copy.network.n, 2);
	assert_int_equal(copy.network.namespaces[0].n_links, 5);
	handover_clear(&h);
	handover_clear(&copy);
	assert_int_equal(copy.network.n, 0);
}

/* What is wrong with the network costs no session. */
static void test_bad_network(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	struct handover h;
	size_t size;
	char *kind;

	text = seed("record-1.3-network.json", &size);
	kind = strstr(text, "\"macvtap\"");
	assert_non_null(kind);
	memcpy(kind, "\"spoon!!\"", 9);
	assert_int_equal(handover_read(text, size, &h, &error), 0);
	assert_int_equal(h.network.n, 0);
	assert_non_null(strstr(h.skipped, "the network: of 'mv0': \"kind\""));
	assert_non_null(strstr(h.network_error, "network is not usable: of 'mv0': \"kind\""));
	assert_false(TAILQ_EMPTY(&h.sessions));
	handover_clear(&h);
}

/* Since 1.5 sessions tell of the links that they need, and of queues in a list of their own. */
static void test_links(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	const struct resource *resource;
	struct handover h, copy;

	assert_int_equal(read_seed("record-1.5-links.json", &h, &error), 0);
	assert_string_equal(nth(&h, 0)->links[0], "tap0");
	assert_string_equal(nth(&h, 0)->links[1], "guests/mv0");
	assert_null(nth(&h, 0)->links[2]);
	nth(&h, 0)->state = SESSION_READY;
	assert_int_equal(handover_write(&h.update, &h.sessions, NULL, NULL, &text), 0);
	assert_int_equal(handover_read(text, strlen(text), &copy, &error), 0);
	assert_string_equal(nth(&copy, 0)->links[1], "guests/mv0");
	resource = session_find_resource(nth(&copy, 0), "net0");
	assert_int_equal(resource->kind, RESOURCE_TAP);
	assert_int_equal(resource->token, 2);
	assert_string_equal(resource->tap->link, "guests/tap1");
	assert_string_equal(resource->tap->queue.name, "tap1");
	assert_int_equal(resource->tap->queue.flags, 20738);
	assert_int_equal(resource->tap->group, 100);
	assert_true(resource->tap->queue.little_endian);
	assert_null(TAILQ_FIRST(&copy.sessions)->unknown);
	handover_clear(&h);
	handover_clear(&copy);
}

static void test_bad_links(void **state _unused_)
{
	static const char *const bad[] = { "\"tap0\"  ", "null    ",   "{}      ",  "[1]     ",
					   "[\"a b\"] ", "[\"/\"]   ", "[\"\"]    " };
	size_t size;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = seed("record-1.5-links.json", &size), *error = NULL;
		char *list = strstr(text, "[\"tap0\",\"guests/mv0\"]");
		struct handover h;

		assert_non_null(list);
		memset(list, ' ', strlen("[\"tap0\",\"guests/mv0\"]"));
		memcpy(list, bad[i], strlen(bad[i]));
		assert_int_equal(handover_read(text, size, &h, &error), -EINVAL);
		assert_non_null(strstr(error, "'vm1'"));
	}
}

static void test_bad_tap(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	struct handover h;
	size_t size;

	text = seed("record-1.5-links.json", &size);
	memcpy(strstr(text, "\"flags\":20738"), "\"flags\":99999", 13);
	assert_int_equal(handover_read(text, size, &h, &error), -EINVAL);
	assert_non_null(strstr(error, "'net0' of 'vm1' is no tap"));
}

static void test_devices(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct resource *nic, *iommu;
	struct handover h;

	assert_int_equal(read_seed("record-1.2-devices.json", &h, &error), 0);
	nic = session_find_resource(nth(&h, 0), "nic");
	assert_string_equal(nic->device, "0000:00:03.0");
	assert_string_equal(nic->iommufd, "iommu");
	assert_ptr_equal(session_find_device(nth(&h, 0), "10000:e1:1f.7"),
			 session_find_resource(nth(&h, 0), "disk"));
	assert_null(session_find_device(nth(&h, 0), "0000:00:04.0"));
	assert_null(session_find_resource(nth(&h, 1), "nic")->iommufd);
	handover_clear(&h);

	assert_int_equal(read_seed("state-1.2-devices.json", &h, &error), 0);
	assert_null(h.skipped);
	assert_string_equal(h.step, "devices");
	iommu = session_find_resource(nth(&h, 0), "iommu");
	assert_true(iommu->dma.marked);
	assert_int_equal(iommu->dma.n_hwpts, 2);
	assert_int_equal(dma_find_hwpt(&iommu->dma, INT64_MAX)->id, 6);
	assert_int_equal(dma_find_hwpt(&iommu->dma, INT64_MAX)->ioas_id, 2);
	assert_int_equal(iommu->dma.n_buffers, 1);
	assert_int_equal(iommu->dma.buffers[0].length, 64);
	assert_int_equal(session_find_resource(nth(&h, 0), "nic")->device_id, 1);
	assert_true(session_find_resource(nth(&h, 0), "disk")->lost);
	handover_clear(&h);
}

/* Since 1.7 there are DMA buffers, which take bytes and are for a device. */
static void test_dma_memory(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	const struct resource *ring;
	struct handover h, copy;

	assert_int_equal(read_seed("record-1.7-dma-memory.json", &h, &error), 0);
	ring = session_find_resource(nth(&h, 0), "ring");
	assert_int_equal(ring->kind, RESOURCE_DMA_MEMORY);
	assert_string_equal(ring->device, "0000:00:05.0");
	assert_ptr_equal(session_find_device(nth(&h, 0), "0000:00:05.0"), ring);
	assert_false(session_has_device(nth(&h, 0)));
	assert_int_equal(session_preserved_bytes(nth(&h, 0)), 268435456 + 16384 + 4194304);
	assert_null(session_find_resource(nth(&h, 1), "ring")->device);
	nth(&h, 0)->state = SESSION_READY;
	assert_int_equal(handover_write(&h.update, &h.sessions, NULL, NULL, &text), 0);
	assert_non_null(strstr(text, "\"minor\":7"));
	assert_int_equal(handover_read(text, strlen(text), &copy, &error), 0);
	ring = session_find_resource(nth(&copy, 0), "data");
	assert_int_equal(ring->kind, RESOURCE_DMA_MEMORY);
	assert_int_equal(ring->bytes, 4194304);
	assert_string_equal(ring->device, "0000:00:05.0");
	handover_clear(&h);
	handover_clear(&copy);

	assert_int_equal(read_seed("state-1.7-dma-memory.json", &h, &error), 0);
	assert_null(h.skipped);
	assert_true(session_find_resource(nth(&h, 0), "ring")->preserved);
	assert_true(session_find_resource(nth(&h, 0), "data")->lost);
	handover_clear(&h);
}

static void test_bad_dma_memory(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	struct handover h;
	size_t size;
	char *at;

	text = seed("record-1.7-dma-memory.json", &size);
	at = strstr(text, "0000:00:05.0");
	at[11] = '8';
	assert_int_equal(handover_read(text, size, &h, &error), -EINVAL);
	assert_non_null(strstr(error, "'0000:00:05.8' is no PCI address"));
}

/* What a luod of before makes of one: it says which word it does not know. */
static void test_unknown_kind(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	struct handover h;
	size_t size;

	text = seed("record-1.7-dma-memory.json", &size);
	memcpy(strstr(text, "dma-memory"), "dna-memory", strlen("dna-memory"));
	assert_int_equal(handover_read(text, size, &h, &error), -EINVAL);
	assert_non_null(strstr(error, "\"kind\" is 'dna-memory', which this luod does not know"));
}

/* The ids of one kernel mean nothing in the next: the record has none. */
static void test_ids_stay(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	struct handover h;

	assert_int_equal(read_seed("state-1.2-devices.json", &h, &error), 0);
	assert_int_equal(handover_write(&h.update, &h.sessions, NULL, NULL, &text), 0);
	assert_non_null(strstr(text, "\"device\":\"0000:00:03.0\""));
	for (size_t i = 0; i < 5; i++) {
		static const char *const words[] = { "hwpts", "buffers", "marked", "device-id",
						     "lost" };

		assert_null(strstr(text, words[i]));
	}
	handover_clear(&h);
}

/* What is wrong with devices costs the record, and of state.json the session. */
static void test_bad_devices(void **state _unused_)
{
	static const struct {
		const char *what, *by, *words;
	} cases[] = {
		{ "\"0000:00:03.0\"", "\"0000:00:03.8\"", "'0000:00:03.8' is no PCI address" },
		{ "\"0000:00:03.0\"", "\"../../x\"", "is no PCI address" },
		{ "\"0000:00:03.0\"", "3", "\"device\" is missing or no string" },
		{ "\"iommufd\":\"iommu\"", "\"iommufd\":\"a:b\"", "no valid label of an iommufd" },
		{ "[5,0,50]", "[5,0]", "not as it must be" },
		{ "[5,0,50]", "7", "not as it must be" },
		{ "[5,0,50]", "[5,0,-1]", "out of range" },
		{ "[5,0,50]", "[5,0,\"x\"]", "out of range" },
		{ "[5,0,50]", "[4294967296,0,50]", "out of range" },
		{ "[5,0,50]", "[5,0,50],[7,0,50]", "\"hwpts\" has one twice" },
		{ "[2,4096,64,7]", "[2,4096,64]", "not as it must be" },
		{ "[2,4096,64,7]", "[2,4096,64,7],[2,0,1,7]", "\"buffers\" has one twice" },
		{ "\"device-id\":1", "\"device-id\":-1", "\"device-id\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size;
		_cleanup_free_ char *text = seed("state-1.2-devices.json", &size), *bad = NULL,
				    *error = NULL;
		char *at = strstr(text, cases[i].what);
		struct handover h;

		assert_non_null(at);
		bad = strprintf("%.*s%s%s", (int)(at - text), text, cases[i].by,
				at + strlen(cases[i].what));
		assert_int_equal(handover_read(bad, strlen(bad), &h, &error), 0);
		assert_true(TAILQ_EMPTY(&h.sessions));
		if (!strstr(strempty(h.skipped), cases[i].words))
			fail_msg("'%s' does not say '%s'", strempty(h.skipped), cases[i].words);
		handover_clear(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_network),	     cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_links),	     cmocka_unit_test(test_bad_links),
		cmocka_unit_test(test_bad_tap),	     cmocka_unit_test(test_devices),
		cmocka_unit_test(test_ids_stay),     cmocka_unit_test(test_bad_devices),
		cmocka_unit_test(test_dma_memory),   cmocka_unit_test(test_bad_dma_memory),
		cmocka_unit_test(test_unknown_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
