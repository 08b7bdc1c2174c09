/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kimage-note - the list of handover ABIs that a kernel carries in its ELF notes.
 *
 * A bzImage has a copy of them that need not be decompressed: in a chunk of its kernel_info, a
 * structure that the setup header points to. Sizes in there are not to be trusted; what does not fit
 * is taken for the end of the list.
 *
 * Private to kimage.
 */
#ifndef LUOD_KIMAGE_NOTE_H
#define LUOD_KIMAGE_NOTE_H

#include <stddef.h>

#include "kimage.h"

/* Takes one note, if it is one of ours: @image then has a list, with this ABI in it. */
void kimage_note_take(struct kimage *image, uint32_t type, const char *name, size_t name_size,
		      const char *desc, size_t desc_size);

/* Takes all notes of a kernel_info, which begins at @info and is at most @size bytes long. */
void kimage_note_read_info(struct kimage *image, const char *info, size_t size);

#endif
