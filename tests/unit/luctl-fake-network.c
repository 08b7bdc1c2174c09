/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network of the played luod: a bridge with a TAP link, and what has become of them. */
#include "luctl-fake-server.h"

#define RECORD                                                                                       \
	"[{\"name\": \"\", \"links\": ["                                                             \
	"{\"name\": \"br0\", \"kind\": \"bridge\", \"mac\": \"02:00:00:00:00:01\", \"addresses\": [" \
	"{\"local\": \"192.0.2.1/24\"}, {\"local\": \"2001:db8::1/64\"}]}, "                         \
	"{\"name\": \"tap0\", \"kind\": \"tun\", \"master\": \"br0\"}], "                            \
	"\"routes\": [{\"destination\": \"198.51.100.0/24\"}]}, "                                    \
	"{\"name\": \"guest\", \"links\": [{\"name\": \"x\\u001b[2J\", \"kind\": \"other\", "        \
	"\"kind-name\": \"vxlan\", \"lower\": \"eth0\", \"lower-namespace\": \"\"}], "               \
	"\"routes\": []}]"

int fake_get_network(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;
	const char *source;

	if (fake_fails(s, m, error) || sd_bus_message_read(m, "s", &source) < 0)
		return -EINVAL;
	return sd_bus_reply_method_return(m, "ss", streq(source, "last") ? FAKE_ID : "",
					  s->script->no_network ? "[]" : RECORD);
}

int fake_compare_network(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;
	const char *record;

	if (fake_fails(s, m, error) || sd_bus_message_read(m, "s", &record) < 0)
		return -EINVAL;
	if (*record && !strstr(record, "namespaces"))
		return sd_bus_error_set(error, "org.luod1.Error.InvalidRecord", "No namespaces.");
	if (s->script->no_network)
		return sd_bus_reply_method_return(m, "a(sssss)", 0);
	return sd_bus_reply_method_return(m, "a(sssss)", 3, "", "br0", "settings.mtu", "1400",
					  "1500", "guest", "tap0", "", "{\"name\": \"tap0\"}", "",
					  "", "routes", "", "", "{\"table\": 254}");
}

/* With a record from a file one link fails. */
int fake_replay_network(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;
	const char *record;

	if (fake_fails(s, m, error) || sd_bus_message_read(m, "s", &record) < 0)
		return -EINVAL;
	if (s->script->no_network)
		return sd_bus_reply_method_return(m, "a(ssss)", 1, "", "br0", "same", "");
	return sd_bus_reply_method_return(m, "a(ssss)", 3, "", "br0", "conflict",
					  "mtu is 1500, not 1400", "guest", "tap0",
					  *record ? "failed" : "made",
					  *record ? "No such device" : "", "", "eth0", "same", "");
}
