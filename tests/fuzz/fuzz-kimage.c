/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kimage: any file is either refused or described by facts and strings that may be shown. The
 * parser runs in this process, where the sanitizers see it.
 *
 * The seeds were made by tests/unit/fake-kernel.c: a vmlinux, and bzImages of every compression,
 * with and without the note and the configuration.
 */
#include <ctype.h>

#include "luod/kimage.h"
#include "luod/util.h"

static void check_text(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	if (n == room)
		abort();
	for (size_t i = 0; i < n; i++)
		if (!isascii((unsigned char)text[i]) || !isprint((unsigned char)text[i]))
			abort();
}

static void check_fact(const struct kimage_fact *fact)
{
	if (fact->answer > ANSWER_YES || fact->from >= KIMAGE_FROM_MAX)
		abort();
	if ((fact->answer == ANSWER_UNKNOWN) != (fact->from == KIMAGE_FROM_NOTHING))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_new_sealed("fuzz", data, size);
	struct kimage k;

	if (fd < 0 || kimage_inspect_here(fd, &k) < 0)
		return 0;
	check_text(k.release, sizeof(k.release));
	check_text(k.builtin_cmdline, sizeof(k.builtin_cmdline));
	if (k.n_abis > KIMAGE_ABIS_MAX || k.compression >= KIMAGE_COMPRESSION_MAX)
		abort();
	for (unsigned int i = 0; i < k.n_abis; i++)
		check_text(k.abis[i], sizeof(k.abis[i]));
	check_fact(&k.kho);
	check_fact(&k.kho_default);
	check_fact(&k.liveupdate);
	check_fact(&k.liveupdate_memfd);
	return 0;
}
