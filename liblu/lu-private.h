/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-private - what the files of liblu share and nobody else sees.
 *
 * Who owns what: a struct lu owns its connection, its two fds of waiting (epoll, timer) and the
 * queue of events; a struct lu_session owns its name, what it knows of luod's object and its
 * duplicate of the kernel session's fd, and holds a reference to its lu, which lists it without
 * owning it. Nothing is shared between two struct lu.
 *
 * Layers, each using the ones below: lu, lu-session, lu-resource, lu-custody (what is exported) → lu-link (the
 * connection's life) → lu-properties, lu-event, lu-call → lu-util. lu-kernel (a kernel session),
 * lu-device (iommufd and VFIO) and lu-dma-memory (DMA buffers) alone ask the kernel.
 */
#ifndef LU_PRIVATE_H
#define LU_PRIVATE_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "liblu.h"

#define LU_BUS_NAME		"org.luod1"
#define LU_ROOT_PATH		"/org/luod1"
#define LU_SESSION_PATH		"/org/luod1/session"
#define LU_MANAGER_INTERFACE	"org.luod1.Manager"
#define LU_SESSION_INTERFACE	"org.luod1.Session"
#define LU_PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"
#define LU_PEER_SOCKET		"/run/luod/bus"

#define LU_CALL_TIMEOUT_USEC (25 * UINT64_C(1000000))
#define LU_ERROR_TEXT_MAX    512

#define lu_cleanup(f)	 __attribute__((cleanup(f)))
#define lu_printf(a, b)	 __attribute__((format(printf, a, b)))
#define LU_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Where the connection stands. */
enum lu_link {
	LU_LINK_DOWN,	 /* none; retry_usec says when the next attempt is due */
	LU_LINK_HELLO,	 /* connecting; luod has been asked for its version */
	LU_LINK_RECLAIM, /* luod answered; the sessions are being claimed again */
	LU_LINK_UP,
	LU_LINK_GONE, /* the caller's socket broke: for good */
};

struct lu_session_resource {
	char *label;
	char *kind;
	uint64_t token;
	uint64_t bytes;
};

struct lu_session {
	TAILQ_ENTRY(lu_session) entry;
	unsigned int n_ref;
	struct lu *lu;

	char *name;
	char *path;	/* of luod's object */
	bool forgotten; /* closed or lost: not claimed again after a reconnect */

	enum lu_mode mode;
	enum lu_state state;
	char *reason;	 /* or NULL */
	char *update_id; /* or NULL */
	char *announced; /* the update that PREPARE was for, until it is called off */
	struct lu_session_resource *resources;
	size_t n_resources;

	int kernel_fd; /* delegation: the kernel session, or -EBADF */

	sd_bus_slot *signal_slot;
	sd_bus_slot *properties_slot;
	sd_bus_slot *reclaim_slot; /* an answer that LU_LINK_RECLAIM waits for, or NULL */
};

/* A queued event, with the strings that the struct lu_event will point to. */
struct lu_queued {
	TAILQ_ENTRY(lu_queued) entry;
	enum lu_event_type type;
	enum lu_state state;
	struct lu_session *session; /* borrowed; the event goes when the session goes */
	char *update_id;
	char *reason;
	uint64_t timeout_usec;
};

TAILQ_HEAD(lu_session_list, lu_session);
TAILQ_HEAD(lu_queue, lu_queued);

struct lu {
	unsigned int n_ref;

	char *address; /* as in lu_options */
	uint32_t flags;
	int given_fd; /* LU_FLAG_USE_FD, until it is connected: owned */
	uint64_t call_timeout_usec;

	enum lu_link link;
	bool broken;	     /* noticed inside a callback or a call; lu_link_process() acts */
	bool announce;	     /* RECONNECTED is due when the link is up */
	int link_error;	     /* why it is down */
	uint64_t retry_usec; /* CLOCK_MONOTONIC */
	uint64_t backoff_usec;

	sd_bus *bus;
	bool on_bus; /* bus leads to a message bus */
	char *owner; /* luod's unique name there: who its signals must come from */
	sd_bus_slot *hello_slot;
	sd_bus_slot *owner_slot;
	char *version;

	int epoll_fd;
	int timer_fd;
	int watched_fd; /* the connection's, as it is in epoll_fd */
	uint32_t watched_events;

	struct lu_session_list sessions;
	struct lu_queue events;
	struct lu_queue held;	     /* events found in LU_LINK_RECLAIM: they follow RECONNECTED */
	struct lu_queued *delivered; /* backs the strings of the last event */
	sd_bus_message *borrowed;    /* backs the strings of the last struct lu_resource */

	char error_text[LU_ERROR_TEXT_MAX];
};

/* lu-util.c: time, sizes, words */

uint64_t lu_now_usec(void);
uint64_t lu_usec_add(uint64_t a, uint64_t b); /* saturates at LU_USEC_INFINITY */
int lu_close_fd(int fd);		      /* returns -EBADF; errno is kept */
const char *lu_errno_text(int error);	      /* as strerror(), without its global buffer */

/*
 * Copies a caller's structure of @size bytes into @known of @known_size bytes, padded with zeroes.
 * @minimum is the first version's size. -EINVAL: smaller. -E2BIG: non-zero beyond @known_size.
 */
int lu_struct_in(const void *given, size_t size, size_t minimum, void *known, size_t known_size);
/* The other way: as much of @known as the caller has room for; the rest of the caller's is zeroed. */
int lu_struct_out(void *given, size_t size, size_t minimum, const void *known, size_t known_size);

enum lu_state lu_state_from_string(const char *word);
enum lu_mode lu_mode_from_string(const char *word);

static inline const char *lu_strempty(const char *s)
{
	return s ? s : "";
}

static inline void lu_closep(int *fd)
{
	lu_close_fd(*fd);
}

static inline void lu_freep(void *p)
{
	free(*(void **)p);
}

static inline void lu_messagep(sd_bus_message **m)
{
	sd_bus_message_unref(*m);
}

/* lu-call.c: calls and errors */

/* Records a sentence for lu_error_text() and returns @error. */
int lu_fail(struct lu *lu, int error, const char *format, ...) lu_printf(3, 4);
/* The errno that an error answer stands for; @fallback is what sd-bus made of it. */
int lu_error_to_errno(const sd_bus_error *error, int fallback);

int lu_call_new(struct lu *lu, const char *path, const char *interface, const char *member,
		sd_bus_message **ret);
/* Sends @m and waits for the answer, which the caller unrefs. Never while the link is not up. */
int lu_call(struct lu *lu, sd_bus_message *m, sd_bus_message **ret);
/* A call of org.luod1.Session without an answer; @types and what follows as sd_bus_message_append. */
int lu_session_call(struct lu_session *s, const char *member, const char *types, ...);

int lu_append_option(sd_bus_message *m, const char *key, const char *type, ...);

/* lu-event.c: the queue */

void lu_queued_free(struct lu_queued *event);
/* Strings may be NULL. Out of memory: the connection is marked broken, and comparing states after
 * the reconnect makes up for the event. */
void lu_event_push(struct lu *lu, enum lu_event_type type, struct lu_session *s,
		   const char *update_id, const char *reason, uint64_t timeout_usec);
bool lu_event_pending(const struct lu *lu);
/* 1: *@ret is the oldest event. 0: there is none. */
int lu_event_take(struct lu *lu, struct lu_event *ret);
/* RECONNECTED, then what was held back; or only the latter. */
void lu_event_release(struct lu *lu, bool announce);
/* Without @s: all of them. */
void lu_event_forget_session(struct lu *lu, const struct lu_session *s);

/* lu-properties.c: what luod says of a session */

/* Reads an a{sv} of Session's properties from @m into @s; a change of state is queued as an event
 * when @announce. */
int lu_session_read_properties(struct lu_session *s, sd_bus_message *m, bool announce);
void lu_session_set_state(struct lu_session *s, enum lu_state state, const char *reason,
			  bool announce);
/* The update is called off: queue it, let go of the kernel session. */
void lu_session_cancelled(struct lu_session *s, const char *update_id, const char *reason);
void lu_session_drop_resources(struct lu_session *s);

/* lu-session.c: the handle, and luod's signals for it */

/* Takes the object's path from luod's answer. */
int lu_session_take_path(struct lu_session *s, sd_bus_message *reply);
/* Asks luod for all properties; a change of state is queued as an event when @announce. */
int lu_session_fetch(struct lu_session *s, bool announce);
/* Has luod's signals about the object at s->path delivered to @s. */
int lu_session_subscribe(struct lu_session *s);
void lu_session_unsubscribe(struct lu_session *s);

/* lu-resource.c: what a session carries */

/* Sends @m and reads the token that luod answers with. @ret_token may be NULL. */
int lu_session_attach(struct lu_session *s, sd_bus_message *m, const char *member,
		      uint64_t *ret_token);

/* lu-link.c: the connection's life */

/* Begins to connect. Does not block. */
int lu_link_open(struct lu *lu);
/* From inside a callback or a call: the connection is of no use, lu_link_process() takes it down. */
void lu_link_break(struct lu *lu, int error);
/* One step. >0: something was done; 0: nothing to do now. */
int lu_link_process(struct lu *lu);
/* Lets the fd that the caller waits on tell when lu_link_process() has something to do. */
void lu_link_watch(struct lu *lu);
void lu_link_close(struct lu *lu);
/* Does a signal come from luod, and not from somebody else on the same message bus? */
bool lu_link_trusts(struct lu *lu, sd_bus_message *signal);

/* lu-reclaim.c: the sessions after a reconnect */

/* Asks luod for every session again. */
void lu_reclaim_begin(struct lu *lu);
/* Is there a session whose answer is still to come? */
bool lu_reclaim_pending(const struct lu *lu);

/* lu-kernel.c: ioctls on the kernel session */

int lu_kernel_preserve(int session_fd, int fd, uint64_t token);
int lu_kernel_retrieve(int session_fd, uint64_t token, int *ret_fd);
int lu_kernel_unpreserve(int session_fd, uint64_t token);

/* lu-device.c: iommufd and VFIO */

bool lu_fd_is_iommufd(int fd);
bool lu_fd_is_device(int fd);

/* lu-dma-memory.c: DMA buffers */

bool lu_fd_is_dma_memory(int fd);
uint64_t lu_dma_memory_bytes(int fd); /* that it takes; 0 of what is none */

#endif
