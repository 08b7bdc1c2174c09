/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run - the program as a function, and what every verb needs: complaints and a connection. */
#include <stdarg.h>

#include "luctl/luctl.h"
#include "luctl/options.h"
#include "luctl/output.h"

_printf_(2, 0) static void complain(struct luctl *luctl, const char *format, va_list ap)
{
	_cleanup_free_ char *text = NULL, *safe = NULL;

	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	safe = luctl_safe(text);
	fprintf(luctl->err, "luctl: %s\n", strempty(safe));
}

void luctl_complain(struct luctl *luctl, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(luctl, format, ap);
	va_end(ap);
}

void luctl_remark(struct luctl *luctl, const char *format, ...)
{
	va_list ap;

	if (luctl->options.quiet || luctl->options.json)
		return;
	va_start(ap, format);
	complain(luctl, format, ap);
	va_end(ap);
}

int luctl_fail(struct luctl *luctl, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		what = NULL;
	va_end(ap);
	luctl_complain(luctl, "%s%s%s", strempty(what), isempty(what) ? "" : ": ",
		       luctl->error.text ?: "out of memory.");
	return luctl->error.exit_code ?: LUCTL_FAILED;
}

int luctl_connect(struct luctl *luctl)
{
	bool fell_back = false;
	int r;

	if (luctl->bus)
		return 0;
	r = luctl_bus_open(luctl->options.host, luctl->options.address, &luctl->bus, &fell_back,
			   &luctl->error);
	if (luctl->options.verbose && r >= 0) {
		if (luctl->options.host)
			luctl_complain(luctl, "using the system bus of %s", luctl->options.host);
		else if (luctl->options.address)
			luctl_complain(luctl, "using %s", luctl->options.address);
		else if (fell_back)
			luctl_complain(luctl, "there is no system bus, using " LUCTL_PEER_ADDRESS);
		else
			luctl_complain(luctl, "using the system bus");
	}
	return r;
}

int luctl_run(int argc, char **argv, FILE *out, FILE *err)
{
	struct luctl luctl = { .out = out, .err = err };
	const struct luctl_verb *verb;
	char **args;
	int r;

	r = luctl_options_parse(&luctl, argc, argv, &verb, &args);
	if (r == LUCTL_OK)
		r = verb->run(&luctl, args);
	luctl_bus_free(luctl.bus);
	luctl_error_clear(&luctl.error);
	luctl_options_clear(&luctl.options);
	if (fflush(out) == EOF || ferror(out)) {
		if (errno != EPIPE)
			fprintf(err, "luctl: cannot write: %s.\n", strerror(errno));
		return r ?: LUCTL_FAILED;
	}
	return r;
}
