/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-socket - see net-socket.h. libnl's error numbers are turned into errno's here. */
#include "net-socket.h"

#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "host.h"

/* Room for what the kernel sends before we read it: a dump comes in pieces of at most 32 KiB. */
#define BUFFER_SIZE (1 << 20)
#define TIMEOUT_SEC 5

struct net_socket {
	struct nl_sock *sock;
	net_message_t on_message;
	void *userdata;
	int result; /* of the request under way */
	bool done;
	char complaint[128];
};

static int to_errno(int nl_error)
{
	static const struct {
		int nl, error;
	} errors[] = {
		{ NLE_SUCCESS, 0 },
		{ NLE_AGAIN, ETIMEDOUT },
		{ NLE_NOMEM, ENOMEM },
		{ NLE_DUMP_INTR, EINTR },
		{ NLE_INTR, EINTR },
		{ NLE_PERM, EPERM },
		{ NLE_OPNOTSUPP, EOPNOTSUPP },
		{ NLE_PROTO_MISMATCH, EPROTONOSUPPORT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].nl == abs(nl_error))
			return -errors[i].error;
	return -EIO;
}

static int on_valid(struct nl_msg *msg, void *userdata)
{
	struct net_socket *s = userdata;

	if (s->result >= 0 && s->on_message)
		s->result = s->on_message(msg, s->userdata);
	return NL_OK;
}

static int on_finish(struct nl_msg *msg _unused_, void *userdata)
{
	struct net_socket *s = userdata;

	s->done = true;
	return NL_STOP;
}

/* An extended acknowledgement has the kernel's words behind the header of what was asked. */
static void keep_complaint(struct net_socket *s, struct nlmsghdr *header)
{
	struct nlmsgerr *e = nlmsg_data(header);
	size_t skip = sizeof(*e);
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || nlmsg_datalen(header) < (int)skip)
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	if (skip > (size_t)nlmsg_datalen(header) ||
	    nla_parse(tb, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)e + skip),
		      nlmsg_datalen(header) - (int)skip, NULL) < 0 ||
	    !tb[NLMSGERR_ATTR_MSG])
		return;
	nla_strlcpy(s->complaint, tb[NLMSGERR_ATTR_MSG], sizeof(s->complaint));
}

static int on_ack(struct nl_msg *msg, void *userdata)
{
	return on_finish(msg, userdata);
}

/* libnl turns several errors into one; the kernel's own is what the caller wants. */
static int on_error(struct sockaddr_nl *from _unused_, struct nlmsgerr *e, void *userdata)
{
	struct net_socket *s = userdata;

	s->done = true;
	s->result = e->error;
	keep_complaint(s, (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN));
	return NL_STOP;
}

/* What makes things better and may be missing: words beside errors, checks of what is asked. */
static int set_up(struct net_socket *s)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_SEC };
	const int one = 1;
	int fd = nl_socket_get_fd(s->sock), r;

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	r = nl_socket_set_buffer_size(s->sock, BUFFER_SIZE, 0);
	return r < 0 ? to_errno(r) : 0;
}

int net_socket_new(struct host *host, int fd, struct net_socket **ret)
{
	return net_socket_new_of(host, NETLINK_ROUTE, fd, ret);
}

int net_socket_new_of(struct host *host, int protocol, int fd, struct net_socket **ret)
{
	_cleanup_(net_socket_freep) struct net_socket *s = calloc(1, sizeof(*s));
	_cleanup_close_ int socket = -EBADF;
	int r;

	if (!s)
		return -ENOMEM;
	s->sock = nl_socket_alloc();
	if (!s->sock)
		return -ENOMEM;
	socket = host_netlink(host, fd, protocol);
	if (socket < 0)
		return socket;
	r = nl_socket_set_fd(s->sock, protocol, socket);
	if (r < 0)
		return to_errno(r);
	TAKE_FD(socket);
	r = set_up(s);
	if (r < 0)
		return r;
	nl_socket_modify_cb(s->sock, NL_CB_VALID, NL_CB_CUSTOM, on_valid, s);
	nl_socket_modify_cb(s->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, s);
	nl_socket_modify_cb(s->sock, NL_CB_ACK, NL_CB_CUSTOM, on_ack, s);
	nl_socket_modify_err_cb(s->sock, NL_CB_CUSTOM, on_error, s);
	*ret = TAKE_PTR(s);
	return 0;
}

void net_socket_free(struct net_socket *s)
{
	if (!s)
		return;
	nl_socket_free(s->sock);
	free(s);
}

/* An answer that comes too late is not taken for the next one's: libnl compares the number. */
static int transact(struct net_socket *s, struct nl_msg *msg)
{
	int r;

	s->result = 0;
	s->done = false;
	*s->complaint = '\0';
	nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
	nlmsg_hdr(msg)->nlmsg_pid = NL_AUTO_PORT;
	r = nl_send_auto(s->sock, msg);
	while (r >= 0 && !s->done)
		r = nl_recvmsgs_default(s->sock);
	if (s->result < 0)
		return s->result;
	return r < 0 && !s->done ? to_errno(r) : r == -NLE_DUMP_INTR ? -EINTR : 0;
}

static int ask(struct net_socket *s, struct nl_msg *msg, int flags, net_message_t on_message,
	       void *userdata)
{
	s->on_message = on_message;
	s->userdata = userdata;
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_REQUEST | flags;
	return transact(s, msg);
}

int net_socket_change(struct net_socket *s, struct nl_msg *msg)
{
	return ask(s, msg, NLM_F_ACK, NULL, NULL);
}

int net_socket_dump(struct net_socket *s, struct nl_msg *msg, net_message_t on_message,
		    void *userdata)
{
	return ask(s, msg, NLM_F_DUMP, on_message, userdata);
}

int net_socket_get(struct net_socket *s, struct nl_msg *msg, net_message_t on_message,
		   void *userdata)
{
	return ask(s, msg, NLM_F_ACK, on_message, userdata);
}

const char *net_socket_complaint(const struct net_socket *s)
{
	return s->complaint;
}

static int on_nsid(struct nl_msg *msg, void *userdata)
{
	struct nlattr *nla = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct rtgenmsg), NETNSA_NSID);

	if (nla)
		*(int *)userdata = (int)nla_get_u32(nla);
	return 0;
}

int net_socket_nsid(struct net_socket *s, int fd)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNSID, 0);
	struct rtgenmsg header = {};
	int id = -1, r = -ENOMEM;

	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) >= 0 &&
	    nla_put_u32(msg, NETNSA_FD, (uint32_t)fd) >= 0)
		r = net_socket_get(s, msg, on_nsid, &id);
	nlmsg_free(msg);
	return r < 0 ? -1 : id;
}
