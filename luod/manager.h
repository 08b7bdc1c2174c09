/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manager - the one struct that owns all state of the daemon. Everything else gets it as its
 * first argument and leaves it consistent at the end of each event.
 */
#ifndef LUOD_MANAGER_H
#define LUOD_MANAGER_H

#include "bus.h"
#include "conf.h"
#include "feature.h"
#include "fdstore.h"
#include "inhibit-bus.h"
#include "inventory.h"
#include "host.h"
#include "job.h"
#include "net.h"
#include "pid1-bus.h"
#include "polkit-bus.h"
#include "preflight.h"
#include "session.h"
#include "target.h"
#include "update.h"

/* Where things are; tests put them elsewhere. */
struct manager_paths {
	const char *run;	 /* /run/luod */
	const char *history;	 /* /var/lib/luod/history */
	const char *keeper;	 /* /run/luod/keeper */
	const char *host;	 /* /run/luod/host; NULL: no luod-host */
	const char *bus_address; /* NULL: the system bus */
	const char *peer_socket; /* NULL: lu.conf's, or what systemd passes */
	const char *root;	 /* "": before every path of /dev, /proc, /sys and /etc */
	const char *host_root; /* "": before paths of the host's mounts: what is on a disk, /dev */
};

struct manager {
	sd_event *event;
	struct manager_paths paths;
	struct conf conf;
	char *kernel_release;
	struct features features;
	struct kimage *running; /* the running kernel's image, once a check has looked for it */

	struct bus_set buses;
	struct fdstore *fdstore; /* the keeper */
	struct host host;	 /* luod-host */
	struct pid1 pid1;
	struct inhibit inhibit;
	struct polkit polkit;
	struct session_list sessions;
	unsigned int n_sessions;
	struct inventory inventory;
	struct job_list jobs;
	struct job *job; /* of the running update, or NULL */
	unsigned int next_job;

	uint32_t last_stored; /* number of the last fd that went into custody */

	struct target target;
	struct update update;
	struct net_record network;	/* that goes along with the update */
	sd_event_source *network_timer; /* of what can only be set later */
	unsigned int network_tries;
	struct network_late *network_late; /* what waits for links that are not there yet */
	int kernel_fd;			   /* luod's own kernel session, or -EBADF */
	enum delivery delivery;		   /* how that one came through the jump */
	struct findings findings;	   /* of the last check */
	uint64_t checked_usec;		   /* when that ended; 0: there was none */

	char **passed_names; /* fds that systemd passed and nobody has taken yet */
	int *passed_fds;
	unsigned int n_passed;
	int peer_socket;		/* from systemd, until it is served; or -EBADF */
	sd_event_source *history_timer; /* the last history is not on disk yet */
	char *last_history;		/* JSON of the last update that ended in this kernel */
	sd_event_source *lost_timer;	/* who is lost is not on disk yet, or the disk not there */
	unsigned int lost_tries;
	sd_event_source *metrics_timer; /* the metrics are to be written */
	int metrics_error;		/* of the last try */
	bool metrics_complained;

	uint64_t start_counter; /* when this luod started, for the timeline */
	bool serving;		/* the connections are open */
	bool settled;		/* what was there at the start is taken up */
	sd_event_source *settle_timer;
	uint64_t settle_deadline_usec;
	const char *settle_why; /* what it waits for */

	/* What could not be done for want of fds, memory or room, and is tried again. */
	sd_event_source *store_again;	/* what PID 1 could not be told of its fd store ... */
	char **unforgotten;		/* ... names that are to go from it */
	bool target_unstored;		/* ... the target is not in it as it is now */
	bool timeline_unstored;		/* ... nor is the timeline */
	sd_event_source *save_again;	/* state.json ... */
	bool unsaved;			/* ... does not tell the latest */
	sd_event_source *quiesce_again; /* units that an update has stopped ... */
	bool quiesce_complained;	/* ... of which was spoken already */
};

int manager_new(const struct manager_paths *paths, struct manager **ret);
int manager_start(struct manager *m);
struct manager *manager_free(struct manager *m);
DEFINE_CLEANUP(struct manager *, manager_free)

/* Reads lu.conf; used at start and for Reload. Never fails: what is wrong is logged and ignored. */
void manager_load_conf(struct manager *m);

/* What the State property says: the phase, or "loaded" when idle with a target. */
const char *manager_state(const struct manager *m);

/* Puts a session into the list and announces it; consumes it. */
void manager_add_session(struct manager *m, struct session *s);
/* Takes a session out, announces that and frees it, with all that luod's own fd store has of it. */
void manager_remove_session(struct manager *m, struct session *s);
struct session *manager_find_session(struct manager *m, uid_t uid, const char *name);
struct session *manager_find_session_by_path(struct manager *m, const char *path);
unsigned int manager_count_sessions(const struct manager *m, uid_t uid);

/* State or reason of a session has changed: sets, announces, remembers. */
void manager_set_session_state(struct manager *m, struct session *s, enum session_state state,
			       const char *reason);

/*
 * Something that state.json tells has changed: writes it. Failure is logged; the daemon goes on, and tries
 * again each second: a restart would know less until then.
 */
void manager_save(struct manager *m);
int manager_prepare_save(struct manager *m);

/* Announces a change of properties of org.luod1.Manager (names end with NULL). */
#define manager_emit(m, ...) \
	bus_set_emit_changed_list(&(m)->buses, LUOD_ROOT, LUOD_MANAGER_INTERFACE, __VA_ARGS__)
#define session_emit(m, s, ...) \
	bus_set_emit_changed_list(&(m)->buses, (s)->path, LUOD_SESSION_INTERFACE, __VA_ARGS__)

#define device_emit(m, d, ...) \
	bus_set_emit_changed_list(&(m)->buses, (d)->path, LUOD_DEVICE_INTERFACE, __VA_ARGS__)

/* owner-bus.c: a peer connection is gone, whose number this was (bus_set's peer_gone). */
void session_peer_gone(uint64_t peer, void *userdata);

/* manager-bus.c: registers every object of luod on a connection (a bus_attach_t). */
int manager_attach(sd_bus *bus, void *userdata);
int session_attach(sd_bus *bus, struct manager *m);
int device_attach(sd_bus *bus, struct manager *m);
int job_attach(sd_bus *bus, struct manager *m);

/*
 * Runs the preflight checks; m->findings has the result. 1: nothing stands in the way; 0: something does; an
 * error, which is logged: nobody knows.
 */
int manager_check(struct manager *m);

/* The checks of devices alone, as of the last cover_look(); m->findings stays. Freed by the caller. */
int manager_check_devices(struct manager *m, struct findings *ret);

/* An fd of that name that systemd passed at start, or -EBADF; the caller owns it. */
int manager_take_passed(struct manager *m, const char *name);

/*
 * custody.c: luod's own fd store, for the fds that owners gave into custody. A resource gets a number
 * first, then state.json is written (manager_save), then the fd is stored.
 */
bool custody_has_room(const struct manager *m);
/*
 * May this uid name @dma, in the place of what @old, if it is not NULL, has now? -EDQUOT: it would
 * have more than its share; -E2BIG: all together more than there may be (limits.h).
 */
int custody_dma_room(const struct manager *m, uid_t uid, const struct resource *old,
		     const struct dma *dma);
void custody_number(struct session *s, struct resource *resource);
void custody_store(struct session *s, struct resource *resource);
void custody_forget(struct session *s, struct resource *resource);
/*
 * cover.c: which session covers each device, and who has it open. cover_device() announces nothing;
 * the others announce what they change.
 */
struct holders;
void cover_device(struct manager *m, struct device *d);
void cover_devices(struct manager *m);
/* Looks which devices there are and who has what open, which *ret then tells: holders_clear(). */
int cover_look(struct manager *m, struct holders *ret);
/* What a check would say of it as it is now, see preflight_device_reasons(). */
int device_reasons(const struct device *d, struct findings *ret);
/* Without the session; borrows from @d. */
struct preflight_device device_for_preflight(const struct device *d);

/* The target has changed: its image goes into the fd store, its properties are announced. */
void manager_store_target(struct manager *m);

/* Gives the fds that systemd passed at start to the sessions' resources; closes the others. */
void custody_adopt(struct manager *m, char **names, int *fds, unsigned int n);
/* After adoption: forgets resources in custody of which nothing is left, and says so. */
void custody_drop_lost(struct manager *m);
/* The fd of a resource, retrieved from the kernel when that has not been done yet. */
int custody_fd(struct session *s, struct resource *resource);
/* Of a queue that cannot be opened anew, when its session ends: nobody waits for it any more. */
void custody_lose_tap(struct session *s, struct resource *resource);
/* The loaded image and its initrd, in the place of those before. */
#define TARGET_FDNAME	     "target"
#define TARGET_INITRD_FDNAME "target-initrd"
void custody_store_target(struct manager *m);
/* The timeline of the update as it is now, or that there is none any more. */
void custody_store_timeline(struct manager *m);
/* Makes the timer with which PID 1 is told later what it could not be told. */
int custody_prepare(struct manager *m);

#endif
