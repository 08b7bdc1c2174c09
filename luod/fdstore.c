/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdstore - see fdstore.h for what is promised, keeper-proto.h for what is said.
 *
 * One exchange is one packet each way. When the connection breaks before the answer came, the
 * keeper was restarted or gave our place to another client, and the exchange starts over with a
 * new connection until the deadline. That is safe: PUT of the same file again is no error, and a
 * second DROP finds nothing left, which is what it wanted.
 *
 * An answer that came too late must not be taken for that of the next request, so the connection
 * is closed on every failure but one that the keeper itself reported.
 */
#include "fdstore.h"

#include <poll.h>
#include <sys/un.h>
#include <time.h>

#include "packet.h"

#define TIMEOUT_USEC	 (5 * USEC_PER_SEC)
#define RETRY_FIRST_USEC (5 * USEC_PER_MSEC)
#define RETRY_LAST_USEC	 (100 * USEC_PER_MSEC)

struct answer {
	struct keeper_reply head;
	struct keeper_entry entries[KEEPER_SESSIONS_MAX];
};

/* Undoing must not need memory that there may be none of: room for any answer is part of it. */
struct fdstore {
	struct sockaddr_un address;
	uint64_t timeout;
	bool known; /* there was a keeper: if there is none now, it is being restarted */
	int fd;
	struct answer answer; /* to what was asked last */
};

int fdstore_open(const char *path, struct fdstore **ret)
{
	struct fdstore *f;

	if (!path)
		path = KEEPER_SOCKET;
	if (strlen(path) >= sizeof(f->address.sun_path))
		return -ENAMETOOLONG;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->address.sun_family = AF_UNIX;
	memcpy(f->address.sun_path, path, strlen(path));
	f->timeout = TIMEOUT_USEC;
	f->fd = -EBADF;
	*ret = f;
	return 0;
}

struct fdstore *fdstore_close(struct fdstore *f)
{
	if (!f)
		return NULL;
	close_fd(f->fd);
	free(f);
	return NULL;
}

void fdstore_set_timeout(struct fdstore *f, uint64_t usec)
{
	f->timeout = usec;
}

static int milliseconds_until(uint64_t deadline)
{
	uint64_t t = now_usec(CLOCK_MONOTONIC);

	return t >= deadline ? 0 : (int)((deadline - t + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int r = poll(&p, 1, milliseconds_until(deadline));

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int connect_once(struct fdstore *f)
{
	_cleanup_close_ int fd = -EBADF;

	if (f->fd >= 0)
		return 0;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const void *)&f->address, sizeof(f->address)) < 0)
		return -errno;
	f->fd = TAKE_FD(fd);
	f->known = true;
	return 0;
}

static int send_request(int socket, const struct keeper_request *request, int fd, uint64_t deadline)
{
	int r;

	while ((r = packet_send(socket, request, sizeof(*request), fd, 0)) < 0) {
		if (r == -EAGAIN) {
			r = wait_for(socket, POLLOUT, deadline);
			if (r < 0)
				return r;
		} else if (r != -EINTR) {
			return r;
		}
	}
	return 0;
}

static bool answer_ok(const struct answer *a, size_t size)
{
	if (size < sizeof(a->head) || a->head.size != sizeof(a->head) || a->head.result > 0 ||
	    a->head.count > KEEPER_SESSIONS_MAX ||
	    size != sizeof(a->head) + a->head.count * sizeof(a->entries[0]))
		return false;
	for (size_t i = 0; i < a->head.count; i++)
		if (!memchr(a->entries[i].name, '\0', sizeof(a->entries[i].name)))
			return false;
	return true;
}

/* The caller owns *ret_fd (or -EBADF) on success. */
static int receive_answer(int socket, struct answer *ret, int *ret_fd, uint64_t deadline)
{
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;
	int r;

	do {
		r = wait_for(socket, POLLIN, deadline);
		if (r < 0)
			return r;
		n = packet_receive(socket, ret, sizeof(*ret), 0, &fd);
	} while (n == -EAGAIN || n == -EINTR);
	if (n < 0)
		return (int)n;
	if (!answer_ok(ret, (size_t)n))
		return -EPROTO;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int exchange_once(struct fdstore *f, const struct keeper_request *request, int fd,
			 int *ret_fd, uint64_t deadline)
{
	int r;

	r = connect_once(f);
	if (r >= 0)
		r = send_request(f->fd, request, fd, deadline);
	if (r >= 0)
		r = receive_answer(f->fd, &f->answer, ret_fd, deadline);
	if (r < 0)
		f->fd = close_fd(f->fd);
	return r;
}

/* What says that the keeper is being restarted, as opposed to not doing its work. */
static bool is_away(int error)
{
	static const int errors[] = { -ECONNREFUSED, -ENOENT, -EAGAIN, -ECONNRESET, -EPIPE };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i] == error)
			return true;
	return false;
}

/* Answers the keeper's result; *ret_fd and f->answer are set whenever there was an answer. */
static int exchange(struct fdstore *f, enum keeper_op op, const char *name, int fd, int *ret_fd)
{
	struct keeper_request request = { .size = sizeof(request), .op = op };
	uint64_t deadline = now_usec(CLOCK_MONOTONIC) + f->timeout, pause = RETRY_FIRST_USEC;
	int attempts = 0, r;

	if (strlen(name) >= sizeof(request.name))
		return -EINVAL;
	memcpy(request.name, name, strlen(name));

	for (;;) {
		r = exchange_once(f, &request, fd, ret_fd, deadline);
		if (r >= 0)
			break;
		if (!is_away(r))
			return r;
		if (!f->known || now_usec(CLOCK_MONOTONIC) + pause >= deadline)
			return -ENOTCONN;
		/* The first time it may just be an old connection. */
		if (attempts++ > 0) {
			usleep((useconds_t)pause);
			pause = pause * 2 < RETRY_LAST_USEC ? pause * 2 : RETRY_LAST_USEC;
		}
	}
	r = f->answer.head.result;
	if (op == KEEPER_DROP && r == -ENOENT && attempts > 0)
		return 0;
	return r;
}

/* For requests whose answer has neither entries nor an fd. */
static int exchange_plain(struct fdstore *f, enum keeper_op op, const char *name, int fd)
{
	_cleanup_close_ int unexpected = -EBADF;

	return exchange(f, op, name, fd, &unexpected);
}

int fdstore_put(struct fdstore *f, const char *name, int fd)
{
	return exchange_plain(f, KEEPER_PUT, name, fd);
}

int fdstore_drop(struct fdstore *f, const char *name)
{
	return exchange_plain(f, KEEPER_DROP, name, -EBADF);
}

int fdstore_retrieve(struct fdstore *f, const char *name)
{
	return exchange_plain(f, KEEPER_RETRIEVE, name, -EBADF);
}

int fdstore_get(struct fdstore *f, const char *name, int *ret_fd)
{
	_cleanup_close_ int fd = -EBADF;
	int r = exchange(f, KEEPER_GET, name, -EBADF, &fd);

	if (r < 0)
		return r;
	if (fd < 0)
		return -EPROTO;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int fdstore_list(struct fdstore *f, struct fdstore_list **ret)
{
	const struct answer *answer = &f->answer;
	_cleanup_close_ int unexpected = -EBADF;
	struct fdstore_list *list;
	size_t size;
	int r = exchange(f, KEEPER_LIST, "", -EBADF, &unexpected);

	if (r < 0)
		return r;
	size = answer->head.count * sizeof(list->entries[0]);
	list = malloc(sizeof(*list) + size);
	if (!list)
		return -ENOMEM;
	*list = (struct fdstore_list){
		.flags = answer->head.flags,
		.tsc_start = answer->head.tsc_start,
		.tsc_ready = answer->head.tsc_ready,
		.count = answer->head.count,
	};
	memcpy(list->entries, answer->entries, size);
	*ret = list;
	return 0;
}
