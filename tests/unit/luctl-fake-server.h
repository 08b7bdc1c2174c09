/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * luctl-fake-server - what the files of the played luod share, in its own process.
 *
 * luctl-fake.c runs it, luctl-fake-state.c has what its objects say, luctl-fake-calls.c answers.
 */
#ifndef TESTS_LUCTL_FAKE_SERVER_H
#define TESTS_LUCTL_FAKE_SERVER_H

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "luctl-fake.h"

#define FAKE_BUSES_MAX 8

struct fake_server {
	const struct fake_script *script;
	sd_event *event;
	sd_bus *buses[FAKE_BUSES_MAX];
	unsigned int next_bus;
	unsigned int next_step;
	const char *step, *waiting, *job_state, *job_error, *job_cause;
	uint32_t number;
	bool job_findings, has_job, ticks;
};

typedef int fake_property(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error);
typedef int fake_method(sd_bus_message *m, void *userdata, sd_bus_error *error);

int fake_findings(sd_bus_message *m, bool errors);
/* Whether the script lets this call fail; @error says how. */
bool fake_fails(struct fake_server *s, sd_bus_message *m, sd_bus_error *error);
fake_property fake_get_manager, fake_get_wrong, fake_get_session, fake_get_device;
fake_method fake_load, fake_check, fake_update, fake_plain, fake_close, fake_updates, fake_timeline,
	fake_noise, fake_get_network, fake_compare_network, fake_replay_network;

#endif
