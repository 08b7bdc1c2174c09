/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-world - see net-world.h. */
#include "net-world.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "luod/net-machine.h"
#include "luod/netns.h"
#include "program.h"

static void write_to(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
}

static bool enter_user_namespace(void)
{
	_cleanup_free_ char *uids = strprintf("0 %u 1\n", getuid());
	_cleanup_free_ char *gids = strprintf("0 %u 1\n", getgid());

	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	write_to("/proc/self/setgroups", "deny\n");
	write_to("/proc/self/uid_map", uids);
	write_to("/proc/self/gid_map", gids);
	return true;
}

static int cover_run(void)
{
	return mount("none", "/run", "tmpfs", 0, NULL) < 0 ||
			       mkdir(HOST_NAMESPACES_FOLDER, 0755) < 0
		       ? -errno
		       : 0;
}

int net_world_apart(void)
{
	return unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ? -errno : cover_run();
}

const char *net_world_enter(void)
{
	if (program_run_line("ip -V", NULL, NULL) != 0)
		return "ip(8) is not installed";
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 &&
	    (!enter_user_namespace() || unshare(CLONE_NEWNS | CLONE_NEWNET) < 0))
		return "namespaces cannot be made";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || cover_run() < 0)
		return "/run cannot be covered";
	return NULL;
}

void net_world_fresh(void)
{
	DIR *dir = opendir(HOST_NAMESPACES_FOLDER);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path =
			strprintf("%s/%s", HOST_NAMESPACES_FOLDER, entry->d_name);

		if (*entry->d_name == '.')
			continue;
		umount2(path, MNT_DETACH);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	if (unshare(CLONE_NEWNET) < 0)
		abort();
}

void net_world_add(const char *name)
{
	int fd = netns_new(HOST_NAMESPACES_FOLDER, name);

	if (fd < 0)
		abort();
	close(fd);
}

/* All these programs know the same options. */
static bool batch(const char *program, const char *namespace, const char *lines)
{
	_cleanup_free_ char *command =
		strprintf("%s %s %s -force -batch -", program, *namespace ? "-n" : "", namespace);

	return program_run_line(command, lines, NULL) == 0;
}

bool net_world_ip(const char *namespace, const char *lines)
{
	return batch("ip", namespace, lines);
}

bool net_world_ip6(const char *namespace, const char *lines)
{
	return batch("ip -6", namespace, lines);
}

bool net_world_bridge(const char *namespace, const char *lines)
{
	return batch("bridge", namespace, lines);
}

bool net_world_tc(const char *namespace, const char *lines)
{
	return batch("tc", namespace, lines);
}

bool net_world_has(const char *lines)
{
	bool has;

	net_world_fresh();
	has = net_world_ip("", lines);
	net_world_fresh();
	return has;
}

static int choose_all(struct net_record *links _unused_, void *userdata _unused_)
{
	return 0;
}

struct net_record net_world_read(void)
{
	static struct host host = HOST_BY_ITSELF;
	struct net_machine m = { .host = &host };

	if (net_machine_choose(&m, choose_all, NULL) < 0 || m.unread.n)
		abort();
	return net_machine_finish(&m);
}

/* --- the witness ------------------------------------------------------------------------------ */

/* Numbers of this kernel, timers, and what follows from who came up first. */
static const char *const passed_over[] = {
	"ifindex",
	"link_index",
	"link_netnsid",
	"hello_timer",
	"tcn_timer",
	"gc_timer",
	"operstate",
	"topology_change_timer",
	"timer",
	"hold_timer",
	"no",
	"port_id",
	"forward_delay_timer",
	"message_age_timer",
	"designated_port",
	"root_port",
	"id",
	"inet6_addr_gen_mode",
	"protocol",
	"bridge_id",
	"root_id",
	"tentative",
	"nodad",
	"state",
	"config_pending",
	"designated_cost",
	"designated_bridge",
	"topology_change_ack",
	"topology_change",
	"topology_change_detected",
	/* Of bonds, bridges and their ports: what those had before, and what miimon finds. */
	"perm_hwaddr",
	"min_mtu",
	"max_mtu",
	"tso_max_size",
	"tso_max_segs",
	"mii_status",
	"link_failure_count",
	"ad_info",
	"ad_aggregator_id",
	"ad_actor_oper_port_state",
	"ad_actor_oper_port_state_str",
	"ad_partner_oper_port_state",
	"ad_partner_oper_port_state_str",
	"churn_actor_state",
	"churn_partner_state",
	"active_slave",
	"num_grp",
	"fdb_n_learned",
};

/* What comes a moment later, or a second. */
static bool is_passing(const json_t *value)
{
	static const char *const words[] = { "linkdown", "NO-CARRIER", "LOWER_UP" };
	const char *text = json_string_value(value);

	for (size_t i = 0; text && i < ARRAY_SIZE(words); i++)
		if (streq(words[i], text))
			return true;
	return false;
}

static bool has_text(const json_t *object, const char *key, const char *text)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value && streq(value, text);
}

/* What the kernel gives a link when it has a carrier, and an address when nobody else has it. */
static bool comes_by_itself(const json_t *value)
{
	return has_text(value, "type", "local") || has_text(value, "type", "multicast") ||
	       has_text(value, "table", "local") || has_text(value, "dst", "fe80::/64") ||
	       (has_text(value, "family", "inet6") && has_text(value, "scope", "link"));
}

static void strip(json_t *value)
{
	const char *key;
	json_t *one;
	void *next;

	for (size_t i = json_array_size(value); i-- > 0;) {
		one = json_array_get(value, i);
		strip(one);
		if (is_passing(one) || comes_by_itself(one))
			json_array_remove(value, i);
	}
	for (size_t i = 0; json_is_object(value) && i < ARRAY_SIZE(passed_over); i++)
		json_object_del(value, passed_over[i]);
	json_object_foreach_safe(value, next, key, one)
		strip(one);
}

static json_t *ask(const char *namespace, const char *what)
{
	_cleanup_free_ char *command =
		strprintf("ip %s %s -d -j %s", *namespace ? "-n" : "", namespace, what);
	_cleanup_free_ char *text = NULL;
	json_t *json;

	program_run_line(command, NULL, &text);
	json = json_loads(strempty(text), 0, NULL);
	strip(json);
	return json ? json : json_array();
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In an order that does not depend on numbers of links. */
static json_t *sorted(json_t *list)
{
	size_t n = json_array_size(list);
	char **texts = calloc(n + 1, sizeof(*texts));
	json_t *ret = json_array();

	for (size_t i = 0; i < n; i++)
		texts[i] = json_dumps(json_array_get(list, i), JSON_SORT_KEYS | JSON_COMPACT);
	qsort(texts, n, sizeof(*texts), by_text);
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(ret, json_string(texts[i]));
		free(texts[i]);
	}
	free(texts);
	json_decref(list);
	return ret;
}

json_t *net_world_witness(const char *namespace)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "links", sorted(ask(namespace, "addr")), "routes",
			 sorted(ask(namespace, "route show table all")), "routes6",
			 sorted(ask(namespace, "-6 route show table all")), "neighbours",
			 sorted(ask(namespace, "neigh show nud permanent")));
}
