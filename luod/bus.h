/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus - the connections through which luod is spoken to: one to the system bus, made again
 * whenever the bus comes back, and one for each peer on /run/luod/bus. All carry the same objects;
 * whoever registers or announces them goes through here and need not know how many there are.
 *
 * Owns the connections and the caller's identity on each. Does not know what the objects mean.
 */
#ifndef LUOD_BUS_H
#define LUOD_BUS_H

#include <sys/queue.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util.h"

#define LUOD_BUS_NAME	       "org.luod1"
#define LUOD_ROOT	       "/org/luod1"
#define LUOD_MANAGER_INTERFACE "org.luod1.Manager"
#define LUOD_SESSION_INTERFACE "org.luod1.Session"
#define LUOD_DEVICE_INTERFACE  "org.luod1.Device"
#define LUOD_JOB_INTERFACE     "org.luod1.Job"

/*
 * How much strangers may take of luod by way of peer connections, half-open and idle ones too. A
 * queue must have room for what is sent to everybody at once: some messages for each session.
 */
struct bus_limits {
	unsigned int peers;
	unsigned int peers_per_uid;
	unsigned int queue; /* messages that a peer has not read */
};

/* Who sent a message, as the kernel and the bus driver say it, never the sender itself. */
struct identity {
	uid_t uid;
	pid_t pid;
	char *unit;	/* systemd unit, "" when it has none or that is not sure */
	bool unit_sure; /* a pidfd vouches for it: nobody else has had that pid */
	char *sender;	/* unique name on the system bus; NULL for a peer */
	uint64_t peer;	/* number of the peer connection; 0 on the system bus */
};

void identity_clear(struct identity *identity);

/* The unit as session_admits() takes it: NULL when it is not known. */
const char *identity_unit(const struct identity *identity);
/* Then: why, and the way out, as a sentence to be added to an error; otherwise "". */
const char *identity_way_out(const struct identity *identity);

struct bus_peer {
	TAILQ_ENTRY(bus_peer) entry;
	struct bus_set *set;
	sd_bus *bus;
	struct identity identity;
	bool drained; /* what came together with the end of the handshake was looked at */
	unsigned int unfinished,
		unfinished_fds;	   /* bytes and fds of a message that is not complete */
	sd_event_source *deadline; /* of the handshake, or of that message */
	int fd, in_fd;		   /* by which the bus writes, and reads; the bus owns them */
	sd_event_source *writable; /* room for what it has not read, on which it is held up */
	bool useless;		   /* luod lacked what it takes: is to be let go */
};

TAILQ_HEAD(bus_peer_list, bus_peer);

/* Called for every new connection, to register the objects on it. */
typedef int (*bus_attach_t)(sd_bus *bus, void *userdata);

struct bus_set {
	sd_event *event;
	bus_attach_t attach;
	void (*peer_gone)(uint64_t number, void *userdata); /* may be NULL */
	void *userdata;

	sd_bus *system;
	char *system_address; /* NULL: the system bus */
	sd_event_source *reconnect;
	bool complained;	   /* of a reconnection that failed */
	struct identity cache[64]; /* of senders on the system bus, newest overwrites oldest */
	unsigned int cache_next;

	int listen_fd;
	sd_event_source *listen, *drain;
	sd_event_source *accept_again; /* whoever waits could not be accepted */
	bool accept_complained;	       /* of that */
	int accepted_fd;	       /* a peer that could not be served yet */
	int silent_fd;		       /* a socket on which nothing comes */
	struct bus_limits limits;
	struct bus_peer_list peers;
	unsigned int n_peers;
	unsigned int n_fds; /* that this process had when it was last looked at */
	uint64_t last_peer;
};

void bus_set_init(struct bus_set *set, sd_event *event, bus_attach_t attach, void *userdata);
void bus_set_clear(struct bus_set *set);

/*
 * Connects to the system bus (@address NULL) or to a bus at @address and asks for the name. A bus
 * that is not there yet is no error: it is waited for, and waited for again when it goes away.
 */
int bus_set_open_system(struct bus_set *set, const char *address);

/* Serves peers on the listening socket @fd, which is consumed. */
int bus_set_listen(struct bus_set *set, int fd);

/* As bus_set_listen() on a socket bound here, for when systemd passed none. */
int bus_set_listen_path(struct bus_set *set, const char *path);

/* Ends the listening socket and every peer connection; part of bus_set_clear(). */
void bus_set_close_peers(struct bus_set *set);

/* Registers what a bare peer connection lacks of org.freedesktop.DBus (peer-driver-bus.c). */
int peer_driver_attach(struct bus_peer *peer);

/*
 * What a peer has not said to the end (peer-input-bus.c): told that one begins, before its bus is
 * started, and that all it has said is complete; after each event all are looked at.
 */
int peer_input_start(struct bus_peer *peer);
void peer_input_complete(struct bus_peer *peer);
void peer_input_look(struct bus_set *set);
/* When the handshake has ended: false when it was too long. */
bool peer_input_admits(const struct bus_peer *peer);
/* luod does not read meanwhile: it is not for the peer to go on. */
void peer_input_hold(struct bus_peer *peer);
void peer_input_resume(struct bus_peer *peer);

/*
 * What a peer does not read (peer-output-bus.c): told that its bus is started. After each event those that
 * have read go on, one for each call, NULL when there is none: what such a one has said before is
 * to be looked at. Then those that do not read are held up.
 */
int peer_output_start(struct bus_peer *peer);
struct bus_peer *peer_output_resume(struct bus_set *set);
void peer_output_hold(struct bus_set *set);
/* Does something wait in luod for the other side to read? */
bool bus_has_unread(sd_bus *bus);

/* As sd_bus_process(): how it ended. @peer may be no more: then it is not positive. */
int peer_process(struct bus_peer *peer);
/* Ends a connection: @peer is no more. */
void peer_lose(struct bus_peer *peer);

/*
 * Who sent @m. The result belongs to the connection or to the cache, and is valid until the loop
 * runs again. -EACCES when that cannot be said, with the D-Bus error set.
 */
int bus_set_identify(struct bus_set *set, sd_bus_message *m, const struct identity **ret,
		     sd_bus_error *error);

/* Is this a peer connection, where there is no polkit? */
bool bus_set_is_peer(struct bus_set *set, sd_bus *bus);

/* Does the peer with this number still hang on? */
bool bus_set_has_peer(const struct bus_set *set, uint64_t number);

/* Announcements on all connections; failures are the connection's trouble, not the caller's. */
void bus_set_emit_changed(struct bus_set *set, const char *path, const char *interface,
			  char **properties);
void bus_set_emit_added(struct bus_set *set, const char *path);
void bus_set_emit_removed(struct bus_set *set, const char *path);
void bus_set_emit_signal(struct bus_set *set, const char *path, const char *interface,
			 const char *member, const char *types, ...);

#define bus_set_emit_changed_list(set, path, interface, ...) \
	bus_set_emit_changed(set, path, interface, (char *[]){ __VA_ARGS__, NULL })

#endif
