/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history - see history.h. */
#include "history.h"

#include <dirent.h>
#include <jansson.h>
#include <sys/stat.h>

#include "log.h"
#include "manager.h"

#define ENTRY_SIZE_MAX (256U << 10)
#define ENTRIES_KEPT   100
#define RETRY_USEC     (2 * USEC_PER_SEC)

void history_entry_clear(struct history_entry *entry)
{
	update_info_clear(&entry->info);
	free(entry->result);
	free(entry->error);
	free(entry->delivered);
	*entry = (struct history_entry){};
}

static void add_marks(const struct timeline_page *page, struct history_entry *entry)
{
	for (enum mark mark = 0; mark < MARK_MAX; mark++) {
		struct history_mark *m = &entry->marks[entry->n_marks];

		if (!timeline_get(page, mark, &m->usec))
			continue;
		m->mark = mark;
		m->realtime_usec = page->marks[mark].realtime_usec;
		entry->n_marks++;
	}
}

int history_current(struct manager *m, const char *result, const char *error,
		    struct history_entry *ret)
{
	struct history_entry entry = {};

	if (!m->update.timeline.page)
		return -ENOENT;
	if (update_info_copy(&m->update.info, &entry.info) < 0 ||
	    free_and_strdup(&entry.result, result) < 0 ||
	    free_and_strdup(&entry.error, strempty(error)) < 0 ||
	    free_and_strdup(&entry.delivered, delivery_to_string(m->delivery)) < 0) {
		history_entry_clear(&entry);
		return -ENOMEM;
	}
	add_marks(m->update.timeline.page, &entry);
	entry.has_blackout = timeline_blackout(m->update.timeline.page, &entry.blackout_usec);
	*ret = entry;
	return 0;
}

static json_t *entry_to_json(const struct history_entry *entry)
{
	json_t *marks = json_array(), *root;

	for (unsigned int i = 0; i < entry->n_marks; i++)
		json_array_append_new(marks,
				      json_pack("{s:s, s:I, s:I}", "name",
						mark_to_string(entry->marks[i].mark), "usec",
						(json_int_t)entry->marks[i].usec, "realtime-usec",
						(json_int_t)entry->marks[i].realtime_usec));
	root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "update-id",
			 entry->info.id, "from", strempty(entry->info.from), "to",
			 strempty(entry->info.to), "jump", conf_jump_to_string(entry->info.jump),
			 "reason", strempty(entry->info.reason), "result", strempty(entry->result),
			 "error", strempty(entry->error), "delivered", strempty(entry->delivered),
			 "marks", marks);
	if (root && entry->has_blackout)
		json_object_set_new(root, "blackout-usec",
				    json_integer((json_int_t)entry->blackout_usec));
	return root;
}

static int copy_string(json_t *root, const char *key, char **ret)
{
	return free_and_strdup(ret, strempty(json_string_value(json_object_get(root, key))));
}

static void read_mark(json_t *o, struct history_entry *entry)
{
	const char *name = json_string_value(json_object_get(o, "name"));
	int mark = name ? mark_from_string(name) : -EINVAL;
	struct history_mark *m = &entry->marks[entry->n_marks];

	/* A mark of a newer luod is not shown by an older one. */
	if (mark < 0 || entry->n_marks == TIMELINE_MARKS)
		return;
	m->mark = (enum mark)mark;
	m->usec = (uint64_t)json_integer_value(json_object_get(o, "usec"));
	m->realtime_usec = (uint64_t)json_integer_value(json_object_get(o, "realtime-usec"));
	entry->n_marks++;
}

static int entry_from_json(json_t *root, struct history_entry *ret)
{
	const char *id = json_string_value(json_object_get(root, "update-id"));
	const char *jump = json_string_value(json_object_get(root, "jump"));
	json_t *marks = json_object_get(root, "marks"), *o;
	json_t *blackout = json_object_get(root, "blackout-usec");
	struct history_entry entry = {};
	size_t i;

	if (!id || strlen(id) >= sizeof(entry.info.id) || !jump ||
	    conf_jump_from_string(jump, &entry.info.jump) < 0)
		return -EBADMSG;
	memcpy(entry.info.id, id, strlen(id) + 1);
	if (copy_string(root, "from", &entry.info.from) < 0 ||
	    copy_string(root, "to", &entry.info.to) < 0 ||
	    copy_string(root, "reason", &entry.info.reason) < 0 ||
	    copy_string(root, "result", &entry.result) < 0 ||
	    copy_string(root, "error", &entry.error) < 0 ||
	    copy_string(root, "delivered", &entry.delivered) < 0) {
		history_entry_clear(&entry);
		return -ENOMEM;
	}
	json_array_foreach(marks, i, o)
		read_mark(o, &entry);
	entry.has_blackout = json_is_integer(blackout);
	entry.blackout_usec = (uint64_t)json_integer_value(blackout);
	*ret = entry;
	return 0;
}

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

static void drop_oldest(const char *directory)
{
	struct dirent **names;
	int n = scandir(directory, &names, is_entry, alphasort);

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = strprintf("%s/%s", directory, names[i]->d_name);

		if (path && i < n - ENTRIES_KEPT)
			unlink(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void retry_later(struct manager *m);

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

static int parse_entry(const char *text, size_t size, struct history_entry *ret)
{
	json_t *root = json_loadb(text, size, 0, NULL);
	int r = root ? entry_from_json(root, ret) : -EBADMSG;

	json_decref(root);
	return r;
}

/* Asks the text whose it is: when it is written late, another update may be at hand already. */
static int write_pending(struct manager *m)
{
	_cleanup_free_ char *path = NULL;
	struct history_entry entry;
	int r = parse_entry(m->last_history, strlen(m->last_history), &entry);

	if (r < 0)
		return r;
	path = entry_path(m, entry.info.id);
	history_entry_clear(&entry);
	if (!path)
		return -ENOMEM;
	r = make_directories(m->paths.history);
	if (r < 0)
		return r;
	drop_oldest(m->paths.history);
	return file_write_atomic(path, m->last_history, strlen(m->last_history), 0644);
}

/*
 * luod starts before the root file system is writable, and an update may be finished before that
 * too: what cannot be written yet is tried again. Meanwhile it is known from memory.
 */
static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;

	m->history_timer = sd_event_source_disable_unref(m->history_timer);
	if (m->last_history && write_pending(m) < 0)
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
	json_t *json;
	char *text;
	int r = history_current(m, result, error, &entry);

	if (r < 0) {
		log_warning_errno(r, "There is no timeline of update %s to remember: %m",
				  m->update.info.id);
		return;
	}
	json = entry_to_json(&entry);
	text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	json_decref(json);
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

static int read_entry(struct manager *m, const char *name, struct history_entry *ret)
{
	_cleanup_free_ char *path = strprintf("%s/%s", m->paths.history, name), *text = NULL;
	size_t size;
	int r;

	if (!path)
		return -ENOMEM;
	r = file_read_full(path, ENTRY_SIZE_MAX, &text, &size);
	return r < 0 ? r : parse_entry(text, size, ret);
}

/* The newest file that is readable and of this id; "" is every id's. */
static int find_on_disk(struct manager *m, const char *id, struct history_entry *ret)
{
	struct dirent **names;
	int n = scandir(m->paths.history, &names, is_entry, alphasort), r = -ENOENT;

	for (int i = n - 1; i >= 0; i--) {
		if (r < 0 && is_of_update(names[i]->d_name, id))
			r = read_entry(m, names[i]->d_name, ret);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return r < 0 ? -ENOENT : 0;
}

int history_find(struct manager *m, const char *id, struct history_entry *ret)
{
	if (update_active(m) && (isempty(id) || streq(id, m->update.info.id)))
		return history_current(m, "running", NULL, ret);
	if (m->last_history) {
		int r = parse_entry(m->last_history, strlen(m->last_history), ret);

		if (r >= 0 && (isempty(id) || streq(id, ret->info.id)))
			return 0;
		if (r >= 0)
			history_entry_clear(ret);
	}
	return find_on_disk(m, id, ret);
}
