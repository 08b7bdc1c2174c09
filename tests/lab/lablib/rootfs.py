# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests: a Debian of each kind, and the disk image made of it.

Two steps, because they change at different speeds.  The base tree is what
mmdebstrap makes of the archive, once a month; the image is the base with the
project installed into it, the lab's own files and the kernels, after every
change of the source, and so it must take seconds.
"""

import os
import shutil
from pathlib import Path

from . import apt
from .base import LAB, TOP, LabError, as_root, need, remove_tree, run
from .cache import digest

GUESTS = {"trixie": "systemd 257", "forky": "systemd 262"}
OVERLAY = LAB / "guest"
IMAGE_MIB = 1536
KEEP_IMAGES = 6

# Services that cost time at every boot and that no case is about.  With no
# virtual terminal and no serial getty (kernel command line) nothing waits for
# a login; `lab shell` brings the getty back.
MASKED = ["getty@tty1.service", "systemd-pcrphase.service", "e2scrub_reap.service",
          "e2scrub_all.timer", "fstrim.timer", "systemd-firstboot.service",
          "dpkg-db-backup.timer", "ldconfig.service", "systemd-timesyncd.service",
          "kexec.service", "kexec-load.service"]

# Content that nobody reads in a guest.
EXCLUDED = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*",
            "/usr/share/lintian/*", "/usr/share/doc/*", "/usr/share/bash-completion/*"]


def guest_packages():
    lines = (LAB / "guest-packages.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def base(cache, guest):
    """The base tree of a guest, from the cache or the archive."""
    if guest not in GUESTS:
        raise LabError(f"no guest '{guest}' (known: {' '.join(GUESTS)})")
    packages = guest_packages()
    key = digest("base-2", guest, packages, MASKED, EXCLUDED, Path(__file__))

    def build(work):
        private = apt.Apt(cache, [guest])
        log = cache.workspace("logs") / f"base-{guest}.log"
        log.unlink(missing_ok=True)
        cmd = as_root() + [need("mmdebstrap", "to make the guests"), "--mode=root",
                           "--variant=essential", "--format=directory", "--skip=check/qemu",
                           f"--include={','.join(packages)}",
                           '--aptopt=Acquire::Check-Valid-Until "false"',
                           '--aptopt=Acquire::Languages "none"']
        cmd += [f"--dpkgopt=path-exclude={path}" for path in EXCLUDED]
        cmd += [guest, work / "root", *private.sources()]
        run(cmd, log=log)
        run(as_root() + ["sh", "-euc", _FINISH, "finish", work / "root", *MASKED], log=log)

    return cache.get(f"base-{guest}", key, build, keep=2) / "root"


# What turns a package set into a machine that boots fast and lets root in.
_FINISH = r"""
root=$1; shift
cd "$root"
rm -rf var/cache/apt var/lib/apt/lists boot/* etc/apt/apt.conf.d/99mmdebstrap
sed -i 's/^root:[^:]*:/root::/' etc/shadow
echo luod-lab > etc/hostname
echo '127.0.0.1 localhost luod-lab' > etc/hosts
# A fixed id: with an empty one systemd takes every boot for the first.
echo 6c756f642d6c61622d6d616368696e65 > etc/machine-id
printf '/dev/vda / ext4 rw 0 0\n' > etc/fstab
for unit; do ln -sfn /dev/null "etc/systemd/system/$unit"; done
mkdir -p lab etc/systemd/system/serial-getty@ttyS0.service.d
ln -sfn /lib/systemd/system/multi-user.target etc/systemd/system/default.target
"""


def has_install():
    """Whether the project's Makefile knows how to install."""
    makefile = TOP / "Makefile"
    return makefile.exists() and run_ok(["make", "-C", TOP, "-n", "install", "DESTDIR=/nowhere"])


def run_ok(cmd):
    try:
        run(cmd)
    except LabError:
        return False
    return True
