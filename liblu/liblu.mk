# SPDX-License-Identifier: LGPL-2.1-or-later
# What liblu.so.1 and its unit tests are made of; the rules are the top Makefile's.
LIBLU_SOURCES := \
	liblu/lu.c \
	liblu/lu-link.c \
	liblu/lu-reclaim.c \
	liblu/lu-event.c \
	liblu/lu-session.c \
	liblu/lu-resource.c \
	liblu/lu-custody.c \
	liblu/lu-properties.c \
	liblu/lu-call.c \
	liblu/lu-kernel.c \
	liblu/lu-device.c \
	liblu/lu-dma-memory.c \
	liblu/lu-util.c
