#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks luod-host, in luod's place, and says what came of it.

ask.py freeze FOLDER   freezes all file systems; is that of FOLDER one of them? Then thaws them
ask.py link NAME       makes a dummy link through a socket that luod-host made
"""
import array
import fcntl
import os
import socket
import struct
import sys

FREEZE, THAW, NETLINK = 1, 2, 5
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878

host = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
host.connect("/run/luod/host")
host.settimeout(60)


def ask(op, fd=None):
    fds = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
    host.sendmsg([struct.pack("III256s", 268, op, 0, b"")], fds)
    data, control, _, _ = host.recvmsg(1032, socket.CMSG_SPACE(4))
    result, text = struct.unpack("xxxxi1024s", data)
    got = struct.unpack("i", control[0][2][:4])[0] if control else None
    return result, text.rstrip(b"\0").decode(), got


def freeze(folder):
    at = os.open(folder, os.O_RDONLY)
    result, text, _ = ask(FREEZE)
    if result < 0:
        return f"refused: {os.strerror(-result)} at {text}"
    try:
        fcntl.ioctl(at, FIFREEZE, 0)
        fcntl.ioctl(at, FITHAW, 0)
        said = "it was not frozen"
    except OSError as error:
        said = "frozen" if error.errno == 16 else str(error)
    ask(THAW)
    return said


def attribute(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def link(name):
    result, _, fd = ask(NETLINK, os.open("/proc/self/ns/net", os.O_RDONLY))
    if result < 0:
        return f"refused: {os.strerror(-result)}"
    kind = attribute(18, attribute(1, b"dummy\0"))
    body = struct.pack("BxHiII", 0, 0, 0, 0, 0) + attribute(3, name.encode() + b"\0") + kind
    wire = socket.socket(fileno=fd)
    wire.send(struct.pack("IHHII", 16 + len(body), 16, 0x605, 1, 0) + body)
    error = -struct.unpack_from("i", wire.recv(4096), 16)[0]
    return f"refused: {os.strerror(error)}" if error else "made"


print({"freeze": freeze, "link": link}[sys.argv[1]](sys.argv[2]))
