/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblu - take part in live updates of the host's kernel.
 *
 * A VMM opens one connection to luod (struct lu), registers one session per guest (struct
 * lu_session) and is told through events when an update begins, when it is called off, and when
 * luod goes away and comes back. Before the jump it pauses the guest and says Ready; after the jump
 * the new process claims the session, takes its memory back, resumes the guest and says Done.
 *
 * What every function has in common:
 *  - It returns 0 (or what is stated) on success and a negative errno on failure; lu_error_text()
 *    then has a sentence for people. Outputs (ret_*) are written only on success.
 *  - Functions that talk to luod block for at most lu_options.call_timeout_usec. The ones that say
 *    "does not block" never do.
 *  - File descriptors handed in stay the caller's and may be closed at once. File descriptors
 *    handed out are close-on-exec and the caller's, except lu_get_fd() and
 *    lu_session_get_fd(), which lend theirs.
 *  - Strings handed out are borrowed: valid until the next call on the same connection.
 *  - Pointers must be valid; NULL only where it is said to be allowed.
 *  - No threads, no global state, no signals, no output. A struct lu and everything made from it
 *    belong to one thread at a time; several connections in several threads are independent.
 *    A connection does not survive fork().
 *  - Structures begin with their size, set by the caller: `struct lu_options o = { .size =
 *    sizeof(o) };`. A zero in any other field asks for the default. A structure larger than the
 *    library knows is taken when the part it does not know is zero, and refused with -E2BIG when it
 *    is not; a smaller one than the first version's is -EINVAL.
 *
 * Errors that any function talking to luod can return, besides its own:
 *  -ENOTCONN    luod cannot be reached now; call lu_process() until LU_EVENT_RECONNECTED
 *  -ETIMEDOUT   no answer within call_timeout_usec; whether luod acted on it is unknown
 *  -EACCES      luod, or the bus's policy, does not allow this caller to do that
 *  -EPROTO      the answer was not of the documented form
 *  -ENOMEM, -EMFILE, -ENFILE  as everywhere
 *
 * Semantics of sessions, states and the life of an update: org.luod1(5). Of preserving and
 * retrieving file descriptors: the kernel's Documentation/userspace-api/liveupdate.rst and
 * include/uapi/linux/liveupdate.h. Everything here is described at length in liblu(3).
 */
#ifndef LIBLU_H
#define LIBLU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* One connection to luod. */
struct lu;

/* One session of this client, known to luod by the owner's uid and the session's name. */
struct lu_session;

/* The longest name of a session, without the NUL. */
#define LU_SESSION_NAME_MAX 48

/* "No limit", where a duration is asked for. */
#define LU_USEC_INFINITY UINT64_MAX

/* lu_options.flags */

/* @address leads to a message bus on which luod owns org.luod1, not to luod itself. */
#define LU_FLAG_MESSAGE_BUS (1U << 0)

/*
 * lu_new() succeeds though luod cannot be reached yet: the connection begins as disconnected, is
 * retried by lu_process(), and LU_EVENT_RECONNECTED says when it stands.
 */
#define LU_FLAG_CONNECT_LATER (1U << 1)

/* Use the connected socket @fd; nothing is reconnected when it breaks. @address must be NULL. */
#define LU_FLAG_USE_FD (1U << 2)

struct lu_options {
	size_t size;

	/*
	 * NULL: luod's own socket /run/luod/bus when there is one, else the system bus. "system": the
	 * system bus (DBUS_SYSTEM_BUS_ADDRESS is honoured). Anything else is a D-Bus address, as
	 * "unix:path=/run/luod/bus", of luod itself or, with LU_FLAG_MESSAGE_BUS, of a bus.
	 */
	const char *address;

	/* The deadline of every blocking call; 0: 25 seconds. */
	uint64_t call_timeout_usec;

	uint32_t flags;

	/* With LU_FLAG_USE_FD: duplicated, the caller keeps its own. */
	int32_t fd;
};

/* Who preserves a session's file descriptors in the kernel. */
enum lu_mode {
	LU_MODE_DEFAULT = 0, /* custody */
	LU_MODE_CUSTODY,     /* luod: it holds the memory, the client may exit after Ready */
	LU_MODE_DELEGATION,  /* the client, by ioctl on the session's fd */
};

/* What a veto, or no answer before the deadline, means for the update. */
enum lu_policy {
	LU_POLICY_DEFAULT = 0, /* required */
	LU_POLICY_REQUIRED,    /* the update is called off */
	LU_POLICY_BEST_EFFORT, /* the update goes on and this session is left behind */
};

/* Who may claim the session after the jump; the uid must be the same in either case. */
enum lu_claim_policy {
	LU_CLAIM_POLICY_DEFAULT = 0, /* unit if the creator runs in a .service unit, else uid */
	LU_CLAIM_POLICY_UNIT,	     /* only a process of the same systemd unit */
	LU_CLAIM_POLICY_UID,	     /* any process of the same uid */
};

/* What luod does with a session that nobody claims within its claim timeout. */
enum lu_unclaimed_policy {
	LU_UNCLAIMED_DEFAULT = 0, /* lu.conf's UnclaimedPolicy= */
	LU_UNCLAIMED_HOLD,	  /* keep it */
	LU_UNCLAIMED_FINISH,	  /* give it up: the memory is freed */
};

struct lu_session_options {
	size_t size;
	enum lu_mode mode;
	enum lu_policy policy;
	enum lu_claim_policy claim_policy;
	enum lu_unclaimed_policy unclaimed_policy;
	uint64_t claim_timeout_usec; /* 0: lu.conf's ClaimTimeout=; LU_USEC_INFINITY: for ever */
	uint64_t ready_timeout_usec; /* 0: lu.conf's ReadyTimeout=; at most MaxReadyTimeout= */
};

/* Where a session is in the life of an update; see org.luod1(5). */
enum lu_state {
	LU_STATE_UNKNOWN = 0, /* a state that this version of the library has no name for */
	LU_STATE_IDLE,	      /* no update runs */
	LU_STATE_PREPARING,   /* an update began, the guest still runs; delegation: may preserve */
	LU_STATE_READY,	      /* this client said Ready */
	LU_STATE_VETOED,      /* this client said Veto */
	LU_STATE_LEFT_BEHIND, /* best-effort: the update goes on without this session */
	LU_STATE_UNCLAIMED,   /* after the jump, before the claim */
	LU_STATE_CLAIMED,     /* after the claim */
	LU_STATE_RESUMED,     /* this client said Resumed; idle again once Done is dealt with */
	LU_STATE_LOST,	      /* luod has no such session any more, or could not restore it */
};

enum lu_event_type {
	LU_EVENT_NONE = 0,
	/*
	 * Pause the guest and answer lu_session_ready() or lu_session_veto() within timeout_usec
	 * (LU_USEC_INFINITY: not known). May come again for the same update_id, when luod was
	 * away and has no answer: answer again.
	 */
	LU_EVENT_PREPARE,
	/* The update is called off, nothing was lost: go on as before. reason says why. */
	LU_EVENT_CANCELLED,
	/* The session's state changed to state; reason may say why. */
	LU_EVENT_STATE,
	/*
	 * luod went away. Whatever the client was doing it goes on doing: a guest that was paused
	 * for an update stays paused until LU_EVENT_CANCELLED, or until the jump ends this process.
	 */
	LU_EVENT_DISCONNECTED,
	/* luod is back and the sessions have been claimed again; their events follow. */
	LU_EVENT_RECONNECTED,
	/*
	 * All that the session carries is preserved: the client is not needed for the jump any more and
	 * may exit. LU_EVENT_CANCELLED can still come, for whoever is there then; the guest of a client
	 * that has exited goes on only when somebody starts the client again, and never if it was
	 * preserved by delegation.
	 */
	LU_EVENT_PRESERVED,
};

struct lu_event {
	size_t size;
	enum lu_event_type type;
	enum lu_state state;	    /* STATE */
	struct lu_session *session; /* PREPARE, PRESERVED, CANCELLED, STATE; borrowed */
	const char *update_id;	    /* PREPARE, PRESERVED, CANCELLED; else "" */
	const char *reason;	    /* CANCELLED, STATE; else, and when there is none, "" */
	uint64_t timeout_usec;	    /* PREPARE */
};

/* One thing that a session carries across the update, as luod knows it. */
struct lu_resource {
	size_t size;
	uint64_t token;
	uint64_t bytes;
	const char *label;
	const char *kind; /* "memory", "dma-memory", "iommufd", "device", "tap" */
};

/* One file for lu_session_preserve_all(). */
struct lu_preserve {
	const char *label;
	uint64_t token;
	int fd;
	int reserved; /* 0 */
};

/*
 * Connects to luod. Blocks, unless LU_FLAG_CONNECT_LATER is given. @options may be NULL.
 * -ENOENT, -ECONNREFUSED or -ENOTCONN: luod is not running. -ETIMEDOUT, -EACCES, -EPROTO: what
 * answers is not luod, or not now, or not to this caller. -EINVAL: a bad address, flag or
 * combination. -E2BIG: @options is newer than the library.
 */
int lu_new(struct lu **ret, const struct lu_options *options);

/* One more reference to @lu, which is also returned. */
struct lu *lu_ref(struct lu *lu);

/* Drops a reference; the last one, sessions' included, disconnects. NULL is allowed. Returns NULL. */
struct lu *lu_unref(struct lu *lu);

/* The version of luod, or "" before it was ever reached. */
const char *lu_daemon_version(struct lu *lu);

/*
 * What went wrong in the last call on @lu that failed: one line of UTF-8, in English, for a log.
 * Never NULL. It stays until another call fails; it is meaningful after a failure only.
 */
const char *lu_error_text(struct lu *lu);

/*
 * The one fd to wait on: readable (POLLIN) means, call lu_process() until it returns 0. The same fd
 * for the life of @lu, across reconnects; timers are behind it, so nothing else has to be armed.
 * Borrowed: do not read or close it. It nests in poll, epoll, io_uring and sd-event, level or edge
 * triggered. Does not block.
 */
int lu_get_fd(struct lu *lu);

/*
 * Does what is to be done (receive, reconnect, run timers) and takes at most one event.
 * 1: *@ret is an event. 0: nothing more for now. -EINVAL: @ret->size is too small.
 * -ENOTCONN: LU_FLAG_USE_FD and the socket is gone, after LU_EVENT_DISCONNECTED. Does not block.
 */
int lu_process(struct lu *lu, struct lu_event *ret);

/* Waits until lu_process() has something to do. 1: it has. 0: @timeout_usec went by. -EINTR. */
int lu_wait(struct lu *lu, uint64_t timeout_usec);

/*
 * Registers a new session @name (1 to 48 of A-Z a-z 0-9 . _ -, not beginning with a dot) for the
 * caller's uid and unit. @options may be NULL. Free the handle with lu_session_unref().
 * -EEXIST: there is one of that name, see lu_session_claim(). -EDQUOT: too many. -EBUSY: an update
 * runs. -EINVAL: bad name or option. -E2BIG: @options is newer than the library.
 */
int lu_session_create(struct lu *lu, const char *name, const struct lu_session_options *options,
		      struct lu_session **ret);

/*
 * Takes over the session @name that the caller's uid has: after the jump, or in a new process.
 * (After a reconnect the library does it by itself.)
 * -ENOENT: no such session. -EPERM: another unit's. -EBUSY: luod is still restoring; try again.
 */
int lu_session_claim(struct lu *lu, const char *name, struct lu_session **ret);

/* References. Dropping the last one forgets the handle; luod keeps the session. NULL is allowed. */
struct lu_session *lu_session_ref(struct lu_session *session);
struct lu_session *lu_session_unref(struct lu_session *session);

/* What the library knows of the session, as of the last lu_process(). None of them blocks. */
struct lu *lu_session_get_lu(struct lu_session *session);
const char *lu_session_name(struct lu_session *session);
enum lu_state lu_session_state(struct lu_session *session);
enum lu_mode lu_session_mode(struct lu_session *session);
const char *lu_session_reason(struct lu_session *session);    /* "" when there is none */
const char *lu_session_update_id(struct lu_session *session); /* "" when no update runs */

/* org.luod1's word for a state, as "left-behind"; never NULL. */
const char *lu_state_to_string(enum lu_state state);

/*
 * The @index-th resource of the session. 1: *@ret is it (its strings are borrowed).
 * 0: there are not so many. -EINVAL: @ret->size is too small. Does not block.
 */
int lu_session_resource(struct lu_session *session, size_t index, struct lu_resource *ret);

/*
 * Custody: gives luod a memfd to carry across the update; luod keeps a duplicate until
 * lu_session_detach() or lu_session_close(). @ret_token may be NULL.
 * -EBUSY: an update runs. -EEXIST: @label is taken. -EMEDIUMTYPE: cannot be preserved, the text says
 * why. -EDQUOT. -ESTALE: the session's mode is delegation.
 */
int lu_session_attach_memory(struct lu_session *session, const char *label, int fd,
			     uint64_t *ret_token);

/* Page tables (IOMMU_HWPT_ALLOC) of an iommufd that are to stay in place. */
struct lu_hwpt {
	uint64_t token; /* the client's choice: their name in the next kernel, different for each */
	uint32_t id;
	uint32_t reserved; /* 0 */
};

/* A range of an IOAS that is listed under @token after the jump; keeping it is the HWPT's doing. */
struct lu_buffer {
	uint64_t iova;
	uint64_t length; /* in bytes */
	uint64_t token;	 /* the client's choice, different for each of an IOAS */
	uint32_t ioas_id;
	uint32_t reserved; /* 0 */
};

/*
 * Custody: gives luod an iommufd to carry across the update, and says which of its page tables and
 * buffers. Nothing is marked before the update, when this client has said Ready. luod keeps a
 * duplicate until lu_session_detach() or lu_session_close(). Again for the same @label and iommufd, it
 * replaces what was named before. @hwpts, @buffers may be NULL if there are none; @ret_token may be.
 * Tokens, addresses and lengths up to INT64_MAX.
 * -EBUSY: an update runs. -EEXIST: @label is taken. -EMEDIUMTYPE: it is not an iommufd, or attached
 * already. -EINVAL: a bad label; two of the same token; an id or a length of 0. -EDQUOT. -ESTALE: the
 * session's mode is delegation. -EOPNOTSUPP: the running kernel hands over memory, but no devices; a
 * guest that gives its device back can still take its memory along.
 */
int lu_session_attach_iommufd(struct lu_session *session, const char *label, int fd,
			      const struct lu_hwpt *hwpts, size_t n_hwpts,
			      const struct lu_buffer *buffers, size_t n_buffers,
			      uint64_t *ret_token);

/*
 * Custody: gives luod the character device of a VFIO device that is bound to the iommufd attached as
 * @iommufd_label. It goes on working; luod keeps a duplicate. @ret_token may be NULL.
 * -ENODATA: no such iommufd. -EMEDIUMTYPE: it is not a VFIO PCI device, or attached already. Else as
 * lu_session_attach_iommufd().
 */
int lu_session_attach_device(struct lu_session *session, const char *label, int fd,
			     const char *iommufd_label, uint64_t *ret_token);

/*
 * Custody: gives luod a queue of a TUN or TAP link: an fd of /dev/net/tun with a link. The kernel does
 * not carry it over: luod has the link made again, as if lu_session_set_links() had named it, and
 * lu_session_get_resource() then gives a new fd with the same settings. One label for each queue of a
 * link that has several. @ret_token may be NULL.
 * -EMEDIUMTYPE: not such an fd, attached already, or its link is in a network namespace without a name.
 * Else as lu_session_attach_memory().
 */
int lu_session_attach_tap(struct lu_session *session, const char *label, int fd,
			  uint64_t *ret_token);

/*
 * Custody: gives luod a DMA buffer, an fd of the driver pci-dmamem: memory that its device reaches at one
 * bus address without an IOMMU between them. It stays at that address; the device goes on with it all the
 * while. luod keeps a duplicate until lu_session_detach() or lu_session_close(). It counts with what was
 * allocated, a power of two of pages. @ret_token may be NULL.
 * -EMEDIUMTYPE: not such a buffer, or attached already. -EOPNOTSUPP: the running kernel does not hand DMA
 * buffers over. Else as lu_session_attach_memory().
 */
int lu_session_attach_dma_memory(struct lu_session *session, const char *label, int fd,
				 uint64_t *ret_token);

/*
 * Names the links of the host that the guest depends on: "NAME", or "NAMESPACE/NAME" in a named network
 * namespace; the @n of this call instead of those before, none with 0. They are made again in the next
 * kernel before the session is given back, when lu.conf's [Network] Links= says so. In either mode.
 * -EACCES: not root, and one of them is neither a TAP link of this uid nor one that SessionLinks= of
 * lu.conf fits. -EINVAL: no name of a link. -EDQUOT: too many. -EBUSY: an update runs.
 */
int lu_session_set_links(struct lu_session *session, const char *const *links, size_t n);

/*
 * Takes a resource out of the session again. -ENODATA: no such label. -EBUSY: an update runs.
 * -EINVAL: an iommufd that an attached device needs.
 */
int lu_session_detach(struct lu_session *session, const char *label);

/*
 * Custody: the fd that luod holds under @label, in the new kernel the retrieved one. @ret, when not
 * NULL, has its size set and takes the token, the size in bytes, label and kind.
 * -ENODATA: no such label. -ESTALE: the session's mode is delegation, or it is not claimed.
 */
int lu_session_get_resource(struct lu_session *session, const char *label, int *ret_fd,
			    struct lu_resource *ret);

/*
 * Delegation: the kernel session's fd, from LU_STATE_PREPARING on and again after the claim.
 * Borrowed: the library closes it when the update is called off or done. A duplicate of it keeps
 * the kernel session alive; whoever makes one closes it on LU_EVENT_CANCELLED and before
 * lu_session_done(). -ESTALE: the mode is custody, or there is no kernel session now.
 */
int lu_session_get_fd(struct lu_session *session);

/*
 * Delegation: preserves @fd under @token (0 to INT64_MAX, the client's choice) by
 * LIVEUPDATE_SESSION_PRESERVE_FD and declares it as @label. Memory may be preserved while the guest
 * runs. Takes as long as the kernel needs to pin the pages.
 * The kernel's: -EEXIST the token is taken, -EBUSY the file is preserved elsewhere, -ENOENT not a
 * kind of file that can be preserved, -ENOSPC too many; else as lu_session_declare(), in which case
 * @fd is preserved and only lu_session_declare() is to be repeated.
 */
int lu_session_preserve(struct lu_session *session, const char *label, int fd, uint64_t token);

/*
 * Delegation: preserves @n files in the order that the kernel wants: memory, then DMA buffers, then
 * iommufds, then devices, each in the order given. All or nothing: when one is refused, those before it are
 * unpreserved again (-ENOTTY: by a kernel that can), and the error is the refusal's. When all are
 * preserved and luod does not take a declaration, that error is returned and nothing is undone.
 */
int lu_session_preserve_all(struct lu_session *session, const struct lu_preserve *items, size_t n);

/*
 * Delegation: undoes one lu_session_preserve() of this update, and has luod strike its label off the
 * list; when luod cannot be told, that error is returned and the file is not preserved any more.
 * -ENOENT: no such token. -EBUSY: something preserved later depends on it.
 * -EINVAL: the session came from the previous kernel. -ENOTTY: this kernel can only undo all of
 * them, by ending the session.
 */
int lu_session_unpreserve(struct lu_session *session, uint64_t token);

/* Delegation, after the claim: the fd preserved under @token. -ENOENT: no such token. */
int lu_session_retrieve(struct lu_session *session, uint64_t token, int *ret_fd);

/*
 * Delegation: tells luod of something that the client preserved by an ioctl of its own, for the
 * record and for the operator's eyes; again for the same @label it replaces what was said before.
 * @kind as "memory" or "dma-memory". -EINVAL: luod does not know @kind. -EEXIST: @token is another label's. -EDQUOT.
 * -ESTALE: the mode is custody, or no update is being prepared.
 */
int lu_session_declare(struct lu_session *session, const char *label, const char *kind,
		       uint64_t token, uint64_t bytes);

/*
 * Delegation: the same for a VFIO device or a DMA buffer; by @fd luod knows which device, and of a buffer
 * how large it is. luod does not keep it.
 * -EMEDIUMTYPE: it is neither, or another session has it. Else as lu_session_declare().
 */
int lu_session_declare_device(struct lu_session *session, const char *label, int fd, uint64_t token,
			      uint64_t bytes);

/* Answers LU_EVENT_PREPARE: the guest is paused. -ESTALE: nothing waits for an answer (any more). */
int lu_session_ready(struct lu_session *session);

/* Answers LU_EVENT_PREPARE: not now, because @reason (shown to the operator). -ESTALE. */
int lu_session_veto(struct lu_session *session, const char *reason);

/* After the jump: the guest runs again; ends the blackout. -ESTALE: the session is not claimed. */
int lu_session_resumed(struct lu_session *session);

/*
 * After the jump: everything has been taken back; luod finishes the kernel session. Closes the
 * session's fd first. -ESTALE: the session is not claimed. -EIO: the kernel does not finish it;
 * nothing is lost, try again.
 */
int lu_session_done(struct lu_session *session);

/* luod forgets the session and lets go of its memory; the handle remains. -EBUSY: an update runs. */
int lu_session_close(struct lu_session *session);

/*
 * Devices that go on doing DMA. What follows is between the caller and the kernel, by the caller's
 * own fds: an iommufd (/dev/iommu) and VFIO devices (/dev/vfio/devices/vfioN). No connection is needed,
 * any thread may call, the errors are the kernel's and leave no text. On a kernel that cannot do it
 * they are -ENOTTY. The order of things: liblu(3), DEVICES.
 */

/* Can this kernel preserve an iommufd? Found out by trying. 1 or 0; -EBADF and the like. */
int lu_iommufd_can_preserve(int iommufd);

/*
 * Marks page tables: they stay in place, and in use, when the iommufd is preserved. @hwpt_token is
 * their name in the next kernel.
 * -EADDRINUSE: another HWPT has that token. -ENOENT: no such HWPT. -EOPNOTSUPP: a nesting parent,
 * one that reports faults, or that was made by attaching to an IOAS. -EBUSY: already preserved.
 */
int lu_hwpt_mark(int iommufd, uint32_t hwpt_id, uint64_t hwpt_token);

/* Takes a mark away. -ENOENT: none. -EBUSY: already preserved. */
int lu_hwpt_unmark(int iommufd, uint32_t hwpt_id);

/*
 * Declares a DMA buffer: the range of @length bytes at @iova is listed under @token after the jump.
 * -EADDRINUSE: another buffer of the IOAS has @token. -ENOENT: not all of it is mapped. -EINVAL:
 * @length is 0. -EOVERFLOW: beyond the end of the address space. -EBUSY: already preserved.
 */
int lu_ioas_preserve(int iommufd, uint32_t ioas_id, uint64_t iova, uint64_t length, uint64_t token);

/* Takes a declaration back. -ENOENT: none. -EBUSY: already preserved. */
int lu_ioas_forget(int iommufd, uint32_t ioas_id, uint64_t token);

#define LU_AREA_WRITEABLE UINT32_C(0x002) /* by the device */
#define LU_AREA_READABLE  UINT32_C(0x004)
#define LU_AREA_BUFFER	  UINT32_C(0x100) /* a DMA buffer in a mapping, not a mapping */

/* What an IOMMU translated before the jump, and still does for a device that is parked. */
struct lu_area {
	uint64_t iova;
	uint64_t length;     /* in bytes */
	uint64_t token;	     /* of the memory in the session; of the buffer */
	uint64_t offset;     /* into the memory, in bytes */
	uint64_t hwpt_token; /* an IOAS with several marked HWPTs is listed once for each */
	uint32_t flags;	     /* LU_AREA_ */
	uint32_t reserved;
};

/*
 * After the jump, of a retrieved iommufd: what was mapped. *@ret is to be freed with free().
 * -ENODATA: it was not retrieved, or its session is done.
 */
int lu_iommufd_areas(int iommufd, struct lu_area **ret, size_t *ret_n);

/*
 * Custody, after the claim: the same of the iommufd attached as @label, asked of luod. -EIO: the
 * kernel does not tell. -ENODATA: no such label. -ESTALE: not claimed, or the mode is delegation.
 */
int lu_session_areas(struct lu_session *session, const char *label, struct lu_area **ret,
		     size_t *ret_n);

/* As hwpt_token of lu_session_reattach(): the only page tables that there were. */
#define LU_TOKEN_ONLY UINT64_MAX

/* What luod made in the retrieved iommufd. */
struct lu_reattached {
	size_t size;
	uint32_t device_id;
	uint32_t ioas_id;
	uint32_t hwpt_id;
	uint32_t reserved;
};

/*
 * Custody, after the claim: has luod take the device attached as @label to new page tables: it binds
 * the device, maps the same memory at the same addresses and attaches it. For a client that is not
 * ready to do it itself; it can use what was made. @hwpt_token says which page tables it was on.
 * Devices that shared them share the new ones. @ret, when not NULL, has its size set.
 * -EIO: the kernel refused, the device is still parked. -EINVAL: there were several page tables.
 * -ENODATA, -ESTALE: as lu_session_areas().
 */
int lu_session_reattach(struct lu_session *session, const char *label, uint64_t hwpt_token,
			struct lu_reattached *ret);

/* Gives the memory preserved under @token, lent for the call; a negative errno ends it all. */
typedef int (*lu_memory_fn)(uint64_t token, void *userdata);

/*
 * Maps into @ioas_id what was mapped for the HWPT @hwpt_token, at the same addresses, from the same
 * memory. All or nothing. Errors: @memory's, and IOMMU_IOAS_MAP_FILE's.
 */
int lu_ioas_map_areas(int iommufd, uint32_t ioas_id, uint64_t hwpt_token,
		      const struct lu_area *areas, size_t n, lu_memory_fn memory, void *userdata);

/*
 * Binds a VFIO device to an iommufd; @ret_device_id may be NULL. A retrieved device is not reset.
 * -EPERM: a retrieved device, and not the iommufd that was preserved with it.
 */
int lu_device_bind(int device, int iommufd, uint32_t *ret_device_id);

/*
 * Lets a bound device use the page tables @hwpt_id (or an IOAS's). One that is parked goes over to
 * them without a pause in its DMA; when it fails, it is still parked, and nothing has changed.
 */
int lu_device_attach(int device, uint32_t hwpt_id);

#define LU_DMA_MEMORY_RESTORED	UINT32_C(1) /* it came from the previous kernel */
#define LU_DMA_MEMORY_SHARED	UINT32_C(2) /* not encrypted, in a confidential guest */
#define LU_DMA_MEMORY_PRESERVED UINT32_C(4) /* in a kernel session, for the next kernel */

/* What the kernel says of a DMA buffer. */
struct lu_dma_memory {
	size_t size;
	uint64_t length;      /* in bytes, as it was allocated */
	uint64_t bytes;	      /* that it takes: a power of two of pages */
	uint64_t bus_address; /* at which its device reaches it, the same after the jump */
	uint32_t segment;     /* of the PCI function that it is for: SSSS of SSSS:BB:DD.F */
	uint32_t bus;
	uint32_t device;
	uint32_t function;
	uint32_t flags; /* LU_DMA_MEMORY_ */
	uint32_t reserved;
};

/*
 * Asks the kernel about a DMA buffer. -ENOTTY: @fd is none. -EINVAL: @ret->size is too small.
 */
int lu_dma_memory_query(int fd, struct lu_dma_memory *ret);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
