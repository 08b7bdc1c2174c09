#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An owner that vetoes its first update, and never closes the fd of the kernel session it got."""
from jeepney import DBusAddress, MatchRule, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

bus = open_dbus_connection(bus="SYSTEM", enable_fds=True)


def call(path, interface, method, signature=None, *body):
    address = DBusAddress(path, "org.luod1", "org.luod1." + interface)
    return unwrap_msg(bus.send_and_get_reply(new_method_call(address, method, signature, body),
                                             timeout=60))


session, = call("/org/luod1", "Manager", "CreateSession", "sa{sv}", "hog",
                {"mode": ("s", "delegation")})
rule = MatchRule(type="signal", path=session, interface="org.luod1.Session",
                 member="PrepareForUpdate")
unwrap_msg(bus.send_and_get_reply(message_bus.AddMatch(rule)))
print("created", flush=True)
with bus.filter(rule, bufsize=16) as signals:
    bus.recv_until_filtered(signals)
    kept, = call(session, "Session", "GetSessionFD")
    call(session, "Session", "Veto", "s", "not this time")
    print("kept", flush=True)
    while True:
        bus.recv_until_filtered(signals)
