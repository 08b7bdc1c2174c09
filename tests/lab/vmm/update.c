/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * update - the life of a session: how it begins, what an update asks of it, and the loop in which the
 * guest runs meanwhile.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "vmm.h"

#define TICK_USEC      2000
#define PAGES_PER_TICK 32 /* 64 MiB/s: busy, and leaves an emulated CPU to the others */
#define RETRY_USEC     50000

static void run(struct vmm *v, const char *command)
{
	/* NOLINTNEXTLINE(cert-env33-c): it is a case's line of shell */
	if (command && system(command) != 0)
		say(v, "failed %s", command);
}

/* The other side of the jump. */
static void vmm_come_back(struct vmm *v)
{
	if (vmm_resume(v))
		v->guest.page->jumps++;
	passthrough_resume(v);
	buffer_resume(v);
	if (took(v, "resumed", lu_session_resumed(v->session)))
		say(v, "resumed");
}

static void vmm_done(struct vmm *v)
{
	v->done_at_usec = 0;
	run(v, v->before_done);
	if (!took(v, "done", lu_session_done(v->session)))
		return;
	passthrough_tell(v);
	say(v, "done %" PRIu64, v->guest.page->jumps);
	if (v->once)
		exit(EXIT_SUCCESS);
}

/* There is no update any more, for this session: whatever was given to the kernel is here again. */
static void vmm_go_on(struct vmm *v)
{
	v->ready_at_usec = 0;
	v->preserved = false;
	device_called_off(v);
	passthrough_called_off(v);
	buffer_called_off(v);
	vmm_resume(v);
}

/* What a state of the session asks of this program; asking twice does no harm. */
static void vmm_follow(struct vmm *v, enum lu_state state)
{
	switch (state) {
	case LU_STATE_PREPARING:
		ram_preserve(v);
		buffer_preserve(v);
		break;
	case LU_STATE_IDLE:
		vmm_go_on(v);
		ram_attach(v);
		device_attach(v);
		buffer_attach(v);
		break;
	case LU_STATE_LEFT_BEHIND:
		vmm_go_on(v);
		break;
	case LU_STATE_CLAIMED:
		vmm_come_back(v);
		break;
	case LU_STATE_RESUMED:
		passthrough_resume(v);
		buffer_resume(v);
		v->done_at_usec = now_usec() + v->slow_done_usec;
		break;
	case LU_STATE_LOST:
		say(v, "failed lost: %s", lu_session_reason(v->session));
		exit(EXIT_FAILURE);
	case LU_STATE_UNKNOWN:
	case LU_STATE_READY:
	case LU_STATE_VETOED:
	case LU_STATE_UNCLAIMED:
		break;
	}
}

static void vmm_prepare(struct vmm *v, const char *update_id)
{
	say(v, "prepare %s", update_id);
	if (v->veto) {
		if (took(v, "veto", lu_session_veto(v->session, v->veto)))
			say(v, "vetoed");
		return;
	}
	ram_preserve(v); /* which takes its time: the guest still runs */
	buffer_preserve(v);
	vmm_pause(v);
	buffer_let_go(v);
	if (device_hand_over(v))
		v->ready_at_usec = now_usec() + v->slow_ready_usec;
}

static void vmm_ready(struct vmm *v)
{
	v->ready_at_usec = 0;
	run(v, v->before_ready);
	device_ready(v);
	if (!took(v, "ready", lu_session_ready(v->session)))
		return;
	say(v, "ready");
	if (v->exit_after_ready)
		exit(EXIT_SUCCESS);
}

static void vmm_on_event(struct vmm *v, const struct lu_event *event)
{
	switch (event->type) {
	case LU_EVENT_PREPARE:
		vmm_prepare(v, event->update_id);
		break;
	case LU_EVENT_PRESERVED:
		device_preserved(v);
		break;
	case LU_EVENT_CANCELLED:
		say(v, "cancelled %s", event->reason);
		vmm_go_on(v);
		break;
	case LU_EVENT_STATE:
		say(v, "state %s", lu_state_to_string(event->state));
		vmm_follow(v, event->state);
		break;
	case LU_EVENT_DISCONNECTED:
		say(v, "disconnected");
		break;
	case LU_EVENT_RECONNECTED:
		say(v, "reconnected");
		vmm_follow(v, lu_session_state(v->session));
		break;
	case LU_EVENT_NONE:
		break;
	}
}

static void vmm_process(struct vmm *v)
{
	struct lu_event event = { .size = sizeof(event) };
	int r;

	while ((r = lu_process(v->lu, &event)) > 0)
		vmm_on_event(v, &event);
	if (r < 0)
		die(v, "lu_process", r);
}

static uint64_t vmm_patience(const struct vmm *v)
{
	uint64_t now = now_usec(), patience = passthrough_patience(v);

	if (guest_runs(&v->guest))
		return TICK_USEC;
	if (v->ready_at_usec && v->ready_at_usec <= now)
		return 0;
	if (v->ready_at_usec && v->ready_at_usec - now < patience)
		return v->ready_at_usec - now;
	return patience;
}

/* Until luod has said something, the device has done something, or it is time. */
static bool vmm_wait(struct vmm *v)
{
	struct pollfd fds[] = {
		{ .fd = v->alone ? -1 : lu_get_fd(v->lu), .events = POLLIN },
		{ .fd = passthrough_eventfd(v), .events = POLLIN },
	};
	uint64_t usec = vmm_patience(v);
	struct timespec patience = { (time_t)(usec / 1000000), (long)(usec % 1000000 * 1000) };

	if (ppoll(fds, 2, usec == LU_USEC_INFINITY ? NULL : &patience, NULL) < 0 && errno != EINTR)
		die(v, "ppoll", -errno);
	return fds[0].revents;
}

void vmm_loop(struct vmm *v)
{
	for (;;) {
		if (vmm_wait(v))
			vmm_process(v);
		passthrough_serve(v);
		buffer_serve(v);
		if (v->ready_at_usec && now_usec() >= v->ready_at_usec)
			vmm_ready(v);
		if (v->done_at_usec && now_usec() >= v->done_at_usec)
			vmm_done(v);
		if (v->again_at_usec && now_usec() >= v->again_at_usec) {
			v->again_at_usec = 0;
			vmm_follow(v, lu_session_state(v->session));
		}
		if (guest_runs(&v->guest))
			guest_run(&v->guest, PAGES_PER_TICK);
	}
}

/* the start */

/* This process may be there before luod is, or before luod has restored what it was handed. */
static int vmm_open_session(struct vmm *v)
{
	struct lu_event event = { .size = sizeof(event) };
	int r;

	(void)lu_wait(v->lu, RETRY_USEC);
	r = lu_process(v->lu, &event);
	if (r < 0)
		return r;
	r = lu_session_claim(v->lu, v->name, &v->session);
	if (r == -ENOENT)
		r = lu_session_create(v->lu, v->name, &v->session_options, &v->session);
	return r;
}

void vmm_connect(struct vmm *v)
{
	struct lu_options o = {
		.size = sizeof(o),
		.address = v->address,
		.flags = LU_FLAG_CONNECT_LATER,
	};
	uint64_t deadline = now_usec() + v->start_usec;
	int r;

	r = lu_new(&v->lu, &o);
	if (r < 0)
		die(v, "lu_new", r);
	while ((r = vmm_open_session(v)) < 0) {
		if ((r != -ENOTCONN && r != -EBUSY) || now_usec() > deadline)
			die(v, "no session", r);
	}
}

static void vmm_create(struct vmm *v)
{
	int r = guest_create(&v->guest, v->size, passthrough_bytes(v));

	if (r < 0)
		die(v, "guest memory", r);
	r = v->n_links ? lu_session_set_links(v->session, v->links, v->n_links) : 0;
	if (r < 0)
		die(v, "links", r);
	passthrough_create(v);
	buffer_create(v);
}

static void vmm_start_session(struct vmm *v)
{
	enum lu_state state = lu_session_state(v->session);
	bool back = ram_take_back(v);

	if (!back)
		vmm_create(v);
	say(v, "%s %s", back ? "claimed" : "created", lu_state_to_string(state));
	if (back) {
		device_take_back(v);
		buffer_take_back(v);
	}
	vmm_follow(v, state);
}

void vmm_start(struct vmm *v)
{
	if (v->alone) {
		vmm_create(v);
		say(v, "created alone");
	} else {
		vmm_start_session(v);
	}
	sd_notify(0, "READY=1");
}
