/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-kernel - see fake-kernel.h. Runs out of memory by abort(): it is for tests only. */
#include "fake-kernel.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>

#include "luod/util.h"

#define SETUP_SECTORS 4
#define SETUP_SIZE    ((SETUP_SECTORS + 1) * 512)

struct buffer {
	char *data;
	size_t size;
};

static void append(struct buffer *b, const void *data, size_t size)
{
	b->data = realloc(b->data, b->size + size + 1);
	if (!b->data)
		abort();
	if (data)
		memcpy(b->data + b->size, data, size);
	else
		memset(b->data + b->size, 0, size);
	b->size += size;
}

static void append_string(struct buffer *b, const char *text)
{
	append(b, text, strlen(text) + 1);
}

static la_ssize_t on_write(struct archive *a, void *userdata, const void *data, size_t size)
{
	(void)a;
	append(userdata, data, size);
	return (la_ssize_t)size;
}

static void pack_with(int (*filter)(struct archive *), const struct buffer *in, struct buffer *out)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_filetype(entry, AE_IFREG);
	if (filter(a) != ARCHIVE_OK || archive_write_set_format_raw(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, 0) != ARCHIVE_OK ||
	    archive_write_open(a, out, NULL, on_write, NULL) != ARCHIVE_OK ||
	    archive_write_header(a, entry) != ARCHIVE_OK ||
	    archive_write_data(a, in->data, in->size) != (la_ssize_t)in->size ||
	    archive_write_close(a) != ARCHIVE_OK)
		abort();
	archive_entry_free(entry);
	archive_write_free(a);
}

/* The legacy frame that the kernel's build makes; each block is one run of literals. */
static void pack_lz4(const struct buffer *in, struct buffer *out)
{
	static const size_t block = 8U << 20;

	append(out, "\x02\x21\x4c\x18", 4);
	for (size_t at = 0; at < in->size; at += block) {
		size_t n = in->size - at < block ? in->size - at : block, left;
		size_t size_at = out->size;
		uint32_t size;

		append(out, NULL, 4);
		append(out, n < 15 ? &(char){ (char)(n << 4) } : "\xf0", 1);
		if (n >= 15) {
			for (left = n - 15; left >= 255; left -= 255)
				append(out, "\xff", 1);
			append(out, &(char){ (char)left }, 1);
		}
		append(out, in->data + at, n);
		size = (uint32_t)(out->size - size_at - 4);
		memcpy(out->data + size_at, &size, sizeof(size));
	}
}

/* As the kernel's build: the unpacked size goes behind everything but gzip. */
static void pack(enum kimage_compression compression, const struct buffer *in, struct buffer *out)
{
	static int (*const filters[KIMAGE_COMPRESSION_MAX])(struct archive *) = {
		[KIMAGE_COMPRESSION_GZIP] = archive_write_add_filter_gzip,
		[KIMAGE_COMPRESSION_BZIP2] = archive_write_add_filter_bzip2,
		[KIMAGE_COMPRESSION_LZMA] = archive_write_add_filter_lzma,
		[KIMAGE_COMPRESSION_XZ] = archive_write_add_filter_xz,
		[KIMAGE_COMPRESSION_ZSTD] = archive_write_add_filter_zstd,
	};
	uint32_t size = (uint32_t)in->size;

	if (filters[compression])
		pack_with(filters[compression], in, out);
	else if (compression == KIMAGE_COMPRESSION_LZ4)
		pack_lz4(in, out);
	else if (compression == KIMAGE_COMPRESSION_LZO)
		append(out, "\x89LZO and more", 13);
	else if (compression == KIMAGE_COMPRESSION_UNKNOWN)
		append(out, "no magic at all", 16);
	else
		append(out, in->data, in->size);
	if (compression != KIMAGE_COMPRESSION_GZIP && compression != KIMAGE_COMPRESSION_NONE)
		append(out, &size, sizeof(size));
}

static void append_note(struct buffer *b, const char *owner, uint32_t type, const char *desc,
			size_t size)
{
	Elf64_Nhdr n = {
		.n_namesz = (uint32_t)strlen(owner) + 1,
		.n_descsz = (uint32_t)size,
		.n_type = type,
	};

	append(b, &n, sizeof(n));
	append(b, owner, n.n_namesz);
	append(b, NULL, -n.n_namesz & 3);
	append(b, desc, n.n_descsz);
	append(b, NULL, -n.n_descsz & 3);
}

/* The build ID, as in every kernel, and what @lines say. */
static void append_notes(struct buffer *b, const char *lines)
{
	append_note(b, "GNU", 3, "build id", 8);
	while (lines && *lines) {
		size_t length = strcspn(lines, "\n");
		_cleanup_free_ char *abi = strndup(lines, length);

		append_note(b, KIMAGE_NOTE_OWNER, KIMAGE_NOTE_ABI, abi, length + 1);
		lines += length + (lines[length] == '\n');
	}
	append_note(b, KIMAGE_NOTE_OWNER, KIMAGE_NOTE_ABI + 1, "other-v1", 9);
}

/* Kernel: Documentation/arch/x86/boot.rst. */
static void append_info(struct buffer *b, const struct fake_kernel *k)
{
	struct buffer notes = {};
	uint32_t sizes[2] = { 12, 0 }; /* of the fixed part, of all */

	append_notes(&notes, k->info);
	sizes[1] = 12 + 12 + 8 + (uint32_t)notes.size;
	append(b, "LToP", 4);
	append(b, sizes, sizeof(sizes));
	append(b, "FILL\x0c\0\0\0....", 12);
	sizes[0] = 8 + (uint32_t)notes.size;
	append(b, "NOTE", 4);
	append(b, sizes, sizeof(sizes[0]));
	append(b, notes.data, notes.size - k->info_cut);
	free(notes.data);
}

static void append_config(struct buffer *b, const char *text)
{
	struct buffer in = { .data = (char *)text, .size = strlen(text) }, out = {};

	pack_with(archive_write_add_filter_gzip, &in, &out);
	append(b, "IKCFG_ST", 8);
	append(b, out.data, out.size);
	append(b, "IKCFG_ED", 8);
	free(out.data);
}

char *fake_vmlinux(const struct fake_kernel *k, size_t *ret_size)
{
	Elf64_Ehdr e = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(e),
		.e_shoff = 1U << 20, /* far behind the end: must not matter */
		.e_ehsize = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 9,
	};
	Elf64_Phdr p[2] = { { .p_type = PT_LOAD }, { .p_type = PT_NOTE, .p_align = 4 } };
	struct buffer b = {};

	append(&b, &e, sizeof(e));
	append(&b, p, sizeof(p));
	append(&b, NULL, k->padding + 1);
	if (k->banner)
		append_string(&b, k->banner);
	for (size_t i = 0; i < ARRAY_SIZE(k->strings) && k->strings[i]; i++)
		append_string(&b, k->strings[i]);
	if (k->config)
		append_config(&b, k->config);
	append(&b, NULL, -b.size & 3);
	p[1].p_offset = b.size;
	append_notes(&b, k->note);
	p[1].p_filesz = b.size - p[1].p_offset;
	memcpy(b.data + sizeof(e), p, sizeof(p));
	append(&b, NULL, 100);
	*ret_size = b.size;
	return b.data;
}

static void put16(char *header, size_t at, uint16_t value)
{
	memcpy(header + at, &value, sizeof(value));
}

static void put32(char *header, size_t at, uint32_t value)
{
	memcpy(header + at, &value, sizeof(value));
}

char *fake_bzimage(const struct fake_kernel *k, size_t *ret_size)
{
	struct buffer vmlinux = {}, payload = {}, b = {};
	const uint32_t loader = 64; /* code before the payload */

	vmlinux.data = fake_vmlinux(k, &vmlinux.size);
	pack(k->compression, &vmlinux, &payload);
	append(&b, NULL, SETUP_SIZE + loader);
	b.data[0x1f1] = SETUP_SECTORS;
	put16(b.data, 0x1fe, 0xaa55);
	memcpy(b.data + 0x202, "HdrS", 4);
	put16(b.data, 0x206, 0x020f);
	put32(b.data, 0x238, 2047);
	put32(b.data, 0x248, loader);
	put32(b.data, 0x24c, (uint32_t)payload.size);
	if (k->version) {
		put16(b.data, 0x20e, 0x300);
		memcpy(b.data + 0x500, k->version, strlen(k->version) + 1);
	}
	append(&b, payload.data, payload.size);
	append(&b, NULL, 32);
	if (k->info) {
		put32(b.data, 0x268, (uint32_t)b.size - SETUP_SIZE);
		append_info(&b, k);
	}
	free(vmlinux.data);
	free(payload.data);
	*ret_size = b.size;
	return b.data;
}
