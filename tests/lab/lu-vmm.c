/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lu-vmm - a VMM without a guest: what the lab's cases and the demo carry across a live update.
 *
 * Its "guest" (lu-guest.h) is a memory that is written without end. Before the jump the writing is
 * paused and a checksum of every byte is left in the memory itself; after the jump the same
 * program, started again by systemd, claims its session, compares, and lets the guest go on from
 * where it was. It keeps no state of its own: everything it needs to know is in luod's session and
 * in the memory.
 *
 * Also an example of liblu: vmm_on_event() is all that an update asks of a VMM.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include <liblu.h>

#include "lu-guest.h"

#define TICK_USEC      2000
#define PAGES_PER_TICK 32 /* 64 MiB/s: busy, and leaves an emulated CPU to the others */
#define RETRY_USEC     50000
#define RAM_LABEL      "ram0"
#define RAM_TOKEN      1 /* delegation */

enum exit_code {
	EXIT_CORRUPT = 3, /* the memory is not what it was */
};

struct vmm {
	/* what the command line says */
	const char *name;
	const char *address;
	const char *veto;
	const char *state_file;
	const char *before_ready;
	struct lu_session_options session_options;
	uint64_t size;
	uint64_t slow_ready_usec;
	uint64_t slow_done_usec;
	uint64_t start_usec; /* how long to wait for luod at the start */
	bool exit_after_ready;
	bool once;

	struct lu *lu;
	struct lu_session *session;
	int state_fd;

	struct guest guest;
	bool preserved;		/* delegation: in the kernel session of this update */
	uint64_t ready_at_usec; /* when to say Ready; 0: nothing to say */
	uint64_t done_at_usec;	/* the same of Done */
};

static uint64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* One line to stdout, to the state file and to systemd. */
__attribute__((format(printf, 2, 3))) static void say(struct vmm *v, const char *format, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line) - 1, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	sd_notifyf(0, "STATUS=%.*s", n, line);
	line[n++] = '\n';
	fwrite(line, 1, (size_t)n, stdout);
	fflush(stdout);
	/* One write: a reader never sees half a line. */
	if (v->state_fd >= 0 && write(v->state_fd, line, (size_t)n) < 0)
		perror("lu-vmm: state file");
}

__attribute__((noreturn)) static void die(struct vmm *v, const char *what, int error)
{
	const char *text = v->lu ? lu_error_text(v->lu) : "";

	say(v, "failed %s: %s%s%s", what, strerror(-error), *text ? ": " : "", text);
	exit(EXIT_FAILURE);
}

/*
 * What luod said to a call. -ESTALE, -EBUSY: things have moved on, and an event that says so is on
 * its way. -ENOTCONN: luod is away; vmm_follow() tries again when it is back.
 */
static bool took(struct vmm *v, const char *what, int r)
{
	if (r == -ESTALE || r == -EBUSY || r == -ENOTCONN)
		return false;
	if (r < 0)
		die(v, what, r);
	return true;
}

/* the guest's memory */

static void vmm_pause(struct vmm *v)
{
	if (!guest_runs(&v->guest))
		return;
	guest_pause(&v->guest);
	say(v, "paused %016" PRIx64, v->guest.page->checksum);
}

/* The memory is as it was when the guest was paused, or that is the end. True: it was paused. */
static bool vmm_resume(struct vmm *v)
{
	struct guest_page *page = v->guest.page;
	uint64_t sum;

	if (guest_runs(&v->guest))
		return false;
	sum = guest_checksum(&v->guest);
	if (sum != page->checksum) {
		say(v, "corrupt %016" PRIx64 " instead of %016" PRIx64, sum, page->checksum);
		exit(EXIT_CORRUPT);
	}
	say(v, "verified %016" PRIx64, sum);
	page->phase = GUEST_RUNNING;
	return true;
}

static bool ram_with_luod(struct vmm *v)
{
	struct lu_resource resource = { .size = sizeof(resource) };

	for (size_t i = 0; lu_session_resource(v->session, i, &resource) > 0; i++)
		if (strcmp(resource.label, RAM_LABEL) == 0)
			return true;
	return false;
}

/* Custody: luod takes the memory over at any time but during an update. */
static void ram_attach(struct vmm *v)
{
	int r;

	if (lu_session_mode(v->session) != LU_MODE_CUSTODY || ram_with_luod(v))
		return;
	r = lu_session_attach_memory(v->session, RAM_LABEL, v->guest.fd, NULL);
	if (took(v, "attach", r))
		say(v, "attached");
}

/* Delegation: once per update, from the moment there is a kernel session. */
static void ram_preserve(struct vmm *v)
{
	int r;

	if (lu_session_mode(v->session) != LU_MODE_DELEGATION || v->preserved)
		return;
	r = lu_session_preserve(v->session, RAM_LABEL, v->guest.fd, RAM_TOKEN);
	/* Preserved before, but not declared: luod was not in a state to take it. */
	if (r == -EEXIST)
		r = lu_session_declare(v->session, RAM_LABEL, "memory", RAM_TOKEN, v->guest.size);
	if (!took(v, "preserve", r))
		return;
	v->preserved = true;
	say(v, "preserved");
}

/* Gets the memory of a session that was claimed. Without any (it never had, or the memory went
 * with the process that did): false. */
static bool ram_take_back(struct vmm *v)
{
	bool crossed = lu_session_state(v->session) == LU_STATE_CLAIMED;
	int fd, r;

	if (lu_session_mode(v->session) == LU_MODE_CUSTODY) {
		if (!ram_with_luod(v))
			return false;
		r = lu_session_get_resource(v->session, RAM_LABEL, &fd, NULL);
	} else {
		if (!crossed)
			return false;
		r = lu_session_retrieve(v->session, RAM_TOKEN, &fd);
	}
	if (r >= 0)
		r = guest_map(&v->guest, fd);
	if (r < 0)
		die(v, "taking the memory back", r);
	if (v->guest.page->magic == GUEST_MAGIC)
		return true;
	say(v, "corrupt: there is no guest in it");
	exit(EXIT_CORRUPT);
}

/* an update */

/* The other side of the jump. */
static void vmm_come_back(struct vmm *v)
{
	if (vmm_resume(v))
		v->guest.page->jumps++;
	if (took(v, "resumed", lu_session_resumed(v->session)))
		say(v, "resumed");
}

static void vmm_done(struct vmm *v)
{
	v->done_at_usec = 0;
	if (!took(v, "done", lu_session_done(v->session)))
		return;
	say(v, "done %" PRIu64, v->guest.page->jumps);
	if (v->once)
		exit(EXIT_SUCCESS);
}

/* What a state of the session asks of this program; asking twice does no harm. */
static void vmm_follow(struct vmm *v, enum lu_state state)
{
	switch (state) {
	case LU_STATE_PREPARING:
		ram_preserve(v);
		break;
	case LU_STATE_IDLE:
		v->preserved = false;
		vmm_resume(v);
		ram_attach(v);
		break;
	case LU_STATE_LEFT_BEHIND:
		vmm_resume(v);
		break;
	case LU_STATE_CLAIMED:
		vmm_come_back(v);
		break;
	case LU_STATE_RESUMED:
		v->done_at_usec = now_usec() + v->slow_done_usec;
		break;
	case LU_STATE_LOST:
		say(v, "failed lost: %s", lu_session_reason(v->session));
		exit(EXIT_FAILURE);
	case LU_STATE_UNKNOWN:
	case LU_STATE_READY:
	case LU_STATE_VETOED:
	case LU_STATE_UNCLAIMED:
		break;
	}
}

static void vmm_prepare(struct vmm *v, const char *update_id)
{
	say(v, "prepare %s", update_id);
	if (v->veto) {
		if (took(v, "veto", lu_session_veto(v->session, v->veto)))
			say(v, "vetoed");
		return;
	}
	vmm_pause(v);
	ram_preserve(v);
	v->ready_at_usec = now_usec() + v->slow_ready_usec;
}

static void vmm_ready(struct vmm *v)
{
	v->ready_at_usec = 0;
	if (v->before_ready && system(v->before_ready) != 0)
		say(v, "failed %s", v->before_ready);
	if (!took(v, "ready", lu_session_ready(v->session)))
		return;
	say(v, "ready");
	if (v->exit_after_ready)
		exit(EXIT_SUCCESS);
}

static void vmm_on_event(struct vmm *v, const struct lu_event *event)
{
	switch (event->type) {
	case LU_EVENT_PREPARE:
		vmm_prepare(v, event->update_id);
		break;
	case LU_EVENT_CANCELLED:
		say(v, "cancelled %s", event->reason);
		v->ready_at_usec = 0;
		v->preserved = false;
		vmm_resume(v);
		break;
	case LU_EVENT_STATE:
		say(v, "state %s", lu_state_to_string(event->state));
		vmm_follow(v, event->state);
		break;
	case LU_EVENT_DISCONNECTED:
		say(v, "disconnected");
		break;
	case LU_EVENT_RECONNECTED:
		say(v, "reconnected");
		vmm_follow(v, lu_session_state(v->session));
		break;
	case LU_EVENT_NONE:
		break;
	}
}

static void vmm_process(struct vmm *v)
{
	struct lu_event event = { .size = sizeof(event) };
	int r;

	while ((r = lu_process(v->lu, &event)) > 0)
		vmm_on_event(v, &event);
	if (r < 0)
		die(v, "lu_process", r);
}

static uint64_t vmm_patience(const struct vmm *v)
{
	uint64_t now = now_usec();

	if (guest_runs(&v->guest))
		return TICK_USEC;
	if (v->ready_at_usec)
		return v->ready_at_usec > now ? v->ready_at_usec - now : 0;
	return LU_USEC_INFINITY;
}

__attribute__((noreturn)) static void vmm_loop(struct vmm *v)
{
	int r;

	for (;;) {
		r = lu_wait(v->lu, vmm_patience(v));
		if (r < 0 && r != -EINTR)
			die(v, "lu_wait", r);
		if (r > 0)
			vmm_process(v);
		if (v->ready_at_usec && now_usec() >= v->ready_at_usec)
			vmm_ready(v);
		if (v->done_at_usec && now_usec() >= v->done_at_usec)
			vmm_done(v);
		if (guest_runs(&v->guest))
			guest_run(&v->guest, PAGES_PER_TICK);
	}
}

/* the start */

/* This process may be there before luod is, or before luod has restored what it was handed. */
static int vmm_open_session(struct vmm *v)
{
	struct lu_event event = { .size = sizeof(event) };
	int r;

	(void)lu_wait(v->lu, RETRY_USEC);
	r = lu_process(v->lu, &event);
	if (r < 0)
		return r;
	r = lu_session_claim(v->lu, v->name, &v->session);
	if (r == -ENOENT)
		r = lu_session_create(v->lu, v->name, &v->session_options, &v->session);
	return r;
}

static void vmm_connect(struct vmm *v)
{
	struct lu_options o = {
		.size = sizeof(o),
		.address = v->address,
		.flags = LU_FLAG_CONNECT_LATER,
	};
	uint64_t deadline = now_usec() + v->start_usec;
	int r;

	r = lu_new(&v->lu, &o);
	if (r < 0)
		die(v, "lu_new", r);
	while ((r = vmm_open_session(v)) < 0) {
		if ((r != -ENOTCONN && r != -EBUSY) || now_usec() > deadline)
			die(v, "no session", r);
	}
}

static void vmm_start(struct vmm *v)
{
	enum lu_state state = lu_session_state(v->session);
	bool back = ram_take_back(v);
	int r;

	if (!back) {
		r = guest_create(&v->guest, v->size);
		if (r < 0)
			die(v, "guest memory", r);
	}
	say(v, "%s %s", back ? "claimed" : "created", lu_state_to_string(state));
	vmm_follow(v, state);
	sd_notify(0, "READY=1");
}

/* options */

static uint64_t parse_number(const char *text, const char *suffixes, const uint64_t *factors)
{
	unsigned long long value;
	const char *at;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *text == '-')
		goto bad;
	if (!*end)
		return value;
	at = strchr(suffixes, *end);
	if (!at || end[1])
		goto bad;
	return value * factors[at - suffixes];
bad:
	fprintf(stderr, "lu-vmm: '%s' is not a number\n", text);
	exit(EXIT_FAILURE);
}

static uint64_t parse_size(const char *text)
{
	static const uint64_t factors[] = { 1 << 10, 1 << 20, 1 << 30 };
	uint64_t size = parse_number(text, "KMG", factors) & ~(uint64_t)(GUEST_PAGE - 1);

	return size < 2 * GUEST_PAGE ? 2 * GUEST_PAGE : size;
}

static uint64_t parse_seconds(const char *text)
{
	static const uint64_t factors[] = { 1 };

	return parse_number(text, "s", factors) * 1000000;
}

static unsigned int parse_word(const char *text, const char *first, const char *second)
{
	if (strcmp(text, first) == 0)
		return 1;
	if (strcmp(text, second) == 0)
		return 2;
	fprintf(stderr, "lu-vmm: '%s' is neither '%s' nor '%s'\n", text, first, second);
	exit(EXIT_FAILURE);
}

static void set_name(struct vmm *v, const char *arg)
{
	v->name = arg;
}

static void set_size(struct vmm *v, const char *arg)
{
	v->size = parse_size(arg);
}

static void set_mode(struct vmm *v, const char *arg)
{
	v->session_options.mode = (enum lu_mode)parse_word(arg, "custody", "delegation");
}

static void set_policy(struct vmm *v, const char *arg)
{
	v->session_options.policy = (enum lu_policy)parse_word(arg, "required", "best-effort");
}

static void set_claim_policy(struct vmm *v, const char *arg)
{
	v->session_options.claim_policy = (enum lu_claim_policy)parse_word(arg, "unit", "uid");
}

static void set_unclaimed_policy(struct vmm *v, const char *arg)
{
	v->session_options.unclaimed_policy =
		(enum lu_unclaimed_policy)parse_word(arg, "hold", "finish");
}

static void set_claim_timeout(struct vmm *v, const char *arg)
{
	v->session_options.claim_timeout_usec = parse_seconds(arg);
}

static void set_ready_timeout(struct vmm *v, const char *arg)
{
	v->session_options.ready_timeout_usec = parse_seconds(arg);
}

static void set_slow_ready(struct vmm *v, const char *arg)
{
	v->slow_ready_usec = parse_seconds(arg);
}

static void set_before_ready(struct vmm *v, const char *arg)
{
	v->before_ready = arg;
}

static void set_slow_done(struct vmm *v, const char *arg)
{
	v->slow_done_usec = parse_seconds(arg);
}

static void set_veto(struct vmm *v, const char *arg)
{
	v->veto = arg;
}

static void set_exit_after_ready(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->exit_after_ready = true;
}

static void set_once(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->once = true;
}

static void set_start_timeout(struct vmm *v, const char *arg)
{
	v->start_usec = parse_seconds(arg);
}

static void set_address(struct vmm *v, const char *arg)
{
	v->address = arg;
}

static void set_state_file(struct vmm *v, const char *arg)
{
	v->state_file = arg;
}

static const struct vmm_option {
	const char *name;
	const char *arg; /* NULL: it takes none */
	const char *help;
	void (*set)(struct vmm *v, const char *arg);
} vmm_options[] = {
	{ "name", "NAME", "of the session (vm)", set_name },
	{ "size", "SIZE", "of the guest's memory, as 256M (64M)", set_size },
	{ "mode", "MODE", "custody or delegation: who preserves the memory", set_mode },
	{ "policy", "POLICY", "required or best-effort", set_policy },
	{ "claim-policy", "POLICY", "unit or uid", set_claim_policy },
	{ "unclaimed-policy", "POLICY", "hold or finish", set_unclaimed_policy },
	{ "claim-timeout", "SECONDS", "after which the latter applies", set_claim_timeout },
	{ "ready-timeout", "SECONDS", "to ask luod for, to say Ready", set_ready_timeout },
	{ "slow-ready", "SECONDS", "pause at once, say Ready so much later", set_slow_ready },
	{ "before-ready", "COMMAND", "run this before saying Ready", set_before_ready },
	{ "slow-done", "SECONDS", "say Done so much later than Resumed", set_slow_done },
	{ "veto", "REASON", "answer every update with a veto", set_veto },
	{ "exit-after-ready", NULL, "leave the memory to luod (custody)", set_exit_after_ready },
	{ "once", NULL, "exit when back from an update", set_once },
	{ "start-timeout", "SECONDS", "how long to wait for luod at the start (60)",
	  set_start_timeout },
	{ "address", "ADDRESS", "of luod (its socket, else the system bus)", set_address },
	{ "state-file", "PATH", "where to append one line for every event", set_state_file },
};

#define N_OPTIONS (sizeof(vmm_options) / sizeof(vmm_options[0]))

static void print_usage(FILE *f)
{
	fputs("Usage: lu-vmm [OPTION...]\nA VMM without a guest, for luod's lab and demo.\n\n", f);
	for (size_t i = 0; i < N_OPTIONS; i++)
		fprintf(f, "  --%-17s %-8s %s\n", vmm_options[i].name,
			vmm_options[i].arg ? vmm_options[i].arg : "", vmm_options[i].help);
}

static void parse_arguments(struct vmm *v, int argc, char **argv)
{
	struct option longopts[N_OPTIONS + 1] = { 0 };
	int i;

	for (size_t n = 0; n < N_OPTIONS; n++) {
		longopts[n].name = vmm_options[n].name;
		longopts[n].has_arg = vmm_options[n].arg ? required_argument : no_argument;
		longopts[n].val = (int)n;
	}
	while ((i = getopt_long(argc, argv, "", longopts, NULL)) >= 0) {
		if (i == '?') {
			print_usage(stderr);
			exit(EXIT_FAILURE);
		}
		vmm_options[i].set(v, optarg);
	}
	if (optind < argc) {
		print_usage(stderr);
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	struct vmm v = {
		.name = "vm",
		.size = 64 << 20,
		.start_usec = 60000000,
		.session_options.size = sizeof(v.session_options),
		.guest.fd = -EBADF,
		.state_fd = -EBADF,
	};

	parse_arguments(&v, argc, argv);
	if (v.state_file) {
		v.state_fd = open(v.state_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (v.state_fd < 0)
			die(&v, v.state_file, -errno);
	}
	vmm_connect(&v);
	vmm_start(&v);
	vmm_loop(&v);
}
