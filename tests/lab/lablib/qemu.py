# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulator.

One that is new enough on the machine is used as it is; otherwise the packages
of one, with what they need beyond what the machine has, are unpacked into the
cache and run from there: nothing is installed.
"""

import os
import re
import shutil
import subprocess

from . import apt
from .base import LabError, Spoilt
from .cache import digest

BINARY = "qemu-system-x86_64"
# The first whose virtual IOMMU has what the cases use (x-flts, igb, dgram).
WANTED = (10, 0)
# Suites for a release whose own QEMU is too old.
BACKPORTS = {"bookworm": "bookworm-backports"}


class Qemu:
    """How to start the emulator."""

    def __init__(self, path):
        self.path = str(path)

    def version(self):
        try:
            out = subprocess.run([self.path, "--version"], check=False, text=True,
                                 capture_output=True).stdout
        except OSError:
            return (0, 0)
        match = re.search(r"version (\d+)\.(\d+)", out)
        return (int(match[1]), int(match[2])) if match else (0, 0)


def find(cache, build=True):
    """The emulator to use, fetched when there is none and build allows it."""
    if os.environ.get("LAB_QEMU"):
        return Qemu(os.environ["LAB_QEMU"])
    system = shutil.which(BINARY)
    if system and Qemu(system).version() >= WANTED:
        return Qemu(system)
    codename = apt.host_codename()
    suite = BACKPORTS.get(codename, codename)
    key = digest("qemu-3", codename, suite, WRAPPER)
    found = Qemu(cache.path("qemu", key) / BINARY)
    if not build:
        return found

    def make(work):
        with apt.lock_downloads(cache):
            private = apt.Apt(cache, dict.fromkeys([codename, suite]))
            debs = private.download_closure(["qemu-system-x86"], suite, work / "debs")
        for deb in debs:
            apt.unpack(deb, work / "root")
        shutil.rmtree(work / "debs")
        wrapper = work / BINARY
        wrapper.write_text(WRAPPER)
        wrapper.chmod(0o755)
        if (version := Qemu(wrapper).version()) < WANTED:
            raise LabError(f"{suite} has QEMU {version}, needed is {WANTED}")

    # A library that the machine had when the cache was made may be gone since.
    if os.path.exists(found.path) and found.version() < WANTED:
        cache.drop("qemu", key)
    cache.get("qemu", key, make)
    return found


# The unpacked packages are not where they were built for.
WRAPPER = f"""#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
lib=$root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH="$lib:$root/lib/x86_64-linux-gnu"
export QEMU_MODULE_DIR="$lib/qemu"
exec "$root/usr/bin/{BINARY}" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" \\
	-L "$root/usr/lib/ipxe/qemu" "$@"
"""

# Assertions of the emulator that fail for no fault of the guest's, each with what goes wrong.
OWN_FAULTS = {
    "iotlb_to_section: Assertion": "a CPU looks up memory that another is just mapping elsewhere",
}


def blame(log):
    """An emulator that ends by a known fault of its own has said nothing of the guest."""
    text = log.read_text(errors="replace")
    for words, what in OWN_FAULTS.items():
        if words in text:
            raise Spoilt(f"the emulator ended by a fault of its own ({words}): {what}")
