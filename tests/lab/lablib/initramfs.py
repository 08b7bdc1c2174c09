# SPDX-License-Identifier: GPL-2.0-or-later
"""Small initramfs images: cpio (newc) written here, programs compiled static."""

from .base import need, run

TRAILER = "TRAILER!!!"


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


def compile_static(source, target, *flags):
    """A program that needs nothing but the kernel."""
    run([need("gcc", "to compile guest programs"), "-O2", "-static", "-Wall", "-Wextra", "-Werror",
         *flags, "-o", target, source])
    return target
