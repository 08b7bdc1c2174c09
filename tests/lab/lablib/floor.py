# SPDX-License-Identifier: GPL-2.0-or-later
"""The floor of a live update (floor.c): its initramfs, and measuring it.

Used as a case, and called by whoever compares something with it.
"""

import os
import tempfile
from pathlib import Path

from . import initramfs, kernel, machine, qemu, tap
from .base import LAB, LabError, build_dir, say
from .cache import digest

SOURCE = LAB / "floor.c"
DEADLINE = 180
KVM_DEADLINE = 30


def initrd(cache, flavour):
    """The initramfs of the first boot, the kernel to jump into inside."""
    headers = kernel.headers(cache)
    image = kernel.image(cache, flavour) / "bzImage"
    key = digest("floor-1", SOURCE, headers.parent.name, image.parent.name)
    return cache.get("floor", key, lambda work: _make_initrd(work, headers, image), keep=4) / "initrd"


def _make_initrd(work, headers, image):
    program = initramfs.compile_static([SOURCE], work / "init", headers)
    (work / "initrd").write_bytes(initramfs.boots(program.read_bytes(), [image.read_bytes()]))
    program.unlink()


def try_kernel(cache, image):
    """One live update of a kernel that is in no cache into itself; a LabError when it fails."""
    with tempfile.TemporaryDirectory(prefix="floor-") as name:
        _make_initrd(Path(name), kernel.headers(cache), image)
        _once(qemu.find(cache), image, Path(name) / "initrd")


def machine_for(emulator, folder, image, ramdisk):
    vm = machine.Machine(emulator, folder, image, machine.KERNEL_APPEND)
    vm.initrd(ramdisk)
    return vm


def measure(cache, flavour="project", following="next", runs=1):
    """Cycles of the floor as {NAME: number}; the best of runs, because what
    disturbs a run only ever makes it longer."""
    emulator = qemu.find(cache)
    image = kernel.image(cache, flavour) / "bzImage"
    ramdisk = initrd(cache, following)
    best = None
    for _ in range(runs):
        result = _once(emulator, image, ramdisk)
        if best is None or result["FLOOR_CYCLES"] < best["FLOOR_CYCLES"]:
            best = result
    return best


def probe_kvm(cache):
    """Use KVM if LAB_KVM=1 asks for it and it really works: /dev/kvm may exist and
    be unusable for an ordinary kernel, so a whole live update is tried."""
    if os.environ.get("LAB_KVM") != "1":
        return
    emulator = qemu.find(cache)
    image = kernel.image(cache, "project") / "bzImage"
    machine.accelerate(machine.KVM)
    try:
        _once(emulator, image, initrd(cache, "next"), KVM_DEADLINE)
    except LabError as err:
        say(f"KVM does not carry a live update here, emulating ({str(err).splitlines()[1]})")
        machine.accelerate(machine.TCG)


def _once(emulator, image, ramdisk, deadline=DEADLINE):
    top = build_dir() / "lab"
    top.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="floor-", dir=top) as name:
        folder = Path(name)
        with machine_for(emulator, folder, image, ramdisk) as vm:
            vm.serial_to("serial.log", "results")
            vm.start()
            ended = vm.wait(deadline * float(os.environ.get("LAB_SLOW", 1)))
        said = {name: (folder / name).read_text(errors="replace")
                if (folder / name).exists() else "" for name in ("results", "serial.log")}
        result = tap.parse(said["results"])
        result.judge(1, None if ended else "the floor ends in time")
        if not result.ok():
            tail = said["serial.log"].splitlines()[-40:]
            raise LabError("\n".join(["the floor failed:", *result.lines, *tail]))
    spans = {to: (cycles, khz) for _, to, cycles, khz in result.elapsed}
    cycles, khz = spans["finished"]
    return {"FLOOR_CYCLES": cycles, "FLOOR_INIT_CYCLES": spans["init"][0], "TSC_KHZ": khz,
            "FLOOR_MS": cycles // khz}
