# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernels: source, headers, flavours.

The pinned source of kernel/base.conf comes as a Debian package.  From it:

	source-stock-*	    as it is
	source-project-*    with kernel/patches applied, every hunk in place
	headers-*	    the user-space interface of the project's source
	kernel-<flavour>-*  what is booted: bzImage, config, System.map, release

Building goes on in a workspace whose paths never change, kbuild/src and one
object directory per flavour, so that make and the compiler cache recognize
what is the same: files that differ are exchanged in kbuild/src, the rest keeps
its time stamps.  Only what was copied out of there is trusted.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import apt
from .base import KERNEL, LabError, cores, need, read_conf, run, say
from .cache import digest

SERIES = KERNEL / "patches" / "series"
CCACHE_SIZE = "5G"

# Kernels, and their headers, that the user brings along: bzImage files, a folder.
GIVEN = {"stock": ("LAB_KERNEL_STOCK",), "project": ("LAB_KERNEL",),
         "next": ("LAB_KERNEL_NEXT", "LAB_KERNEL"), "debug": ("LAB_KERNEL_DEBUG",)}
GIVEN_HEADERS = "LAB_HEADERS"


@dataclass(frozen=True)
class Flavour:
    """One way to build the source: which source, which fragments, which name."""
    suffix: str
    source: str
    names: tuple

    def fragments(self):
        """The fragments in order.  project.config holds the options that the patch
        series adds, and is not there while it adds none."""
        files = [KERNEL / name for name in self.names]
        return [file for file in files if file.name != "project.config" or file.exists()]


FLAVOURS = {
    "stock": Flavour("-luod-stock", "stock", ("lab.config",)),
    "project": Flavour("-luod", "project", ("lab.config", "project.config")),
    "next": Flavour("-luod-next", "project", ("lab.config", "project.config", "next.config")),
    "debug": Flavour("-luod-debug", "project", ("lab.config", "project.config", "debug.config")),
}


def given(flavour):
    """The file to take for a flavour instead of building it, or None."""
    for name in GIVEN[flavour]:
        if os.environ.get(name):
            return Path(os.environ[name]).absolute()
    return None


def has(option, flavour="project"):
    """Is an option on in a flavour? One that is given is believed to have it."""
    if flavour not in FLAVOURS or given(flavour):
        return flavour in FLAVOURS
    text = "".join(file.read_text() for file in FLAVOURS[flavour].fragments())
    return f"\n{option}=y\n" in text


def base_conf():
    return read_conf(KERNEL / "base.conf", {"SUITE", "SERIES", "VERSION"},
                     ("SUITE", "SERIES", "VERSION"))


def upstream(version):
    """7.3.4 of 7.3.4-1~bpo13+1."""
    return version.partition("-")[0]


def release(flavour, version=None):
    """What uname -r says of a flavour."""
    return upstream(version or base_conf()["VERSION"]) + FLAVOURS[flavour].suffix


def patches():
    """The patch files in order; a name in the series without its file is an error."""
    if not SERIES.exists():
        return []
    names = [line.partition("#")[0].strip() for line in SERIES.read_text().splitlines()]
    files = [SERIES.parent / name for name in names if name]
    for file in files:
        if not file.is_file():
            raise LabError(f"{SERIES} names '{file.name}', which is not there")
    return files


def newest(versions, series):
    """The newest of a series among Debian versions that are sorted newest first."""
    for version in versions:
        if upstream(version).startswith(series + "."):
            return version
    return None


def package(cache, name):
    """A package of the pinned version as an entry {dir}/{file}.deb.  When the
    archive has dropped that version, the newest one of the series, and a word."""
    conf = base_conf()

    def build(work):
        with apt.lock_downloads(cache):
            private = apt.Apt(cache, [conf["SUITE"]])
            private.ensure_lists()
            version = conf["VERSION"]
            if version not in private.versions(name):
                private.update()
            if version not in private.versions(name):
                version = newest(private.versions(name), conf["SERIES"])
                if not version:
                    raise LabError(f"{conf['SUITE']} has no {name} of {conf['SERIES']}")
                say(f"{name} {conf['VERSION']} is gone from the archive, taking {version}")
            private.download(name, version, work)
            (work / "version").write_text(version + "\n")

    return cache.get(f"deb-{name}", digest("deb-1", name, conf), build)


def package_file(entry):
    return next(entry.glob("*.deb"))


def stock_source(cache):
    """The unpacked source as Debian ships it: (directory, version)."""
    name = f"linux-source-{base_conf()['SERIES']}"
    deb = package(cache, name)
    version = (deb / "version").read_text().strip()

    def build(work):
        run(["sh", "-euc", 'dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "./usr/src/*.tar.xz"'
             ' | tar -xJ -C "$2" --strip-components=1', "unpack", package_file(deb), work])

    return cache.get("source-stock", digest("source-1", version), build, keep=2), version


def touched(files):
    """Paths that patches write to or remove, relative to the tree."""
    names = set()
    for file in files:
        for line in file.read_text(errors="replace").splitlines():
            match = re.match(r"(?:---|\+\+\+) [ab]/(\S+)", line)
            if match:
                names.add(match[1])
    return sorted(names)


def apply(stock, series, work):
    """Makes work a tree with the patches applied; what they leave alone is the same files."""
    run(["cp", "-al", f"{stock}/.", work])
    for name in touched(series):
        _unshare(work / name)
    for file in series:
        run([need("patch", "to apply the series"), "-d", work, "-p1", "--fuzz=0",
             "--forward", "--batch", "--silent", "--no-backup-if-mismatch", "-i", file])


def project_source(cache):
    """The source with the series applied: (directory, version)."""
    stock, version = stock_source(cache)
    series = patches()
    if not series:
        return stock, version
    key = _patched_key(version, series)

    def build(work):
        apply(stock, series, work)
        if _patched_key(version, patches()) != key:
            raise LabError(f"{SERIES.parent} was changed while it was applied: once more, please")

    return cache.get("source-project", key, build, keep=4), version


def _patched_key(version, series):
    return digest("patched-1", version, series)


def source_path(cache):
    """Where the source with the series applied is or will be."""
    version, series = _version(cache), patches()
    if series:
        return cache.path("source-project", _patched_key(version, series))
    return cache.path("source-stock", digest("source-1", version))


def _unshare(path):
    """Give a hard-linked file a copy of its own before it is written to."""
    if path.is_file():
        copy = path.with_name(path.name + ".lab-copy")
        shutil.copy2(path, copy)
        os.replace(copy, path)


def headers(cache):
    """The user-space headers of the project's source, without building a kernel."""
    if os.environ.get(GIVEN_HEADERS):
        folder = Path(os.environ[GIVEN_HEADERS]).absolute()
        return cache.get("given-headers", digest(folder), lambda work: shutil.copytree(
            folder, work / "include"), keep=2) / "include"
    series = patches()
    conf = base_conf()
    key = digest("headers-1", conf, series)

    def from_package(work):
        deb = package(cache, "linux-libc-dev")
        apt.unpack(package_file(deb), work / "deb")
        usr = work / "deb/usr/include"
        # asm/ is a link into a tree of all architectures: follow it.
        shutil.copytree(usr, work / "include", symlinks=False,
                        ignore=shutil.ignore_patterns("*-linux-gnu*"))
        shutil.copytree(usr / "x86_64-linux-gnu/asm", work / "include/asm")
        shutil.rmtree(work / "deb")

    def from_source(work):
        source, _ = project_source(cache)
        run(["make", "-s", "-C", source, f"O={work}/obj", "ARCH=x86_64", "headers_install",
             f"INSTALL_HDR_PATH={work}/usr"])
        os.rename(work / "usr/include", work / "include")
        shutil.rmtree(work / "usr")
        shutil.rmtree(work / "obj")

    return cache.get("headers", key, from_source if series else from_package, keep=4) / "include"


def headers_path(cache):
    return cache.path("headers", digest("headers-1", base_conf(), patches())) / "include"


def check_config(asked, got):
    """Options of a fragment (KEY=VALUE lines, the last one counts) that are not in
    the configuration: a list of 'KEY=VALUE (is …)'."""
    want, have = {}, {}
    for text, into in (asked, want), (got, have):
        for line in text.splitlines():
            match = re.match(r"(CONFIG_\w+)=(.*)", line)
            if match:
                into[match[1]] = match[2]
    return [f"{key}={value} (is {have.get(key, 'n')})" for key, value in want.items()
            if have.get(key, "n") != value]


def _key(flavour, version):
    kind = FLAVOURS[flavour]
    series = patches() if kind.source == "project" else []
    return digest("kernel-1", version, series, kind.suffix,
                  kind.fragments())


def path(cache, flavour):
    """Where the image of a flavour is or will be."""
    if given(flavour):
        return given(flavour)
    return cache.path(f"kernel-{flavour}", _key(flavour, _version(cache))) / "bzImage"


def _version(cache):
    """The version that is used: the pinned one unless the archive had lost it."""
    conf = base_conf()
    name = f"linux-source-{conf['SERIES']}"
    found = cache.path(f"deb-{name}", digest("deb-1", name, conf)) / "version"
    return found.read_text().strip() if found.exists() else conf["VERSION"]


def image(cache, flavour):
    """A built kernel: directory with bzImage, config, System.map, release."""
    if flavour not in FLAVOURS:
        raise LabError(f"no kernel '{flavour}' (known: {' '.join(FLAVOURS)})")
    if given(flavour):
        return _given_image(cache, given(flavour))
    ready = cache.path(f"kernel-{flavour}", _key(flavour, _version(cache)))
    if not ready.is_dir():
        stock_source(cache)  # decides about the version, and so about the key
    key = _key(flavour, _version(cache))

    def build(work):
        with cache.lock("kbuild", "a kernel build"):
            _build(cache, flavour, work)

    return cache.get(f"kernel-{flavour}", key, build, keep=3)


def _given_image(cache, file):
    if not file.is_file():
        raise LabError(f"there is no kernel '{file}'")

    def build(work):
        shutil.copyfile(file, work / "bzImage")
        (work / "release").write_text(image_release(file.read_bytes()) + "\n")

    return cache.get("given-kernel", digest(file), build, keep=6)


def image_release(data):
    """What uname -r will say, from the header of a bzImage."""
    if data[0x202:0x206] != b"HdrS":
        raise LabError("that is not a bzImage")
    start = 0x200 + int.from_bytes(data[0x20e:0x210], "little")
    return data[start:data.index(b"\0", start)].split()[0].decode()


def _build(cache, flavour, work):
    kind = FLAVOURS[flavour]
    area = cache.workspace("kbuild")
    log = cache.workspace("logs") / f"kernel-{flavour}.log"
    log.unlink(missing_ok=True)
    stock, version = stock_source(cache)
    source = project_source(cache)[0] if kind.source == "project" else stock
    src = area / "src"
    sync_source(src, stock, source, patches() if source != stock else [])
    obj = area / flavour
    obj.mkdir(exist_ok=True)
    asked = "".join(file.read_text() for file in kind.fragments())
    (obj / "fragment").write_text(asked)
    make, env = make_command(cache, src, obj, kind.suffix)
    # Without a default of its own: an option is on because a fragment, or an
    # option of a fragment, asks for it.
    new = (obj / ".config.lab").exists() and (obj / ".config.lab").read_text() == asked
    if not new or not (obj / ".config").exists():
        run(make + [f"KCONFIG_ALLCONFIG={obj}/fragment", "allnoconfig"], log=log, env=env)
        (obj / ".config.lab").write_text(asked)
    run(make + ["olddefconfig"], log=log, env=env)
    config = (obj / ".config").read_text()
    bad = check_config(asked, config)
    if bad:
        (obj / ".config.lab").unlink()
        raise LabError(f"kernel {flavour}: options asked for but not there: {', '.join(bad)}")
    run(make + [f"-j{cores()}", "bzImage"], log=log, env=env)
    shutil.copy2(obj / "arch/x86/boot/bzImage", work / "bzImage")
    shutil.copy2(obj / "System.map", work / "System.map")
    shutil.copy2(obj / ".config", work / "config")
    made = (obj / "include/config/kernel.release").read_text().strip()
    if made != release(flavour, version):
        raise LabError(f"kernel {flavour} calls itself '{made}', not '{release(flavour, version)}'")
    (work / "release").write_text(made + "\n")


def make_command(cache, src, obj, suffix):
    """The kernel's make in an object directory, with the compiler cache if it is there, and
    the environment for it."""
    make = ["nice", "make", "-C", src, f"O={obj}", f"LOCALVERSION={suffix}",
            "KBUILD_BUILD_USER=lab", "KBUILD_BUILD_HOST=luod",
            # Nothing of the time or place of a build may get into the compiler's input.
            "KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 2026", "KBUILD_BUILD_VERSION=1"]
    env = {k: v for k, v in os.environ.items() if k not in ("O", "MAKEFLAGS", "MFLAGS", "CC", "V",
                                                          "CFLAGS", "LDFLAGS", "MAKELEVEL")}
    if shutil.which("ccache"):
        make += ["CC=ccache gcc", "HOSTCC=ccache gcc"]
        env.update(CCACHE_DIR=str(cache.workspace("ccache")), CCACHE_MAXSIZE=CCACHE_SIZE)
    return make, env


def sync_source(src, stock, wanted, series):
    """Make the working tree the wanted one by exchanging only what differs, so
    that unchanged files keep their time stamps and make does little."""
    state = src.parent / "src.state"
    base, *old = state.read_text().splitlines() if state.exists() else [""]
    if base != stock.name or not src.is_dir():
        state.unlink(missing_ok=True)
        shutil.rmtree(src, ignore_errors=True)
        src.mkdir(parents=True)
        run(["cp", "-al", f"{stock}/.", src])
        old = []
    names = touched(series)
    # Both lists until done: an interrupted exchange is finished by the next one.
    state.write_text("\n".join([stock.name, *sorted({*old, *names})]) + "\n")
    for name in sorted({*old, *names}):
        _exchange(src / name, wanted / name)
    state.write_text("\n".join([stock.name, *names]) + "\n")


def _exchange(mine, other):
    if not other.is_file():
        mine.unlink(missing_ok=True)
    elif not mine.is_file() or mine.read_bytes() != other.read_bytes():
        mine.parent.mkdir(parents=True, exist_ok=True)
        copy = mine.with_name(mine.name + ".lab-copy")
        shutil.copyfile(other, copy)
        shutil.copymode(other, copy)
        os.replace(copy, mine)

