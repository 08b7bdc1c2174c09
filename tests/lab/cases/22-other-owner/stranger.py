#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls what only a session's owner may call, and tells what luod answered, a line for each call.

    stranger.py NAME PATH [METHOD...]

NAME and PATH are the session's; without METHOD it tries all of them but Close, which is root's too,
and CreateSession, which another uid may call; what it makes is then the session of later methods. A
luod that is busy, because it does not know yet which sessions there are, is asked again.
DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/luod/bus has it speak to luod's own socket.
"""
import os
import sys
import time

from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import DBusErrorResponse, unwrap_msg

NAME, PATH = sys.argv[1:3]
MEMORY = os.memfd_create("stranger")
SESSION = {
    "AttachMemory": ("sha{sv}", "ram9", MEMORY, {}),
    "Detach": ("s", "ram0"),
    "GetResource": ("s", "ram0"),
    "GetSessionFD": (None,),
    "DeclareResource": ("sstt", "ram9", "memory", 9, 4096),
    "Ready": (None,),
    "Veto": ("s", "not mine"),
    "Resumed": (None,),
    "Done": (None,),
    "Close": (None,),
}
MANAGER = {
    "ClaimSession": ("sa{sv}", NAME, {}),
    "CreateSession": ("sa{sv}", NAME, {}),
}
NOT_BY_ITSELF = ("Close", "CreateSession")


def ask(message):
    """The body of the reply, or the last word of the error's name."""
    try:
        return unwrap_msg(bus.send_and_get_reply(message, timeout=60)), "done"
    except DBusErrorResponse as error:
        return None, error.name.rpartition(".")[2]


def ask_until_settled(*arguments):
    reply, answer = ask(new_method_call(*arguments))
    while answer == "Busy":
        time.sleep(0.1)
        reply, answer = ask(new_method_call(*arguments))
    return reply, answer


os.ftruncate(MEMORY, 4096)
bus = open_dbus_connection(bus="SYSTEM", enable_fds=True, auth_timeout=60)
for method in sys.argv[3:] or [m for m in (*MANAGER, *SESSION) if m not in NOT_BY_ITSELF]:
    path, interface, arguments = ((PATH, "Session", SESSION[method]) if method in SESSION else
                                  ("/org/luod1", "Manager", MANAGER[method]))
    signature, *body = arguments
    reply, answer = ask_until_settled(DBusAddress(path, "org.luod1", "org.luod1." + interface),
                                      method, signature, tuple(body))
    print(method, answer)
    if method == "CreateSession" and reply:
        PATH = reply[0]
