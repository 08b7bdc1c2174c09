/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kimage - what can be known of a kernel before it is booted.
 *
 * Two services. kimage_copy_sealed() takes an image out of its owner's hands: a sealed memfd that
 * nobody can change any more, so that what is checked is what is loaded. kimage_inspect() reads
 * such a file: a bzImage (by its setup header, and the compressed vmlinux in it) or a vmlinux ELF
 * file.
 *
 * The answers, best source first:
 *   1. the ELF notes that list the handover ABIs the kernel can read and write: those of a bzImage
 *      lie uncompressed in its kernel_info, those of vmlinux where its program headers say,
 *   2. the configuration embedded by CONFIG_IKCONFIG,
 *   3. the ABI strings themselves ("luo-v5", "memfd-v2", "kho-v4"), which a kernel with that code
 *      carries because it compares against them.
 * Which one told stands beside the answer. When the payload cannot be read (LZO is not
 * understood), what was not found is unknown instead of absent, and payload_error says why.
 *
 * The image is hostile input. kimage_inspect() reads it in a child process with hard limits on
 * memory and processor time; the payload is streamed, at most KIMAGE_PAYLOAD_MAX of it, through the
 * one decompressor that its first bytes name. No helper program is ever run. Every string in the
 * result is printable ASCII.
 *
 * struct kimage is plain data: copied by assignment, no destructor. Nothing here logs.
 */
#ifndef LUOD_KIMAGE_H
#define LUOD_KIMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "answer.h"

#define KIMAGE_SIZE_MAX	   (512ULL << 20)
#define KIMAGE_PAYLOAD_MAX (1ULL << 30)
#define KIMAGE_TIMEOUT_SEC 30

/*
 * One note for each ABI: this owner, this type, and as its description the name with its NUL. The
 * same names are the lines of /sys/kernel/liveupdate/abi. Kernel: Documentation/core-api/kho/abi.rst
 * and Documentation/arch/x86/boot.rst of the series.
 */
#define KIMAGE_NOTE_OWNER "LiveUpdate"
#define KIMAGE_NOTE_ABI	  1

/* ABI names that the kernel series adds and luod asks about. */
#define KIMAGE_ABI_MEMFD_MODE "memfd-mode-v1" /* a memfd keeps its execute bits */

/* Families of formats, all of which it takes to bring a device through; a version follows. */
#define KIMAGE_DEVICE_FAMILIES                                      \
	{                                                           \
		"luod-iommu-v", "luod-iommufd-v", "luod-vfio-pci-v" \
	}
#define KIMAGE_N_DEVICE_FAMILIES 3

/* The same of a DMA buffer. */
#define KIMAGE_DMA_MEMORY_FAMILIES             \
	{                                      \
		"dma-alloc-v", "luod-dmamem-v" \
	}
#define KIMAGE_N_DMA_MEMORY_FAMILIES 2

#define KIMAGE_ABI_LENGTH   48
#define KIMAGE_ABIS_MAX	    64
#define KIMAGE_RELEASE_SIZE 128
#define KIMAGE_CMDLINE_SIZE 2048

enum kimage_format {
	KIMAGE_BZIMAGE,
	KIMAGE_ELF,
};

enum kimage_compression {
	KIMAGE_COMPRESSION_UNKNOWN,
	KIMAGE_COMPRESSION_NONE,
	KIMAGE_COMPRESSION_GZIP,
	KIMAGE_COMPRESSION_BZIP2,
	KIMAGE_COMPRESSION_LZMA,
	KIMAGE_COMPRESSION_XZ,
	KIMAGE_COMPRESSION_LZ4,
	KIMAGE_COMPRESSION_ZSTD,
	KIMAGE_COMPRESSION_LZO, /* recognised, not understood */
	KIMAGE_COMPRESSION_MAX,
};

/* What an answer was taken from. */
enum kimage_source {
	KIMAGE_FROM_NOTHING,
	KIMAGE_FROM_ABI_LIST,
	KIMAGE_FROM_CONFIG,
	KIMAGE_FROM_STRINGS,
	KIMAGE_FROM_MAX,
};

struct kimage_fact {
	enum answer answer;
	enum kimage_source from;
};

struct kimage {
	enum kimage_format format;
	uint64_t size;			     /* of the file */
	char release[KIMAGE_RELEASE_SIZE];   /* as uname -r will say; "" when not known */
	uint32_t cmdline_max;		     /* as the setup header says; 0 when not known */
	enum kimage_compression compression; /* of the payload */
	int payload_error;		     /* negative errno when the payload was not read */

	struct kimage_fact liveupdate;	     /* LUO is built in */
	struct kimage_fact liveupdate_memfd; /* … and takes memfds */
	struct kimage_fact kho;		     /* kexec handover is built in */
	struct kimage_fact kho_default;	     /* … and on without kho=on */

	/* Handover ABIs. With has_abi_list they are the kernel's own list and complete. */
	bool has_abi_list;
	unsigned int n_abis;
	char abis[KIMAGE_ABIS_MAX][KIMAGE_ABI_LENGTH];

	/* CONFIG_CMDLINE, where the configuration is embedded: goes before what is passed. */
	char builtin_cmdline[KIMAGE_CMDLINE_SIZE];
	bool builtin_cmdline_overrides; /* … or instead of it */
};

/*
 * Copies the regular file @fd as a whole (its offset does not matter and is not moved) into a
 * memfd named @name, sealed against every change, and returns it opened read-only: a file that
 * somebody could still write to is refused by kexec_file_load(2) with ETXTBSY. The caller owns both
 * fds. Blocks while it copies. @ret_size may be NULL.
 *   -EFBIG    larger than KIMAGE_SIZE_MAX
 *   -EINVAL   not a regular file
 *   -ENODATA  empty
 */
int kimage_copy_sealed(int fd, const char *name, int *ret_fd, uint64_t *ret_size);

/*
 * Reads the image behind @fd, whose offset does not matter and is not moved, in a child process
 * that is gone when the call returns. Blocks for up to a second with a distribution's kernel, and
 * never longer than KIMAGE_TIMEOUT_SEC.
 *   -ENOEXEC    neither a bzImage nor a vmlinux, or a header that makes no sense
 *   -EFBIG      larger than KIMAGE_SIZE_MAX
 *   -EBADMSG    the child died of the image, by a limit or by a signal
 *   -ETIMEDOUT  the child was stopped for taking too long
 * A payload that cannot be read is not an error of the call: see payload_error.
 */
int kimage_inspect(int fd, struct kimage *ret);

/* The same in this process and without its limits: for the child, and for the fuzzer. */
int kimage_inspect_here(int fd, struct kimage *ret);

/* Whether @abi is among the ABIs; whether any of a family ("luo-v") is, and then which. */
bool kimage_has_abi(const struct kimage *image, const char *abi);
const char *kimage_abi_of_family(const struct kimage *image, const char *family);

/* "zstd"; "the embedded configuration". */
const char *kimage_compression_to_string(enum kimage_compression compression);
const char *kimage_source_to_string(enum kimage_source source);

#endif
