/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap-json - a queue in the handover record and in state.json; see tap.h. */
#include "tap.h"

#include "session-link.h"

json_t *tap_to_json(const struct tap *tap)
{
	const struct kdev_tun_queue *q = &tap->queue;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:b, s:b}", "link",
			 tap->link, "owner", (json_int_t)tap->owner, "group",
			 (json_int_t)tap->group, "flags", (json_int_t)q->flags, "header",
			 (json_int_t)q->header, "send-buffer", (json_int_t)q->send_buffer,
			 "offloads", (json_int_t)q->offloads, "persistent", q->persistent,
			 "disabled", q->disabled, "non-blocking", q->non_blocking, "little-endian",
			 q->little_endian, "big-endian", q->big_endian);
}

struct numbers {
	json_int_t owner, group, flags, header, send_buffer, offloads;
};

static bool in_range(const struct numbers *n)
{
	return n->owner >= 0 && n->owner <= UINT32_MAX && n->group >= 0 && n->group <= UINT32_MAX &&
	       n->flags >= 0 && n->flags <= UINT16_MAX && n->header >= 0 &&
	       n->header <= UINT16_MAX && n->send_buffer >= 0 && n->send_buffer <= INT32_MAX &&
	       n->offloads >= 0 && n->offloads <= UINT16_MAX;
}

static int take_link(struct tap *tap, const char *link)
{
	_cleanup_free_ char *namespace = NULL;
	const char *name;
	int r = session_link_parse(link, &namespace, &name);

	if (r < 0)
		return r;
	if (strlen(name) >= sizeof(tap->queue.name))
		return -EINVAL;
	memcpy(tap->queue.name, name, strlen(name) + 1);
	return free_and_strdup(&tap->link, link);
}

int tap_from_json(const json_t *json, struct tap **ret)
{
	_cleanup_(tap_freep) struct tap *tap = calloc(1, sizeof(*tap));
	int persistent, disabled, non_blocking, little, big, r;
	struct numbers n;
	const char *link;

	if (!tap)
		return -ENOMEM;
	/* json_unpack() does not change what it reads. */
	if (json_unpack((json_t *)json,
			"{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:b, s:b}", "link",
			&link, "owner", &n.owner, "group", &n.group, "flags", &n.flags, "header",
			&n.header, "send-buffer", &n.send_buffer, "offloads", &n.offloads,
			"persistent", &persistent, "disabled", &disabled, "non-blocking",
			&non_blocking, "little-endian", &little, "big-endian", &big) < 0 ||
	    !in_range(&n))
		return -EINVAL;
	r = take_link(tap, link);
	if (r < 0)
		return r;
	tap->owner = (uint32_t)n.owner;
	tap->group = (uint32_t)n.group;
	tap->queue.flags = (uint16_t)n.flags;
	tap->queue.header = (uint32_t)n.header;
	tap->queue.send_buffer = (uint32_t)n.send_buffer;
	tap->queue.offloads = (uint32_t)n.offloads;
	tap->queue.persistent = persistent;
	tap->queue.disabled = disabled;
	tap->queue.non_blocking = non_blocking;
	tap->queue.little_endian = little;
	tap->queue.big_endian = big;
	*ret = TAKE_PTR(tap);
	return 0;
}
