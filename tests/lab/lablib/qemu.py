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
from pathlib import Path

from . import apt
from .base import LabError, works
from .cache import digest

BINARY = "qemu-system-x86_64"
# The first whose virtual IOMMU has what the cases use (x-flts, igb, dgram).
WANTED = (10, 0)
# Suites for a release whose own QEMU is too old.
BACKPORTS = {"bookworm": "bookworm-backports"}


class Qemu:
    """How to start the emulator: its path and the environment it needs."""

    def __init__(self, path, env=None):
        self.path = path
        self.env = dict(os.environ, **(env or {}))

    def version(self):
        try:
            out = subprocess.run([self.path, "--version"], env=self.env, check=False, text=True,
                                 capture_output=True).stdout
        except OSError:
            return (0, 0)
        match = re.search(r"version (\d+)\.(\d+)", out)
        return (int(match[1]), int(match[2])) if match else (0, 0)


def _unpacked(root):
    libs = f"{root}/usr/lib/x86_64-linux-gnu:{root}/lib/x86_64-linux-gnu"
    return Qemu(f"{root}/usr/bin/{BINARY}",
                {"LD_LIBRARY_PATH": libs, "QEMU_MODULE_DIR": f"{root}/usr/lib/x86_64-linux-gnu/qemu"})


def find(cache, build=True):
    """The emulator to use, fetched when there is none and build allows it."""
    if os.environ.get("LAB_QEMU"):
        return Qemu(os.environ["LAB_QEMU"])
    system = shutil.which(BINARY)
    if system and Qemu(system).version() >= WANTED:
        return Qemu(system)
    codename = apt.host_codename()
    suite = BACKPORTS.get(codename, codename)
    key = digest("qemu-1", codename, suite, Path(__file__))
    root = cache.path("qemu", key) / "root"
    if not build:
        return _unpacked(root)

    def make(work):
        with apt.lock_downloads(cache):
            private = apt.Apt(cache, dict.fromkeys([codename, suite]))
            debs = private.download_closure(["qemu-system-x86"], suite, work / "debs")
        for deb in debs:
            apt.unpack(deb, work / "root")
        shutil.rmtree(work / "debs")
        found = _unpacked(work / "root")
        if found.version() < WANTED:
            raise LabError(f"{suite} has QEMU {found.version()}, needed is {WANTED}")

    # A library that the machine had when the cache was made may be gone since.
    if root.exists() and not works([*_env(root), f"{root}/usr/bin/{BINARY}", "--version"]):
        cache.drop("qemu", key)
    cache.get("qemu", key, make)
    return _unpacked(root)


def _env(root):
    return ["env", f"LD_LIBRARY_PATH={_unpacked(root).env['LD_LIBRARY_PATH']}"]
