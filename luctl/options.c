/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options - two tables, verbs and options, and what reads them.
 *
 * An option says which verbs understand it; with another verb it is refused by name rather than
 * ignored. Options may stand before and behind the verb.
 */
#include "luctl/options.h"

#include <getopt.h>

#include "luctl/output.h"

enum {
	STATUS,
	SESSIONS,
	CLOSE,
	DEVICES,
	CHECK,
	LOAD,
	UNLOAD,
	UPDATE,
	CANCEL,
	TIMELINE,
	HISTORY,
	NET,
	WATCH,
	VERSION,
	HELP,
};

static const struct luctl_verb verbs[] = {
	[STATUS] = { "status", luctl_verb_status, 0, 0, "",
		     "what luod does, which kernel is loaded, what the last update came to" },
	[SESSIONS] = { "sessions", luctl_verb_sessions, 0, 1024, "[SESSION...]",
		       "the sessions, or all about some of them" },
	[CLOSE] = { "close", luctl_verb_close, 1, 1024, "SESSION...",
		    "give up sessions, with what they hold" },
	[DEVICES] = { "devices", luctl_verb_devices, 0, 1024, "[DEVICE...]",
		      "the devices of VFIO, or all about some of them" },
	[CHECK] = { "check", luctl_verb_check, 0, 0, "",
		    "what stands against an update; changes nothing" },
	[LOAD] = { "load", luctl_verb_load, 1, 1, "KERNEL", "load the next kernel" },
	[UNLOAD] = { "unload", luctl_verb_unload, 0, 0, "", "forget the loaded kernel" },
	[UPDATE] = { "update", luctl_verb_update, 0, 0, "",
		     "change to the loaded kernel, guests included" },
	[CANCEL] = { "cancel", luctl_verb_cancel, 0, 0, "", "call the running update off" },
	[TIMELINE] = { "timeline", luctl_verb_timeline, 0, 1, "[UPDATE-ID]",
		       "where the time of an update went" },
	[HISTORY] = { "history", luctl_verb_history, 0, 0, "",
		      "the updates there were: who, when, why, and what they came to" },
	[NET] = { "net", luctl_verb_net, 1, 1, "show|diff|replay",
		  "the network that goes along: what it is, what has changed, make it again" },
	[WATCH] = { "watch", luctl_verb_watch, 0, 0, "",
		    "follow what luod announces until interrupted" },
	[VERSION] = { "version", luctl_verb_version, 0, 0, "",
		      "the versions of luctl and of luod" },
	[HELP] = { "help", luctl_verb_help, 0, 0, "", "this text" },
};

#define ALL	   (~0u)
#define ONLY(verb) (1u << (verb))

enum option_kind {
	FLAG,	  /* bool */
	TEXT,	  /* char * */
	JUMP,	  /* char *, one of two words */
	OPTIONAL, /* char *, "" without argument */
	DURATION, /* uint64_t */
	COUNT,	  /* uint64_t, from 1 */
	SHOW_HELP,
	SHOW_VERSION,
};

struct option_entry {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	size_t offset;	      /* in struct luctl_options */
	unsigned int verbs;   /* which of them know it */
	const char *argument; /* NULL: takes none */
	const char *help;
};

#define MEMBER(m) offsetof(struct luctl_options, m)

static const struct option_entry entries[] = {
	{ "host", 'H', TEXT, MEMBER(host), ALL, "[USER@]HOST",
	  "speak to luod on another host, over ssh" },
	{ "address", 0, TEXT, MEMBER(address), ALL, "ADDRESS",
	  "speak to luod's own socket, such as " LUCTL_PEER_ADDRESS },
	{ "json", 0, FLAG, MEMBER(json), ALL & ~ONLY(HELP), NULL, "print JSON" },
	{ "no-legend", 0, FLAG, MEMBER(no_legend), ALL, NULL,
	  "print no headings and no summaries" },
	{ "quiet", 'q', FLAG, MEMBER(quiet), ALL, NULL, "print only what was asked for" },
	{ "verbose", 'v', FLAG, MEMBER(verbose), ALL, NULL, "say how luod is reached" },
	{ "help", 'h', SHOW_HELP, 0, ALL, NULL, "this text" },
	{ "version", 0, SHOW_VERSION, 0, ALL, NULL, "the version of luctl" },
	{ "initrd", 0, TEXT, MEMBER(initrd), ONLY(LOAD), "FILE",
	  "initial RAM disk of the next kernel" },
	{ "command-line", 0, TEXT, MEMBER(command_line), ONLY(LOAD), "STRING", "its command line" },
	{ "reuse-command-line", 0, FLAG, MEMBER(reuse), ONLY(LOAD), NULL,
	  "the running command line as it is (the default)" },
	{ "append", 0, TEXT, MEMBER(append), ONLY(LOAD), "STRING",
	  "the running command line and this" },
	{ "jump", 0, JUMP, MEMBER(jump), ONLY(UPDATE), "direct|systemd",
	  "how to get there (default: as configured)" },
	{ "reason", 0, TEXT, MEMBER(reason), ONLY(UPDATE) | ONLY(CANCEL), "TEXT",
	  "kept with the update" },
	{ "force", 0, FLAG, MEMBER(force), ONLY(UPDATE), NULL,
	  "update in spite of error findings" },
	{ "no-wait", 0, FLAG, MEMBER(no_wait), ONLY(UPDATE), NULL,
	  "start the update, do not follow it" },
	{ "timeout", 0, DURATION, MEMBER(timeout_usec), ONLY(UPDATE), "TIME",
	  "stop following after this time; the update goes on" },
	{ "svg", 0, OPTIONAL, MEMBER(svg), ONLY(TIMELINE), "FILE",
	  "draw it, into a file or to the standard output" },
	{ "record", 0, TEXT, MEMBER(record), ONLY(NET), "FILE",
	  "a record that net show has printed as JSON" },
	{ "last", 0, FLAG, MEMBER(last), ONLY(NET), NULL,
	  "show the record of the last update, not one of now" },
	{ "limit", 'n', COUNT, MEMBER(limit), ONLY(HISTORY), "N", "only the newest N" },
};

/* getopt's number of an option without a letter. */
#define OPTION_BASE 256

static int replace_text(char **s, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*s);
	*s = copy;
	return 0;
}

static bool parse_count(const char *text, uint64_t *ret)
{
	unsigned long long n;

	errno = 0;
	n = strtoull(text, NULL, 10);
	if (errno || strspn(text, "0123456789") != strlen(text) || n < 1)
		return false;
	*ret = n;
	return true;
}

static int has_argument(const struct option_entry *e)
{
	if (!e->argument)
		return no_argument;
	return e->kind == OPTIONAL ? optional_argument : required_argument;
}

static int apply(struct luctl *luctl, const struct option_entry *e, const char *argument,
		 const struct luctl_verb **ret_verb)
{
	char *member = (char *)&luctl->options + e->offset;

	switch (e->kind) {
	case FLAG:
		*(bool *)member = true;
		return LUCTL_OK;
	case JUMP:
		if (!streq(argument, "direct") && !streq(argument, "systemd")) {
			luctl_complain(luctl, "--%s=%s: must be %s.", e->name, argument,
				       e->argument);
			return LUCTL_USAGE;
		}
		return replace_text((char **)member, argument) < 0 ? LUCTL_FAILED : LUCTL_OK;
	case TEXT:
		return replace_text((char **)member, argument) < 0 ? LUCTL_FAILED : LUCTL_OK;
	case OPTIONAL:
		return replace_text((char **)member, strempty(argument)) < 0 ? LUCTL_FAILED
									     : LUCTL_OK;
	case COUNT:
		if (!parse_count(argument, (uint64_t *)member)) {
			luctl_complain(luctl, "--%s=%s: must be a number from 1.", e->name,
				       argument);
			return LUCTL_USAGE;
		}
		return LUCTL_OK;
	case DURATION:
		if (luctl_parse_duration(argument, (uint64_t *)member) < 0) {
			luctl_complain(luctl, "--%s=%s: must be a time such as 30s, 500ms, 5min.",
				       e->name, argument);
			return LUCTL_USAGE;
		}
		return LUCTL_OK;
	case SHOW_HELP:
		*ret_verb = &verbs[HELP];
		return LUCTL_OK;
	case SHOW_VERSION:
		*ret_verb = &verbs[VERSION];
		return LUCTL_OK;
	}
	return LUCTL_FAILED;
}

/* Fills in getopt's two views of the table. */
static void describe(struct option *longs, char *shorts)
{
	/* No '+' in front, so that options may follow the verb; ':' keeps getopt silent. */
	*shorts++ = ':';
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		const struct option_entry *e = &entries[i];

		longs[i] = (struct option){
			e->name,
			has_argument(e),
			NULL,
			OPTION_BASE + (int)i,
		};
		if (e->letter) {
			*shorts++ = e->letter;
			if (e->argument)
				*shorts++ = ':';
		}
	}
	longs[ARRAY_SIZE(entries)] = (struct option){};
	*shorts = '\0';
}

static const struct option_entry *find_entry(int c)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (c == OPTION_BASE + (int)i || (entries[i].letter && c == entries[i].letter))
			return &entries[i];
	return NULL;
}

static int find_verb(struct luctl *luctl, const char *name, const struct luctl_verb **ret)
{
	if (!name) {
		*ret = &verbs[STATUS];
		return LUCTL_OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!streq(verbs[i].name, name))
			continue;
		*ret = &verbs[i];
		return LUCTL_OK;
	}
	luctl_complain(luctl, "unknown verb '%s'. 'luctl help' lists them.", name);
	return LUCTL_USAGE;
}

static int check_arguments(struct luctl *luctl, const struct luctl_verb *verb, unsigned int used,
			   unsigned int n_args)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		if (!(used & (1u << i)) || entries[i].verbs & ONLY(verb - verbs))
			continue;
		luctl_complain(luctl, "'luctl %s' knows no option --%s. See 'luctl help'.",
			       verb->name, entries[i].name);
		return LUCTL_USAGE;
	}
	if (n_args < verb->min_args || n_args > verb->max_args) {
		luctl_complain(luctl, "too %s arguments. Usage: luctl %s%s%s",
			       n_args < verb->min_args ? "few" : "many", verb->name,
			       *verb->synopsis ? " " : "", verb->synopsis);
		return LUCTL_USAGE;
	}
	if (luctl->options.host && luctl->options.address) {
		luctl_complain(luctl, "--host and --address exclude each other.");
		return LUCTL_USAGE;
	}
	if (luctl->options.svg && luctl->options.json) {
		luctl_complain(luctl, "--svg and --json exclude each other.");
		return LUCTL_USAGE;
	}
	if (luctl->options.command_line && (luctl->options.append || luctl->options.reuse)) {
		luctl_complain(luctl, "--command-line excludes --%s.",
			       luctl->options.append ? "append" : "reuse-command-line");
		return LUCTL_USAGE;
	}
	return LUCTL_OK;
}

static int bad_option(struct luctl *luctl, int c, char **argv)
{
	const struct option_entry *e = find_entry(optopt);

	if (c == ':' && e)
		luctl_complain(luctl, "--%s needs an argument: %s", e->name, e->argument);
	else if (e)
		luctl_complain(luctl, "--%s takes no argument.", e->name);
	else if (optopt)
		luctl_complain(luctl, "unknown option -%c. See 'luctl help'.", optopt);
	else
		luctl_complain(luctl, "unknown or ambiguous option %s. See 'luctl help'.",
			       argv[optind - 1]);
	return LUCTL_USAGE;
}

int luctl_options_parse(struct luctl *luctl, int argc, char **argv,
			const struct luctl_verb **ret_verb, char ***ret_args)
{
	struct option longs[ARRAY_SIZE(entries) + 1];
	char shorts[ARRAY_SIZE(entries) * 2 + 2];
	const struct luctl_verb *instead = NULL, *verb = NULL;
	unsigned int used = 0;
	int c, r;

	_Static_assert(ARRAY_SIZE(entries) <= 32, "options no longer fit into a word");
	describe(longs, shorts);
	luctl->options.timeout_usec = USEC_INFINITY;
	luctl->options.limit = UINT64_MAX;
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
		const struct option_entry *e = find_entry(c);

		if (!e)
			return bad_option(luctl, c, argv);
		used |= 1u << (e - entries);
		r = apply(luctl, e, optarg, &instead);
		if (r != LUCTL_OK)
			return r;
		/* --version asks for luctl's alone, --help for no check of the rest. */
		if (instead) {
			luctl->options.quiet |= instead == &verbs[VERSION];
			*ret_verb = instead;
			*ret_args = argv + argc;
			return LUCTL_OK;
		}
	}
	r = find_verb(luctl, argv[optind], &verb);
	if (r != LUCTL_OK)
		return r;
	if (argv[optind])
		optind++;
	r = check_arguments(luctl, verb, used, (unsigned int)(argc - optind));
	if (r != LUCTL_OK)
		return r;
	*ret_verb = verb;
	*ret_args = argv + optind;
	return LUCTL_OK;
}

void luctl_options_clear(struct luctl_options *options)
{
	free(options->host);
	free(options->address);
	free(options->initrd);
	free(options->command_line);
	free(options->append);
	free(options->jump);
	free(options->reason);
	free(options->svg);
	free(options->record);
	*options = (struct luctl_options){};
}

/* --- help --------------------------------------------------------------------------------------- */

/* Understood by most verbs: told once, not for each of them. */
static bool is_general(const struct option_entry *e)
{
	return __builtin_popcount(e->verbs) > 8;
}

static void print_option(struct luctl *luctl, const struct option_entry *e)
{
	const char *open = e->kind == OPTIONAL ? "[=" : e->argument ? "=" : "";
	_cleanup_free_ char *text = strprintf("--%s%s%s%s", e->name, open, strempty(e->argument),
					      e->kind == OPTIONAL ? "]" : "");
	char letter[] = { '-', e->letter, ',', '\0' };

	fprintf(luctl->out, "  %3s %-26s %s\n", e->letter ? letter : "", strempty(text), e->help);
}

static void print_general_options(struct luctl *luctl)
{
	fputs("\nOptions:\n", luctl->out);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (is_general(&entries[i]))
			print_option(luctl, &entries[i]);
}

static void print_options_of(struct luctl *luctl, const struct luctl_verb *verb)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		const struct option_entry *e = &entries[i];

		if (!(e->verbs & ONLY(verb - verbs)) || is_general(e))
			continue;
		if (first)
			fprintf(luctl->out, "\nOptions of %s:\n", verb->name);
		first = false;
		print_option(luctl, e);
	}
}

int luctl_verb_help(struct luctl *luctl, char **argv)
{
	fputs("luctl [OPTION…] [VERB]\n\n"
	      "Updates the kernel under running guests, by way of luod(8).\n\nVerbs:\n",
	      luctl->out);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		_cleanup_free_ char *text = strprintf("%s %s", verbs[i].name, verbs[i].synopsis);

		fprintf(luctl->out, "  %-24s %s\n", strempty(text), verbs[i].help);
	}
	print_general_options(luctl);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		print_options_of(luctl, &verbs[i]);
	fputs("\nluctl(1) has the exit codes and the JSON documents.\n", luctl->out);
	return LUCTL_OK;
}
