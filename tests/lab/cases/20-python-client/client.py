#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of luod without liblu: Python and a D-Bus library from the shelf (jeepney).

    client.py custody|delegation

Its "guest" is one page of memory. Before the jump it answers PrepareForUpdate with Ready; after the
jump, started again, it claims its session, takes the page back and compares it. In custody luod
preserves the page; by delegation the client does that itself, with two ioctls on the session's fd.
org.luod1(5) documents every call. DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/luod/bus has it speak to
luod's own socket instead of the system bus.
"""
import fcntl
import os
import socket
import struct
import sys

from jeepney import DBusAddress, HeaderFields, MatchRule, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import DBusErrorResponse, unwrap_msg

MODE = sys.argv[1]
NAME = "python-" + MODE
TOKEN = 7  # of the page in the kernel session; with custody luod chooses
PAGE = b"what the guest had in its memory".ljust(4096, b".")
# linux/liveupdate.h: both take struct { u32 size; s32 fd; u64 token; }
LIVEUPDATE_SESSION_PRESERVE_FD, LIVEUPDATE_SESSION_RETRIEVE_FD = 0xBA40, 0xBA41

bus = open_dbus_connection(bus="SYSTEM", enable_fds=True)


def call(path, interface, method, signature=None, *body):
    """A method's results. Negative answers are raised as DBusErrorResponse."""
    address = DBusAddress(path, "org.luod1", "org.luod1." + interface)
    message = new_method_call(address, method, signature, body)
    return unwrap_msg(bus.send_and_get_reply(message, timeout=60))


def session_ioctl(session, number, fd=-1):
    """On the kernel session, whose fd is ours only as long as this takes: luod keeps another."""
    kernel_session, = call(session, "Session", "GetSessionFD")
    with kernel_session:
        argument = bytearray(struct.pack("=IiQ", 16, fd, TOKEN))
        fcntl.ioctl(kernel_session.fileno(), number, argument)
    return struct.unpack("=IiQ", argument)[1]


def create():
    """A new session with new memory."""
    session, = call("/org/luod1", "Manager", "CreateSession", "sa{sv}", NAME, {"mode": ("s", MODE)})
    say("created")
    memory = os.memfd_create("guest", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(memory, PAGE)
    if MODE == "custody":
        call(session, "Session", "AttachMemory", "sha{sv}", "ram", memory, {})
    return session, memory


def claim():
    """What the process of this name had before the jump."""
    session, = call("/org/luod1", "Manager", "ClaimSession", "sa{sv}", NAME, {})
    say("claimed")
    if MODE == "custody":
        memory = call(session, "Session", "GetResource", "s", "ram")[0].to_raw_fd()
    else:
        memory = session_ioctl(session, LIVEUPDATE_SESSION_RETRIEVE_FD)
    say("verified" if os.pread(memory, len(PAGE) + 1, 0) == PAGE else "corrupt")
    call(session, "Session", "Resumed")  # the guest runs: the blackout ends here
    call(session, "Session", "Done")  # luod finishes the kernel session
    say("done")
    return session, memory


def prepare(session, memory):
    """The guest is to pause. By delegation its memory is preserved now."""
    if MODE == "delegation":
        session_ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD, memory)
        call(session, "Session", "DeclareResource", "sstt", "ram", "memory", TOKEN, len(PAGE))
    call(session, "Session", "Ready")
    say("ready")


def follow(session, memory):
    """What luod says, for ever: the jump ends it."""
    with bus.filter(signals_of(path=session), bufsize=16) as signals:
        while True:
            signal = bus.recv_until_filtered(signals)
            if signal.header.fields[HeaderFields.member] == "PrepareForUpdate":
                prepare(session, memory)
            else:
                say("cancelled: " + signal.body[1])  # the guest goes on


def signals_of(**details):
    return MatchRule(type="signal", interface="org.luod1.Session", **details)


def say(text):
    print(text, flush=True)


def tell_systemd(text):
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(text.encode(), address.replace("@", "\0", 1))


def main():
    unwrap_msg(bus.send_and_get_reply(message_bus.AddMatch(signals_of())))
    try:
        session, memory = claim()
    except DBusErrorResponse as error:
        if error.name != "org.luod1.Error.NoSuchSession":
            raise
        session, memory = create()
    tell_systemd("READY=1")
    follow(session, memory)


main()
