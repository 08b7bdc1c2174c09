#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run one DMA case: QEMU with a virtual IOMMU and an e1000e, frames from outside,
two kernels, and the judgement of what QEMU traced.

The guest (dma.h) says which phase it is in.  What counts as proof is not what
the guest finds in its ring but what QEMU saw the device do: writes to guest
memory in every phase, no pause longer than those before the jump, translation
never off, bus mastering never off, no fault.  The guest's lines and the trace
have the same clock, so each write falls into a phase.

    dmarun.py --qemu QEMU --kernel bzImage [--next bzImage] --include HEADERS
              --case jump --mode legacy|ss|fs|port [--append ARGS] [--next-append ARGS]
"""

import argparse
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
IOMMU = {
    "legacy": "intel-iommu,intremap=on",
    "ss": "intel-iommu,intremap=on,x-scalable-mode=on",
    "fs": "intel-iommu,intremap=on,x-scalable-mode=on,x-flts=on",
    "port": "intel-iommu,intremap=on",
}
TRACE = [
    "vtd_reg_write_gcmd", "vtd_dmar_fault", "pci_cfg_write", "e1000e_rx_desc_buff_write",
    "e1000e_core_ctrl_sw_reset",
]
RECEIVE_BUFFER = 16 << 20


def newc(files):
    """An initramfs of files {name: bytes}, all executable."""
    out = b""
    for number, (name, data) in enumerate([*files.items(), ("TRAILER!!!", None)], 1):
        body = data or b""
        mode = 0o100755 if data is not None else 0
        fields = [number, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields)
        out += name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + body
        out += b"\0" * (-len(out) % 4)
    return out


def build_init(include, work):
    program = work / "init"
    subprocess.run(
        ["gcc", "-static", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-pthread",
         f"-I{include}", "-o", program, *sorted(str(p) for p in HERE.glob("*.c"))], check=True)
    return program.read_bytes()


class Source(threading.Thread):
    """Numbered frames, one UDP datagram each."""

    def __init__(self, port, rate):
        super().__init__(daemon=True)
        self.address, self.rate, self.sent = ("127.0.0.1", port), rate, 0

    def run(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        start = time.monotonic()
        while True:
            frame = (b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x01" + b"\x88\xb5"
                     + struct.pack(">I", self.sent) + b"\0" * 60)
            try:
                sock.sendto(frame, self.address)
            except OSError:
                pass
            self.sent += 1
            pause = start + self.sent / self.rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def host_drops(port):
    """Datagrams that did not fit into QEMU's socket: then gaps prove nothing."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port:
            return int(fields[-1])
    return 0


def run(args):
    work = Path(tempfile.mkdtemp(prefix="dmarun."))
    share = work / "share"
    share.mkdir()
    init = build_init(args.include, work)
    (share / "initrd").write_bytes(newc({"init": init}))
    shutil.copy(args.next or args.kernel, share / "next")
    port, trace, lines = free_port(), work / "trace", []
    source = Source(port, args.rate)
    nic = ["-device", "e1000e,netdev=n0,addr=05.0,mac=52:54:00:12:34:56"]
    bdf = "0000:00:05.0"
    if args.mode == "port":
        nic = ["-device", "pcie-root-port,id=rp,slot=1,chassis=1,addr=06.0",
               "-device", "e1000e,netdev=n0,bus=rp,mac=52:54:00:12:34:56"]
        bdf = "0000:01:00.0"
    disk = []
    if args.disk:
        with open(work / "disk", "wb") as file:
            file.truncate(64 << 20)
        disk = ["-drive", f"if=none,id=d0,format=raw,file={work}/disk",
                "-device", "nvme,drive=d0,serial=1,addr=08.0"]
    append = (f"console=ttyS0 no_timer_check liveupdate=on kho=on intel_iommu=on panic=-1 "
              f"dma.bdf={bdf} dma.case={args.case} dma.next={args.next_append.replace(' ', ',,')} "
              f"{args.append}")
    command = [
        args.qemu, "-accel", args.accel, "-M", "q35,kernel-irqchip=split", "-cpu", "max",
        "-smp", "2", "-m", args.memory, "-nodefaults", "-display", "none", "-no-reboot",
        "-serial", "stdio", "-device", IOMMU[args.mode],
        "-netdev", f"dgram,id=n0,local.type=inet,local.host=127.0.0.1,local.port={port},"
                   "remote.type=inet,remote.host=127.0.0.1,remote.port=9",
        *nic, *disk,
        "-virtfs", f"local,path={share},mount_tag=share,security_model=none",
        "-kernel", args.kernel, "-initrd", share / "initrd", "-append", append,
        "-msg", "timestamp=on", "-D", trace,
    ]
    for event in TRACE:
        command += ["-trace", event]
    proc = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    timer = threading.Timer(args.timeout, proc.kill)
    timer.start()
    drops = 0
    for raw in proc.stdout:
        now = time.time()
        text = raw.decode("utf-8", "replace").rstrip()
        lines.append((now, text))
        drops = max(drops, host_drops(port))
        # Not before the device receives: what waited in the socket would be lost
        if "DMA: PHASE before" in text:
            source.start()
        if args.verbose:
            print(f"{now % 1000:8.3f} {text}", flush=True)
    proc.wait()
    timer.cancel()
    if args.log:
        Path(args.log).write_text("".join(f"{t:.6f} {text}\n" for t, text in lines))
        shutil.copy(trace, args.log + ".trace")
    end = phases_of(lines)[-1][1]
    events = [event for event in read_trace(trace) if event[0] <= end]
    shutil.rmtree(work)
    return judge(args, lines, events, drops, bdf)


def read_trace(path):
    events = []
    pattern = re.compile(r"^\d+@([0-9.]+):(\w+) (.*)")
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = pattern.match(line)
            if match:
                events.append((float(match[1]), match[2], match[3]))
    return events


def phases_of(lines):
    """[(name, start)], with the boot of the next kernel as one of its own."""
    phases = []
    for when, text in lines:
        match = re.search(r"DMA: PHASE (.*)", text)
        if match:
            phases.append((match[1].strip(), when))
        elif "Linux version" in text and phases and phases[-1][0] == "jump":
            phases.append(("early boot", when))
    # What follows is the machine being turned off
    end = [when for when, text in lines if "DMA: CASE" in text]
    phases.append(("end", (end or [lines[-1][0] if lines else 0])[0]))
    return phases


def judge(args, lines, events, drops, bdf):
    problems = []
    phases = phases_of(lines)
    writes = [when for when, name, _ in events if name == "e1000e_rx_desc_buff_write"]
    if not any("DMA: CASE ok" in text for _, text in lines):
        problems.append("the guest did not say that the case is ok")
    faults = r"|DMAR: \[.*fault|DMAR: DRHD: handling fault" if args.continuous else ""
    splats = [t for _, t in lines if re.search(r"WARNING:|BUG:|Oops|Call Trace" + faults, t)]
    problems += [f"kernel: {text}" for text in splats[:5]]
    start = dict((name, when) for name, when in phases)
    if drops and args.continuous:
        problems.append(f"the run is invalid: {drops} frames dropped on the host")

    print(f"case {args.case} mode {args.mode}: {len(writes)} writes by the device")
    before = 0.0
    for (name, begin), (_, end) in zip(phases, phases[1:]):
        inside = [w for w in writes if begin <= w < end]
        edges = [begin, *inside, end] if name not in ("setup",) else inside
        pause = max((b - a for a, b in zip(edges, edges[1:])), default=0.0)
        if name == "before":
            before = pause
        print(f"  {name:12} {end - begin:7.3f} s {len(inside):6} writes, longest pause "
              f"{pause * 1000:7.1f} ms")
        if args.continuous and name not in ("setup", "switch") and not inside:
            problems.append(f"no write in phase {name}")
    if "before" in start:
        inside = [w for w in writes if start["before"] <= w < phases[-1][1]]
        pauses = sorted(((b - a, a) for a, b in zip(inside, inside[1:])), reverse=True)[:3]
        print("  longest pauses: " + ", ".join(
            f"{p * 1000:.1f} ms in {phase_at(phases, w)}" for p, w in pauses)
            + f" (before the jump: {before * 1000:.1f} ms)")
        if args.continuous and pauses and pauses[0][0] > max(3 * before, args.max_pause):
            problems.append(f"a pause of {pauses[0][0] * 1000:.0f} ms")

    faults = [e for e in events if e[1] == "vtd_dmar_fault"]
    print(f"  DMAR faults: {len(faults)}")
    if args.continuous and faults:
        problems.append(f"{len(faults)} DMAR faults")
    gcmd = [(w, int(re.findall(r"0x([0-9a-f]+)", a)[-1], 16)) for w, n, a in events
            if n == "vtd_reg_write_gcmd"]
    since = start.get("before", 0)
    cleared = [w for (w, v) in gcmd if w > since and not v & 1 << 31]
    print(f"  translation: {len(gcmd)} writes of GCMD, {len(cleared)} without TE since then"
          + "".join(f", at {phase_at(phases, w)}" for w in cleared[:1]))
    if args.continuous and cleared:
        problems.append("TE cleared")
    masters = [(w, a) for w, n, a in events if n == "pci_cfg_write" and w > since
               and watched(a, args.mode) and not command_of(a) & 4]
    print(f"  bus mastering: cleared {len(masters)} times"
          + "".join(f", in {phase_at(phases, w)}" for w, _ in masters[:1]))
    if args.continuous and masters:
        problems.append(f"bus mastering cleared: {masters[0][1]}")
    resets = [w for w, n, _ in events if n == "e1000e_core_ctrl_sw_reset" and w > since]
    if args.continuous and resets:
        problems.append("the device was reset")
    if args.stopped:
        problems += judge_stopped(phases, writes, cleared, masters)
    for problem in problems:
        print(f"  FAIL {problem}")
    print("PASS" if not problems else "FAIL")
    return not problems


def judge_stopped(phases, writes, cleared, masters):
    """A device that must not be kept: bus mastering goes before translation does."""
    if not masters:
        return ["bus mastering was never cleared"]
    first = masters[0][0]
    problems = [f"{len(late)} writes after bus mastering was cleared"
                for late in [[w for w in writes if w > first + 0.05]] if late]
    if cleared and cleared[0] < first:
        problems.append("TE cleared before bus mastering")
    return problems


def phase_at(phases, when):
    return next((name for name, begin in reversed(phases) if begin <= when), "?")


def watched(arguments, mode):
    """A write of COMMAND of the device, or of the port above it."""
    match = re.match(r"(\S+) (\S+) @0x([0-9a-f]+) <- 0x([0-9a-f]+)", arguments)
    if not match or int(match[3], 16) != 4:
        return False
    return match[1] == "e1000e" or (mode == "port" and match[1] == "pcie-root-port")


def command_of(arguments):
    return int(re.search(r"<- 0x([0-9a-f]+)", arguments)[1], 16)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--accel", default="tcg")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--next")
    parser.add_argument("--include", required=True)
    parser.add_argument("--case", default="jump")
    parser.add_argument("--mode", choices=IOMMU, default="legacy")
    parser.add_argument("--memory", default="2G")
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--timeout", type=float, default=240)
    parser.add_argument("--max-pause", type=float, default=0.5)
    parser.add_argument("--append", default="")
    parser.add_argument("--next-append", default="")
    parser.add_argument("--disk", action="store_true", help="a native NVMe as neighbour")
    parser.add_argument("--log")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--no-continuous", dest="continuous", action="store_false")
    parser.add_argument("--stopped", action="store_true")
    sys.exit(0 if run(parser.parse_args()) else 1)


if __name__ == "__main__":
    main()
