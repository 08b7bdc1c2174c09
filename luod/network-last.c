/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-last - see network-last.h. */
#include "network-last.h"

#include "limits.h"
#include "log.h"
#include "net-json.h"

static char *path_of(const struct manager *m)
{
	return strprintf("%s/network.json", m->paths.run);
}

void network_last_keep(const struct manager *m, const struct net_record *record)
{
	_cleanup_free_ char *path = path_of(m), *text = NULL;
	json_t *json = json_pack("{s:s, s:o}", "update-id", m->update.info.id, "namespaces",
				 net_record_to_json(record));
	int r = -ENOMEM;

	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (path && text)
		r = file_replace(path, text, strlen(text), 0600);
	if (r < 0)
		log_warning_errno(r,
				  "The network's record cannot be kept, and 'luctl net' will not "
				  "know it: %m");
}

static int from_json(const json_t *json, struct net_record *ret, char **ret_error)
{
	const json_t *namespaces = json_is_object(json) ? json_object_get(json, "namespaces")
							: json;

	if (!json_is_array(namespaces)) {
		*ret_error = strdup("it is no list of namespaces, nor an object with one");
		return -EINVAL;
	}
	return net_record_from_json(namespaces, ret, ret_error);
}

int network_record_from_text(const char *text, struct net_record *ret, char **ret_error)
{
	json_error_t e;
	json_t *json;
	int r;

	if (strlen(text) > LIMIT_NET) {
		*ret_error = strprintf("it is larger than %u MiB", LIMIT_NET >> 20);
		return -E2BIG;
	}
	json = json_loads(text, JSON_REJECT_DUPLICATES, &e);
	if (!json) {
		*ret_error = strprintf("line %d: %s", e.line, e.text);
		return -EINVAL;
	}
	r = from_json(json, ret, ret_error);
	json_decref(json);
	return r;
}

int network_last_read(const struct manager *m, struct net_record *ret, char **ret_id)
{
	_cleanup_free_ char *path = path_of(m), *text = NULL, *error = NULL, *id = NULL;
	struct net_record record;
	json_t *json;
	size_t size;
	int r;

	if (!path)
		return -ENOMEM;
	r = file_read_full(path, LIMIT_NET, &text, &size);
	if (r < 0)
		return r;
	json = json_loads(text, 0, NULL);
	id = strdup(strempty(json_string_value(json_object_get(json, "update-id"))));
	r = from_json(json, &record, &error);
	json_decref(json);
	if (r < 0) {
		log_error_errno(r, "%s is not usable: %s", path, strempty(error));
		return r;
	}
	if (!id) {
		net_record_clear(&record);
		return -ENOMEM;
	}
	*ret = record;
	*ret_id = TAKE_PTR(id);
	return 0;
}
