/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feature - what the running kernel can do, found out by trying, never by its version number.
 *
 * One table: a name (ABI of the D-Bus property Manager.Features), what it means, a probe. Probes
 * change nothing and wait for nothing; in particular none opens /dev/liveupdate, which PID 1 may
 * need at the same moment. Each answer comes with the words of what told it, for findings and for
 * `luctl status`.
 */
#ifndef LUOD_FEATURE_H
#define LUOD_FEATURE_H

#include <stdbool.h>

#include "answer.h"
#include "kimage.h"

enum feature {
	FEATURE_LIVEUPDATE,	    /* the kernel has LUO */
	FEATURE_LIVEUPDATE_ENABLED, /* … and it is switched on */
	FEATURE_KHO,		    /* kexec handover is there and on */
	FEATURE_KEXEC_FILE_LOAD,    /* kexec_file_load(2) may be used */
	FEATURE_SESSION_UNPRESERVE, /* one file can be taken out of a session again */
	FEATURE_NOEXEC_SEAL,	    /* memfds with F_SEAL_EXEC come back as they were */
	FEATURE_ABI_LIST,	    /* the kernel lists its handover ABIs */
	FEATURE_DEVICES,	    /* devices keep doing DMA through a live update */
	FEATURE_DMA_MEMORY,	    /* DMA buffers go along, and their devices with them */
	FEATURE_MAX,
};

struct features {
	struct {
		enum answer answer;
		const char *from; /* what told it; static */
	} of[FEATURE_MAX];
	/* The running kernel's formats, in the order of KIMAGE_DEVICE_FAMILIES; "" for none. */
	char device_abis[KIMAGE_N_DEVICE_FAMILIES][KIMAGE_ABI_LENGTH];
	/* The same of KIMAGE_DMA_MEMORY_FAMILIES. */
	char dma_memory_abis[KIMAGE_N_DMA_MEMORY_FAMILIES][KIMAGE_ABI_LENGTH];
};

/* @root ("" or NULL: none) goes before every path of /dev, /proc and /sys, for tests. */
void features_probe(struct features *ret, const char *root);

/* Yes, for certain. */
static inline bool features_has(const struct features *f, enum feature feature)
{
	return f->of[feature].answer == ANSWER_YES;
}

/* "liveupdate-enabled" and the like: what D-Bus and luctl say. */
const char *feature_to_string(enum feature feature);

/* One sentence: what the feature is good for. */
const char *feature_help(enum feature feature);

#endif
