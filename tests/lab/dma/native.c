// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices that are not handed over, behind the same IOMMU: a disk and a network
 * card with their own drivers do I/O before the jump, while the other device is
 * parked, and after. In the background for as long as a kernel runs, because a
 * table that is torn down too early is seen only by who uses it.
 */

#include "dma.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TABLES	 "/sys/kernel/debug/iommu/intel/dmar_translation_struct"
#define DISK_BDF "0000:00:08.0"
#define NIC_BDF	 "0000:00:07.0"
/* What QEMU's user network answers for */
#define OWN_IP	"10.0.2.15"
#define PEER_IP "10.0.2.2"

struct arp_frame {
	uint8_t to[6], from[6];
	uint16_t ethertype, hardware, protocol;
	uint8_t hardware_size, protocol_size;
	uint16_t operation;
	uint8_t sender[6], sender_ip[4], target[6], target_ip[4];
} __attribute__((packed));

static atomic_uint replies;
static uint8_t own_mac[6];

static void *nic_io(void *arg)
{
	int fd = *(int *)arg;
	struct arp_frame ask = {
		.ethertype = htons(ETHERTYPE_ARP),
		.hardware = htons(1),
		.protocol = htons(ETHERTYPE_IP),
		.hardware_size = 6,
		.protocol_size = 4,
		.operation = htons(1),
	};
	struct arp_frame answer;

	memset(ask.to, 0xff, sizeof ask.to);
	memcpy(ask.from, own_mac, sizeof own_mac);
	memcpy(ask.sender, own_mac, sizeof own_mac);
	inet_pton(AF_INET, OWN_IP, ask.sender_ip);
	inet_pton(AF_INET, PEER_IP, ask.target_ip);
	for (;;) {
		/* An error is a link that is not up yet; no answer is what counts */
		if (send(fd, &ask, sizeof ask, 0) < 0)
			sleep_ms(100);
		else if (recv(fd, &answer, sizeof answer, 0) >= (ssize_t)sizeof answer &&
			 answer.operation == htons(2) &&
			 !memcmp(answer.sender_ip, ask.target_ip, 4))
			replies++;
		sleep_ms(5);
	}
	return NULL;
}

/* The network interface of a PCI device */
static void interface(const char *bdf, struct ifreq *ret_request)
{
	char path[128];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/net", bdf);
	dir = opendir(path);
	if (!dir)
		fail("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)))
		if (*entry->d_name != '.')
			snprintf(ret_request->ifr_name, IFNAMSIZ, "%.15s", entry->d_name);
	closedir(dir);
}

static int nic_open(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETHERTYPE_ARP));
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETHERTYPE_ARP) };
	struct timeval patience = { .tv_usec = 300000 };
	struct ifreq request = {};

	must("packet socket", fd);
	interface(NIC_BDF, &request);
	must("interface index", ioctl(fd, SIOCGIFINDEX, &request));
	address.sll_ifindex = request.ifr_ifindex;
	must("interface address", ioctl(fd, SIOCGIFHWADDR, &request));
	memcpy(own_mac, request.ifr_hwaddr.sa_data, sizeof own_mac);
	must("interface flags", ioctl(fd, SIOCGIFFLAGS, &request));
	request.ifr_flags |= IFF_UP;
	must("interface up", ioctl(fd, SIOCSIFFLAGS, &request));
	must("bind", bind(fd, (struct sockaddr *)&address, sizeof address));
	must("timeout", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
	return fd;
}

/* The case says how the domains of native drivers should flush */
static void check_domain(const char *bdf)
{
	char path[128], type[16] = "", want[16];
	int fd;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group/type", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, type, sizeof type - 1) < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
	type[strcspn(type, "\n")] = 0;
	if (guest_arg("dma.domain", want, sizeof want) && strcmp(type, want))
		fail("%s has a domain of the type %s, not %s", bdf, type, want);
	ok("%s: domain of the type %s", bdf, type);
}

static void native_start(void)
{
	static int nic;
	pthread_t thread;

	check_domain(DISK_BDF);
	check_domain(NIC_BDF);
	disk_start();
	nic = nic_open();
	if (pthread_create(&thread, NULL, nic_io, &nic))
		fail("thread");
}

/* Both get on from here */
static void native_wait(const char *what)
{
	unsigned int block = disk_blocks(), reply = replies;

	for (unsigned int i = 0; i < 600; i++) {
		if (disk_blocks() >= block + 20 && replies >= reply + 20)
			break;
		sleep_ms(100);
	}
	if (disk_blocks() < block + 20 || replies < reply + 20)
		fail("%s: only %u blocks and %u replies of native devices", what,
		     disk_blocks() - block, replies - reply);
	ok("%s: native devices get on, %u blocks, %u replies", what, disk_blocks(), replies);
}

/* A line of TABLES: the entry of a device, in legacy mode without one for a PASID */
static bool table_entry(const char *line, char ret_bdf[8], unsigned int *ret_did)
{
	unsigned long long context, pasid_entry;
	int pasid;

	if (sscanf(line, "%7[0-9a-f:.] 0x%*x:0x%*x 0x%llx:0x%*x %d 0x%*x:0x%llx:", ret_bdf,
		   &context, &pasid, &pasid_entry) != 4)
		return false;
	*ret_did = (pasid < 0 ? context >> 8 : pasid_entry) & 0xffff;
	return true;
}

/* In the records of the previous kernel */
static unsigned int parked_did(void)
{
	char text[16];
	unsigned int did;

	if (!logged_text("is parked, domain id ", text, sizeof text) ||
	    sscanf(text, "%u", &did) != 1)
		fail("the kernel does not say which domain id is parked");
	return did;
}

/*
 * What the hardware has cached for a parked device goes by its domain id: none that was
 * given to others before the switch may be the same. QEMU's cache does not tell, it goes by
 * the device as well. Looked at after the switch, as the kernel shows the tables only up to
 * a parked device; domains of native drivers keep their ids.
 */
static void check_dids(struct dma *d)
{
	unsigned int parked = parked_did(), did, others = 0;
	FILE *file = fopen(TABLES, "re");
	char line[512], bdf[8];

	while (file && fgets(line, sizeof line, file)) {
		if (!table_entry(line, bdf, &did) || !strcmp(bdf, d->bdf + 5))
			continue;
		if (did == parked)
			fail("%s has domain id %u, which was that of the parked device", bdf, did);
		others |= (!strcmp(bdf, DISK_BDF + 5) ? 1 : 0) |
			  (!strcmp(bdf, NIC_BDF + 5) ? 2 : 0);
	}
	if (others != 3)
		fail("%s does not have both native devices", TABLES);
	fclose(file);
	ok("no other device has domain id %u, which was that of the parked one", parked);
}

void native_old(struct dma *d)
{
	native_start();
	device_up(d);
	native_wait("before");
	preserve_all(d);
	native_wait("preserved");
	device_wait(d, 50, "preserved");
	kexec_into_next();
}

void native_new(struct dma *d)
{
	unsigned int gaps;

	native_start();
	native_wait("nothing retrieved");
	retrieve_all(d);
	native_wait("parked");
	device_wait(d, 50, "parked");
	reattach(d);
	check_dids(d);
	native_wait("attached");
	device_wait(d, 50, "attached");
	expect("finish", session_finish(d->session), 0);
	native_wait("finished");
	device_wait(d, 50, "finished");
	gaps = device_faults(d);
	if (gaps)
		fail("%u gaps", gaps);
}
