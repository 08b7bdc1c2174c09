#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest of a user that may do nothing but open a TAP link which root has made for it.

    client.py guest     gives luod a page of memory and two queues of tap-guest, declares its links, and
                        echoes what comes to 192.0.2.2, frame by frame, without a kernel of its own
    client.py veto      a best-effort session with a link, which never goes along
    client.py ask       as root: does 192.0.2.2 answer?

Frames have a virtio header of 12 bytes, which is the queue's setting, not the default: the client never
sets it again, so that a queue that came back otherwise gives itself away.
"""
import fcntl
import json
import os
import socket
import struct
import sys
import threading

from jeepney import DBusAddress, HeaderFields, MatchRule, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import DBusErrorResponse, unwrap_msg

NAME = sys.argv[1]
HEADER = 12
MAC, IP = bytes.fromhex("020000008702"), socket.inet_aton("192.0.2.2")
TUNSETIFF, TUNGETIFF = 0x400454CA, 0x800454D2
TUNGETSNDBUF, TUNSETSNDBUF = 0x800454D3, 0x400454D4
TUNGETVNETHDRSZ, TUNSETVNETHDRSZ = 0x800454D7, 0x400454D8
IFF_TAP, IFF_MULTI_QUEUE, IFF_NO_PI, IFF_VNET_HDR = 2, 0x100, 0x1000, 0x4000


def say(text):
    print(text, flush=True)


# --- the guest ------------------------------------------------------------------------------------

def answer(frame):
    """What the guest sends for a frame, or None. Turned round, a packet has the same checksums."""
    if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == IP:
        return frame[6:12] + MAC + frame[12:20] + b"\0\2" + MAC + IP + frame[22:32]
    if frame[12:14] == b"\x08\0" and frame[23] == 17 and frame[30:34] == IP:
        end = 14 + (frame[14] & 15) * 4
        return (frame[6:12] + MAC + frame[12:26] + frame[30:34] + frame[26:30] + frame[34:end] +
                frame[end + 2:end + 4] + frame[end:end + 2] + frame[end + 4:])
    return None


def run(queue):
    while True:
        frame = answer(os.read(queue, 65536)[HEADER:])
        if frame:
            os.write(queue, bytes(HEADER) + frame)


def ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        for _ in range(30):
            s.sendto(b"are you there?", ("192.0.2.2", 7777))
            try:
                return s.recv(100) != b"are you there?"
            except TimeoutError:
                pass
    return "nobody answers"


# --- its queues -----------------------------------------------------------------------------------

def number(queue, request):
    return struct.unpack("i", fcntl.ioctl(queue, request, bytes(4)))[0]


def settings(queue):
    name, flags = struct.unpack("16sH22x", fcntl.ioctl(queue, TUNGETIFF, bytes(40)))
    return {"name": name.rstrip(b"\0").decode(), "flags": flags,
            "header": number(queue, TUNGETVNETHDRSZ), "send-buffer": number(queue, TUNGETSNDBUF),
            "status": fcntl.fcntl(queue, fcntl.F_GETFL)}


def open_queue(send_buffer):
    queue = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE
    fcntl.ioctl(queue, TUNSETIFF, struct.pack("16sH22x", b"tap-guest", flags))
    fcntl.ioctl(queue, TUNSETVNETHDRSZ, struct.pack("i", HEADER))
    fcntl.ioctl(queue, TUNSETSNDBUF, struct.pack("i", send_buffer))
    return queue


# --- luod -----------------------------------------------------------------------------------------

def call(path, interface, method, signature=None, *body):
    address = DBusAddress(path, "org.luod1", "org.luod1." + interface)
    message = new_method_call(address, method, signature, body)
    return unwrap_msg(bus.send_and_get_reply(message, timeout=60))


def set_links(session, *links):
    call(session, "Session", "SetLinks", "as", list(links))


def create():
    """Declares the bridge, too, which is not its own, and goes on without."""
    options = {} if NAME == "guest" else {"policy": ("s", "best-effort")}
    session, = call("/org/luod1", "Manager", "CreateSession", "sa{sv}", NAME, options)
    if NAME == "veto":
        set_links(session, "card-lonely")
        return session
    try:
        set_links(session, "tap-guest", "br-guests")
    except DBusErrorResponse as error:
        say(f"not mine: {error.data[0]}")
    set_links(session, "tap-guest", "card-guest")
    queues = [open_queue(1 << 20), open_queue(1 << 20)]
    memory = os.memfd_create("guest", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(memory, json.dumps([settings(queue) for queue in queues]).ljust(4096).encode())
    call(session, "Session", "AttachMemory", "sha{sv}", "ram", memory, {})
    for i, queue in enumerate(queues):
        call(session, "Session", "AttachTap", "sha{sv}", f"net{i}", queue, {})
        threading.Thread(target=run, args=(queue,), daemon=True).start()
    return session


def claim():
    session, = call("/org/luod1", "Manager", "ClaimSession", "sa{sv}", NAME, {})
    say("claimed")
    memory = call(session, "Session", "GetResource", "s", "ram")[0].to_raw_fd()
    before = json.loads(os.pread(memory, 4096, 0))
    for i, wanted in enumerate(before):
        queue = call(session, "Session", "GetResource", "s", f"net{i}")[0].to_raw_fd()
        now = settings(queue)
        say(f"settings of {i} are " + ("the same" if now == wanted else f"{now}, not {wanted}"))
        threading.Thread(target=run, args=(queue,), daemon=True).start()
    say("verified")
    call(session, "Session", "Resumed")
    call(session, "Session", "Done")
    say("done")
    return session


def follow(session):
    with bus.filter(MatchRule(type="signal", interface="org.luod1.Session", path=session),
                    bufsize=16) as signals:
        while True:
            signal = bus.recv_until_filtered(signals)
            if signal.header.fields[HeaderFields.member] != "PrepareForUpdate":
                say("cancelled: " + signal.body[1])
            elif NAME == "veto":
                call(session, "Session", "Veto", "s", "not me")
            else:
                call(session, "Session", "Ready")


def main():
    unwrap_msg(bus.send_and_get_reply(message_bus.AddMatch(
        MatchRule(type="signal", interface="org.luod1.Session"))))
    try:
        session = claim()
    except DBusErrorResponse as error:
        if error.name != "org.luod1.Error.NoSuchSession":
            raise
        session = create()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
    follow(session)


if NAME == "ask":
    sys.exit(ask())
bus = open_dbus_connection(bus="SYSTEM", enable_fds=True)
main()
