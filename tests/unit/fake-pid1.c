/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-pid1 - see fake-pid1.h */
#include "fake-pid1.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif

static void die(const char *what)
{
	perror(what);
	abort();
}

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (strncmp(p, line, n) == 0 && (p[n] == '\n' || p[n] == '\0'))
			return true;
	return false;
}

static void get_name(const char *text, char ret[static 256])
{
	const char *p = strstr(text, "FDNAME=");

	snprintf(ret, 256, "stored");
	if (p)
		sscanf(p + strlen("FDNAME="), "%255[^\n]", ret);
}

static void store_locked(struct fake_pid1 *p, const char *name, int fd)
{
	for (size_t i = 0; i < p->n_stored; i++)
		if (fcntl(p->stored[i].fd, F_DUPFD_QUERY, fd) == 1) {
			close(fd);
			return;
		}
	if (p->n_stored == FAKE_PID1_MAX) {
		close(fd);
		return;
	}
	snprintf(p->stored[p->n_stored].name, sizeof(p->stored[0].name), "%s", name);
	p->stored[p->n_stored++].fd = fd;
}

static void remove_locked(struct fake_pid1 *p, const char *name)
{
	for (size_t i = p->n_stored; i-- > 0;)
		if (streq(p->stored[i].name, name)) {
			close(p->stored[i].fd);
			p->stored[i] = p->stored[--p->n_stored];
		}
}

static void answer_barriers_locked(struct fake_pid1 *p)
{
	while (p->n_barriers)
		close(p->barriers[--p->n_barriers]);
}

static void handle_locked(struct fake_pid1 *p, const char *text, const int *fds, size_t n_fds)
{
	char name[256];

	get_name(text, name);
	if (has_line(text, "READY=1"))
		p->ready = true;
	if (has_line(text, "FDSTOREREMOVE=1"))
		remove_locked(p, name);
	for (size_t i = 0; i < n_fds; i++) {
		if (has_line(text, "FDSTORE=1")) {
			p->polled += !has_line(text, "FDPOLL=0");
			store_locked(p, name, fds[i]);
		} else if (has_line(text, "BARRIER=1") && p->n_barriers < FAKE_PID1_MAX) {
			p->barriers[p->n_barriers++] = fds[i];
		} else {
			close(fds[i]);
		}
	}
	if (p->mood == FAKE_PID1_WELL)
		answer_barriers_locked(p);
}

static bool receive_locked(struct fake_pid1 *p)
{
	char text[4096];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(p->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fds[16];
	size_t n_fds = 0;

	if (n < 0)
		return false;
	text[n] = '\0';
	c = CMSG_FIRSTHDR(&message);
	if (c && c->cmsg_type == SCM_RIGHTS) {
		n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), n_fds * sizeof(int));
	}
	handle_locked(p, text, fds, n_fds);
	return true;
}

static void *serve(void *userdata)
{
	struct fake_pid1 *p = userdata;

	for (;;) {
		struct pollfd fds[] = { { .fd = p->wakeup, .events = POLLIN },
					{ .fd = p->socket, .events = POLLIN } };

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			die("poll");
		if (fds[0].revents)
			return NULL;
		pthread_mutex_lock(&p->lock);
		if (p->mood != FAKE_PID1_STUCK)
			receive_locked(p);
		pthread_mutex_unlock(&p->lock);
		if (p->mood == FAKE_PID1_STUCK)
			usleep(5000);
	}
}

void fake_pid1_start(struct fake_pid1 *p, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*p = (struct fake_pid1){ .lock = PTHREAD_MUTEX_INITIALIZER };
	snprintf(p->path, sizeof(p->path), "%s", path);
	memcpy(address.sun_path, p->path, sizeof(address.sun_path));
	p->wakeup = eventfd(0, EFD_CLOEXEC);
	p->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (p->wakeup < 0 || p->socket < 0 ||
	    bind(p->socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	if (pthread_create(&p->thread, NULL, serve, p) != 0)
		die("pthread_create");
}

void fake_pid1_stop(struct fake_pid1 *p)
{
	eventfd_write(p->wakeup, 1);
	pthread_join(p->thread, NULL);
	answer_barriers_locked(p);
	fake_pid1_empty(p);
	close(p->socket);
	close(p->wakeup);
}

void fake_pid1_empty(struct fake_pid1 *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->n_stored)
		close(p->stored[--p->n_stored].fd);
	pthread_mutex_unlock(&p->lock);
}

void fake_pid1_set_mood(struct fake_pid1 *p, enum fake_pid1_mood mood)
{
	pthread_mutex_lock(&p->lock);
	p->mood = mood;
	if (mood == FAKE_PID1_WELL)
		answer_barriers_locked(p);
	pthread_mutex_unlock(&p->lock);
}

void fake_pid1_store(struct fake_pid1 *p, const char *name, int fd)
{
	pthread_mutex_lock(&p->lock);
	store_locked(p, name, fd_dup(fd));
	pthread_mutex_unlock(&p->lock);
}

size_t fake_pid1_count(struct fake_pid1 *p, const char *name)
{
	size_t n = 0;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->n_stored; i++)
		n += !name || streq(p->stored[i].name, name);
	pthread_mutex_unlock(&p->lock);
	return n;
}

void fake_pid1_clear_ready(struct fake_pid1 *p)
{
	pthread_mutex_lock(&p->lock);
	p->ready = false;
	pthread_mutex_unlock(&p->lock);
}

bool fake_pid1_wait_ready(struct fake_pid1 *p, uint64_t usec)
{
	uint64_t deadline = now_usec(CLOCK_MONOTONIC) + usec;
	bool ready;

	do {
		pthread_mutex_lock(&p->lock);
		ready = p->ready;
		pthread_mutex_unlock(&p->lock);
		if (ready)
			return true;
		usleep(2000);
	} while (now_usec(CLOCK_MONOTONIC) < deadline);
	return false;
}

/* After fork() in a process with threads: system calls only. */
static void become(char *const program[], char **environment, char *listen_pid, const int *fds,
		   size_t n_fds, int log)
{
	int high[FAKE_PID1_MAX];

	dup2(log, STDERR_FILENO);
	for (size_t i = 0; i < n_fds; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3 + FAKE_PID1_MAX);
	for (size_t i = 0; i < n_fds; i++)
		dup2(high[i], 3 + (int)i);
	if (listen_pid)
		snprintf(listen_pid, 32, "LISTEN_PID=%d", (int)getpid());
	execve(program[0], program, environment);
	_exit(127);
}

pid_t fake_pid1_spawn(struct fake_pid1 *p, char *const program[], char *const environment[],
		      const char *log)
{
	char notify[160], listen_pid[32] = "LISTEN_PID=", listen_fds[32];
	char names[FAKE_PID1_MAX * 65 + 32] = "LISTEN_FDNAMES=";
	_cleanup_close_ int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	char *all[32];
	size_t n = 0, used = strlen(names);
	int fds[FAKE_PID1_MAX];
	pid_t pid;

	while (environment[n])
		all[n] = environment[n], n++;
	snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", p->path);
	all[n++] = notify;

	pthread_mutex_lock(&p->lock);
	/* PID 1 reads what a service has said before it notices that the service is dead. */
	while (p->mood != FAKE_PID1_STUCK && receive_locked(p))
		;
	snprintf(listen_fds, sizeof(listen_fds), "LISTEN_FDS=%zu", p->n_stored);
	for (size_t i = 0; i < p->n_stored; i++) {
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ":" : "",
					 p->stored[i].name);
		if (used >= sizeof(names))
			abort();
		fds[i] = p->stored[i].fd;
	}
	if (p->n_stored) {
		all[n++] = listen_pid;
		all[n++] = listen_fds;
		all[n++] = names;
	}
	all[n] = NULL;
	pid = fork();
	if (pid == 0)
		become(program, all, p->n_stored ? listen_pid : NULL, fds, p->n_stored, log_fd);
	pthread_mutex_unlock(&p->lock);
	if (pid < 0)
		die("fork");
	return pid;
}
