/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lu-vmm - a VMM without a guest: what the lab's cases and the demo carry across a live update.
 *
 * Its "guest" (guest.h) is a memory that is written without end, and it may have a device of the
 * host (passthrough.c), which goes on with its DMA while the kernel is replaced. Before the jump the
 * writing is paused and a checksum of every byte is left in the memory itself; after the jump the
 * same program, started again by systemd, claims its session, compares, takes its device back, and
 * lets the guest go on from where it was. It keeps no state of its own: everything it needs to know
 * is in luod's session and in the memory.
 *
 * Also an example of liblu: update.c has all that an update asks of a VMM.
 *
 *	main.c         the command line
 *	update.c       sessions and updates, the event loop
 *	ram.c          the guest's memory, and luod
 *	passthrough.c  the device and its iommufd
 *	handover.c     both, and luod
 *	buffer.c       an edu device without an IOMMU, its DMA buffer, and luod
 *	guest.c        the guest; knows nothing of luod
 *	say.c          what is told to the one who looks on
 */
#ifndef VMM_H
#define VMM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <liblu.h>

#include "../device/device.h"
#include "../device/edu.h"
#include "guest.h"

/* Delegation: what is in the kernel session, the page tables, the rings among the memory. */
enum token {
	RAM_TOKEN = 1,
	IOMMUFD_TOKEN,
	DEVICE_TOKEN,
	HWPT_TOKEN,
	RINGS_TOKEN,
	BUFFER_TOKEN,
};

enum exit_code {
	EXIT_CORRUPT = 3, /* the memory is not what it was */
};

/* The device: at most one, with an iommufd of its own. Owns the fds. */
struct passthrough {
	const char *bdf; /* NULL: there is none, and nothing of this is used */
	const struct device_driver *driver;
	int iommufd;
	int fd; /* of the device; -EBADF: not open */
	uint32_t id, ioas, hwpt;
	struct device_io io;
	size_t bar_size;
	int events[DEVICE_VECTORS];
	bool served;	 /* it is ours to drive, and gets work */
	bool interrupts; /* MSI-X is on; while it is not, and the device is served, it is looked at */
	bool marked;	 /* of the HWPT, and the rings declared */
	bool attached;	 /* custody: luod has it, with these page tables */
	bool left_out;	 /* custody: this kernel cannot hand it over, luod does not take it */
	bool preserved;	       /* in the kernel session of this update */
	uint64_t tell_at_usec; /* when to say again how much it has done */
};

/* A DMA buffer of pci-dmamem, and the device that it is for. Owns the fds. */
struct buffer {
	const char *bdf; /* NULL: there is none, and nothing of this is used */
	struct edu edu;
	int node, fd; /* of the device, of the buffer */
	struct note *note;
	bool served;	/* it is ours to drive, and gets work */
	bool preserved; /* delegation: in the kernel session of this update */
	uint64_t next_usec;
	uint64_t tell_at_usec;
};

struct vmm {
	/* what the command line says */
	const char *name;
	const char *address;
	const char *veto;
	const char *state_file;
	const char *before_ready;
	const char *before_done;
	struct lu_session_options session_options;
	const char *links[8]; /* that its guest needs */
	size_t n_links;
	uint64_t size;
	uint64_t slow_ready_usec;
	uint64_t slow_done_usec;
	uint64_t parked_usec; /* how long to leave the device parked */
	uint64_t start_usec;  /* how long to wait for luod at the start */
	bool exit_after_ready;
	bool exit_after_preserved;
	bool reattach;	      /* by luod */
	bool keep_interrupts; /* in the next update */
	bool once;
	bool alone; /* one that knows nothing of luod: no session, nothing below is used */
	bool tell_phases;

	struct lu *lu;
	struct lu_session *session;
	int state_fd;

	struct guest guest;
	uint64_t ram_token; /* after a jump: of the memory in the kernel session */
	struct passthrough device;
	struct buffer buffer;
	bool preserved;		/* delegation: in the kernel session of this update */
	uint64_t ready_at_usec; /* when to say Ready; 0: nothing to say */
	uint64_t done_at_usec;	/* the same of Done */
	uint64_t again_at_usec; /* the same of what luod had no fds for */
};

/* say.c */
uint64_t now_usec(void);
/* One line to stdout, to the state file and to systemd. */
void say(struct vmm *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void die(struct vmm *v, const char *what, int error) __attribute__((noreturn));
/* die(), if @r is negative. */
void must(struct vmm *v, const char *what, int r);
/* To the lab's host, which judges a device by the phases of its life (lablib/proof.py). */
void phase(struct vmm *v, const char *name);

/*
 * What luod said to a call. -ESTALE, -EBUSY: things have moved on, and an event that says so is on
 * its way. -ENOTCONN: luod is away; it is tried again when it is back.
 */
bool took(struct vmm *v, const char *what, int r);

/* ram.c */
void vmm_pause(struct vmm *v);
/* The memory is as it was when the guest was paused, or that is the end. True: it was paused. */
bool vmm_resume(struct vmm *v);
/* Custody: is there something of that name? It may be from the process before this one. */
bool luod_has(struct vmm *v, const char *label);
/* Custody: luod takes the memory over at any time but during an update. */
void ram_attach(struct vmm *v);
/* Delegation: once per update, from the moment there is a kernel session. */
void ram_preserve(struct vmm *v);
/* Custody: what luod has of that name. If it is restarted meanwhile, it is asked again. */
int get_from_custody(struct vmm *v, const char *label, int *ret_fd, struct lu_resource *ret);
/* Delegation: likewise, out of the kernel session, which a luod that was restarted gives once more. */
int retrieve(struct vmm *v, uint64_t token, int *ret_fd);
/* Gets the memory of a session that was claimed. Without any (it never had, or the memory went
 * with the process that did): false. */
bool ram_take_back(struct vmm *v);

/* passthrough.c: all of it does nothing when there is no device, up to passthrough_tell() */
uint64_t passthrough_bytes(const struct vmm *v);
/* The device is bound, reaches the guest's memory, and begins to work. */
void passthrough_create(struct vmm *v);
/* Interrupts on, whatever happened in between is looked at. */
void passthrough_resume(struct vmm *v);
/* An update was called off, or went on without this session. */
void passthrough_called_off(struct vmm *v);
/* What is to be done for the device now; poll() says when: at its eventfd, or -1, or after a while. */
void passthrough_serve(struct vmm *v);
int passthrough_eventfd(const struct vmm *v);
uint64_t passthrough_patience(const struct vmm *v);
void passthrough_tell(struct vmm *v);

/* From now on nobody drives it. */
void passthrough_let_go(struct vmm *v);
/* The guest loses it, and it is not used any more. */
void passthrough_release(struct vmm *v);
/* What has to be marked, and what to be declared. */
struct lu_hwpt passthrough_tables(const struct vmm *v);
struct lu_buffer passthrough_rings(const struct vmm *v);
/* With fds that came from elsewhere: is it parked on the page tables of an earlier kernel? */
bool passthrough_parked(struct vmm *v);
/* From those to new ones over the same memory. */
void passthrough_switch(struct vmm *v);
/* It is not parked: another process has attached it, in this kernel. */
void passthrough_take_over(struct vmm *v);
/* It is attached: from now on it can be driven. */
void passthrough_ready(struct vmm *v);

/* handover.c: all of it does nothing when there is no device */
/* Custody: luod gets the device, at any time but during an update. */
void device_attach(struct vmm *v);
/* Before Ready. False: it was refused, and this was answered with a veto. */
bool device_hand_over(struct vmm *v);
/* It is about to say Ready. */
void device_ready(struct vmm *v);
/* luod says that all is preserved. */
void device_preserved(struct vmm *v);
/* ... or that the update is over: nothing of the device may be left marked. */
void device_called_off(struct vmm *v);
/* Gets the device of a session that was claimed, from the old kernel's page tables if it is on them. */
void device_take_back(struct vmm *v);

/* buffer.c: all of it does nothing when there is no edu device */
void buffer_create(struct vmm *v);
/* Custody: luod gets the buffer, at any time but during an update. Delegation: once per update. */
void buffer_attach(struct vmm *v);
void buffer_preserve(struct vmm *v);
/* From now on nobody drives the device; or somebody does again, and looks at what it has done. */
void buffer_let_go(struct vmm *v);
void buffer_resume(struct vmm *v);
void buffer_called_off(struct vmm *v);
void buffer_serve(struct vmm *v);
/* Gets the buffer of a session that was claimed. */
void buffer_take_back(struct vmm *v);

/* update.c */
void vmm_connect(struct vmm *v);
void vmm_start(struct vmm *v);
void vmm_loop(struct vmm *v) __attribute__((noreturn));

#endif
