# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands around a machine whose device is handed over while it does DMA.

The device, a wire that sends numbered frames into it from outside, the traces
of the emulator, and the watch on what the guest says: the phases it goes
through. What all of it proves is judged in proof.py.

The frames come over a pair of Unix sockets: the network stack of a busy host, loopback
included, drops some. Nothing is lost on such a pair; a device that takes nothing holds up
the source, which then makes up for it. A run in which the host stood still half of the
time is invalid, not failed: the runner repeats it.
"""

import re
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, replace

from . import proof
from .base import Spoilt

# Frames a second, such that the ring (RING_COUNT in device/device.h) lasts for all of most runs.
RATE, RATES = 200, {"debug": 40}
WATCH_SECONDS = 0.02
STALL_SECONDS = 0.05
STALLS_MOST = 0.5  # of the time; with more a run says nothing about pauses
DISK_SIZE = 64 << 20
SLOW_BLOCK, SLOW_BLOCKS = 4096, 2048
# Reads a second, such that they last for all of a live update; which takes longer with a distribution.
SLOW_RATE, SLOWER_RATE = 20, 10

PHASE = "@ phase "
REACHES = re.compile(r"@ reaches (\S+) 0x([0-9a-f]+) 0x([0-9a-f]+)")
SPLAT = re.compile(r"WARNING:|BUG:|Oops|Call Trace|KASAN|possible recursive|kmemleak: \d+ new"
                   r"|pagealloc:")
# A guest that tells what of it the kernel loses in any boot knows more than the console.
LEAK, LEAKS_JUDGED = re.compile(r"kmemleak: \d+ new"), "the kernel has lost no memory"

# The emulator only warns of an event that it does not have.
UNTRACED = re.compile(r"trace event .*does not exist")


@dataclass(frozen=True)
class Device:
    """A device for DEVICE= of a case."""
    address: str
    arguments: tuple
    subject: proof.Subject | None  # None: the emulator does not trace what it does


E1000E_REGISTER_RESET = "e1000e_core_ctrl_sw_reset"
E1000E = ("e1000e_rx_desc_buff_write", ("e1000e_cb_qdev_reset_hold", E1000E_REGISTER_RESET))
NVME = ("pci_nvme_enqueue_req_completion",
        ("pci_nvme_mmio_stopped", "pci_nvme_mmio_shutdown_set", "pci_nvme_pci_reset"),
        # A completion is counted when it is due: this is one that could not be written.
        ("pci_nvme_err_addr_write",))


def disk(rate):
    """So slow that reads are always under way."""
    return Device(
        "0000:00:05.0",
        ("-drive", f"if=none,id=slow,format=raw,file=slow-disk,throttling.iops-read={rate}",
         "-device", "nvme,drive=slow,serial=slow,addr=05.0"),
        proof.Subject(("00:05.0",), *NVME))


DEVICES = {
    "e1000e": Device("0000:00:05.0", ("-device", "e1000e,netdev=wire,addr=05.0"),
                     proof.Subject(("00:05.0",), *E1000E)),
    "e1000e-behind-port": Device(
        "0000:01:00.0",
        ("-device", "pcie-root-port,id=bridge,slot=1,chassis=1,addr=06.0",
         "-device", "e1000e,netdev=wire,bus=bridge"),
        proof.Subject(("01:00.0", "00:06.0"), *E1000E)),
    "nvme": disk(SLOW_RATE),
    "nvme-slower": disk(SLOWER_RATE),
    # It copies when it is told to, 100 ms later, and its addresses are of 28 bits.
    "edu": Device("0000:00:05.0", ("-device", "edu,addr=05.0"), None),
}

# Another e1000e beside the first one, with a wire of its own.
SECOND = Device("0000:00:06.0", ("-device", "e1000e,netdev=second,addr=06.0"),
                proof.Subject(("00:06.0",), *E1000E))


def subject_of(device, qemu, second=""):
    """What is looked at in a machine with these further arguments. The event of a reset by
    a register does not say whose it was: beside another e1000e, or an igb, which has it,
    too, it says nothing."""
    subject = device.subject
    if second or "igb" in qemu:
        subject = replace(subject, resets=tuple(event for event in subject.resets
                                                if event != E1000E_REGISTER_RESET))
    return subject


def patience(rate):
    """How long nothing may be sent before the host is to blame: the pace itself is none of its doing."""
    return max(STALL_SECONDS, 2 / rate)


class Wire(threading.Thread):
    """Numbered frames, one datagram each, from the time it is started."""

    def __init__(self, rate=RATE, name="wire"):
        super().__init__(daemon=True)
        self.rate, self.id = rate, name
        self.far, self.near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.far.setblocking(False)
        self.sent = 0
        self.stalls = []  # (begin, end) of times in which the host did not let it send
        self.ended = threading.Event()

    def arguments(self):
        return ["-netdev", f"dgram,id={self.id},local.type=fd,local.str={self.near.fileno()}"]

    def _send(self):
        """The next frame; False when there is no room for it yet."""
        frame = (b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x01" + b"\x88\xb5"
                 + struct.pack(">I", self.sent) + b"\0" * 60)
        try:
            self.far.send(frame)
        except BlockingIOError:
            return False
        self.sent += 1
        return True

    def run(self):
        begin, last = time.monotonic(), time.time()
        room = select.poll()
        room.register(self.far, select.POLLOUT)
        while not self.ended.is_set():
            sent = self._send()
            now = time.time()
            if now > last + patience(self.rate):
                self.stalls.append((last, now))
            last = now
            if sent:
                self.ended.wait(max(0, begin + self.sent / self.rate - time.monotonic()))
            else:
                room.poll(WATCH_SECONDS * 1000)

    def stop(self):
        self.ended.set()
        if self.is_alive():
            self.join()
        for end in self.far, self.near:
            end.close()


class Beat(threading.Thread):
    """Asks the emulator how it is, all the time. While it does not answer nothing in
    it goes on, and that the device pauses is the host's doing."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ours, self.its = socket.socketpair()
        self.stalls = []

    def arguments(self):
        return ["-chardev", f"socket,id=beat,fd={self.its.fileno()}",
                "-mon", "chardev=beat,mode=control"]

    def run(self):
        self.its.close()
        last = time.time()
        try:
            # Leaving the block writes what was not sent, which fails, too, once it is gone.
            with self.ours.makefile("rwb") as monitor:
                monitor.readline()
                alive = self._ask(monitor, b"qmp_capabilities", last)
                while alive:
                    time.sleep(WATCH_SECONDS)
                    # It may have slept through the time in which nobody answered.
                    alive = self._ask(monitor, b"query-status", last)
                    last = time.time()
        except OSError:
            pass

    def _ask(self, monitor, command, begin):
        monitor.write(b'{"execute": "%s"}\n' % command)
        monitor.flush()
        while (line := monitor.readline()) and b'"return"' not in line:
            pass
        if (end := time.time()) > begin + WATCH_SECONDS + STALL_SECONDS:
            self.stalls.append((begin, end))
        return line

    def stop(self):
        self.ours.shutdown(socket.SHUT_RDWR)
        self.join()
        self.ours.close()


class Bench:
    """One run's devices, wire and watch."""

    def __init__(self, case, folder):
        self.case, self.folder = case, folder
        self.device = DEVICES.get(case.device)
        # Two devices are no more work for the emulator than one, and their rings last longer.
        rate = ((case.frames or RATES.get(case.kernels[0], RATE))
                // (2 if case.second else 1))
        self.wires = [Wire(rate)] if case.device.startswith("e1000e") else []
        if case.second:
            self.wires.append(Wire(rate, "second"))
        self.subject = (subject_of(self.device, case.qemu, case.second)
                        if self.device and self.device.subject else None)
        self.beat = Beat() if case.proof else None
        self.boots = []  # when the console showed the first line of a kernel

    def append(self):
        """What the guest is told on its command line."""
        words = [f'lab.next="{self.case.next_append}"'] if self.case.next_append else []
        if self.device:
            words.append(f"lab.device={self.device.address}")
        return " ".join(words)

    def equip(self, vm):
        """Give the machine the devices; before it is started."""
        with open(self.folder / "disk", "wb") as file:
            file.truncate(DISK_SIZE)
        # Block n holds nothing but n, see dma/nvme.c
        (self.folder / "slow-disk").write_bytes(b"".join(
            struct.pack("<Q", n) * (SLOW_BLOCK // 8) for n in range(SLOW_BLOCKS)))
        for wire in self.wires:
            vm.args += wire.arguments()
            vm.fds.append(wire.near.fileno())
        if self.beat:
            vm.args += self.beat.arguments()
            vm.fds.append(self.beat.its.fileno())
        if self.device:
            vm.args += [*self.device.arguments, "-D", "trace", "-msg", "timestamp=on"]
        if self.case.second:
            vm.args += SECOND.arguments
        if self.subject:
            for event in self.subject.events():
                vm.args += ["-trace", event]

    def watch(self, vm, limit):
        """As Machine.wait(), with the wires sending as soon as the guest is ready."""
        end = time.monotonic() + limit
        console, results = Tail(self.folder / "serial.log"), Tail(self.folder / "results")
        if self.beat:
            self.beat.start()
        try:
            while vm.status() is None and time.monotonic() < end:
                time.sleep(WATCH_SECONDS)
                if console.has(b"Linux version"):
                    self.boots.append(time.time())
                # Not before the device receives: what waits in the socket could be lost.
                if results.has(b"@ phase before"):
                    for wire in self.wires:
                        if not wire.is_alive():
                            wire.start()
        finally:
            if self.beat:
                self.beat.stop()
            for wire in self.wires:
                wire.stop()
        return vm.wait(max(0, end - time.monotonic()))

    def judge(self, said):
        """TAP of a run in which the guest, in lines that it said, got to the end."""
        console = (self.folder / "serial.log").read_text(errors="replace").splitlines()
        judged = any(LEAKS_JUDGED in line for line in said)
        lines = [f"not ok - the kernel says: {line}" for line in console
                 if SPLAT.search(line) and not (judged and LEAK.search(line))]
        emulator = (self.folder / "qemu.log").read_text(errors="replace").splitlines()
        lines += [f"not ok - the emulator says: {line}" for line in emulator
                  if UNTRACED.search(line)]
        if self.case.proof:
            stalls = sum((wire.stalls for wire in self.wires), list(self.beat.stalls))
            (self.folder / "stalls").write_text(
                "".join(f"{begin:.6f} {end:.6f}\n" for begin, end in sorted(stalls)))
            lines += self._proven(said, stalls)
        return lines

    def _proven(self, said, stalls):
        """TAP of what the traces show."""
        if not self.case.second:
            return self._judged(said, stalls, self.subject, self.case.proof)
        reaches = {found[1]: (int(found[2], 16), int(found[3], 16))
                   for line in said if (found := REACHES.match(line))}
        second = subject_of(SECOND, self.case.qemu, self.case.second)
        lines = []
        for device, subject, want in ((self.device, self.subject, self.case.proof),
                                      (SECOND, second, self.case.second)):
            if want == "nothing":
                continue
            if device.address not in reaches:
                return [f"not ok - the guest says what {device.address} reaches"]
            subject = replace(subject, reaches=reaches[device.address])
            lines.append(f"# of {device.address}, by what it reaches:")
            lines += self._judged(said, stalls, subject, want)
        return lines

    def _judged(self, said, stalls, subject, want):
        names = [line[len(PHASE):] for line in said if line.startswith(PHASE)]
        record = proof.read(self.folder / "trace", names, self.boots, subject, stalls)
        if want == "running" and record.stood_still() > STALLS_MOST:
            raise Spoilt(f"the host stood still for {record.stood_still():.0%} of the time")
        return proof.judge(record, want)


class Tail:
    """A file that grows, looked at line by line."""

    def __init__(self, path):
        self.path, self.offset, self.rest = path, 0, b""

    def has(self, words):
        """Has a line with these words come since the last time?"""
        if not self.path.exists():
            return False
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        self.offset += len(data)
        *lines, self.rest = (self.rest + data).replace(b"\r\n", b"\n").splitlines(True) or [b""]
        if self.rest.endswith(b"\n"):
            lines, self.rest = [*lines, self.rest], b""
        return any(words in line for line in lines)
