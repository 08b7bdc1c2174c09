/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer-output - what a peer does not read. sd-bus keeps it in luod's memory, with the fds that go along,
 * and the kernel keeps 8 MiB of it before, as sd-bus makes the socket; neither knows a bound on fds,
 * of which luod may have so many, and so many under way. So the socket is small, and as long as
 * there is something that it does not take, luod takes no call of that peer. Whoever sends many calls
 * at once gets all the answers, at the pace at which it reads them. Signals are sent all the same: who does
 * not read those either is let go by their number.
 *
 * sd-bus cannot be told to write and not to read. But it may be given a fd for each, and as long as a
 * peer is held up, behind that for reading is a socket to which nobody can send.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "bus.h"

/* For the kernel to double: some forty answers with a fd each. */
#define SEND_BUFFER (16 << 10)

bool bus_has_unread(sd_bus *bus)
{
	uint64_t n;

	return sd_bus_get_n_queued_write(bus, &n) >= 0 && n > 0;
}

int peer_output_start(struct bus_peer *peer)
{
	const int size = SEND_BUFFER;

	return setsockopt(peer->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0 ? -errno : 0;
}

static int on_writable(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
		       void *userdata)
{
	struct bus_peer *peer = userdata;

	peer_process(peer);
	return 0;
}

static int hold(struct bus_peer *peer)
{
	peer_input_hold(peer);
	sd_bus_detach_event(peer->bus);
	if (dup3(peer->set->silent_fd, peer->in_fd, O_CLOEXEC) < 0)
		return -errno;
	return sd_event_add_io(peer->set->event, &peer->writable, peer->fd, EPOLLOUT, on_writable,
			       peer);
}

static int resume(struct bus_peer *peer)
{
	peer->writable = sd_event_source_disable_unref(peer->writable);
	if (dup3(peer->fd, peer->in_fd, O_CLOEXEC) < 0)
		return -errno;
	peer_input_resume(peer);
	return sd_bus_attach_event(peer->bus, peer->set->event, SD_EVENT_PRIORITY_NORMAL);
}

struct bus_peer *peer_output_resume(struct bus_set *set)
{
	struct bus_peer *peer;

	TAILQ_FOREACH(peer, &set->peers, entry) {
		if (!peer->writable || bus_has_unread(peer->bus))
			continue;
		if (resume(peer) >= 0)
			return peer;
		peer->useless = true;
	}
	return NULL;
}

void peer_output_hold(struct bus_set *set)
{
	struct bus_peer *peer;

	TAILQ_FOREACH(peer, &set->peers, entry)
		if (peer->drained && !peer->writable && bus_has_unread(peer->bus) && hold(peer) < 0)
			peer->useless = true;
}
