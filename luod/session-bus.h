/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session-bus - what the files that serve org.luod1.Session share: who may call what when, and the
 * methods that are in the vtable of session-bus.c and written elsewhere. All require_ functions
 * return 0, or a negative errno with the D-Bus error set.
 */
#ifndef LUOD_SESSION_BUS_H
#define LUOD_SESSION_BUS_H

#include "log.h"
#include "manager-bus.h"

/* Sets the error WrongState: @what, and the state that the session is in. */
int session_wrong_state(const struct session *s, const char *what, sd_bus_error *error);
int session_require_mode(const struct session *s, enum session_mode mode, sd_bus_error *error);
int session_require_idle(const struct session *s, sd_bus_error *error);
/* Announces that, and writes it down. */
void session_resources_changed(struct session *s);

/* session-resource-bus.c */
int session_require_label(struct session *s, const char *label, sd_bus_error *error);
/* Whether the caller may give luod something now: its owner, into custody, while no update runs. */
int session_require_giving(struct session *s, sd_bus_message *m, sd_bus_error *error);
/* A label that can be one, room for one resource more, and for its fd in luod's store. */
int session_require_place(struct session *s, const char *label, sd_bus_error *error);
/* What a user may have in its sessions. @before: of the bytes, what their place had until now. */
int session_require_bytes(struct session *s, uint64_t bytes, uint64_t before, sd_bus_error *error);
int session_require_resource(struct session *s, const char *label, struct resource **ret,
			     sd_bus_error *error);
int session_resource_exists(struct session *s, const char *label, sd_bus_error *error);
/* Whose resource of that kind is the same open file, of kinds that have no inode of their own; or NULL. */
const struct session *session_holder_of(struct manager *m, enum resource_kind kind, int fd);
/* Sets the error NotPreservable: @why, and whose it is if it is somebody's. */
int session_not_preservable(const char *why, const struct session *holder, sd_bus_error *error);
/* Said again for a label it replaces what was said before. */
int session_declare(struct session *s, const char *label, enum resource_kind kind, uint64_t token,
		    uint64_t bytes, struct resource **ret, sd_bus_error *error);
/* Gives a file into custody under the next token; @copy is consumed on success. */
int session_take_custody(struct session *s, const char *label, enum resource_kind kind,
			 uint64_t bytes, int *copy, struct resource **ret, sd_bus_error *error);

int method_attach_memory(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_detach(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_get_resource(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_get_session_fd(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_declare_resource(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* session-device-bus.c */
int method_attach_iommufd(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_attach_device(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_declare_device(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_get_areas(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_reattach(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* session-dma-bus.c */
int method_attach_dma_memory(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* session-link-bus.c */
int method_attach_tap(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_set_links(sd_bus_message *m, void *userdata, sd_bus_error *error);

#endif
