# SPDX-License-Identifier: GPL-2.0-or-later
"""A systemd unit to be in, as luod sees it: a cgroup with a unit's name. No systemd is asked, nor needed."""
import contextlib
import os
import tempfile


def cgroups():
    """Where the hierarchy is mounted that says who is in which unit, and why there is none to write to."""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            before, after = line.split(" - ", 1)
            if after.split()[0] == "cgroup2":
                where = before.split()[4]
                return where, "" if os.access(where, os.W_OK) else f"{where} cannot be written"
    return "", "no cgroup2 is mounted"


MOUNTED, IMPOSSIBLE = cgroups()
if not IMPOSSIBLE:
    try:
        os.rmdir(tempfile.mkdtemp(prefix="luod-test-", dir=MOUNTED))
    except OSError as error:
        IMPOSSIBLE = f"no cgroup can be made: {error.strerror}"


def own_cgroup():
    with open("/proc/self/cgroup", encoding="utf-8") as f:
        return next(line.split("::", 1)[1].strip() for line in f if line.startswith("0::"))


def move_to(folder):
    with open(os.path.join(folder, "cgroup.procs"), "w", encoding="utf-8") as f:
        f.write("0")


@contextlib.contextmanager
def unit(name):
    """This process is in unit @name, and then in the one that it was in. A connection stays where it was
    made: luod asks who is at its other end once."""
    folder, home = os.path.join(MOUNTED, name), MOUNTED + own_cgroup()
    os.mkdir(folder)
    try:
        move_to(folder)
        try:
            yield
        finally:
            move_to(home)
    finally:
        os.rmdir(folder)
