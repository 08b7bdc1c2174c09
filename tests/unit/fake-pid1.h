/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-pid1 - the service manager's side of sd_notify() for one service: an fd store by name,
 * barriers, READY=1. A thread of its own answers, so that a test may wait for the service.
 *
 * As systemd does it: a file is stored once whatever it is called, FDSTOREREMOVE= takes everything
 * of that name, a barrier is answered by closing its fd, and the store goes to the next process as
 * LISTEN_FDS with LISTEN_FDNAMES.
 */
#ifndef LUOD_TEST_FAKE_PID1_H
#define LUOD_TEST_FAKE_PID1_H

#include <pthread.h>

#include "luod/util.h"

#define FAKE_PID1_MAX 64

enum fake_pid1_mood {
	FAKE_PID1_WELL,
	FAKE_PID1_DEAF,	 /* takes messages and answers no barrier */
	FAKE_PID1_STUCK, /* takes no messages: its queue fills up */
};

struct fake_pid1 {
	pthread_t thread;
	pthread_mutex_t lock;
	int socket;
	int wakeup;
	char path[108];

	enum fake_pid1_mood mood;
	bool ready;
	unsigned int polled; /* fds that came without FDPOLL=0 */
	size_t n_stored;
	struct {
		char name[256];
		int fd;
	} stored[FAKE_PID1_MAX];
	size_t n_barriers;
	int barriers[FAKE_PID1_MAX];
};

/* Listens at @path, which is the service's NOTIFY_SOCKET. Aborts when it cannot. */
void fake_pid1_start(struct fake_pid1 *p, const char *path);

/* Ends the thread and closes everything that is stored. */
void fake_pid1_stop(struct fake_pid1 *p);

/* Turning WELL answers all barriers that came meanwhile. */
void fake_pid1_set_mood(struct fake_pid1 *p, enum fake_pid1_mood mood);

/* Puts a duplicate of @fd into the store, as if an earlier boot had left it there. */
void fake_pid1_store(struct fake_pid1 *p, const char *name, int fd);

/* Closes all that is stored, as if the unit had been stopped. */
void fake_pid1_empty(struct fake_pid1 *p);

/* How many fds are stored under @name; NULL: all. */
size_t fake_pid1_count(struct fake_pid1 *p, const char *name);

/* Forgets an earlier READY=1. */
void fake_pid1_clear_ready(struct fake_pid1 *p);

/* Waits for READY=1, at most @usec. */
bool fake_pid1_wait_ready(struct fake_pid1 *p, uint64_t usec);

/*
 * Runs @program with @environment (NULL-terminated; NOTIFY_SOCKET and the stored fds are added)
 * and stderr appended to the file @log. The caller waits for the pid.
 */
pid_t fake_pid1_spawn(struct fake_pid1 *p, char *const program[], char *const environment[],
		      const char *log);

#endif
