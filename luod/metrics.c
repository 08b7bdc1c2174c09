/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics - when the file is written, and with what; see metrics.h. */
#include "metrics.h"

#include "log.h"
#include "manager.h"

/* All that changes within the first is written once; what cannot be written is tried again. */
#define DELAY_USEC (2 * USEC_PER_SEC)
#define RETRY_USEC (10 * USEC_PER_SEC)

static void count_devices(const struct manager *m, struct metrics_facts *facts)
{
	for (size_t i = 0; i < m->inventory.n; i++) {
		const struct device *d = m->inventory.devices[i];
		_cleanup_(findings_free) struct findings reasons = {};
		enum metrics_device state = d->session	 ? METRICS_DEVICE_COVERED
					    : d->n_users ? METRICS_DEVICE_UNCOVERED
							 : METRICS_DEVICE_UNUSED;

		if (device_reasons(d, &reasons) >= 0)
			facts->devices[state][reasons.n == 0]++;
	}
}

static char *on_disk(const struct manager *m, const char *path)
{
	return strprintf("%s%s", strempty(m->paths.host_root), path);
}

static int write_file(struct manager *m)
{
	_cleanup_free_ char *text = NULL, *path = NULL;
	struct metrics_facts facts = {
		.version = LUOD_VERSION,
		.kernel = m->kernel_release,
		.state = manager_state(m),
	};
	struct history_entry last = {};
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		facts.sessions[s->state]++;
		facts.preserved_bytes += session_preserved_bytes(s);
	}
	count_devices(m, &facts);
	history_count(m, &facts.totals);
	if (history_last(m, &last) >= 0)
		facts.last = &last;
	text = metrics_format(&facts);
	history_entry_clear(&last);
	if (!text)
		return -ENOMEM;
	path = on_disk(m, m->conf.metrics_file);
	return path ? file_replace(path, text, strlen(text), 0644) : -ENOMEM;
}

static void write_later(struct manager *m, uint64_t delay_usec);

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;
	int r;

	m->metrics_timer = sd_event_source_disable_unref(m->metrics_timer);
	/* Settling and calling off are changes: this is asked for again. */
	if (isempty(m->conf.metrics_file) || !m->settled || update_keeps_still(m))
		return 0;
	r = write_file(m);
	/* The root file system cannot be written when luod starts: said once, and later than that. */
	if (r < 0 && r == m->metrics_error && !m->metrics_complained) {
		log_warning_errno(r, "Cannot write the metrics to %s (TextFile=): %m; trying again",
				  m->conf.metrics_file);
		m->metrics_complained = true;
	}
	m->metrics_error = r;
	if (r < 0)
		write_later(m, RETRY_USEC);
	else
		m->metrics_complained = false;
	return 0;
}

static void write_later(struct manager *m, uint64_t delay_usec)
{
	if (m->metrics_timer)
		return;
	if (sd_event_add_time_relative(m->event, &m->metrics_timer, CLOCK_MONOTONIC, delay_usec, 0,
				       on_timer, m) < 0 ||
	    sd_event_source_set_priority(m->metrics_timer, SD_EVENT_PRIORITY_IDLE) < 0)
		log_oom();
}

void metrics_changed(struct manager *m)
{
	if (!isempty(m->conf.metrics_file))
		write_later(m, DELAY_USEC);
}

void metrics_configured(struct manager *m, const char *before)
{
	_cleanup_free_ char *old = on_disk(m, before);

	if (streq(before, m->conf.metrics_file))
		return;
	/* What nobody writes any more would be read as true for ever. */
	if (old && !isempty(before))
		unlink(old);
	m->metrics_timer = sd_event_source_disable_unref(m->metrics_timer);
	metrics_changed(m);
}
