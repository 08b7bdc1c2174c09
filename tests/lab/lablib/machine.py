# SPDX-License-Identifier: GPL-2.0-or-later
"""One emulated machine: its command line, its channels, its end.

	ttyS0   serial.log   the kernel's console
	ttyS1   results      TAP of the case
	hvc0    journal.log  the journal, live
	9p      share/       /lab in the guest: the case, its state, what it leaves

A machine that resets ends (-no-reboot), so a second boot within one process
can only have come through kexec.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

from .base import LabError, say

BASE = ["-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
        "-machine", "q35,kernel-irqchip=split"]
# Must stand before any device that it shall translate for.
IOMMU = ["-device", "intel-iommu,intremap=on"]

# On a busy host the kernel takes the host's pauses for broken clocks: the timer
# check gives up the boot, the clock watchdog switches to a slow clock.
KERNEL_APPEND = ("console=ttyS0 panic=-1 no_timer_check tsc=reliable liveupdate=on kho=on "
                 "intel_iommu=on")
# Without an answer from the terminal PID 1 waits for one, at every boot: so it is told.
APPEND = (f"root=/dev/vda rw {KERNEL_APPEND} systemd.getty_auto=no systemd.tty.term.console=dumb "
          "systemd.tty.rows.console=24 systemd.tty.columns.console=80")
MEMORY = "2G"
CPUS = 2

# What is started here ends when the lab ends, however that comes about.
WITH_US = ["setpriv", "--pdeathsig", "KILL"]
_running = set()
ending = False

TCG = ["-accel", "tcg,thread=multi", "-cpu", "max"]
KVM = ["-accel", "kvm", "-cpu", "host"]
# Emulation is the rule: it runs anywhere. See floor.probe_kvm().
accel = TCG


def accelerate(how):
    """From now on machines use TCG or KVM."""
    global accel
    accel = how


def base_args(memory=MEMORY, cpus=CPUS, iommu=""):
    """What every machine of the lab has, as arguments; with properties of the IOMMU."""
    option, device = IOMMU
    return [*BASE, *accel, "-smp", str(cpus), "-m", str(memory),
            option, ",".join(filter(None, [device, iommu]))]


class Machine:
    """A machine whose files are in folder; options are chosen before start()."""

    def __init__(self, qemu, folder, kernel, append, *, memory=MEMORY, cpus=CPUS, iommu="",
                 extra=()):
        self.qemu = qemu
        self.folder = Path(folder)
        self.args = base_args(memory, cpus, iommu)
        self.args += ["-kernel", str(kernel), "-append", append]
        self.extra = list(extra)
        self.fds = []  # that it inherits
        self.process = None

    def serial_to(self, *files):
        for name in files:
            self.args += ["-chardev", f"file,id={name},path={name}", "-serial", f"chardev:{name}"]

    def serial_here(self):
        """The console on this terminal, Ctrl-A x leaves."""
        self.args += ["-serial", "mon:stdio"]

    def journal_to(self, name):
        self.args += ["-chardev", f"file,id=journal,path={name}", "-device", "virtio-serial-pci",
                      "-device", "virtconsole,chardev=journal"]

    def disk(self, image):
        """A root disk that forgets what is written to it."""
        self.args += ["-drive", f"if=none,id=root,file={image},format=raw,snapshot=on",
                      "-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci"]

    def share(self, name):
        self.args += ["-fsdev", f"local,id=lab,path={name},security_model=none,multidevs=remap",
                      "-device", "virtio-9p-pci,fsdev=lab,mount_tag=lab"]

    def initrd(self, file):
        self.args += ["-initrd", str(file)]

    def control(self, name):
        """QMP on a socket in the folder, for a script beside the machine."""
        self.args += ["-qmp", f"unix:{name},server=on,wait=off"]

    def command(self):
        return [self.qemu.path, *self.args, *self.extra]

    def _environment(self):
        # The overlay of a snapshot disk goes to TMPDIR: beside the logs, not to
        # a /tmp that may be memory.
        return dict(os.environ, TMPDIR=str(self.folder))

    def start(self):
        if ending:
            raise LabError("the lab is ending")
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "qemu.log", "wb") as log:
            log.write((" ".join(self.command()) + "\n").encode())
            log.flush()
            self.process = subprocess.Popen(
                [*WITH_US, *self.command()], cwd=self.folder, env=self._environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                pass_fds=self.fds)
        _running.add(self)

    def foreground(self):
        """Run on this terminal until it ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        say("Ctrl-A x ends the machine, Ctrl-A h helps")
        return subprocess.run(self.command(), cwd=self.folder, env=self._environment(),
                              check=False).returncode

    def wait_for_control(self, name):
        """Until the QMP socket is there, or the machine gone."""
        while self.process.poll() is None and not (self.folder / name).exists():
            time.sleep(0.05)

    def wait(self, deadline):
        """True when it ended by itself within deadline seconds; killed otherwise."""
        try:
            self.process.wait(deadline)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        _running.discard(self)

    def status(self):
        """The exit status, or None while it runs."""
        return self.process.poll()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def kill_all():
    """End every machine that runs, and let none begin."""
    global ending
    ending = True
    for vm in list(_running):
        vm.kill()


def check_socket_path(path):
    """Unix sockets have short names; say so instead of letting QEMU fail."""
    if len(str(path)) > 100:
        raise LabError(f"the path '{path}' is too long for a socket: use a shorter O=")
