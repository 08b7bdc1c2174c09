/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * first-frame - a guest's card in little: asks through its TAP link, by ARP in a VLAN, who has the
 * host's address, ten times a second until the host answers. When that was, in microseconds of
 * CLOCK_MONOTONIC, goes into a file.
 *
 *	first-frame LINK MAC VLAN OWN-IP HOST-IP FILE
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MSEC 100
#define REPLY	   2

struct frame {
	uint8_t to[ETH_ALEN], from[ETH_ALEN];
	uint16_t tag, vlan, protocol;
	uint16_t hardware_type, protocol_type;
	uint8_t hardware_length, protocol_length;
	uint16_t operation;
	uint8_t sender[ETH_ALEN], sender_ip[4], target[ETH_ALEN], target_ip[4];
} __attribute__((packed));

/* What a queue with IFF_VNET_HDR puts before each frame. */
struct packet {
	uint8_t header[10];
	struct frame frame;
} __attribute__((packed));

static int open_queue(const char *link)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
					      IFF_MULTI_QUEUE };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", link);
	if (fd < 0)
		return -1;
	if (ioctl(fd, TUNSETIFF, &request) >= 0)
		return fd;
	close(fd);
	return -1;
}

static struct packet question(char **argv)
{
	struct packet p = { .frame = { .tag = htons(ETH_P_8021Q),
				       .vlan = htons((uint16_t)atoi(argv[3])),
				       .protocol = htons(ETH_P_ARP),
				       .hardware_type = htons(1),
				       .protocol_type = htons(ETH_P_IP),
				       .hardware_length = ETH_ALEN,
				       .protocol_length = 4,
				       .operation = htons(1) } };
	uint8_t *mac = p.frame.from;

	if (sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5]) != ETH_ALEN ||
	    inet_pton(AF_INET, argv[4], p.frame.sender_ip) != 1 ||
	    inet_pton(AF_INET, argv[5], p.frame.target_ip) != 1)
		errx(2, "these are no addresses");
	memset(p.frame.to, 0xff, ETH_ALEN);
	memcpy(p.frame.sender, mac, ETH_ALEN);
	return p;
}

/* Wherever it stands: the kernel may have moved the tag. */
static int is_answer(const uint8_t *bytes, ssize_t n, const struct packet *asked)
{
	const uint8_t *ip = asked->frame.target_ip;

	for (ssize_t i = 0; i + 2 + ETH_ALEN + 4 <= n; i++)
		if (bytes[i] == 0 && bytes[i + 1] == REPLY &&
		    memcmp(bytes + i + 2 + ETH_ALEN, ip, 4) == 0)
			return 1;
	return 0;
}

static int answered(int fd, const struct packet *asked)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };
	uint8_t bytes[2048];

	while (poll(&event, 1, PAUSE_MSEC) > 0) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0)
			return 0;
		if (is_answer(bytes, n, asked))
			return 1;
	}
	return 0;
}

static void tell(const char *path)
{
	FILE *f = fopen(path, "we");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!f || fprintf(f, "%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000) < 0 ||
	    fclose(f) != 0)
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	struct packet asked;
	int fd;

	if (argc != 7)
		errx(2, "six arguments");
	asked = question(argv);
	while ((fd = open_queue(argv[1])) < 0)
		poll(NULL, 0, PAUSE_MSEC);
	do
		if (write(fd, &asked, sizeof(asked)) < 0)
			poll(NULL, 0, PAUSE_MSEC);
	while (!answered(fd, &asked));
	tell(argv[6]);
	return 0;
}
