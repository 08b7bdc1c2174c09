/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options: a dictionary a{sv} as any client of the bus may send one. Taken is what the table has, each
 * key at most once and with its type; everything else is refused by the name of the error that
 * org.luod1(5) promises, and what no option was given for is as it was.
 *
 * The input is a row of entries: which key (one of the table's, or what comes next), which type, how
 * long the value is, and the value.
 */
#include <sys/socket.h>

#include "luod/options-bus.h"

#define UNSET_WORD   ((const char *)&unset)
#define UNSET_NUMBER 0xfedcba9876543210ULL
#define UNSET_INT    (-77)

static const int unset;

static int color_from_string(const char *word)
{
	return streq(word, "red") ? 0 : streq(word, "green") ? 1 : -EINVAL;
}

struct options {
	const char *reason;
	uint64_t timeout;
	int force, color, memory;
};

static const struct option_spec specs[] = {
	{ "reason", 's', offsetof(struct options, reason), NULL },
	{ "timeout-usec", 't', offsetof(struct options, timeout), NULL },
	{ "force", 'b', offsetof(struct options, force), NULL },
	{ "color", 's', offsetof(struct options, color), color_from_string },
	{ "memory", 'h', offsetof(struct options, memory), NULL },
};

static void must(bool good)
{
	if (!good)
		abort();
}

/* A connection that is only begun is enough to make messages. */
static sd_bus *make_bus(void)
{
	int pair[2];
	sd_bus *bus;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	must(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, pair[0], pair[0]) >= 0);
	must(sd_bus_negotiate_fds(bus, 1) >= 0 && sd_bus_start(bus) >= 0);
	return bus;
}

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t take_byte(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

/* UTF-8 is the library's to check: what it would not send is made so that it would. */
static char *take_text(struct input *in)
{
	size_t length = take_byte(in);
	char *text;

	if (length > in->size)
		length = in->size;
	text = strndup((const char *)in->data, length);
	must(text);
	in->data += length;
	in->size -= length;
	for (char *c = text; *c; c++)
		*c &= 0x7f;
	return text;
}

static uint64_t take_number(struct input *in)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | take_byte(in);
	return value;
}

struct given {
	unsigned int n;			       /* entries in all */
	unsigned int times[ARRAY_SIZE(specs)]; /* of each key */
	bool odd;			       /* a key that is not known, or another type */
};

static int append_value(sd_bus_message *m, char type, struct input *in)
{
	_cleanup_free_ char *text = type == 's' ? take_text(in) : NULL;
	uint64_t number = type == 's' ? 0 : take_number(in);

	switch (type) {
	case 's':
		return sd_bus_message_append(m, "v", "s", text);
	case 't':
		return sd_bus_message_append(m, "v", "t", number);
	case 'b':
		return sd_bus_message_append(m, "v", "b", (int)(number & 1));
	case 'h':
		return sd_bus_message_append(m, "v", "h", STDERR_FILENO);
	case 'i':
		return sd_bus_message_append(m, "v", "i", (int)(uint32_t)number);
	case 'a':
		return sd_bus_message_append(m, "v", "as", 1, "red");
	case 'v':
		return sd_bus_message_append(m, "v", "v", "t", number);
	default:
		return sd_bus_message_append(m, "v", "a{sv}", 1, "reason", "t", number);
	}
}

static void append_entry(sd_bus_message *m, struct input *in, struct given *given)
{
	static const char types[] = "stbhiavd";
	uint8_t which = take_byte(in);
	size_t known = which % (ARRAY_SIZE(specs) + 1);
	_cleanup_free_ char *key = known < ARRAY_SIZE(specs) ? strdup(specs[known].key)
							     : take_text(in);
	/* Mostly the right one. */
	char type = known < ARRAY_SIZE(specs) && which < 0xc0
			    ? specs[known].type
			    : types[take_byte(in) % (sizeof(types) - 1)];

	must(key);
	must(sd_bus_message_open_container(m, 'e', "sv") >= 0);
	must(sd_bus_message_append_basic(m, 's', key) >= 0);
	must(append_value(m, type, in) >= 0);
	must(sd_bus_message_close_container(m) >= 0);
	given->n++;
	for (known = 0; known < ARRAY_SIZE(specs) && !streq(key, specs[known].key);)
		known++;
	if (known < ARRAY_SIZE(specs) && type == specs[known].type)
		given->times[known]++;
	else
		given->odd = true;
}

static void check(int r, const sd_bus_error *error, const struct options *o,
		  const struct given *given)
{
	bool twice = false;

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		twice |= given->times[i] > 1;
	if (r < 0) {
		must(sd_bus_error_has_name(error, LUOD_ERROR("InvalidOption")));
		must(!isempty(error->message));
		return;
	}
	must(!given->odd && !twice && !sd_bus_error_is_set(error));
	must((o->reason != UNSET_WORD) == given->times[0]);
	must((o->force != UNSET_INT) == given->times[2]);
	must((o->color != UNSET_INT) == given->times[3]);
	must((o->memory != UNSET_INT) == given->times[4]);
	must(given->times[1] || o->timeout == UNSET_NUMBER);
	must(o->color == UNSET_INT || o->color == 0 || o->color == 1);
	must(o->force == UNSET_INT || o->force == 0 || o->force == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static sd_bus *bus;
	struct options o = { UNSET_WORD, UNSET_NUMBER, UNSET_INT, UNSET_INT, UNSET_INT };
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct input in = { data, size };
	struct given given = {};
	sd_bus_message *m;

	if (!bus)
		bus = make_bus();
	must(sd_bus_message_new_method_call(bus, &m, "a.b", "/", "a.b", "C") >= 0);
	must(sd_bus_message_open_container(m, 'a', "{sv}") >= 0);
	while (in.size > 0)
		append_entry(m, &in, &given);
	must(sd_bus_message_close_container(m) >= 0);
	must(sd_bus_message_seal(m, 1, 0) >= 0 && sd_bus_message_rewind(m, 1) >= 0);
	check(options_read(m, specs, ARRAY_SIZE(specs), &o, &error), &error, &o, &given);
	sd_bus_message_unref(m);
	return 0;
}
