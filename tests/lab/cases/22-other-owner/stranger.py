#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls what only a session's owner may call, and tells what luod answered, a line for each call.

    stranger.py NAME PATH [METHOD...]

NAME and PATH are the session's; without METHOD it tries all of them but Close, which is root's too.
DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/luod/bus has it speak to luod's own socket.
"""
import os
import sys

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
MANAGER = {"ClaimSession": ("sa{sv}", NAME, {})}

os.ftruncate(MEMORY, 4096)
bus = open_dbus_connection(bus="SYSTEM", enable_fds=True)
for method in sys.argv[3:] or [*MANAGER, *(name for name in SESSION if name != "Close")]:
    path, interface, arguments = ((PATH, "Session", SESSION[method]) if method in SESSION else
                                  ("/org/luod1", "Manager", MANAGER[method]))
    signature, *body = arguments
    call = new_method_call(DBusAddress(path, "org.luod1", "org.luod1." + interface), method,
                           signature, tuple(body))
    try:
        unwrap_msg(bus.send_and_get_reply(call, timeout=60))
        print(method, "done")
    except DBusErrorResponse as error:
        print(method, error.name.rpartition(".")[2])
