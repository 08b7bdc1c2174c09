/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load - the verbs load and unload. Files are opened here, as the caller, and handed over as fds:
 * luod reads nothing that the caller could not have read, and checks the image that is loaded.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

struct file {
	int fd;
	char *path; /* absolute; for display only */
};

static void file_clear(struct file *file)
{
	file->fd = close_fd(file->fd);
	free(file->path);
}

/* Complains about what it cannot open; returns an exit code. */
static int open_file(struct luctl *luctl, const char *path, struct file *ret)
{
	/* Not to hang on a FIFO; it makes no difference to a file. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char *real;

	if (fd < 0 || fstat(fd, &st) < 0) {
		luctl_complain(luctl, "Cannot open %s: %s.", path, strerror(errno));
		return LUCTL_FAILED;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		luctl_complain(luctl, "%s is %s.", path,
			       S_ISREG(st.st_mode) ? "empty" : "not a regular file");
		return LUCTL_FAILED;
	}
	real = realpath(path, NULL) ?: strdup(path);
	if (!real) {
		luctl_complain(luctl, "out of memory");
		return LUCTL_FAILED;
	}
	ret->fd = TAKE_FD(fd);
	ret->path = real;
	return LUCTL_OK;
}

static int print_target(struct luctl *luctl)
{
	_cleanup_(luctl_manager_clear) struct luctl_manager manager = {};
	const struct luctl_target *target = &manager.target;
	_cleanup_free_ char *size = NULL, *release = NULL;

	if (luctl->options.quiet && !luctl->options.json)
		return LUCTL_OK;
	if (luctl_bus_get_manager(luctl->bus, &manager, &luctl->error) < 0)
		return luctl_fail(luctl, "Loaded, but luod does not say what");
	if (luctl->options.json)
		return luctl_print_json(
			luctl, luctl_json_single("target", luctl_json_target(target)), false);
	size = luctl_format_bytes(target->size);
	release = luctl_safe(target->release);
	fprintf(luctl->out, "Loaded kernel %s (%s).\n", strempty(release), strempty(size));
	if (!target->liveupdate)
		luctl_complain(
			luctl,
			"This kernel has no live-update support: guests would not come through. 'luctl check' says more.");
	return LUCTL_OK;
}

/* Of a file that it does not take luod says so in a whole sentence, with its name. */
static int fail_to_load(struct luctl *luctl, const char *path)
{
	static const char begins[] = "Cannot load ";

	if (luctl->error.text && strncmp(luctl->error.text, begins, strlen(begins)) == 0)
		return luctl_fail(luctl, "%s", "");
	return luctl_fail(luctl, "Cannot load %s", path);
}

int luctl_verb_load(struct luctl *luctl, char **argv)
{
	_cleanup_(file_clear) struct file kernel = { .fd = -EBADF }, initrd = { .fd = -EBADF };
	int r;

	r = open_file(luctl, argv[0], &kernel);
	if (r == LUCTL_OK && luctl->options.initrd)
		r = open_file(luctl, luctl->options.initrd, &initrd);
	if (r != LUCTL_OK)
		return r;
	if (luctl_connect(luctl) < 0 ||
	    luctl_bus_load(luctl->bus,
			   &(struct luctl_load){
				   .kernel_fd = kernel.fd,
				   .kernel_path = kernel.path,
				   .initrd_fd = initrd.fd,
				   .initrd_path = initrd.path,
				   .command_line = luctl->options.command_line,
				   .append = luctl->options.append,
			   },
			   &luctl->error) < 0)
		return fail_to_load(luctl, argv[0]);
	return print_target(luctl);
}

int luctl_verb_unload(struct luctl *luctl, char **argv)
{
	int r;

	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_unload(luctl->bus, &luctl->error);
	/* What is asked for is the case already. */
	if (r < 0 && !luctl_error_is(&luctl->error, "NoKernel"))
		return luctl_fail(luctl, "Cannot unload the kernel");
	if (luctl->options.json)
		return luctl_print_json(luctl, luctl_json_single("target", json_null()), false);
	if (!luctl->options.quiet)
		fputs("No kernel is loaded now.\n", luctl->out);
	return LUCTL_OK;
}
