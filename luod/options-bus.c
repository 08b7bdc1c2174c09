/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options-bus - see options-bus.h. */
#include "options-bus.h"

#define OPTIONS_MAX 32

static int refuse(sd_bus_error *error, const char *key, const char *why)
{
	return sd_bus_error_setf(error, LUOD_ERROR("InvalidOption"), "Option '%.*s' %s.",
				 FIT(key, 64), why);
}

static int store_word(const struct option_spec *spec, const char *word, void *field,
		      sd_bus_error *error)
{
	int value;

	if (!spec->from_string) {
		*(const char **)field = word;
		return 0;
	}
	value = spec->from_string(word);
	if (value < 0)
		return refuse(error, spec->key,
			      "has a value that it does not know; see org.luod1(5)");
	*(int *)field = value;
	return 0;
}

static int read_value(sd_bus_message *m, const struct option_spec *spec, void *result,
		      sd_bus_error *error)
{
	const char contents[] = { spec->type, '\0' };
	void *field = (char *)result + spec->offset;
	const char *word;
	int r = sd_bus_message_enter_container(m, 'v', contents);

	if (r == -ENXIO)
		return refuse(error, spec->key, "has another type; see org.luod1(5)");
	if (r < 0)
		return r;
	if (spec->type == 's') {
		r = sd_bus_message_read_basic(m, 's', &word);
		if (r >= 0)
			r = store_word(spec, word, field, error);
	} else {
		r = sd_bus_message_read_basic(m, spec->type, field);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static const struct option_spec *find_spec(const struct option_spec *specs, size_t n,
					   const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (streq(specs[i].key, key))
			return &specs[i];
	return NULL;
}

int options_read(sd_bus_message *m, const struct option_spec *specs, size_t n_specs, void *ret,
		 sd_bus_error *error)
{
	bool seen[OPTIONS_MAX] = {};
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		const struct option_spec *spec;
		const char *key;

		r = sd_bus_message_read_basic(m, 's', &key);
		if (r < 0)
			return r;
		spec = find_spec(specs, n_specs, key);
		if (!spec)
			return refuse(error, key, "is not known here; see org.luod1(5)");
		if (seen[spec - specs])
			return refuse(error, key, "is given twice");
		seen[spec - specs] = true;
		r = read_value(m, spec, ret, error);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}
