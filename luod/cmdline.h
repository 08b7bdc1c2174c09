/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmdline - a kernel's command line, read the way the kernel reads it (lib/cmdline.c,
 * kernel/params.c, lib/kstrtox.c).
 *
 * Words are separated by white space outside of double quotes, "--" ends what is the kernel's,
 * '-' and '_' are the same in a name, the last of several wins, and a value that is no truth value
 * leaves what was there before. Nothing here does I/O.
 */
#ifndef LUOD_CMDLINE_H
#define LUOD_CMDLINE_H

#include "answer.h"

/* What the early parameter @name would be set to: ANSWER_UNKNOWN when nothing sets it. */
enum answer cmdline_get_bool(const char *cmdline, const char *name);

/*
 * Which of two options stands last in the values of @name, which are lists with commas as in
 * "intel_iommu=on,sm_off"; each is known by how it begins, as the kernel does it. @yes or @no may be
 * NULL.
 */
enum answer cmdline_get_option(const char *cmdline, const char *name, const char *yes,
			       const char *no);

/*
 * A copy of @cmdline without what a boot loader put there for this boot only: BOOT_IMAGE= and
 * initrd=. For loading the next kernel with the running one's command line. The caller frees it;
 * NULL when out of memory.
 */
char *cmdline_for_next(const char *cmdline);

#endif
