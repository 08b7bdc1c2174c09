/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf - lu.conf: where it is looked for, what may stand in it, what it means.
 *
 * The main file is the first that exists of /etc/luod/lu.conf and /usr/lib/luod/lu.conf. Drop-ins
 * `*.conf` from lu.conf.d of /usr/lib/luod, /run/luod and /etc/luod are read after it, sorted by
 * file name over all three folders; of equal names only the one of the last folder counts.
 *
 * One table in conf.c knows every key: its section, its type, its bounds, its default and its
 * description. A mistake in a file never stops anything: an unknown section or key and a bad
 * value are reported to the caller with file and line, and the value from before stays.
 *
 * struct conf is plain data: it may be copied by assignment and needs no destructor. Nothing here
 * logs; the caller does, in the warning callback.
 */
#ifndef LUOD_CONF_H
#define LUOD_CONF_H

#include <stddef.h>
#include <stdint.h>

/* The longest path that fits a UNIX socket address, with its NUL. */
#define CONF_SOCKET_MAX 108

/* The longest other path, with its NUL: a line of the file has at most 199 bytes. */
#define CONF_PATH_MAX 180

enum conf_jump {
	CONF_JUMP_DIRECT,
	CONF_JUMP_SYSTEMD,
};

enum conf_unclaimed {
	CONF_UNCLAIMED_HOLD,
	CONF_UNCLAIMED_FINISH,
};

struct conf {
	/* [Update] */
	enum conf_jump jump;
	uint64_t ready_timeout_usec;
	uint64_t max_ready_timeout_usec;
	uint64_t quiesce_timeout_usec;
	uint64_t step_timeout_usec;
	/* [Sessions] */
	uint64_t claim_timeout_usec; /* USEC_INFINITY: for ever */
	enum conf_unclaimed unclaimed_policy;
	unsigned int max_sessions;
	unsigned int max_sessions_per_user;
	unsigned int max_resources_per_session;
	uint64_t max_bytes_per_user; /* UINT64_MAX: no matter how many */
	/* [Bus] */
	char peer_socket[CONF_SOCKET_MAX];
	/* [Network] */
	char network_links[CONF_PATH_MAX]; /* as net_select_valid() takes them; "": none */
	char session_links[CONF_PATH_MAX]; /* without words */
	/* [Metrics] */
	char metrics_file[CONF_PATH_MAX]; /* "": none */
	/* [Log] */
	int log_level; /* LOG_ERR … LOG_DEBUG */
};

/* One row of the table, for those who document or display the configuration. */
struct conf_key {
	const char *section;
	const char *name;
	const char *value;   /* the default, as it is written in a file */
	const char *allowed; /* what may be written, in words */
	const char *help;    /* one sentence */
};

/*
 * Told once per mistake. @line is 0 when the file as a whole is meant. @message is a full clause
 * that ends in ", ignoring" and is valid only during the call.
 */
typedef void (*conf_warn_t)(const char *file, unsigned int line, const char *message,
			    void *userdata);

/* Every key at its default. */
void conf_default(struct conf *ret);

/*
 * Reads all files below @root ("" or NULL: the real ones). A missing file is not a mistake, and
 * neither is a missing folder. @warn may be NULL.
 *
 * Returns the number of files read, or -ENOMEM; nothing else is fatal.
 */
int conf_load(struct conf *ret, const char *root, conf_warn_t warn, void *userdata);

/*
 * Reads one file's text of @size bytes over what @conf holds. @file is its name in warnings.
 * This is the parser that the fuzzer drives.
 */
void conf_parse(struct conf *conf, const char *file, const char *text, size_t size,
		conf_warn_t warn, void *userdata);

/* The table without its machinery; @index counts from 0, and NULL is returned behind the end. */
const struct conf_key *conf_key_by_index(size_t index);

/*
 * A duration as in systemd's files: "30s", "5min 20s", "1h", "250ms", "infinity"; a number without
 * a unit is seconds. -EINVAL for anything else, -ERANGE when it does not fit.
 */
int conf_parse_duration(const char *text, uint64_t *ret_usec);

/* "direct", "systemd"; "hold", "finish". Parsing: -EINVAL for another word. */
const char *conf_jump_to_string(enum conf_jump jump);
int conf_jump_from_string(const char *text, enum conf_jump *ret);
const char *conf_unclaimed_to_string(enum conf_unclaimed policy);
int conf_unclaimed_from_string(const char *text, enum conf_unclaimed *ret);

#endif
