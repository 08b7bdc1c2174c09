/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kimage-note - see kimage-note.h. */
#include "kimage-note.h"

#include <elf.h>
#include <endian.h>
#include <string.h>

/* Kernel: Documentation/arch/x86/boot.rst. Both begin with four characters and a size. */
struct chunk {
	char magic[4];
	uint32_t size; /* of the whole chunk; of the fixed part, in the first one */
};

struct info {
	struct chunk fixed;
	uint32_t size_total;
};

void kimage_note_take(struct kimage *image, uint32_t type, const char *name, size_t name_size,
		      const char *desc, size_t desc_size)
{
	if (type != KIMAGE_NOTE_ABI || name_size != sizeof(KIMAGE_NOTE_OWNER) ||
	    memcmp(name, KIMAGE_NOTE_OWNER, sizeof(KIMAGE_NOTE_OWNER)) != 0)
		return;
	image->has_abi_list = true;
	if (desc_size < 2 || desc_size > KIMAGE_ABI_LENGTH || image->n_abis == KIMAGE_ABIS_MAX ||
	    memchr(desc, '\0', desc_size) != desc + desc_size - 1)
		return;
	memcpy(image->abis[image->n_abis++], desc, desc_size);
}

static size_t padded(uint32_t size)
{
	return ((size_t)size + 3) & ~(size_t)3;
}

static void read_notes(struct kimage *image, const char *notes, size_t size)
{
	Elf32_Nhdr n;

	while (size >= sizeof(n)) {
		size_t name_room, desc_room;

		memcpy(&n, notes, sizeof(n));
		notes += sizeof(n);
		size -= sizeof(n);
		name_room = padded(le32toh(n.n_namesz));
		desc_room = padded(le32toh(n.n_descsz));
		if (name_room > size || desc_room > size - name_room)
			return;
		kimage_note_take(image, le32toh(n.n_type), notes, le32toh(n.n_namesz),
				 notes + name_room, le32toh(n.n_descsz));
		notes += name_room + desc_room;
		size -= name_room + desc_room;
	}
}

void kimage_note_read_info(struct kimage *image, const char *info, size_t size)
{
	struct info header;
	struct chunk chunk;
	size_t at, end;

	if (size < sizeof(header))
		return;
	memcpy(&header, info, sizeof(header));
	if (memcmp(header.fixed.magic, "LToP", 4) != 0 ||
	    le32toh(header.fixed.size) < sizeof(header))
		return;
	end = le32toh(header.size_total) < size ? le32toh(header.size_total) : size;
	for (at = le32toh(header.fixed.size); at < end && end - at >= sizeof(chunk);
	     at += le32toh(chunk.size)) {
		memcpy(&chunk, info + at, sizeof(chunk));
		if (le32toh(chunk.size) < sizeof(chunk) || le32toh(chunk.size) > end - at)
			return;
		if (memcmp(chunk.magic, "NOTE", 4) == 0)
			read_notes(image, info + at + sizeof(chunk),
				   le32toh(chunk.size) - sizeof(chunk));
	}
}
