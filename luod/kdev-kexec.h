/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdev-kexec - loading the next kernel and jumping into it (kernel: kernel/kexec_file.c,
 * kernel/kexec_core.c, kernel/reboot.c).
 *
 * Only kexec_file_load(2) is used: an image loaded with kexec_load(2) carries no KHO data, the
 * jump would succeed and every session would be gone.
 *
 * All functions return a negative errno on failure. Nothing here logs or keeps state.
 */
#ifndef LUOD_KDEV_KEXEC_H
#define LUOD_KDEV_KEXEC_H

/*
 * Loads @kernel with @initrd (negative: none) and @cmdline for the next kexec, in place of what was
 * loaded before; when it fails, what was loaded before stays. The caller keeps the fds, and nobody
 * may be able to write to the files (else -ETXTBSY; see kimage_copy_sealed()). Reads and checksums
 * both of them: seconds for large ones.
 *   -ENOEXEC   not an image this kernel can boot
 *   -EINVAL    the command line is too long (x86: 31 less than the setup header's number, so 2016
 *              characters), or @kernel is no regular file
 *   -EPERM     no CAP_SYS_BOOT, or loading is disabled (kernel.kexec_load_disabled)
 *   -EKEYREJECTED, -ENODATA, …  the image's signature is not accepted
 *   -EBUSY     another load is under way
 *   -ENOSYS    a kernel without kexec_file_load(2)
 *   -EADDRNOTAVAIL  no room for it, with KHO: in the scratch area
 */
int kdev_kexec_load(int kernel, int initrd, const char *cmdline);

/* Forgets what is loaded; nothing loaded is no error. */
int kdev_kexec_unload(void);

/* 1 when an image is loaded, by whomever and by whichever call; 0 when none; -EOPNOTSUPP when the
 * kernel has no kexec at all. */
int kdev_kexec_is_loaded(void);

/*
 * 1 when kexec_file_load(2) exists and may be used, 0 when the kernel lacks it, -EPERM when it is
 * there and forbidden. Found out by a call that the kernel refuses for its flags.
 */
int kdev_kexec_can_file_load(void);

/*
 * The jump. Does not return when it succeeds. Anything preserved is frozen by the kernel first; if
 * that fails it is unfrozen and the errno says why, and all goes on as before:
 *   -EINVAL  nothing is loaded
 *   -EBUSY   a load is under way, or something preserved refuses to be frozen
 *   other    from whatever refused the freeze
 * File systems are not synced.
 */
int kdev_kexec_jump(void);

#endif
