/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feature - see feature.h.
 *
 * What LUO and KHO show without being opened: the device is registered only when LUO is on, and
 * LUO switches itself off when KHO is not (kernel: luo_early_startup(), liveupdate_ioctl_init()).
 * So /sys/class/misc/liveupdate proves both. When it is missing, the kernel's list of symbols says
 * whether the code is there at all.
 */
#include "feature.h"

#include "cmdline.h"
#include "kdev-kexec.h"
#include "kimage.h"
#include "util.h"

#define ABI_LIST     "/sys/kernel/liveupdate/abi"
#define ABI_LIST_MAX (64U << 10)

/* What several probes look at, read once. */
struct evidence {
	enum answer device;		/* LUO's device is registered */
	enum answer luo_code, kho_code; /* functions of each are linked in */
	enum answer debugfs_kho;	/* yes or unknown: debugfs is a debugging aid */
	char *cmdline;
	char *abi_list;
	char device_abis[KIMAGE_N_DEVICE_FAMILIES][KIMAGE_ABI_LENGTH];
	char dma_memory_abis[KIMAGE_N_DMA_MEMORY_FAMILIES][KIMAGE_ABI_LENGTH];
};

struct verdict {
	enum answer answer;
	const char *from;
};

static bool exists(const char *root, const char *path)
{
	_cleanup_free_ char *full = strprintf("%s%s", root, path);

	return full && access(full, F_OK) == 0;
}

static char *read_text(const char *root, const char *path, size_t max)
{
	_cleanup_free_ char *full = strprintf("%s%s", root, path);
	char *text = NULL;

	if (full)
		file_read_full(full, max, &text, NULL);
	return text;
}

/* A line of /proc/kallsyms is "address type name", with "\t[module]" behind a module's symbols. */
static void read_symbols(const char *root, struct evidence *e)
{
	_cleanup_free_ char *path = strprintf("%s/proc/kallsyms", root), *line = NULL;
	_cleanup_fclose_ FILE *f = path ? fopen(path, "re") : NULL;
	size_t room = 0, lines = 0;

	if (!f)
		return;
	while (getline(&line, &room, f) > 0) {
		const char *name = strrchr(line, ' ');

		lines++;
		if (!name)
			continue;
		if (streq(name, " liveupdate_enabled\n"))
			e->luo_code = ANSWER_YES;
		else if (streq(name, " kho_is_enabled\n"))
			e->kho_code = ANSWER_YES;
	}
	/* An empty list is one that is kept from us. */
	if (lines && !e->luo_code)
		e->luo_code = ANSWER_NO;
	if (lines && !e->kho_code)
		e->kho_code = ANSWER_NO;
}

/* The name on the list that begins so; "" when there is none. */
static void abi_of_family(const char *list, const char *family, char ret[static KIMAGE_ABI_LENGTH])
{
	for (const char *line = list; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, family, strlen(family)) != 0)
			continue;
		snprintf(ret, KIMAGE_ABI_LENGTH, "%.*s", (int)strcspn(line, "\n"), line);
		return;
	}
	*ret = '\0';
}

static void abis_of_families(const char *list, const char *const *families, size_t n,
			     char (*ret)[KIMAGE_ABI_LENGTH])
{
	for (size_t i = 0; i < n; i++)
		abi_of_family(list, families[i], ret[i]);
}

static void evidence_gather(struct evidence *e, const char *root)
{
	static const char *const devices[] = KIMAGE_DEVICE_FAMILIES;
	static const char *const dma_memory[] = KIMAGE_DMA_MEMORY_FAMILIES;

	*e = (struct evidence){
		.cmdline = read_text(root, "/proc/cmdline", 64U << 10),
		.abi_list = read_text(root, ABI_LIST, ABI_LIST_MAX),
	};
	abis_of_families(e->abi_list, devices, ARRAY_SIZE(devices), e->device_abis);
	abis_of_families(e->abi_list, dma_memory, ARRAY_SIZE(dma_memory), e->dma_memory_abis);
	if (exists(root, "/sys/class/misc/liveupdate"))
		e->device = ANSWER_YES;
	else if (exists(root, "/sys/class/misc"))
		e->device = ANSWER_NO;
	if (exists(root, "/sys/kernel/debug/kho/out/fdt"))
		e->debugfs_kho = ANSWER_YES;
	/* Long to read; the device has told all of it. */
	if (e->device != ANSWER_YES)
		read_symbols(root, e);
}

static void evidence_clear(struct evidence *e)
{
	free(e->cmdline);
	free(e->abi_list);
}

static struct verdict probe_liveupdate(const struct evidence *e)
{
	if (e->device == ANSWER_YES)
		return (struct verdict){ ANSWER_YES, "the device /dev/liveupdate" };
	if (e->luo_code != ANSWER_UNKNOWN)
		return (struct verdict){ e->luo_code, "the kernel's symbols" };
	return (struct verdict){ ANSWER_UNKNOWN, "no device, and no list of symbols to look at" };
}

static struct verdict probe_liveupdate_enabled(const struct evidence *e)
{
	if (e->device == ANSWER_UNKNOWN)
		return (struct verdict){ ANSWER_UNKNOWN, "/sys is not readable" };
	return (struct verdict){ e->device, "the device /dev/liveupdate" };
}

static struct verdict probe_kho(const struct evidence *e)
{
	if (e->device == ANSWER_YES)
		return (struct verdict){ ANSWER_YES, "LUO is on, and cannot be without KHO" };
	if (e->debugfs_kho == ANSWER_YES)
		return (struct verdict){ ANSWER_YES, "debugfs" };
	if (e->kho_code == ANSWER_NO)
		return (struct verdict){ ANSWER_NO, "the kernel's symbols" };
	if (e->cmdline && cmdline_get_bool(e->cmdline, "kho") == ANSWER_NO)
		return (struct verdict){ ANSWER_NO, "kho=off on the kernel command line" };
	/* kho=on proves nothing: KHO gives up when it cannot reserve its scratch memory. */
	return (struct verdict){ ANSWER_UNKNOWN, "shown by LUO or debugfs only" };
}

static struct verdict probe_kexec_file_load(const struct evidence *e _unused_)
{
	switch (kdev_kexec_can_file_load()) {
	case 1:
		return (struct verdict){ ANSWER_YES, "the system call" };
	case 0:
		return (struct verdict){ ANSWER_NO, "the system call does not exist" };
	case -EPERM:
		return (struct verdict){ ANSWER_NO,
					 "the system call is forbidden "
					 "(kernel.kexec_load_disabled, or no CAP_SYS_BOOT)" };
	default:
		return (struct verdict){ ANSWER_UNKNOWN, "the system call gave an odd answer" };
	}
}

static struct verdict probe_session_unpreserve(const struct evidence *e _unused_)
{
	/* No file of the kernel's tells, and a session only to try it may be in somebody's way. */
	return (struct verdict){ ANSWER_UNKNOWN, "shown by a session only" };
}

static bool abi_list_has(const char *list, const char *abi)
{
	size_t length = strlen(abi);

	for (const char *line = list; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, abi, length) == 0 && (!line[length] || line[length] == '\n'))
			return true;
	}
	return false;
}

static struct verdict probe_noexec_seal(const struct evidence *e)
{
	if (abi_list_has(e->abi_list, KIMAGE_ABI_MEMFD_MODE))
		return (struct verdict){ ANSWER_YES, ABI_LIST };
	return (struct verdict){ ANSWER_NO, "not announced in " ABI_LIST };
}

static struct verdict probe_abi_list(const struct evidence *e)
{
	return (struct verdict){ e->abi_list ? ANSWER_YES : ANSWER_NO, ABI_LIST };
}

/* All of them are needed. */
static struct verdict probe_abis(const char (*abis)[KIMAGE_ABI_LENGTH], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!*abis[i])
			return (struct verdict){ ANSWER_NO, "not announced in " ABI_LIST };
	return (struct verdict){ ANSWER_YES, ABI_LIST };
}

static struct verdict probe_devices(const struct evidence *e)
{
	return probe_abis(e->device_abis, ARRAY_SIZE(e->device_abis));
}

static struct verdict probe_dma_memory(const struct evidence *e)
{
	return probe_abis(e->dma_memory_abis, ARRAY_SIZE(e->dma_memory_abis));
}

static const struct {
	const char *name;
	const char *help;
	struct verdict (*probe)(const struct evidence *e);
} table[FEATURE_MAX] = {
	[FEATURE_LIVEUPDATE] = {
		"liveupdate", "The kernel has the Live Update Orchestrator (CONFIG_LIVEUPDATE).",
		probe_liveupdate,
	},
	[FEATURE_LIVEUPDATE_ENABLED] = {
		"liveupdate-enabled", "It is switched on: booted with liveupdate=on, and KHO works.",
		probe_liveupdate_enabled,
	},
	[FEATURE_KHO] = {
		"kho", "Kexec handover is there and on; it carries memory into the next kernel.",
		probe_kho,
	},
	[FEATURE_KEXEC_FILE_LOAD] = {
		"kexec-file-load", "kexec_file_load(2) may be used; only it hands anything over.",
		probe_kexec_file_load,
	},
	[FEATURE_SESSION_UNPRESERVE] = {
		"session-unpreserve", "One resource can be taken out of a kernel session again, "
		"so that calling an update off does not need its owner.",
		probe_session_unpreserve,
	},
	[FEATURE_NOEXEC_SEAL] = {
		"noexec-seal", "A memfd made with MFD_NOEXEC_SEAL comes back writable.",
		probe_noexec_seal,
	},
	[FEATURE_ABI_LIST] = {
		"abi-list", "The kernel lists the handover ABIs it speaks in " ABI_LIST ".",
		probe_abi_list,
	},
	[FEATURE_DEVICES] = {
		"devices", "Devices of vfio-pci go along and keep doing DMA (CONFIG_VFIO_PCI_LIVEUPDATE).",
		probe_devices,
	},
	[FEATURE_DMA_MEMORY] = {
		"dma-memory", "DMA buffers of pci-dmamem go along, at their bus address (CONFIG_PCI_DMAMEM).",
		probe_dma_memory,
	},
};

const char *feature_to_string(enum feature feature)
{
	return table[feature].name;
}

const char *feature_help(enum feature feature)
{
	return table[feature].help;
}

void features_probe(struct features *ret, const char *root)
{
	_cleanup_(evidence_clear) struct evidence e;

	evidence_gather(&e, strempty(root));
	memcpy(ret->device_abis, e.device_abis, sizeof(ret->device_abis));
	memcpy(ret->dma_memory_abis, e.dma_memory_abis, sizeof(ret->dma_memory_abis));
	for (size_t i = 0; i < FEATURE_MAX; i++) {
		struct verdict v = table[i].probe(&e);

		ret->of[i].answer = v.answer;
		ret->of[i].from = v.from;
	}
}
