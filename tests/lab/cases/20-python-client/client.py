#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of luod without liblu: Python and a D-Bus library from the shelf.

    client.py custody|delegation

It owns one page of memory. Before the jump it answers PrepareForUpdate with Ready; after the jump,
started again, it claims its session, takes the page back and compares it. In custody luod preserves
the page; by delegation the client does it itself, with two ioctls on the session's fd.
"""
import fcntl
import os
import socket
import struct
import sys

from jeepney import DBusAddress, MatchRule, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import DBusErrorResponse, unwrap_msg

MODE = sys.argv[1]
TOKEN = 7
CONTENT = b"what the guest had in its memory".ljust(4096, b".")
# include/uapi/linux/liveupdate.h: _IO(0xBA, 0x40) and the one after it
PRESERVE_FD, RETRIEVE_FD = 0xBA40, 0xBA41

bus = open_dbus_connection(bus="SYSTEM", enable_fds=True)


def call(path, interface, method, signature=None, *body):
    address = DBusAddress(path, "org.luod1", "org.luod1." + interface)
    message = new_method_call(address, method, signature, body)
    return unwrap_msg(bus.send_and_get_reply(message, timeout=60))


def tell_systemd(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])


def session_ioctl(number, fd):
    """struct { u32 size; s32 fd; u64 token; }, the same for both"""
    with call(session, "Session", "GetSessionFD")[0] as kernel_session:
        argument = bytearray(struct.pack("=IiQ", 16, fd, TOKEN))
        fcntl.ioctl(kernel_session.fileno(), number, argument)
    return struct.unpack("=IiQ", argument)[1]


def fresh_memory():
    fd = os.memfd_create("guest", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, CONTENT)
    return fd


def before_the_jump(memory):
    """Waits for the update; returns only if it is called off."""
    while True:
        message = bus.receive()
        fields = message.header.fields
        if fields.get(1) != session or fields.get(2) != "org.luod1.Session":
            continue
        if fields.get(3) == "PrepareForUpdate":
            if MODE == "delegation":
                session_ioctl(PRESERVE_FD, memory)
                call(session, "Session", "DeclareResource", "sstt", "ram", "memory", TOKEN, 4096)
            print("ready", flush=True)
            call(session, "Session", "Ready")


def after_the_jump():
    if MODE == "custody":
        fd = call(session, "Session", "GetResource", "s", "ram")[0].to_raw_fd()
    else:
        fd = session_ioctl(RETRIEVE_FD, -1)
    print("verified" if os.pread(fd, 4096, 0) == CONTENT else "corrupt", flush=True)
    call(session, "Session", "Resumed")
    call(session, "Session", "Done")
    print("done", flush=True)
    return fd


unwrap_msg(bus.send_and_get_reply(message_bus.AddMatch(MatchRule(
    type="signal", sender="org.luod1", interface="org.luod1.Session")), timeout=60))
try:
    session = call("/org/luod1", "Manager", "ClaimSession", "sa{sv}", "python-" + MODE, {})[0]
    print("claimed", flush=True)
    ram = after_the_jump()
except DBusErrorResponse as error:
    if error.name != "org.luod1.Error.NoSuchSession":
        raise
    session = call("/org/luod1", "Manager", "CreateSession", "sa{sv}", "python-" + MODE,
                   {"mode": ("s", MODE)})[0]
    print("created", flush=True)
    ram = fresh_memory()
    if MODE == "custody":
        call(session, "Session", "AttachMemory", "sha{sv}", "ram", ram, {})
tell_systemd("READY=1")
before_the_jump(ram)
