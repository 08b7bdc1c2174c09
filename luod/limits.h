/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limits - how much luod takes on, in one place: what lu.conf may ask for, what a client may say,
 * what is written into the handover record and into state.json, and what is read from there. Nothing
 * is accepted that could not be handed over.
 */
#ifndef LUOD_LIMITS_H
#define LUOD_LIMITS_H

#include <stdint.h>

/*
 * Of what all uids together may have, the last eighth is root's alone: however many users join to take
 * all there is, an administrator finds room.
 */
#define LIMIT_OF(uid, all) ((uid) == 0 ? (all) : (all) - (all) / 8)

/* The keeper takes KEEPER_SESSIONS_MAX, one of which is luod's own. */
#define LIMIT_SESSIONS		1023
#define LIMIT_SESSION_RESOURCES 1024

/*
 * Resources of all sessions together: for each in custody luod's fd store has an fd, and besides
 * those it needs room for a few of its own. FileDescriptorStoreMax= of luod.service is the sum.
 */
#define LIMIT_STORE	   16384
#define LIMIT_STORE_BESIDE 16
#define LIMIT_RESOURCES	   (LIMIT_STORE - LIMIT_STORE_BESIDE)

/*
 * What an owner may name of one iommufd, one uid of all of its own, and all uids together: nobody
 * takes the others' places, and a uid has the same part as it has of the sessions, unless lu.conf
 * says otherwise.
 */
#define LIMIT_IOMMUFD_HWPTS   64
#define LIMIT_IOMMUFD_BUFFERS 1024
#define LIMIT_HWPTS_PER_UID   1024
#define LIMIT_BUFFERS_PER_UID 4096
#define LIMIT_HWPTS	      4096
#define LIMIT_BUFFERS	      16384

/*
 * Devices that the inventory keeps, and users of one that it names. A host with eight adapters of 256
 * virtual functions each has half as many.
 */
#define LIMIT_DEVICES	   4096
#define LIMIT_DEVICE_USERS 16

/* A text: a path, a command line (of which the kernel takes at most 4096 bytes). */
#define LIMIT_TEXT   8192
#define LIMIT_UNIT   256
#define LIMIT_REASON 1024

/*
 * What an administrator's method says, in bytes, and how many of them may wait for polkit's answer:
 * of one uid, so that nobody takes the others' places, and in all. Load passes three texts.
 */
#define LIMIT_CALL	      (64U << 10)
#define LIMIT_QUERIES	      32
#define LIMIT_QUERIES_PER_UID 4

/*
 * What a peer that is not root may have sent of a message that is not complete: bytes and fds. The
 * largest that a client has a reason for, page tables and buffers of an iommufd, is a tenth of it. And
 * how long a message and a handshake may take.
 */
#define LIMIT_PEER_MESSAGE (512U << 10)
#define LIMIT_PEER_FDS	   64
#define LIMIT_PEER_USEC	   (30 * USEC_PER_SEC)

/*
 * What sd-bus may have read of a peer when the handshake has ended. It reads ahead, and what came along it
 * goes on with as it likes; an ordinary client says less than half of that.
 */
#define LIMIT_PEER_HANDSHAKE 1024

/* Links of the host that one session names, all sessions of one uid, and all together. */
#define LIMIT_SESSION_LINKS 64
#define LIMIT_LINKS_PER_UID 1024
#define LIMIT_LINKS	    4096

/* Why a session was left behind. */
#define LIMIT_LEFT_BEHIND 200

/* Fields of a session that a newer luod wrote and this one does not know, as JSON. */
#define LIMIT_UNKNOWN 4096

/*
 * The network: namespaces, links and routes of each, what one link may have of everything else, and
 * all of it as text. A host with a thousand guests of four taps each has as many links. PCI counts a
 * card's virtual functions in 16 bits: no card may have more than can be recorded.
 */
#define LIMIT_NET_NAMESPACES 256
#define LIMIT_NET_LINKS	     8192
#define LIMIT_NET_ROUTES     16384
#define LIMIT_NET_ALTNAMES   32
#define LIMIT_NET_PER_LINK   4096
#define LIMIT_NET_VFS	     UINT16_MAX
#define LIMIT_NET_HOPS	     64
#define LIMIT_NET	     (16U << 20)

/*
 * What luod looks at before it knows which links it wants: namespaces, and of anything how much in one
 * place. A stranger's that is larger is none of its business, and said.
 */
#define LIMIT_NET_SEEN_NAMESPACES 4096
#define LIMIT_NET_SEEN		  65536

/*
 * The record or state.json. At most, in MiB: 16368 resources of 980 bytes are 16, 1023 sessions with
 * a reason of control characters only (six bytes each in JSON) are 7, what of them is unknown is 4,
 * 4096 HWPTs of 50 bytes and 16384 DMA buffers of 80 are less than 2, the texts of the target and of
 * the update are less than 1, what is said of sessions that were left behind is less than 3, 4096
 * links of 390 bytes that sessions name are less than 2, and the network is 16.
 */
#define LIMIT_HANDOVER (51U << 20)

#endif
