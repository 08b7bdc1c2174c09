/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover - how the device's fds get from one kernel to the next: by delegation, in the kernel session
 * that luod gives, or in custody, where luod has them from the time at which no update runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm.h"

#define IOMMUFD_LABEL "iommufd0"
#define DEVICE_LABEL  "device0"

static bool in_custody(const struct vmm *v)
{
	return lu_session_mode(v->session) == LU_MODE_CUSTODY;
}

/* --- custody -------------------------------------------------------------------------------- */

void device_attach(struct vmm *v)
{
	const struct lu_hwpt tables = passthrough_tables(v);
	const struct lu_buffer rings = passthrough_rings(v);
	struct passthrough *d = &v->device;
	int r;

	if (!d->bdf || !in_custody(v) || d->attached || d->left_out)
		return;
	r = lu_session_attach_iommufd(v->session, IOMMUFD_LABEL, d->iommufd, &tables, 1, &rings, 1,
				      NULL);
	if (r == -EOPNOTSUPP) {
		d->left_out = true;
		say(v, "left out %s: %s", d->bdf, lu_error_text(v->lu));
		return;
	}
	if (!took(v, "attach", r))
		return;
	r = lu_session_attach_device(v->session, DEVICE_LABEL, d->fd, IOMMUFD_LABEL, NULL);
	/* Since before the update: only the page tables are others. */
	if (r != -EEXIST && !took(v, "attach", r))
		return;
	d->attached = true;
	say(v, "attached %s", d->bdf);
}

/* The rest is luod's, which jumps without waiting for anybody to hear that it does. */
void device_ready(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (!d->bdf || !in_custody(v) || d->preserved)
		return;
	d->preserved = true;
	phase(v, "jump");
}

void device_preserved(struct vmm *v)
{
	say(v, "all preserved");
	if (v->exit_after_preserved)
		exit(EXIT_SUCCESS);
}

/* luod marks page tables for an update; they are as they were once that is called off. */
void device_called_off(struct vmm *v)
{
	struct passthrough *d = &v->device;
	int r;

	if (!d->bdf || d->iommufd < 0 || !in_custody(v))
		return;
	r = lu_hwpt_unmark(d->iommufd, d->hwpt);
	if (r >= 0 || r == -EBUSY)
		say(v, "failed: the page tables of %s were left %s", d->bdf,
		    r < 0 ? "preserved" : "marked");
}

static int get_from_luod(struct vmm *v)
{
	struct passthrough *d = &v->device;
	int r = get_from_custody(v, IOMMUFD_LABEL, &d->iommufd, NULL);

	return r < 0 ? r : get_from_custody(v, DEVICE_LABEL, &d->fd, NULL);
}

/* luod does all of it, and leaves the device on page tables of its own making. */
static void reattach(struct vmm *v)
{
	struct lu_reattached made = { .size = sizeof(made) };
	struct passthrough *d = &v->device;

	phase(v, "switch");
	must(v, "reattach", lu_session_reattach(v->session, DEVICE_LABEL, HWPT_TOKEN, &made));
	phase(v, "after");
	d->id = made.device_id;
	d->ioas = made.ioas_id;
	d->hwpt = made.hwpt_id;
	say(v, "reattached %s", d->bdf);
}

/* --- delegation ----------------------------------------------------------------------------- */

/* Once for these page tables: a mark survives an update that was called off. */
static int mark(struct vmm *v)
{
	const struct lu_buffer rings = passthrough_rings(v);
	struct passthrough *d = &v->device;
	int r;

	if (d->marked)
		return 0;
	r = lu_hwpt_mark(d->iommufd, d->hwpt, HWPT_TOKEN);
	if (r >= 0)
		r = lu_ioas_preserve(d->iommufd, rings.ioas_id, rings.iova, rings.length,
				     rings.token);
	d->marked = r >= 0;
	return r;
}

static int preserve(struct vmm *v)
{
	const struct lu_preserve items[] = {
		{ .label = IOMMUFD_LABEL, .token = IOMMUFD_TOKEN, .fd = v->device.iommufd },
		{ .label = DEVICE_LABEL, .token = DEVICE_TOKEN, .fd = v->device.fd },
	};
	int r = lu_session_preserve_all(v->session, items, 2);

	/* Preserved before, but not declared: luod was not in a state to take it. */
	if (r == -EEXIST)
		r = lu_session_declare(v->session, IOMMUFD_LABEL, "iommufd", IOMMUFD_TOKEN, 0);
	else
		return r;
	return r < 0 ? r
		     : lu_session_declare_device(v->session, DEVICE_LABEL, v->device.fd,
						 DEVICE_TOKEN, 0);
}

static int get_from_kernel(struct vmm *v)
{
	struct passthrough *d = &v->device;
	int r = retrieve(v, IOMMUFD_TOKEN, &d->iommufd);

	return r < 0 ? r : retrieve(v, DEVICE_TOKEN, &d->fd);
}

/* --- an update ------------------------------------------------------------------------------ */

static bool refused(struct vmm *v, const char *what, const char *why)
{
	char reason[256];

	snprintf(reason, sizeof(reason), "%s: %s", what, why);
	if (took(v, "veto", lu_session_veto(v->session, reason)))
		say(v, "vetoed %s", reason);
	return false;
}

bool device_hand_over(struct vmm *v)
{
	struct passthrough *d = &v->device;
	int r;

	if (!d->bdf || d->preserved)
		return true;
	if (d->left_out) {
		passthrough_release(v);
		return true;
	}
	passthrough_let_go(v);
	if (in_custody(v))
		return luod_has(v, DEVICE_LABEL) || refused(v, d->bdf, "luod does not have it");
	r = mark(v);
	if (r < 0)
		return refused(v, "marking the page tables", strerror(-r));
	r = preserve(v);
	if (r == -ESTALE || r == -ENOTCONN)
		return false; /* called off, which an event says, or to be tried again */
	if (r < 0)
		return refused(v, d->bdf, lu_error_text(v->lu));
	d->preserved = true;
	say(v, "handed over %s", d->bdf);
	phase(v, "jump");
	return true;
}

/* In the session that was claimed: the guest had not to give it up. */
static bool crossed(struct vmm *v)
{
	struct lu_resource resource = { .size = sizeof(resource) };

	for (size_t i = 0; lu_session_resource(v->session, i, &resource) > 0; i++)
		if (strcmp(resource.label, DEVICE_LABEL) == 0)
			return true;
	return false;
}

void device_take_back(struct vmm *v)
{
	struct passthrough *d = &v->device;
	bool parked;

	if (!d->bdf)
		return;
	if (!crossed(v)) {
		passthrough_create(v);
		return;
	}
	parked = passthrough_parked(v);
	if (parked)
		phase(v, "parked");
	must(v, "getting the device", in_custody(v) ? get_from_luod(v) : get_from_kernel(v));
	if (parked && v->parked_usec) {
		say(v, "parked %s", d->bdf);
		usleep((useconds_t)v->parked_usec);
	}
	if (!parked)
		passthrough_take_over(v);
	else if (v->reattach)
		reattach(v);
	else
		passthrough_switch(v);
	passthrough_ready(v);
	say(v, "taken back %s", d->bdf);
}
