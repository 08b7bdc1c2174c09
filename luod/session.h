/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session - what one owner wants carried over: a name, an owner (uid and systemd unit), policies
 * and resources. It lives as long as its owner wants it to, over many updates; the kernel session
 * that backs it lives for one update only and is represented by kernel_fd.
 *
 * This file owns the objects, their resources and the fds in them. It makes no system call but
 * dup/close and knows nothing of D-Bus (session-bus.c) or of the order of an update (step.c).
 */
#ifndef LUOD_SESSION_H
#define LUOD_SESSION_H

#include <linux/liveupdate.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "dma.h"
#include "util.h"

#define SESSION_NAME_MAX  48
#define SESSION_LABEL_MAX 64
#define SESSION_PREFIX	  "luod/"

/* Numbers in luod's fd store: six hexadecimal digits at most (custody.c). */
#define RESOURCE_STORE_MAX 0xffffff

struct json_t;
struct sd_bus_track;
struct tap;
struct manager;

enum session_mode {
	SESSION_CUSTODY,    /* luod holds and preserves the owner's fds */
	SESSION_DELEGATION, /* the owner preserves on the session fd itself */
};

enum session_policy {
	SESSION_REQUIRED,    /* a veto or a missed deadline calls the update off */
	SESSION_BEST_EFFORT, /* left behind and reported */
};

enum claim_policy {
	CLAIM_BY_UNIT, /* same uid and same systemd unit */
	CLAIM_BY_UID,
};

enum unclaimed_policy {
	UNCLAIMED_HOLD,
	UNCLAIMED_FINISH, /* the kernel frees what nobody came for */
};

enum session_state {
	SESSION_IDLE,	   /* no update runs */
	SESSION_PREPARING, /* kernel session exists, the guest still runs */
	SESSION_READY,
	SESSION_VETOED,
	SESSION_LEFT_BEHIND,
	SESSION_UNCLAIMED, /* came through the jump, nobody asked for it yet */
	SESSION_CLAIMED,
	SESSION_RESUMED,
	SESSION_LOST,
};

/* How the kernel session came through the last jump. */
enum delivery {
	DELIVERY_NONE,
	DELIVERY_FDSTORE, /* PID 1 carried the keeper's fd store over */
	DELIVERY_NAME,	  /* the keeper retrieved it by name */
};

enum resource_kind {
	RESOURCE_MEMORY,     /* a memfd */
	RESOURCE_IOMMUFD,    /* with marked HWPTs */
	RESOURCE_DEVICE,     /* a VFIO cdev */
	RESOURCE_TAP,	     /* a queue of a TUN or TAP link; custody only */
	RESOURCE_DMA_MEMORY, /* a DMA buffer of pci-dmamem */
};

struct resource {
	TAILQ_ENTRY(resource) entry;
	char *label;
	char *device; /* the PCI address, as "0000:00:03.0", of a device, or that a DMA buffer is for */
	enum resource_kind kind;
	uint64_t token;
	uint64_t bytes;
	uint64_t filled; /* bytes of it without holes, as far as the running update has come */
	bool preserved;	 /* in the kernel session of the running update, as far as luod knows */
	bool lost;	 /* it came to the jump, and the kernel does not give it back */
	int fd;		 /* custody, or a declared device not yet verified: owned; else -EBADF */
	uint32_t store;	 /* custody: its number in luod's fd store; 0: it has none */
	bool unstored;	 /* ... where it could not be put yet */
	bool unsettled;	 /* a queue that was opened anew: its link does not hang on it yet */

	/* Custody only. */
	char *iommufd;	    /* of a device: the label of the iommufd that it is bound to */
	uint32_t device_id; /* of a device that luod has bound: its id there; else 0 */
	struct dma dma;	    /* of an iommufd: what its owner has named of it */
	struct tap *tap;    /* of a queue: what it is; else NULL */
};

TAILQ_HEAD(resource_list, resource);

struct session {
	TAILQ_ENTRY(session) entry;
	struct manager *manager;

	char *name;
	uid_t uid;
	char *unit; /* of the owner; "" when it had none */
	char kernel_name[LIVEUPDATE_SESSION_NAME_LENGTH];
	char *path; /* D-Bus object path */

	enum session_mode mode;
	enum session_policy policy;
	enum claim_policy claim_policy;
	enum unclaimed_policy unclaimed_policy;
	uint64_t claim_timeout_usec;
	uint64_t ready_timeout_usec; /* what its owner asks for; 0: lu.conf's ReadyTimeout= */

	enum session_state state;
	bool held; /* left behind, but somebody has its kernel session open: it jumps all the same */
	enum delivery delivery;
	char *reason; /* of the state: a veto's text, why it was lost; or NULL */

	char **links; /* of the host that it needs, see session-link.h; NULL: none */

	struct resource_list resources;
	unsigned int n_resources;
	uint64_t next_token;

	struct json_t *unknown; /* fields of a newer luod's record, kept for the next one */
	int kernel_fd;		/* a duplicate of what the keeper holds, or -EBADF */
	sd_event_source *claim_timer;
	uint64_t claim_deadline_usec; /* monotonic, of this boot; 0: there is none (claim.c) */
	uint64_t ready_deadline_usec; /* monotonic; set when the running update asked it */

	/* The connection that created or claimed it last: is there anybody to answer for it? */
	struct sd_bus_track *owner_track;
	uint64_t owner_peer;
};

TAILQ_HEAD(session_list, session);

/* Is @name fit to be a session's name: 1..48 of [A-Za-z0-9._-], not beginning with a dot? */
bool session_name_valid(const char *name);
/* How long a name may be for this uid: at most SESSION_NAME_MAX, and its kernel name must fit. */
size_t session_name_max(uid_t uid);
/* A label is shown to people and names an fd: 1..64 printable ASCII characters, no '#', no ':'. */
bool session_label_valid(const char *label);

/*
 * Creates a session in state idle; it is not in any list yet. The name must be valid. Owned by
 * the caller until manager_add_session() takes it.
 */
int session_new(const char *name, uid_t uid, const char *unit, struct session **ret);

/*
 * Takes "luod/<uid>/<name>" apart: for sessions that are known by their kernel name only because
 * the record was lost. -EINVAL when it is none of ours.
 */
int session_parse_kernel_name(const char *kernel_name, uid_t *ret_uid, const char **ret_name);

/* Closes every fd and frees. Does not touch what the keeper holds. NULL is fine. */
struct session *session_free(struct session *s);
DEFINE_CLEANUP(struct session *, session_free)

struct resource *session_find_resource(struct session *s, const char *label);
/* The first resource that is this PCI device, or is for it; or NULL. */
struct resource *session_find_device(struct session *s, const char *address);
bool session_has_device(const struct session *s);

/*
 * Adds a resource. @fd is consumed on success only (-EBADF for one that luod does not hold).
 * -EEXIST: the label or the token is taken.
 */
int session_add_resource(struct session *s, const char *label, enum resource_kind kind,
			 uint64_t token, uint64_t bytes, int fd, struct resource **ret);
void session_remove_resource(struct session *s, struct resource *resource);

/*
 * Gives a resource that the owner preserves itself another kind, token and size. -EEXIST: the
 * token is another resource's; nothing has changed then.
 */
int session_redeclare_resource(struct session *s, struct resource *resource,
			       enum resource_kind kind, uint64_t token, uint64_t bytes);

uint64_t session_preserved_bytes(const struct session *s);

/* Does this session have a part in the update that is running or being finished? */
bool session_in_update(const struct session *s);

/* Has its owner come for it after the jump, and not said Done yet? */
bool session_claimed(const struct session *s);

/* Does its kernel session go through the jump? */
bool session_jumps(const struct session *s);

/*
 * May a caller with this uid and unit act for the owner? uid 0 is no exception: what a session
 * holds goes back to its owner and to nobody else. @unit is "" for a caller in no unit, NULL for one
 * whose unit is not known, which is nobody's.
 */
bool session_admits(const struct session *s, uid_t uid, const char *unit);

/* Is somebody there who could answer for it? */
bool session_owner_connected(const struct session *s);

/* Names other links; consumes @links, which may be NULL. */
void session_set_links(struct session *s, char **links);

/* Sets state and reason; returns true when anything changed. */
bool session_set_state(struct session *s, enum session_state state, const char *reason);

const char *session_mode_to_string(enum session_mode mode);
int session_mode_from_string(const char *word);
const char *session_policy_to_string(enum session_policy policy);
int session_policy_from_string(const char *word);
const char *claim_policy_to_string(enum claim_policy policy);
int claim_policy_from_string(const char *word);
const char *unclaimed_policy_to_string(enum unclaimed_policy policy);
int unclaimed_policy_from_string(const char *word);
const char *session_state_to_string(enum session_state state);
int session_state_from_string(const char *word);
const char *delivery_to_string(enum delivery delivery);
int delivery_from_string(const char *word);
const char *resource_kind_to_string(enum resource_kind kind);
int resource_kind_from_string(const char *word);

#endif
