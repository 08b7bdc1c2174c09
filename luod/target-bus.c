/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target-bus - Load and Unload of org.luod1.Manager; documented in org.luod1(5). */
#include "cmdline.h"
#include "handover.h"
#include "kdev-kexec.h"
#include "log.h"
#include "manager-bus.h"
#include "polkit-bus.h"

#define COMMAND_LINE_MAX 65536

struct load_options {
	const char *command_line, *append, *kernel_path, *initrd_path;
	int reuse_command_line;
	int initrd;
};

static const struct option_spec load_specs[] = {
	{ "initrd", 'h', offsetof(struct load_options, initrd), NULL },
	{ "command-line", 's', offsetof(struct load_options, command_line), NULL },
	{ "append", 's', offsetof(struct load_options, append), NULL },
	{ "reuse-command-line", 'b', offsetof(struct load_options, reuse_command_line), NULL },
	{ "kernel-path", 's', offsetof(struct load_options, kernel_path), NULL },
	{ "initrd-path", 's', offsetof(struct load_options, initrd_path), NULL },
};

/* What the next kernel's command line is to be; the caller frees it. */
static int compose_command_line(struct manager *m, const struct load_options *o, char **ret,
				sd_bus_error *error)
{
	_cleanup_free_ char *path = strprintf("%s/proc/cmdline", m->paths.root);
	_cleanup_free_ char *running = NULL, *reused = NULL;
	int r;

	if (!o->command_line == !o->reuse_command_line)
		return sd_bus_error_set(error, LUOD_ERROR("InvalidOption"),
					"Give either 'command-line' or 'reuse-command-line'.");
	if (o->reuse_command_line) {
		r = path ? file_read_full(path, COMMAND_LINE_MAX, &running, NULL) : -ENOMEM;
		if (r < 0)
			return r;
		running[strcspn(running, "\n")] = '\0';
		reused = cmdline_for_next(running);
		if (!reused)
			return -ENOMEM;
	}
	*ret = strprintf("%s%s%s", reused ? reused : o->command_line, isempty(o->append) ? "" : " ",
			 strempty(o->append));
	return *ret ? 0 : -ENOMEM;
}

/* What luod cannot hand over it does not take. */
static int check_load(const struct load_options *o, const char *command_line, sd_bus_error *error)
{
	const struct {
		const char *what, *text;
	} texts[] = {
		{ "command-line", command_line },
		{ "kernel-path", o->kernel_path },
		{ "initrd-path", o->initrd_path },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int r = handover_check_text(strempty(texts[i].text), LIMIT_TEXT);

		if (r == -EILSEQ)
			return sd_bus_error_setf(error, LUOD_ERROR("InvalidOption"),
						 "'%s' is no UTF-8.", texts[i].what);
		if (r < 0)
			return sd_bus_error_setf(
				error, LUOD_ERROR("InvalidOption"),
				"'%s' is longer than %d bytes%s.", texts[i].what, LIMIT_TEXT,
				texts[i].text == command_line ? ", with what is appended" : "");
	}
	return 0;
}

static int load_granted(struct manager *manager, sd_bus_message *m, sd_bus_error *error)
{
	_cleanup_free_ char *command_line = NULL, *text = NULL;
	struct load_options o = { .initrd = -EBADF };
	int kernel, r;

	if ((r = sd_bus_message_rewind(m, true)) < 0 ||
	    (r = sd_bus_message_read(m, "h", &kernel)) < 0 ||
	    (r = options_read(m, load_specs, ARRAY_SIZE(load_specs), &o, error)) < 0 ||
	    (r = manager_refuse_while_active(manager, error)) < 0 ||
	    (r = compose_command_line(manager, &o, &command_line, error)) < 0 ||
	    (r = check_load(&o, command_line, error)) < 0)
		return r;
	r = target_load(&manager->target, kernel, o.initrd, command_line, o.kernel_path,
			o.initrd_path, &text);
	if (r < 0)
		return sd_bus_error_set(error,
					r == -ENOSYS		     ? LUOD_ERROR("NotSupported")
					: r == -EPERM || r == -EBUSY ? LUOD_ERROR("Kernel")
								     : LUOD_ERROR("BadImage"),
					strempty(text));
	log_info("Loaded %s (%s)", target_release(&manager->target), strempty(o.kernel_path));
	manager_store_target(manager);
	return sd_bus_reply_method_return(m, NULL);
}

int method_load(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return polkit_check(userdata, m, "org.luod1.load", load_granted, error);
}

static int unload_granted(struct manager *manager, sd_bus_message *m, sd_bus_error *error)
{
	int r = manager_refuse_while_active(manager, error);

	if (r < 0)
		return r;
	if (!manager->target.loaded)
		return sd_bus_error_set(error, LUOD_ERROR("NoKernel"), "No kernel is loaded.");
	r = target_unload(&manager->target);
	if (r < 0)
		return sd_bus_error_setf(error, LUOD_ERROR("Kernel"),
					 "The kernel does not unload it: %s.", strerror(-r));
	manager_store_target(manager);
	return sd_bus_reply_method_return(m, NULL);
}

int method_unload(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return polkit_check(userdata, m, "org.luod1.load", unload_granted, error);
}
