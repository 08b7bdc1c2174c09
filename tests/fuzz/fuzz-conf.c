/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf: whatever a file says, the result is a configuration within its bounds, and every mistake is
 * told with a line that exists.
 */
#include <syslog.h>

#include "luod/conf.h"
#include "luod/util.h"

struct told {
	unsigned int lines;
};

static void on_warning(const char *file, unsigned int line, const char *message, void *userdata)
{
	const struct told *t = userdata;

	if (!streq(file, "fuzz.conf") || line < 1 || line > t->lines || !*message)
		abort();
}

static void check_bounds(const struct conf *c)
{
	if (c->jump > CONF_JUMP_SYSTEMD || c->unclaimed_policy > CONF_UNCLAIMED_FINISH)
		abort();
	if (!c->ready_timeout_usec || c->ready_timeout_usec > 3600 * USEC_PER_SEC ||
	    c->quiesce_timeout_usec > 3600 * USEC_PER_SEC ||
	    c->step_timeout_usec > 3600 * USEC_PER_SEC || !c->max_ready_timeout_usec ||
	    c->max_ready_timeout_usec > 3600 * USEC_PER_SEC || !c->claim_timeout_usec)
		abort();
	if (!c->max_sessions || c->max_sessions > 1023 || !c->max_sessions_per_user ||
	    c->max_sessions_per_user > 1023 || !c->max_resources_per_session ||
	    !c->max_bytes_per_user)
		abort();
	if (c->log_level < LOG_ERR || c->log_level > LOG_DEBUG)
		abort();
	if (*c->peer_socket != '/' || !memchr(c->peer_socket, '\0', sizeof(c->peer_socket)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told told = { .lines = 1 };
	struct conf conf;

	for (size_t i = 0; i < size; i++)
		told.lines += data[i] == '\n';
	conf_default(&conf);
	conf_parse(&conf, "fuzz.conf", (const char *)data, size, on_warning, &told);
	check_bounds(&conf);
	return 0;
}
