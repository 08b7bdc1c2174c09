/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kimage-scan - see kimage-scan.h.
 *
 * libelf wants to seek and the image comes as a stream, so what libelf has to see (the beginning
 * with the program headers, then the notes they point to) is put at its place in a sparse memfd.
 * The section headers are hidden from it: nothing here needs them, and a hostile file could make
 * libelf allocate for millions of them.
 *
 * Everything else is text searched for in a window that moves over the stream; it keeps the end of
 * what came before, so that nothing is missed at a seam.
 */
#include "kimage-scan.h"

#include <ctype.h>
#include <elf.h>
#include <gelf.h>

#include "kimage-note.h"
#include "kimage-unpack.h"
#include "util.h"

/* The ELF header and the program headers of any vmlinux are in here. */
#define PREFIX	      (64U << 10)
#define NOTES_MAX     8
#define NOTE_SIZE_MAX (256U << 10)

/* Longer than anything that is searched for, with what must stand around it. */
#define CARRY 256U
#define PIECE (64U << 10)

#define CONFIG_START  "IKCFG_ST"
#define CONFIG_END    "IKCFG_ED"
#define CONFIG_PACKED (512U << 10)
#define CONFIG_TEXT   (4U << 20)

struct range {
	uint64_t offset, size;
	Elf_Type type;
};

struct scan {
	uint64_t offset; /* how much has been fed */

	int elf_fd;
	bool headers_read;
	struct range notes[NOTES_MAX];
	unsigned int n_notes;

	char window[CARRY + PIECE];
	size_t held; /* bytes of the window in use */

	char *config; /* packed, from behind CONFIG_START on; NULL: not seen */
	size_t config_size;

	char release[KIMAGE_RELEASE_SIZE];
	unsigned int n_abis;
	char abis[KIMAGE_ABIS_MAX][KIMAGE_ABI_LENGTH];
};

int scan_new(struct scan **ret)
{
	struct scan *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->elf_fd = memfd_new("luod-kimage");
	/* Sparse; as large as anything that a header may point to. */
	r = s->elf_fd < 0 ? s->elf_fd : ftruncate(s->elf_fd, (off_t)KIMAGE_PAYLOAD_MAX);
	if (r < 0) {
		r = s->elf_fd < 0 ? s->elf_fd : -errno;
		scan_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct scan *scan_free(struct scan *s)
{
	if (!s)
		return NULL;
	close_fd(s->elf_fd);
	free(s->config);
	free(s);
	return NULL;
}

/* --- notes --- */

static void put(int fd, const char *data, size_t size, uint64_t offset)
{
	/* A failure leaves a hole, in which there is no note. */
	while (size) {
		ssize_t n = pwrite(fd, data, size, (off_t)offset);

		if (n <= 0)
			return;
		data += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
}

static void hide_sections(int fd)
{
	union {
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
		unsigned char ident[EI_NIDENT];
	} h;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return;
	if (h.ident[EI_CLASS] == ELFCLASS64)
		h.e64.e_shoff = 0, h.e64.e_shnum = 0, h.e64.e_shstrndx = SHN_UNDEF;
	else
		h.e32.e_shoff = 0, h.e32.e_shnum = 0, h.e32.e_shstrndx = SHN_UNDEF;
	put(fd, (const char *)&h, sizeof(h), 0);
}

static void add_note_range(struct scan *s, const GElf_Phdr *p)
{
	if (p->p_type != PT_NOTE || s->n_notes == NOTES_MAX)
		return;
	if (p->p_filesz > NOTE_SIZE_MAX || p->p_offset > KIMAGE_PAYLOAD_MAX - NOTE_SIZE_MAX)
		return;
	s->notes[s->n_notes++] = (struct range){
		.offset = p->p_offset,
		.size = p->p_filesz,
		.type = p->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR,
	};
}

static Elf *open_elf(int fd)
{
	elf_version(EV_CURRENT);
	return elf_begin(fd, ELF_C_READ, NULL);
}

static void read_headers(struct scan *s)
{
	size_t n = 0;
	GElf_Phdr p;
	Elf *elf;

	s->headers_read = true;
	hide_sections(s->elf_fd);
	elf = open_elf(s->elf_fd);
	if (!elf)
		return;
	if (elf_kind(elf) == ELF_K_ELF && elf_getphdrnum(elf, &n) == 0)
		for (size_t i = 0; i < n && i < PREFIX / sizeof(Elf32_Phdr); i++)
			if (gelf_getphdr(elf, (int)i, &p))
				add_note_range(s, &p);
	elf_end(elf);
}

/* Keeps of the bytes at s->offset what lies in the note ranges. */
static void keep_notes(struct scan *s, const char *data, size_t size)
{
	for (unsigned int i = 0; i < s->n_notes; i++) {
		const struct range *r = &s->notes[i];
		uint64_t from = r->offset > s->offset ? r->offset : s->offset;
		uint64_t end = r->offset + r->size, data_end = s->offset + size;

		if (end > data_end)
			end = data_end;
		if (from < end)
			put(s->elf_fd, data + (from - s->offset), (size_t)(end - from), from);
	}
}

static void read_notes_of(Elf *elf, const struct range *r, struct kimage *image)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)r->offset, r->size, r->type);
	size_t at = 0, next, name, desc;
	GElf_Nhdr n;

	while (data && (next = gelf_getnote(data, at, &n, &name, &desc)) > 0) {
		const char *bytes = data->d_buf;

		kimage_note_take(image, n.n_type, bytes + name, n.n_namesz, bytes + desc,
				 n.n_descsz);
		at = next;
	}
}

static void read_notes(struct scan *s, struct kimage *image)
{
	Elf *elf = s->n_notes ? open_elf(s->elf_fd) : NULL;

	if (!elf)
		return;
	for (unsigned int i = 0; i < s->n_notes; i++)
		if (s->notes[i].size && s->notes[i].offset + s->notes[i].size <= s->offset)
			read_notes_of(elf, &s->notes[i], image);
	elf_end(elf);
}

/* --- the window --- */

static const char *const families[] = { "kho-v", "luo-v", "memfd-v" };

static void add_abi(struct scan *s, const char *abi, size_t length)
{
	for (unsigned int i = 0; i < s->n_abis; i++)
		if (strlen(s->abis[i]) == length && memcmp(s->abis[i], abi, length) == 0)
			return;
	if (s->n_abis == KIMAGE_ABIS_MAX)
		return;
	memcpy(s->abis[s->n_abis], abi, length);
	s->abis[s->n_abis++][length] = '\0';
}

/*
 * A string of its own: the family's name, a number, a NUL. What stands before it is no text, but
 * need not be a NUL: a handler's struct has its name right behind a pointer.
 */
static void find_abis(struct scan *s, const char *family)
{
	const char *p = s->window, *end = s->window + s->held;
	size_t length = strlen(family);

	while ((p = memmem(p, (size_t)(end - p), family, length))) {
		const char *q = p + length;

		while (q < end && q - p < 16 && isdigit((unsigned char)*q))
			q++;
		if (p > s->window && !isprint((unsigned char)p[-1]) && q > p + length && q < end &&
		    *q == '\0')
			add_abi(s, p, (size_t)(q - p));
		p += length;
	}
}

static void find_release(struct scan *s)
{
	static const char banner[] = "Linux version ";
	const char *p = s->window, *end = s->window + s->held;

	while ((p = memmem(p, (size_t)(end - p), banner, sizeof(banner) - 1))) {
		const char *q;

		p += sizeof(banner) - 1;
		for (q = p; q < end && isgraph((unsigned char)*q); q++)
			;
		if (q < end && *q == ' ' && isdigit((unsigned char)*p) &&
		    q - p < (ptrdiff_t)sizeof(s->release)) {
			memcpy(s->release, p, (size_t)(q - p));
			return;
		}
	}
}

static int collect_config(struct scan *s, const char *data, size_t size)
{
	size_t room = CONFIG_PACKED - s->config_size;

	memcpy(s->config + s->config_size, data, size < room ? size : room);
	s->config_size += size < room ? size : room;
	return 0;
}

/* The marker and the gzip magic behind it. */
static int find_config(struct scan *s)
{
	static const char start[] = CONFIG_START "\x1f\x8b\x08";
	const char *p = memmem(s->window, s->held, start, sizeof(start) - 1);

	if (!p)
		return 0;
	s->config = malloc(CONFIG_PACKED);
	if (!s->config)
		return -ENOMEM;
	p += sizeof(CONFIG_START) - 1;
	return collect_config(s, p, (size_t)(s->window + s->held - p));
}

static int search(struct scan *s, const char *piece, size_t size)
{
	size_t carry = s->held < CARRY ? s->held : CARRY;

	memmove(s->window, s->window + s->held - carry, carry);
	memcpy(s->window + carry, piece, size);
	s->held = carry + size;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		find_abis(s, families[i]);
	if (!*s->release)
		find_release(s);
	return s->config ? collect_config(s, piece, size) : find_config(s);
}

int scan_feed(const void *data, size_t size, void *scan)
{
	struct scan *s = scan;
	const char *p = data;

	while (size) {
		size_t n = size < PIECE ? size : PIECE;
		int r;

		if (s->offset < PREFIX) {
			if (n > PREFIX - s->offset)
				n = (size_t)(PREFIX - s->offset);
			put(s->elf_fd, p, n, s->offset);
		} else {
			if (!s->headers_read)
				read_headers(s);
			keep_notes(s, p, n);
		}
		r = search(s, p, n);
		if (r < 0)
			return r;
		s->offset += n;
		p += n;
		size -= n;
	}
	return 0;
}

/* --- the configuration --- */

struct config {
	char *text;
	size_t size;
};

static int config_append(const void *data, size_t size, void *userdata)
{
	struct config *c = userdata;
	char *grown = realloc(c->text, c->size + size + 1);

	if (!grown)
		return -ENOMEM;
	memcpy(grown + c->size, data, size);
	c->text = grown;
	c->size += size;
	c->text[c->size] = '\0';
	return 0;
}

/* The line's text behind "name=", or NULL when the option is not set. */
static const char *config_get(const struct config *c, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = c->text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, length) == 0 && p[length] == '=')
			return p + length + 1;
	}
	return NULL;
}

static struct kimage_fact config_fact(const struct config *c, const char *name)
{
	const char *value = config_get(c, name);
	enum answer answer = value && *value == 'y' ? ANSWER_YES : ANSWER_NO;

	return (struct kimage_fact){ .answer = answer, .from = KIMAGE_FROM_CONFIG };
}

/* Kconfig writes a string between double quotes, with '"' and '\' behind a backslash. */
static void config_string(const struct config *c, const char *name, char *ret, size_t room)
{
	const char *p = config_get(c, name);
	size_t n = 0;

	if (!p || *p != '"')
		return;
	for (p++; *p && *p != '"' && *p != '\n' && n + 1 < room; p++) {
		if (*p == '\\' && p[1])
			p++;
		ret[n++] = *p;
	}
	ret[n] = '\0';
}

static void config_facts(const struct config *c, struct kimage *image)
{
	image->kho = config_fact(c, "CONFIG_KEXEC_HANDOVER");
	image->kho_default = config_fact(c, "CONFIG_KEXEC_HANDOVER_ENABLE_DEFAULT");
	image->liveupdate = config_fact(c, "CONFIG_LIVEUPDATE");
	image->liveupdate_memfd = config_fact(c, "CONFIG_LIVEUPDATE_MEMFD");
	image->builtin_cmdline_overrides = config_fact(c, "CONFIG_CMDLINE_OVERRIDE").answer ==
					   ANSWER_YES;
	config_string(c, "CONFIG_CMDLINE", image->builtin_cmdline, sizeof(image->builtin_cmdline));
}

static void read_config(const struct scan *s, struct kimage *image)
{
	struct config c = {};
	const char *end;

	end = s->config ? memmem(s->config, s->config_size, CONFIG_END, strlen(CONFIG_END)) : NULL;
	if (end &&
	    unpack_gzip(s->config, (size_t)(end - s->config), CONFIG_TEXT, config_append, &c) ==
		    0 &&
	    strstr(c.text, "\nCONFIG_"))
		config_facts(&c, image);
	free(c.text);
}

/* --- the facts --- */

static struct kimage_fact fact_of_family(const struct kimage *image, const char *family,
					 bool complete)
{
	enum kimage_source from = image->has_abi_list ? KIMAGE_FROM_ABI_LIST : KIMAGE_FROM_STRINGS;

	if (kimage_abi_of_family(image, family))
		return (struct kimage_fact){ ANSWER_YES, from };
	if (complete || image->has_abi_list)
		return (struct kimage_fact){ ANSWER_NO, from };
	return (struct kimage_fact){ ANSWER_UNKNOWN, KIMAGE_FROM_NOTHING };
}

void scan_finish(struct scan *s, bool complete, struct kimage *image)
{
	if (!s->headers_read)
		read_headers(s);
	if (!*image->release)
		memcpy(image->release, s->release, sizeof(image->release));
	if (!image->has_abi_list)
		read_notes(s, image);
	if (!image->has_abi_list) {
		image->n_abis = s->n_abis;
		memcpy(image->abis, s->abis, sizeof(image->abis));
	}
	read_config(s, image);
	/* The kernel's own list is better than its configuration, which is better than strings. */
	if (image->has_abi_list || image->kho.answer == ANSWER_UNKNOWN) {
		image->kho = fact_of_family(image, "kho-v", complete);
		image->liveupdate = fact_of_family(image, "luo-v", complete);
		image->liveupdate_memfd = fact_of_family(image, "memfd-v", complete);
	}
}
