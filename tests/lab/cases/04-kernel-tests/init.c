// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs the kernel's own tests, as the init of three boots, and turns the KTAP they speak into
 * assertions. The stock kernel comes first: which tests of iommufd it does not pass, by their
 * numbers, is told to the project's kernel on the command line, and there whatever stock passes
 * has to pass. Tests that stock does not have just have to pass, and being skipped is not passing.
 * KUnit is in the kernel that is jumped into last.
 *
 * With lab.faults it is two boots of a kernel in which allocations can be made to fail.
 *
 * What the tests say goes to the console, the verdicts to the second serial line.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define KUNIT	   "/sys/kernel/debug/kunit"
#define FAULTS	   "/sys/kernel/debug/fail_page_alloc"
#define HUGE_PAGES "/proc/sys/vm/nr_hugepages"
#define LISTED	   512
#define QUIET_KB   512
/* Bits of /proc/sys/kernel/tainted: bad page, oops, warning, soft lockup */
#define COMPLAINTS (1UL << 5 | 1UL << 7 | 1UL << 9 | 1UL << 14)

/* Tests of one level of a program's KTAP */
struct ktap {
	const char *title;
	int indent;
	bool *stock; /* NULL, or by number: it is known not to pass */
	bool learn;  /* rather than judge */
	unsigned int planned, seen;
};

static char cmdline[2048];
static bool stock_fails[LISTED];
static int results = -EBADF;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	dprintf(results, "%s\n", line);
	tcdrain(results);
	dprintf(1, "%s\n", line);
}

static bool check(bool good, const char *title, const char *what)
{
	say("%s - %s: %s", good ? "ok" : "not ok", title, what);
	return good;
}

static void off(void)
{
	sleep(1);
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
	_exit(1);
}

static void die(const char *what)
{
	say("not ok - %s: %s", what, strerror(errno));
	off();
}

static bool put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* The start of a file, or "" */
static const char *get(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

	text[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
	return text;
}

/* ---- KTAP ---- */

static void ktap_result(struct ktap *k, bool passed, unsigned int number, const char *name)
{
	k->seen++;
	if (number >= LISTED)
		die("more tests than can be listed");
	if (k->learn)
		k->stock[number] = !passed;
	else if (k->stock && k->stock[number])
		say("# %s: %s, as on the stock kernel: %s", k->title,
		    passed ? "passed, not" : "not passed", name);
	else
		check(passed, k->title, name);
}

/* Lines of other levels are somebody else's */
static void ktap_line(struct ktap *k, const char *line)
{
	char word[4] = "", name[128] = "";
	unsigned int number;
	bool good;

	if ((int)strspn(line, " ") != k->indent)
		return;
	line += k->indent;
	if (sscanf(line, "1..%u", &number) == 1)
		k->planned = number;
	good = !strncmp(line, "ok ", 3);
	if (!good && strncmp(line, "not ok ", 7) != 0)
		return;
	line += good ? 3 : 7;
	if (sscanf(line, "%u %3[-] %127s", &number, word, name) != 3 &&
	    sscanf(line, "%u %127s", &number, name) != 2)
		return;
	/* A table that cannot grow, or has one size of pages, is no failure of KUnit's */
	if (good && k->indent && strstr(line, "# SKIP")) {
		k->seen++;
		say("# %s: %s does not apply", k->title, name);
		return;
	}
	ktap_result(k, good && !strstr(line, "# SKIP"), number, name);
}

static void ktap_read(struct ktap *k, FILE *from)
{
	char line[1024];

	while (fgets(line, sizeof line, from)) {
		fputs(line, stdout);
		ktap_line(k, line);
	}
	fclose(from);
	check(k->planned && k->seen == k->planned, k->title, "all that was planned has run");
}

/* ---- programs ---- */

/* Starts a program of ours; what it says can be read from *ret_from */
static pid_t start(const char *name, const char *stage, FILE **ret_from)
{
	char path[64];
	int fds[2];
	pid_t pid;

	snprintf(path, sizeof path, "/tests/%s", name);
	if (pipe(fds) < 0)
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		execl(path, name, stage ? "-s" : NULL, stage, NULL);
		_exit(127);
	}
	close(fds[1]);
	*ret_from = fdopen(fds[0], "r");
	return pid;
}

static void run_ktap(const char *name, bool *stock, bool learn)
{
	struct ktap k = { .title = name, .stock = stock, .learn = learn };
	FILE *from;
	pid_t pid = start(name, NULL, &from);

	ktap_read(&k, from);
	waitpid(pid, NULL, 0);
}

/*
 * What is left behind holds the sessions, and none of our pipe. Where a kernel may lack
 * something the program says that a thing is not tested and goes on; ours lacks nothing.
 * The number of errors that it tells of, or -1.
 */
static int run_stage(const char *name, const char *stage)
{
	int status, number, errors = -1;
	char line[1024], word[8];
	FILE *from;
	pid_t pid = start(name, stage, &from);

	while (fgets(line, sizeof line, from)) {
		fputs(line, stdout);
		line[strcspn(line, "\n")] = 0;
		if (strstr(line, "not tested"))
			check(false, name, line);
		if ((sscanf(line, "# preserve: %*d allocations, %d %6s", &number, word) == 2 ||
		     sscanf(line, "# retrieve: %d %6s", &number, word) == 2) &&
		    !strcmp(word, "errors"))
			errors = number;
	}
	fclose(from);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	check(!status, name, *stage == '1' ? "before the jump" : "after the jump");
	return errors;
}

/* How many of its tests may be skipped at most; with walks one must not */
static void run_suite(const char *name, bool walks, unsigned int skips)
{
	char path[128], line[256];
	struct ktap k = { .title = name, .indent = 4 };
	unsigned int skipped = 0;
	bool walked = false;
	FILE *from;

	snprintf(path, sizeof path, KUNIT "/%s/run", name);
	if (!check(put(path, "1"), name, "the suite is in the kernel"))
		return;
	snprintf(path, sizeof path, KUNIT "/%s/results", name);
	from = fopen(path, "re");
	if (!from)
		die(path);
	while (fgets(line, sizeof line, from)) {
		walked |= !strncmp(line, "    ok ", 7) && strstr(line, " test_collect_tables") &&
			  !strstr(line, "# SKIP");
		skipped += !strncmp(line, "    ok ", 7) && strstr(line, "# SKIP");
	}
	rewind(from);
	ktap_read(&k, from);
	check(skipped <= skips, name, "what applies has run");
	if (walks)
		check(walked, name, "the tables have been walked as for a live update");
}

/* ---- the boots ---- */

static void huge_pages(const char *number)
{
	check(put(HUGE_PAGES, number) && atoi(get(HUGE_PAGES)) == atoi(number), "huge pages",
	      number);
}

static void no_complaints(void)
{
	check(!(strtoul(get("/proc/sys/kernel/tainted"), NULL, 10) & COMPLAINTS), "the kernel",
	      "no warning, no oops");
}

static void load_next(unsigned int boot)
{
	int kernel = open("/next/bzImage", O_RDONLY | O_CLOEXEC);
	int initrd = open("/next/initrd", O_RDONLY | O_CLOEXEC);
	char args[4096];
	size_t n = snprintf(args, sizeof args, "%s lab.boot=%u lab.stock=", cmdline, boot + 1);

	for (unsigned int i = 0; i < LISTED; i++)
		if (stock_fails[i])
			n += snprintf(args + n, sizeof args - n, "%u,", i);
	if (n > sizeof cmdline - 1)
		die("more failures than a command line has room for");
	if (syscall(SYS_kexec_file_load, kernel, initrd, n + 1, args, 0) < 0)
		die("load the next kernel");
	close(kernel);
	close(initrd);
}

static void stock_boot(void)
{
	huge_pages("128");
	run_ktap("iommufd", stock_fails, true);
}

/* As soon as a patch brings it; make-initrd knows */
static void liveupdate_test(void)
{
	if (!access("/tests/iommufd_liveupdate", X_OK))
		run_ktap("iommufd_liveupdate", NULL, false);
	else
		say("ok - iommufd_liveupdate # SKIP no patch of the series has it");
}

static void project_boot(void)
{
	huge_pages("128");
	run_ktap("iommufd", stock_fails, false);
	liveupdate_test();
	huge_pages("0");
	no_complaints();
	run_stage("luo_depend", "1");
}

static void next_boot(void)
{
	run_stage("luo_depend", "2");
	run_suite("luo_abi", false, 0);
	/* Allocations are made to fail in another variant of this case */
	run_suite("dma_liveupdate", false, 1);
	run_suite("amdv1_iommu_test", true, LISTED);
	run_suite("vtdss_iommu_test", true, LISTED);
	run_suite("x86_64_iommu_test", true, LISTED);
	huge_pages("4");
	liveupdate_test();
	no_complaints();
}

static void faults_boot(const char *stage)
{
	char what[64];
	int errors = run_stage("luo_fault", stage);

	snprintf(what, sizeof what, "%d of the allocations that failed made a call fail", errors);
	check(errors > 0, "luo_fault", what);
	no_complaints();
}

/* With allocations that can fail from the beginning: what has been allocated once stays */
static void preserve_boot(void)
{
	check(put(FAULTS "/ignore-gfp-wait", "N") && put(FAULTS "/min-order", "0") &&
		      put(FAULTS "/verbose", "0"),
	      "the kernel", "allocations can be made to fail");
	run_suite("dma_liveupdate", false, 0);
	faults_boot("1");
}

/* In kB, or -1; what can be dropped has been. */
static long memory_free(void)
{
	const char *line;

	put("/proc/sys/vm/drop_caches", "3");
	line = strstr(get("/proc/meminfo"), "MemFree:");
	return line ? strtol(line + strlen("MemFree:"), NULL, 10) : -1;
}

/* luo_fault counts free memory, and a kernel that has just been booted still gives some back. */
static void wait_for_quiet_memory(void)
{
	long last, now = memory_free();

	for (unsigned int i = 0, quiet = 0; i < 60 && quiet < 3; i++) {
		sleep(1);
		last = now;
		now = memory_free();
		quiet = labs(now - last) < QUIET_KB ? quiet + 1 : 0;
	}
	say("# %ld kB are free", now);
}

static void retrieve_boot(void)
{
	wait_for_quiet_memory();
	faults_boot("2");
}

static unsigned int setup(void)
{
	static const char *const mounts[][2] = {
		{ "/proc", "proc" },
		{ "/sys", "sysfs" },
		{ "/dev", "devtmpfs" },
		{ "/tmp", "tmpfs" },
		{ "/sys/kernel/debug", "debugfs" },
	};
	struct utsname name;
	struct termios tio;
	unsigned int boot = 1;
	char *p;
	int fd;

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		mkdir(mounts[i][0], 0755);
		mount(mounts[i][1], mounts[i][0], mounts[i][1], 0, NULL);
	}
	fd = open("/dev/console", O_RDWR);
	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	results = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (!tcgetattr(results, &tio)) {
		cfmakeraw(&tio);
		tcsetattr(results, TCSANOW, &tio);
	}
	snprintf(cmdline, sizeof cmdline, "%s", get("/proc/cmdline"));
	cmdline[strcspn(cmdline, "\n")] = 0;
	/* What we add for the next boot is at the end */
	p = strstr(cmdline, " lab.boot=");
	if (p) {
		boot = strtoul(p + strlen(" lab.boot="), NULL, 10);
		*p++ = 0;
		p = strchr(strstr(p, "lab.stock="), '=') + 1;
		for (unsigned long n; isdigit(*p) && (n = strtoul(p, &p, 10)) < LISTED; p++)
			stock_fails[n] = true;
	}
	uname(&name);
	say("@ boot %u %s %.2f", boot, name.release, strtod(get("/proc/uptime"), NULL));
	return boot;
}

int main(void)
{
	static const struct boot {
		const char *release;
		void (*run)(void);
	} tests[] = {
		{ "-stock", stock_boot },
		{ "-luod", project_boot },
		{ "-next", next_boot },
		{},
	}, faults[] = {
		{ "-debug", preserve_boot },
		{ "-debug", retrieve_boot },
		{},
	};
	unsigned int boot = setup(), count = 0;
	const struct boot *boots = strstr(cmdline, "lab.faults") ? faults : tests;
	struct utsname name;

	while (boots[count].run)
		count++;
	if (boot > count)
		die("another boot");
	uname(&name);
	check(!strcmp(strrchr(name.release, '-'), boots[boot - 1].release), "the kernel",
	      name.release);
	if (boot < count)
		load_next(boot);
	boots[boot - 1].run();
	if (boot == count) {
		say("@ done");
		off();
	}
	/* With what has been learnt */
	if (boot == 1)
		load_next(boot);
	fflush(stdout);
	reboot(LINUX_REBOOT_CMD_KEXEC);
	die("kexec");
}
