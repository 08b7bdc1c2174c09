/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper - the inside of luod-keeper: the table of held sessions, and what works on it.
 *
 *   keeper.c           the program: signals, clients, requests
 *   keeper-store.c     the table, PID 1's fd store behind it, and what a restart must know
 *   keeper-retrieve.c  what came through the kexec and PID 1 did not bring
 *
 * An entry's fd is closed in one place only, keeper_forget(), after PID 1 has let go of its own,
 * and only because luod asked for it or was told no. Fds that the keeper cannot place are never
 * closed: closing an incoming session would finish it.
 */
#ifndef LUOD_KEEPER_H
#define LUOD_KEEPER_H

#include <sys/un.h>

#include "keeper-proto.h"
#include "util.h"

#define KEEPER_CLIENTS_MAX   16
#define KEEPER_STORE_TIMEOUT (3 * USEC_PER_SEC) /* luod waits 5 s for an answer */
#define KEEPER_PATH_SIZE     sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* Where an entry stands with PID 1. All but HELD is work for keeper_settle(). */
enum entry_state {
	ENTRY_NEW,     /* held here only */
	ENTRY_SENT,    /* on its way to PID 1 */
	ENTRY_HELD,    /* PID 1 has it too */
	ENTRY_DROPPED, /* given up; PID 1 may still have it */
};

struct entry {
	char name[KEEPER_NAME_SIZE];
	int fd;
	uint32_t origin;
	enum entry_state state;
};

struct client {
	int fd;
	uint64_t last_used;
};

struct keeper {
	struct sockaddr_un address;
	char state_path[KEEPER_PATH_SIZE];
	int signal_fd;
	int listen_fd;
	uint64_t accept_at; /* not before: accept() failed */
	struct client clients[KEEPER_CLIENTS_MAX];

	struct entry entries[KEEPER_SESSIONS_MAX];
	size_t n_entries;
	size_t quota; /* what PID 1 takes */
	bool have_store;
	uint64_t settle_at; /* next attempt, while PID 1 does not answer */

	bool retrieving; /* the previous kernel's sessions are not all here */
	bool incomplete; /* … and some never will be, by themselves */
	uint64_t retrieve_at;
	uint64_t backoff;
	char (*names)[KEEPER_NAME_SIZE]; /* what to retrieve, as the previous luod wrote it */
	size_t n_names;

	bool ready;
	uint64_t ready_at; /* when to say so, at the latest */
	bool stopping;
	uint64_t tsc_start;
	uint64_t tsc_ready;
};

/* The counter that goes on through a kexec, so that both sides of the jump can be compared. */
static inline uint64_t keeper_cycles(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t value;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value));
	return value;
#else
	return 0;
#endif
}

/* One line to stderr with the priority prefix that journald knows; @error is for %m. */
void keeper_say(int level, int error, const char *format, ...) _printf_(3, 4);

/* Whether this is "luod" or "luod/…", terminated, in the characters that our names are made of. */
bool keeper_name_ok(const char name[static KEEPER_NAME_SIZE]);

struct entry *keeper_find(struct keeper *k, const char *name);

/* Takes @fd over. The caller has made sure that the name is new and that the table has room. */
struct entry *keeper_add(struct keeper *k, const char *name, int fd, uint32_t origin);

/* Removes an entry that PID 1 does not have, or not any more, and closes its fd. */
void keeper_forget(struct keeper *k, struct entry *e);

/* Sends a new entry to PID 1 without waiting for its answer, which keeper_settle() does. */
void keeper_offer(struct keeper *k, struct entry *e);

/*
 * Brings PID 1's store into line with the table and waits, at most @timeout, until PID 1 has heard
 * it all. On failure nothing is promised and nothing is closed; the loop tries again.
 */
int keeper_settle(struct keeper *k, uint64_t timeout);
bool keeper_is_settled(const struct keeper *k);

/* Tells PID 1 that requests are answered (READY=1). */
int keeper_announce(const struct keeper *k);

/* Writes all that is held, and returns how many: at most KEEPER_SESSIONS_MAX. */
size_t keeper_list(const struct keeper *k, struct keeper_entry *ret);
uint32_t keeper_flags(const struct keeper *k);

/* Looks at what systemd gives us: whether there is a store, how large, and the fds in it. */
void keeper_take_over(struct keeper *k);
void keeper_state_save(const struct keeper *k);

/* One attempt at all that is missing; k->retrieving says whether another one is due. */
void keeper_retrieve(struct keeper *k);

/*
 * One session. *device is opened when it is not open yet; the caller closes it soon.
 * -EBUSY: not now. -ENOSPC: the table is full. Others as kdev_luo_retrieve_session_on().
 */
int keeper_retrieve_one(struct keeper *k, int *device, const char *name);

#endif
