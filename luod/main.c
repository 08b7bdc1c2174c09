/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main - starts the manager and runs its loop. Where luod finds its files can be changed by options,
 * which is how the tests run it beside another one.
 */
#include <getopt.h>
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "fault.h"
#include "log.h"
#include "manager.h"

static const char usage[] =
	"luod - updates the kernel of a host without stopping its guests' devices\n"
	"\n"
	"Usage: luod [OPTION...]\n"
	"\n"
	"  --bus=ADDRESS       D-Bus address instead of the system bus\n"
	"  --peer-socket=PATH  socket for peers instead of PeerSocket= of lu.conf\n"
	"  --keeper=PATH       luod-keeper's socket (/run/luod/keeper)\n"
	"  --host=PATH         luod-host's socket; without it luod does by itself what that does\n"
	"  --run-dir=PATH      run-time state (/run/luod)\n"
	"  --history-dir=PATH  history of updates (/var/lib/luod/history)\n"
	"  --root=PATH         goes before every path of /etc, /usr/lib/luod, /proc, /sys and /dev\n"
	"  --host-root=PATH    goes before the paths of the history and of TextFile= (metrics)\n"
	"  --version           print the version\n"
	"  --help              print this text\n"
	"\n"
	"luod is started by systemd (luod.service); see luod(8) and luctl(1).\n";

/* 1: said what was asked for; 0: go on; negative: wrong usage. */
static int parse_options(int argc, char **argv, struct manager_paths *paths)
{
	enum {
		BUS = 1,
		PEER_SOCKET,
		KEEPER,
		HOST,
		RUN_DIR,
		HISTORY_DIR,
		ROOT,
		HOST_ROOT,
		VERSION,
		HELP
	};
	static const struct option options[] = {
		{ "bus", required_argument, NULL, BUS },
		{ "peer-socket", required_argument, NULL, PEER_SOCKET },
		{ "keeper", required_argument, NULL, KEEPER },
		{ "host", required_argument, NULL, HOST },
		{ "run-dir", required_argument, NULL, RUN_DIR },
		{ "history-dir", required_argument, NULL, HISTORY_DIR },
		{ "root", required_argument, NULL, ROOT },
		{ "host-root", required_argument, NULL, HOST_ROOT },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, HELP },
		{},
	};
	const char **const field[] = {
		[BUS] = &paths->bus_address,	 [PEER_SOCKET] = &paths->peer_socket,
		[KEEPER] = &paths->keeper,	 [RUN_DIR] = &paths->run,
		[HISTORY_DIR] = &paths->history, [ROOT] = &paths->root,
		[HOST] = &paths->host,		 [HOST_ROOT] = &paths->host_root,
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == VERSION)
			puts("luod " LUOD_VERSION);
		else if (c == HELP)
			fputs(usage, stdout);
		else if (c == '?')
			return -EINVAL;
		if (c == VERSION || c == HELP)
			return 1;
		*field[c] = optarg;
	}
	if (optind < argc) {
		fprintf(stderr, "luod: '%s' is not an option; see luod --help\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int on_hangup(sd_event_source *source _unused_, const struct signalfd_siginfo *si _unused_,
		     void *userdata)
{
	manager_load_conf(userdata);
	return 0;
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	return 0;
}

/* The default handlers of SIGTERM and SIGINT end the loop. */
static int watch_signals(struct manager *m)
{
	int r;

	if ((r = sd_event_add_signal(m->event, NULL, SIGTERM, NULL, NULL)) < 0 ||
	    (r = sd_event_add_signal(m->event, NULL, SIGINT, NULL, NULL)) < 0 ||
	    (r = sd_event_add_signal(m->event, NULL, SIGHUP, on_hangup, m)) < 0)
		return r;
	return sd_event_set_watchdog(m->event, true);
}

int main(int argc, char **argv)
{
	_cleanup_(manager_freep) struct manager *m = NULL;
	struct manager_paths paths = {
		.run = "/run/luod",
		.history = "/var/lib/luod/history",
		.keeper = NULL,
		.root = "",
		.host_root = "",
	};
	_cleanup_free_ char *history = NULL;
	int r;

	if (fault_list_asked(argc, argv))
		return EXIT_SUCCESS;
	r = parse_options(argc, argv, &paths);
	if (r != 0)
		return r < 0 ? 2 : EXIT_SUCCESS;
	paths.history = history = strprintf("%s%s", paths.host_root, paths.history);
	if (!history)
		return EXIT_FAILURE;
	umask(022);
	if ((r = block_signals()) < 0 || (r = manager_new(&paths, &m)) < 0 ||
	    (r = watch_signals(m)) < 0) {
		log_error_errno(r, "Cannot start: %m");
		return EXIT_FAILURE;
	}
	r = manager_start(m);
	if (r >= 0)
		r = sd_event_loop(m->event);
	if (r < 0)
		log_error_errno(r, "Ending after an error: %m");
	sd_notify(0, "STOPPING=1");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
