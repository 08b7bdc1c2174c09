/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history - see history.h. */
#include "history.h"

#include <dirent.h>
#include <sys/stat.h>

#include "log.h"
#include "manager.h"

#define RETRY_USEC (2 * USEC_PER_SEC)

/* How long a folder that is not there may still be mounted. */
#define MOUNT_TRIES 90

#define RUNNING "running"
#define LOST                                                                                            \
	"It jumped, but luod found nothing of it afterwards: the next kernel did not come up, or came " \
	"up without the sessions."

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
static char *new_path(const struct manager *m, const char *id)
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

/* The file that this update has already; NULL: none. */
static char *path_of(const struct manager *m, const char *id)
{
	struct dirent **names;
	int n = *id ? names_of(m, &names) : -ENOENT;
	char *path = NULL;

	for (int i = n - 1; i >= 0 && !path; i--)
		if (is_of_update(names[i]->d_name, id))
			path = strprintf("%s/%s", m->paths.history, names[i]->d_name);
	names_free(names, n);
	return path;
}

/* Is it the one between its begin and its end? One of which not even the id is known may be it. */
static bool at_hand(const struct manager *m, const char *id)
{
	return update_active(m) && (!*m->update.info.id || streq(m->update.info.id, id));
}

/* Nobody has written down its end; until luod has settled, it may be under way. */
static int judge(const struct manager *m, struct history_entry *entry)
{
	if (!m->settled || !streq(strempty(entry->result), RUNNING) || at_hand(m, entry->info.id))
		return 0;
	if (free_and_strdup(&entry->result, history_result_to_string(HISTORY_LOST)) < 0 ||
	    free_and_strdup(&entry->error, LOST) < 0)
		return -ENOMEM;
	return 0;
}

static bool is_lost(const struct history_entry *entry)
{
	return streq(strempty(entry->result), history_result_to_string(HISTORY_LOST));
}

/* An entry as its file has it. */
static int read_file(const char *path, struct history_entry *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = file_read_full(path, HISTORY_ENTRY_SIZE, &text, &size);

	return r < 0 ? r : history_parse(text, size, ret);
}

static int read_entry(struct manager *m, const char *name, struct history_entry *ret)
{
	_cleanup_free_ char *path = strprintf("%s/%s", m->paths.history, name);
	int r = path ? read_file(path, ret) : -ENOMEM;

	if (r >= 0 && judge(m, ret) < 0) {
		history_entry_clear(ret);
		r = -ENOMEM;
	}
	return r;
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

static uint64_t sum(const struct history_totals *totals)
{
	uint64_t n = 0;

	for (size_t i = 0; i < HISTORY_RESULT_MAX; i++)
		n += totals->of[i];
	return n;
}

/*
 * The file that counts most, which is the newest whatever the clock was, and those behind it that do
 * not count: an older luod wrote them, or nobody their end. Without the file of update @besides.
 */
static void count_on_disk(struct manager *m, const char *besides, struct history_totals *ret)
{
	struct dirent **names;
	int n = names_of(m, &names);

	*ret = (struct history_totals){};
	for (int i = 0; i < n; i++) {
		struct history_entry entry;

		if ((*besides && is_of_update(names[i]->d_name, besides)) ||
		    read_entry(m, names[i]->d_name, &entry) < 0)
			continue;
		if (!entry.has_totals)
			count_one(ret, entry.result);
		else if (sum(&entry.totals) > sum(ret))
			*ret = entry.totals;
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
	struct history_entry pending = {};
	int r = parse_pending(m, &pending);

	count_on_disk(m, pending.info.id, ret);
	if (r >= 0)
		count_one(ret, pending.result);
	history_entry_clear(&pending);
}

/* --- storing ---------------------------------------------------------------------------------- */

/* The record that is lost does not say what was written down before the jump. */
static void complete(struct history_entry *entry, const char *path)
{
	struct history_entry before;

	if (!isempty(entry->info.to) || read_file(path, &before) < 0)
		return;
	if (!isempty(before.info.to))
		update_info_copy(&before.info, &entry->info);
	history_entry_clear(&before);
}

/* One update has one file. */
static int write_entry(struct manager *m, struct history_entry *entry)
{
	_cleanup_free_ char *path = path_of(m, entry->info.id), *text = NULL;
	bool has_ended = !streq(entry->result, RUNNING);
	int r = make_directories(m->paths.history);

	if (r < 0)
		return r;
	if (path)
		complete(entry, path);
	else
		drop_oldest(m);
	if (has_ended) {
		count_on_disk(m, entry->info.id, &entry->totals);
		count_one(&entry->totals, entry->result);
	}
	entry->has_totals = has_ended;
	if (!path)
		path = new_path(m, entry->info.id);
	text = history_format(entry);
	if (!path || !text)
		return -ENOMEM;
	/* Before the jump guests wait, and file systems are brought to rest in any case. */
	return has_ended ? file_write_atomic(path, text, strlen(text), 0644)
			 : file_replace(path, text, strlen(text), 0644);
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

void history_begin(struct manager *m)
{
	struct history_entry entry;
	int r = current(m, RUNNING, NULL, 0, &entry);

	if (r >= 0) {
		r = write_entry(m, &entry);
		history_entry_clear(&entry);
	}
	if (r < 0)
		log_warning_errno(r,
				  "Update %s cannot be written to %s (%m); if the next kernel does "
				  "not come up, history will not know of it, ignoring",
				  m->update.info.id, m->paths.history);
}

/* --- what was lost ---------------------------------------------------------------------------- */

static void say_lost(struct manager *m, const struct history_entry *entry)
{
	log_set_update_id(entry->info.id);
	log_message(LOG_ERR, LUOD_MESSAGE_UPDATE_LOST, "Update %s (%s -> %s) is lost. %s",
		    entry->info.id, strempty(entry->info.from), strempty(entry->info.to),
		    strempty(entry->error));
	log_set_update_id(update_active(m) && *m->update.info.id ? m->update.info.id : NULL);
}

/* Written down first: it is said once. */
static int settle_one(struct manager *m, const char *name)
{
	struct history_entry entry;
	int r;

	if (read_entry(m, name, &entry) < 0)
		return 0;
	r = is_lost(&entry) && !entry.has_totals ? write_entry(m, &entry) : -EALREADY;
	if (r >= 0)
		say_lost(m, &entry);
	history_entry_clear(&entry);
	return r == -EALREADY ? 0 : r;
}

static int on_lost(sd_event_source *source, uint64_t usec, void *userdata);

/* False: not all of it could be done yet. The folder may not be mounted, or not be writable. */
static bool settle(struct manager *m)
{
	struct dirent **names;
	bool done = true;
	int n;

	if (update_keeps_still(m))
		return false;
	n = names_of(m, &names);
	for (int i = 0; i < n; i++)
		done = settle_one(m, names[i]->d_name) >= 0 && done;
	names_free(names, n);
	return n < 0 ? ++m->lost_tries >= MOUNT_TRIES : done;
}

void history_settle(struct manager *m)
{
	if (!settle(m) && sd_event_add_time_relative(m->event, &m->lost_timer, CLOCK_MONOTONIC,
						     RETRY_USEC, 0, on_lost, m) < 0)
		log_oom();
}

static int on_lost(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;

	m->lost_timer = sd_event_source_disable_unref(m->lost_timer);
	history_settle(m);
	return 0;
}

/* --- finding ---------------------------------------------------------------------------------- */

/* The newest file that is readable and of this id; "" is every id's that has ended. */
static int find_on_disk(struct manager *m, const char *id, struct history_entry *ret)
{
	struct dirent **names;
	int n = names_of(m, &names), r = -ENOENT;

	for (int i = n - 1; i >= 0 && r < 0; i--) {
		if (!is_of_update(names[i]->d_name, id))
			continue;
		r = read_entry(m, names[i]->d_name, ret);
		if (r >= 0 && !*id && streq(ret->result, RUNNING)) {
			history_entry_clear(ret);
			r = -ENOENT;
		}
	}
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
		return current(m, RUNNING, NULL, 0, ret);
	return find_ended(m, id, ret);
}

int history_last(struct manager *m, struct history_entry *ret)
{
	return find_ended(m, "", ret);
}

/* --- afterwards ------------------------------------------------------------------------------- */

/* The clock that marks go by ends with the update; from then on the wall's must do. */
static bool add_mark(struct history_entry *entry, enum mark mark)
{
	uint64_t now = now_usec(CLOCK_REALTIME);
	const struct history_mark *first = entry->marks;

	for (unsigned int i = 0; i < entry->n_marks; i++)
		if (entry->marks[i].mark == mark)
			return false;
	if (!entry->n_marks || entry->n_marks == TIMELINE_MARKS || now < first->realtime_usec)
		return false;
	entry->marks[entry->n_marks++] = (struct history_mark){
		.mark = mark,
		.usec = first->usec + now - first->realtime_usec,
		.realtime_usec = now,
	};
	return true;
}

static void replace_last(struct manager *m, const struct history_entry *entry)
{
	char *text = history_format(entry);

	if (!text)
		return;
	free(m->last_history);
	m->last_history = text;
	if (update_keeps_still(m) || write_pending(m) < 0)
		retry_later(m);
}

void history_add_mark(struct manager *m, const char *id, enum mark mark)
{
	struct history_entry entry;

	if (!*id || find_ended(m, "", &entry) < 0)
		return;
	if (streq(entry.info.id, id) && add_mark(&entry, mark))
		replace_last(m, &entry);
	history_entry_clear(&entry);
}

int history_recall(struct manager *m, const char *id, struct update_info *ret)
{
	struct dirent **names;
	int n = names_of(m, &names), r = -ENOENT;

	for (int i = n - 1; i >= 0 && r < 0; i--) {
		struct history_entry entry;

		if (!is_of_update(names[i]->d_name, id) ||
		    read_entry(m, names[i]->d_name, &entry) < 0)
			continue;
		if (streq(entry.result, RUNNING))
			r = update_info_copy(&entry.info, ret);
		history_entry_clear(&entry);
	}
	names_free(names, n);
	return r;
}

void history_entries_free(struct history_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		history_entry_clear(&entries[i]);
	free(entries);
}

/* What is listed already, from memory, is not listed as it was before the jump. */
static bool is_listed(const char *name, const struct history_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (*entries[i].info.id && is_of_update(name, entries[i].info.id))
			return true;
	return false;
}

int history_list(struct manager *m, size_t limit, struct history_entry **ret, size_t *ret_n)
{
	struct history_entry *entries;
	struct dirent **names;
	int on_disk = names_of(m, &names);
	size_t n = 0, in_memory;

	/* The one at hand and one that is not on disk yet come before those that are. */
	entries = calloc((on_disk < 0 ? 0 : (size_t)on_disk) + 2, sizeof(*entries));
	if (!entries) {
		names_free(names, on_disk);
		return -ENOMEM;
	}
	if (n < limit && update_active(m))
		n += current(m, RUNNING, NULL, 0, &entries[n]) >= 0;
	if (n < limit)
		n += parse_pending(m, &entries[n]) >= 0;
	in_memory = n;
	for (int i = on_disk - 1; i >= 0 && n < limit; i--)
		if (!is_listed(names[i]->d_name, entries, in_memory))
			n += read_entry(m, names[i]->d_name, &entries[n]) >= 0;
	names_free(names, on_disk);
	*ret = entries;
	*ret_n = n;
	return 0;
}
