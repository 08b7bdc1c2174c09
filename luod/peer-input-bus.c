/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer-input - what a peer has begun to say and not finished. sd-bus keeps it in luod's memory, up to
 * 128 MiB of one message, with all the fds that came along, for as long as the peer likes; and it does
 * not tell how much it has.
 *
 * The kernel does: where to peek at in a socket (SO_PEEK_OFF, socket(7)) is a number that gets smaller
 * by each byte that is read. Nobody peeks here, so it counts what sd-bus has taken since a message was
 * complete. This is looked at after each event. One event is one reading of one peer, so what luod has
 * more fds afterwards is what that peer has sent.
 *
 * Until a peer is known to sd-bus by the handshake, that bounds what it says; here it has its time, and what
 * came along with its end must be little.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include "bus.h"
#include "limits.h"
#include "log.h"

static int start_count(struct bus_peer *peer)
{
	const int offset = INT32_MAX;

	return setsockopt(peer->fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)) < 0 ? -errno
											  : 0;
}

/* Bytes of a message that is not complete. */
static unsigned int unfinished(const struct bus_peer *peer)
{
	int offset = INT32_MAX;
	socklen_t size = sizeof(offset);

	if (getsockopt(peer->fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &size) < 0)
		return 0;
	return offset < 0 ? 0 : (unsigned int)(INT32_MAX - offset);
}

/* How many fds luod has; 0 before Linux 6.2, where sessions are not possible either. */
static unsigned int count_fds(void)
{
	struct stat st;

	return stat("/proc/self/fd", &st) < 0 ? 0 : (unsigned int)st.st_size;
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct bus_peer *peer = userdata;

	log_warning("Process %d of uid %u does not end %s; closing its connection.",
		    peer->identity.pid, peer->identity.uid,
		    peer->drained ? "a message" : "the handshake");
	peer_lose(peer);
	return 0;
}

static int start_timer(struct bus_peer *peer)
{
	int r = sd_event_source_set_time_relative(peer->deadline, LIMIT_PEER_USEC);

	return r < 0 ? r : sd_event_source_set_enabled(peer->deadline, SD_EVENT_ONESHOT);
}

void peer_input_complete(struct bus_peer *peer)
{
	start_count(peer);
	sd_event_source_set_enabled(peer->deadline, SD_EVENT_OFF);
	peer->unfinished = peer->unfinished_fds = 0;
}

static int on_message(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_)
{
	peer_input_complete(userdata);
	return 0;
}

void peer_input_hold(struct bus_peer *peer)
{
	sd_event_source_set_enabled(peer->deadline, SD_EVENT_OFF);
}

void peer_input_resume(struct bus_peer *peer)
{
	if (peer->unfinished)
		start_timer(peer);
}

int peer_input_start(struct bus_peer *peer)
{
	int r;

	if ((r = start_count(peer)) < 0 ||
	    (r = sd_bus_add_filter(peer->bus, NULL, on_message, peer)) < 0)
		return r;
	return sd_event_add_time_relative(peer->set->event, &peer->deadline, CLOCK_MONOTONIC,
					  LIMIT_PEER_USEC, 0, on_deadline, peer);
}

bool peer_input_admits(const struct bus_peer *peer)
{
	return unfinished(peer) <= LIMIT_PEER_HANDSHAKE;
}

/* Root may send whole records of a network, and can do without tricks what they are for. */
static bool is_too_much(const struct bus_peer *peer)
{
	return peer->identity.uid != 0 &&
	       (peer->unfinished > LIMIT_PEER_MESSAGE || peer->unfinished_fds > LIMIT_PEER_FDS);
}

static bool look(struct bus_peer *peer, unsigned int more_fds)
{
	unsigned int now = unfinished(peer);

	if (now == peer->unfinished)
		return true;
	/* Of one that is held up it is luod that does not read. */
	if (!peer->unfinished && !peer->writable)
		start_timer(peer);
	peer->unfinished = now;
	peer->unfinished_fds += more_fds;
	return !is_too_much(peer);
}

void peer_input_look(struct bus_set *set)
{
	unsigned int fds = count_fds(), more_fds = fds > set->n_fds ? fds - set->n_fds : 0;
	struct bus_peer *peer, *next;

	for (peer = TAILQ_FIRST(&set->peers); peer; peer = next) {
		next = TAILQ_NEXT(peer, entry);
		if (!peer->drained || look(peer, more_fds))
			continue;
		log_warning("Process %d of uid %u sends a message of more than %u bytes or %u fds; "
			    "closing its connection.",
			    peer->identity.pid, peer->identity.uid, LIMIT_PEER_MESSAGE,
			    LIMIT_PEER_FDS);
		peer_lose(peer);
	}
	set->n_fds = count_fds();
}
