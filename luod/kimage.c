/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kimage - see kimage.h. */
#include "kimage.h"

#include <ctype.h>
#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "kimage-note.h"
#include "kimage-scan.h"
#include "kimage-unpack.h"
#include "util.h"

/* Where things are in the setup header (kernel: Documentation/arch/x86/boot.rst). */
enum {
	SETUP_SECTS = 0x1f1,
	BOOT_FLAG = 0x1fe,
	MAGIC = 0x202,
	PROTOCOL = 0x206,
	KERNEL_VERSION = 0x20e,
	CMDLINE_SIZE = 0x238,
	PAYLOAD_OFFSET = 0x248,
	PAYLOAD_LENGTH = 0x24c,
	KERNEL_INFO_OFFSET = 0x268,
	SETUP_HEADER_END = 0x26c,
};

#define SECTOR		 512
#define PROTOCOL_CMDLINE 0x0206
#define PROTOCOL_PAYLOAD 0x0208
#define PROTOCOL_INFO	 0x020f

/* As much of kernel_info as is read; the notes of a kernel are less than a page. */
#define KERNEL_INFO_MAX (64U << 10)

/* A decompressor's window is 128 MiB for what the kernel's build makes. */
#define MEMORY_MAX (512ULL << 20)

DEFINE_CLEANUP(struct scan *, scan_free)

/* --- the copy --- */

static int file_size(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size == 0)
		return -ENODATA;
	if ((uint64_t)st.st_size > KIMAGE_SIZE_MAX)
		return -EFBIG;
	*ret = (uint64_t)st.st_size;
	return 0;
}

/* To inspect, an empty file is no kernel rather than a file without data. */
static int image_size(int fd, uint64_t *ret)
{
	int r = file_size(fd, ret);

	return r == -ENODATA ? -ENOEXEC : r;
}

/* To the file's end, which may have moved since its size was asked. */
static int copy_bounded(int from, int to, uint64_t *ret_size)
{
	off_t offset = 0;

	for (;;) {
		ssize_t n = sendfile(to, from, &offset, 1U << 20);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((uint64_t)offset > KIMAGE_SIZE_MAX)
			return -EFBIG;
		if (n == 0)
			break;
	}
	*ret_size = (uint64_t)offset;
	return offset ? 0 : -ENODATA;
}

static int reopen_read_only(int fd)
{
	char path[64];
	int copy;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, O_RDONLY | O_CLOEXEC);
	return copy < 0 ? -errno : copy;
}

int kimage_copy_sealed(int fd, const char *name, int *ret_fd, uint64_t *ret_size)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	_cleanup_close_ int copy = -EBADF;
	uint64_t size = 0;
	int r;

	r = file_size(fd, &size);
	if (r < 0)
		return r;
	copy = memfd_new(name);
	if (copy < 0)
		return copy;
	r = copy_bounded(fd, copy, &size);
	if (r < 0)
		return r;
	if (fcntl(copy, F_ADD_SEALS, seals) < 0)
		return -errno;
	r = reopen_read_only(copy);
	if (r < 0)
		return r;
	*ret_fd = r;
	if (ret_size)
		*ret_size = size;
	return 0;
}

/* --- reading --- */

static uint16_t get16(const unsigned char *header, size_t at)
{
	uint16_t v;

	memcpy(&v, header + at, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const unsigned char *header, size_t at)
{
	uint32_t v;

	memcpy(&v, header + at, sizeof(v));
	return le32toh(v);
}

/* Fills what can be filled; bytes behind the end of the file are 0. */
static int read_at(int fd, uint64_t offset, void *buffer, size_t size)
{
	ssize_t n;

	memset(buffer, 0, size);
	do
		n = pread(fd, buffer, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/* The version string in the real-mode part: the release, then who built it. */
static void read_release(int fd, const unsigned char *header, uint64_t setup_size, struct kimage *k)
{
	uint64_t offset = (uint64_t)get16(header, KERNEL_VERSION) + SECTOR;
	size_t n;

	if (offset == SECTOR || offset >= setup_size ||
	    read_at(fd, offset, k->release, sizeof(k->release) - 1) < 0)
		return;
	for (n = 0; isgraph((unsigned char)k->release[n]); n++)
		;
	memset(k->release + n, 0, sizeof(k->release) - n);
}

/* The notes that lie open in the image; what cannot be read is not there. */
static void read_kernel_info(int fd, uint64_t offset, struct kimage *k)
{
	_cleanup_free_ char *info = malloc(KERNEL_INFO_MAX);
	int n;

	if (!info)
		return;
	n = read_at(fd, offset, info, KERNEL_INFO_MAX);
	if (n > 0)
		kimage_note_read_info(k, info, (size_t)n);
}

static int scan_stream(int fd, uint64_t offset, uint64_t length, struct kimage *k)
{
	_cleanup_(scan_freep) struct scan *scan = NULL;
	int r = scan_new(&scan);

	if (r < 0)
		return r;
	k->payload_error = unpack_payload(fd, offset, length, k->compression, scan_feed, scan);
	if (k->payload_error == -ENOMEM)
		return -ENOMEM;
	scan_finish(scan, k->payload_error == 0, k);
	return 0;
}

static int inspect_bzimage(int fd, const unsigned char *header, struct kimage *k)
{
	unsigned int sectors = header[SETUP_SECTS] ? header[SETUP_SECTS] : 4;
	uint64_t setup_size = (sectors + 1ULL) * SECTOR;
	uint16_t protocol = get16(header, PROTOCOL);
	uint64_t offset = setup_size + get32(header, PAYLOAD_OFFSET);
	uint64_t length = get32(header, PAYLOAD_LENGTH);
	unsigned char magic[8];
	int r;

	k->format = KIMAGE_BZIMAGE;
	read_release(fd, header, setup_size, k);
	if (protocol >= PROTOCOL_CMDLINE)
		k->cmdline_max = get32(header, CMDLINE_SIZE);
	if (protocol >= PROTOCOL_INFO)
		read_kernel_info(fd, setup_size + get32(header, KERNEL_INFO_OFFSET), k);
	if (protocol < PROTOCOL_PAYLOAD) {
		k->payload_error = -EOPNOTSUPP;
		return 0;
	}
	if (offset + length > k->size) {
		k->payload_error = -EBADMSG;
		return 0;
	}
	r = read_at(fd, offset, magic, sizeof(magic));
	if (r < 0)
		return r;
	k->compression = unpack_detect(magic, sizeof(magic));
	return scan_stream(fd, offset, length, k);
}

static int inspect_elf(int fd, struct kimage *k)
{
	int r;

	k->format = KIMAGE_ELF;
	k->compression = KIMAGE_COMPRESSION_NONE;
	r = scan_stream(fd, 0, k->size, k);
	if (r < 0)
		return r;
	/* Every kernel says what it is; an ELF file that does not is something else. */
	return *k->release ? 0 : -ENOEXEC;
}

static void make_printable(char *text, size_t room)
{
	text[room - 1] = '\0';
	for (; *text; text++)
		if (!isascii((unsigned char)*text) || !isprint((unsigned char)*text))
			*text = '?';
}

static void make_strings_printable(struct kimage *k)
{
	make_printable(k->release, sizeof(k->release));
	make_printable(k->builtin_cmdline, sizeof(k->builtin_cmdline));
	for (unsigned int i = 0; i < k->n_abis; i++)
		make_printable(k->abis[i], sizeof(k->abis[i]));
}

int kimage_inspect_here(int fd, struct kimage *ret)
{
	unsigned char header[SETUP_HEADER_END];
	struct kimage k = {};
	int r;

	r = image_size(fd, &k.size);
	if (r < 0)
		return r;
	r = read_at(fd, 0, header, sizeof(header));
	if (r < 0)
		return r;
	if (memcmp(header, ELFMAG, SELFMAG) == 0)
		r = inspect_elf(fd, &k);
	else if (get16(header, BOOT_FLAG) == 0xaa55 && memcmp(header + MAGIC, "HdrS", 4) == 0)
		r = inspect_bzimage(fd, header, &k);
	else
		r = -ENOEXEC;
	if (r < 0)
		return r;
	make_strings_printable(&k);
	*ret = k;
	return 0;
}

/* --- the child --- */

struct result {
	int r;
	struct kimage image;
};

static void limit(int resource, rlim_t value)
{
	struct rlimit l = { .rlim_cur = value, .rlim_max = value };

	/* Where a lower limit stands already, that one holds. */
	setrlimit((__rlimit_resource_t)resource, &l);
}

/* AddressSanitizer's shadow memory is private data too, of terabytes. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMIT_MEMORY 0
#endif
#endif
#ifndef LIMIT_MEMORY
#define LIMIT_MEMORY 1
#endif

static void limit_child(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, KIMAGE_TIMEOUT_SEC);
	if (LIMIT_MEMORY)
		limit(RLIMIT_DATA, MEMORY_MAX);
}

/* Only the image and the pipe: nothing that the parent closes may live on in the child. */
static void keep_two_fds(int *image, int *output)
{
	int a = fcntl(*image, F_DUPFD, 5), b = fcntl(*output, F_DUPFD, 5);

	if (a < 0 || b < 0 || dup2(a, 3) < 0 || dup2(b, 4) < 0 || close_range(5, ~0U, 0) < 0)
		_exit(EXIT_FAILURE);
	*image = 3;
	*output = 4;
}

static _Noreturn void run_child(int image, int output, pid_t parent)
{
	struct result result = {};
	ssize_t n;

	limit_child(parent);
	keep_two_fds(&image, &output);
	result.r = kimage_inspect_here(image, &result.image);
	n = write(output, &result, sizeof(result));
	_exit(n == sizeof(result) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool fact_is_sound(const struct kimage_fact *fact)
{
	return (unsigned int)fact->answer <= ANSWER_YES &&
	       (unsigned int)fact->from < KIMAGE_FROM_MAX;
}

/* A child that the image took over could write anything. */
static int result_check(struct result *result)
{
	struct kimage *k = &result->image;

	if (result->r < 0)
		return result->r < -4095 ? -EBADMSG : result->r;
	if ((unsigned int)k->format > KIMAGE_ELF || k->n_abis > KIMAGE_ABIS_MAX ||
	    (unsigned int)k->compression >= KIMAGE_COMPRESSION_MAX || k->payload_error > 0 ||
	    k->payload_error < -4095)
		return -EBADMSG;
	if (!fact_is_sound(&k->liveupdate) || !fact_is_sound(&k->liveupdate_memfd) ||
	    !fact_is_sound(&k->kho) || !fact_is_sound(&k->kho_default))
		return -EBADMSG;
	make_strings_printable(k);
	return 0;
}

static int read_result(int input, uint64_t deadline_usec, struct result *ret)
{
	size_t have = 0;

	while (have < sizeof(*ret)) {
		struct pollfd p = { .fd = input, .events = POLLIN };
		uint64_t now = now_usec(CLOCK_MONOTONIC);
		ssize_t n;

		if (now >= deadline_usec)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)((deadline_usec - now) / USEC_PER_MSEC) + 1) <= 0)
			continue;
		n = read(input, (char *)ret + have, sizeof(*ret) - have);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		if (n > 0)
			have += (size_t)n;
	}
	return 0;
}

static void reap(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}

int kimage_inspect(int fd, struct kimage *ret)
{
	uint64_t deadline = now_usec(CLOCK_MONOTONIC) + KIMAGE_TIMEOUT_SEC * USEC_PER_SEC;
	_cleanup_free_ struct result *result = calloc(1, sizeof(*result));
	_cleanup_close_ int input = -EBADF, output = -EBADF;
	pid_t child, parent = getpid();
	int pipe_fds[2], r;

	if (!result)
		return -ENOMEM;
	r = image_size(fd, &result->image.size);
	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	input = pipe_fds[0];
	output = pipe_fds[1];

	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		run_child(fd, output, parent);
	close_fd(TAKE_FD(output));
	r = read_result(input, deadline, result);
	reap(child);
	if (r >= 0)
		r = result_check(result);
	if (r >= 0)
		*ret = result->image;
	return r;
}

/* --- what the answers are called --- */

bool kimage_has_abi(const struct kimage *image, const char *abi)
{
	for (unsigned int i = 0; i < image->n_abis; i++)
		if (streq(image->abis[i], abi))
			return true;
	return false;
}

const char *kimage_abi_of_family(const struct kimage *image, const char *family)
{
	for (unsigned int i = 0; i < image->n_abis; i++)
		if (strncmp(image->abis[i], family, strlen(family)) == 0)
			return image->abis[i];
	return NULL;
}

const char *kimage_compression_to_string(enum kimage_compression compression)
{
	static const char *const names[KIMAGE_COMPRESSION_MAX] = {
		[KIMAGE_COMPRESSION_UNKNOWN] = "unknown", [KIMAGE_COMPRESSION_NONE] = "none",
		[KIMAGE_COMPRESSION_GZIP] = "gzip",	  [KIMAGE_COMPRESSION_BZIP2] = "bzip2",
		[KIMAGE_COMPRESSION_LZMA] = "lzma",	  [KIMAGE_COMPRESSION_XZ] = "xz",
		[KIMAGE_COMPRESSION_LZ4] = "lz4",	  [KIMAGE_COMPRESSION_ZSTD] = "zstd",
		[KIMAGE_COMPRESSION_LZO] = "lzo",
	};

	return names[compression];
}

const char *kimage_source_to_string(enum kimage_source source)
{
	static const char *const names[KIMAGE_FROM_MAX] = {
		[KIMAGE_FROM_NOTHING] = "nothing",
		[KIMAGE_FROM_ABI_LIST] = "the kernel's list of ABIs",
		[KIMAGE_FROM_CONFIG] = "the embedded configuration",
		[KIMAGE_FROM_STRINGS] = "the ABI strings in the image",
	};

	return names[source];
}
