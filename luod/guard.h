/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard - makes PID 1 refuse what would end the guests: the start of kexec.target and reboot.target,
 * by whichever way it is asked for (a client's StartUnit, logind, Ctrl-Alt-Del, a signal).
 *
 * logind's inhibitor (inhibit-bus.c) stops only those who ask logind. So each of the targets gets a
 * run-time drop-in that requires a unit which does not exist, and the name of which says what to do
 * instead: PID 1 then refuses the whole transaction with "Unit use-luctl-update-… not found", before
 * a single service is stopped.
 *
 * There is no daemon-reload in it. PID 1 reads a target when it is asked for, unless another unit
 * refers to it, which is rare; then a drop-in counts, or still counts, from or until the next
 * daemon-reload. That must never be in the way of luod's own jump: opening makes the unit exist,
 * which PID 1 does notice by itself.
 */
#ifndef LUOD_GUARD_H
#define LUOD_GUARD_H

#include "util.h"

/*
 * @root goes before every path. -ENOENT: systemd does not run here. On failure nothing is left of
 * what was made.
 */
int guard_close(const char *root);

/* Takes away whatever is there; nothing there is no error. */
int guard_open(const char *root);

#endif
