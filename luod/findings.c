/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings - see findings.h. */
#include "findings.h"

const char *severity_to_string(enum severity severity)
{
	static const char *const names[] = {
		[SEVERITY_INFO] = "info",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};

	return names[severity];
}

void findings_addv(struct findings *findings, enum severity severity, const char *code,
		   const char *object, const char *format, va_list ap)
{
	_cleanup_free_ char *message = NULL, *copy = strdup(object);
	struct finding *grown;

	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	grown = reallocarray(findings->items, findings->n + 1, sizeof(*grown));
	if (grown)
		findings->items = grown;
	if (!message || !copy || !grown) {
		findings->out_of_memory = true;
		return;
	}
	findings->items[findings->n++] = (struct finding){
		.severity = severity,
		.code = code,
		.object = TAKE_PTR(copy),
		.message = TAKE_PTR(message),
	};
}

void findings_add(struct findings *findings, enum severity severity, const char *code,
		  const char *object, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	findings_addv(findings, severity, code, object, format, ap);
	va_end(ap);
}

void findings_free(struct findings *findings)
{
	if (!findings)
		return;
	for (size_t i = 0; i < findings->n; i++) {
		free(findings->items[i].object);
		free(findings->items[i].message);
	}
	free(findings->items);
	*findings = (struct findings){};
}

bool findings_block(const struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++)
		if (findings->items[i].severity == SEVERITY_ERROR)
			return true;
	return false;
}

static bool said_before(const struct findings *findings, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (findings->items[i].severity == SEVERITY_ERROR &&
		    streq(findings->items[i].code, findings->items[at].code))
			return true;
	return false;
}

char *findings_errors(const struct findings *findings)
{
	char *text = strdup("");

	for (size_t i = 0; text && i < findings->n; i++) {
		char *longer;

		if (findings->items[i].severity != SEVERITY_ERROR || said_before(findings, i))
			continue;
		longer = strprintf("%s%s%s", text, *text ? ", " : "", findings->items[i].code);
		free(text);
		text = longer;
	}
	return text;
}

/* Insertion keeps the order of equals, and there are few. */
void findings_sort(struct findings *f)
{
	for (size_t i = 1; i < f->n; i++) {
		struct finding item = f->items[i];
		size_t at = i;

		for (; at && f->items[at - 1].severity < item.severity; at--)
			f->items[at] = f->items[at - 1];
		f->items[at] = item;
	}
}
