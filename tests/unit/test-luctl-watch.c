/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What luctl does when luod comes and goes: watch on a peer socket and on a bus of its own, and an
 * update whose luod dies or whose luctl is interrupted. luctl runs in a child process here, because
 * it runs until a signal comes.
 */
#include "luctl-fake.h"
#include "program.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

static struct fake fake;

struct running {
	pid_t pid;
	FILE *out;
	char line[4096];
};

static void start_luctl(struct running *l, const char *const arguments[])
{
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	l->pid = fork();
	assert_true(l->pid >= 0);
	if (l->pid == 0) {
		char *argv[16] = { strdup("luctl") };
		int argc = 1;
		FILE *out = fdopen(pipes[1], "w");

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0; arguments[i]; i++)
			argv[argc++] = strdup(arguments[i]);
		_exit(luctl_run(argc, argv, out, out));
	}
	close(pipes[1]);
	l->out = fdopen(pipes[0], "r");
	/* Lines are waited for with poll(): nothing may linger in a buffer. */
	setvbuf(l->out, NULL, _IONBF, 0);
}

#define START(l, ...) start_luctl(l, (const char *const[]){ __VA_ARGS__, NULL })

/* Reads lines up to one that has @part in it; fails after some seconds without it. */
static const char *expect(struct running *l, const char *part)
{
	for (;;) {
		struct pollfd p = { .fd = fileno(l->out), .events = POLLIN };

		if (poll(&p, 1, 10000) <= 0 || !fgets(l->line, sizeof(l->line), l->out))
			fail_msg("\"%s\" did not come; the last line was: %s", part, l->line);
		assert_null(strstr(l->line, "Spoofed"));
		if (strstr(l->line, part))
			return l->line;
	}
}

static int stop_luctl(struct running *l, int sig)
{
	int status;

	if (sig)
		kill(l->pid, sig);
	waitpid(l->pid, &status, 0);
	fclose(l->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* @destination: luod's name on a bus, NULL on a peer connection. */
static void make_noise(sd_bus *bus, const char *destination)
{
	assert_return_code(sd_bus_call_method(bus, destination, "/org/luod1", "org.luod1.Manager",
					      "MakeNoise", NULL, NULL, NULL),
			   0);
}

/* As luctl connects to a peer. */
static sd_bus *connect_peer(const char *option)
{
	sd_bus *bus;

	assert_return_code(sd_bus_new(&bus), 0);
	assert_return_code(sd_bus_set_address(bus, strchr(option, '=') + 1), 0);
	assert_return_code(sd_bus_start(bus), 0);
	return bus;
}

static void check_lines(struct running *l)
{
	expect(l, "State is loaded");
	expect(l, "PrepareForUpdate " FAKE_ID ", 30000000");
	expect(l, "0/vm1            is gone");
}

static void check_json_lines(struct running *l)
{
	json_t *json = json_loads(expect(l, "PrepareForUpdate"), 0, NULL);

	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "event")), "signal");
	assert_string_equal(json_string_value(json_object_get(json, "object")), "0/vm1");
	assert_string_equal(json_string_value(json_object_get(json, "interface")),
			    "org.luod1.Session");
	assert_int_equal(json_array_size(json_object_get(json, "value")), 2);
	json_decref(json);
	json = json_loads(expect(l, "removed"), 0, NULL);
	assert_non_null(json);
	assert_true(json_is_null(json_object_get(json, "value")));
	json_decref(json);
}

static void test_watch_peer(void **state)
{
	const struct fake_script script = {};
	struct running text = {}, json = {};
	sd_bus *bus;

	fake_start(&fake, &script, NULL);
	START(&text, fake.address, "watch");
	START(&json, fake.address, "watch", "--json");
	expect(&text, "is here, State is loaded");
	expect(&json, "\"connected\"");
	bus = connect_peer(fake.address);
	make_noise(bus, NULL);
	check_lines(&text);
	check_json_lines(&json);
	sd_bus_close_unref(bus);
	assert_int_equal(stop_luctl(&json, SIGINT), LUCTL_OK);

	/* luod goes away and comes back at the same place. */
	kill(fake.pid, SIGKILL);
	waitpid(fake.pid, NULL, 0);
	expect(&text, "is gone");
	{
		struct fake again = {};
		char path[128];

		fake_start(&again, &script, NULL);
		snprintf(path, sizeof(path), "%s/bus", again.directory);
		assert_int_equal(rename(path, strstr(fake.address, "path=") + 5), 0);
		expect(&text, "is here");
		fake_stop(&again);
	}
	assert_int_equal(stop_luctl(&text, SIGTERM), LUCTL_OK);
	fake.pid = 0;
	fake_stop(&fake);
}

static void test_interrupted_update(void **state)
{
	const struct fake_script slow = { .steps = { { "barrier", 5, "0/vm1" } } };
	struct running update = {};

	fake_start(&fake, &slow, NULL);
	START(&update, fake.address, "update");
	expect(&update, "barrier waits for 0/vm1");
	kill(update.pid, SIGINT);
	expect(&update, "Update " FAKE_ID " goes on. 'luctl cancel' calls it off.");
	assert_int_equal(stop_luctl(&update, 0), LUCTL_UNKNOWN);
	fake_stop(&fake);
}

/* --- on a bus ------------------------------------------------------------------------------------- */

struct daemon {
	pid_t pid;
	char directory[64];
	char address[256];
};

static const char daemon_conf[] =
	"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
	" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
	"<busconfig><type>custom</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>"
	"<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
	"<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>";

static bool daemon_start(struct daemon *d)
{
	char conf[128], option[160], socket_path[128];
	FILE *f;

	if (program_run_line("dbus-daemon --version", NULL, NULL) != 0)
		return false;
	snprintf(d->directory, sizeof(d->directory), "/tmp/test-luctl-bus-XXXXXX");
	assert_non_null(mkdtemp(d->directory));
	snprintf(conf, sizeof(conf), "%s/conf", d->directory);
	snprintf(socket_path, sizeof(socket_path), "%s/bus", d->directory);
	snprintf(d->address, sizeof(d->address), "unix:path=%s", socket_path);
	snprintf(option, sizeof(option), "--config-file=%s", conf);
	f = fopen(conf, "we");
	assert_non_null(f);
	fprintf(f, daemon_conf, d->directory);
	fclose(f);
	d->pid = fork();
	if (d->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("dbus-daemon", "dbus-daemon", option, "--nofork", NULL);
		_exit(1);
	}
	for (int i = 0; i < 500 && access(socket_path, F_OK) < 0; i++)
		usleep(10000);
	return true;
}

static void daemon_stop(struct daemon *d)
{
	static const char *const names[] = { "conf", "bus" };

	kill(d->pid, SIGTERM);
	waitpid(d->pid, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", d->directory, names[i]);
		unlink(path);
	}
	rmdir(d->directory);
}

static void test_bus(void **state)
{
	const struct fake_script script = { .steps = { { "quiesce", 4 } }, .die = true };
	struct running watch = {}, update = {}, status = {};
	struct daemon d = {};
	sd_bus *bus;

	if (!daemon_start(&d))
		skip();
	setenv("DBUS_SYSTEM_BUS_ADDRESS", d.address, 1);

	/* Nobody there: said so, with the way out. */
	START(&status, "status");
	expect(&status, "luod is not running. Start it with 'systemctl start luod'.");
	assert_int_equal(stop_luctl(&status, 0), LUCTL_UNREACHABLE);

	fake_start(&fake, &script, d.address);
	START(&watch, "watch", "-v");
	expect(&watch, "using the system bus");
	expect(&watch, "is here");
	assert_return_code(sd_bus_open_system(&bus), 0);
	make_noise(bus, "org.luod1");
	/* Not luod: whatever it says is not heard. */
	sd_bus_emit_signal(bus, "/org/luod1", "org.luod1.Manager", "Spoofed", NULL);
	make_noise(bus, "org.luod1");
	expect(&watch, "PrepareForUpdate");
	expect(&watch, "PrepareForUpdate");
	sd_bus_close_unref(bus);

	/* luod dies in the middle of an update. */
	START(&update, "update");
	expect(&update, "luod went away");
	assert_non_null(strstr(update.line, "in step quiesce"));
	assert_int_equal(stop_luctl(&update, 0), LUCTL_UNKNOWN);
	expect(&watch, "luod             is gone");
	fake_stop(&fake);

	fake_start(&fake, &script, d.address);
	expect(&watch, "is here");
	fake_stop(&fake);
	assert_int_equal(stop_luctl(&watch, SIGINT), LUCTL_OK);
	daemon_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch_peer),
		cmocka_unit_test(test_interrupted_update),
		cmocka_unit_test(test_bus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
