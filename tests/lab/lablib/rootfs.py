# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests: a Debian of each kind, and the disk image made of it.

Two steps, because they change at different speeds.  The base tree is what
mmdebstrap makes of the archive, once a month; the image is the base with the
project installed into it, the lab's own files and the kernels, after every
change of the source, and so it must take seconds.
"""

import os

from . import apt
from .base import LAB, TOP, as_root, build_dir, cores, need, remove_tree, run
from .cache import digest

GUESTS = {"trixie": "systemd 257", "forky": "systemd 262"}
OVERLAY = LAB / "guest"
IMAGE_MIB = 1536
KEEP_IMAGES = 6

# Services that cost time at every boot and that no case is about.  With no
# virtual terminal and no serial getty (kernel command line) nothing waits for
# a login; `lab shell` brings the getty back.  The lab's kernels have no modules.
MASKED = ["getty@tty1.service", "systemd-pcrphase.service", "e2scrub_reap.service",
          "e2scrub_all.timer", "fstrim.timer", "systemd-firstboot.service",
          "dpkg-db-backup.timer", "ldconfig.service", "systemd-timesyncd.service",
          "modprobe@.service", "kexec.service", "kexec-load.service"]

# Content that nobody reads in a guest.
EXCLUDED = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*",
            "/usr/share/lintian/*", "/usr/share/doc/*", "/usr/share/bash-completion/*"]


def guest_packages():
    lines = (LAB / "guest-packages.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def base(cache, guest):
    """The base tree of a guest, from the cache or the archive."""
    packages = guest_packages()

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

    return cache.get(f"base-{guest}", _base_key(guest), build, keep=2) / "root"


def _base_key(guest):
    return digest("base-3", guest, guest_packages(), MASKED, EXCLUDED, _FINISH)


def base_path(cache, guest):
    """Where the base tree is or will be."""
    return cache.path(f"base-{guest}", _base_key(guest)) / "root"


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
# The command line names the root; an entry here would make the boot wait for it again.
: > etc/fstab
for unit; do ln -sfn /dev/null "etc/systemd/system/$unit"; done
mkdir -p lab etc/systemd/system/serial-getty@ttyS0.service.d
ln -sfn /lib/systemd/system/multi-user.target etc/systemd/system/default.target
"""


def helper(cache):
    """The guest's clock, compiled on the host: static, so that it runs anywhere."""
    source = OVERLAY / "usr/lib/lab/stamp.c"

    def build(work):
        run([need("gcc", "to compile the guest's helper"), "-O2", "-static", "-o", work / "stamp",
             source])

    return cache.get("helper", digest("helper-1", source), build, keep=2) / "stamp"


def install_project(into):
    """What `make install` puts into a system, and the cases' programs, below into.

    LAB_PROJECT=DIR takes a tree made earlier, LAB_PROJECT=none leaves guests
    without the project, for work on the lab itself."""
    remove_tree(into)
    into.mkdir(parents=True)
    given = os.environ.get("LAB_PROJECT")
    if given == "none":
        return
    if given:
        run(["cp", "-dR", f"{given}/.", into])
        return
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "SANITIZE")}
    env["O"] = str(build_dir())
    log = build_dir() / "lab" / "install.log"
    log.unlink(missing_ok=True)
    run(["make", "-C", TOP, f"-j{cores()}", "lab-guest", f"DESTDIR={into}", "PREFIX=/usr"],
        log=log, env=env)


def wanted_units(tree):
    """Units below tree that say they want to be enabled."""
    folder = tree / "usr/lib/systemd/system"
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_file() and "@" not in p.name
                  and "\n[Install]" in p.read_text(errors="replace"))


def image(cache, guest, kernels, project):
    """The disk of a guest: base, project tree, the lab's files, and the kernels
    (release: image file) in /boot.  Directory with root.img."""
    tree = base(cache, guest)
    stamp = helper(cache)
    key = digest("image-1", tree.parent.name, OVERLAY, stamp.parent.name, project,
                 {name: file.parent.name for name, file in kernels.items()}, IMAGE_MIB, _PUT)

    def build(work):
        units = wanted_units(project)
        run(as_root() + ["sh", "-euc", _PUT, "put", tree, work / "root", OVERLAY, project, stamp,
                         " ".join(units)])
        boot = work / "root/boot"
        for name, file in kernels.items():
            run(as_root() + ["cp", "--no-preserve=ownership", file, boot / f"vmlinuz-{name}"])
        run(as_root() + [need("mke2fs", "to make disk images"), "-q", "-F", "-t", "ext4",
                         "-d", work / "root", "-L", "root", "-m", "0", "-b", "4096",
                         "-J", "size=8", "-E", "lazy_itable_init=1,lazy_journal_init=1",
                         work / "root.img", f"{IMAGE_MIB}M"])
        remove_tree(work / "root")

    return cache.get(f"image-{guest}", key, build, keep=KEEP_IMAGES) / "root.img"


# The tree of an image.  Files of the base are hard links: nothing here may write
# into one, so everything replaces.  What packages would do when installed is
# done by the guest's own tools; with .updated newer than /usr no boot does it
# again.
_PUT = r"""
base=$1 root=$2 overlay=$3 project=$4 stamp=$5 units=$6
cp -al "$base" "$root"
put() { cp -dR --preserve=mode,timestamps,links --remove-destination "$1/." "$root/"; }
put "$overlay"
rm "$root/usr/lib/lab/stamp.c"
chmod 755 "$root/usr/lib/lab/agent"
cp --remove-destination --preserve=mode "$stamp" "$root/usr/lib/lab/stamp"
# /lib is a link in the guest: a project that installs there must not replace it.
if [ -d "$project/lib" ]; then
	mkdir -p "$project/usr" && cp -dR "$project/lib" "$project/usr/" && rm -r "$project/lib"
fi
put "$project"
chown 0:0 "$root"
chmod 755 "$root"
# systemd's tools open files by way of /proc.
in_guest() {
	SYSTEMD_OFFLINE=1 SYSTEMD_IN_CHROOT=1 unshare --mount sh -ec '
		mount --rbind /proc "$0/proc"
		exec chroot "$0" "$@"' "$root" "$@"
}
if [ -n "$(ls -A "$project")" ]; then
	in_guest ldconfig
	in_guest systemd-sysusers
	in_guest journalctl --update-catalog
	[ -z "$units" ] || in_guest systemctl preset --quiet $units
fi
touch "$root/etc/.updated" "$root/var/.updated"
"""
