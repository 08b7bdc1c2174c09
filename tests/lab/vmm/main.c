/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main - the command line of lu-vmm; see vmm.h for what it is. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm.h"

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

static void set_before_done(struct vmm *v, const char *arg)
{
	v->before_done = arg;
}

static void set_slow_done(struct vmm *v, const char *arg)
{
	v->slow_done_usec = parse_seconds(arg);
}

static void set_veto(struct vmm *v, const char *arg)
{
	v->veto = arg;
}

static void set_device(struct vmm *v, const char *arg)
{
	v->device.bdf = arg;
	v->device.driver = device_driver_of(arg);
	if (v->device.driver)
		return;
	fprintf(stderr, "lu-vmm: device '%s': %s\n", arg, strerror(errno));
	exit(EXIT_FAILURE);
}

static void set_edu(struct vmm *v, const char *arg)
{
	v->buffer.bdf = arg;
}

static void set_link(struct vmm *v, const char *arg)
{
	if (v->n_links == sizeof(v->links) / sizeof(*v->links))
		errx(2, "too many links");
	v->links[v->n_links++] = arg;
}

static void set_parked(struct vmm *v, const char *arg)
{
	v->parked_usec = parse_seconds(arg);
}

static void set_tell_phases(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->tell_phases = true;
}

static void set_exit_after_ready(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->exit_after_ready = true;
}

static void set_exit_after_preserved(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->exit_after_preserved = true;
}

static void set_reattach(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->reattach = true;
}

static void set_keep_interrupts(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->keep_interrupts = true;
}

static void set_once(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->once = true;
}

static void set_alone(struct vmm *v, const char *arg __attribute__((unused)))
{
	v->alone = true;
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
	{ "device", "ADDRESS", "a PCI device that vfio-pci has, as 0000:00:05.0", set_device },
	{ "edu", "ADDRESS", "an edu device that pci-dmamem has", set_edu },
	{ "link", "NAME", "of the host, that the guest needs; may be said again", set_link },
	{ "parked", "SECONDS", "after a jump, leave it so long as it is", set_parked },
	{ "tell-phases", NULL, "of its life to the lab's host", set_tell_phases },
	{ "mode", "MODE", "custody or delegation: who preserves the memory", set_mode },
	{ "policy", "POLICY", "required or best-effort", set_policy },
	{ "claim-policy", "POLICY", "unit or uid", set_claim_policy },
	{ "unclaimed-policy", "POLICY", "hold or finish", set_unclaimed_policy },
	{ "claim-timeout", "SECONDS", "after which the latter applies", set_claim_timeout },
	{ "ready-timeout", "SECONDS", "to ask luod for, to say Ready", set_ready_timeout },
	{ "slow-ready", "SECONDS", "pause at once, say Ready so much later", set_slow_ready },
	{ "before-ready", "COMMAND", "run this before saying Ready", set_before_ready },
	{ "before-done", "COMMAND", "run this before saying Done", set_before_done },
	{ "slow-done", "SECONDS", "say Done so much later than Resumed", set_slow_done },
	{ "veto", "REASON", "answer every update with a veto", set_veto },
	{ "exit-after-ready", NULL, "leave the memory to luod (custody)", set_exit_after_ready },
	{ "exit-after-preserved", NULL, "the same of the device (custody)",
	  set_exit_after_preserved },
	{ "reattach", NULL, "after a jump, let luod attach the device (custody)", set_reattach },
	{ "keep-interrupts", NULL, "on in the first update, which is a mistake",
	  set_keep_interrupts },
	{ "once", NULL, "exit when back from an update", set_once },
	{ "alone", NULL, "do without luod, as a VMM that knows nothing of it", set_alone },
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
		.device.fd = -EBADF,
		.device.iommufd = -EBADF,
		.buffer.node = -EBADF,
		.buffer.fd = -EBADF,
		.state_fd = -EBADF,
	};

	parse_arguments(&v, argc, argv);
	if (v.state_file) {
		v.state_fd = open(v.state_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (v.state_fd < 0)
			die(&v, v.state_file, -errno);
	}
	if (!v.alone)
		vmm_connect(&v);
	vmm_start(&v);
	vmm_loop(&v);
}
