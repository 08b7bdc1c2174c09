/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - one line to the journal (structured, with a MESSAGE_ID where operators may want to act on
 * it) or, when stderr is not the journal, to stderr.
 *
 * Whoever decides logs, once; kdev-*, parsers and util never above debug. Every line of a running
 * update carries the field LUOD_UPDATE_ID, so that `journalctl LUOD_UPDATE_ID=…` shows both sides
 * of the jump. The only state is the level and that id: both process-wide by nature.
 */
#ifndef LUOD_LOG_H
#define LUOD_LOG_H

#include <syslog.h>

#include "util.h"

/* Journal catalog identifiers; the texts are in units/luod.catalog. */
#define LUOD_MESSAGE_UPDATE_STARTED	"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e01"
#define LUOD_MESSAGE_UPDATE_ABORTED	"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e02"
#define LUOD_MESSAGE_JUMPING		"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e03"
#define LUOD_MESSAGE_RESTORED		"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e04"
#define LUOD_MESSAGE_UPDATE_FINISHED	"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e05"
#define LUOD_MESSAGE_DEGRADED		"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e06"
#define LUOD_MESSAGE_SESSION_VETO	"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e07"
#define LUOD_MESSAGE_CLAIM_REFUSED	"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e08"
#define LUOD_MESSAGE_CONFIG_PROBLEM	"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e09"
#define LUOD_MESSAGE_KERNEL_UNSUPPORTED "8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e0a"
#define LUOD_MESSAGE_UPDATE_LOST	"8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e0b"

void log_set_level(int level);
int log_get_level(void);

/* The id that lines carry from now on; NULL for none. */
void log_set_update_id(const char *id);

/* @error: negative errno or 0; its text stands for %m in @format. Returns @error. */
int log_full(int level, int error, const char *message_id, const char *file, int line,
	     const char *format, ...) _printf_(6, 7);

#define log_at(level, error, id, ...) log_full(level, error, id, __FILE__, __LINE__, __VA_ARGS__)

#define log_debug(...)	 log_at(LOG_DEBUG, 0, NULL, __VA_ARGS__)
#define log_info(...)	 log_at(LOG_INFO, 0, NULL, __VA_ARGS__)
#define log_notice(...)	 log_at(LOG_NOTICE, 0, NULL, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, 0, NULL, __VA_ARGS__)
#define log_error(...)	 log_at(LOG_ERR, 0, NULL, __VA_ARGS__)

#define log_debug_errno(error, ...)   log_at(LOG_DEBUG, error, NULL, __VA_ARGS__)
#define log_info_errno(error, ...)    log_at(LOG_INFO, error, NULL, __VA_ARGS__)
#define log_warning_errno(error, ...) log_at(LOG_WARNING, error, NULL, __VA_ARGS__)
#define log_error_errno(error, ...)   log_at(LOG_ERR, error, NULL, __VA_ARGS__)

/* With a catalog id, for what an operator may want to find again. */
#define log_message(level, id, ...) log_at(level, 0, id, __VA_ARGS__)

static inline int log_oom(void)
{
	return log_error_errno(-ENOMEM, "Out of memory");
}

#endif
