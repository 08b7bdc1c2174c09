/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * say - net-world as one that makes nothing: what the generator of random networks wants done is
 * written to the standard output, as a shell script.
 */
#include "tests/unit/net-topology.h"
#include "tests/unit/net-world.h"

bool net_world_has(const char *lines)
{
	return true;
}

void net_world_fresh(void)
{
}

void net_world_add(const char *name)
{
	printf("ip netns add %s\n", name);
}

static bool batch(const char *program, const char *namespace, const char *lines)
{
	if (*lines)
		printf("%s %s%s -force -batch - <<'EOF'\n%sEOF\n", program, *namespace ? "-n " : "",
		       namespace, lines);
	return true;
}

bool net_world_ip(const char *namespace, const char *lines)
{
	return batch("ip", namespace, lines);
}

bool net_world_bridge(const char *namespace, const char *lines)
{
	return batch("bridge", namespace, lines);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	net_topology_probe();
	net_topology_seed(strtoull(argv[1], NULL, 10));
	net_topology_make();
	return 0;
}
