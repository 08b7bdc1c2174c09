/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus-json - any D-Bus value as JSON, for what luctl passes on without knowing it (`luctl watch`).
 *
 * Variants are transparent, dictionaries with string keys become objects, structs and all other
 * arrays become arrays. JSON has no unsigned 64-bit numbers in jansson: what does not fit, such as
 * "infinity", becomes null. Fds are not passed on either.
 */
#include "luctl/bus-private.h"

/* D-Bus allows 64 levels of nesting; nothing that luod says comes near this. */
#define DEPTH_MAX 16

static int read_value(sd_bus_message *m, unsigned int depth, json_t **ret);

static json_t *json_unsigned(uint64_t value)
{
	return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *json_string_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

/* The eight bytes are enough for each of D-Bus's basic types. */
static int read_basic(sd_bus_message *m, char type, json_t **ret)
{
	union {
		uint8_t y;
		int b;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
		double d;
		const char *s;
	} value = {};
	json_t *json;
	int r;

	r = sd_bus_message_read_basic(m, type, &value);
	if (r < 0)
		return r;
	switch (type) {
	case 'y':
		json = json_integer(value.y);
		break;
	case 'b':
		json = json_boolean(value.b);
		break;
	case 'n':
		json = json_integer(value.n);
		break;
	case 'q':
		json = json_integer(value.q);
		break;
	case 'i':
		json = json_integer(value.i);
		break;
	case 'u':
		json = json_integer(value.u);
		break;
	case 'x':
		json = json_integer(value.x);
		break;
	case 't':
		json = json_unsigned(value.t);
		break;
	case 'd':
		json = json_real(value.d) ?: json_null();
		break;
	case 's':
	case 'o':
	case 'g':
		json = json_string_or_null(value.s);
		break;
	default:
		json = json_null();
		break;
	}
	if (!json)
		return -ENOMEM;
	*ret = json;
	return 0;
}

/* Every value up to the end of the container that @m is in. */
static int read_rest(sd_bus_message *m, unsigned int depth, json_t **ret)
{
	_cleanup_(json_decrefp) json_t *array = json_array();
	int r = 0;

	while (array && (r = sd_bus_message_at_end(m, false)) == 0) {
		json_t *item;

		r = read_value(m, depth, &item);
		if (r < 0)
			return r;
		if (json_array_append_new(array, item) < 0)
			return -ENOMEM;
	}
	if (r < 0)
		return r;
	if (!array)
		return -ENOMEM;
	*ret = TAKE_PTR(array);
	return 0;
}

static int read_entries(sd_bus_message *m, const char *contents, unsigned int depth, json_t **ret)
{
	_cleanup_(json_decrefp) json_t *object = json_object();
	const char *key;
	json_t *value;
	int r;

	if (!object)
		return -ENOMEM;
	while ((r = sd_bus_message_enter_container(m, 'e', contents)) > 0) {
		r = sd_bus_message_read_basic(m, contents[0], &key);
		if (r >= 0)
			r = read_value(m, depth, &value);
		if (r < 0)
			return r;
		if (json_object_set_new(object, key, value) < 0)
			return -ENOMEM;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(object);
	return 0;
}

/* "{sv}" with a string-like key → "sv" in @buffer. */
static bool is_dictionary(const char *contents, char *buffer, size_t size)
{
	size_t n = strlen(contents);

	if (contents[0] != '{' || !strchr("sog", contents[1]) || n - 2 >= size)
		return false;
	memcpy(buffer, contents + 1, n - 2);
	buffer[n - 2] = '\0';
	return true;
}

static int read_container(sd_bus_message *m, char type, const char *contents, unsigned int depth,
			  json_t **ret)
{
	_cleanup_(json_decrefp) json_t *json = NULL, *only = NULL;
	char entry[256];
	int r;

	r = sd_bus_message_enter_container(m, type, contents);
	if (r < 0)
		return r;
	if (type == 'a' && is_dictionary(contents, entry, sizeof(entry)))
		r = read_entries(m, entry, depth, &json);
	else
		r = read_rest(m, depth, &json);
	if (r < 0)
		return r;
	r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;
	if (type == 'v') {
		only = json_incref(json_array_get(json, 0));
		*ret = TAKE_PTR(only);
	} else {
		*ret = TAKE_PTR(json);
	}
	return 0;
}

static int read_value(sd_bus_message *m, unsigned int depth, json_t **ret)
{
	const char *contents;
	char type;
	int r;

	if (depth >= DEPTH_MAX)
		return -EBADMSG;
	r = sd_bus_message_peek_type(m, &type, &contents);
	if (r < 0)
		return r;
	if (r == 0)
		return -EBADMSG;
	return contents ? read_container(m, type, contents, depth + 1, ret)
			: read_basic(m, type, ret);
}

int luctl_read_json(sd_bus_message *m, json_t **ret)
{
	return read_value(m, 0, ret);
}

int luctl_read_json_all(sd_bus_message *m, json_t **ret)
{
	return read_rest(m, 0, ret);
}
