# SPDX-License-Identifier: GPL-2.0-or-later
"""The project's kernel as a Debian package: Debian's own configuration of the pinned
version, kernel/host.config, the patch series.

The small form is for the lab: only the modules its machines load, no debug information.
Everything that is built in is Debian's either way, and so is the way it is packaged.
"""

import lzma
import shutil
import subprocess

from . import debian, kernel, packages
from .base import KERNEL, LabError, cores, need, run
from .cache import digest

CONFIG = "./usr/src/linux-config-{}/config.amd64_none_amd64.xz"
SUFFIX = "+luod"
# Of bindeb-pkg: what else it would make.
UNWANTED = {True: "nokernelheaders nokerneldbg", False: "nokerneldbg"}


def fragments(small):
    names = ["host.config", "project.config", *(["deb-small.config"] if small else [])]
    return [KERNEL / name for name in names]


def package(cache, small=False):
    """Folder with linux-image-*.deb (and linux-headers-*.deb), config."""
    packages.setup(["kernel", "kernel-deb"])
    kernel.stock_source(cache)  # decides about the version, and so about the key
    parts = [kernel.base_conf(), kernel.patches(), fragments(small),
             debian.MODULES if small else ""]

    def build(work):
        # Not among the lab's kernels, which would wait for hours.
        with cache.lock("kerneldeb", "a kernel package"):
            _build(cache, small, work)

    kind = "kernel-deb-small" if small else "kernel-deb"
    return cache.get(kind, digest("kernel-deb-1", *parts), build, keep=2)


def image(cache):
    """The small form as the lab boots it: directory with vmlinuz, initrd, release, deb."""
    made = package(cache, small=True)

    def build(work):
        deb = next(made.glob("linux-image-*.deb"))
        debian.unpack(cache, [deb], work)
        shutil.copyfile(deb, work / "linux-image.deb")

    return cache.get("kernel-deb-image", digest("kernel-deb-image-1", made.name, debian.recipe()),
                     build, keep=2)


def _build(cache, small, work):
    area = cache.workspace("kerneldeb")
    name = "small" if small else "whole"
    log = cache.workspace("logs") / f"kernel-deb-{name}.log"
    log.unlink(missing_ok=True)
    stock, version = kernel.stock_source(cache)
    source, _ = kernel.project_source(cache)
    kernel.sync_source(area / "src", stock, source, kernel.patches())
    obj = area / name / "obj"  # the packages come to stand beside it
    obj.mkdir(parents=True, exist_ok=True)
    for old in obj.parent.glob("*.deb"):
        old.unlink()
    make, env = kernel.make_command(cache, area / "src", obj, SUFFIX)
    asked = "".join(file.read_text() for file in fragments(small))
    (obj / ".config").write_text(_debians(cache) + asked)
    env["CCACHE_BASEDIR"] = str(area)
    run(make + ["olddefconfig"], log=log, env=env)
    if small:
        (obj / "lsmod").write_text("Module Size Used\n" + "".join(f"{name} 1 0\n"
                                                               for name in debian.MODULES))
        run(make + [f"LSMOD={obj}/lsmod", "localmodconfig"], log=log, env=env)
    bad = kernel.check_config(asked, (obj / ".config").read_text())
    if bad:
        raise LabError(f"the kernel package: options asked for but not there: {', '.join(bad)}")
    env["DEB_BUILD_PROFILES"] = " ".join(f"pkg.linux-upstream.{word}"
                                         for word in UNWANTED[small].split())
    run(make + [f"-j{cores()}", f"KDEB_PKGVERSION={version}{SUFFIX}", "KDEB_CHANGELOG_DIST=luod",
                "DEBEMAIL=luod@localhost", "DEBFULLNAME=luod", "bindeb-pkg"], log=log, env=env)
    for deb in obj.parent.glob("linux-*.deb"):
        if not deb.name.startswith("linux-libc-dev"):
            shutil.copy2(deb, work / deb.name)
    shutil.copy2(obj / ".config", work / "config")


def _debians(cache):
    """Debian's configuration, without what it says of Debian's compiler."""
    entry = kernel.package(cache, f"linux-config-{kernel.base_conf()['SERIES']}")
    need("xz", "to unpack Debian's configuration")
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", kernel.package_file(entry)], check=True,
                         capture_output=True).stdout
    member = CONFIG.format(kernel.base_conf()["SERIES"])
    packed = subprocess.run(["tar", "-xO", member], input=tar, check=True,
                            capture_output=True).stdout
    return lzma.decompress(packed).decode() + "\n"
