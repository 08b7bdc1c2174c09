/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-properties - what luod says of a session, by GetAll or PropertiesChanged, and what follows
 * from it for the client. A property that is unknown here is skipped: luod may be newer.
 */
#include "lu-private.h"

/* One reading, applied to the session only when all of it could be read. */
struct reading {
	const char *state;
	const char *reason;
	const char *update_id;
	const char *mode;
	bool has_resources;
	struct lu_session_resource *resources;
	size_t n_resources;
};

static void free_resources(struct lu_session_resource *resources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(resources[i].label);
		free(resources[i].kind);
	}
	free(resources);
}

void lu_session_drop_resources(struct lu_session *s)
{
	free_resources(s->resources, s->n_resources);
	s->resources = NULL;
	s->n_resources = 0;
}

static int add_resource(struct reading *reading, const char *label, const char *kind,
			uint64_t token, uint64_t bytes)
{
	struct lu_session_resource *grown, *resource;

	grown = reallocarray(reading->resources, reading->n_resources + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	reading->resources = grown;
	resource = &grown[reading->n_resources++];
	*resource = (struct lu_session_resource){
		.label = strdup(label),
		.kind = strdup(kind),
		.token = token,
		.bytes = bytes,
	};
	return resource->label && resource->kind ? 0 : -ENOMEM;
}

static int read_resources(struct reading *reading, sd_bus_message *m)
{
	const char *label, *kind;
	uint64_t token, bytes;
	int r;

	r = sd_bus_message_enter_container(m, 'v', "a(sstt)");
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(sstt)");
	if (r < 0)
		return r;
	reading->has_resources = true;
	while ((r = sd_bus_message_read(m, "(sstt)", &label, &kind, &token, &bytes)) > 0) {
		r = add_resource(reading, label, kind, token, bytes);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_property(struct reading *reading, const char *name, sd_bus_message *m)
{
	const struct {
		const char *name;
		const char **where;
	} strings[] = {
		{ "State", &reading->state },
		{ "Reason", &reading->reason },
		{ "UpdateId", &reading->update_id },
		{ "Mode", &reading->mode },
	};

	for (size_t i = 0; i < LU_ARRAY_SIZE(strings); i++)
		if (strcmp(strings[i].name, name) == 0)
			return sd_bus_message_read(m, "v", "s", strings[i].where);
	if (strcmp(name, "Resources") == 0)
		return read_resources(reading, m);
	return sd_bus_message_skip(m, "v");
}

static int read_all(struct reading *reading, sd_bus_message *m)
{
	const char *name;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &name);
		if (r >= 0)
			r = read_property(reading, name, m);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Keeps the old text when there is no memory for the new one: it is for people only. */
static void replace(char **where, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return;
	free(*where);
	*where = copy;
}

void lu_session_set_state(struct lu_session *s, enum lu_state state, const char *reason,
			  bool announce)
{
	bool changed = s->state != state;

	s->state = state;
	replace(&s->reason, lu_strempty(reason));
	/* Neither state has a kernel session that a duplicate could keep alive for good reason. */
	if (state == LU_STATE_IDLE || state == LU_STATE_LOST)
		s->kernel_fd = lu_close_fd(s->kernel_fd);
	if (changed && announce)
		lu_event_push(s->lu, LU_EVENT_STATE, s, NULL, reason, 0);
}

static void apply(struct lu_session *s, struct reading *reading, bool announce)
{
	if (reading->mode)
		s->mode = lu_mode_from_string(reading->mode);
	if (reading->update_id)
		replace(&s->update_id, reading->update_id);
	if (reading->has_resources) {
		lu_session_drop_resources(s);
		s->resources = reading->resources;
		s->n_resources = reading->n_resources;
	}
	if (reading->state)
		lu_session_set_state(s, lu_state_from_string(reading->state),
				     reading->reason ? reading->reason : s->reason, announce);
	else if (reading->reason)
		replace(&s->reason, reading->reason);
}

int lu_session_read_properties(struct lu_session *s, sd_bus_message *m, bool announce)
{
	struct reading reading = { 0 };
	int r;

	r = read_all(&reading, m);
	if (r < 0) {
		free_resources(reading.resources, reading.n_resources);
		return r == -ENOMEM ? r : -EPROTO;
	}
	apply(s, &reading, announce);
	return 0;
}

void lu_session_cancelled(struct lu_session *s, const char *update_id, const char *reason)
{
	s->kernel_fd = lu_close_fd(s->kernel_fd);
	lu_event_push(s->lu, LU_EVENT_CANCELLED, s, update_id, reason, 0);
	free(s->announced);
	s->announced = NULL;
}
