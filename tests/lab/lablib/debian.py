# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own kernels: without live update, for what must be refused.

Fetched only for the cases that ask for it.  One can be booted: it is modular, so it
comes with an initramfs that loads just what the lab's guest needs and goes on to its
root.  The others are there to be judged, with the configuration that says how.
"""

import lzma
import shutil
import subprocess
from pathlib import Path

from . import apt, initramfs, kernel
from .base import LAB, LabError, need, run
from .cache import digest

SUITE = "forky"
JUDGED = ("bookworm", "trixie", "forky")
# The lab's disk, folder and channels, and what systemd misses most.
MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "ext4", "9pnet_virtio", "9p", "autofs4",
           "binfmt_misc")
# What the image package has been split into; older ones hold everything.
PARTS = ("linux-base-", "linux-binary-", "linux-modules-")
PARTS_JUDGED = PARTS[:2]
INIT = LAB / "debian-init.c"


def image(cache):
    """Directory with vmlinuz, initrd, release."""
    def build(work):
        debs = _fetch(cache, work, SUITE, PARTS)
        unpack(cache, debs, work)
        for deb in debs:
            deb.unlink()

    return cache.get("debian-kernel", digest("debian-2", SUITE, recipe()), build, keep=2)


def judged(cache, suite):
    """Directory with vmlinuz, config, release of a suite's kernel: to be read, not booted."""
    def build(work):
        tree = work / "tree"
        for deb in _fetch(cache, work, suite, PARTS_JUDGED):
            apt.unpack(deb, tree, exclude="*.ko*")
            deb.unlink()
        release = next(tree.glob("**/lib/modules/*")).name
        for name in "vmlinuz", "config":
            shutil.copy2(_one_file(tree, name, release), work / name)
        (work / "release").write_text(release + "\n")
        shutil.rmtree(tree)

    return cache.get(f"debian-{suite}", digest("debian-judged-1", suite), build, keep=1)


def _one_file(tree, name, release):
    """A file of the kernel, in /boot or, since the package was split, among its modules."""
    places = [f"**/lib/modules/{release}/{name}", f"**/boot/{name}-{release}"]
    for path in (path for place in places for path in tree.glob(place)):
        if path.is_file() and not path.is_symlink():
            return path
    raise LabError(f"the packages of {release} have no {name}")


def recipe():
    """What the initramfs is made from, for keys."""
    return [MODULES, INIT]


def unpack(cache, debs, work):
    """vmlinuz, initrd and release out of the packages of a modular kernel."""
    for deb in debs:
        apt.unpack(deb, work / "tree")
    modules = next((work / "tree").glob("**/lib/modules/*"))
    release = modules.name
    images = [modules / "vmlinuz", work / "tree/boot" / f"vmlinuz-{release}"]
    shutil.copy2(next(filter(Path.exists, images)), work / "vmlinuz")
    (work / "release").write_text(release + "\n")
    usr = modules.parent.parent.parent
    run([need("depmod", "to find a module's dependencies"), "-b", usr, release])
    (work / "initrd").write_bytes(_initrd(modules, work, kernel.headers(cache)))
    shutil.rmtree(work / "tree")


def _fetch(cache, work, suite, parts):
    """The packages of the image: one, or since the split one for each part."""
    with apt.lock_downloads(cache):
        private = apt.Apt(cache, [suite])
        private.ensure_lists()
        image_names = _depends(private, "linux-image-amd64", "linux-image-")
        if not image_names:
            raise LabError(f"{suite} has no linux-image-amd64")
        names = image_names[:1] + _depends(private, image_names[0], *parts)
        return [private.download(name, private.versions(name)[0], work) for name in names]


def _depends(private, package, *prefixes):
    """Names with one of the prefixes among what a package depends on."""
    out = private.run("apt-cache", "depends", "--important", package)
    names = [line.split()[-1] for line in out.splitlines() if "Depends:" in line]
    return [name for name in names if name.startswith(prefixes)]


def _initrd(modules, work, headers):
    files = {"proc": initramfs.folder(), "dev": initramfs.folder(), "root": initramfs.folder(),
             "m": initramfs.folder()}
    for number, path in enumerate(in_order(modules)):
        files[f"m/{number:03}"] = initramfs.file(_plain(modules / path))
    program = initramfs.compile_static([INIT], work / "init", headers)
    files["init"] = initramfs.file(program.read_bytes(), executable=True)
    program.unlink()
    return initramfs.cpio(files)


def in_order(modules):
    """Files of MODULES and of what they depend on, each after what it needs.
    A module that is built in has no file and needs none."""
    depends, paths = {}, {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, needed = line.partition(":")
        depends[path] = needed.split()
        paths[Path(path).name.split(".")[0].replace("-", "_")] = path
    builtin = {Path(line).stem.replace("-", "_")
               for line in (modules / "modules.builtin").read_text().splitlines()}
    ordered = []

    def add(path):
        for other in depends[path]:
            add(other)
        if path not in ordered:
            ordered.append(path)

    for name in MODULES:
        if name in paths:
            add(paths[name])
        elif name not in builtin:
            raise LabError(f"{modules.name} has no module {name}")
    return ordered


def _plain(path):
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run([need("zstd", "to unpack modules"), "-dcq", path], check=True,
                              capture_output=True).stdout
    return path.read_bytes()
