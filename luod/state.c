/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state - see state.h. */
#include "state.h"

#include "log.h"

static char *state_path(const struct manager *m)
{
	return strprintf("%s/state.json", m->paths.run);
}

static int write_state(struct manager *m)
{
	_cleanup_free_ char *path = state_path(m), *text = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	r = handover_write(&m->update.info, &m->sessions, &m->update, &m->target, &text);
	if (r < 0)
		return r;
	return file_write_atomic(path, text, strlen(text), 0600);
}

void state_flush(struct manager *m)
{
	int r;

	m->state_dirty = false;
	r = write_state(m);
	if (r < 0)
		log_error_errno(r, "Cannot write down the state of luod in %s: %m", m->paths.run);
}

static int on_idle(sd_event_source *source _unused_, void *userdata)
{
	struct manager *m = userdata;

	m->state_source = sd_event_source_disable_unref(m->state_source);
	if (m->state_dirty)
		state_flush(m);
	return 0;
}

/* Several changes of one event are written once, before the loop sleeps again. */
void manager_dirty(struct manager *m)
{
	m->state_dirty = true;
	if (m->state_source || m->stopping)
		return;
	if (sd_event_add_defer(m->event, &m->state_source, on_idle, m) < 0)
		state_flush(m);
}

int state_load(struct manager *m, struct handover *ret)
{
	_cleanup_free_ char *path = state_path(m), *text = NULL, *error = NULL;
	size_t size;
	int r;

	if (!path)
		return -ENOMEM;
	r = file_read_full(path, HANDOVER_SIZE_MAX, &text, &size);
	if (r < 0)
		return r;
	r = handover_read(text, size, ret, &error);
	if (r < 0)
		log_error_errno(r, "%s is not usable: %s", path, strempty(error));
	return r;
}
