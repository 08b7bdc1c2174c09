/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model - what luod says, as plain structs: the one shape that verbs, tables and JSON share.
 *
 * Strings are owned by their struct. A string that luod did not send is NULL; print it through
 * strempty() or luctl_safe(). Every struct is valid when zeroed, and clearing one leaves it so.
 */
#ifndef LUCTL_MODEL_H
#define LUCTL_MODEL_H

#include "luod/util.h"

struct luctl_finding {
	char *severity; /* error, warning, info */
	char *code;	/* stable */
	char *object;
	char *message;
};

struct luctl_findings {
	struct luctl_finding *items;
	size_t count;
};

struct luctl_target {
	bool loaded;
	char *release;
	char *command_line;
	char *kernel; /* paths, as whoever loaded it named them */
	char *initrd;
	uint64_t size; /* bytes */
	bool liveupdate;
};

struct luctl_feature {
	char *name;
	bool present;
};

struct luctl_features {
	struct luctl_feature *items;
	size_t count;
};

struct luctl_manager {
	char *version;
	char *state;
	char *update_id;
	char *kernel_release;
	char *jump;
	struct luctl_target target;
	struct luctl_features features;
	struct luctl_findings findings;
	uint32_t sessions;
	char **jobs; /* object paths, NULL-terminated, or NULL */
};

struct luctl_resource {
	char *label;
	char *kind;
	uint64_t token;
	uint64_t bytes;
};

struct luctl_resources {
	struct luctl_resource *items;
	size_t count;
};

/* What of the host a resource of a session is. */
struct luctl_cover {
	char *label;   /* of the resource */
	char *address; /* of the PCI device, or the name of the link */
};

struct luctl_covers {
	struct luctl_cover *items;
	size_t count;
};

struct luctl_session {
	char *path;
	char *name;
	uint32_t uid;
	char *unit;
	char *kernel_name;
	char *mode;
	char *policy;
	char *claim_policy;
	char *unclaimed_policy;
	uint64_t claim_timeout; /* usec; USEC_INFINITY: none */
	uint64_t ready_timeout; /* usec, as it was asked for; 0: lu.conf's */
	bool owner_connected;
	char *state;
	char *reason;
	struct luctl_resources resources;
	struct luctl_covers covers;
	struct luctl_covers taps;
	char **links; /* of the host; NULL-terminated, or NULL */
	uint64_t preserved_bytes;
	char *delivered_by;
	char *update_id;
};

struct luctl_sessions {
	struct luctl_session *items;
	size_t count;
};

struct luctl_reason {
	char *code; /* stable */
	char *message;
};

struct luctl_reasons {
	struct luctl_reason *items;
	size_t count;
};

struct luctl_device {
	char *path;
	char *address;
	char *driver;
	char *node;
	char *vendor; /* hexadecimal digits, as product and class */
	char *product;
	char *class;
	char *group; /* the number of its IOMMU group */
	uint32_t group_size;
	char *iommu;
	int32_t numa_node; /* negative: none */
	char *physical_function;
	uint32_t virtual_functions;
	char *power_state;
	char *interrupts;
	char **users; /* NULL-terminated, or NULL */
	char *session;
	char *label; /* of the resource that it is there; luctl_devices_label() sets it */
	bool preservable;
	struct luctl_reasons reasons;
};

struct luctl_devices {
	struct luctl_device *items;
	size_t count;
};

struct luctl_job {
	uint32_t id;
	char *update_id;
	char *state; /* running, done, failed, cancelled */
	char *step;
	uint32_t step_number;
	uint32_t step_count;
	char *error;
	char *cause; /* "veto" and the like; of a job that is not done */
	struct luctl_findings findings;
	char **waiting; /* names of sessions, NULL-terminated, or NULL */
};

struct luctl_mark {
	char *name;
	uint64_t usec;	   /* since the first mark */
	uint64_t realtime; /* usec since the epoch */
};

struct luctl_marks {
	struct luctl_mark *items;
	size_t count;
};

struct luctl_left_behind {
	uint32_t uid;
	char *name;
	char *unit;
	char *why;
};

struct luctl_left_behinds {
	struct luctl_left_behind *items;
	size_t count;
};

struct luctl_timeline {
	char *update_id;
	char *from;
	char *to;
	char *jump;
	char *result; /* done, degraded, failed, cancelled, lost, running */
	char *error;  /* why, a sentence */
	char *reason;
	char *forced; /* findings that it went on in spite of */
	char *delivered;
	uint32_t uid;	   /* of whoever asked for it; UINT32_MAX: not known */
	char *unit;	   /* and that one's systemd unit */
	uint64_t began;	   /* usec since the epoch; USEC_INFINITY: not known */
	uint64_t ended;	   /* likewise, or not yet */
	uint64_t blackout; /* usec; USEC_INFINITY: luod did not say */
	/* sessions that it went without */
	struct luctl_left_behinds left_behind;
	struct luctl_marks marks;
};

/* An update of which nothing has been said yet. */
#define LUCTL_TIMELINE_UNKNOWN                                                     \
	{                                                                          \
		.uid = UINT32_MAX, .began = USEC_INFINITY, .ended = USEC_INFINITY, \
		.blackout = USEC_INFINITY                                          \
	}

/* Updates as a whole: without their marks, the newest first. */
struct luctl_updates {
	struct luctl_timeline *items;
	size_t count;
};

void luctl_strv_free(char **strv);
size_t luctl_strv_length(char **strv);

/* "a, b, c", or NULL when out of memory. */
char *luctl_strv_join(char **strv, const char *separator);

void luctl_findings_clear(struct luctl_findings *findings);
void luctl_target_clear(struct luctl_target *target);
void luctl_features_clear(struct luctl_features *features);
void luctl_manager_clear(struct luctl_manager *manager);
void luctl_resources_clear(struct luctl_resources *resources);
void luctl_session_clear(struct luctl_session *session);
void luctl_sessions_clear(struct luctl_sessions *sessions);
void luctl_covers_clear(struct luctl_covers *covers);
void luctl_reasons_clear(struct luctl_reasons *reasons);
void luctl_device_clear(struct luctl_device *device);
void luctl_devices_clear(struct luctl_devices *devices);
void luctl_job_clear(struct luctl_job *job);
void luctl_marks_clear(struct luctl_marks *marks);
void luctl_left_behinds_clear(struct luctl_left_behinds *left_behinds);
void luctl_timeline_clear(struct luctl_timeline *timeline);
void luctl_updates_clear(struct luctl_updates *updates);

size_t luctl_findings_count(const struct luctl_findings *findings, const char *severity);

/* The PCI address of the resource of that label, or NULL. Owned by the session. */
const char *luctl_session_device(const struct luctl_session *session, const char *label);
/* The link of the host that the resource is a queue of, or NULL. */
const char *luctl_session_link(const struct luctl_session *session, const char *label);

/* Says of each device under which label its session has it. -ENOMEM. */
int luctl_devices_label(struct luctl_devices *devices, const struct luctl_sessions *sessions);

/* How many sessions are in @state. */
size_t luctl_sessions_count(const struct luctl_sessions *sessions, const char *state);

#endif
