/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history - see history.h. */
#include "history.h"

#include <dirent.h>
#include <sys/stat.h>

#include "log.h"
#include "manager.h"

#define RETRY_USEC (2 * USEC_PER_SEC)

static void add_marks(const struct timeline_page *page, struct history_entry *entry)
{
	for (unsigned int i = 0; i < MARK_MAX; i++) {
		enum mark mark = mark_in_order(i);
		struct history_mark *m = &entry->marks[entry->n_marks];

		if (!timeline_get(page, mark, &m->usec))
			continue;
		m->mark = mark;
		m->realtime_usec = page->marks[mark].realtime_usec;
		entry->n_marks++;
	}
}

/* The update at hand, as far as it has got. Its timeline may be lost; that it took place is not. */
static int current(struct manager *m, const char *result, const char *error, uint64_t ended_usec,
		   struct history_entry *ret)
{
	const struct timeline_page *page = m->update.timeline.page;
	struct history_entry entry = {};

	if (update_info_copy(&m->update.info, &entry.info) < 0 ||
	    free_and_strdup(&entry.result, result) < 0 ||
	    free_and_strdup(&entry.error, strempty(error)) < 0 ||
	    free_and_strdup(&entry.delivered, delivery_to_string(m->delivery)) < 0) {
		history_entry_clear(&entry);
		return -ENOMEM;
	}
	entry.ended_usec = ended_usec;
	if (page) {
		add_marks(page, &entry);
		entry.has_blackout = timeline_blackout(page, &entry.blackout_usec);
	}
	*ret = entry;
	return 0;
}

/* --- the files -------------------------------------------------------------------------------- */

#define ENTRY_SUFFIX ".json"

/* Sixteen digits of microseconds sort by time for the next three centuries. */
static char *entry_path(struct manager *m, const char *id)
{
	return strprintf("%s/%016llu-%s" ENTRY_SUFFIX, m->paths.history,
			 (unsigned long long)now_usec(CLOCK_REALTIME), id);
}

/* Is it the name of a file of this update? "" is every update. */
static bool is_of_update(const char *name, const char *id)
{
	const char *own = strchr(name, '-');
	size_t length = strlen(id);

	return !length ||
	       (own && strncmp(own + 1, id, length) == 0 && streq(own + 1 + length, ENTRY_SUFFIX));
}

static int is_entry(const struct dirent *d)
{
	const char *suffix = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && suffix && streq(suffix, ENTRY_SUFFIX);
}

/* The names of all entries, the oldest first; names_free() them. Negative: there is no folder. */
static int names_of(const struct manager *m, struct dirent ***ret)
{
	int n = scandir(m->paths.history, ret, is_entry, alphasort);

	return n < 0 ? -errno : n;
}

static void names_free(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	if (n >= 0)
		free(names);
}

static int read_entry(struct manager *m, const char *name, struct history_entry *ret)
{
	_cleanup_free_ char *path = strprintf("%s/%s", m->paths.history, name), *text = NULL;
	size_t size;
	int r;

	if (!path)
		return -ENOMEM;
	r = file_read_full(path, HISTORY_ENTRY_SIZE, &text, &size);
	return r < 0 ? r : history_parse(text, size, ret);
}

/* Makes room for one more. */
static void drop_oldest(struct manager *m)
{
	struct dirent **names;
	int n = names_of(m, &names);

	for (int i = 0; i <= n - HISTORY_KEPT; i++) {
		_cleanup_free_ char *path = strprintf("%s/%s", m->paths.history, names[i]->d_name);

		if (path)
			unlink(path);
	}
	names_free(names, n);
}

/* The folder and the one above it; both may be the first thing luod has to remember. */
static int make_directories(const char *directory)
{
	_cleanup_free_ char *parent = strdup(directory);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!parent)
		return -ENOMEM;
	if (slash && slash != parent) {
		*slash = '\0';
		if (mkdir(parent, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(directory, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* --- counting --------------------------------------------------------------------------------- */

static void count_one(struct history_totals *totals, const char *result)
{
	int i = history_result_from_string(strempty(result));

	if (i >= 0)
		totals->of[i]++;
}

/* The newest file that counts, and those after it that do not: an older luod wrote them. */
static void count_on_disk(struct manager *m, struct history_totals *ret)
{
	struct dirent **names;
	int n = names_of(m, &names);
	bool found = false;

	*ret = (struct history_totals){};
	for (int i = n - 1; i >= 0 && !found; i--) {
		struct history_entry entry;

		if (read_entry(m, names[i]->d_name, &entry) < 0)
			continue;
		found = entry.has_totals;
		if (!found)
			count_one(ret, entry.result);
		for (size_t k = 0; k < HISTORY_RESULT_MAX && found; k++)
			ret->of[k] += entry.totals.of[k];
		history_entry_clear(&entry);
	}
	names_free(names, n);
}

static int parse_last(struct manager *m, struct history_entry *ret)
{
	return m->last_history ? history_parse(m->last_history, strlen(m->last_history), ret)
			       : -ENOENT;
}

/* The timer runs as long as the last update is not on disk. */
static int parse_pending(struct manager *m, struct history_entry *ret)
{
	return m->history_timer ? parse_last(m, ret) : -ENOENT;
}

void history_count(struct manager *m, struct history_totals *ret)
{
	struct history_entry pending;

	count_on_disk(m, ret);
	if (parse_pending(m, &pending) < 0)
		return;
	count_one(ret, pending.result);
	history_entry_clear(&pending);
}

/* --- storing ---------------------------------------------------------------------------------- */

static int write_entry(struct manager *m, struct history_entry *entry)
{
	_cleanup_free_ char *path = entry_path(m, entry->info.id), *text = NULL;
	int r;

	count_on_disk(m, &entry->totals);
	count_one(&entry->totals, entry->result);
	entry->has_totals = true;
	text = history_format(entry);
	if (!path || !text)
		return -ENOMEM;
	r = make_directories(m->paths.history);
	if (r < 0)
		return r;
	drop_oldest(m);
	return file_write_atomic(path, text, strlen(text), 0644);
}

/* Asks the text whose it is: when it is written late, another update may be at hand already. */
static int write_pending(struct manager *m)
{
	struct history_entry entry;
	int r = parse_last(m, &entry);

	if (r < 0)
		return r;
	r = write_entry(m, &entry);
	history_entry_clear(&entry);
	return r;
}

static void retry_later(struct manager *m);

/*
 * luod starts before the root file system is writable, and an update may be finished before that
 * too: what cannot be written yet is tried again. Meanwhile it is known from memory.
 */
static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;

	m->history_timer = sd_event_source_disable_unref(m->history_timer);
	if (m->last_history && (update_keeps_still(m) || write_pending(m) < 0))
		retry_later(m);
	return 0;
}

static void retry_later(struct manager *m)
{
	if (!m->history_timer &&
	    sd_event_add_time_relative(m->event, &m->history_timer, CLOCK_MONOTONIC, RETRY_USEC, 0,
				       on_retry, m) < 0)
		log_oom();
}

void history_store(struct manager *m, const char *result, const char *error)
{
	struct history_entry entry;
	char *text;
	int r = current(m, result, error, now_usec(CLOCK_REALTIME), &entry);

	text = r < 0 ? NULL : history_format(&entry);
	if (r >= 0)
		history_entry_clear(&entry);
	if (!text) {
		log_oom();
		return;
	}
	/* One is kept: the one before had the whole update to be written. */
	if (m->history_timer) {
		m->history_timer = sd_event_source_disable_unref(m->history_timer);
		if (write_pending(m) < 0)
			log_warning("The history of the update before could never be written to %s "
				    "and is lost, ignoring",
				    m->paths.history);
	}
	free(m->last_history);
	m->last_history = text;
	r = write_pending(m);
	if (r < 0) {
		log_info("The history of update %s cannot be written to %s yet (%s); trying again",
			 m->update.info.id, m->paths.history, strerror(-r));
		retry_later(m);
	}
}

/* --- finding ---------------------------------------------------------------------------------- */

/* The newest file that is readable and of this id; "" is every id's. */
static int find_on_disk(struct manager *m, const char *id, struct history_entry *ret)
{
	struct dirent **names;
	int n = names_of(m, &names), r = -ENOENT;

	for (int i = n - 1; i >= 0 && r < 0; i--)
		if (is_of_update(names[i]->d_name, id))
			r = read_entry(m, names[i]->d_name, ret);
	names_free(names, n);
	return r < 0 ? -ENOENT : 0;
}

/* Among those that have ended. */
static int find_ended(struct manager *m, const char *id, struct history_entry *ret)
{
	if (parse_last(m, ret) >= 0) {
		if (isempty(id) || streq(id, ret->info.id))
			return 0;
		history_entry_clear(ret);
	}
	return find_on_disk(m, id, ret);
}

int history_find(struct manager *m, const char *id, struct history_entry *ret)
{
	if (update_active(m) && (isempty(id) || streq(id, m->update.info.id)))
		return current(m, "running", NULL, 0, ret);
	return find_ended(m, id, ret);
}

int history_last(struct manager *m, struct history_entry *ret)
{
	return find_ended(m, "", ret);
}

void history_entries_free(struct history_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		history_entry_clear(&entries[i]);
	free(entries);
}

int history_list(struct manager *m, size_t limit, struct history_entry **ret, size_t *ret_n)
{
	struct history_entry *entries;
	struct dirent **names;
	int on_disk = names_of(m, &names);
	size_t n = 0;

	/* The one at hand and one that is not on disk yet come before those that are. */
	entries = calloc((on_disk < 0 ? 0 : (size_t)on_disk) + 2, sizeof(*entries));
	if (!entries) {
		names_free(names, on_disk);
		return -ENOMEM;
	}
	if (n < limit && update_active(m))
		n += current(m, "running", NULL, 0, &entries[n]) >= 0;
	if (n < limit)
		n += parse_pending(m, &entries[n]) >= 0;
	for (int i = on_disk - 1; i >= 0 && n < limit; i--)
		n += read_entry(m, names[i]->d_name, &entries[n]) >= 0;
	names_free(names, on_disk);
	*ret = entries;
	*ret_n = n;
	return 0;
}
