/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state - see state.h. */
#include "state.h"

#include "later.h"
#include "log.h"
#include "metrics.h"

#define AGAIN_USEC USEC_PER_SEC

static char *state_path(const struct manager *m)
{
	return strprintf("%s/state.json", m->paths.run);
}

static int write_state(struct manager *m, char **ret_error)
{
	_cleanup_free_ char *path = state_path(m), *text = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	r = handover_write_or_say(&m->update.info, &m->sessions, NULL, &m->update, &m->target,
				  &text, ret_error);
	if (r < 0)
		return r;
	return file_write_atomic(path, text, strlen(text), 0600);
}

static int on_save_again(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;

	if (m->unsaved)
		manager_save(m);
	return 0;
}

int manager_prepare_save(struct manager *m)
{
	return later_prepare(m->event, &m->save_again, on_save_again, m);
}

void manager_save(struct manager *m)
{
	_cleanup_free_ char *error = NULL;
	int r;

	/* Half of what the luod before this one knew must not replace the whole. */
	if (!m->settled)
		return;
	metrics_changed(m);
	r = write_state(m, &error);
	if (r < 0 && !m->unsaved)
		log_error("Cannot write down the state of luod in %s: %s. Trying again",
			  m->paths.run, error ? error : strerror(-r));
	m->unsaved = r < 0;
	if (r < 0)
		later(m->save_again, AGAIN_USEC);
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
	if (errno_is_shortage(r))
		return r;
	if (r < 0)
		log_error_errno(r, "%s is not usable: %s", path, strempty(error));
	else if (ret->skipped)
		log_error("In %s is what cannot be read and is given up: %s", path, ret->skipped);
	return r;
}
