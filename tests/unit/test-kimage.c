/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kimage: kernels that were made up tell what they should, from the best source there is; broken
 * and hostile ones are refused or leave things unknown; a copy cannot be changed any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fake-kernel.h"
#include "luod/kimage-unpack.h"
#include "luod/kimage.h"
#include "luod/util.h"

#define BANNER	"Linux version 7.3.4-test (who@where) (gcc) #1 SMP"
#define VERSION "7.3.4-test (who@where) #1 SMP"

static const struct fake_kernel with_luo = {
	.banner = BANNER,
	.strings = { "kho-v4", "luo-v5", "x", "memfd-v2" },
	.version = VERSION,
	.compression = KIMAGE_COMPRESSION_ZSTD,
};

static const struct fake_kernel without_luo = {
	.banner = BANNER,
	/* Almost: longer names, no number, in the middle of a text. */
	.strings = { "xluo-v5", "luo-v5x", "luo-v", "kho-v4 and more", "say memfd-v2", "luo-v" },
	.version = VERSION,
	.compression = KIMAGE_COMPRESSION_ZSTD,
};

static int inspect(const char *data, size_t size, struct kimage *ret)
{
	_cleanup_close_ int fd = memfd_new_sealed("test", data, size);

	assert_true(fd >= 0);
	return kimage_inspect_here(fd, ret);
}

static struct kimage inspect_bzimage(const struct fake_kernel *f)
{
	_cleanup_free_ char *data = NULL;
	struct kimage k;
	size_t size;

	data = fake_bzimage(f, &size);
	assert_int_equal(inspect(data, size, &k), 0);
	assert_int_equal(k.format, KIMAGE_BZIMAGE);
	assert_int_equal(k.size, size);
	return k;
}

static void assert_fact(const struct kimage_fact *fact, enum answer answer, enum kimage_source from)
{
	assert_int_equal(fact->answer, answer);
	assert_int_equal(fact->from, from);
}

static void assert_facts(const struct kimage *k, enum answer answer, enum kimage_source from)
{
	assert_fact(&k->kho, answer, from);
	assert_fact(&k->liveupdate, answer, from);
	assert_fact(&k->liveupdate_memfd, answer, from);
}

static void assert_knows_luo(const struct kimage *k)
{
	assert_string_equal(k->release, "7.3.4-test");
	assert_int_equal(k->payload_error, 0);
	assert_facts(k, ANSWER_YES, KIMAGE_FROM_STRINGS);
	assert_fact(&k->kho_default, ANSWER_UNKNOWN, KIMAGE_FROM_NOTHING);
	assert_int_equal(k->n_abis, 3);
	assert_true(kimage_has_abi(k, "kho-v4"));
	assert_true(kimage_has_abi(k, "luo-v5"));
	assert_false(kimage_has_abi(k, "luo-v"));
	assert_string_equal(kimage_abi_of_family(k, "memfd-v"), "memfd-v2");
	assert_null(kimage_abi_of_family(k, "vfio-v"));
	assert_false(k->has_abi_list);
}

static void test_vmlinux(void **state _unused_)
{
	_cleanup_free_ char *data = NULL;
	struct kimage k;
	size_t size;

	data = fake_vmlinux(&with_luo, &size);
	assert_int_equal(inspect(data, size, &k), 0);
	assert_int_equal(k.format, KIMAGE_ELF);
	assert_int_equal(k.cmdline_max, 0);
	assert_knows_luo(&k);
}

static void test_every_compression(void **state _unused_)
{
	static const struct {
		enum kimage_compression compression;
		const char *name;
	} all[] = {
		{ KIMAGE_COMPRESSION_NONE, "none" },   { KIMAGE_COMPRESSION_GZIP, "gzip" },
		{ KIMAGE_COMPRESSION_BZIP2, "bzip2" }, { KIMAGE_COMPRESSION_LZMA, "lzma" },
		{ KIMAGE_COMPRESSION_XZ, "xz" },       { KIMAGE_COMPRESSION_LZ4, "lz4" },
		{ KIMAGE_COMPRESSION_ZSTD, "zstd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct fake_kernel f = with_luo;
		struct kimage k;

		f.compression = all[i].compression;
		k = inspect_bzimage(&f);
		assert_int_equal(k.compression, all[i].compression);
		assert_string_equal(kimage_compression_to_string(k.compression), all[i].name);
		assert_int_equal(k.cmdline_max, 2047);
		assert_knows_luo(&k);
	}
}

static void test_without_luo(void **state _unused_)
{
	struct kimage k = inspect_bzimage(&without_luo);

	assert_int_equal(k.payload_error, 0);
	assert_facts(&k, ANSWER_NO, KIMAGE_FROM_STRINGS);
	assert_int_equal(k.n_abis, 0);
}

/* What is searched for lies across each seam of the window once. */
static void test_seams(void **state _unused_)
{
	for (size_t padding = 65536 - 320; padding < 65536 + 16; padding++) {
		struct fake_kernel f = with_luo;
		struct kimage k;

		f.compression = KIMAGE_COMPRESSION_NONE;
		f.padding = padding;
		f.note = "luo-v5\nkho-v4\nmemfd-v2\n";
		f.version = NULL;
		k = inspect_bzimage(&f);
		assert_string_equal(k.release, "7.3.4-test");
		assert_true(k.has_abi_list);
		f.note = NULL;
		k = inspect_bzimage(&f);
		assert_knows_luo(&k);
	}
}

static void test_abi_list(void **state _unused_)
{
	struct fake_kernel f = with_luo;
	struct kimage k;

	/* Its list is complete: what the strings say besides does not count. */
	f.note = "kho-v5\nluo-v6\nluo-v5\niommu-v1\n";
	for (f.padding = 0; f.padding < 300000; f.padding += 99999) {
		k = inspect_bzimage(&f);
		assert_true(k.has_abi_list);
		assert_int_equal(k.n_abis, 4);
		assert_string_equal(k.abis[0], "kho-v5");
		assert_string_equal(k.abis[3], "iommu-v1");
		assert_fact(&k.liveupdate, ANSWER_YES, KIMAGE_FROM_ABI_LIST);
		assert_fact(&k.liveupdate_memfd, ANSWER_NO, KIMAGE_FROM_ABI_LIST);
	}

	/* What is too long for a name, or empty, is none. */
	f.note = "luo-v5xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n\n\nkho-v4";
	k = inspect_bzimage(&f);
	assert_int_equal(k.n_abis, 1);
	assert_string_equal(k.abis[0], "kho-v4");
}

/* The list that lies open in a bzImage needs no payload that can be read, and goes before its. */
static void test_kernel_info(void **state _unused_)
{
	struct fake_kernel f = with_luo;
	struct kimage k;

	f.note = "luo-v9\n";
	f.info = "kho-v5\nluo-v6\nmemfd-v2\n";
	for (int i = 0; i < 2; i++) {
		k = inspect_bzimage(&f);
		assert_true(k.has_abi_list);
		assert_int_equal(k.n_abis, 3);
		assert_string_equal(k.abis[1], "luo-v6");
		assert_fact(&k.liveupdate, ANSWER_YES, KIMAGE_FROM_ABI_LIST);
		f.compression = KIMAGE_COMPRESSION_LZO;
	}

	/* Nothing in it for us: the payload tells. */
	f.info = "";
	f.compression = KIMAGE_COMPRESSION_NONE;
	k = inspect_bzimage(&f);
	assert_int_equal(k.n_abis, 1);
	assert_string_equal(k.abis[0], "luo-v9");

	/* Cut off anywhere, it is not believed: its size says more than there is. */
	f.info = "kho-v5\nluo-v6\nmemfd-v2\n";
	for (f.info_cut = 1; f.info_cut < 100; f.info_cut++) {
		k = inspect_bzimage(&f);
		assert_int_equal(k.n_abis, 1);
		assert_string_equal(k.abis[0], "luo-v9");
	}
}

static void test_config(void **state _unused_)
{
	struct fake_kernel f = without_luo;
	struct kimage k;

	f.config = "#\n# Linux/x86 7.3.4 Kernel Configuration\n#\nCONFIG_X86=y\n"
		   "CONFIG_KEXEC_HANDOVER=y\n# CONFIG_KEXEC_HANDOVER_DEBUG is not set\n"
		   "CONFIG_KEXEC_HANDOVER_ENABLE_DEFAULT=y\nCONFIG_LIVEUPDATE=y\n"
		   "CONFIG_LIVEUPDATE_MEMFD=y\nCONFIG_CMDLINE_BOOL=y\n"
		   "CONFIG_CMDLINE=\"kho=on a=\\\"b c\\\" d\\\\e\"\n"
		   "# CONFIG_CMDLINE_OVERRIDE is not set\n";
	k = inspect_bzimage(&f);
	assert_facts(&k, ANSWER_YES, KIMAGE_FROM_CONFIG);
	assert_fact(&k.kho_default, ANSWER_YES, KIMAGE_FROM_CONFIG);
	assert_string_equal(k.builtin_cmdline, "kho=on a=\"b c\" d\\e");
	assert_false(k.builtin_cmdline_overrides);

	/* The configuration is believed more than strings. */
	f = with_luo;
	f.padding = 200000;
	f.config = "\nCONFIG_X86=y\nCONFIG_KEXEC_HANDOVER=y\n# CONFIG_LIVEUPDATE is not set\n"
		   "CONFIG_CMDLINE_OVERRIDE=y\n";
	k = inspect_bzimage(&f);
	assert_fact(&k.kho, ANSWER_YES, KIMAGE_FROM_CONFIG);
	assert_fact(&k.kho_default, ANSWER_NO, KIMAGE_FROM_CONFIG);
	assert_fact(&k.liveupdate, ANSWER_NO, KIMAGE_FROM_CONFIG);
	assert_true(k.builtin_cmdline_overrides);
	assert_string_equal(k.builtin_cmdline, "");

	/* Something else between the marks is no configuration. */
	f.config = "hello\n";
	k = inspect_bzimage(&f);
	assert_facts(&k, ANSWER_YES, KIMAGE_FROM_STRINGS);
}

static void test_not_understood(void **state _unused_)
{
	static const enum kimage_compression all[] = { KIMAGE_COMPRESSION_LZO,
						       KIMAGE_COMPRESSION_UNKNOWN };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct fake_kernel f = with_luo;
		struct kimage k;

		f.compression = all[i];
		k = inspect_bzimage(&f);
		assert_int_equal(k.compression, all[i]);
		assert_int_equal(k.payload_error, -EOPNOTSUPP);
		assert_string_equal(k.release, "7.3.4-test");
		assert_facts(&k, ANSWER_UNKNOWN, KIMAGE_FROM_NOTHING);
	}
}

/* Cut short inside of the payload: what was seen counts, what was not is unknown. */
static void test_broken_payload(void **state _unused_)
{
	static const enum kimage_compression all[] = {
		KIMAGE_COMPRESSION_GZIP, KIMAGE_COMPRESSION_XZ,	   KIMAGE_COMPRESSION_LZ4,
		KIMAGE_COMPRESSION_ZSTD, KIMAGE_COMPRESSION_BZIP2,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_free_ char *data = NULL;
		struct fake_kernel f = without_luo;
		struct kimage k;
		uint32_t length;
		size_t size;

		f.compression = all[i];
		data = fake_bzimage(&f, &size);
		memcpy(&length, data + 0x24c, sizeof(length));
		length -= length / 3;
		memcpy(data + 0x24c, &length, sizeof(length));
		assert_int_equal(inspect(data, size, &k), 0);
		assert_int_equal(k.payload_error, -EBADMSG);
		assert_fact(&k.liveupdate, ANSWER_UNKNOWN, KIMAGE_FROM_NOTHING);
	}
}

static void test_nonsense_in_the_header(void **state _unused_)
{
	static const uint32_t numbers[] = { 0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff };
	_cleanup_free_ char *data = NULL;
	struct kimage k;
	size_t size;

	data = fake_bzimage(&with_luo, &size);
	for (size_t at = 0x248; at <= 0x24c; at += 4) {
		char saved[4];

		memcpy(saved, data + at, 4);
		for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
			memcpy(data + at, &numbers[i], 4);
			assert_int_equal(inspect(data, size, &k), 0);
			assert_true(k.payload_error < 0);
			assert_fact(&k.liveupdate, ANSWER_UNKNOWN, KIMAGE_FROM_NOTHING);
		}
		memcpy(data + at, saved, 4);
	}

	/* A version string outside of the setup part is not looked at; the banner tells. */
	memcpy(data + 0x20e, "\xff\xff", 2);
	assert_int_equal(inspect(data, size, &k), 0);
	assert_knows_luo(&k);

	/* Protocol 2.05 knows of no payload and of no longest command line. */
	memcpy(data + 0x206, "\x05\x02", 2);
	assert_int_equal(inspect(data, size, &k), 0);
	assert_int_equal(k.payload_error, -EOPNOTSUPP);
	assert_int_equal(k.cmdline_max, 0);
}

static void test_strings_are_printable(void **state _unused_)
{
	struct fake_kernel f = with_luo;
	struct kimage k;

	f.version = "7.3\xff\x01 x";
	f.note = "luo-v5\xc3\n";
	k = inspect_bzimage(&f);
	assert_string_equal(k.release, "7.3");
	assert_string_equal(k.abis[0], "luo-v5?");
	f.version = NULL;
	f.banner = "Linux version %s (x) Linux version 7.3.4-"
		   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ";
	k = inspect_bzimage(&f);
	assert_string_equal(k.release, "");
}

static void test_no_kernel(void **state _unused_)
{
	_cleanup_close_ int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int huge = memfd_new("test");
	struct fake_kernel f = with_luo;
	_cleanup_free_ char *elf = NULL;
	struct kimage k = { .size = 4711 };
	size_t size;

	assert_int_equal(inspect(NULL, 0, &k), -ENOEXEC);
	assert_int_equal(inspect("hello", 5, &k), -ENOEXEC);
	f.banner = NULL;
	elf = fake_vmlinux(&f, &size);
	assert_int_equal(inspect(elf, size, &k), -ENOEXEC);
	assert_int_equal(inspect(elf, 10, &k), -ENOEXEC);
	assert_int_equal(kimage_inspect_here(dir, &k), -EINVAL);
	assert_int_equal(kimage_inspect_here(-EBADF, &k), -EBADF);
	assert_int_equal(ftruncate(huge, (off_t)KIMAGE_SIZE_MAX + 1), 0);
	assert_int_equal(kimage_inspect_here(huge, &k), -EFBIG);
	assert_int_equal(k.size, 4711);
}

/* Every prefix of a kernel, and every kernel with one byte wrong, ends somehow. */
static void test_survives(void **state _unused_)
{
	_cleanup_free_ char *data = NULL;
	struct fake_kernel f = with_luo;
	struct kimage k;
	size_t size;

	f.note = "luo-v5\n";
	f.info = "luo-v5\nkho-v4\n";
	f.config = "\nCONFIG_LIVEUPDATE=y\n";
	f.compression = KIMAGE_COMPRESSION_GZIP;
	data = fake_bzimage(&f, &size);
	for (size_t n = 0; n < size; n += 7)
		inspect(data, n, &k);
	for (size_t n = 0; n < size; n += 3) {
		data[n] ^= 0x40;
		inspect(data, size, &k);
		data[n] ^= 0x40;
	}
}

/* --- the child --- */

static void test_in_a_child(void **state _unused_)
{
	_cleanup_close_ int fd = -EBADF, text = memfd_new_sealed("test", "hello", 5);
	_cleanup_free_ char *data = NULL;
	struct kimage here, child;
	size_t size;
	int before, after;

	data = fake_bzimage(&with_luo, &size);
	fd = memfd_new_sealed("test", data, size);
	before = fd_dup(fd);
	close_fd(before);
	assert_int_equal(kimage_inspect_here(fd, &here), 0);
	assert_int_equal(kimage_inspect(fd, &child), 0);
	assert_memory_equal(&here, &child, sizeof(here));
	assert_int_equal(kimage_inspect(text, &child), -ENOEXEC);
	assert_int_equal(kimage_inspect(-EBADF, &child), -EBADF);

	/* No fd and no process is left. */
	after = fd_dup(fd);
	close_fd(after);
	assert_int_equal(before, after);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* --- the decompressor's bound --- */

static int count(const void *data _unused_, size_t size, void *userdata)
{
	*(size_t *)userdata += size;
	return 0;
}

static int stop(const void *data _unused_, size_t size _unused_, void *userdata _unused_)
{
	return -ECANCELED;
}

static void test_unpack_bounds(void **state _unused_)
{
	_cleanup_free_ char *data = NULL;
	struct fake_kernel f = with_luo;
	uint32_t offset = 5 * 512 + 64;
	size_t size, total = 0;

	f.compression = KIMAGE_COMPRESSION_GZIP;
	f.padding = 1U << 20;
	data = fake_bzimage(&f, &size);
	assert_int_equal(unpack_gzip(data + offset, size - offset, 2U << 20, count, &total), 0);
	assert_true(total > 1U << 20);
	assert_int_equal(unpack_gzip(data + offset, size - offset, 1U << 20, count, &total),
			 -EFBIG);
	assert_int_equal(unpack_gzip(data + offset, size - offset, 1U << 20, stop, NULL),
			 -ECANCELED);
	assert_true(unpack_gzip("", 0, 1, count, &total) < 0);
}

/* --- the copy --- */

static void test_copy_sealed(void **state _unused_)
{
	char path[] = "/tmp/test-kimage.XXXXXX";
	_cleanup_close_ int file = mkostemp(path, O_CLOEXEC), copy = -EBADF;
	const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	_cleanup_free_ char *data = calloc(1, 3000001), *read_back = NULL;
	uint64_t size = 0;

	memset(data + 2000000, 'k', 1000000);
	assert_int_equal(write(file, data, 3000001), 3000001);
	assert_int_equal(lseek(file, 7, SEEK_SET), 7);
	assert_int_equal(kimage_copy_sealed(file, "kernel", &copy, &size), 0);
	assert_int_equal(size, 3000001);
	assert_int_equal(lseek(file, 0, SEEK_CUR), 7);
	assert_int_equal(fd_read_full(copy, 4000000, &read_back, NULL), 0);
	assert_memory_equal(data, read_back, 3000001);

	/* Opened read-only, as kexec_file_load(2) demands, close-on-exec, and sealed. */
	assert_int_equal(fcntl(copy, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(copy, F_GET_SEALS) & all, all);
	unlink(path);
}

static void test_copy_refuses(void **state _unused_)
{
	_cleanup_close_ int empty = memfd_new("test"), dir = -EBADF, huge = memfd_new("test");
	int copy = -4711, pipe_fds[2];

	dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(ftruncate(huge, (off_t)KIMAGE_SIZE_MAX + 1), 0);
	assert_int_equal(kimage_copy_sealed(empty, "x", &copy, NULL), -ENODATA);
	assert_int_equal(kimage_copy_sealed(dir, "x", &copy, NULL), -EINVAL);
	assert_int_equal(kimage_copy_sealed(pipe_fds[0], "x", &copy, NULL), -EINVAL);
	assert_int_equal(kimage_copy_sealed(huge, "x", &copy, NULL), -EFBIG);
	assert_int_equal(kimage_copy_sealed(-EBADF, "x", &copy, NULL), -EBADF);
	assert_int_equal(copy, -4711);
	close_fd(pipe_fds[0]);
	close_fd(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vmlinux),
		cmocka_unit_test(test_every_compression),
		cmocka_unit_test(test_without_luo),
		cmocka_unit_test(test_seams),
		cmocka_unit_test(test_abi_list),
		cmocka_unit_test(test_kernel_info),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_broken_payload),
		cmocka_unit_test(test_nonsense_in_the_header),
		cmocka_unit_test(test_strings_are_printable),
		cmocka_unit_test(test_no_kernel),
		cmocka_unit_test(test_survives),
		cmocka_unit_test(test_in_a_child),
		cmocka_unit_test(test_unpack_bounds),
		cmocka_unit_test(test_copy_sealed),
		cmocka_unit_test(test_copy_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
