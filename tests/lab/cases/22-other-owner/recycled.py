#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose connection is it when its maker is gone, and his pid has become a process's of the right unit?

    recycled.py PATH UNIT LUOD

PATH is the session's, UNIT its owner's, LUOD the pid of luod, which looks away meanwhile. Two lines: what
it answers to a process in the unit, and to this one, which is in none of that unit's, behind such a pid.
"""
import os
import signal
import socket
import sys

from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import DBusConnection
from jeepney.wrappers import DBusErrorResponse, unwrap_msg

PATH, UNIT, LUOD = sys.argv[1], sys.argv[2], int(sys.argv[3])
TRIES = 1000


def cgroup_of_unit():
    for folder, folders, _ in os.walk("/sys/fs/cgroup"):
        if UNIT in folders:
            return os.path.join(folder, UNIT)
    raise FileNotFoundError(f"there is no cgroup of {UNIT}")


def new_socket():
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(60)
    return peer


def connect(peer):
    peer.connect("/run/luod/bus")
    return peer


def answer(peer):
    """Of luod, to the question for the guest's memory."""
    try:
        peer.sendall(b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
        said = b""
        while said.count(b"\r\n") < 3:  # DATA, OK, AGREE_UNIX_FD
            piece = peer.recv(1)
            if not piece:
                return "closed"
            said += piece
        unwrap_msg(DBusConnection(peer, enable_fds=True).send_and_get_reply(new_method_call(
            DBusAddress(PATH, "org.luod1", "org.luod1.Session"), "GetResource", "s", ("ram0",)), timeout=60))
        return "granted"
    except DBusErrorResponse as error:
        return error.name.rpartition(".")[2]
    except (ConnectionError, EOFError):
        return "closed"


def in_unit(act):
    """A child that is in the unit, as that may have made it."""
    child = os.fork()
    if child == 0:
        with open(os.path.join(cgroup_of_unit(), "cgroup.procs"), "w", encoding="ascii") as f:
            f.write("0")
        act()
        os._exit(0)
    return child


def heir_of(pid):
    for _ in range(TRIES):
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as f:
            f.write(str(pid - 1))
        child = in_unit(signal.pause)
        if child == pid:
            return child
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    raise TimeoutError(f"nobody got the pid {pid}")


os.waitpid(in_unit(lambda: print("in the unit:", answer(connect(new_socket())), flush=True)), 0)

os.kill(LUOD, signal.SIGSTOP)
try:
    peer = new_socket()
    maker = os.fork()
    if maker == 0:
        connect(peer)
        os._exit(0)
    os.waitpid(maker, 0)
    heir = heir_of(maker)
finally:
    os.kill(LUOD, signal.SIGCONT)
print("behind a pid in the unit:", answer(peer), flush=True)
os.kill(heir, signal.SIGKILL)
os.waitpid(heir, 0)
