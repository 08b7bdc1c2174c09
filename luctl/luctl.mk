# SPDX-License-Identifier: GPL-2.0-or-later
# The operator's command line: one file for each family of verbs, main.c apart for the tests' sake.
LUCTL_SOURCES := \
	luctl/bus.c \
	luctl/bus-error.c \
	luctl/bus-follow.c \
	luctl/bus-json.c \
	luctl/bus-object.c \
	luctl/bus-read.c \
	luctl/check.c \
	luctl/devices.c \
	luctl/history.c \
	luctl/json.c \
	luctl/load.c \
	luctl/main.c \
	luctl/model.c \
	luctl/net.c \
	luctl/options.c \
	luctl/output.c \
	luctl/phase.c \
	luctl/run.c \
	luctl/sessions.c \
	luctl/status.c \
	luctl/svg.c \
	luctl/table.c \
	luctl/timeline.c \
	luctl/update.c \
	luctl/watch.c
LUCTL_PKGS := libsystemd smartcols jansson
