/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netlink: messages of rtnetlink, in a row, as a kernel sends them or as it never would. What of them
 * is taken can be written, and the next luod takes it again as it was. The headers are made right,
 * because libnl has checked those before luod sees a message.
 */
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "luod/net-prove.h"
#include "luod/net-read.h"

/* libnl 3.7 goes round for ever in a route with a hop that has no length, and takes memory each time. */
static bool has_endless_hop(struct nlmsghdr *header)
{
	struct nlattr *several =
		header->nlmsg_type == RTM_NEWROUTE
			? nlmsg_find_attr(header, sizeof(struct rtmsg), RTA_MULTIPATH)
			: NULL;
	const struct rtnexthop *hop = several ? nla_data(several) : NULL;
	int left = several ? nla_len(several) : 0;

	for (; left >= (int)sizeof(*hop) && left >= hop->rtnh_len; hop = RTNH_NEXT(hop)) {
		if (hop->rtnh_len < sizeof(*hop))
			return true;
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
	}
	return false;
}

static void feed(struct net_namespace *ns, const uint8_t *data, uint32_t size)
{
	struct nlmsghdr *header = malloc(size);
	struct nl_msg *msg;

	if (!header)
		abort();
	memcpy(header, data, size);
	header->nlmsg_len = size;
	msg = has_endless_hop(header) ? NULL : nlmsg_convert(header);
	if (msg)
		net_read_message(ns, msg);
	nlmsg_free(msg);
	free(header);
}

/* What the kernel says may be more than a record can say: that is not read. It may hang on itself. */
static void check(const struct net_record *r)
{
	_cleanup_free_ char *error = NULL;
	int result = net_prove(r, &error);

	if (result < 0 && result != -ELOOP)
		abort();
	if (result < 0 && !error)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_record r = {};
	struct net_namespace *ns;

	if (net_add_namespace(&r, "", &ns) < 0)
		abort();
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;
		uint32_t length;

		memcpy(&header, data, sizeof(header));
		length = header.nlmsg_len < sizeof(header) || header.nlmsg_len > size
				 ? (uint32_t)size
				 : header.nlmsg_len;
		feed(ns, data, length);
		length = NLMSG_ALIGN(length) > size ? (uint32_t)size : NLMSG_ALIGN(length);
		data += length;
		size -= length;
	}
	if (net_read_links_done(ns) >= 0)
		check(&r);
	net_record_clear(&r);
	return 0;
}
