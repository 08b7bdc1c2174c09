/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ram - the guest's memory: paused, handed to luod or to the kernel, taken back, compared. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm.h"

#define RAM_LABEL  "ram0"
#define RETRY_USEC 50000

void vmm_pause(struct vmm *v)
{
	if (!guest_runs(&v->guest))
		return;
	guest_pause(&v->guest);
	say(v, "paused %016" PRIx64, v->guest.page->checksum);
}

bool vmm_resume(struct vmm *v)
{
	struct guest_page *page = v->guest.page;
	uint64_t sum;

	if (guest_runs(&v->guest))
		return false;
	sum = guest_checksum(&v->guest);
	if (sum != page->checksum) {
		say(v, "corrupt %016" PRIx64 " instead of %016" PRIx64, sum, page->checksum);
		exit(EXIT_CORRUPT);
	}
	say(v, "verified %016" PRIx64, sum);
	page->phase = GUEST_RUNNING;
	return true;
}

bool luod_has(struct vmm *v, const char *label)
{
	struct lu_resource resource = { .size = sizeof(resource) };

	for (size_t i = 0; lu_session_resource(v->session, i, &resource) > 0; i++)
		if (strcmp(resource.label, label) == 0)
			return true;
	return false;
}

void ram_attach(struct vmm *v)
{
	int r;

	if (lu_session_mode(v->session) != LU_MODE_CUSTODY || luod_has(v, RAM_LABEL))
		return;
	r = lu_session_attach_memory(v->session, RAM_LABEL, v->guest.fd, NULL);
	if (took(v, "attach", r))
		say(v, "attached");
}

void ram_preserve(struct vmm *v)
{
	int r;

	if (lu_session_mode(v->session) != LU_MODE_DELEGATION || v->preserved)
		return;
	r = lu_session_preserve(v->session, RAM_LABEL, v->guest.fd, RAM_TOKEN);
	/* Preserved before, but not declared: luod was not in a state to take it. */
	if (r == -EEXIST)
		r = lu_session_declare(v->session, RAM_LABEL, "memory", RAM_TOKEN, v->guest.total);
	if (!took(v, "preserve", r))
		return;
	v->preserved = true;
	say(v, "preserved");
}

/* luod was restarted while it was asked: does it pay to ask again? */
static bool ask_again(struct vmm *v, int r, uint64_t deadline)
{
	struct lu_event event = { .size = sizeof(event) };

	if (r != -ENOTCONN || now_usec() >= deadline)
		return false;
	(void)lu_wait(v->lu, RETRY_USEC);
	(void)lu_process(v->lu, &event); /* nothing that vmm_follow() does not do anyway */
	return true;
}

int get_from_custody(struct vmm *v, const char *label, int *ret_fd, struct lu_resource *ret)
{
	uint64_t deadline = now_usec() + v->start_usec;
	int r;

	do
		r = lu_session_get_resource(v->session, label, ret_fd, ret);
	while (ask_again(v, r, deadline));
	return r;
}

int retrieve(struct vmm *v, uint64_t token, int *ret_fd)
{
	uint64_t deadline = now_usec() + v->start_usec;
	int r;

	do
		r = lu_session_retrieve(v->session, token, ret_fd);
	while (ask_again(v, r, deadline));
	return r;
}

bool ram_take_back(struct vmm *v)
{
	enum lu_state state = lu_session_state(v->session);
	/* Resumed: the process before this one has died before it said Done. */
	bool crossed = state == LU_STATE_CLAIMED || state == LU_STATE_RESUMED;
	struct lu_resource resource = { .size = sizeof(resource), .token = RAM_TOKEN };
	int fd, r;

	if (lu_session_mode(v->session) == LU_MODE_CUSTODY) {
		if (!luod_has(v, RAM_LABEL))
			return false;
		r = get_from_custody(v, RAM_LABEL, &fd, &resource);
	} else {
		if (!crossed)
			return false;
		r = retrieve(v, RAM_TOKEN, &fd);
	}
	if (r >= 0)
		r = guest_map(&v->guest, fd, passthrough_bytes(v));
	if (r < 0)
		die(v, "taking the memory back", r);
	v->ram_token = resource.token;
	if (v->guest.page->magic == GUEST_MAGIC)
		return true;
	say(v, "corrupt: there is no guest in it");
	exit(EXIT_CORRUPT);
}
