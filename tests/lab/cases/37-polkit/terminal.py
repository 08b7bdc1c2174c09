#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command on a terminal of its own, with polkit's agent for terminals beside it, and types
PASSWORD wherever one is asked for. Shows what the terminal showed; ends as the command did.

    terminal.py PASSWORD COMMAND...
"""
import os
import pty
import sys
import termios
import time

# The agent speaks for the process that becomes the command, and says when polkit knows it.
BESIDE = """mkfifo "$HOME/ready"
pkttyagent --process $$ --notify-fd 3 3>"$HOME/ready" &
cat "$HOME/ready"
exec "$@"
"""


def type_secret(fd, text):
    """What was typed before the agent has switched the echo off is thrown away."""
    while termios.tcgetattr(fd)[3] & termios.ECHO:
        time.sleep(0.05)
    os.write(fd, text.encode() + b"\n")


password, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", BESIDE, "sh", *command])
asked = b""
while True:
    try:
        shown = os.read(terminal, 4096)
    except OSError:
        break
    if not shown:
        break
    sys.stdout.buffer.write(shown)
    asked += shown
    if b"assword:" in asked:
        asked = b""
        type_secret(terminal, password)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
