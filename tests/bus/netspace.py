# SPDX-License-Identifier: GPL-2.0-or-later
"""A luod in a network namespace of the test's own, with links that are real and nobody else's."""
import ctypes
import json
import os
import subprocess
import unittest

from luodbus import Client, World

NEWNS, NEWUSER, NEWNET = 0x20000, 0x10000000, 0x40000000


def enter_network():
    """None, or why the test cannot have a network of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(NEWNET | NEWNS) < 0:
        if libc.unshare(NEWUSER | NEWNET | NEWNS) < 0:
            return "namespaces cannot be made"
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="utf-8") as f:
                f.write(text)
    for command in ("mount --make-rprivate /", "mount -t tmpfs none /run", "mkdir /run/netns",
                    "ip tuntap add dev tap-probe mode tap", "ip link del tap-probe"):
        if subprocess.run(command, shell=True, capture_output=True, check=False).returncode:
            return f"'{command}' fails"
    return None


IMPOSSIBLE = enter_network()


@unittest.skipIf(IMPOSSIBLE, f"not possible here: {IMPOSSIBLE}")
class NetworkCase(unittest.TestCase):
    CONFIGURATION = ""

    def setUp(self):
        self.world = World()
        os.chmod(self.world.directory, 0o755)
        with open(os.path.join(self.world.root, "etc/luod/lu.conf"), "w", encoding="utf-8") as f:
            f.write(self.CONFIGURATION)
        self.world.start()
        self.clients = []
        self.bus = self.client()
        self.path = self.bus.create("vm1")

    def tearDown(self):
        for client in self.clients:
            client.connection.close()
        log = self.world.luod.text()
        self.assertEqual(self.world.stop(), (0, 0), log)
        self.assertNotIn("runtime error", log)
        for link in json.loads(self.ip("-j", "link")):
            if link["ifname"] != "lo":
                # It may be gone by now: with its other end, in a namespace that the kernel clears up.
                subprocess.run(["ip", "link", "del", link["ifname"]], check=False,
                               capture_output=True)
        for ns in json.loads(self.ip("-j", "netns") or "[]"):
            self.ip("netns", "del", ns["name"])

    def ip(self, *words):
        return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout

    def tap(self, name, *words):
        self.ip("tuntap", "add", "dev", name, "mode", "tap", *words)

    def client(self, uid=None):
        """A connection of that user, whose uid the kernel notes when it is made."""
        if uid is not None:
            try:
                os.seteuid(uid)
            except OSError:
                self.skipTest("not possible here: there is one user only")
        try:
            self.clients.append(Client(self.world.peer_address))
        finally:
            os.seteuid(0)
        return self.clients[-1]
