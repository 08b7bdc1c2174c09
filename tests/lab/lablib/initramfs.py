# SPDX-License-Identifier: GPL-2.0-or-later
"""Small initramfs images: cpio (newc) written here, programs compiled static.

A program can be the init of several boots: it finds the kernel of the next boot
in /next/bzImage, with an initramfs in /next/initrd that has the one after it.
"""

from . import kernel
from .base import LAB, TOP, need, run
from .cache import digest

TRAILER = "TRAILER!!!"
# The drivers that the lab's programs have in common.
DEVICE = LAB / "device"
# What of liblu asks nobody but the kernel: a program drives the kernel with it.
LIBLU = TOP / "liblu"
LIBLU_FILES = [LIBLU / name for name in ("lu-device.c", "lu-kernel.c", "lu-private.h", "liblu.h")]


def cpio(files):
    """The archive of {name: (mode, bytes)}; directories are those with b'' and a
    directory mode, and must stand before what is in them."""
    out = bytearray()
    for ino, (name, (mode, data)) in enumerate([*files.items(), (TRAILER, (0, b""))], 1):
        raw = name.encode() + b"\0"
        fields = [ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields)
        out += raw
        out += b"\0" * (-len(out) % 4)
        out += data
        out += b"\0" * (-len(out) % 4)
    out += b"\0" * (-len(out) % 512)
    return bytes(out)


def file(data, executable=False):
    return (0o100755 if executable else 0o100644, data)


def folder():
    return (0o040755, b"")


def compile_static(sources, target, headers):
    """A program that needs nothing but the kernel."""
    run([need("gcc", "to compile guest programs"), "-O2", "-static", "-pthread", "-Wall", "-Wextra",
         "-Werror", "-D_GNU_SOURCE=", "-isystem", headers, f"-I{LIBLU}", "-o", target, *sources])
    return target


def boots(program, images, loaded=None):
    """The initramfs of the first boot; images are what the later ones run, loaded
    are further ones by name, in /loaded."""
    init = {"init": file(program, executable=True)}
    files = init
    for image in reversed(images):
        files = {**init, "next": folder(), "next/bzImage": file(image),
                 "next/initrd": file(cpio(files))}
    if loaded:
        files = {**files, "loaded": folder(),
                 **{f"loaded/{name}": file(data) for name, data in loaded.items()}}
    return cpio(files)


def of_program(cache, name, images, loaded):
    """The initramfs of a program of the lab, made of files: an entry's file."""
    source = LAB / name
    headers = kernel.headers(cache)
    key = digest("program-1", source, DEVICE, LIBLU_FILES, headers.parent.name, [i.parent.name for i in images],
                 {flavour: image.parent.name for flavour, image in loaded.items()})

    def build(work):
        program = compile_static([*sorted(source.glob("*.c")), *sorted(DEVICE.glob("*.c")),
                                  *(file for file in LIBLU_FILES if file.suffix == ".c")],
                                 work / "init", headers)
        (work / "initrd").write_bytes(boots(
            program.read_bytes(), [image.read_bytes() for image in images],
            {flavour: image.read_bytes() for flavour, image in loaded.items()}))
        program.unlink()

    return cache.get(f"program-{name}", key, build, keep=8) / "initrd"
