/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight - would a live update work? Answered before anything is touched.
 *
 * A table of checks over plain facts. Whoever asks gathers the facts first (struct
 * preflight_context); a check only looks at them and says what it finds. So every check can be
 * tested by writing down a situation, and checking changes nothing.
 *
 * What is found is told as findings (findings.h), each with a code from this table.
 */
#ifndef LUOD_PREFLIGHT_H
#define LUOD_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "device.h"
#include "feature.h"
#include "findings.h"
#include "kimage.h"
#include "memfd.h"
#include "net-left-out.h"
#include "net-machine.h"
#include "util.h"

/* Who loaded the image that a kexec would boot now, as far as luod can tell. */
enum preflight_loader {
	PREFLIGHT_LOADED_BY_NOBODY,
	PREFLIGHT_LOADED_BY_LUOD,
	PREFLIGHT_LOADED_BY_OTHER,
};

struct preflight_resource {
	const char *label;
	struct memfd_info memory;
	uint64_t attached_bytes; /* its size when it was given to luod */
};

struct preflight_session {
	const char *name;	 /* "<uid>/<name>", as findings say it */
	const char *kernel_name; /* "luod/<uid>/<name>" */
	bool delegation;	 /* the owner preserves for itself */
	bool required;		 /* policy; otherwise best-effort */
	bool owner_connected;
	const char *held_by; /* has an fd of its kernel session though no update runs; or NULL */
	const struct preflight_resource *resources; /* memory in custody */
	size_t n_resources;
	const char *iommufd;	/* the label of an iommufd in custody, or NULL */
	const char *dma_memory; /* the label of a DMA buffer, or NULL */
	const char *no_hwpts;	/* of one of which no page tables are named, or NULL */
};

/* A kernel session of an update that is over, which no session has any more. */
struct preflight_orphan {
	const char *name; /* "<uid>/<name>" */
	const char *kernel_name;
	const char *held_by;
};

/* A device that a session covers, or that could be covered by one. */
struct preflight_device {
	const char *address;
	const struct device_facts *facts; /* NULL: nothing of what luod knows drives it now */
	bool dma_memory;		  /* it is pci-dmamem's, or was; otherwise VFIO's */
	const struct preflight_session *session; /* that covers it, or NULL */
	char *const *users;			 /* who has it open */
	size_t n_users;
	bool group_open; /* through /dev/vfio/GROUP */
};

/* A link that a session needs, and that it will not find in the next kernel. */
struct preflight_need {
	char *session; /* "<uid>/<name>" */
	bool required; /* the session, by its policy */
	char *link;
	char *why;
	bool is_there; /* and cannot be made again; otherwise it does without it already */
};

/* The network that goes along. Zero: none is asked for. */
struct preflight_network {
	bool asked;  /* lu.conf or a session names a link */
	char *error; /* why it cannot be recorded, or NULL */
	size_t n_links;
	struct net_left_out left;      /* what of it does not go along */
	struct net_unread_list unread; /* namespaces that were not looked into */
	struct preflight_need *needs;
	size_t n_needs;
};

/* All facts. Zero means unknown or none everywhere, so that a test writes down what matters. */
struct preflight_context {
	/* the running kernel */
	const struct features *features;
	const char *running_release;
	const char *running_cmdline;
	const struct kimage *running; /* its image, where one is found; may be NULL */

	/* the next one */
	const struct kimage *target; /* NULL: none loaded */
	const char *target_path;     /* for sentences only */
	const char *target_cmdline;
	enum preflight_loader loaded_by;

	/* around luod */
	enum answer keeper_reachable;
	enum answer liveupdate_busy;  /* somebody else has the device open */
	enum answer shutdown_refused; /* logind holds off shutdowns for the sessions */
	uint64_t memory_available;    /* bytes; 0: not known */

	const struct preflight_session *sessions;
	size_t n_sessions;
	const struct preflight_orphan *orphans;
	size_t n_orphans;

	const struct preflight_device *devices;
	size_t n_devices;
	bool devices_left_out; /* there are more than luod keeps */

	const struct preflight_network *network; /* NULL: none */
};

/*
 * Runs every check of the table. @ret is filled, most severe first; the caller frees it with
 * findings_free(). -ENOMEM when a finding could not be recorded.
 */
int preflight_run(const struct preflight_context *context, struct findings *ret);

/*
 * As preflight_run(), of the checks alone that are about one device each: what can change while an
 * update is being prepared, because somebody opens, adds or removes one. Of @context only features,
 * sessions and devices are looked at.
 */
int preflight_run_devices(const struct preflight_context *context, struct findings *ret);

/*
 * Why the running kernel would not hand @device over as it is now: findings about that device alone,
 * none when it would. Of @context only the features are looked at. As preflight_run() otherwise.
 */
int preflight_device_reasons(const struct preflight_context *context,
			     const struct preflight_device *device, struct findings *ret);

/* The table of codes, for the manual. @index counts from 0; NULL behind the end. */
struct preflight_code {
	const char *code;
	enum severity severity; /* the highest it can have */
	const char *help;
};

const struct preflight_code *preflight_code_by_index(size_t index);

#endif
