/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target - the kernel that the next update jumps into: what was loaded, and what is known of it.
 *
 * The image is copied to a sealed memfd first, judged there, and loaded from there, so that what
 * Check speaks of is what will run. Owns the copy and the strings.
 */
#ifndef LUOD_TARGET_H
#define LUOD_TARGET_H

#include "kimage.h"
#include "util.h"

struct target {
	bool loaded;
	int image_fd;  /* sealed, read-only */
	int initrd_fd; /* likewise; -EBADF: none */
	struct kimage image;
	char *command_line;
	char *kernel_path, *initrd_path; /* as the caller called them; for display only */
};

#define TARGET_EMPTY                                    \
	{                                               \
		.image_fd = -EBADF, .initrd_fd = -EBADF \
	}

void target_clear(struct target *t);

/*
 * Loads @kernel (and @initrd unless negative) with @command_line, in place of what was loaded.
 * On failure *t is as before and *ret_error has a sentence for the caller (freed by it).
 */
int target_load(struct target *t, int kernel, int initrd, const char *command_line,
		const char *kernel_path, const char *initrd_path, char **ret_error);

int target_unload(struct target *t);

/*
 * Loads the same once more: whatever somebody else has loaded or unloaded meanwhile, what was
 * checked is what the next kexec boots.
 */
int target_load_again(const struct target *t);

/* Takes up the image of a target that an earlier luod loaded; consumes @image_fd. */
int target_adopt(struct target *t, int image_fd);

/* "7.3.4-luod", or "?" when the image does not say. */
const char *target_release(const struct target *t);

#endif
